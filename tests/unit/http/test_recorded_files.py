from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response, StreamingResponse
from tests.unit.http.conftest import MakeRequest

from headrace.artifacts.local import LocalArtifacts, open_local
from headrace.http import file_archives, recorded_files
from headrace.http.archives import ZipArchive
from headrace.http.ranges import RangeNotSatisfiable
from headrace.http.recorded_files import ArtifactGone
from headrace.store.provenance_rows import FileUse, FileVersion, RecordedUse, UseKind

CONTENT = b"0123456789"


@pytest.fixture
def artifacts(tmp_path: Path) -> LocalArtifacts:
    return open_local(tmp_path / "artifacts")


@pytest.fixture
def work(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    (made / "d").mkdir(parents=True)
    return made


def version_of(work: Path, path: str, content: bytes = CONTENT, **more: Any) -> FileVersion:
    """Write a file and return what a listing says of it."""
    file = work / path
    file.write_bytes(content)
    found = file.stat()
    named: dict[str, Any] = {
        "number": found.st_ino,
        "directory": str(work),
        "path": path,
        "size": found.st_size,
        "mtime_ns": found.st_mtime_ns,
        "inode": found.st_ino,
        "sha256": hashlib.sha256(content).hexdigest(),
        "seen_at": 0.0,
    }
    return FileVersion(**(named | more))


async def body(answer: Response) -> bytes:
    assert isinstance(answer, StreamingResponse)
    return b"".join([bytes(piece) async for piece in answer.body_iterator])  # type: ignore[arg-type]


async def test_a_file_that_was_not_stored_is_read_from_its_directory(
    work: Path, artifacts: LocalArtifacts, make_request: MakeRequest
) -> None:
    version = version_of(work, "d/x y")

    answer = await recorded_files.answer(make_request({"range": "bytes=2-4"}), version, artifacts)

    assert await body(answer) == b"234"
    assert (answer.status_code, answer.headers["content-range"]) == (206, "bytes 2-4/10")
    assert answer.headers["etag"] == f'"{version.sha256}"'
    assert answer.headers["content-disposition"].startswith('attachment; filename="x_y"')
    with pytest.raises(RangeNotSatisfiable):
        await recorded_files.answer(make_request({"range": "bytes=10-"}), version, artifacts)


async def test_a_stored_content_outlives_its_file(
    work: Path, artifacts: LocalArtifacts, make_request: MakeRequest
) -> None:
    version = version_of(work, "x", is_stored=True)
    await artifacts.put_file(work / "x")
    (work / "x").write_bytes(b"other")

    answer = await recorded_files.answer(make_request(), version, artifacts)

    assert (answer.status_code, await body(answer)) == (200, CONTENT)


async def test_a_content_that_is_known_already_is_not_sent(
    work: Path, artifacts: LocalArtifacts, make_request: MakeRequest
) -> None:
    version = version_of(work, "x")
    request = make_request({"if-none-match": f'"{version.sha256}"'})

    assert (await recorded_files.answer(request, version, artifacts)).status_code == 304


async def test_what_was_changed_removed_or_replaced_is_gone(work: Path, artifacts: LocalArtifacts) -> None:
    changed, removed = version_of(work, "changed"), version_of(work, "removed")
    replaced, behind = version_of(work, "replaced"), version_of(work, "d/x")
    swept = version_of(work, "swept", is_stored=True)
    os.utime(work / "changed", ns=(1, changed.mtime_ns + 1))
    (work / "removed").unlink()
    (work / "replaced").rename(work / "kept")
    (work / "replaced").symlink_to(work / "kept")
    (work / "d").rename(work / "e")
    (work / "d").symlink_to(work / "e")

    for version in (changed, removed, replaced, behind):
        with pytest.raises(ArtifactGone, match=version.path):
            await recorded_files.content_of(version, artifacts)

    content = await recorded_files.content_of(swept, artifacts)
    assert b"".join([piece async for piece in content.pieces()]) == CONTENT


async def test_a_link_and_a_pipe_have_no_content(work: Path, artifacts: LocalArtifacts) -> None:
    link = version_of(work, "x", link="/etc/passwd")
    pipe = version_of(work, "pipe")
    (work / "pipe").unlink()
    os.mkfifo(work / "pipe")

    for version, reason in ((link, "symbolic link"), (pipe, "changed")):
        with pytest.raises(ArtifactGone, match=reason):
            await recorded_files.content_of(version, artifacts)


async def test_a_file_that_changes_while_it_is_read_breaks_the_answer_off(
    work: Path, artifacts: LocalArtifacts
) -> None:
    version = version_of(work, "x", bytes(1 << 20))
    pieces = (await recorded_files.content_of(version, artifacts)).pieces()
    first = await anext(pieces)
    (work / "x").write_bytes(bytes(1 << 20))

    with pytest.raises(ArtifactGone, match="while it was read"):
        [piece async for piece in pieces]
    assert len(first) < version.size


async def test_an_archive_names_what_it_could_not_take(work: Path, artifacts: LocalArtifacts) -> None:
    there, gone = version_of(work, "there"), version_of(work, "gone")
    (work / "gone").unlink()
    files = {"a/there": there, "a/gone": gone}

    pieces = [piece async for piece in file_archives.archived(ZipArchive(), files, artifacts, 0.0)]

    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as found:
        assert found.namelist() == ["a/there", "MISSING.txt"]
        assert found.read("a/there") == CONTENT
        assert b"a/gone: 'gone' was not kept" in found.read("MISSING.txt")


def use(number: int, kind: UseKind, version: FileVersion) -> RecordedUse:
    made = FileUse(number=number, execution=1, task="t", attempt=1, kind=kind, at=0.0)
    if kind == "deleted":
        return RecordedUse(use=made, before=version, after=None)
    return RecordedUse(use=made, before=None, after=version)


def test_the_last_version_of_each_path_is_left_unless_it_was_deleted(work: Path) -> None:
    first, second, gone = version_of(work, "x", b"1"), version_of(work, "x", b"2"), version_of(work, "y")
    uses = [use(1, "created", first), use(2, "created", gone), use(3, "modified", second)]

    left = recorded_files.left_by([*uses, use(4, "deleted", gone)], lambda version: version.path)

    assert left == {"x": second}


async def test_a_name_that_is_no_utf_8_can_be_downloaded_and_told(
    work: Path, artifacts: LocalArtifacts, make_request: MakeRequest
) -> None:
    version = version_of(work, "a\udcff")

    answer = await recorded_files.answer(make_request(), version, artifacts)
    (work / version.path).unlink()

    assert "filename*=UTF-8''a_xff" in answer.headers["content-disposition"]
    with pytest.raises(ArtifactGone, match=r"a\\xff"):
        await recorded_files.content_of(version, artifacts)
