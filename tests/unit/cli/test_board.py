from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from headrace.cli.board import Board
from headrace.cli.tree import Tree, duration

NOON = 1_795_262_400.0  # 2026-11-21T12:00:00Z


def at(second: float) -> str:
    return f"2026-11-21T12:00:{second:06.3f}Z"


def event(kind: str, second: float = 0, **members: Any) -> dict[str, Any]:
    return {"event": kind, "at": at(second), **members}


def began(run: int, task: str, **members: Any) -> dict[str, Any]:
    return event("visit_began", **{"run": run, "task": task, "scope": 0, "visit": 1, "item": -1, **members})


def drawn(board: Board, second: float, height: int = 40) -> list[str]:
    console = Console(file=io.StringIO(), width=100, height=height, force_terminal=False)
    console.print(Tree(board, now=lambda: NOON + second))
    output = console.file.getvalue()  # type: ignore[attr-defined]  # it is the buffer from above
    return [line.rstrip() for line in output.splitlines()]


@pytest.fixture
def board() -> Board:
    board = Board("Report", [("get", "web.download"), ("size", "text.size")])
    board.take(event("execution_started"))
    board.take(began(1, "get"))
    board.take(event("task_queued", 0, run=1, attempt=10))
    board.take(event("task_started", 1, run=1, attempt=10))
    return board


def test_the_time_in_the_queue_is_no_running_time() -> None:
    board = Board("Report", [("get", "web.download"), ("size", "text.size")])
    board.take(event("execution_started"))
    for run, task in enumerate(("get", "size"), 1):
        board.take(began(run, task))
        board.take(event("task_queued", 0, run=run, attempt=10 * run))
    board.take(event("task_succeeded", 9, run=1, attempt=10, started_at=NOON + 8.5))

    lines = drawn(board, 20)

    assert lines[1] == "├─ ✓ get   web.download  500 ms"
    assert lines[2] == "└─ ◦ size  text.size"


def test_a_running_task_shows_how_long_it_has_been_running(board: Board) -> None:
    lines = drawn(board, 3.5)

    assert lines[0].endswith("Report  running  3.5 s")
    assert "get   web.download  2.5 s" in lines[1]
    assert lines[2] == "└─ · size  text.size"
    assert lines[3].endswith("0 of 2")


def test_what_has_ended_keeps_its_time(board: Board) -> None:
    board.take(event("task_succeeded", 2, run=1, attempt=10))
    board.take(began(2, "size"))
    board.take(event("task_failed", 3, run=2, state="failed", reason={"code": "no", "sentence": "It broke."}))
    board.take(event("execution_ended", 4, state="failed", reason=None))

    assert drawn(board, 50) == [
        "✗ Report  failed  4.0 s",
        "├─ ✓ get   web.download  1.0 s",
        "└─ ✗ size  text.size            It broke.",
    ]
    assert board.is_over


def test_a_retry_says_why_and_counts(board: Board) -> None:
    board.take(event("attempt_failed", 2, run=1, attempt=10, failure={"message": "Connection refused."}))

    assert drawn(board, 3)[1] == "├─ ↻ get   web.download  2.0 s  Connection refused."

    board.take(event("task_queued", 4, run=1, attempt=11))

    assert "try 2" in drawn(board, 5)[1]


def test_a_group_shows_the_tasks_inside(board: Board) -> None:
    board.take(began(3, "all"))
    board.take(event("group_opened", 1, run=3, attempt=30))
    board.take(began(4, "inner", scope=30))
    board.take(event("task_skipped", 2, run=4, reason={"code": "condition_false", "sentence": None}))

    lines = drawn(board, 3)

    assert lines[3].startswith("└─ ")
    assert lines[4].rstrip() == "   └─ – inner                       condition_false"


def test_items_are_counted_and_not_listed(board: Board) -> None:
    board.take(event("items_expanded", 1, run=1, count=3))
    for run in (5, 6, 7):
        board.take(began(run, "get", item=run - 5))
        board.take(event("task_queued", 1, run=run, attempt=run * 10))
    board.take(event("task_succeeded", 2, run=5))
    board.take(event("task_failed", 2, run=6, state="failed", reason=None))

    assert "2 of 3, 1 failed" in drawn(board, 3)[1]
    assert len(board.tasks) == 2


def test_a_later_round_begins_on_a_clean_line(board: Board) -> None:
    board.take(event("task_succeeded", 2, run=1))
    board.take(began(8, "get", visit=2))

    assert "round 2" in drawn(board, 3)[1]
    assert board.tasks["get"].state == "waiting"


def test_an_event_that_is_not_known_changes_nothing(board: Board) -> None:
    before = drawn(board, 3)

    board.take(event("something_new", run=1))
    board.take(event("task_succeeded", run=999))

    assert drawn(board, 3) == before


def test_of_very_many_tasks_the_most_telling_ones_are_drawn() -> None:
    board = Board("Many", [(f"task{number}", "echo") for number in range(1000)])
    board.take(event("execution_started"))
    board.take(began(1, "task500"))
    board.take(event("task_failed", 1, run=1, state="failed", reason=None))

    lines = drawn(board, 2, height=20)

    assert len(lines) < 20
    assert any("✗ task500" in line for line in lines)
    assert any(line.strip().startswith("… and 98") for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (3.44, "3.4 s"), (125, "2 min 5 s"), (3725, "1 h 2 min"), (-1, "0 ms")],
)
def test_durations_are_told_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
