"""A board as a picture: one line for the execution, one for each task, with marks, times and reasons."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from rich.console import Console, ConsoleOptions, RenderResult
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from headrace.cli.board import Board, TaskLine

MARKS = {
    "pending": ("·", "dim"),
    "waiting": ("·", "dim"),
    "queued": ("◦", "cyan"),
    "retrying": ("↻", "yellow"),
    "blocked": ("⏸", "magenta"),
    "paused": ("⏸", "magenta"),
    "cancelling": ("✗", "yellow"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "timed_out": ("✗", "bold red"),
    "cancelled": ("✗", "yellow"),
    "skipped": ("–", "dim"),
}

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_FRAMES_PER_SECOND = 12

LEAST_ROOM = 6
"""Lines that are drawn even where the window has fewer."""


class Tree:
    """Draws a board as it stands at the moment of drawing."""

    def __init__(self, board: Board, now: Callable[[], float] = time.time) -> None:
        self._board = board
        self._now = now

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw as many tasks as the window has room for; the end is drawn whole."""
        board = self._board
        now = self._now()
        yield self._head(now)
        lines = list(_flat(board.tasks))
        room = max(LEAST_ROOM, options.max_height - 4)
        hidden = 0
        if len(lines) > room and not board.is_over:
            lines, hidden = _most_telling(lines, room)
        yield _table(lines, now)
        if hidden:
            yield Text(f"   … and {hidden} more", style="dim")
        if not board.is_over and len(board.tasks) > 1:
            yield _bar(board)

    def _head(self, now: float) -> Text:
        board = self._board
        mark, style = _mark(board.state, now)
        took = "" if board.began is None else f"  {duration((board.ended or now) - board.began)}"
        reason = f"  {board.reason}" if board.reason and board.state not in ("succeeded", "failed") else ""
        state = board.state.replace("_", " ")
        return Text.assemble(
            (f"{mark} ", style), (board.name, "bold"), "  ", (state, style), (took, "dim"), reason
        )


def _bar(board: Board) -> Table:
    done = sum(line.is_over for line in board.tasks.values())
    grid = Table.grid(padding=(0, 1))
    grid.add_row(
        "  ", ProgressBar(total=len(board.tasks), completed=done, width=40), f"{done} of {len(board.tasks)}"
    )
    return grid


def _flat(lines: dict[str, TaskLine], before: str = "") -> Iterator[tuple[str, TaskLine]]:
    """Yield each task with the branches that lead to it."""
    last = len(lines) - 1
    for place, line in enumerate(lines.values()):
        yield before + ("└─ " if place == last else "├─ "), line
        yield from _flat(line.inner, before + ("   " if place == last else "│  "))


def _most_telling(lines: list[tuple[str, TaskLine]], room: int) -> tuple[list[tuple[str, TaskLine]], int]:
    """Return the tasks that say most about now, in their order, and how many are left out."""
    ranks = {
        "failed": 0,
        "timed_out": 0,
        "running": 1,
        "retrying": 1,
        "blocked": 1,
        "queued": 2,
        "waiting": 4,
    }
    by_rank = sorted(range(len(lines)), key=lambda place: (ranks.get(lines[place][1].state, 3), place))
    chosen = sorted(by_rank[: room - 1])
    return [lines[place] for place in chosen], len(lines) - len(chosen)


def _table(lines: list[tuple[str, TaskLine]], now: float) -> Table:
    grid = Table.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(overflow="fold")
    for before, line in lines:
        mark, style = _mark(line.state, now)
        name = Text.assemble((before, "dim"), (f"{mark} ", style), line.name)
        grid.add_row(name, line.type, _took(line, now), _said(line))
    return grid


def _took(line: TaskLine, now: float) -> Text:
    if line.began is None:
        return Text("")
    return Text(duration((line.ended or now) - line.began), style="dim" if line.ended else "")


def _said(line: TaskLine) -> Text:
    parts = []
    if line.visit > 1:
        parts.append(f"round {line.visit}")
    if line.attempts > 1:
        parts.append(f"try {line.attempts}")
    if line.items:
        ended = sum(count for state, count in line.item_states.items() if state in ("succeeded", "skipped"))
        failed = line.item_states["failed"] + line.item_states["timed_out"]
        parts.append(f"{ended + failed} of {line.items}" + (f", {failed} failed" if failed else ""))
    if line.reason:
        parts.append(line.reason)
    bad = line.state in ("failed", "timed_out")
    return Text(" · ".join(parts), style="red" if bad else "dim")


def _mark(state: str, now: float) -> tuple[str, str]:
    if state == "running":
        return _FRAMES[int(now * _FRAMES_PER_SECOND) % len(_FRAMES)], "cyan"
    return MARKS.get(state, ("?", ""))


def duration(seconds: float) -> str:
    """Return a duration as people read it: `12 ms`, `3.4 s`, `2 min 5 s`."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
