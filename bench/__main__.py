"""The command line of the harness: who is there, what is measured, and where it is written."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bench import budgets, machine, postgres, table
from bench.budgets import Verdict
from bench.rivals import ROOT, ContestantBroke, Rival, compete
from bench.works import Work

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- what `make bench` measured -->"
END = "<!-- so far -->"

FULL = (
    Work("chain", 40),
    Work("fanout", 1000),
    Work("fanout", 10_000),
    Work("shell", 500, at_once=2),
    Work("shell", 500, at_once=16),
)
QUICK = (Work("chain", 40), Work("fanout", 200), Work("shell", 100, at_once=2))

QUIET = 0.5
"""A load above this before anything has begun means that somebody else is using the machine."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; returns 1 when a budget was missed."""
    asked = _arguments(arguments)
    load = machine.load()
    repetitions = asked.repetitions or (2 if asked.quick else 5)
    works = [work for work in (QUICK if asked.quick else FULL) if work.shape in asked.only]
    with _workplace(asked.directory) as place, ExitStack() as stack:
        about = [*machine.description(place), f"{repetitions} repetitions, medians; load before: {load:.2f}."]
        if load > QUIET:
            tell(f"The machine is not quiet (load {load:.2f}): the figures will not be what it can do.")
        text, found = _measure(works, repetitions, _rivals(stack, place, asked.peers))
    report = "\n".join([_today(), "", *(f"- {line}" for line in about), "", text])
    print(report)
    if asked.write:
        _write(report)
    return 0 if all(verdict.is_met for verdict in found) else 1


def tell(sentence: str) -> None:
    """Say what is going on, aside from the report."""
    print(sentence, file=sys.stderr, flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Headrace beside its peers.")
    parser.add_argument("--quick", action="store_true", help="small work, two repetitions: for development")
    parser.add_argument("--repetitions", type=int, help="turns of each contestant (5)")
    parser.add_argument("--only", nargs="+", default=["chain", "fanout", "shell"], help="kinds of work")
    parser.add_argument("--peers", type=Path, help="python of the environment with the peers; without: none")
    parser.add_argument(
        "--directory", type=Path, default=ROOT / "build", help="where everybody's data goes (./build)"
    )
    parser.add_argument("--write", action="store_true", help="keep the report in docs/performance.md")
    return parser.parse_args(arguments)


@contextmanager
def _workplace(parent: Path) -> Iterator[Path]:
    """Make a directory for everybody's data, on the file system of `parent`, and remove it afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    place = Path(tempfile.mkdtemp(prefix="bench-", dir=parent)).resolve()
    # A cluster that may not run as root must find its way in.
    place.chmod(0o711)
    try:
        yield place
    finally:
        shutil.rmtree(place)


def _rivals(stack: ExitStack, place: Path, peers: Path | None) -> dict[str, list[Rival]]:
    """Return everybody who is there, by kind of work; ours comes first."""

    def enter(rival: Rival) -> Rival:
        stack.callback(rival.close)
        return rival

    ours = enter(Rival("headrace", place / "headrace"))
    xargs = enter(Rival("xargs", place / "xargs"))
    durable = [ours]
    if peers is None:
        tell("Peers are left out: --peers names the python that has them.")
    else:
        python = str(peers)
        durable.append(enter(Rival("dbos", place / "dbos", python=python)))
        durable.append(enter(Rival("luigi", place / "luigi", python=python)))
        programs = postgres.binaries()
        if programs is None:
            tell("DBOS (PostgreSQL) and Procrastinate are left out: there is no PostgreSQL on this machine.")
        else:
            cluster = stack.enter_context(postgres.cluster(programs, place / "postgres"))
            tell(cluster.version)
            durable += [
                enter(
                    Rival(
                        name,
                        place / f"{name}-on-postgres",
                        python=python,
                        database=cluster.url,
                        database_cpu=cluster.cpu_seconds,
                    )
                )
                for name in ("dbos", "procrastinate")
            ]
    return {"chain": durable, "fanout": durable, "shell": [ours, xargs]}


def _measure(
    works: Sequence[Work], repetitions: int, rivals: dict[str, list[Rival]]
) -> tuple[str, list[Verdict]]:
    sections: list[str] = []
    found: list[Verdict] = []
    for work in works:
        standings = compete(rivals[work.shape], work, repetitions, tell)
        if not standings:
            raise ContestantBroke(f"Nobody could do this: {work.title}.")
        found += budgets.of_work(work, standings)
        sections.append(f"**{work.title[0].upper()}{work.title[1:]}**\n\n{table.comparison(standings)}\n")
    sections.append(f"**Budgets**\n\n{table.verdicts(found)}\n")
    return "\n".join(sections), found


def _today() -> str:
    return f"Measured on {dt.datetime.now(tz=dt.UTC):%Y-%m-%d}:"


def _write(report: str) -> None:
    before, begin, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    PAGE.write_text(f"{before}{begin}\n\n{report}\n{end}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
