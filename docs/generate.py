"""Writes the pages of docs/reference that are made from the code, for `make docs`; a test keeps them true."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from msgspec import UNSET
from typer.core import TyperCommand
from typer.main import get_command

from headrace import errors, settings
from headrace.api.metrics import Metrics
from headrace.api.native import Native
from headrace.api.operations import SCOPE
from headrace.app import Server
from headrace.cli.application import app
from headrace.cli.statuses import Status
from headrace.definition.types import Port
from headrace.engine import events, states
from headrace.expressions import functions
from headrace.expressions.arguments import Function
from headrace.http.streaming import Streams
from headrace.tasks.library import Library

REFERENCE = Path(__file__).parent / "reference"
PAGING = ("limit", "cursor")
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


def commands_page() -> str:
    """Return the page of all commands, in the order of `headrace --help`."""
    lines = ["# Commands", "", NOTE, ""]
    lines += ["`headrace --help` lists them, and `headrace COMMAND --help` tells the same as this page.", ""]
    lines += ["| exit status | when |", "|---|---|"]
    lines += [f"| {status.value} | {WHEN[status]} |" for status in Status]
    lines.append("")
    for name, command in commands().items():
        arguments = [each for each in command.params if each.param_type_name == "argument"]
        options = [each for each in command.params if each.param_type_name == "option"]
        words = " ".join(["headrace", name, *(str(each.metavar) for each in arguments)])
        lines += [f"## `{words}`", "", *_sentences(command.help or ""), ""]
        lines += ["| | |", "|---|---|"]
        lines += [f"| `{each.metavar}` | {each.help} |" for each in arguments]  # type: ignore[attr-defined]
        lines += [f"| {_spelled(each)} | {each.help} |" for each in options]  # type: ignore[attr-defined]
        lines.append("")
    return "\n".join(lines)


WHEN = {
    Status.DONE: "What was asked is done; a run that was waited for succeeded.",
    Status.FAILED: "The run failed, the document has problems, or the server refused.",
    Status.USAGE: "The command line, an input or a setting was not understood.",
    Status.NOT_FOUND: "There is no such thing.",
    Status.NOT_ALLOWED: "The token is missing, unknown or does not allow this.",
    Status.UNREACHABLE: "Nobody answers, or the store cannot be used now.",
    Status.INTERRUPTED: "Ctrl-C.",
}


def commands() -> dict[str, TyperCommand]:
    """Return all commands by their words, as in `token create`."""
    found: dict[str, TyperCommand] = {}
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found |= {name: command} if inner is None else {f"{name} {each}": inner[each] for each in inner}
    return found


def _spelled(option: Any) -> str:
    words = ", ".join(f"`{each}`" for each in option.opts)
    return words if option.is_flag else f"{words} {option.metavar or option.name.strip('_').upper()}"


def _sentences(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]


def native_api_page() -> str:
    """Return the page of all routes of the native API, thing by thing."""
    lines = [
        "# Native API",
        "",
        NOTE,
        "",
        "One API for the workflows of every dialect.",
        "Errors are problem documents (RFC 9457) with the codes of [the errors](errors.md).",
        "Lists have a `limit`, and a `cursor`: the `next_cursor` of the page before, with the same filters.",
        "A `key` is the number, the UUID or the alias of a workflow or an execution.",
        "A `run` is the number of a task run, or the name of a task, which means its latest run.",
        "`GET /v1/openapi.json` describes all bodies and answers.",
        "",
    ]
    for thing, operations in _native_operations().items():
        lines += [
            f"## {thing.replace('-', ' ').capitalize()}",
            "",
            "| route | scope | what it does |",
            "|---|---|---|",
        ]
        lines += [
            f"| `{method} {path}` | {described[SCOPE]} | {_told(described)} |"
            for method, path, described in operations
        ]
        lines.append("")
    return "\n".join(lines)


PAGES: dict[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "errors.md": errors_page,
    "states.md": states_page,
    "events.md": events_page,
    "task-types.md": task_types_page,
    "functions.md": functions_page,
    "native-api.md": native_api_page,
    "commands.md": commands_page,
}


@contextmanager
def native() -> Iterator[Native]:
    """Make the native API of a server that is never opened."""
    with TemporaryDirectory() as directory:
        server = Server(settings.Settings(data_dir=Path(directory)))
        try:
            yield Native(server.services, {}, Streams(), Metrics())
        finally:
            asyncio.run(server.store.close())


def _native_operations() -> dict[str, list[tuple[str, str, dict[str, Any]]]]:
    """Return method, path and description of all operations, by the first segment after `/v1`."""
    with native() as made:
        described = made.description()
    found: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, methods in described["paths"].items():
        thing = path.split("/")[2] if path.startswith("/v1/") and path.count("/") > 1 else "server"
        thing = "server" if thing in ("openapi.json", "statistics") else thing
        found.setdefault(thing, []).extend((method.upper(), path, each) for method, each in methods.items())
    return dict(sorted(found.items()))


def _told(described: dict[str, Any]) -> str:
    """Return what an operation says of itself, and what its address and its headers may ask for."""
    parameters = described.get("parameters", [])
    asked = [
        f"`?{each['name']}=`" for each in parameters if each["in"] == "query" and each["name"] not in PAGING
    ]
    asked += [f"`{each['name']}`" for each in parameters if each["in"] == "header"]
    return f"{described['summary']}{': ' if asked else ''}{', '.join(asked)}."


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
