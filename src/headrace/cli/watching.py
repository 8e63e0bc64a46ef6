"""A live tree of an execution on the terminal, until it is over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from headrace.cli.board import Board
from headrace.cli.terminal import Terminal
from headrace.cli.tree import Tree

FRAMES_PER_SECOND = 10


@contextmanager
def live(terminal: Terminal, board: Board) -> Iterator[None]:
    """Draw the board while it changes; programs see nothing, and a pipe sees only the end."""
    if terminal.is_json or not terminal.stage.is_terminal:
        yield
        if not terminal.is_json:
            terminal.stage.print(Tree(board))
        return
    drawing = Live(
        Tree(board),
        console=terminal.stage,
        refresh_per_second=FRAMES_PER_SECOND,
        vertical_overflow="crop",
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with drawing:
        yield


def outputs_shown(outputs: Mapping[str, Any]) -> RenderableType:
    """Return the outputs of a run: texts as they are, everything else as JSON."""
    import msgspec

    parts: list[RenderableType] = []
    for name, value in outputs.items():
        text = value if isinstance(value, str) else msgspec.json.format(msgspec.json.encode(value)).decode()
        text = text.rstrip("\n")
        head = Text(f"{name}: ", style="bold")
        parts.append(Text.assemble(head, text) if "\n" not in text else Text.assemble(head, "\n", text))
    return Group(*parts)
