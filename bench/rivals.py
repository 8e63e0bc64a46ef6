"""The harness's side of the line: contestants as processes, and one piece of work done by all in turn.

Turns are interleaved (A B C, B C A, C A B, …), so that whatever else the machine does meets everybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.figures import Standing, Turn, figures
from bench.works import Work

ROOT = Path(__file__).parent.parent


class ContestantBroke(Exception):
    """A contestant could not do the work; the message is its traceback."""


class ContestantDeclined(Exception):
    """A contestant leaves the work to the others; the message says why."""


@dataclass(frozen=True)
class Outcome:
    """How a piece of work went."""

    standings: list[Standing]
    """In the order in which they were asked."""
    absent: list[str]
    """A sentence for each who is not among them."""


class Rival:
    """One contestant in a process of its own."""

    def __init__(
        self,
        name: str,
        directory: Path,
        *,
        python: str = sys.executable,
        database: str | None = None,
        database_cpu: Callable[[], float] = lambda: 0.0,
    ) -> None:
        directory.mkdir(parents=True)
        command = [python, "-m", "bench.contestants", name, str(directory)]
        if database is not None:
            command.append(database)
        self._database_cpu = database_cpu
        self._process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8"
        )
        greeting = self._answer()
        self.name = str(greeting["version"])
        self.flushes = bool(greeting["flushes"])

    def prepare(self, work: Work) -> None:
        """Do what is done once for this work."""
        self._ask("prepare", work)

    def turn(self, work: Work) -> Turn:
        """Do the work once."""
        before = self._database_cpu()
        answer = self._ask("run", work)
        database = self._database_cpu() - before
        return Turn(seconds=answer["seconds"], cpu=answer["cpu"] + database, rows=answer["rows"])

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ask(self, what: str, work: Work) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"what": what, "work": asdict(work)}) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise ContestantBroke(f"The contestant ended with status {self._process.wait()}.")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise ContestantBroke(answer["error"])
        if "declined" in answer:
            raise ContestantDeclined(answer["declined"])
        return answer


def compete(rivals: Sequence[Rival], work: Work, repetitions: int, tell: Callable[[str], None]) -> Outcome:
    """Let all do the work in turn, after one repetition each that does not count.

    Who declines or breaks in that one is absent.
    """
    running: list[Rival] = []
    absent: list[str] = []
    for rival in rivals:
        try:
            rival.prepare(work)
            rival.turn(work)
        except ContestantDeclined as reason:
            absent.append(f"{rival.name} is left out: {reason}.")
        except ContestantBroke as error:
            tell(str(error))
            absent.append(f"{rival.name} is left out: it broke.")
        else:
            running.append(rival)
    turns: dict[str, list[Turn]] = {rival.name: [] for rival in running}
    for repetition in range(repetitions):
        start = repetition % max(len(running), 1)
        for rival in running[start:] + running[:start]:
            turn = rival.turn(work)
            turns[rival.name].append(turn)
            tell(f"{work.title}: {rival.name} {turn.seconds:.3f} s")
    return Outcome(
        [Standing(rival.name, rival.flushes, figures(turns[rival.name], work.tasks)) for rival in running],
        absent,
    )
