"""Who takes part: Headrace, `xargs` and bare threads for scripts, and the peers where they are installed."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import assert_never

from bench import postgres
from bench.rivals import Rival
from bench.works import Shape


class Entrants:
    """Everybody who takes part, opened when they are first needed, and closed at the end."""

    def __init__(self, stack: ExitStack, place: Path, peers: Path | None) -> None:
        """`peers` is the python that has them installed; None leaves them out."""
        self.remarks: list[str] = []
        """What the page says of those who take part, a sentence each."""
        self._stack = stack
        self._place = place
        self._peers = peers
        self._scripts: dict[str, Rival] = {}
        self._durable: list[Rival] | None = None
        self._headrace: Rival | None = None

    def of(self, shape: Shape) -> list[Rival]:
        """Return who does this kind of work; Headrace comes first."""
        match shape:
            case "shell" | "genome":
                return [self._ours(), self._script_runner("xargs")]
            case "montage":
                return [self._ours(), self._script_runner("threads")]
            case "chain" | "fanout":
                return self._all_durable()
            case _:
                assert_never(shape)

    def _all_durable(self) -> list[Rival]:
        self._durable = self._durable or [self._ours(), *self._installed()]
        return self._durable

    def _ours(self) -> Rival:
        self._headrace = self._headrace or self._enter(Rival("headrace", self._place / "headrace"))
        return self._headrace

    def _script_runner(self, name: str) -> Rival:
        if name not in self._scripts:
            self._scripts[name] = self._enter(Rival(name, self._place / name))
        return self._scripts[name]

    def _enter(self, rival: Rival) -> Rival:
        self._stack.callback(rival.close)
        return rival

    def _installed(self) -> list[Rival]:
        if self._peers is None:
            self.remarks.append("All peers are left out: --peers names the python that has them.")
            return []
        python = str(self._peers)
        there = [self._enter(Rival(name, self._place / name, python=python)) for name in ("dbos", "luigi")]
        programs = postgres.binaries()
        if programs is None:
            self.remarks.append(
                "DBOS (PostgreSQL) and Procrastinate are left out: there is no PostgreSQL here."
            )
            return there
        cluster = self._stack.enter_context(postgres.cluster(programs, self._place / "postgres"))
        self.remarks.append(f"{cluster.version}.")
        for name in ("dbos", "procrastinate"):
            directory = self._place / f"{name}-on-postgres"
            there.append(
                self._enter(
                    Rival(
                        name,
                        directory,
                        python=python,
                        database=cluster.url,
                        database_cpu=cluster.cpu_seconds,
                    )
                )
            )
        return there
