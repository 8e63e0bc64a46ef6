"""The harness's side of the line: contestants as processes, and one piece of work done by all in turn.

Turns are interleaved (A B C, B C A, C A B, …), so that whatever else the machine does meets everybody.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bench.figures import Standing, Turn, figures
from bench.works import Work

ROOT = Path(__file__).parent.parent


class ContestantBroke(Exception):
    """A contestant could not do the work; the message is its traceback."""


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
        return answer


def compete(
    rivals: Sequence[Rival], work: Work, repetitions: int, tell: Callable[[str], None]
) -> list[Standing]:
    """Let all do the work in turn, after one repetition each that does not count.

    Who breaks in that one is told of, and has no standing.
    """
    running = [rival for rival in rivals if _is_able(rival, work, tell)]
    turns: dict[str, list[Turn]] = {rival.name: [] for rival in running}
    for repetition in range(repetitions):
        start = repetition % max(len(running), 1)
        for rival in running[start:] + running[:start]:
            turn = rival.turn(work)
            turns[rival.name].append(turn)
            tell(f"{work.title}: {rival.name} {turn.seconds:.3f} s")
    return [Standing(rival.name, rival.flushes, figures(turns[rival.name], work.tasks)) for rival in running]


def _is_able(rival: Rival, work: Work, tell: Callable[[str], None]) -> bool:
    try:
        rival.prepare(work)
        rival.turn(work)
    except ContestantBroke as error:
        tell(f"{work.title}: {rival.name} broke. {error}")
        return False
    return True
