"""Where a command speaks: one JSON document for programs, or words, tables and trees for people.

Answers go to standard output; progress, advice and errors for people go to standard error.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TextIO

import msgspec
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.text import Text

from headrace.errors import HeadraceError, Problem


class Terminal:
    """The two streams of a command."""

    def __init__(self, *, json: bool = False) -> None:
        self.is_json = json
        self._answers = sys.stdout
        self.out = Console(highlight=False, soft_wrap=True)
        self.err = Console(stderr=True, highlight=False, soft_wrap=True)
        self.stage = Console(stderr=True, highlight=False)
        """For drawings, which are fitted to the window."""

    def answer(self, value: Any, shown: Callable[[], RenderableType]) -> None:
        """Give the answer: the value itself as JSON, or what `shown` makes of it."""
        if self.is_json:
            write_json(value, self._answers)
        else:
            self.out.print(shown())

    def note(self, sentence: str) -> None:
        """Tell something beside the answer; programs are not told."""
        if not self.is_json:
            self.err.print(Text(sentence))

    def fail(self, error: HeadraceError) -> None:
        """Tell what went wrong."""
        if self.is_json:
            write_json({"error": error_shown(error)}, self._answers)
            return
        self.err.print(f"[bold red]headrace:[/] {escape(error.message)}")
        for problem in problems_of(error):
            if problem.message not in error.message:
                self.err.print(f"  {escape(line_of(problem))}")


def write_json(value: Any, stream: TextIO) -> None:
    """Write one JSON document."""
    content = msgspec.json.encode(value, enc_hook=str)
    stream.write(msgspec.json.format(content, indent=2).decode())
    stream.write("\n")
    stream.flush()


def error_shown(error: HeadraceError) -> dict[str, Any]:
    """Return an error as programs read it."""
    answer = getattr(error, "answer", None)
    return {
        "code": answer.code if answer is not None else error.code,
        "message": error.message,
        "problems": problems_of(error),
    }


def problems_of(error: HeadraceError) -> tuple[Problem, ...]:
    """Return the single things that are wrong, where an error tells them."""
    problems: tuple[Problem, ...] = getattr(error, "problems", ())
    return problems


def line_of(problem: Problem) -> str:
    """Return a problem in one line."""
    hint = f" Did you mean '{problem.suggestion}'?" if problem.suggestion else ""
    told = problem.suggestion is not None and problem.suggestion in problem.message
    return f"{problem.path}: {problem.message}{'' if told else hint}".removeprefix(": ")
