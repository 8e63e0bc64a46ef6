"""Leads what `standalone` activities did with copies back to the files that were copied.

Before such an activity starts, the files of its dependencies are brought into its directory, where nobody
made them; what it reads or changes there is the work of the dependency, or of those behind it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from posixpath import normpath

from msgspec.structs import replace

from headrace.store.provenance_rows import FileVersion, RecordedUse


def traced(uses: Sequence[RecordedUse], directories: Mapping[str, str]) -> list[RecordedUse]:
    """Return uses that name originals in the place of copies; `directories` are those of the activities.

    Who removes a copy removes nothing that anybody made, so that is left out.
    """
    copies = _Copies(uses, directories)
    found: list[RecordedUse] = []
    for each in uses:
        original = copies.original(each.before) if each.before is not None else None
        if each.before is None or original is None or original.number == each.before.number:
            found.append(each)
        elif each.use.kind != "deleted":
            found.append(replace(each, before=original))
    return found


class _Copies:
    """What was brought into the directories of activities."""

    def __init__(self, uses: Sequence[RecordedUse], directories: Mapping[str, str]) -> None:
        homes = {name: normpath(directory) for name, directory in directories.items()}
        self._homes = set(homes.values())
        self._made = {each.after.number for each in uses if each.after is not None}
        self._sources: dict[tuple[str, str], list[FileVersion]] = {}
        for each in uses:
            version, home = each.before, homes.get(each.use.task)
            if each.use.kind != "read" or version is None or home is None:
                continue
            directory, path = self._place(version)
            if directory != home:
                self._sources.setdefault((home, path), []).append(version)

    def original(self, version: FileVersion) -> FileVersion:
        """Return what a version is a copy of, and itself where it is none."""
        seen = {version.number}
        while version.number not in self._made:
            sources = self._sources.get(self._place(version), ())
            found = next((each for each in reversed(sources) if _is_copy(version, each)), None)
            if found is None or found.number in seen:
                break
            version = found
            seen.add(version.number)
        return version

    def _place(self, version: FileVersion) -> tuple[str, str]:
        """Return the directory of an activity that a version lies in, and its path there.

        The record may be that of a directory around, where other workflows work.
        """
        directory = normpath(version.directory)
        whole = f"{directory}/{version.path}"
        end = len(directory)
        while end > 0:
            if whole[:end] in self._homes:
                return whole[:end], whole[end + 1 :]
            end = whole.find("/", end + 1)
        return directory, version.path


def _is_copy(version: FileVersion, source: FileVersion) -> bool:
    """Tell whether contents are the same; where a hash is missing, copying has kept size and time."""
    if version.sha256 is not None and source.sha256 is not None:
        return version.sha256 == source.sha256
    return (version.size, version.mtime_ns) == (source.size, source.mtime_ns)
