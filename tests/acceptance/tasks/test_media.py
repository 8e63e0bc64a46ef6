"""Sound and videos, with the real ffmpeg and yt-dlp; loopback stands in for the video site."""

from __future__ import annotations

import base64
import subprocess
from asyncio import StreamWriter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headrace.definition.outcomes import Failure
from headrace.definition.templates import FileRef
from headrace.tasks import files, process, video, youtube
from headrace.tasks.calling import call
from headrace.tasks.context import Context, Limits
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import TaskType
from headrace.testing.web_server import Request, response, serve

pytestmark = [
    pytest.mark.skipif(video.FFMPEG.missing() is not None, reason="needs ffmpeg"),
    pytest.mark.skipif(youtube.download.missing() is not None, reason="needs yt-dlp"),
]


def record(path: Path, *, sound: bool) -> bytes:
    """Make a short video."""
    tone = ("-f", "lavfi", "-i", "sine=d=1") if sound else ()
    picture = ("-f", "lavfi", "-i", "testsrc=d=1:s=64x64")
    subprocess.run(
        [video.program(), "-loglevel", "error", *picture, *tone, "-pix_fmt", "yuv420p", str(path)], check=True
    )
    return path.read_bytes()


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record(tmp_path_factory.mktemp("media") / "talk.mp4", sound=True)


@pytest.fixture(scope="module")
def silent(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return record(tmp_path_factory.mktemp("media") / "silent.mp4", sound=False)


async def failure_of(type: TaskType, inputs: dict[str, Any], context: Context) -> Failure:
    with pytest.raises(TaskFailure) as caught:
        await call(type, inputs, context)
    return caught.value.failure


async def kept(content: bytes, context: Context, name: str = "a talk.mp4") -> FileRef:
    return await files.keep(content, name, "video/mp4", context)


@pytest.mark.parametrize(
    ("format", "magic", "media_type"),
    [
        ("mp3", b"ID3", "audio/mpeg"),
        ("wav", b"RIFF", "audio/wav"),
        ("m4a", b"\0\0\0", "audio/mp4"),
        ("ogg", b"OggS", "audio/ogg"),
        ("flac", b"fLaC", "audio/flac"),
    ],
)
async def test_the_sound_is_taken_out_in_the_form_that_is_asked_for(
    context: Context, talk: bytes, format: str, magic: bytes, media_type: str
) -> None:
    outputs = await call(video.extract_audio, {"video": await kept(talk, context), "format": format}, context)

    audio = outputs["audio"]
    assert (audio.name, audio.content_type) == (f"a talk.{format}", media_type)
    assert (await context.artifacts.path(audio.sha256)).read_bytes().startswith(magic)


async def test_a_silent_video_has_no_sound_to_take(context: Context, silent: bytes) -> None:
    failure = await failure_of(video.extract_audio, {"video": await kept(silent, context)}, context)

    assert (failure.code, failure.final) == ("no_audio_stream", True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no video",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b"ffconcat version 1.0\nfile /etc/passwd\n",
    ],
    ids=["empty", "junk", "playlist", "concat"],
)
async def test_what_is_no_medium_in_itself_is_not_opened(context: Context, content: bytes) -> None:
    failure = await failure_of(video.extract_audio, {"video": await kept(content, context)}, context)

    assert (failure.code, failure.final) == ("not_media", True)
    assert "root" not in failure.message


async def test_sound_beyond_the_file_limit_is_refused(
    make_context: Callable[..., Context], talk: bytes
) -> None:
    context = make_context(limits=Limits(file=len(talk)))
    inputs = {"video": await kept(talk, context), "format": "wav"}

    failure = await failure_of(video.extract_audio, inputs, context)

    assert (failure.code, failure.final) == ("too_large", True)


def test_a_worker_extracts_sound_within_its_limits(tmp_path: Path, talk: bytes) -> None:
    around = process.Surroundings(
        artifacts="headrace.artifacts.local:open_local", artifacts_root=str(tmp_path / "artifacts")
    )
    given = {"content_base64": base64.b64encode(talk).decode(), "name": "talk.mp4"}
    done = subprocess.run(
        process.argv(),
        input=process.stdin(video.extract_audio, {"video": given}, around).encode(),
        env={"HEADRACE_ATTEMPT_DIR": str(tmp_path), "PATH": "/usr/bin:/bin"},
        check=False,
    )

    outcome = process.outcome_of(tmp_path, done.returncode)

    assert isinstance(outcome, dict), outcome
    assert outcome["audio"].name == "talk.mp3"


@pytest.mark.parametrize(
    ("url", "known"),
    [
        ("https://www.youtube.com/watch?v=x", True),
        ("https://m.youtube.com/watch?v=x", True),
        ("https://youtu.be/x", True),
        ("https://www.youtube-nocookie.com/embed/x", True),
        ("http://www.youtube.com/watch?v=x", False),
        ("https://youtube.com.evil.example/watch?v=x", False),
        ("https://evilyoutube.com/watch?v=x", False),
        ("https://youtube.com@evil.example/", False),
        ("https://youtube.com:8443/", False),
        ("https://vimeo.com/1", False),
        ("https://[", False),
    ],
)
def test_only_links_of_youtube_are_taken(url: str, known: bool) -> None:
    assert youtube.is_youtube(url) is known


async def test_another_site_is_refused_before_anything_is_asked(context: Context) -> None:
    failure = await failure_of(youtube.download, {"url": "https://vimeo.com/1"}, context)

    assert (failure.code, failure.final) == ("unsupported_url", True)


async def test_a_video_is_downloaded_with_its_title(context: Context, talk: bytes) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(response(talk, content_type="video/mp4"))

    async with serve(answer) as url:
        found = await youtube.fetch_video(f"{url}/talk.mp4", context, extractors=("generic",))

    assert (found.title, found.video.name, found.video.content_type) == ("talk", "talk.mp4", "video/mp4")
    assert (await context.artifacts.path(found.video.sha256)).read_bytes() == talk


async def test_a_video_beyond_the_file_limit_is_refused(
    make_context: Callable[..., Context], talk: bytes
) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(response(talk, content_type="video/mp4"))

    async with serve(answer) as url:
        context = make_context(limits=Limits(file=1000))
        with pytest.raises(TaskFailure) as caught:
            await youtube.fetch_video(f"{url}/talk.mp4", context, extractors=("generic",))

    assert caught.value.failure.code == "too_large"


@pytest.mark.parametrize(
    ("status", "code", "final"),
    [(404, "http_status", True), (429, "http_status", False), (503, "http_status", False)],
)
async def test_a_refusal_of_the_site_is_told(context: Context, status: int, code: str, final: bool) -> None:
    async def answer(request: Request, writer: StreamWriter) -> None:
        writer.write(response(b"", status))

    async with serve(answer) as url:
        with pytest.raises(TaskFailure) as caught:
            await youtube.fetch_video(f"{url}/talk.mp4", context, extractors=("generic",))

    failure = caught.value.failure
    assert (failure.code, failure.status, failure.final) == (code, status, final)


async def test_a_site_that_is_not_there_may_be_tried_again(context: Context) -> None:
    async with serve(lambda request, writer: None) as url:  # type: ignore[arg-type, return-value]
        pass
    with pytest.raises(TaskFailure) as caught:
        await youtube.fetch_video(f"{url}/talk.mp4", context, extractors=("generic",))

    assert (caught.value.failure.code, caught.value.failure.final) == ("connection_failed", False)


def test_what_youtube_itself_calls_unavailable_is_final() -> None:
    yt_dlp = pytest.importorskip("yt_dlp")
    private = yt_dlp.utils.ExtractorError("Private video. Sign in if you may see it", expected=True)

    failure = youtube._told(private).failure

    assert (failure.code, failure.final) == ("video_unavailable", True)
    assert "Private video" in failure.message
