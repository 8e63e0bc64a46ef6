from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.responses import StreamingResponse
from tests.unit.http.conftest import MakeRequest

from headrace.artifacts import local
from headrace.artifacts.local import LocalArtifacts, open_local
from headrace.definition.templates import ValueRef
from headrace.errors import NotFound
from headrace.http import downloads
from headrace.http.large_texts import LargeText
from headrace.http.ranges import RangeNotSatisfiable
from headrace.security.redaction import Redactor

SECRET = "correct horse battery"
TEXT = f"é begins {SECRET}, then {SECRET}{SECRET} and ends with {SECRET}"
SHOWN = "é begins ***, then ****** and ends with ***".encode()


class Watched(LocalArtifacts):
    """Artifacts that remember up to where they were read."""

    read_until = 0

    async def open_range(self, sha256: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        at = start
        async for piece in super().open_range(sha256, start, end):
            at += len(piece)
            self.read_until = max(self.read_until, at)
            yield piece


@pytest.fixture
def artifacts(tmp_path: Path) -> Watched:
    return Watched(open_local(tmp_path).directory)


async def large(artifacts: LocalArtifacts, text: str, *secrets: str) -> LargeText:
    stored = await artifacts.put_bytes(text.encode())
    return LargeText(ValueRef(stored.sha256, stored.size, "text"), artifacts, Redactor(secrets))


async def read(text: LargeText, start: int, end: int) -> bytes:
    return b"".join([piece async for piece in text.octets(start, end)])


@pytest.mark.parametrize("chunk", [1, 7, 1000])
async def test_every_part_is_one_of_the_masked_text_wherever_the_pieces_end(
    artifacts: Watched, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(local, "CHUNK", chunk)
    text = await large(artifacts, TEXT, SECRET)
    parts = [(start, end) for start in range(0, len(SHOWN), 5) for end in range(start, len(SHOWN) + 1, 3)]

    assert await text.size() == len(SHOWN)
    assert [await read(text, *part) for part in parts] == [SHOWN[start:end] for start, end in parts]


@pytest.mark.parametrize("secrets", [(), (SECRET,)])
async def test_the_beginning_is_read_and_no_more(artifacts: Watched, secrets: tuple[str, ...]) -> None:
    text = await large(artifacts, "é" * 3_000_000, *secrets)

    assert await text.beginning(1024) == "é" * 1024
    assert artifacts.read_until < 8192


@pytest.mark.parametrize("before", range(0, 24, 4))
async def test_no_part_of_a_secret_stands_before_the_cut(artifacts: Watched, before: int) -> None:
    told = "x" * before + SECRET + "y" * 100
    text = await large(artifacts, told, SECRET)
    expected = ("x" * before + "***" + "y" * 100)[:24]

    assert await text.beginning(24) == expected
    assert Redactor([SECRET]).beginning(told, 24) == expected


async def test_a_beginning_of_nothing_but_secrets_goes_on_until_it_is_long_enough(artifacts: Watched) -> None:
    told = SECRET * 1000
    text = await large(artifacts, told, SECRET)

    assert await text.beginning(1024) == "***" * 341 + "*"
    assert await text.beginning(10_000) == "***" * 1000
    assert Redactor([SECRET]).beginning(told, 10_000) == "***" * 1000


async def test_a_part_without_secrets_is_read_where_it_lies(artifacts: Watched) -> None:
    text = await large(artifacts, "0123456789" * 100)

    assert await read(text, 12, 15) == b"234"
    assert artifacts.read_until == 15


async def test_ranges_count_bytes_of_what_is_shown(artifacts: Watched, make_request: MakeRequest) -> None:
    text = await large(artifacts, TEXT, SECRET)
    answer = await downloads.text(make_request({"range": "bytes=-6"}), text, "page")

    assert isinstance(answer, StreamingResponse)
    assert b"".join([bytes(piece) async for piece in answer.body_iterator]) == SHOWN[-6:]  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["content-length"]) == (206, "6")
    assert answer.headers["content-range"] == f"bytes {len(SHOWN) - 6}-{len(SHOWN) - 1}/{len(SHOWN)}"
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    with pytest.raises(RangeNotSatisfiable):
        await downloads.text(make_request({"range": f"bytes={len(SHOWN)}-"}), text, "page")


@pytest.mark.parametrize("secrets", [(), (SECRET,)])
async def test_a_text_that_is_gone_is_not_found(artifacts: Watched, secrets: tuple[str, ...]) -> None:
    text = LargeText(ValueRef("0" * 64, 5, "text"), artifacts, Redactor(secrets))

    with pytest.raises(NotFound):
        await text.size()
    with pytest.raises(NotFound):
        await text.beginning(10)
