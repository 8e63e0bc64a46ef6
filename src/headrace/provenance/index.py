"""What a working directory has, by the last listing: the version of each path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from headrace.provenance import patterns
from headrace.provenance.scan import FileState
from headrace.store.provenance_rows import FileVersion


def is_same(version: FileVersion, state: FileState) -> bool:
    """Tell whether a file is still the version that it was."""
    return (
        version.mtime_ns == state.mtime_ns
        and version.size == state.size
        and version.inode == state.inode
        and version.link == state.link
    )


def is_copy(original: FileVersion, found: FileState | FileVersion) -> bool:
    """Tell whether a file is as its original was: a copy that keeps times keeps these."""
    return found.mtime_ns == original.mtime_ns and found.size == original.size and found.link == original.link


class Index:
    """Paths and their current versions."""

    def __init__(self, versions: Iterable[FileVersion] = ()) -> None:
        self.files = {version.path: version for version in versions}
        self.bytes = sum(version.size for version in self.files.values())
        """What all of them have together."""

    def differs(self, path: str, state: FileState | None) -> bool:
        """Tell whether a path is not any more what it was."""
        version = self.files.get(path)
        if state is None or version is None:
            return (state is None) != (version is None)
        return not is_same(version, state)

    def differences(self, files: Mapping[str, FileState]) -> Iterator[str]:
        """Yield every path that is not what it was in a directory that has these files."""
        for path, state in files.items():
            if self.differs(path, state):
                yield path
        for path in self.files:
            if path not in files:
                yield path

    def put(self, version: FileVersion) -> None:
        """Make a version the current one of its path."""
        former = self.files.get(version.path)
        self.bytes += version.size - (former.size if former is not None else 0)
        self.files[version.path] = version

    def remove(self, path: str) -> None:
        """Forget a path."""
        former = self.files.pop(path, None)
        self.bytes -= former.size if former is not None else 0

    def matching(self, declared: Iterable[str], is_directory: Callable[[str], bool]) -> Iterator[FileVersion]:
        """Yield what the declared paths and globs mean; a path of a directory is all that lies in it.

        A path of a file costs nothing, the others a look at every name.
        """
        for pattern in declared:
            path = patterns.plain(pattern)
            if (version := self.files.get(path)) is not None:
                yield version
            elif not patterns.is_literal(path) or is_directory(path):
                yield from (each for name, each in self.files.items() if patterns.matches(path, name))

    def beneath(self, directory: str) -> list[str]:
        """Return the paths in a directory, those in its directories included."""
        inside = f"{directory}/"
        return [path for path in self.files if path.startswith(inside)]
