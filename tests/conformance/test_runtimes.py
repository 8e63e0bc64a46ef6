"""Every runtime keeps what the suite of runtimes asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.runtimes import binding
from headrace.runtimes.protocol import Runtime
from headrace.testing import runtime_premises
from headrace.testing.conformance import (
    runtime as suite,
    runtime_commands as commands,
    runtime_survival as survival,
)
from headrace.testing.runtime_premises import BoundPremises, InlinePremises, LocalPremises
from headrace.testing.witness import Witness

needs_bubblewrap = pytest.mark.skipif(
    binding.bubblewrap() is None, reason="needs the Debian package bubblewrap, and leave to use it"
)


class WithLocal:
    @pytest.fixture
    def premises(self, tmp_path: Path) -> LocalPremises:
        return LocalPremises(tmp_path)


class TestLocal(WithLocal, suite.RuntimeConformance): ...


class TestLocalCommands(WithLocal, commands.CommandConformance): ...


class TestLocalSurvival(WithLocal, survival.SurvivalConformance): ...


class WithBound:
    @pytest.fixture
    def premises(self, tmp_path: Path) -> BoundPremises:
        return BoundPremises(tmp_path)


@needs_bubblewrap
class TestBound(WithBound, suite.RuntimeConformance): ...


@needs_bubblewrap
class TestBoundCommands(WithBound, commands.CommandConformance):
    async def test_a_named_directory_is_made(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        where = tmp_path / "not yet" / "there"
        ended = await self.run(runtime, witness, "pwd -P; echo $SHOWN; touch made", directory=str(where))
        seen = f"{tmp_path}/attempts-shown/1001"

        assert ended.outputs["stdout"] == f"{seen}\n{seen}\n"
        assert (where / "made").exists()


@needs_bubblewrap
class TestBoundSurvival(WithBound, survival.SurvivalConformance): ...


@pytest.mark.parametrize("way", ["at_once", "in_a_thread", "on_the_loop"])
class TestInline(suite.RuntimeConformance):
    @pytest.fixture
    def premises(self, tmp_path: Path, way: str) -> InlinePremises:
        return InlinePremises(tmp_path, getattr(runtime_premises, way))
