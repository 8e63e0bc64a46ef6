"""Requests of the native API: bodies within their limit and safely read, keys in paths, conditions."""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request

from headrace.api.problems import NotAcceptableBody, PreconditionFailed
from headrace.errors import InvalidDefinition, InvalidInput, NotFound, Problem
from headrace.http.bodies import read_body
from headrace.http.known import may_change
from headrace.security.documents import read_json

MAX_BODY = 16 * 1024 * 1024
"""Bytes of a JSON body of the native API (DESIGN §8)."""

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:-]{0,127}")
_LARGEST = 2**63 - 1


class GuardedRequest(Request):
    """A request whose body was read within the limit, and whose JSON by the guarded reader."""

    _document: Any = None

    async def prepare(self) -> None:
        """Read the body before anything else does; raises what is wrong with it."""
        body = await read_body(self.scope["headers"], self.receive, MAX_BODY)
        self._body = body
        if body.strip():
            check_media_type(self)
            try:
                self._document = read_json(body).value
            except InvalidDefinition as error:  # the body is no definition: those have doors of their own
                raise InvalidInput(error.problems, error.problems[0].message) from None

    async def body(self) -> bytes:
        """Return what says whether there is a body at all."""
        return self._body

    async def json(self) -> Any:
        """Return the document."""
        return self._document


def check_media_type(request: Request) -> None:
    """Raise `NotAcceptableBody` unless the body is JSON or says nothing of itself."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (
        given
        and given != "application/json"
        and not (given.startswith("application/") and given.endswith("+json"))
    ):
        raise NotAcceptableBody(f"The body is read as application/json, not as '{given}'.")


def key_of(text: str, what: str) -> int | str:
    """Return the number, UUID or alias that a path names; raises `NotFound` for what can be none of them."""
    if not _KEY.fullmatch(text):
        raise NotFound(f"There is no {what} '{text[:128]}'.")
    if text.isdecimal():
        number = int(text)
        if number > _LARGEST:
            raise NotFound(f"There is no {what} {text}.")
        return number
    return text


def expected_version(request: Request, current: int) -> int | None:
    """Return the version that must still be current for the request to be done; None for whatever it is.

    Raises `PreconditionFailed` when `If-Match` names others.
    """
    if not may_change(request, str(current)):
        given = ", ".join(request.headers.getlist("if-match"))
        raise PreconditionFailed(
            f'The current version is "{current}", and If-Match does not name it: {given[:40]}. Read it again.'
        )
    return current if request.headers.get("if-match", "*").strip() != "*" else None


def refuse(code: str, path: str, message: str) -> InvalidInput:
    """Return the error of one wrong thing."""
    return InvalidInput([Problem(path=path, code=code, message=message)], message)
