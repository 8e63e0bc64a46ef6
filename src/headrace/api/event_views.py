"""Events as people follow them: named, with their fields, references as links, secrets left out."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from headrace.api.values import MASK, labels_shown, moment_of, plain
from headrace.definition.templates import ObjectOf
from headrace.engine.events import ExecutionStarted
from headrace.engine.plans import Planned, Reason
from headrace.orchestrator.feed import NumberedEvent

_WORD = re.compile(r"(?<!^)(?=[A-Z])")
_names: dict[type, str] = {}


def name_of(kind: type) -> str:
    """Return the name of an event: `task_succeeded`."""
    known = _names.get(kind)
    if known is None:
        known = _names[kind] = _WORD.sub("_", kind.__name__).lower()
    return known


def event_shown(numbered: NumberedEvent) -> dict[str, Any]:
    """Return an event as JSON values."""
    event = numbered.event
    shown: dict[str, Any] = {"seq": numbered.seq, "event": name_of(type(event)), "at": moment_of(event.at)}
    for name in event.__struct_fields__:
        if name not in ("at", "seed"):
            shown[name] = _field(getattr(event, name))
    if isinstance(event, ExecutionStarted):
        shown["labels"] = labels_shown(event.labels)
    return shown


def _field(value: Any) -> Any:
    match value:
        case None | str() | int() | float():
            return value
        case Reason():
            return {"code": value.code, "sentence": value.sentence}
        case ObjectOf():
            return dict.fromkeys(value.entries, MASK)
        case Planned():
            return {"mode": value.mode, "reason": _field(value.reason)}
        case dict():
            return {name: _field(entry) for name, entry in value.items()}
        case list() | tuple():
            return [_field(entry) for entry in value]
        case msgspec.Struct():
            return plain(value)
        case _:
            return plain(value)
