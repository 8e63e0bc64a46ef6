"""Log files as they may be shown: every secret blacked out by as many stars as it has bytes.

The mask keeps the length, so that a place in the file stays the same place in what is shown: ranges, and
following from where one left off, need nothing but the file.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from headrace.runtimes import long_logs
from headrace.security import shortening
from headrace.security.redaction import Redactor, SecretsInUse
from headrace.security.secrets import Vault

PIECE = 256 * 1024
"""Bytes that are read and masked at once."""


class LogSecrets:
    """Knows what must not be seen in a log, also when the task that knew it is long over."""

    def __init__(self, vault: Vault, in_use: SecretsInUse) -> None:
        self._vault = vault
        self._in_use = in_use

    async def redactors(self) -> Sequence[Redactor]:
        """Return the redactors that every log passes."""
        return (await self._vault.redactor(), self._in_use.redactor)


def size_of(file: Path | None) -> int:
    """Return how many bytes a log has; none at all when there is no file yet."""
    try:
        return file.stat().st_size if file is not None else 0
    except FileNotFoundError:
        return 0


async def read(file: Path, start: int, end: int, redactors: Sequence[Redactor]) -> AsyncIterator[bytes]:
    """Yield the bytes from `start` up to but not including `end`, masked."""
    while start < end:
        until = min(start + PIECE, end)
        piece = await asyncio.to_thread(masked, file, start, until, redactors)
        if not piece:
            return
        yield piece
        start += len(piece)


def masked(file: Path, start: int, end: int, redactors: Sequence[Redactor]) -> bytes:
    """Return a part of a file with the secrets in it masked, those too that begin or end outside of it."""
    longest = max((redactor.longest for redactor in redactors), default=0)
    first = max(0, start - longest)
    is_cut = long_logs.is_cut(file)
    with file.open("rb") as log:
        log.seek(first)
        content = bytearray(log.read(end + longest + len(shortening.MARK) - first))
    for redactor in redactors:
        data = bytes(content)
        for begin, finish in shortening.spans(data, redactor) if is_cut else redactor.spans(data):
            content[begin:finish] = b"*" * (finish - begin)
    return bytes(content[start - first : end - first])


def settled(file: Path, end: int, redactors: Sequence[Redactor]) -> int:
    """Return up to where a growing file can be shown: the beginning of a secret waits for its rest."""
    longest = max((redactor.longest for redactor in redactors), default=0)
    if not longest:
        return end
    first = max(0, end - longest)
    with file.open("rb") as log:
        log.seek(first)
        content = log.read(end - first)
    return first + min(redactor.unfinished(content) for redactor in redactors)
