"""Finds dialects, runtimes and task types by their entry points; built-ins enter through the same door.

A plug-in that cannot be loaded is told and left out, so that one bad package never keeps the server down;
who wants strictness raises the first of `broken`.
This file knows no kind of plug-in: what a plug-in must be is checked by the room that uses it.
"""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points

from msgspec import Struct

from headrace.errors import PluginError

DIALECTS = "headrace.dialects"
RUNTIMES = "headrace.runtimes"
TASKS = "headrace.tasks"

_OUR_DISTRIBUTION = "headrace"


class Plugin(Struct, frozen=True):
    """One thing that somebody's distribution offers under a name."""

    name: str
    """The name of the entry point: `dataflow`, `local`, `web`."""
    distribution: str
    """Name and version of the distribution that offers it."""
    value: object
    """What the entry point leads to."""


class Plugins(Struct, frozen=True):
    """What one group offers, and what is wrong with the rest of it."""

    found: tuple[Plugin, ...]
    broken: tuple[PluginError, ...]


def load(group: str) -> Plugins:
    """Load every entry point of `group`, our own first, then by name.

    A name that is taken already is refused, so that nobody replaces a built-in unseen.
    """
    found: dict[str, Plugin] = {}
    broken: list[PluginError] = []
    for entry in sorted(entry_points(group=group), key=_rank):
        try:
            plugin = _load(entry)
        except PluginError as error:
            broken.append(error)
            continue
        former = found.setdefault(plugin.name, plugin)
        if former is not plugin:
            cause = f"the name is taken by {former.distribution}; rename or uninstall one of them"
            broken.append(_error(entry, cause))
    return Plugins(found=tuple(found.values()), broken=tuple(broken))


def _load(entry: EntryPoint) -> Plugin:
    try:
        value = entry.load()
    except Exception as error:  # importing a stranger's module may raise anything
        raise _error(entry, f"{type(error).__name__}: {error}") from error
    return Plugin(name=entry.name, distribution=_distribution(entry), value=value)


def _error(entry: EntryPoint, cause: str) -> PluginError:
    return PluginError(
        f"Plug-in {entry.name!r} of {_distribution(entry)} "
        f"(group {entry.group}, {entry.value}) is left out: {cause}."
    )


def _distribution(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "an unknown distribution"


def _rank(entry: EntryPoint) -> tuple[bool, str, str]:
    owner = entry.dist.name if entry.dist else ""
    return owner != _OUR_DISTRIBUTION, entry.name, owner
