"""The command line of the harness: what is measured, in which order, and where it is written."""

from __future__ import annotations

import argparse
import datetime as dt
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import budgets, judging, machine, submissions, table
from bench.budgets import Verdict
from bench.entrants import Entrants
from bench.rivals import ROOT, ContestantBroke, compete
from bench.works import Work

PAGE = ROOT / "docs" / "performance.md"
BEGIN = "<!-- what `make bench` measured -->"
END = "<!-- so far -->"

KINDS = ("shell", "genome", "montage", "chain", "fanout", "judge", "submit", "large", "history")

JUDGED = 1000
"""Tasks of the document that is judged."""

QUIET = 0.5
"""A load above this before anything has begun means that somebody else is using the machine."""


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    works: tuple[Work, ...]
    repetitions: int
    submissions: int
    """Submissions per round."""
    executions: int
    """One-task executions before the memory is looked at."""
    large: tuple[tuple[int, int], ...]
    """Activities and edges of the large AkoFlow documents; the first is the measure of the last."""
    task_runs: int
    """Length of the history."""


FULL = Extent(
    works=(
        # First, while nobody has deleted anything yet: an ext4 without a journal looks past the inodes that
        # were deleted in the last minutes whenever it makes a file, and a step of ours makes four.
        Work("shell", 500, at_once=2),
        Work("shell", 500, at_once=16),
        Work("genome", 902, at_once=2),
        Work("montage", 58, at_once=2),
        Work("chain", 40, times=10),
        Work("fanout", 1000),
        Work("fanout", 10_000),
    ),
    repetitions=5,
    submissions=500,
    executions=10_000,
    large=((1000, 3200), (10_000, 32_000)),
    task_runs=1_000_000,
)
QUICK = Extent(
    works=(
        Work("shell", 100, at_once=2),
        Work("montage", 58, at_once=2),
        Work("chain", 40, times=10),
        Work("fanout", 200),
    ),
    repetitions=2,
    submissions=50,
    executions=500,
    large=((200, 640), (1000, 3200)),
    task_runs=20_000,
)


class Report:
    """The sections of the page, and the verdicts that they led to."""

    def __init__(self) -> None:
        self._sections: list[str] = []
        self.found: list[Verdict] = []

    def add(self, title: str, text: str, found: Sequence[Verdict] = ()) -> None:
        """Add a section; print it at once, because the rest takes minutes."""
        self._sections.append(f"**{title[0].upper()}{title[1:]}**\n\n{text}\n")
        self.found += found
        print(self._sections[-1], flush=True)

    @property
    def text(self) -> str:
        """All sections."""
        return "\n".join(self._sections)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; a missed budget stands in the report and is no failure of the measurement."""
    # Whoever ends us must not leave servers behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    asked = _arguments(arguments)
    extent = QUICK if asked.quick else FULL
    repetitions = asked.repetitions or extent.repetitions
    works = [work for work in extent.works if work.shape in asked.only]
    load = machine.load()
    if load > QUIET:
        tell(f"The machine is not quiet (load {load:.2f}): the figures will not be what it can do.")
    report = Report()
    with _workplace(asked.directory) as place:
        about = [*machine.description(place), f"Load before it began: {load:.2f}."]
        with ExitStack() as stack:
            entrants = Entrants(stack, place, asked.peers)
            _compete(report, works, repetitions, entrants)
        if "judge" in asked.only:
            _judge(report, repetitions)
        _serve(report, place, extent, repetitions, asked.only)
    report.add("budgets", table.verdicts(report.found))
    about += entrants.remarks
    title = f"Measured on {dt.datetime.now(tz=dt.UTC):%Y-%m-%d}, {repetitions} repetitions, medians:"
    head = "\n".join([title, "", *(f"- {line}" for line in about)])
    print(head)
    if asked.write:
        _write(f"{head}\n\n{report.text}")
    return 0


def tell(sentence: str) -> None:
    """Say what is going on, aside from the report."""
    print(sentence, file=sys.stderr, flush=True)


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure Headrace beside its peers.")
    parser.add_argument("--quick", action="store_true", help="small work, two repetitions: for development")
    parser.add_argument("--repetitions", type=int, help="turns of each contestant (5)")
    parser.add_argument("--only", nargs="+", default=KINDS, choices=KINDS, help="kinds of work")
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


def _compete(report: Report, works: Sequence[Work], repetitions: int, entrants: Entrants) -> None:
    for work in works:
        rivals = entrants.of(work.shape)
        outcome = compete(rivals, work, repetitions, tell)
        standings = outcome.standings
        if not standings or standings[0].name != rivals[0].name:
            raise ContestantBroke(f"Headrace itself could not do this: {work.title}.")
        text = "\n\n".join([table.comparison(standings), *outcome.absent])
        report.add(work.title, text, budgets.of_work(work, standings))


def _judge(report: Report, repetitions: int) -> None:
    found = judging.judge(JUDGED, repetitions, tell)
    report.add("judging a document", table.judgement(found), budgets.of_judgement(found))


def _serve(report: Report, place: Path, extent: Extent, repetitions: int, only: Sequence[str]) -> None:
    if "submit" in only:
        ways, stay = submissions.stay(place, repetitions, extent.submissions, extent.executions, tell)
        report.add("one-task workflow over HTTP", table.submissions(ways), budgets.of_submissions(ways))
        report.add("the server", table.stay(stay), budgets.of_stay(stay))
    if "large" in only:
        runs = submissions.large(place, extent.large, tell)
        report.add("large AkoFlow documents", table.large(runs), budgets.of_large(runs[0], runs[-1]))
    if "history" in only:
        found = submissions.history(place, extent.task_runs, repetitions, extent.submissions, tell)
        report.add("a long history", table.history(found), budgets.of_history(found))


def _write(text: str) -> None:
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
