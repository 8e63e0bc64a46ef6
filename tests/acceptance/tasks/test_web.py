"""web.download and http.request against servers of loopback, well-behaved and hostile."""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import resource
import time
import zlib
from asyncio import StreamWriter
from collections.abc import Callable
from typing import Any

import pytest

from headrace.definition import codec
from headrace.definition.outcomes import Failure
from headrace.definition.templates import ValueRef
from headrace.security.egress import Egress
from headrace.settings import Settings
from headrace.tasks import web
from headrace.tasks.calling import call
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.files import obtain
from headrace.tasks.library import TaskType
from headrace.tasks.youtube import is_youtube
from headrace.testing.web_server import Answer, Request, response, serve

MakeContext = Callable[..., Context]
PIECE = 64 * 1024


async def failure_of(type: TaskType, inputs: dict[str, Any], context: Context) -> Failure:
    with pytest.raises(TaskFailure) as caught:
        await call(type, inputs, context)
    return caught.value.failure


def always(content: bytes) -> Answer:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(content)

    return answer


async def test_a_page_is_downloaded_with_all_that_is_said_of_it(context: Context) -> None:
    async with serve(
        always(response("<h1>Hello, World!</h1>", content_type="text/html; charset=utf-8"))
    ) as url:
        outputs = await call(web.download, {"url": f"{url}/page"}, context)

    assert outputs["html"] == "<h1>Hello, World!</h1>"
    assert outputs["status"] == 200
    assert outputs["content_type"] == "text/html; charset=utf-8"
    assert outputs["url"] == f"{url}/page"
    assert outputs["headers"]["content-length"] == "22"


async def test_schemes_are_compared_without_case(context: Context) -> None:
    async with serve(always(response("x", content_type="text/plain"))) as url:
        loud = url.replace("http://", "HTTP://")
        outputs = await call(web.download, {"url": loud}, context)
        file = await obtain(loud, context)

    assert (outputs["html"], file.size) == ("x", 1)
    assert is_youtube("HTTPS://www.youtube.com/watch?v=dQw4w9WgXcQ")
    assert Egress().check_url("HTTPS://example.com/hook") is None
    assert Settings(openai={"base_url": "HTTP://127.0.0.1:1/v1"}).openai.base_url.startswith("HTTP://")


async def test_it_says_who_it_is_unless_told_otherwise(context: Context) -> None:
    seen: list[str] = []

    async def answer(request: Request, writer: StreamWriter) -> None:
        seen.append(request.headers["user-agent"])
        writer.write(response())

    async with serve(answer) as url:
        await call(web.download, {"url": url}, context)
        await call(web.download, {"url": url, "headers": {"user-agent": "Me/1"}}, context)

    assert seen[0].startswith("Headrace/")
    assert seen[1] == "Me/1"


@pytest.mark.parametrize(
    ("declared", "body", "text"),
    [
        ("text/html; charset=iso-8859-1", "café €".encode("cp1252"), "café €"),
        ("text/html; charset=shift_jis", "水車".encode("shift_jis"), "水車"),
        ("text/html", "水車".encode("utf-16"), "水車"),
        ("text/html", b"\xef\xbb\xbfabc", "abc"),
        (
            "text/html",
            b"<meta charset=windows-1251>" + "вода".encode("cp1251"),
            "<meta charset=windows-1251>вода",
        ),
        ("text/html; charset=no-such", "wörd".encode(), "wörd"),
        ("text/html; charset=rot13", b"abc", "abc"),
        ("text/html; charset=unicode_escape", rb"\x41", r"\x41"),
        ("text/html; charset=utf-8", b"bad \xff byte", "bad � byte"),
        ("application/json", b'{"a": 1}', '{"a": 1}'),
        ("application/atom+xml", b"<feed/>", "<feed/>"),
    ],
)
async def test_the_charset_is_the_headers_else_the_pages_own_else_utf_8(
    context: Context, declared: str, body: Any, text: str
) -> None:
    async with serve(always(response(body, content_type=declared))) as url:
        outputs = await call(web.download, {"url": url}, context)

    assert outputs["html"] == text


@pytest.mark.parametrize("content_type", ["image/png", "application/octet-stream", "application/pdf"])
async def test_what_is_not_text_is_refused(context: Context, content_type: str) -> None:
    async with serve(always(response(b"\x89PNG\0", content_type=content_type))) as url:
        failure = await failure_of(web.download, {"url": url}, context)

    assert (failure.code, failure.final) == ("not_text", True)


@pytest.mark.parametrize(
    ("status", "final"),
    [(404, True), (410, True), (408, False), (425, False), (429, False), (500, False), (503, False)],
)
async def test_a_status_outside_200_to_299_fails_and_4xx_is_final(
    context: Context, status: int, final: bool
) -> None:
    async with serve(always(response("x", status=status))) as url:
        failure = await failure_of(web.download, {"url": f"{url}/a?key=1"}, context)

    assert (failure.code, failure.status, failure.final) == ("http_status", status, final)
    assert failure.message == f"GET {url}/a?… answered {status}."


async def test_retry_after_is_understood_as_seconds_and_as_a_date(context: Context) -> None:
    async with serve(always(response(status=503, retry_after="7"))) as url:
        failure = await failure_of(web.download, {"url": url}, context)
    later = email.utils.formatdate(time.time() + 100, usegmt=True)
    async with serve(always(response(status=429, retry_after=later))) as url:
        dated = await failure_of(web.download, {"url": url}, context)

    assert failure.retry_after == 7
    assert 90 < (dated.retry_after or 0) <= 100


@pytest.mark.parametrize(
    "url", ["ftp://example.com/x", "example.com", "http://", "javascript:1", "http://a b/", "file:///x"]
)
async def test_what_is_no_web_address_is_refused(context: Context, url: str) -> None:
    failure = await failure_of(web.download, {"url": url}, context)

    assert (failure.code, failure.final) == ("invalid_url", True)


async def test_this_machine_is_out_of_reach_unless_the_operator_allows_it(make_context: MakeContext) -> None:
    async with serve(always(response("secret"))) as url:
        failure = await failure_of(web.download, {"url": url}, make_context(allow=()))

    assert (failure.code, failure.final) == ("egress_blocked", True)


async def test_a_redirect_to_this_machine_is_checked_like_a_first_address(make_context: MakeContext) -> None:
    async with serve(always(response("secret"))) as inner:

        async def answer(request: Request, writer: StreamWriter) -> None:
            writer.write(response(status=302, location=inner))

        async with serve(answer) as url:
            failure = await failure_of(
                web.download, {"url": url}, make_context(allow=(url.removeprefix("http://"),))
            )

    assert failure.code == "egress_blocked"


async def test_thirty_redirects_end_after_ten(context: Context) -> None:
    hops: list[str] = []

    async def answer(request: Request, writer: StreamWriter) -> None:
        hops.append(request.path)
        writer.write(response(status=302, location=f"/{len(hops)}"))

    async with serve(answer) as url:
        failure = await failure_of(web.download, {"url": url}, context)

    assert (failure.code, failure.final) == ("too_many_redirects", True)
    assert len(hops) == 11


async def test_ten_redirects_are_followed_and_the_last_address_is_told(context: Context) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        step = int(request.path[1:] or 0)
        writer.write(response("end") if step == 10 else response(status=302, location=f"/{step + 1}"))

    async with serve(answer) as url:
        outputs = await call(web.download, {"url": f"{url}/0"}, context)

    assert (outputs["html"], outputs["url"]) == ("end", f"{url}/10")


async def test_credentials_stay_on_their_host(context: Context) -> None:
    seen: dict[str, tuple[str | None, str | None]] = {}

    def remember(name: str) -> Answer:
        async def answer(request: Request, writer: StreamWriter) -> None:
            seen[f"{name}{request.path}"] = (
                request.headers.get("authorization"),
                request.headers.get("cookie"),
            )
            target = {"/": "/same", "/same": f"{other}/there"}.get(request.path)
            writer.write(response(status=302, location=target) if target else response("end"))

        return answer

    async with serve(remember("other")) as other, serve(remember("first")) as first:
        headers = {"Authorization": "Bearer x", "Cookie": "a=1"}
        await call(web.download, {"url": f"{first}/", "headers": headers}, context)

    assert seen["first/"] == ("Bearer x", "a=1")
    assert seen["first/same"] == ("Bearer x", "a=1")
    assert seen["other/there"] == (None, None)


async def test_a_redirect_with_an_endless_body_is_not_read(context: Context) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        if request.path == "/end":
            writer.write(response("end"))
            return
        writer.write(b"HTTP/1.1 302 X\r\nlocation: /end\r\n\r\n")
        while True:
            writer.write(b"x" * PIECE)
            await writer.drain()

    async with serve(answer) as url:
        outputs = await call(web.download, {"url": url}, context)

    assert outputs["html"] == "end"


async def test_a_gzip_bomb_ends_at_the_limit_counted_after_decompression(context: Context) -> None:
    bomb = gzip.compress(b"\0" * (200 * 1024 * 1024), compresslevel=9)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serve(always(response(bomb, content_encoding="gzip"))) as url:
        failure = await failure_of(web.download, {"url": url, "max_bytes": 10_000_000}, context)

    assert (failure.code, failure.final) == ("too_large", True)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000


async def test_a_slow_drip_ends_by_the_time_of_the_whole_request(context: Context) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 X\r\ncontent-type: text/html\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.05)

    async with serve(answer) as url:
        failure = await failure_of(web.download, {"url": url, "timeout": 0.5}, context)

    assert (failure.code, failure.final) == ("timeout", False)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not http at all\r\n\r\n",
        b"HTTP/1.1 200 X\r\ncontent-length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 X\r\nx-huge: " + b"h" * 2_000_000 + b"\r\n\r\n",
        response(b"not gzip", content_encoding="gzip"),
        b"HTTP/1.1 200 X\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["nothing", "garbage", "truncated", "huge header", "no gzip", "bad chunk"],
)
async def test_a_broken_answer_is_a_failure_that_may_be_tried_again(context: Context, content: bytes) -> None:
    async with serve(always(content)) as url:
        failure = await failure_of(web.download, {"url": url}, context)

    assert (failure.code, failure.final) == ("connection_failed", False)


async def test_nobody_at_the_address_is_a_failure_that_may_be_tried_again(context: Context) -> None:
    async with serve(always(b"")) as url:
        pass
    failure = await failure_of(web.download, {"url": url}, context)

    assert (failure.code, failure.final) == ("connection_failed", False)


@pytest.mark.parametrize(
    "inputs",
    [
        {"method": "TRACE"},
        {"headers": {"X-A": "one\r\nX-B: two"}},
        {"headers": {"X A": "space"}},
        {"timeout": 301},
        {"max_bytes": -1},
        {"max_bytes": 1.5},
    ],
)
async def test_values_out_of_range_are_refused(context: Context, inputs: dict[str, Any]) -> None:
    async with serve(always(response())) as url:
        failure = await failure_of(web.download, {"url": url, **inputs}, context)

    assert (failure.code, failure.final) == ("invalid_value", True)


async def test_fifty_megabytes_go_to_an_artifact_with_flat_memory(context: Context) -> None:
    total = 50 * 1024 * 1024

    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(
            f"HTTP/1.1 200 X\r\ncontent-type: text/plain\r\ncontent-length: {total}\r\n\r\n".encode()
        )
        for _ in range(total // PIECE):
            writer.write(b"w" * PIECE)
            await writer.drain()

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with serve(answer) as url:
        outputs = await call(web.download, {"url": url, "max_bytes": total}, context)

    assert isinstance(outputs["html"], ValueRef)
    assert (outputs["html"].size, outputs["html"].kind) == (total, "text")
    assert (await context.artifacts.path(outputs["html"].sha256)).stat().st_size == total
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 25_000


async def test_an_object_is_sent_as_json_and_the_answer_is_parsed(context: Context) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        heard = {
            "method": request.method,
            "path": request.path,
            "type": request.headers.get("content-type"),
            "body": request.body.decode(),
        }
        writer.write(response(json.dumps(heard), content_type="application/json"))

    async with serve(answer) as url:
        outputs = await call(
            web.request,
            {"url": f"{url}/a?x=1", "method": "post", "query": {"y": 2, "z": ["a", "b c"]}, "body": {"n": 1}},
            context,
        )

    assert outputs["json"] == {
        "method": "POST",
        "path": "/a?x=1&y=2&z=a&z=b+c",
        "type": "application/json",
        "body": '{"n":1}',
    }
    assert outputs["ok"] is True


@pytest.mark.parametrize("body", ["", "text", "5", "null", "{broken", "[" * 100_000])
async def test_a_body_that_is_no_object_gives_an_empty_one(context: Context, body: Any) -> None:
    async with serve(always(response(body))) as url:
        outputs = await call(web.request, {"url": url}, context)

    assert outputs["json"] == {}


async def test_large_json_is_an_artifact_and_so_is_its_value(context: Context) -> None:
    value = {"items": list(range(50_000))}
    async with serve(always(response(json.dumps(value), content_type="application/json"))) as url:
        outputs = await call(web.request, {"url": url}, context)

    assert outputs["json"].kind == "json"
    assert codec.decode((await context.artifacts.path(outputs["json"].sha256)).read_bytes(), dict) == value


async def test_a_refusal_is_an_answer_when_asked_for(context: Context) -> None:
    async with serve(always(response('{"why": "gone"}', status=410))) as url:
        outputs = await call(web.request, {"url": url, "fail_on_error": False}, context)
        failure = await failure_of(web.request, {"url": url}, context)

    assert (outputs["status"], outputs["ok"], outputs["json"]) == (410, False, {"why": "gone"})
    assert (failure.code, failure.status, failure.final) == ("http_status", 410, True)


async def test_any_type_that_decodes_is_text_for_http_request(context: Context) -> None:
    async with serve(always(response("a,b", content_type="application/vnd.table"))) as url:
        outputs = await call(web.request, {"url": url}, context)
    async with serve(always(response(zlib.compress(b"x"), content_type="application/zlib"))) as url:
        failure = await failure_of(web.request, {"url": url}, context)

    assert outputs["body"] == "a,b"
    assert failure.code == "not_text"
