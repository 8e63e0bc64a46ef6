"""Cursors as callers carry them: each belongs to the question that it answered, at every door.

A store's cursor is a place in an order and knows nothing of filters; given to another list, or to the same
one with another filter, it would lead to a page that fits neither.
So the wire form names its question too: a short hash of the path, of the parameters that choose, which are
all but the size of a page, and of the place itself, so that one that was altered is known.
"""

from __future__ import annotations

import hashlib

from starlette.requests import Request

from headrace.errors import InvalidInput, Problem

_NOT_ASKED = frozenset(("cursor", "limit"))
"""Parameters that say which part of the answer is wanted, and how much, but not what is asked."""

_TAG = 12
"""Characters of the hash: it keeps slips apart, and nobody gains by making one that fits."""

_MOST_DIGITS = 18


def opened(request: Request, given: str | None) -> str | None:
    """Return the store's cursor in the one that came with a request, None for the first page.

    Raises `InvalidInput` for one that answered another question, and for one that was altered.
    """
    if given is None:
        return None
    tag, _, cursor = given.partition(".")
    if not cursor or tag != _tag(request, cursor):
        raise _foreign()
    return cursor


def opened_number(request: Request, given: str | None) -> int:
    """Return the same for a list whose places are numbers from 0, the first page's; raises `InvalidInput`."""
    cursor = opened(request, given)
    if cursor is None:
        return 0
    if not (cursor.isascii() and cursor.isdecimal() and len(cursor) <= _MOST_DIGITS):
        raise _foreign()
    return int(cursor)


def sealed(request: Request, cursor: str | None) -> str | None:
    """Return the cursor that leads on from this request; None when there is no more."""
    return None if cursor is None else f"{_tag(request, cursor)}.{cursor}"


def _foreign() -> InvalidInput:
    message = "This cursor was not given by this list with these filters; begin without one."
    return InvalidInput([Problem(path="/cursor", code="invalid_value", message=message)], message)


def _tag(request: Request, cursor: str) -> str:
    chosen = sorted(each for each in request.query_params.multi_items() if each[0] not in _NOT_ASKED)
    question = repr((request.scope["path"].rstrip("/"), chosen, cursor))
    return hashlib.sha256(question.encode("utf-8", "surrogatepass")).hexdigest()[:_TAG]
