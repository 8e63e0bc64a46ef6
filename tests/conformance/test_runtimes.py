"""Every runtime keeps what the suite of runtimes asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.testing import runtime_premises
from headrace.testing.conformance import (
    runtime as suite,
    runtime_commands as commands,
    runtime_survival as survival,
)
from headrace.testing.runtime_premises import InlinePremises, LocalPremises


class WithLocal:
    @pytest.fixture
    def premises(self, tmp_path: Path) -> LocalPremises:
        return LocalPremises(tmp_path)


class TestLocal(WithLocal, suite.RuntimeConformance): ...


class TestLocalCommands(WithLocal, commands.CommandConformance): ...


class TestLocalSurvival(WithLocal, survival.SurvivalConformance): ...


@pytest.mark.parametrize("way", ["at_once", "in_a_thread", "on_the_loop"])
class TestInline(suite.RuntimeConformance):
    @pytest.fixture
    def premises(self, tmp_path: Path, way: str) -> InlinePremises:
        return InlinePremises(tmp_path, getattr(runtime_premises, way))
