"""Writes the pages of docs/reference that are made from the code, for `make docs`; a test keeps them true."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec import UNSET

from headrace import errors, settings
from headrace.definition.types import Port
from headrace.engine import events, states
from headrace.expressions import functions
from headrace.expressions.arguments import Function
from headrace.tasks.library import Library

REFERENCE = Path(__file__).parent / "reference"
NOTE = "<!-- Written by docs/generate.py: change the code, then run `make docs`. -->"


def settings_page() -> str:
    """Return the page of all settings, server-wide ones first, then room by room."""
    lines = [
        "# Settings",
        "",
        NOTE,
        "",
        "How to set them is told in [Configure a server](../how-to/configure-a-server.md).",
        "",
    ]
    for room, names in _by_room():
        lines += [f"## `[{room}]`" if room else "## Server-wide", ""]
        for name in names:
            setting = settings.catalogue()[name]
            lines += [
                f"### `{name}`",
                "",
                setting.sentence,
                "",
                f"- Variable: `{setting.variable}`",
                f"- Accepts: {setting.accepts}",
                f"- Default: {_default(setting)}",
                "",
            ]
    return "\n".join(lines)


def errors_page() -> str:
    """Return the page of all errors that cross a room's wall."""
    lines = [
        "# Errors",
        "",
        NOTE,
        "",
        "Every error has a stable code; the status is what a door answers unless its dialect says otherwise.",
        "A failed task is an event of its execution, never one of these.",
        "",
        "| code | status | meaning |",
        "|---|---|---|",
    ]
    lines += [
        f"| `{kind.code}` | {kind.status} | {_docstring(kind)} |"
        for kind in _errors_below(errors.HeadraceError)
    ]
    return "\n".join([*lines, ""])


def states_page() -> str:
    """Return the two tables of states, drawn."""
    lines = [
        "# States",
        "",
        NOTE,
        "",
        "*ended* stands for each of the ends, where all of them are possible.",
        "",
    ]
    lines += ["## Of an execution", "", *_diagram(states.EXECUTION, states.EXECUTION_ENDS, "pending")]
    lines += ["## Of a task run", "", *_diagram(states.TASK, states.TASK_ENDS, "waiting")]
    return "\n".join(lines)


def events_page() -> str:
    """Return the page of all events of the journal."""
    lines = [
        "# Events",
        "",
        NOTE,
        "",
        "Each event begins with `at`, the moment in seconds since the Unix epoch.",
        "",
    ]
    for kind in events.Event.__subclasses__():
        lines += [f"## {kind.__name__}", "", _docstring(kind), ""]
        fields = [name for name in kind.__struct_fields__ if name != "at"]
        lines += [", ".join(f"`{name}`" for name in fields), ""] if fields else []
    return "\n".join(lines)


def functions_page() -> str:
    """Return the page of all functions of the expression language."""
    lines = [
        "# Functions",
        "",
        NOTE,
        "",
        "The functions of [the expression language](expressions.md); each can be written as a filter too.",
        "",
        "| function | value |",
        "|---|---|",
    ]
    lines += [
        f"| `{_call(name, function)}` | {_value(function)} |"
        for name, function in sorted(functions.BUILT_IN.items())
    ]
    return "\n".join([*lines, ""])


def task_types_page() -> str:
    """Return the page of all task types that come with Headrace."""
    lines = ["# Task types", "", NOTE, "", "An input with a default or marked optional may be left out.", ""]
    for kind in Library.installed():
        if not kind.place.startswith("headrace."):
            continue  # a plug-in of whoever runs this
        spec = kind.spec
        lines += [f"## `{spec.type}`", "", spec.description, ""]
        if spec.aliases:
            lines += [f"Also written {', '.join(f'`{alias}`' for alias in spec.aliases)}.", ""]
        lines += _ports("input", spec.inputs) + _ports("output", spec.outputs)
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "states.md": states_page,
    "events.md": events_page,
    "task-types.md": task_types_page,
    "functions.md": functions_page,
}


def _diagram(table: Mapping[str, frozenset[str]], ends: frozenset[str], first: str) -> list[str]:
    lines = ["```mermaid", "stateDiagram-v2", f"    [*] --> {first}"]
    for state, targets in table.items():
        shown = sorted(targets - ends if ends <= targets else targets) + (
            ["ended"] if ends <= targets else []
        )
        lines += [f"    {state} --> {target}" for target in shown]
    return [
        *lines,
        "    ended --> [*]",
        "```",
        "",
        f"Ends: {', '.join(f'`{end}`' for end in sorted(ends))}.",
        "",
    ]


def _by_room() -> Iterator[tuple[str, list[str]]]:
    rooms: dict[str, list[str]] = {}
    for name in settings.catalogue():
        rooms.setdefault(name.rpartition(".")[0], []).append(name)
    yield from rooms.items()


def _default(setting: settings.Setting) -> str:
    if setting.default == settings.BY_THE_MACHINE:
        return "what this machine or its control group allows"
    return f"`{setting.default}`" if setting.default else "none"


def _errors_below(kind: type[errors.HeadraceError]) -> Iterator[type[errors.HeadraceError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _errors_below(below)


def _ports(way: str, ports: Sequence[Port]) -> list[str]:
    if not ports:
        return []
    lines = [f"| {way} | type | |", "|---|---|---|"]
    for port in ports:
        notes = [port.description]
        if way == "output" and port.is_default:
            notes.append("The default output.")
        elif way == "input" and port.default is not UNSET:
            notes.append(f"Default: `{json.dumps(port.default)}`.")
        elif way == "input" and not port.required:
            notes.append("Optional.")
        lines.append(f"| `{port.name}` | {port.type} | {' '.join(notes)} |")
    return [*lines, ""]


def _call(name: str, function: Function) -> str:
    parameters = [parameter.name for parameter in inspect.signature(function.call).parameters.values()][1:]
    asked = function.arity.start
    return f"{name}({', '.join(parameters[:asked])}{''.join(f'[, {each}]' for each in parameters[asked:])})"


def _value(function: Function) -> str:
    """Return what a docstring in the imperative says of the value."""
    sentence = _docstring(function.call).removeprefix("Return ").removeprefix("Say ")
    return sentence[0].upper() + sentence[1:]


def _docstring(thing: object) -> str:
    """Return the first paragraph of what it says of itself, as one line."""
    return " ".join((inspect.getdoc(thing) or "").split("\n\n")[0].split())


if __name__ == "__main__":
    for file, page in PAGES.items():
        (REFERENCE / file).write_text(page(), encoding="utf-8")
