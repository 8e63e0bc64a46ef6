"""Every form in which a file can be given becomes a file of the artifact store."""

from __future__ import annotations

from asyncio import StreamWriter
from collections.abc import Callable
from typing import Any

import pytest

from headrace.definition.templates import FileRef
from headrace.tasks import files
from headrace.tasks.context import Context, Limits
from headrace.tasks.failures import TaskFailure
from headrace.testing.web_server import Request, response, serve


@pytest.mark.parametrize(
    ("value", "name", "content_type", "content"),
    [
        ("data:,Hello%2C%20World!", "file.txt", "text/plain", b"Hello, World!"),
        ("data:text/html;charset=utf-8,<p>x", "file.html", "text/html", b"<p>x"),
        ("data:image/png;base64,AAEC", "file.png", "image/png", b"\0\1\2"),
        ("data:;base64,AA%3D%3D", "file.txt", "text/plain", b"\0"),
        ({"name": "a.mp3", "content_base64": "AAEC"}, "a.mp3", "audio/mpeg", b"\0\1\2"),
        (
            {"name": "../../etc/pass\nwd", "content_type": "x/y", "content_base64": ""},
            "_.._etc_pass_wd",
            "x/y",
            b"",
        ),
    ],
)
async def test_content_in_place_is_kept(
    context: Context, value: Any, name: str, content_type: str, content: bytes
) -> None:
    file = await files.obtain(value, context)

    assert (file.name, file.content_type, file.size) == (name, content_type, len(content))
    assert (await context.artifacts.path(file.sha256)).read_bytes() == content


async def test_a_file_of_the_store_stays_what_it_is(context: Context) -> None:
    file = await files.keep(b"abc", "a.txt", "text/plain", context)

    assert await files.obtain(file, context) is file


async def test_a_file_that_is_not_kept_any_longer_is_told_by_its_name(context: Context) -> None:
    with pytest.raises(TaskFailure, match=r"'a\.txt' is not kept any longer") as failed:
        await files.obtain(FileRef("ab" * 32, 3, "a.txt", "text/plain"), context)

    assert (failed.value.failure.code, failed.value.failure.final) == ("missing_value", True)


async def test_a_url_is_fetched_and_named_by_its_path(context: Context) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(response(b"ID3", content_type="audio/mpeg; x=y"))

    async with serve(answer) as url:
        file = await files.obtain(f"{url}/talks/the%20mill.mp3?key=1", context)
        named = await files.obtain({"url": url, "name": "mine.mp3"}, context)

    assert (file.name, file.content_type, file.size) == ("the mill.mp3", "audio/mpeg", 3)
    assert named.name == "mine.mp3"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("data:no comma", "invalid_value"),
        ("data:;base64,%%%", "invalid_value"),
        ({"content_base64": "not base64"}, "invalid_value"),
        ({"content_base64": "AAAAAAAAAAAAAAAAAAAA"}, "too_large"),
        ({"file_id": "file-0a1b2c3d"}, "type_mismatch"),
    ],
)
async def test_what_is_no_file_is_refused_for_good(
    make_context: Callable[..., Context], value: Any, code: str
) -> None:
    with pytest.raises(TaskFailure) as caught:
        await files.obtain(value, make_context(limits=Limits(file=10)))

    assert (caught.value.failure.code, caught.value.failure.final) == (code, True)


@pytest.mark.parametrize(("status", "code"), [(404, "http_status"), (200, "too_large")])
async def test_a_url_that_gives_no_file_is_told(
    make_context: Callable[..., Context], status: int, code: str
) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(response(b"x" * 100, status))

    async with serve(answer) as url:
        with pytest.raises(TaskFailure) as caught:
            await files.obtain(url, make_context(limits=Limits(file=10)))

    assert caught.value.failure.code == code
