"""The contestant's side of the line: reads a piece of work, does it, and answers what it cost.

Requests and answers are lines of JSON on standard input and output.
The clock stops before the store is looked into, so that looking costs the contestant nothing.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
import traceback
from typing import Protocol, TextIO

from bench.works import Work


class Declined(Exception):
    """A contestant leaves this work to the others; the message says why."""


class Contestant(Protocol):
    """Somebody who can do the work."""

    version: str
    """Name and version, as the table shows it."""
    flushes: bool
    """Whether what it acknowledges is on the disk, so that a power cut takes nothing back."""

    def prepare(self, work: Work) -> None:
        """Do what is done once, before anything is timed, as to define the workflow; may raise `Declined`."""

    def run(self, work: Work) -> None:
        """Do the work, and return when whoever asked for it would know that it is done."""

    def remembered(self, work: Work) -> int:
        """Count the tasks of the last run that the store holds as ended, through a connection of its own."""

    def close(self) -> None:
        """Let go of what was opened."""


def perform(contestant: Contestant) -> None:
    """Serve requests until standard input ends."""
    answers = _answers()
    _say(answers, {"version": contestant.version, "flushes": contestant.flushes})
    for line in sys.stdin:
        asked = json.loads(line)
        work = Work(**asked["work"])
        try:
            _say(answers, _once(contestant, work) if asked["what"] == "run" else _prepared(contestant, work))
        except Declined as reason:
            _say(answers, {"declined": str(reason)})
        except Exception:  # noqa: BLE001 - whatever broke, the harness is told and decides
            _say(answers, {"error": traceback.format_exc()})
    contestant.close()


def cpu_seconds() -> float:
    """CPU time of this process and of its children that have ended."""
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in spent)


def _prepared(contestant: Contestant, work: Work) -> dict[str, object]:
    contestant.prepare(work)
    return {}


def _once(contestant: Contestant, work: Work) -> dict[str, object]:
    seconds, cpu, rows = 0.0, 0.0, 0
    # Everybody begins with a clean heap; collections during the work are part of it.
    gc.collect()
    for _ in range(work.times):
        cpu -= cpu_seconds()
        seconds -= time.perf_counter()
        contestant.run(work)
        seconds += time.perf_counter()
        cpu += cpu_seconds()
        rows += contestant.remembered(work)
    return {"seconds": seconds, "cpu": cpu, "rows": rows}


def _answers() -> TextIO:
    """Keep standard output for answers; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, answer: dict[str, object]) -> None:
    answers.write(json.dumps(answer) + "\n")
    answers.flush()
