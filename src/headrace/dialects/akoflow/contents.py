"""The contents that a run touched, for the exports: one for each path and hash, in the order of first use.

A version whose hash is not known counts as a content of its own, because nobody can tell what it is like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter, itemgetter

from msgspec import Struct

from headrace.dialects.akoflow.file_names import FileNames
from headrace.store.provenance_rows import FileVersion, RecordedUse


class Content(Struct, frozen=True):
    """What one path once was."""

    number: int
    """From 1, within its run."""
    path: str
    version: FileVersion
    """The last version that was this."""
    is_last: bool
    """Nothing else was found at this path afterwards."""


class Contents:
    """All contents that the activities of a run found or left."""

    def __init__(self, uses: Iterable[RecordedUse], names: FileNames) -> None:
        """Take the uses in the order of their numbers."""
        keys: dict[int, tuple[str, str | int]] = {}
        versions: dict[tuple[str, str | int], FileVersion] = {}
        latest: dict[str, tuple[int, tuple[str, str | int]]] = {}
        for use in uses:
            for version in (use.before, use.after):
                if version is None:
                    continue
                path = names.of(version)
                key = (path, version.sha256 or version.number)
                keys[version.number] = key
                versions[key] = max(versions.get(key, version), version, key=attrgetter("number"))
                # A later version has a higher number, whoever reads or changes an earlier one after that.
                latest[path] = max(latest.get(path, (0, key)), (version.number, key), key=itemgetter(0))
        self._contents = {
            key: Content(number, key[0], version, latest[key[0]][1] == key)
            for number, (key, version) in enumerate(versions.items(), 1)
        }
        self._of = {version: self._contents[key] for version, key in keys.items()}

    def __iter__(self) -> Iterator[Content]:
        return iter(self._contents.values())

    def of(self, version: FileVersion) -> Content:
        """Return what a version was."""
        return self._of[version.number]
