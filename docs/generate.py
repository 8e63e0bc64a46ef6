"""Writes the pages of docs/reference that are made from the code, for `make docs`; a test keeps them true."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from headrace import errors, settings

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
        f"| `{kind.code}` | {kind.status} | {_first_line(kind)} |"
        for kind in _errors_below(errors.HeadraceError)
    ]
    return "\n".join([*lines, ""])


PAGES: dict[str, Callable[[], str]] = {"settings.md": settings_page, "errors.md": errors_page}


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


def _first_line(kind: type) -> str:
    return (kind.__doc__ or "").strip().splitlines()[0]


if __name__ == "__main__":
    for file, page in PAGES.items():
        (REFERENCE / file).write_text(page(), encoding="utf-8")
