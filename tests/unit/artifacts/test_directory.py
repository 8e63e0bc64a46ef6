"""The directory of artifacts: what a crash, a sweep and a full disk may not do."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from headrace.artifacts import directory as module
from headrace.artifacts.directory import ArtifactDirectory
from headrace.artifacts.local import LocalArtifacts
from headrace.artifacts.protocol import TooLarge
from headrace.errors import NotFound, StoreError


@pytest.fixture
def directory(tmp_path: Path) -> ArtifactDirectory:
    return ArtifactDirectory(tmp_path / "artifacts")


def incoming(directory: ArtifactDirectory) -> list[Path]:
    return list((directory.root / "incoming").iterdir())


def test_content_lies_where_the_layout_says(directory: ArtifactDirectory) -> None:
    sha256 = directory.put_bytes(b"tide").sha256

    assert directory.path(sha256) == directory.root / sha256[:2] / sha256[2:]
    assert directory.path(sha256).stat().st_mode & 0o777 == 0o400


def test_nothing_is_left_behind_by_success_failure_or_repetition(directory: ArtifactDirectory) -> None:
    directory.put_bytes(b"tide")
    with directory.incoming(max_size=None) as again:
        again.write(b"tide")
    with pytest.raises(TooLarge), directory.incoming(max_size=0) as broken:
        broken.write(b"x")

    assert incoming(directory) == []


def test_content_that_is_still_arriving_has_no_name(directory: ArtifactDirectory) -> None:
    arriving = directory.begin(max_size=None)
    arriving.write(b"tide")
    with pytest.raises(NotFound):
        directory.path(arriving.stored.sha256)
    arriving.finish()

    assert directory.path(arriving.stored.sha256).read_bytes() == b"tide"


def test_storing_again_makes_it_young(directory: ArtifactDirectory) -> None:
    stored = directory.put_bytes(b"tide")
    os.utime(directory.path(stored.sha256), (1000, 1000))
    directory.put_bytes(b"tide")

    assert not directory.remove(stored.sha256, older_than=2000)


def test_what_a_crash_left_half_written_is_cleared_and_what_arrives_is_not(
    directory: ArtifactDirectory,
) -> None:
    left = directory.root / "incoming" / "left"
    left.write_bytes(b"ti")
    os.utime(left, (1000, 1000))
    with directory.incoming(max_size=None) as arriving:
        directory.clear_incoming(older_than=2000)
        arriving.write(b"tide")

    assert incoming(directory) == []
    assert directory.size(arriving.stored.sha256) == 4


def test_a_disk_that_fails_is_told_in_our_words(directory: ArtifactDirectory) -> None:
    (directory.root / "incoming").rmdir()
    (directory.root / "incoming").write_text("in the way")

    with pytest.raises(StoreError, match="cannot be reached"):
        directory.put_bytes(b"tide")


def test_a_copy_without_shared_blocks_is_the_same(
    directory: ArtifactDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_FICLONE", 0)
    (tmp_path / "page.html").write_bytes(b"<p>tide" * 100_000)
    stored = directory.put_file(tmp_path / "page.html")

    assert directory.read_bytes(stored.sha256, max_size=700_000) == b"<p>tide" * 100_000


async def test_a_writer_that_is_cancelled_leaves_nothing(directory: ArtifactDirectory) -> None:
    artifacts = LocalArtifacts(directory)
    begun = asyncio.Event()

    async def write_for_ever() -> None:
        async with artifacts.writer() as writer:
            while True:
                await writer.write(b"tide")
                begun.set()

    task = asyncio.create_task(write_for_ever())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert incoming(directory) == []


async def test_what_is_not_finished_is_not_stored(directory: ArtifactDirectory) -> None:
    async with LocalArtifacts(directory).writer() as writer:
        with pytest.raises(RuntimeError):
            _ = writer.stored
