"""Paths of a document: working directories, volumes, and files relative to a working directory."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from headrace.dialects.akoflow.drafts import Mode, Volume
from headrace.dialects.akoflow.tables import Table

_MODES: dict[str, Mode] = {"rw": "rw", "ro": "ro", "out": "out"}


def why_no_directory(path: str) -> str | None:
    """Return what is wrong with an absolute directory, or None."""
    if not path.startswith("/"):
        return f"'{path[:200]}' is not an absolute path."
    if ".." in path.split("/"):
        return f"'{path[:200]}' has '..' in it."
    return None if path.strip("/") else "The root of the file system cannot be used."


def mapped(path: str, table: Mapping[str, str]) -> str:
    """Return where a path leads on this machine, by the longest beginning of whole segments in the table."""
    for end in reversed([place for place, letter in enumerate(f"{path}/") if letter == "/" and place]):
        found = table.get(path[:end], table.get(path[:end] + "/"))
        if found is not None:
            return found.rstrip("/") + path[end:]
    return path


WhyRefused = Callable[[str], str | None]
"""Returns why no workflow may use an absolute directory of this machine, or None."""


def sides_of(written: str) -> tuple[str, str]:
    """Return both directories of a volume that was found right, as they are used."""
    local, _, rest = written.partition(":")
    return local.rstrip("/"), (rest.partition(":")[0] or local).rstrip("/")


def directory_of(table: Table, key: str, why_refused: WhyRefused) -> str | None:
    """Return an absolute directory without its trailing slash; None when it is absent or was refused."""
    path = table.text(key)
    if not path:
        return None
    if wrong := why_no_directory(path):
        suggestion = None if path.startswith("/") or ".." in path else f"/{path}"
        table.problem(key, "bad_path", wrong, suggestion)
        return None
    if (why := why_refused(path)) is not None:
        table.problem(key, "host_path_refused", why)
        return None
    return path.rstrip("/")


def relative_paths(table: Table, key: str) -> tuple[str, ...]:
    """Return paths or globs that stay inside of the working directory."""
    found = []
    for text, path in table.texts(key):
        if not text or text.startswith("/") or ".." in text.split("/"):
            message = f"'{text[:200]}' is no path inside of the working directory."
            table.findings.problem(path, "bad_path", message)
        else:
            found.append(text)
    return tuple(found)


def volumes_of(
    table: Table, why_local_refused: WhyRefused, why_remote_refused: WhyRefused
) -> tuple[Volume, ...]:
    """Return the volumes, each written `local:remote[:mode]`."""
    found = []
    for text, path in table.texts("volumes"):
        volume = _volume(text, path, table)
        if volume is None:
            continue
        found.append(volume)
        for why in dict.fromkeys((why_local_refused(volume.local), why_remote_refused(volume.remote))):
            if why is not None:
                table.findings.problem(path, "host_path_refused", why)
    return tuple(found)


def _volume(text: str, path: str, table: Table) -> Volume | None:
    local, colon, rest = text.partition(":")
    remote, _, mode = rest.partition(":")
    if not colon:
        remote = local
    for side in (local, remote):
        if wrong := why_no_directory(side):
            suggestion = None if mode in ("", *_MODES) else "/local:/remote:rw"
            table.findings.problem(
                path, "bad_volume", f"A volume is '/local:/remote'. {wrong}", suggestion=suggestion
            )
            return None
    if mode and mode not in _MODES:
        message = f"The mode of a volume is rw, ro or out, not '{mode[:40]}'."
        near = table.findings.nearest(mode, _MODES)
        table.findings.problem(path, "bad_volume", message, suggestion=near or "rw")
        return None
    if not colon:
        message = f"The volume '{text[:200]}' has no colon; both sides are taken to be that path."
        table.findings.warn(path, "volume_one_sided", message, suggestion=f"{local}:{local}")
    return Volume(text, local.rstrip("/"), remote.rstrip("/"), _MODES[mode or "rw"])
