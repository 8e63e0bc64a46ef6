"""The sound of a video, by ffmpeg: the only file that runs it.

It runs in a worker and without a shell; only containers that hold media in themselves are opened, because
playlists and the like (hls, concat) could make ffmpeg read other files of this machine or the network.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path, PurePath
from typing import Final, Literal

from msgspec import Struct

from headrace.definition.templates import FileRef
from headrace.security import shortening
from headrace.tasks import files
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import task
from headrace.tasks.needs import Program

FFMPEG: Final = Program("ffmpeg", "media", bundle="imageio_ffmpeg")
_CONTAINERS: Final = (
    "3g2,3gp,aac,ac3,aiff,amr,asf,avi,caf,flac,flv,m4a,matroska,mj2,mov,mp3,mp4,mpeg,mpegts,mxf,ogg,wav,webm"
)
_ENCODINGS: Final = {
    "mp3": ("audio/mpeg", "-c:a", "libmp3lame", "-f", "mp3"),
    "wav": ("audio/wav", "-c:a", "pcm_s16le", "-f", "wav"),
    "m4a": ("audio/mp4", "-c:a", "aac", "-f", "ipod"),
    "ogg": ("audio/ogg", "-c:a", "libvorbis", "-f", "ogg"),
    "flac": ("audio/flac", "-c:a", "flac", "-f", "flac"),
}
"""Format to its media type and ffmpeg's encoder and muxer."""


class Sound(Struct, frozen=True):
    """The sound of a video.

    audio: The audio file. Example: {"name": "talk.mp3", "content_type": "audio/mpeg"}
    """

    audio: FileRef


@task(
    "video.extract_audio",
    runtime="process",
    category="media",
    repeatable=True,
    timeout=1800.0,
    needs=(FFMPEG,),
)
async def extract_audio(
    video: FileRef, context: Context, *, format: Literal["mp3", "wav", "m4a", "ogg", "flac"] = "mp3"
) -> Sound:
    """Take the first sound track out of a video.

    video: The video file. Example: "https://example.com/talk.mp4"
    format: Form of the audio. Example: "mp3"
    """
    media_type, *encoding = _ENCODINGS[format]
    source = await context.artifacts.path(video.sha256)
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch, f"audio.{format}")
        await _convert(source, target, encoding, video.name)
        if (await asyncio.to_thread(target.stat)).st_size > context.limits.file:
            raise TaskFailure("too_large", f"The sound of {video.name} has over {context.limits.file} bytes.")
        stored = await context.artifacts.put_file(target)
    name = f"{PurePath(video.name).stem}.{format}"
    return Sound(files.named(stored.sha256, stored.size, name, media_type))


async def _convert(source: Path, target: Path, encoding: list[str], name: str) -> None:
    """Run ffmpeg; raises TaskFailure."""
    process = await asyncio.create_subprocess_exec(
        program(),
        *("-nostdin", "-hide_banner", "-loglevel", "error"),
        *("-protocol_whitelist", "file", "-format_whitelist", _CONTAINERS),
        *("-i", f"file:{source}", "-map", "0:a:0", "-map_metadata", "-1", *encoding),
        f"file:{target}",
        stdin=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    if process.returncode == 0:
        return
    if process.returncode is not None and process.returncode < 0:
        raise TaskFailure("lost", f"ffmpeg was ended by signal {-process.returncode}.")
    if b"matches no streams" in said:
        raise TaskFailure("no_audio_stream", f"{name} has no sound.")
    lines = said.decode(errors="replace").splitlines() or ["no reason given"]
    raise TaskFailure("not_media", f"ffmpeg cannot read {name}: {shortening.beginning(lines[-1], 300)}.")


def program() -> str:
    """Return the path of ffmpeg: the machine's own, else the one that a package brings."""
    found = shutil.which(FFMPEG.name)
    if found is None:
        import imageio_ffmpeg  # type: ignore[import-untyped, import-not-found, unused-ignore]

        found = imageio_ffmpeg.get_ffmpeg_exe()
    return str(found)
