"""The list of all settings as values, for errors, for the reference page and for `headrace doctor`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from typing import Any, get_args

from msgspec import Struct
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from headrace.settings.model import Settings
from headrace.settings.quantities import Accepts, Rate

PREFIX = "HEADRACE_"
BY_THE_MACHINE = "by the machine"
"""Stands for a default that is measured at start."""


class Setting(Struct, frozen=True):
    """One setting as people know it."""

    name: str
    """`room.name`, or `name` when it is server-wide; in `headrace.toml` the room is a table."""
    variable: str
    """Its name in the environment."""
    accepts: str
    """What may be given, in words that follow "give"."""
    takes_empty: bool
    """Whether an empty variable is a value of its own."""
    default: str
    """What counts when it is not given, as it would be written."""
    sentence: str
    """What it does."""
    is_secret: bool
    """Whether its value may never be shown."""


_WORD_FOR_NOTHING = re.compile("`(off|never)`")


@cache
def catalogue() -> dict[str, Setting]:
    """All settings by name, in the order in which they are written."""
    return {setting.name: setting for setting in _settings_of(Settings, "")}


def _settings_of(model: type[BaseModel], room: str) -> Iterator[Setting]:
    for key, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _settings_of(field.annotation, f"{key}.")
        else:
            yield _setting(f"{room}{key}", field)


def _setting(name: str, field: FieldInfo) -> Setting:
    kinds = list(_annotations(field))
    accepts, takes_empty = next(kind for kind in kinds if isinstance(kind, Accepts))
    nothing = _WORD_FOR_NOTHING.match(accepts)
    return Setting(
        name=name,
        variable=PREFIX + name.upper().replace(".", "__"),
        accepts=accepts,
        takes_empty=takes_empty,
        default=BY_THE_MACHINE
        if field.default_factory
        else as_written(field.default) or ("" if nothing is None else nothing[1]),
        sentence=field.description or "",
        is_secret=SecretStr in kinds,
    )


def _annotations(field: FieldInfo) -> Iterator[Any]:
    """The type of a field, what it is made of, and what was said about each."""
    yield from field.metadata
    waiting = [field.annotation]
    while waiting:
        kind = waiting.pop()
        yield kind
        waiting += [*get_args(kind), *getattr(kind, "__metadata__", ())]


def as_written(value: object) -> str:
    """The text that somebody would write for `value` of a setting."""
    match value:
        case None | ():
            return ""
        case bool():
            return "true" if value else "false"
        case int() if value >= 1024**2 and value % 1024**2 == 0:
            return f"{value // 1024**2}MiB"
        case Rate(requests, period):
            return f"{requests}/{as_written(period)}"
        case timedelta() if value >= timedelta(days=1) and not value % timedelta(days=1):
            return f"{value.days}d"
        case timedelta():
            return f"{value.total_seconds():g}s"
        case tuple():
            return ", ".join(map(as_written, value))
        case _:
            return str(value)
