"""The few calls of an OpenAI-compatible service, and what its refusals mean.

Plain HTTP suffices; retries are the engine's alone; the time limit is the attempt's.
The service's own words are shown when it refuses a request, not when it refuses the key: they may hold it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, BinaryIO, Final

import msgspec

from headrace.security import shortening
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure, remote_refusal
from headrace.tasks.fetching import Answer, Ask, fetch

CREDENTIAL: Final = "openai_api_key"
_MAX_ANSWER: Final = 16 * 1024 * 1024
_MAX_REFUSAL: Final = 16 * 1024
_MAX_SENTENCE: Final = 500


class _Error(msgspec.Struct):
    message: str


class _Refusal(msgspec.Struct):
    error: _Error


async def ask_json(context: Context, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Post JSON and return the object that the service answers; raises TaskFailure."""
    async with post_json(context, path, body) as answer:
        return parsed(answer, await answer.read(_MAX_ANSWER))


@asynccontextmanager
async def post_json(context: Context, path: str, body: Mapping[str, Any]) -> AsyncIterator[Answer]:
    """Post JSON and give the successful answer; raises TaskFailure."""
    ask = Ask(
        url=_url(context, path),
        method="POST",
        headers={"Content-Type": "application/json", **_authorization(context)},
        body=msgspec.json.encode(body),
        timeout=None,
    )
    async with fetch(context.openai_http, ask) as answer:
        await _accept(answer)
        yield answer


async def upload(
    context: Context, path: str, fields: Mapping[str, str], file: tuple[str, BinaryIO, str]
) -> tuple[Answer, bytes]:
    """Post a form with a file (name, open file, media type); return the answer and its body."""
    ask = Ask(
        url=_url(context, path),
        method="POST",
        headers=_authorization(context),
        form=dict(fields),
        file=("file", file),
        timeout=None,
    )
    async with fetch(context.openai_http, ask) as answer:
        await _accept(answer)
        return answer, await answer.read(_MAX_ANSWER)


def parsed(answer: Answer, body: bytes) -> dict[str, Any]:
    """Return the JSON object of a body; a service that answers anything else is broken."""
    try:
        return msgspec.json.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise broken(answer, f"no JSON object ({error})") from error


def broken(answer: Answer, what: str) -> TaskFailure:
    """Return the failure for an answer that is not what the service promises."""
    return TaskFailure("connection_failed", f"{answer.subject} answered {what}.")


async def _accept(answer: Answer) -> None:
    if answer.is_success:
        return
    if answer.status in (401, 403):
        raise TaskFailure(
            "credential_rejected",
            f"{answer.subject} answered {answer.status}: the key was not accepted.",
            status=answer.status,
        )
    said = _said(await answer.start(_MAX_REFUSAL))
    sentence = f"{answer.subject} answered {answer.status}" + (f": {said}" if said else ".")
    raise remote_refusal("openai_error", sentence, answer.status, answer.retry_after)


def _said(body: bytes) -> str:
    try:
        said = msgspec.json.decode(body, type=_Refusal).error.message
    except (msgspec.MsgspecError, RecursionError):
        return ""
    return shortening.beginning(said, _MAX_SENTENCE)


def _url(context: Context, path: str) -> str:
    return context.openai_base_url.rstrip("/") + path


def _authorization(context: Context) -> dict[str, Any]:
    if CREDENTIAL in context.credentials or context.openai_key_required:
        return {"Authorization": f"Bearer {context.credential(CREDENTIAL)}"}
    return {}
