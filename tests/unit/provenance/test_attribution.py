"""Whose a change is, from lives and times alone."""

from __future__ import annotations

import math

import pytest

from headrace.provenance.attempts import RecordedAttempt
from headrace.provenance.attribution import MOST_CANDIDATES, TICK, Life, Span, attribute, possible
from headrace.provenance.scan import FileState


def life(number: int, started_at: float, ended_at: float = math.inf, *outputs: str) -> Life:
    attempt = RecordedAttempt(number=number, execution=1, task=f"t{number}", directory="/w", outputs=outputs)
    return Life(attempt, started_at, ended_at)


def changed(mtime: float, ctime: float | None = None) -> FileState:
    at = mtime if ctime is None else ctime
    return FileState(size=1, mtime_ns=round(mtime * 1e9), inode=1, ctime_ns=round(at * 1e9), link=None)


def whose(state: FileState | None, span: Span, *lives: Life, path: str = "f") -> tuple[list[int], bool]:
    attempts, is_certain = attribute(path, state, span, possible(lives, span))
    return [attempt.number for attempt in attempts], is_certain


def test_who_was_running_in_the_span_did_it() -> None:
    lives = (life(1, 0, 10), life(2, 20, 30))

    assert whose(changed(5), Span(4, 12), *lives) == ([1], True)
    assert whose(None, Span(15, 25), *lives) == ([2], True)
    assert whose(changed(15), Span(12, 18), *lives) == ([], True)


def test_of_several_the_one_at_the_time_of_the_file_did_it() -> None:
    lives = (life(1, 0, 10), life(2, 20, 30))

    assert whose(changed(9), Span(0, 40), *lives) == ([1], True)
    assert whose(changed(20 - TICK / 2), Span(0, 40), *lives) == ([2], True)
    assert whose(None, Span(0, 40), *lives) == ([1, 2], False)


def test_a_file_that_brings_an_old_time_along_was_changed_when_it_came() -> None:
    lives = (life(1, 0, 100), life(2, 50, 60))

    assert whose(changed(-1000, 70), Span(40, 80), *lives) == ([1], True)
    assert whose(changed(45, 55), Span(40, 80), *lives) == ([1], True)
    assert whose(changed(-1000, 55), Span(40, 80), *lives) == ([1, 2], False)


def test_rights_that_another_changed_later_leave_a_doubt() -> None:
    lives = (life(1, 0, 10), life(2, 20, 30))

    assert whose(changed(5, 25), Span(0, 40), *lives) == ([1, 2], False)


@pytest.mark.parametrize(
    ("path", "expected"), [("a.txt", ([2], True)), ("b.dat", ([1, 2, 3], False)), ("c.csv", ([1], True))]
)
def test_of_several_the_one_that_declared_it_did_it(path: str, expected: tuple[list[int], bool]) -> None:
    lives = (
        life(1, 0, math.inf, "*.dat", "*.csv"),
        life(2, 0, math.inf, "a.*", "*.dat"),
        life(3, 0, math.inf),
    )

    assert whose(changed(5), Span(0, 10), *lives, path=path) == expected


def test_what_too_many_could_have_done_says_nothing() -> None:
    lives = [life(number, 0) for number in range(MOST_CANDIDATES + 1)]

    assert whose(changed(5), Span(0, 10), *lives) == ([], True)
    assert len(whose(changed(5), Span(0, 10), *lives[1:])[0]) == MOST_CANDIDATES
