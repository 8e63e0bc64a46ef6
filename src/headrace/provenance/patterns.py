"""Paths and globs that activities declare, matched against paths of files.

They mean what they mean to the runtimes that look for declared outputs: `*` and `?` stay inside one part of a
path and match hidden names too, `**` is any number of directories.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import translate
from functools import lru_cache

_MAGIC = re.compile(r"[*?\[]")


def is_literal(pattern: str) -> bool:
    """Tell whether a pattern can only match the path that it spells."""
    return _MAGIC.search(pattern) is None


def plain(pattern: str) -> str:
    """Return a declared path in the form in which paths are kept."""
    return "/".join(part for part in pattern.split("/") if part not in ("", "."))


def beginning(pattern: str) -> str:
    """Return what every path inside of a directory begins with that a pattern matches there, as in `in/raw/`.

    A path that the pattern spells need not begin with it.
    """
    parts = plain(pattern).split("/")
    magic = next((place for place, part in enumerate(parts) if not is_literal(part)), len(parts))
    return "".join(f"{part}/" for part in parts[:magic])


def matches(pattern: str, path: str) -> bool:
    """Tell whether a pattern spells a path, or a directory that it lies in, or matches it as a glob."""
    return matcher(pattern)(path)


@lru_cache(maxsize=4096)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return what tells of a path whether it matches; to ask for many paths costs less so."""
    spelled = plain(pattern)
    if is_literal(spelled):
        inside = f"{spelled}/"
        return lambda path: path == spelled or path.startswith(inside)
    parts = _parts(spelled)
    return lambda path: path == spelled or _fits(parts, path.split("/"))


def _parts(pattern: str) -> tuple[re.Pattern[str] | None, ...]:
    """Return an expression for each part; None is any number of directories."""
    return tuple(None if part == "**" else re.compile(translate(part)) for part in pattern.split("/"))


def _fits(parts: tuple[re.Pattern[str] | None, ...], names: list[str]) -> bool:
    """Match as one matches `*` in a name: only the last `**` may ever have to take one more."""
    part = name = 0
    retry: tuple[int, int] | None = None
    while name < len(names):
        if part < len(parts) and (expression := parts[part]) is None:
            retry = (part + 1, name)
            part += 1
        elif part < len(parts) and expression is not None and expression.match(names[name]):
            part, name = part + 1, name + 1
        elif retry is not None:
            part, name = retry[0], retry[1] + 1
            retry = (part, name)
        else:
            return False
    return all(expression is None for expression in parts[part:])
