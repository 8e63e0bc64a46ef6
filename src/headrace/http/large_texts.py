"""Large texts as they may be shown: read piece by piece where they lie, with every secret masked.

The mask is shorter than what it hides, unlike that of logs, so a place in what is shown is no place in what
is kept: while secrets are in use a part is found by masking from the beginning.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from headrace.artifacts.protocol import Artifacts
from headrace.definition.templates import ValueRef
from headrace.security.redaction import Redactor


class LargeText:
    """One text in the artifact store, seen through one redactor, so that its parts fit together."""

    def __init__(self, ref: ValueRef, artifacts: Artifacts, redactor: Redactor) -> None:
        """Take a reference of kind `text`."""
        assert ref.kind == "text"
        self._ref = ref
        self._artifacts = artifacts
        self._redactor = redactor

    async def size(self) -> int:
        """Return how many bytes are shown; raises `NotFound` when the text is kept no more."""
        kept = await self._artifacts.size(self._ref.sha256)
        if not self._redactor.longest:
            return kept
        size = 0
        async for piece in self._masked():
            size += len(piece)
        return size

    async def octets(self, start: int, end: int) -> AsyncIterator[bytes]:
        """Yield what is shown from byte `start` up to but not including `end`."""
        if not self._redactor.longest:
            async for piece in self._artifacts.open_range(self._ref.sha256, start, end):
                yield piece
            return
        at = 0
        async for piece in self._masked():
            if wanted := piece[max(0, start - at) : end - at]:
                yield wanted
            at += len(piece)
            if at >= end:
                return

    async def beginning(self, characters: int) -> str:
        """Return the first characters of what is shown; raises `NotFound` when the text is kept no more."""
        stream, shown = self._redactor.stream(), b""
        step = 4 * characters + self._redactor.longest
        for start in range(0, self._ref.size, step):
            async for piece in self._artifacts.open_range(self._ref.sha256, start, start + step):
                shown += stream.feed(piece)
            text = shown.decode("utf-8", "ignore")  # a character may be cut
            if len(text) >= characters:
                return text[:characters]
        return (shown + stream.finish()).decode("utf-8", "ignore")[:characters]

    async def _masked(self) -> AsyncIterator[bytes]:
        stream = self._redactor.stream()
        async for piece in self._artifacts.open_range(self._ref.sha256):
            yield stream.feed(piece)
        yield stream.finish()
