from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import AsyncIterator

import pytest

from headrace.http.archives import FORMATS, ArchiveNames, ArchiveWriter, Entry, TarArchive, ZipArchive, sent

FILES = {"a.txt": b"a" * 700, "d/ä b": b"", "d/" + "long" * 60: bytes(range(256)) * 2}


async def in_pieces(content: bytes, size: int = 100) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def written(writer: ArchiveWriter, files: dict[str, bytes]) -> bytes:
    found = []
    for name, content in files.items():
        entry = Entry(name, len(content), 1_700_000_000.5)
        found += [piece async for piece in sent(writer, entry, in_pieces(content))]
    return b"".join([*found, writer.close()])


async def test_a_zip_unpacks_to_what_went_in() -> None:
    content = await written(ZipArchive(), FILES)

    with zipfile.ZipFile(io.BytesIO(content)) as found:
        assert found.testzip() is None
        assert {name: found.read(name) for name in found.namelist()} == FILES
        assert found.getinfo("a.txt").date_time == (2023, 11, 14, 22, 13, 20)


async def test_a_tar_unpacks_to_what_went_in() -> None:
    content = await written(TarArchive(), FILES)

    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as found:
        members = {each.name: each for each in found.getmembers()}
        assert all(each.isreg() and each.mode == 0o644 for each in members.values())
        unpacked = {name: found.extractfile(each) for name, each in members.items()}
        assert {name: file.read() for name, file in unpacked.items() if file is not None} == FILES


@pytest.mark.parametrize("format", FORMATS)
async def test_an_archive_may_be_empty(format: str) -> None:
    content = await written(FORMATS[format](), {})

    if format == "zip":
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            assert packed.namelist() == []
    else:
        with tarfile.open(fileobj=io.BytesIO(content)) as found:
            assert found.getnames() == []


@pytest.mark.parametrize("format", FORMATS)
async def test_a_large_file_leaves_in_pieces(format: str) -> None:
    writer = FORMATS[format]()
    size = 8 * 1024 * 1024

    async def endless() -> AsyncIterator[bytes]:
        piece = bytes(range(256)) * 256
        for _ in range(size // len(piece)):
            yield piece

    largest = max([len(piece) async for piece in sent(writer, Entry("x", size, 0.0), endless())])

    assert largest < 1024 * 1024
    writer.close()


def test_names_are_safe_and_never_meet() -> None:
    names = ArchiveNames()
    wanted = ["a", "/a", "a/b", "../../x", "c/d", "c", "n\\m\n", "\udcff", "..", "a"]

    given = [names.take(path) for path in wanted]

    assert given == ["a", "a-2", "a-3/b", "x", "c/d", "c-2", "n_m_", "?", "file", "a-4"]


def test_an_ordinary_name_is_kept_whoever_else_would_be_called_so() -> None:
    paths = ["a\nb", "a_b", "d/x", "d\\x", "d"]
    names = ArchiveNames(paths)

    assert [names.take(path) for path in paths] == ["a_b-2", "a_b", "d/x", "d_x", "d-2"]
    assert names.take("a_b") == "a_b-3"
