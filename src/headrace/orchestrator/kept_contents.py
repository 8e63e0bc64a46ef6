"""Which artifacts a batch of events keeps: their hashes are remembered beside the journal.

Nobody could find them there later, because the store does not read events, and reading all of history for
one deleted file would be absurd.
What an execution was merely given is left out: it keeps a file while it lives (`given_files`), and what it
made for ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from headrace.definition import codec
from headrace.definition.templates import FileRef
from headrace.engine import events

_REFERENCE = b"\xd9\x40"
"""How a text of 64 bytes begins in MessagePack, as in every reference: without it no artifact is named."""
_NAMED = re.compile(rb"[\x93\x94]\xd9\x40([0-9a-f]{64})")
"""A large value or a file, as `codec` writes them; a user's text that looks like one keeps what it names."""
_VALUE = re.compile(rb"\x93\xd9\x40([0-9a-f]{64})")
_GIVEN = (events.ExecutionStarted, events.TaskQueued, events.TaskBlocked)
"""Events whose files come from outside or from an earlier event."""


def named_in(content: bytes) -> frozenset[str]:
    """Return the hashes of all artifacts that encoded values name."""
    if _REFERENCE not in content:
        return frozenset()
    return frozenset(found.decode() for found in _NAMED.findall(content))


def kept_by(
    happened: Sequence[events.AnyEvent], content: bytes, inside: Mapping[str, frozenset[str]]
) -> Sequence[str]:
    """Return the hashes of what these events keep; `content` is what they are in the journal.

    `inside` has the artifacts that large values name, by the hash of the value.
    """
    if _REFERENCE not in content:
        return ()
    found = {name.decode() for name in _VALUE.findall(content)}
    found |= named_in(codec.encode([event for event in happened if not isinstance(event, _GIVEN)]))
    for name in tuple(found):
        found |= inside.get(name, frozenset())
    return sorted(found)


def files_in(values: Iterable[Any]) -> Iterator[FileRef]:
    """Yield the files that stand anywhere in values."""
    for value in values:
        match value:
            case FileRef():
                yield value
            case dict():
                yield from files_in(value.values())
            case list():
                yield from files_in(value)
            case _:
                pass
