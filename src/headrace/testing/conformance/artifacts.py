"""What every artifact store must keep."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
import hashlib
import os
from pathlib import Path

import pytest

from headrace.artifacts.protocol import Artifacts, Stored, TooLarge
from headrace.errors import NotFound

LONG = bytes(range(256)) * 4096
"""1 MiB: more than one chunk of whatever size."""

UNKNOWN = "0" * 64
LONG_AGO, NEVER = 0.0, 1e12


def name_of(content: bytes) -> str:
    """Return what the content must be called."""
    return hashlib.sha256(content).hexdigest()


class ArtifactsConformance:
    """Give the fixture `artifacts`: an artifact store that is empty."""

    @pytest.mark.parametrize("content", [b"", b"tide", LONG])
    async def test_bytes_come_back_under_their_hash(self, artifacts: Artifacts, content: bytes) -> None:
        stored = await artifacts.put_bytes(content)

        assert stored == Stored(name_of(content), len(content))
        assert await artifacts.read_bytes(stored.sha256, max_size=len(content)) == content
        assert await artifacts.size(stored.sha256) == len(content)
        assert (await artifacts.path(stored.sha256)).read_bytes() == content

    async def test_storing_twice_is_storing_once(self, artifacts: Artifacts) -> None:
        first = await artifacts.put_bytes(LONG)

        assert await artifacts.put_bytes(LONG) == first

    async def test_many_may_store_the_same_at_once(self, artifacts: Artifacts) -> None:
        stored = await asyncio.gather(*(artifacts.put_bytes(LONG) for _ in range(8)))

        assert set(stored) == {Stored(name_of(LONG), len(LONG))}
        assert await artifacts.read_bytes(stored[0].sha256, max_size=len(LONG)) == LONG

    @pytest.mark.parametrize("content", [b"", b"tide", LONG])
    async def test_a_file_is_copied(self, artifacts: Artifacts, content: bytes, tmp_path: Path) -> None:
        path = tmp_path / "report.txt"
        path.write_bytes(content)
        stored = await artifacts.put_file(path, max_size=len(content))
        path.write_bytes(b"changed later")

        assert stored == Stored(name_of(content), len(content))
        assert await artifacts.read_bytes(stored.sha256, max_size=len(content)) == content

    async def test_a_file_that_is_too_large_is_refused(self, artifacts: Artifacts, tmp_path: Path) -> None:
        path = tmp_path / "report.txt"
        path.write_bytes(LONG)
        with pytest.raises(TooLarge):
            await artifacts.put_file(path, max_size=len(LONG) - 1)

        with pytest.raises(NotFound):
            await artifacts.size(name_of(LONG))

    async def test_what_is_no_file_is_refused(self, artifacts: Artifacts, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        for path in (tmp_path / "pipe", tmp_path, tmp_path / "missing"):
            with pytest.raises(OSError, match=path.name):
                await artifacts.put_file(path)

    async def test_a_stream_is_stored_when_it_ends(self, artifacts: Artifacts) -> None:
        async with artifacts.writer(max_size=len(LONG)) as writer:
            for start in range(0, len(LONG), 100_000):
                await writer.write(LONG[start : start + 100_000])

        assert writer.stored == Stored(name_of(LONG), len(LONG))
        assert await artifacts.read_bytes(writer.stored.sha256, max_size=len(LONG)) == LONG

    async def test_a_stream_that_breaks_stores_nothing(self, artifacts: Artifacts) -> None:
        with pytest.raises(ZeroDivisionError):
            async with artifacts.writer() as writer:
                await writer.write(b"tide")
                raise ZeroDivisionError

        with pytest.raises(NotFound):
            await artifacts.size(name_of(b"tide"))

    async def test_a_stream_that_is_too_long_stops_at_once(self, artifacts: Artifacts) -> None:
        with pytest.raises(TooLarge) as refused:
            async with artifacts.writer(max_size=5) as writer:
                await writer.write(b"tide")
                await writer.write(b"table")

        assert refused.value.code == "too_large"
        assert refused.value.max_size == 5

    async def test_too_much_is_not_read(self, artifacts: Artifacts) -> None:
        stored = await artifacts.put_bytes(b"tide")

        with pytest.raises(TooLarge):
            await artifacts.read_bytes(stored.sha256, max_size=3)

    @pytest.mark.parametrize(
        ("start", "end"),
        [(0, None), (0, 1), (1, 4), (300_000, 700_001), (len(LONG) - 1, None), (len(LONG), None), (5, 5)],
    )
    async def test_ranges_are_read(self, artifacts: Artifacts, start: int, end: int | None) -> None:
        stored = await artifacts.put_bytes(LONG)
        content = b"".join([chunk async for chunk in artifacts.open_range(stored.sha256, start, end)])

        assert content == LONG[start:end]

    @pytest.mark.parametrize("name", [UNKNOWN, "", "../../secret.key", "AB" * 32, "é" * 64, "ab"])
    async def test_what_is_not_there_is_not_found(self, artifacts: Artifacts, name: str) -> None:
        with pytest.raises(NotFound):
            await artifacts.size(name)
        with pytest.raises(NotFound):
            await artifacts.path(name)
        with pytest.raises(NotFound):
            await artifacts.read_bytes(name, max_size=5)
        with pytest.raises(NotFound):
            _ = [chunk async for chunk in artifacts.open_range(name)]

    async def test_one_that_nobody_needs_is_removed(self, artifacts: Artifacts) -> None:
        kept, gone = await artifacts.put_bytes(b"kept"), await artifacts.put_bytes(b"gone")

        assert await artifacts.remove(gone.sha256, older_than=NEVER)
        assert await artifacts.remove(gone.sha256, older_than=NEVER)
        assert not await artifacts.remove(kept.sha256, older_than=LONG_AGO)
        assert await artifacts.size(kept.sha256) == 4
        with pytest.raises(NotFound):
            await artifacts.size(gone.sha256)

    async def test_what_arrives_is_not_cleared(self, artifacts: Artifacts) -> None:
        async with artifacts.writer() as writer:
            await artifacts.clear_incoming(older_than=LONG_AGO)
            await writer.write(b"tide")

        assert await artifacts.size(writer.stored.sha256) == 4
