"""What a call may raise: each error is also one of the tree in `headrace.errors`, so either may be caught.

HeadraceError
├── Unreachable          nobody answers at the address
└── AnswerError          the server answered, and this is what it said
    ├── InvalidRequest   400, 413, 415, 422: `problems` has all that is wrong
    ├── Unauthorized     401
    ├── Forbidden        403
    ├── NotFound         404, 410
    ├── Conflict         409
    ├── VersionConflict  412
    ├── TooManyRequests  429
    └── ServerFailed     everything else
"""

from __future__ import annotations

from http import HTTPStatus

import msgspec
from msgspec import Struct

from headrace import errors
from headrace.errors import HeadraceError, Problem, RequestError


class ErrorAnswer(Struct, frozen=True, kw_only=True):
    """The body of an error answer (RFC 9457)."""

    status: int
    code: str
    detail: str
    problems: tuple[Problem, ...] = ()
    warnings: tuple[Problem, ...] = ()


class Unreachable(HeadraceError):
    """Nobody answers at this address."""

    code = "unreachable"
    status = 503


class AnswerError(HeadraceError):
    """The server answered with an error."""

    code = "answer_error"

    def __init__(self, answer: ErrorAnswer) -> None:
        Exception.__init__(self, answer.detail)
        self.answer = answer

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Each thing that is wrong with the request."""
        return self.answer.problems

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What would have been accepted, though perhaps not meant."""
        return self.answer.warnings


class InvalidRequest(AnswerError, RequestError):
    """The server refuses the request as it stands."""

    code = "invalid_request"


class Unauthorized(AnswerError, errors.Unauthorized):
    """The server wants a valid token."""


class Forbidden(AnswerError, errors.Forbidden):
    """The token does not allow this."""


class NotFound(AnswerError, errors.NotFound):
    """There is no such thing on the server."""


class Conflict(AnswerError, errors.Conflict):
    """The request contradicts what is on the server."""


class VersionConflict(AnswerError, RequestError):
    """The thing has changed since it was read."""

    code = "version_conflict"
    status = 412


class TooManyRequests(AnswerError, RequestError):
    """The token has sent more requests than it may."""

    code = "rate_limited"
    status = 429


class ServerFailed(AnswerError):
    """The server cannot answer."""

    code = "server_failed"


_BY_STATUS: dict[int, type[AnswerError]] = {
    400: InvalidRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: NotFound,
    412: VersionConflict,
    413: InvalidRequest,
    415: InvalidRequest,
    416: InvalidRequest,
    422: InvalidRequest,
    429: TooManyRequests,
}


def error_of(status: int, body: bytes, url: str) -> AnswerError:
    """Return the error that an answer stands for; a body that is none of ours is told by its status."""
    try:
        answer = msgspec.json.decode(body, type=ErrorAnswer)
    except msgspec.DecodeError:
        known = status in {each.value for each in HTTPStatus}
        phrase = HTTPStatus(status).phrase if known else "an unknown status"
        answer = ErrorAnswer(
            status=status, code="answer_error", detail=f"{url} answered {status} ({phrase})."
        )
    return _BY_STATUS.get(status, ServerFailed)(answer)
