"""Every store keeps what the suite of stores asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.store.protocol import Store
from headrace.store.sqlite import open_sqlite
from headrace.testing.conformance import (
    store as suite,
    store_desk as desk,
    store_outbox as outbox,
    store_provenance as provenance,
)
from headrace.testing.conformance.store_values import TurnedClock
from headrace.testing.memory_store import Contents, MemoryStore


class SqlitePremises:
    def __init__(self, directory: Path) -> None:
        self.clock = TurnedClock()
        self._directory = directory

    def open(self) -> Store:
        return open_sqlite(self._directory, clock=self.clock)


class MemoryPremises:
    def __init__(self) -> None:
        self.clock = TurnedClock()
        self._contents = Contents()

    def open(self) -> Store:
        return MemoryStore(self.clock, self._contents)


@pytest.fixture(params=["sqlite", "memory"])
def premises(request: pytest.FixtureRequest, tmp_path: Path) -> suite.Premises:
    return SqlitePremises(tmp_path) if request.param == "sqlite" else MemoryPremises()


class TestNumbers(suite.NumbersConformance):
    pass


class TestCommits(suite.CommitConformance):
    pass


class TestProjections(suite.ProjectionsConformance):
    pass


class TestDefinitions(desk.DefinitionsConformance):
    pass


class TestDeliveries(outbox.DeliveriesConformance):
    pass


class TestAnswers(desk.AnswersConformance):
    pass


class TestFiles(desk.FilesConformance):
    pass


class TestProvenance(provenance.ProvenanceConformance):
    pass


class TestPlacements(desk.PlacementsConformance):
    pass


class TestCredentials(desk.CredentialsConformance):
    pass
