"""Asks one HTTP server one thing, within limits: redirects, bytes after decompression, and time in all.

This is the only file of the room that drives the HTTP library; the client comes from the context and passes
the egress guard, which checks the address of every connection and so of every redirect.
"""

from __future__ import annotations

import asyncio
import email.utils
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, BinaryIO, Final

import httpx2
from msgspec import Struct, field

from headrace import __version__
from headrace.security import shortening
from headrace.security.egress import EgressBlocked
from headrace.tasks import request_headers, urls
from headrace.tasks.failures import TaskFailure
from headrace.tasks.values import text_of

MAX_REDIRECTS: Final = 10
USER_AGENT: Final = f"Headrace/{__version__}"


class Ask(Struct, frozen=True, kw_only=True):
    """One request."""

    url: str
    method: str = "GET"
    headers: dict[str, Any] = field(default_factory=dict)
    query: dict[str, Any] | None = None
    body: bytes | None = None
    form: dict[str, str] | None = None
    """Fields of a multipart body."""
    file: tuple[str, tuple[str, BinaryIO, str]] | None = None
    """A file of a multipart body: its field, then name, open file and media type."""
    timeout: float | None = 30.0
    """Seconds for all of it, redirects and last byte too; None leaves it to the attempt's timeout."""


class Answer:
    """A response whose body is still on the way."""

    def __init__(self, response: httpx2.Response) -> None:
        self._response = response
        self.status = response.status_code
        self.url = str(response.url)
        self.headers: dict[str, str] = dict(response.headers)
        """Names in lower case; several values of one name are joined by commas."""
        self.charset = response.charset_encoding
        self.media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        self.subject = f"{response.request.method} {shown(response.request.url)}"
        """What was asked, for sentences."""

    @property
    def is_success(self) -> bool:
        """Whether the status is 200 to 299."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """Seconds that the remote side asks to wait, from its Retry-After (seconds or a date)."""
        value = self.headers.get("retry-after", "").strip()
        if value.isdecimal():
            return float(value[:9])
        try:
            moment = email.utils.parsedate_to_datetime(value)
        except ValueError:
            return None
        return max(0.0, moment.timestamp() - time.time())

    async def chunks(self, max_bytes: int) -> AsyncIterator[bytes]:
        """Yield the decompressed body; raises TaskFailure `too_large` past `max_bytes`."""
        size = 0
        async for chunk in self._response.aiter_bytes():
            size += len(chunk)
            if size > max_bytes:
                raise TaskFailure("too_large", f"{self.subject} answered more than {max_bytes} bytes.")
            yield chunk

    async def read(self, max_bytes: int) -> bytes:
        """Return the whole decompressed body; raises TaskFailure `too_large`."""
        return b"".join([chunk async for chunk in self.chunks(max_bytes)])

    async def start(self, max_bytes: int) -> bytes:
        """Return the first `max_bytes` of the decompressed body, for the sentence of an error."""
        found = b""
        async for chunk in self._response.aiter_bytes():
            found += chunk
            if len(found) >= max_bytes:
                break
        return found[:max_bytes]


def shown(url: httpx2.URL) -> str:
    """Return a URL for people and logs: without user information, and with its query left out."""
    plain = url.copy_with(userinfo=b"", query=None, fragment=None)
    return f"{plain}?…" if url.query else str(plain)


@asynccontextmanager
async def fetch(make_client: Callable[[], httpx2.AsyncClient], ask: Ask) -> AsyncIterator[Answer]:
    """Send the request, follow redirects, and give the answer while the block reads its body.

    The block counts against the time limit. Raises TaskFailure: `invalid_url`, `invalid_value` (a header),
    `egress_blocked`, `connection_failed`, `timeout`, `too_many_redirects`.
    """
    with _told(ask):
        async with asyncio.timeout(ask.timeout), make_client() as client:
            response = await _follow(client, _request(client, ask))
            try:
                yield Answer(response)
            finally:
                await response.aclose()


def _request(client: httpx2.AsyncClient, ask: Ask) -> httpx2.Request:
    given = {name: text_of(value) for name, value in ask.headers.items() if value is not None}
    size = len(ask.body or b"")
    if wrong := request_headers.why_unusable(given) or request_headers.why_miscounted(given, size):
        raise TaskFailure("invalid_value", f"{_subject(ask)} was not sent. {wrong}")
    headers = httpx2.Headers({"User-Agent": USER_AGENT})
    headers.update(given)
    if wrong := urls.why_unusable(ask.url):
        raise TaskFailure("invalid_url", wrong)
    url = httpx2.URL(ask.url)
    if ask.query:
        url = url.copy_merge_params(_flat(ask.query))
    return client.build_request(
        ask.method,
        url,
        headers=headers,
        content=ask.body,
        data=ask.form,
        files=None if ask.file is None else dict((ask.file,)),
        timeout=httpx2.Timeout(ask.timeout),
    )


def _flat(query: Mapping[str, Any]) -> dict[str, str | list[str]]:
    """Return query parameters as texts; a list repeats its name, null is left out."""
    return {
        name: [text_of(each) for each in value] if isinstance(value, list) else text_of(value)
        for name, value in query.items()
        if value is not None
    }


async def _follow(client: httpx2.AsyncClient, request: httpx2.Request) -> httpx2.Response:
    """Send and follow at most MAX_REDIRECTS redirects, without reading what a redirect says."""
    for _ in range(MAX_REDIRECTS + 1):
        response = await client.send(request, stream=True)
        following = response.next_request
        if following is None:
            return response
        await response.aclose()
        if following.url.origin == request.url.origin and "cookie" in request.headers:
            # the library drops a caller's cookies at every redirect; within one origin they are still wanted
            following.headers["cookie"] = request.headers["cookie"]
        request = following
    raise httpx2.TooManyRedirects("too many redirects", request=request)


@contextmanager
def _told(ask: Ask) -> Iterator[None]:
    """Raise the library's errors as the failures of the table (Data Flow section 6)."""
    try:
        yield
    except (TimeoutError, httpx2.TimeoutException) as error:
        raise TaskFailure("timeout", f"{_subject(ask)} took longer than {ask.timeout} seconds.") from error
    except EgressBlocked as error:
        raise TaskFailure(error.problem.code, error.problem.message) from error
    except httpx2.TooManyRedirects as error:
        raise TaskFailure(
            "too_many_redirects", f"{_subject(ask)} led through more than {MAX_REDIRECTS} redirects."
        ) from error
    except (httpx2.InvalidURL, httpx2.UnsupportedProtocol) as error:
        url = shortening.beginning(ask.url, 200)
        raise TaskFailure("invalid_url", f"{url!r} is not a URL to ask: {error}.") from error
    except (httpx2.LocalProtocolError, UnicodeEncodeError) as error:
        raise TaskFailure("invalid_value", f"{_subject(ask)} cannot be sent as it is: {error}.") from error
    except httpx2.HTTPError as error:
        reason = str(error) or type(error).__name__
        raise TaskFailure("connection_failed", f"{_subject(ask)} failed: {reason}.") from error


def _subject(ask: Ask) -> str:
    try:
        return f"{ask.method} {shown(httpx2.URL(ask.url))}"
    except httpx2.InvalidURL:
        return ask.method
