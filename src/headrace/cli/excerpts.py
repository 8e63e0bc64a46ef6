"""Problems of a document as compilers show them: place, code, sentence, the line, and what to write."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from headrace.cli.documents import Source
from headrace.cli.terminal import Terminal
from headrace.errors import Problem

WIDEST = 160
"""Characters of a source line that are shown."""

_LINE_BREAK = re.compile(r"\r\n?|\n")
"""What ends a line in YAML and JSON; `str.splitlines` knows more, and would show another line."""
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\w.$-]+')


def shown(name: str, source: str, problems: Sequence[Problem], warnings: Sequence[Problem]) -> RenderableType:
    """Return all problems and warnings, each with its excerpt, and the count."""
    lines = _LINE_BREAK.split(source)
    found = [
        *_all(name, lines, problems, style="bold red", kind="problem"),
        *_all(name, lines, warnings, style="bold yellow", kind="warning"),
    ]
    return Group(*found)


def tell(
    terminal: Terminal, source: Source, problems: Sequence[Problem], warnings: Sequence[Problem]
) -> None:
    """Tell why a document was not started."""
    text = source.content.decode("utf-8-sig", "replace")
    terminal.out.print(shown(source.name, text, problems, warnings))
    terminal.note(f"{source.name} has {counted(len(problems), 'problem')}; nothing was started.")


def counted(count: int, noun: str) -> str:
    """Return `1 problem`, `2 problems`."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _all(
    name: str, lines: list[str], problems: Iterable[Problem], *, style: str, kind: str
) -> Iterator[RenderableType]:
    for problem in problems:
        yield _head(name, problem, style=style, kind=kind)
        yield from _excerpt(lines, problem, style=style)
        if problem.suggestion is not None:
            yield Text.assemble("  = ", (f"did you mean '{problem.suggestion}'?", "green"))


def _head(name: str, problem: Problem, *, style: str, kind: str) -> Text:
    place = name if problem.line is None else f"{name}:{problem.line}:{problem.column or 1}"
    code = problem.code if kind == "problem" else f"warning: {problem.code}"
    return Text.assemble((f"{place}: ", "bold"), (f"{code}: ", style), problem.message)


def _excerpt(lines: list[str], problem: Problem, *, style: str) -> Iterator[Text]:
    if problem.line is None or not 1 <= problem.line <= len(lines):
        return
    line, column = lines[problem.line - 1], max(1, problem.column or 1)
    # A long line (a document without line breaks) is shown around the place.
    begin = max(0, column - WIDEST // 2) if len(line) > WIDEST else 0
    part = "".join(_printable(letter) for letter in line[begin : begin + WIDEST])
    number = str(problem.line)
    token = _TOKEN.match(line, column - 1)
    width = max(1, min(len(token[0]) if token else 1, WIDEST - (column - 1 - begin)))
    yield Text.assemble((f"  {number} | ", "dim"), part)
    yield Text.assemble(
        (f"  {' ' * len(number)} | ", "dim"), " " * (column - 1 - begin), ("^" * width, style)
    )


def _printable(letter: str) -> str:
    """Return a character that cannot command the terminal, one for one."""
    return " " if letter == "\t" else letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"
