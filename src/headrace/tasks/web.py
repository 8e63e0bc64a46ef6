"""Asking web servers: pages as text, and any HTTP request."""

from __future__ import annotations

from typing import Annotated, Any, Literal as OneOf

import msgspec
from msgspec import Meta, Struct

from headrace.definition.templates import ValueRef
from headrace.tasks import bodies
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure, remote_refusal
from headrace.tasks.fetching import Answer, Ask, fetch
from headrace.tasks.library import task
from headrace.tasks.ports import Note

_MAX_BYTES = 10 * 1024 * 1024
_Url = Annotated[str, Note(url=True)]
_Method = Annotated[OneOf["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"], Note(any_case=True)]
_Timeout = Annotated[float, Meta(ge=0.001, le=300)]
_MaxBytes = Annotated[int, Meta(ge=0)]


class Page(Struct, frozen=True):
    """A downloaded page.

    html: The decoded body of the answer. Example: "<h1>Hello, World!</h1>"
    status: The HTTP status. Example: 200
    content_type: The Content-Type header. Example: "text/html; charset=utf-8"
    url: The address after all redirects. Example: "https://example.com/"
    headers: The headers of the answer, names in lower case. Example: {"content-type": "text/html"}
    """

    html: Annotated[str | ValueRef, Note(aliases=("html_content",), default_output=True)]
    status: int
    content_type: str
    url: str
    headers: dict[str, Any]


@task("web.download", repeatable=True)
async def download(
    url: _Url,
    context: Context,
    *,
    method: _Method = "GET",
    headers: Annotated[dict[str, Any] | None, Note(headers=True)] = None,
    body: str | None = None,
    timeout: _Timeout = 30,  # noqa: ASYNC109  # a port of the type, and it limits more than one await
    max_bytes: _MaxBytes = _MAX_BYTES,
) -> Page:
    """Download a web page as text.

    url: Absolute http or https address. Example: "https://example.com"
    method: GET, HEAD, POST, PUT, PATCH or DELETE. Example: "GET"
    headers: Headers of the request. Example: {"Accept-Language": "en"}
    body: Body of the request. Example: "q=water"
    timeout: Seconds for the whole request, at most 300. Example: 30
    max_bytes: Largest body of the answer, counted after decompression. Example: 10485760
    """
    content = None if body is None else body.encode()
    ask = Ask(url=url, method=method.upper(), headers=headers or {}, body=content, timeout=timeout)
    async with fetch(context.http, ask) as answer:
        if not answer.is_success:
            raise _refused(answer)
        if not bodies.is_text(answer.media_type):
            raise TaskFailure(
                "not_text", f"{answer.subject} answered {answer.media_type}, which is not text."
            )
        return Page(
            html=await bodies.read_text(answer, context, max_bytes),
            status=answer.status,
            content_type=answer.headers.get("content-type", ""),
            url=answer.url,
            headers=answer.headers,
        )


class Reply(Struct, frozen=True):
    r"""The answer to a request.

    body: The decoded body of the answer. Example: "{\"ok\": true}"
    json: The object or list that the body spells, {} when it is no JSON. Example: {"ok": true}
    status: The HTTP status. Example: 200
    ok: Whether the status is 200 to 299. Example: true
    headers: The headers of the answer, names in lower case. Example: {"content-type": "application/json"}
    """

    body: Annotated[str | ValueRef, Note(default_output=True)]
    json: dict[str, Any]
    status: int
    ok: bool
    headers: dict[str, Any]


@task("http.request")
async def request(
    url: _Url,
    context: Context,
    *,
    method: _Method = "GET",
    headers: Annotated[dict[str, Any] | None, Note(headers=True)] = None,
    query: dict[str, Any] | None = None,
    body: dict[str, Any] | list[Any] | str | None = None,
    timeout: _Timeout = 30,  # noqa: ASYNC109  # a port of the type, and it limits more than one await
    max_bytes: _MaxBytes = _MAX_BYTES,
    fail_on_error: bool = True,
) -> Reply:
    """Send an HTTP request.

    url: Absolute http or https address. Example: "https://example.com/api"
    method: GET, HEAD, POST, PUT, PATCH or DELETE. Example: "POST"
    headers: Headers of the request. Example: {"Accept": "application/json"}
    query: Parameters added to the address. Example: {"page": 2}
    body: A text is sent as it is, an object as JSON. Example: {"name": "World"}
    timeout: Seconds for the whole request, at most 300. Example: 30
    max_bytes: Largest body of the answer, counted after decompression. Example: 10485760
    fail_on_error: Whether a status of 400 or more fails the task. Example: true
    """
    sent = dict(headers or {})
    if isinstance(body, str) or body is None:
        content = None if body is None else body.encode()
    else:
        content = msgspec.json.encode(body)
        if not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
    ask = Ask(url=url, method=method.upper(), headers=sent, query=query, body=content, timeout=timeout)
    async with fetch(context.http, ask) as answer:
        if answer.status >= 400 and fail_on_error:
            raise _refused(answer)
        text = await bodies.read_text(answer, context, max_bytes)
        return Reply(
            body=text,
            json=await bodies.read_json(text, answer.media_type, context),
            status=answer.status,
            ok=answer.is_success,
            headers=answer.headers,
        )


def _refused(answer: Answer) -> TaskFailure:
    sentence = f"{answer.subject} answered {answer.status}."
    return remote_refusal("http_status", sentence, answer.status, answer.retry_after)
