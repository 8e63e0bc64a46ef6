"""The task types of the specification as a table, and a real server for the tests of doors."""

from __future__ import annotations

import difflib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from headrace.definition.types import Port, TaskTypeSpec
from headrace.settings import Settings

if TYPE_CHECKING:
    from headrace.app import Server

SPEECH_FORMATS = ("mp3", "opus", "aac", "flac", "wav", "pcm")


def wanted(name: str, type: Any, **more: Any) -> Port:
    return Port(name=name, type=type, **more)


def optional(name: str, type: Any, **more: Any) -> Port:
    return Port(name=name, type=type, required=False, **more)


def first(name: str, type: Any, **more: Any) -> Port:
    return Port(name=name, type=type, is_default=True, **more)


def kind(type: str, inputs: list[Port], outputs: list[Port], **more: Any) -> TaskTypeSpec:
    return TaskTypeSpec(
        type=type,
        category=type.split(".", maxsplit=1)[0],
        description="",
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        **more,
    )


TUNING = [
    optional("model", "text", default="gpt-3.5-turbo"),
    optional("max_tokens", "number", whole=True),
    optional("temperature", "number", default=0.7, minimum=0, maximum=2),
]
REQUEST = [
    wanted("url", "text"),
    optional("method", "text", default="GET", choices=("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")),
    optional("headers", "object"),
]
KEY = {"credential": "openai_api_key"}
TYPES = [
    *(
        kind(name, [wanted("text", "text")], [first("text", "text")], aliases=aliases)
        for name, aliases in (
            ("static_text_input", ()),
            ("echo", ()),
            ("text_operations.reverse", ("text_operation.reverse",)),
        )
    ),
    kind(
        "core.shell",
        [wanted("script", "text", literal_only=True), optional("env", "object"), optional("stdin", "text")],
        [first("stdout", "text"), wanted("stderr", "text"), wanted("exit_code", "number")],
        runtime="command",
    ),
    kind("text.size", [wanted("text", "text")], [first("size", "number")]),
    kind(
        "text.truncate",
        [wanted("text", "text"), wanted("length", "number", whole=True, minimum=0)],
        [first("truncated_text", "text")],
    ),
    kind(
        "web.download",
        [*REQUEST, optional("body", "text"), optional("timeout", "number", default=30, maximum=300)],
        [
            first("html", "text", aliases=("html_content",)),
            wanted("status", "number"),
            wanted("content_type", "text"),
            wanted("url", "text"),
            wanted("headers", "object"),
        ],
    ),
    kind(
        "web.extract_text",
        [wanted("html", "text", aliases=("html_content",))],
        [first("text", "text")],
    ),
    kind(
        "http.request",
        [*REQUEST, optional("body", "object", extra_types=("text",)), optional("fail_on_error", "boolean")],
        [
            first("body", "text"),
            wanted("json", "object"),
            wanted("status", "number"),
            wanted("ok", "boolean"),
            wanted("headers", "object"),
        ],
    ),
    kind(
        "openai.completion",
        [
            wanted("text", "text"),
            wanted("prompt", "text", aliases=("instructions",)),
            *TUNING,
            optional("top_p", "number", default=1, minimum=0, maximum=1),
            optional("frequency_penalty", "number", default=0, minimum=-2, maximum=2),
            optional("presence_penalty", "number", default=0, minimum=-2, maximum=2),
        ],
        [first("completion", "text"), wanted("usage", "object")],
        **KEY,
    ),
    kind(
        "openai.text.summarize",
        [
            wanted("text", "text"),
            optional("instructions", "text"),
            *TUNING,
            optional("parameters", "object"),
        ],
        [first("summary", "text"), wanted("usage", "object")],
        **KEY,
    ),
    kind(
        "openai.audio.transcription",
        [wanted("file", "file", aliases=("audio",)), optional("language", "text")],
        [first("text", "text"), wanted("response", "object")],
        aliases=("openai.audio.transcribe", "whisper.transcribe"),
        timeout=1800,
        **KEY,
    ),
    kind(
        "openai.audio.text_to_speech",
        [
            wanted("text", "text", min_length=1, max_length=4096),
            optional("voice", "text", default="alloy"),
            optional("response_format", "text", default="mp3", choices=SPEECH_FORMATS),
            optional("speed", "number", default=1, minimum=0.25, maximum=4),
        ],
        [first("audio", "file")],
        aliases=("openai.audio.tts",),
        **KEY,
    ),
    kind(
        "youtube.download",
        [wanted("url", "text", aliases=("youtube_url", "video_url"))],
        [first("video", "file"), wanted("title", "text"), wanted("duration", "number")],
        aliases=("youtube.downloader",),
        timeout=1800,
    ),
    kind(
        "video.extract_audio",
        [wanted("video", "file"), optional("format", "text", default="mp3")],
        [first("audio", "file")],
        timeout=1800,
        available=False,
        unavailable_because="The program 'ffmpeg' is not installed.",
    ),
]


class Table:
    """A task library that is a table."""

    def __init__(self, types: list[TaskTypeSpec]) -> None:
        self._types = {spec.type: spec for spec in types}
        self._folded = {
            spelling.lower().replace("_", "").replace("-", ""): spec
            for spec in types
            for spelling in (spec.type, *spec.aliases)
        }

    def resolve(self, name: str) -> TaskTypeSpec | None:
        return self._types.get(name) or self._folded.get(name.lower().replace("_", "").replace("-", ""))

    def suggest(self, name: str) -> str | None:
        near = difflib.get_close_matches(name, self._types, n=1, cutoff=0.7)
        return near[0] if near else None


@pytest.fixture(scope="session")
def library() -> Table:
    return Table(TYPES)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[Server, httpx2.AsyncClient]]:
    from tests.unit.dialects.dataflow.serving import opened  # the whole server, for the tests that ask for it

    async with opened(Settings(data_dir=tmp_path)) as made:
        yield made


@pytest.fixture
def server(house: tuple[Server, httpx2.AsyncClient]) -> Server:
    return house[0]


@pytest.fixture
def client(house: tuple[Server, httpx2.AsyncClient]) -> httpx2.AsyncClient:
    return house[1]
