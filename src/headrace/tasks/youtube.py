"""Videos of YouTube, by yt-dlp as a library: the only file that knows it.

It runs in a worker, whose audit hook judges every connection, because yt-dlp brings its own HTTP client.
Retries are the engine's alone, and nothing of the user's configuration or plug-ins is read.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final

from msgspec import Struct

from headrace.definition.templates import FileRef
from headrace.security import shortening
from headrace.tasks import files, urls, video
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure, remote_refusal
from headrace.tasks.library import task
from headrace.tasks.needs import Package
from headrace.tasks.ports import Note

_HOSTS: Final = (
    "youtube.com",
    "*.youtube.com",
    "youtube-nocookie.com",
    "www.youtube-nocookie.com",
    "youtu.be",
    "www.youtu.be",
)
_FILE: Final = "video.mp4"


class Video(Struct, frozen=True):
    """A downloaded video.

    video: The video file, MP4. Example: {"name": "A watermill at work.mp4", "content_type": "video/mp4"}
    title: Its title. Example: "A watermill at work"
    duration: Its length in seconds. Example: 212
    """

    video: Annotated[FileRef, Note(default_output=True)]
    title: str
    duration: float


@task(
    "youtube.download",
    runtime="process",
    category="media",
    aliases=("youtube.downloader",),
    repeatable=True,
    timeout=1800.0,
    needs=(Package("yt_dlp", "media"), video.FFMPEG),
)
async def download(
    url: Annotated[str, Note(aliases=("youtube_url", "video_url"), hosts=_HOSTS)], context: Context
) -> Video:
    """Download a video of YouTube as MP4.

    url: An https link to one video. Example: "https://www.youtube.com/watch?v=dQw4w9WgXcQ"
    """
    if not is_youtube(url):
        raise TaskFailure(
            "unsupported_url", f"{shortening.beginning(url, 200)!r} is no https link to a video of YouTube."
        )
    return await fetch_video(url, context, extractors=("youtube",))


def is_youtube(url: str) -> bool:
    """Whether a URL is an https link of youtube.com and its subdomains, youtube-nocookie.com or youtu.be."""
    return urls.is_of(_HOSTS, url)


async def fetch_video(url: str, context: Context, extractors: tuple[str, ...]) -> Video:
    """Download what these extractors of yt-dlp find at a URL; raises TaskFailure."""
    with tempfile.TemporaryDirectory() as scratch:
        found = await asyncio.to_thread(_download, url, Path(scratch), context, extractors)
        stored = await context.artifacts.put_file(Path(scratch, _FILE))
    title = str(found.get("title") or "video")
    reference = files.named(stored.sha256, stored.size, f"{title[:150]}.mp4", "video/mp4")
    return Video(video=reference, title=title, duration=float(found.get("duration") or 0))


def _download(url: str, scratch: Path, context: Context, extractors: tuple[str, ...]) -> dict[str, Any]:
    os.environ["YTDLP_NO_PLUGINS"] = "1"
    import yt_dlp  # type: ignore[import-untyped, import-not-found, unused-ignore]

    try:
        with yt_dlp.YoutubeDL(_options(scratch, context, extractors)) as downloader:
            found = downloader.extract_info(url, download=True)
    except yt_dlp.utils.YoutubeDLError as error:
        raise _told(error) from error
    if not isinstance(found, dict) or found.get("_type", "video") != "video":
        raise TaskFailure(
            "unsupported_url", f"{shortening.beginning(url, 200)!r} leads to a list, not to one video."
        )
    path = scratch / _FILE
    if not path.exists() or path.stat().st_size > context.limits.file:
        raise TaskFailure("too_large", f"The video has more than {context.limits.file} bytes.")
    return found


def _options(scratch: Path, context: Context, extractors: tuple[str, ...]) -> Any:
    limit = context.limits.file
    return {
        "allowed_extractors": list(extractors),
        "format": (f"bv*[ext=mp4][filesize<?{limit}]+ba[ext=m4a]/b[ext=mp4][filesize<?{limit}]/b[ext=mp4]"),
        "merge_output_format": "mp4",
        "max_filesize": limit,
        "noplaylist": True,
        "playlist_items": "1",
        "outtmpl": str(scratch / _FILE),
        "ffmpeg_location": video.program(),
        "cachedir": False,
        "retries": 0,
        "fragment_retries": 0,
        "extractor_retries": 0,
        "noprogress": True,
        "proxy": "",
        "logger": _Log(context),
    }


class _Log:
    """Gives yt-dlp's words to the log of the attempt."""

    def __init__(self, context: Context) -> None:
        self.info = self.warning = self.error = context.log

    def debug(self, line: str) -> None:
        """Pass what people want to read and leave out what only developers do."""
        if not line.startswith("[debug]"):
            self.info(line)


def _told(error: BaseException) -> TaskFailure:
    """Return the failure that an error of yt-dlp means, by what it was caused by."""
    from yt_dlp.networking import exceptions as networking  # type: ignore[import-untyped, import-not-found, unused-ignore]

    for cause in _causes(error):
        match cause:
            case TaskFailure():
                return cause
            case networking.HTTPError():
                cause.close()
                return remote_refusal("http_status", f"YouTube answered {cause.status}.", cause.status)
            case networking.TransportError():
                return TaskFailure("connection_failed", f"YouTube was not reached: {_plain(cause)}.")
    return TaskFailure("video_unavailable", f"The video is not to be had: {_plain(error)}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what led to it, by every way in which yt-dlp keeps it."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        kept = getattr(each, "exc_info", None) or (None, None)
        waiting += [each.__context__, each.__cause__, getattr(each, "cause", None), kept[1]]


def _plain(error: BaseException) -> str:
    return shortening.beginning(str(error).removeprefix("ERROR: ").splitlines()[0], 300)
