"""Speech to text and text to speech, through an OpenAI-compatible service."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from headrace.definition.templates import FileRef
from headrace.tasks import files, openai_service as service
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import task
from headrace.tasks.ports import Note

_MAX_UPLOAD: Final = 25 * 1024 * 1024
_MEDIA_TYPES: Final = {
    "mp3": "audio/mpeg",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
    "wav": "audio/wav",
    "pcm": "audio/pcm",
}


class Transcript(Struct, frozen=True):
    """What was said.

    text: The transcript, in the form that was asked for. Example: "Water turns the wheel."
    response: The service's whole answer where it is JSON, else {}. Example: {"text": "Water."}
    """

    text: Annotated[str, Note(default_output=True)]
    response: dict[str, Any]


@task(
    "openai.audio.transcription",
    aliases=("openai.audio.transcribe", "whisper.transcribe"),
    timeout=1800.0,
    credential=service.CREDENTIAL,
)
async def transcription(
    file: Annotated[FileRef, Note(aliases=("audio",))],
    context: Context,
    *,
    model: str = "whisper-1",
    language: str | None = None,
    prompt: str | None = None,
    response_format: Literal["json", "text", "srt", "verbose_json", "vtt"] = "json",
    temperature: float = 0,
) -> Transcript:
    """Write down what is said in an audio file of at most 25 MiB.

    file: The audio file. Example: "https://example.com/talk.mp3"
    model: Name of the model. Example: "whisper-1"
    language: Language that is spoken, as ISO 639-1. Example: "en"
    prompt: Words that help the model. Example: "A talk about watermills."
    response_format: Form of the transcript. Example: "json"
    temperature: Chance in the choice of words. Example: 0
    """
    if file.size > _MAX_UPLOAD:
        raise TaskFailure(
            "too_large", f"{file.name} has {file.size} bytes; the service takes at most {_MAX_UPLOAD}."
        )
    given = {"model": model, "language": language, "prompt": prompt, "response_format": response_format}
    fields = {name: value for name, value in given.items() if value is not None}
    path = await context.artifacts.path(file.sha256)
    with path.open("rb") as content:
        answer, body = await service.upload(
            context,
            "/audio/transcriptions",
            {**fields, "temperature": f"{temperature:g}"},
            (file.name, content, file.content_type),
        )
    if response_format not in ("json", "verbose_json"):
        return Transcript(body.decode(errors="replace"), {})
    response = service.parsed(answer, body)
    if not isinstance(response.get("text"), str):
        raise service.broken(answer, "JSON without a 'text'")
    return Transcript(response["text"], response)


class Speech(Struct, frozen=True):
    """Spoken text.

    audio: The audio file. Example: {"name": "speech.mp3", "content_type": "audio/mpeg"}
    """

    audio: FileRef


@task("openai.audio.text_to_speech", aliases=("openai.audio.tts",), credential=service.CREDENTIAL)
async def text_to_speech(
    text: Annotated[str, Meta(min_length=1, max_length=4096)],
    context: Context,
    *,
    voice: str = "alloy",
    model: str = "tts-1",
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] = "mp3",
    speed: Annotated[float, Meta(ge=0.25, le=4)] = 1,
) -> Speech:
    """Speak a text.

    text: The text to speak, 1 to 4096 characters. Example: "Hello, World!"
    voice: alloy, echo, fable, onyx, nova, shimmer, or another that the service knows. Example: "alloy"
    model: Name of the model. Example: "tts-1"
    response_format: Form of the audio. Example: "mp3"
    speed: Speed of the speech, 0.25 to 4. Example: 1
    """
    body = {
        "model": model,
        "input": text,
        "voice": voice,
        "response_format": response_format,
        "speed": speed,
    }
    async with service.post_json(context, "/audio/speech", body) as answer:
        stored = await files.keep_stream(answer.chunks(context.limits.file), context)
    name = f"{context.label}.{response_format}"
    return Speech(files.named(stored.sha256, stored.size, name, _MEDIA_TYPES[response_format]))
