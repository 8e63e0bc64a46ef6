"""Archives of files that tasks made; what is gone is left out, and `MISSING.txt` names it with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping

from starlette.responses import StreamingResponse

from headrace.artifacts.protocol import Artifacts
from headrace.http.archives import ArchiveNames, ArchiveWriter, Entry, only, sent
from headrace.http.downloads import protective
from headrace.http.recorded_files import ArtifactGone, content_of
from headrace.store.provenance_rows import FileVersion
from headrace.texts import text_of_path

MISSING = "MISSING.txt"


def answer(
    writer: ArchiveWriter, files: Mapping[str, FileVersion], name: str, artifacts: Artifacts, now: float
) -> StreamingResponse:
    """Answer with an archive of files by their paths; `name` is that of its file, without the suffix."""
    headers = protective(f"{name}{writer.suffix}") | {"cache-control": "no-store"}
    return StreamingResponse(archived(writer, files, artifacts, now), 200, headers, writer.media_type)


async def archived(
    writer: ArchiveWriter, files: Mapping[str, FileVersion], artifacts: Artifacts, now: float
) -> AsyncIterator[bytes]:
    """Yield the archive; raises `ArtifactGone`, and so breaks off, when a file changes while it is read."""
    names = await asyncio.to_thread(ArchiveNames, files)
    missing: list[str] = []
    for path, version in files.items():
        try:
            content = await content_of(version, artifacts)
        except ArtifactGone as gone:
            missing.append(f"{text_of_path(path)}: {gone.message}")
            continue
        entry = Entry(names.take(path), version.size, version.mtime_ns / 1e9)
        async for piece in sent(writer, entry, content.pieces()):
            yield piece
    if missing:
        text = "\n".join(["These files could not be put into the archive.", "", *missing, ""])
        listed = text.encode("utf-8", "replace")
        async for piece in sent(writer, Entry(names.take(MISSING), len(listed), now), only(listed)):
            yield piece
    yield writer.close()
