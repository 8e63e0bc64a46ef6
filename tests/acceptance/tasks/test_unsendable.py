"""Requests that cannot be sent, and answers that cannot be held: told finally, in the words of the user."""

from __future__ import annotations

from asyncio import StreamWriter
from typing import Any

import pytest

from headrace.definition.outcomes import Failure
from headrace.tasks import web
from headrace.tasks.calling import call
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.files import obtain
from headrace.testing.web_server import Request, response, serve


async def answer(request: Request, writer: StreamWriter) -> None:
    writer.write(response("x", content_type="text/plain"))


async def failure_of(context: Context, **inputs: Any) -> Failure:
    async with serve(answer) as url:
        with pytest.raises(TaskFailure) as caught:
            await call(web.request, {"url": url, **inputs}, context)
    return caught.value.failure


@pytest.mark.parametrize(
    ("inputs", "told"),
    [
        ({"headers": ["a"]}, "http.request needs an object with names for 'headers'; it got a list."),
        ({"query": [1]}, "http.request needs an object with names for 'query'; it got a list."),
        ({"headers": {"Content-Length": "3"}}, "says 3, and the body has 0 bytes"),
        ({"headers": {"Content-Length": "x"}}, "is a whole number"),
        ({"headers": {"Transfer-Encoding": "gzip"}}, "can only be 'chunked'"),
        ({"headers": {"line\nbreak": "x"}}, r"'line\nbreak' is no name of a header"),
        ({"headers": {"日本": "x"}}, "'日本' is no name of a header"),
        ({"headers": {"": "x"}}, "is no name of a header"),
        ({"headers": {"X-A": "one\r\nX-B: two"}}, "'X-A' has a line break"),
        ({"headers": {"X-A": "日本"}}, "'X-A' has characters beyond ASCII"),
        ({"headers": {"X-A": " x"}}, "'X-A' begins or ends with white space"),
    ],
)
async def test_headers_and_queries_that_cannot_be_sent(
    context: Context, inputs: dict[str, Any], told: str
) -> None:
    failure = await failure_of(context, **inputs)

    assert (failure.code, failure.final, failure.trace) == ("invalid_value", True, None)
    assert told in failure.message


async def test_what_counts_right_and_a_body_that_is_a_list_are_sent(context: Context) -> None:
    headers = {"Content-Length": 3, "X-Empty": "", "X-Null": None}
    async with serve(answer) as url:
        given = {"url": url, "method": "POST", "body": [1], "headers": headers}
        outputs = await call(web.request, given, context)

    assert outputs["status"] == 200


@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
async def test_an_answer_with_a_number_that_no_value_can_be_is_not_lost_silently(
    context: Context, media_type: str
) -> None:
    async def large(request: Request, writer: StreamWriter) -> None:
        writer.write(response('{"n": 123456789012345678901234567890}', content_type=media_type))

    async with serve(large) as url:
        with pytest.raises(TaskFailure) as caught:
            await call(web.request, {"url": url}, context)
    failure = caught.value.failure

    assert (failure.code, failure.final) == ("invalid_value", True)
    assert "beyond -9223372036854775808 to 18446744073709551615" in failure.message


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "'' is not an absolute http or https URL."),
        ("x", "'x' is not an absolute http or https URL."),
        (" http://h/p ", "' http://h/p ' has white space around it."),
        ("http://h/p?token=1 ", "'http://h/p' has white space around it."),
        ("http://", "'http://' is not an absolute http or https URL."),
        ("//h/p?q", "'//h/p' is not an absolute http or https URL."),
        ("mailto:a@b", "'mailto:a@b' is not an absolute http or https URL."),
        ("ftp://h", "'ftp://h' is not an absolute http or https URL."),
        ("http://h:x/", "'http://h:x/' has a port that is no number from 1 to 65535."),
    ],
)
async def test_a_url_that_cannot_be_asked_is_quoted_as_it_was_written(
    context: Context, url: str, told: str
) -> None:
    failure = await failure_of(context, url=url)

    assert (failure.code, failure.final, failure.message) == ("invalid_url", True, told)
    with pytest.raises(TaskFailure) as caught:
        await obtain(url, context)
    assert caught.value.failure.message == told
