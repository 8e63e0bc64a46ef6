"""Values too large for the journal: written to the artifact store before the commit that names them.

The limit is counted on the encoded value, so that ten thousand small fields are as large as one large text.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any, Protocol

import msgspec

from headrace.definition import codec
from headrace.definition.templates import Json, ValueRef
from headrace.engine import events
from headrace.errors import RequestError
from headrace.orchestrator.kept_contents import named_in

INLINE_LIMIT = 64 * 1024
"""Bytes of an encoded value that may stand in the journal (DESIGN §5)."""

HARD_LIMIT = 64 * 1024 * 1024
"""Bytes of one value above which a task fails with `output_too_large`."""

CACHED_BYTES = 32 * 1024 * 1024
"""Loaded values that are kept, because items of a foreach look into the same one again and again."""

MOST_INSIDE = 1024
"""Large values whose own references are remembered; each is asked for once, within the same turn."""

_FIELDS: dict[type, tuple[str, ...]] = {
    events.ExecutionStarted: ("inputs", "variables"),
    events.ExecutionEnded: ("outputs",),
    events.SignalReceived: ("payload",),
    events.TaskQueued: ("input",),
    events.TaskBlocked: ("input",),
    events.ItemsExpanded: ("items",),
    events.TaskSucceeded: ("outputs",),
    events.TaskFailed: ("outputs",),
    events.TaskReused: ("outputs", "published"),
}


class Stored(Protocol):
    """Bytes that are kept."""

    @property
    def sha256(self) -> str:
        """Lower-case hex digest."""

    @property
    def size(self) -> int:
        """Length in bytes."""


class Artifacts(Protocol):
    """The part of the artifact store that large values need."""

    async def put_bytes(self, content: bytes) -> Stored:
        """Keep these bytes."""

    async def read_bytes(self, sha256: str, *, max_size: int) -> bytes:
        """Return them."""


class ValueTooLarge(RequestError):
    """A value is larger than the server's hard cap."""

    code = "output_too_large"
    status = 413

    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"The value of '{name}' has {size} bytes; at most {HARD_LIMIT} are kept.")


class LargeValues:
    """Moves values between the journal and the artifact store."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._sizes: OrderedDict[str, int] = OrderedDict()
        self._cached = 0
        self.at_hand: dict[str, Json] = {}
        """Values that are loaded already, by content hash; read only."""
        self.inside: OrderedDict[str, frozenset[str]] = OrderedDict()
        """What large values name themselves, by content hash, until the commit that names the value."""

    async def shelve(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return values from outside, each large one replaced by its reference; raises `ValueTooLarge`."""
        if not values or len(codec.encode(values)) <= INLINE_LIMIT:
            return values
        return {name: await self.shelve_one(name, value) for name, value in values.items()}

    async def shelve_one(self, name: str, value: Json) -> Json:
        """Return the value, or its reference when it is large; raises `ValueTooLarge`."""
        content = _content(value)
        if len(content) > HARD_LIMIT:
            raise ValueTooLarge(name, len(content))
        return await self._shelved(value, content)

    async def shelve_events(self, happened: list[events.AnyEvent]) -> list[events.AnyEvent]:
        """Return the events with large values that were made while deciding replaced by references.

        They are put together of values that were let in, so there is no cap: a refusal here would leave an
        execution without an end.
        """
        return [await self._shelve_event(event) for event in happened]

    async def _shelve_event(self, event: events.AnyEvent) -> events.AnyEvent:
        changed: dict[str, Any] = {}
        for name in _FIELDS.get(type(event), ()):
            value = getattr(event, name)
            if not value or len(codec.encode(value)) <= INLINE_LIMIT:
                continue
            is_object = isinstance(value, dict) and name != "payload"
            changed[name] = await (self._shelve_each(value) if is_object else self._shelve_made(value))
        if isinstance(event, events.TransitionsTaken):
            taken = tuple([(index, await self._shelve_each(values)) for index, values in event.taken])
            if taken != event.taken:
                changed["taken"] = taken
        return msgspec.structs.replace(event, **changed) if changed else event

    async def _shelve_each(self, values: dict[str, Any]) -> dict[str, Any]:
        return {name: await self._shelve_made(value) for name, value in values.items()}

    async def _shelve_made(self, value: Json) -> Json:
        return await self._shelved(value, _content(value))

    async def _shelved(self, value: Json, content: bytes) -> Json:
        if len(content) <= INLINE_LIMIT:
            return value
        stored = await self._artifacts.put_bytes(content)
        if not isinstance(value, str) and (named := named_in(content)):
            self.inside[stored.sha256] = named
            if len(self.inside) > MOST_INSIDE:
                self.inside.popitem(last=False)
        self._keep(stored.sha256, value, stored.size)
        return ValueRef(stored.sha256, stored.size, "text" if isinstance(value, str) else "json")

    async def load(self, refs: Iterable[ValueRef]) -> dict[str, Json]:
        """Return the values behind the references, by content hash."""
        return {ref.sha256: await self.load_one(ref) for ref in refs}

    async def load_one(self, ref: ValueRef) -> Json:
        """Return the value behind a reference."""
        if ref.sha256 in self.at_hand:
            self._sizes.move_to_end(ref.sha256)
            return self.at_hand[ref.sha256]
        content = await self._artifacts.read_bytes(ref.sha256, max_size=ref.size)
        value: Json = content.decode("utf-8") if ref.kind == "text" else codec.decode(content, object)
        self._keep(ref.sha256, value, ref.size)
        return value

    async def fill_in(self, value: Json) -> Json:
        """Return a value with every reference to a large value inside it loaded; files stay references."""
        match value:
            case ValueRef():
                return await self.load_one(value)
            case dict():
                return {name: await self.fill_in(entry) for name, entry in value.items()}
            case list():
                return [await self.fill_in(entry) for entry in value]
            case _:
                return value

    def _keep(self, sha256: str, value: Json, size: int) -> None:
        if size > CACHED_BYTES or sha256 in self.at_hand:
            return
        self.at_hand[sha256] = value
        self._sizes[sha256] = size
        self._cached += size
        while self._cached > CACHED_BYTES:
            oldest, dropped = self._sizes.popitem(last=False)
            del self.at_hand[oldest]
            self._cached -= dropped


def _content(value: Json) -> bytes:
    return value.encode() if isinstance(value, str) else codec.encode(value)


def has_reference(value: Json) -> bool:
    """Tell whether a reference to a large value stands anywhere in a value."""
    match value:
        case ValueRef():
            return True
        case dict():
            return any(has_reference(entry) for entry in value.values())
        case list():
            return any(has_reference(entry) for entry in value)
        case _:
            return False
