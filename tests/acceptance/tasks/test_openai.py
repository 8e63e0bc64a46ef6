"""The openai.* types against an OpenAI-compatible server of loopback."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from headrace.definition.outcomes import Failure
from headrace.definition.templates import FileRef
from headrace.tasks import files, openai_audio, openai_text
from headrace.tasks.calling import call
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import TaskType
from headrace.testing.openai_server import OpenAIService, openai_server, refusal
from headrace.testing.web_server import response

KEY = "sk-test-0123456789"
USAGE = {"prompt_tokens": 8, "completion_tokens": 5, "total_tokens": 13}
TEXT = "The water runs down to the mill."
"""Seven words; with `much` eight."""


@pytest.fixture
async def service() -> AsyncIterator[OpenAIService]:
    async with openai_server() as running:
        yield running


@pytest.fixture
def context(make_context: Callable[..., Context], service: OpenAIService) -> Context:
    return make_context(
        openai_base_url=f"{service.base_url}/", credentials={"openai_api_key": KEY}, label="speak"
    )


async def failure_of(type: TaskType, inputs: dict[str, Any], context: Context) -> Failure:
    with pytest.raises(TaskFailure) as caught:
        await call(type, inputs, context)
    return caught.value.failure


async def test_a_completion_sends_the_prompt_as_system_and_the_text_as_user(
    context: Context, service: OpenAIService
) -> None:
    outputs = await call(
        openai_text.completion, {"text": f"much {TEXT}", "prompt": "Be brief.", "max_tokens": 9.0}, context
    )

    assert outputs == {"completion": "much The water runs down", "usage": USAGE}
    assert service.calls == [
        (
            "/v1/chat/completions",
            f"Bearer {KEY}",
            {
                "model": "gpt-3.5-turbo",
                "messages": [
                    {"role": "system", "content": "Be brief."},
                    {"role": "user", "content": f"much {TEXT}"},
                ],
                "max_tokens": 9,
                "temperature": 0.7,
                "top_p": 1,
                "frequency_penalty": 0,
                "presence_penalty": 0,
            },
        )
    ]


async def test_a_summary_has_instructions_of_its_own_and_takes_parameters(
    context: Context, service: OpenAIService
) -> None:
    parameters = {"max_tokens": 150, "temperature": 0.2, "top_p": None}
    outputs = await call(openai_text.summarize, {"text": TEXT, "parameters": parameters}, context)

    assert outputs["summary"] == "The water runs down to"
    assert service.calls[0][2] == {
        "model": "gpt-3.5-turbo",
        "messages": [
            {"role": "system", "content": "Summarize the following text."},
            {"role": "user", "content": TEXT},
        ],
        "max_tokens": 150,
        "temperature": 0.2,
    }


@pytest.mark.parametrize("parameters", [{"temperature": 9}, {"max_tokens": 1.5}, {"stream": True}])
async def test_parameters_are_checked_like_ports(context: Context, parameters: dict[str, Any]) -> None:
    failure = await failure_of(openai_text.summarize, {"text": TEXT, "parameters": parameters}, context)

    assert (failure.code, failure.final) == ("invalid_value", True)


@pytest.mark.parametrize(
    ("status", "code", "final"),
    [
        (400, "openai_error", True),
        (401, "credential_rejected", True),
        (403, "credential_rejected", True),
        (429, "openai_error", False),
        (500, "openai_error", False),
    ],
)
async def test_refusals_are_told_and_those_of_the_key_keep_silent_about_it(
    context: Context, service: OpenAIService, status: int, code: str, final: bool
) -> None:
    service.script.append(refusal(status, "These words.", retry_after="20"))

    failure = await failure_of(openai_text.completion, {"text": TEXT, "prompt": "p"}, context)

    assert (failure.code, failure.status, failure.final) == (code, status, final)
    assert ("These words." in failure.message) == (code == "openai_error")
    assert failure.retry_after == (20 if code == "openai_error" else None)
    assert len(service.calls) == 1


@pytest.mark.parametrize("body", ["no json", "[]", "{}", '{"choices": []}', '{"choices": [{"message": 1}]}'])
async def test_an_answer_that_is_no_completion_is_broken(
    context: Context, service: OpenAIService, body: str
) -> None:
    service.script.append(response(body, content_type="application/json"))

    failure = await failure_of(openai_text.completion, {"text": TEXT, "prompt": "p"}, context)

    assert (failure.code, failure.final) == ("connection_failed", False)


async def test_without_its_key_a_task_fails_for_good(
    make_context: Callable[..., Context], service: OpenAIService
) -> None:
    context = make_context(openai_base_url=service.base_url)

    failure = await failure_of(openai_text.completion, {"text": TEXT, "prompt": "p"}, context)

    assert (failure.code, failure.final) == ("credential_lost", True)
    assert service.calls == []


async def test_a_service_that_needs_no_key_is_sent_none(
    make_context: Callable[..., Context], service: OpenAIService
) -> None:
    context = make_context(openai_base_url=service.base_url, openai_key_required=False)

    await call(openai_text.completion, {"text": TEXT, "prompt": "p"}, context)

    assert service.calls[0][1] is None


async def test_a_transcription_posts_the_file_and_gives_its_text(
    context: Context, service: OpenAIService
) -> None:
    audio = await files.keep(b"RIFF....", "talk.wav", "audio/wav", context)
    outputs = await call(openai_audio.transcription, {"file": audio, "language": "en"}, context)

    assert outputs == {"text": "transcribed talk.wav", "response": {"text": "transcribed talk.wav"}}
    assert service.calls[0] == (
        "/v1/audio/transcriptions",
        f"Bearer {KEY}",
        {
            "file": ("talk.wav", b"RIFF...."),
            "model": "whisper-1",
            "language": "en",
            "response_format": "json",
            "temperature": "0",
        },
    )


async def test_a_subtitle_transcript_is_the_whole_answer(context: Context, service: OpenAIService) -> None:
    inputs = {"file": "data:audio/mpeg;base64,AAAA", "response_format": "srt"}
    outputs = await call(openai_audio.transcription, inputs, context)

    assert outputs == {"text": "transcribed file.mp3", "response": {}}


async def test_a_file_beyond_the_services_limit_is_not_sent(context: Context, service: OpenAIService) -> None:
    kept = await files.keep(b"the beginning", "long.mp3", "audio/mpeg", context)
    large = FileRef(kept.sha256, 26 * 1024 * 1024, kept.name, kept.content_type)

    failure = await failure_of(openai_audio.transcription, {"file": large}, context)

    assert (failure.code, failure.final) == ("too_large", True)
    assert service.calls == []


async def test_speech_is_a_file_named_after_the_task(context: Context, service: OpenAIService) -> None:
    inputs = {"text": "Hello, World!", "voice": "nova", "response_format": "opus", "speed": 2}
    outputs = await call(openai_audio.text_to_speech, inputs, context)

    audio = outputs["audio"]
    assert (audio.name, audio.content_type, audio.size) == ("speak.opus", "audio/ogg", 20)
    assert (await context.artifacts.path(audio.sha256)).read_bytes() == b"spoken:Hello, World!"
    assert service.calls[0][2] == {
        "model": "tts-1",
        "input": "Hello, World!",
        "voice": "nova",
        "response_format": "opus",
        "speed": 2,
    }


async def test_speech_that_breaks_off_is_kept_nowhere(context: Context, service: OpenAIService) -> None:
    service.script.append(b"HTTP/1.1 200 X\r\ncontent-type: audio/mpeg\r\ncontent-length: 100\r\n\r\nshort")

    failure = await failure_of(openai_audio.text_to_speech, {"text": "Hello"}, context)

    assert (failure.code, failure.final) == ("connection_failed", False)


async def test_a_text_that_is_too_long_to_speak_is_refused(context: Context) -> None:
    failure = await failure_of(openai_audio.text_to_speech, {"text": "x" * 4097}, context)

    assert (failure.code, failure.final) == ("invalid_value", True)
