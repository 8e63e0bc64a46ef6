"""One try to deliver: a POST, and what its answer means.

Only 2xx is success; a redirect is an answer like any other failure, because nobody signed for its target.
Of the answer's body no more than its beginning is read, for the log.
This file knows neither the outbox nor the schedule.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Literal as OneOf

import httpx2
from msgspec import Struct

from headrace.security.egress import EgressBlocked
from headrace.security.redaction import Redactor

PATIENCE = timedelta(seconds=10)
"""For looking up the name, connecting, sending, and the answer's status."""

READING = timedelta(seconds=1)
"""For the body after the status, which is for the log only."""

RESPONSE = 1024
"""Bytes of an answer that are read."""

_GONE = 410

Outcome = OneOf["arrived", "failed", "gone", "refused"]
"""`failed` may be tried again; `gone` ends all to this URL; `refused` is our own guard's word."""


class Answer(Struct, frozen=True, kw_only=True):
    """What came of a try."""

    outcome: Outcome
    status_code: int | None = None
    error: str | None = None
    """A sentence, when there was no answer."""
    retry_after: timedelta | None = None
    response: str | None = None
    """The beginning of the answer's body."""


def without_memory(client: httpx2.AsyncClient) -> httpx2.AsyncClient:
    """Return the client, which will keep no cookie that a receiver gives: receivers are strangers."""
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


async def post(
    client: httpx2.AsyncClient,
    url: str,
    body: bytes,
    headers: dict[str, str],
    *,
    now: float,
    redactor: Redactor,
    patience: timedelta = PATIENCE,
) -> Answer:
    """Send once, and raise for nothing that a receiver does; `now` tells what a dated `Retry-After` means."""
    try:
        async with asyncio.timeout(patience.total_seconds()) as limit:
            async with client.stream("POST", url, content=body, headers=headers) as response:
                limit.reschedule(None)  # the status is what counts
                return await _answer(response, now, redactor)
    except EgressBlocked as error:
        return Answer(outcome="refused", error=error.message)
    except (TimeoutError, httpx2.TimeoutException):
        seconds = patience.total_seconds()
        return Answer(outcome="failed", error=f"The receiver did not answer within {seconds:g} seconds.")
    except httpx2.ConnectError as error:
        return Answer(outcome="failed", error=redactor.text(f"The receiver cannot be reached: {error}."))
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return Answer(outcome="failed", error=redactor.text(f"The receiver broke off: {error}."))


async def _answer(response: httpx2.Response, now: float, redactor: Redactor) -> Answer:
    status = response.status_code
    shown = await _beginning(response, redactor)
    if response.is_success:
        return Answer(outcome="arrived", status_code=status, response=shown)
    return Answer(
        outcome="gone" if status == _GONE else "failed",
        status_code=status,
        retry_after=_retry_after(response.headers.get("retry-after"), now),
        response=shown,
    )


async def _beginning(response: httpx2.Response, redactor: Redactor) -> str | None:
    """Return the first part of the body; once there is a status a body that breaks off changes nothing."""
    read = bytearray()
    with suppress(httpx2.HTTPError, TimeoutError):
        async with asyncio.timeout(READING.total_seconds()):
            async for part in response.aiter_raw():
                read += part
                if len(read) >= RESPONSE:
                    break
    masking = redactor.stream()
    shown = masking.feed(bytes(read[:RESPONSE]))
    if len(read) < RESPONSE:
        shown += masking.finish()
    return shown.decode("utf-8", "replace") or None


def _retry_after(value: str | None, now: float) -> timedelta | None:
    """Read the header: seconds or an HTTP date; anything else asks for nothing."""
    if value is None:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:9]), 10**6))
    try:
        return timedelta(seconds=max(0.0, parsedate_to_datetime(value).timestamp() - now))
    except (ValueError, OverflowError):
        return None
