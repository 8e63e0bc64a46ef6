"""One line per request: who asked for what, and how it was answered.

Also the last resort: an error that nobody told is logged here, once, with the id that the client was given.
"""

from __future__ import annotations

import re
import secrets
import time

import structlog

from headrace.api.refusals import Refusals
from headrace.dialects.protocol import Application, Message, Receive, Scope, Send
from headrace.security.callers import CALLER

log = structlog.get_logger("headrace.access")

HEADER = b"x-request-id"
_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class AccessLog:
    """Gives each request an id, and tells what became of it."""

    def __init__(self, application: Application, refusals: Refusals) -> None:
        self._application = application
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        began = time.perf_counter()
        request_id = _given_id(scope) or secrets.token_hex(8).encode()
        method, path = scope["method"], scope["path"]
        status = 0
        size = 0

        async def send_counted(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (HEADER, request_id)]
            else:
                size += len(message.get("body", b""))
            await send(message)

        try:
            await self._application(scope, receive, send_counted)
        except Exception:  # the server must outlive whatever broke
            log.exception("request_broke", request=request_id.decode(), method=method, path=path)
            if not status:
                sentence = "Something broke here; the log of the server has it."
                await self._refusals.send(scope, send_counted, 500, "internal", sentence)
        finally:
            caller = scope.get(CALLER)
            log.info(
                "request",
                request=request_id.decode(),
                method=method,
                path=path,
                status=status,
                bytes=size,
                ms=round((time.perf_counter() - began) * 1000, 2),
                token=caller.name if caller is not None else None,
            )


def _given_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == HEADER and _ID.fullmatch(value):
            given: bytes = value
            return given
    return None
