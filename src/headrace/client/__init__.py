"""The Python client of a Headrace server: `Client` for programs that wait, `AsyncClient` for event loops.

Both have the same calls, typed; `errors` says what they raise, `answers` what they return.
"""

from headrace.client import answers, errors
from headrace.client.awaiting import AsyncClient
from headrace.client.blocking import Client
from headrace.client.errors import (
    AnswerError,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    ServerFailed,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    VersionConflict,
)
from headrace.client.wire import Event

__all__ = [
    "AsyncClient",
    "Client",
    "Event",
    "answers",
    "errors",
    "AnswerError",
    "Conflict",
    "Forbidden",
    "InvalidRequest",
    "NotFound",
    "ServerFailed",
    "TooManyRequests",
    "Unauthorized",
    "Unreachable",
    "VersionConflict",
]
