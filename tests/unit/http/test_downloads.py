from __future__ import annotations

from pathlib import Path

import pytest
from starlette.responses import StreamingResponse
from tests.unit.http.conftest import MakeRequest

from headrace.artifacts.local import open_local
from headrace.definition.templates import FileRef
from headrace.errors import NotFound
from headrace.http import downloads

CONTENT = b"0123456789"


async def kept(tmp_path: Path, name: str = "a.txt") -> FileRef:
    stored = await open_local(tmp_path).put_bytes(CONTENT)
    return FileRef(stored.sha256, stored.size, name, "text/plain")


async def test_a_stored_file_is_answered_in_ranges(tmp_path: Path, make_request: MakeRequest) -> None:
    file = await kept(tmp_path)

    answer = await downloads.stored(make_request({"range": "bytes=2-4"}), file, open_local(tmp_path))

    assert isinstance(answer, StreamingResponse)
    assert b"".join([bytes(piece) async for piece in answer.body_iterator]) == b"234"  # type: ignore[arg-type]
    assert (answer.status_code, answer.headers["content-range"]) == (206, "bytes 2-4/10")
    assert answer.headers["etag"] == f'"{file.sha256}"'


async def test_a_file_that_is_known_already_is_not_sent(tmp_path: Path, make_request: MakeRequest) -> None:
    file = await kept(tmp_path)
    request = make_request({"if-none-match": f'"{file.sha256}"'})

    answer = await downloads.stored(request, file, open_local(tmp_path))

    assert (answer.status_code, answer.body) == (304, b"")


async def test_a_part_is_answered_only_of_the_content_that_the_client_has(
    tmp_path: Path, make_request: MakeRequest
) -> None:
    file = await kept(tmp_path)
    tag = f'"{file.sha256}"'

    async def status(condition: str) -> int:
        request = make_request({"range": "bytes=0-1", "if-range": condition})
        return (await downloads.stored(request, file, open_local(tmp_path))).status_code

    assert [await status(each) for each in (tag, f" {tag} ")] == [206, 206]
    others = ('"zz"', f"W/{tag}", file.sha256, f'{tag}, "zz"', "*", "", "Sat, 01 Jan 2000 00:00:00 GMT")
    assert [await status(each) for each in others] == [200] * len(others)


def test_of_what_has_no_tag_no_condition_holds(make_request: MakeRequest) -> None:
    request = make_request({"range": "bytes=0-1", "if-range": '"zz"'})

    answer = downloads.octets(request, CONTENT, "a.txt", "text/plain")

    assert (answer.status_code, answer.body) == (200, CONTENT)


def test_a_condition_that_fails_asks_for_everything_also_outside_of_the_content(
    make_request: MakeRequest,
) -> None:
    request = make_request({"range": "bytes=99-", "if-range": '"zz"'})

    assert downloads.octets(request, CONTENT, "a.txt", "text/plain").status_code == 200


async def test_a_file_that_is_gone_is_not_found(tmp_path: Path, make_request: MakeRequest) -> None:
    with pytest.raises(NotFound):
        await downloads.stored(make_request(), FileRef("0" * 64, 1, "a", "text/plain"), open_local(tmp_path))


def test_no_browser_takes_a_content_for_a_page(make_request: MakeRequest) -> None:
    answer = downloads.octets(make_request(), b"<script>", 'ä"\r\n.html', "text/html")

    assert answer.headers["content-disposition"] == (
        "attachment; filename=\"____.html\"; filename*=UTF-8''%C3%A4%22__.html"
    )
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("name", "plain", "encoded"),
    [
        ("coll/../x-1.zip", "coll_.._x-1.zip", "coll_.._x-1.zip"),
        ("..\\..\\evil", "___.._evil", "___.._evil"),
        ("../../x", "___.._x", "___.._x"),
        ("a\nb\x1b[31m\u202ec", "a_b__31m_c", "a_b_%5B31m_c"),
        ("..", "__", "__"),
        (".", "_", "_"),
        ("", "download", "download"),
        (".hidden", ".hidden", ".hidden"),
        ("ä b\udcff", "__b_", "%C3%A4%20b_"),
    ],
)
def test_a_download_suggests_the_name_of_a_file_and_no_way(name: str, plain: str, encoded: str) -> None:
    disposition = downloads.protective(name)["content-disposition"]

    assert disposition == f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


@pytest.mark.parametrize("asked", [None, "text", "text/plain\r\nx: y", "text/ä", "t/" + "x" * 100])
def test_a_media_type_that_cannot_stand_in_a_header_is_that_of_bytes(asked: str | None) -> None:
    assert downloads.content_type_of(asked) == "application/octet-stream"
    assert downloads.content_type_of("text/plain") == "text/plain"
