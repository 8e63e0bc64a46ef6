"""A small OpenAI-compatible server on loopback, for tests and for trying workflows without a key.

    async with openai_server() as service:
        ...  # service.base_url, service.calls, service.script

Chat answers with the first words of the user's message, transcription with `transcribed` and the name of the
file, speech with bytes that begin with `spoken:`.
`script` holds refusals and other whole responses to give first, in order.
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from headrace.testing.web_server import Request, response, serve

_WORDS = 5


class OpenAIService:
    """What the server was asked, and what it shall answer."""

    def __init__(self) -> None:
        self.base_url = ""
        self.calls: list[tuple[str, str | None, dict[str, Any]]] = []
        """Path, Authorization header, and body: JSON, or the parts of a form (a file as name and bytes)."""
        self.script: list[bytes] = []
        """Whole responses that are given before the usual ones; see `refusal` and `web_server.response`."""

    async def answer(self, request: Request, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        is_form = request.headers.get("content-type", "").startswith("multipart/")
        body = form_of(request) if is_form else json.loads(request.body or b"{}")
        self.calls.append((request.path, request.headers.get("authorization"), body))
        writer.write(self.script.pop(0) if self.script else _usual(request.path, body))


def refusal(status: int, message: str, **headers: str) -> bytes:
    """Return a refusal as the service words it."""
    content = json.dumps({"error": {"message": message, "type": "invalid_request_error"}})
    return response(content, status, "application/json", **headers)


@asynccontextmanager
async def openai_server() -> AsyncIterator[OpenAIService]:
    """Serve on a free port of loopback."""
    service = OpenAIService()
    async with serve(service.answer) as url:
        service.base_url = f"{url}/v1"
        yield service


def form_of(request: Request) -> dict[str, Any]:
    """Return the fields of a multipart form; a file is its name and its bytes."""
    head = f"content-type: {request.headers['content-type']}\r\n\r\n".encode()
    message = email.message_from_bytes(head + request.body, policy=email.policy.HTTP)
    fields: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = bytes(
            part.get_content() if part.get_content_maintype() != "text" else part.get_payload(decode=True)
        )
        filename = part.get_filename()
        fields[str(name)] = content.decode() if filename is None else (filename, content)
    return fields


def _usual(path: str, body: dict[str, Any]) -> bytes:
    match path.removeprefix("/v1"):
        case "/chat/completions":
            return _json(_chat(body))
        case "/audio/transcriptions":
            text = f"transcribed {body['file'][0]}"
            if body["response_format"] in ("json", "verbose_json"):
                return _json({"text": text})
            return response(text, content_type="text/plain")
        case "/audio/speech":
            return response(b"spoken:" + body["input"].encode(), content_type="audio/mpeg")
        case _:
            return refusal(404, "There is no such call.")


def _chat(body: dict[str, Any]) -> dict[str, Any]:
    words = body["messages"][-1]["content"].split()
    answer = " ".join(words[:_WORDS])
    message = {"role": "assistant", "content": answer}
    counted = {"prompt_tokens": len(words), "completion_tokens": len(answer.split())}
    return {
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
        "usage": {**counted, "total_tokens": sum(counted.values()), "cached_tokens": 0},
    }


def _json(value: dict[str, Any]) -> bytes:
    return response(json.dumps(value), content_type="application/json")
