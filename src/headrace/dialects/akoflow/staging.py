"""The tasks around the activities that move files: volumes in and out, and what `standalone` brings along.

They are commands of the local runtime with constant text (`transfers`); every path is an argument of its own.
They stand behind the activities in the list of tasks, so that an activity keeps its place, and are marked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Literal as OneOf

from headrace.definition.model import Check, RunCommand, TaskDefinition, Transition
from headrace.definition.templates import Expr, Literal, Template
from headrace.dialects.akoflow import transfers
from headrace.dialects.akoflow.directories import PRIVATE_PLACE, Place
from headrace.dialects.akoflow.drafts import Volume

STAGING = "staging"
"""Annotation of a task that is no activity: `in`, `out` or `bring`."""

_VOLUMES_IN = "volumes in"
"""Name of the task that brings volumes in, unless an activity has it."""

_NOTHING = Literal("")

PlaceOf = Callable[[str], Place]
"""Where a path of the document lies on this machine."""


def volumes_in(
    volumes: Iterable[Volume],
    entries: tuple[str, ...],
    place_of: PlaceOf,
    taken: Iterable[str],
    *,
    mode: str,
) -> TaskDefinition | None:
    """Return what comes before the first activity; sources must exist, except in mode `lenient`.

    What is only brought out has no source, and a directory to be filled all the same.
    """
    moved = [
        (number, Literal("" if volume.mode == "out" else volume.local), place.argument(), _NOTHING)
        for number, volume, place in sorted(_moved(volumes, place_of), key=lambda each: len(each[2].path))
    ]
    if not moved:
        return None
    words = [PRIVATE_PLACE.argument(), Expr("execution.reuses"), *_words(moved)]
    return TaskDefinition(
        name=_free(_VOLUMES_IN, taken),
        action=_command(transfers.VOLUMES_IN, mode, words),
        next=(Transition(to=entries, when="succeeded()"),),
        annotations={STAGING: "in"},
    )


def volumes_out(volumes: Iterable[Volume], place_of: PlaceOf, taken: Iterable[str]) -> TaskDefinition | None:
    """Return what brings volumes back after the workflow has ended in any way.

    Where they were not brought in there is nothing to bring back: what lies there may be torn, and a
    directory that is missing must stay so, or the next run would begin with an empty one.
    """
    found = list(_moved(volumes, place_of))
    if all(volume.mode == "ro" for _, volume, _ in found):
        return None
    moved = [
        (
            number,
            place.argument(),
            Literal("" if volume.mode == "ro" else volume.local),
            _inside(place, found),
        )
        for number, volume, place in found
    ]
    return TaskDefinition(
        name=_free("volumes out", taken),
        checks=(
            Check(
                expression=f'default(tasks["{_free(_VOLUMES_IN, taken)}"].status, "") == "succeeded"',
                code="volumes_not_brought_in",
                sentence=Literal("The volumes were not brought in."),
            ),
        ),
        action=_command(transfers.VOLUMES_OUT, "out", [PRIVATE_PLACE.argument(), *_words(moved)]),
        annotations={STAGING: "out"},
    )


def bring(
    activity: str, places: Sequence[Place], taken: Iterable[str], *, link: OneOf["copy", "hard"]
) -> TaskDefinition:
    """Return what brings files into the first place from the others, of which the later ones win."""
    return TaskDefinition(
        name=_free(f"files for {activity}", taken),
        action=_command(transfers.BRING, link, [place.argument() for place in places]),
        next=(Transition(to=(activity,), when="succeeded()"),),
        join="all",
        annotations={STAGING: "bring"},
    )


def _moved(volumes: Iterable[Volume], place_of: PlaceOf) -> Iterator[tuple[int, Volume, Place]]:
    """Yield the volumes whose sides are not one directory: number, volume and remote side."""
    for number, volume in enumerate(volumes):
        place = place_of(volume.remote)
        if place != Place(volume.local):
            yield number, volume, place


def _inside(outer: Place, moved: Iterable[tuple[int, Volume, Place]]) -> Template:
    """Return which volumes are brought to this place or into it, as `VOLUMES_OUT` reads it."""
    lines = [
        f"{number}/{place.path[len(outer.path) :].strip('/')}"
        for number, _, place in moved
        if place.is_private == outer.is_private and f"{place.path}/".startswith(f"{outer.path}/")
    ]
    return Literal("\n".join(lines))


def _words(moved: Iterable[tuple[int, Template, Template, Template]]) -> list[Template]:
    return [word for number, *rest in moved for word in (Literal(str(number)), *rest)]


def _command(script: str, name: str, words: Sequence[Template]) -> RunCommand:
    argv = (Literal("sh"), Literal("-c"), Literal(script), Literal(name), *words)
    return RunCommand(argv=argv)


def _free(name: str, taken: Iterable[str]) -> str:
    """Return a name that no activity has."""
    return name if name not in taken else _free(f"{name}'", taken)
