"""What a working directory has, by the last listing: the version of each path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from headrace.provenance import patterns
from headrace.provenance.scan import FileState
from headrace.store.provenance_rows import FileVersion

_MOST_MATCHED = 16
"""Patterns of which it is remembered what they match."""


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


def place(version: FileVersion) -> str:
    """Return the absolute path of a version, whatever directory had the record when it was seen."""
    return f"{version.directory}/{version.path}"


class Index:
    """Paths and their current versions."""

    def __init__(self, root: str, versions: Iterable[FileVersion] = ()) -> None:
        """Take versions that lie in `root`, oldest first."""
        self.files: dict[str, FileVersion] = {}
        """By path relative to the root; a version that was recorded for a directory above or below the root
        has another path there."""
        self.bytes = 0
        """What all of them have together."""
        self.parts: dict[str, int] = {}
        """What the files of directories inside have together where that was asked for, by what their paths
        begin with (`sub/`)."""
        self.outdated: list[int] = []
        """Numbers of versions that a later one of the same file was found beside."""
        self._matched: dict[tuple[str, str], list[str]] = {}
        """Paths that globs and directories mean, by what their paths begin with; activities share them."""
        start = len(root) + 1
        for version in versions:
            path = place(version)[start:]
            if (former := self.files.get(path)) is not None:
                self.outdated.append(former.number)
            self.put(path, version)

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

    def put(self, path: str, version: FileVersion) -> None:
        """Make a version the current one of a path."""
        former = self.files.get(path)
        self._count(path, version.size - (former.size if former is not None else 0))
        self.files[path] = version
        if former is None:
            self._matched.clear()

    def remove(self, path: str) -> None:
        """Forget a path."""
        former = self.files.pop(path, None)
        self._count(path, -former.size if former is not None else 0)
        self._matched.clear()

    def has(self, declared: Iterable[str], prefix: str = "") -> bool:
        """Tell whether all that is declared are paths of files; relative to what `prefix` leads to."""
        return all(prefix + patterns.plain(path) in self.files for path in declared)

    def matching(
        self, declared: Iterable[str], is_directory: Callable[[str], bool], prefix: str = ""
    ) -> Iterator[tuple[str, FileVersion]]:
        """Yield what the declared paths and globs mean, by path.

        They are relative to the directory that `prefix` (`sub/`) leads to; a path of a directory means all
        that lies in it. A path of a file costs nothing, the others a look at every name, once for all who
        declare the same while no file comes or goes.
        """
        for pattern in declared:
            path = patterns.plain(pattern)
            if (version := self.files.get(prefix + path)) is not None:
                yield prefix + path, version
            elif not patterns.is_literal(path) or is_directory(prefix + path):
                for name in self._meant(prefix, path):
                    yield name, self.files[name]

    def _meant(self, prefix: str, path: str) -> list[str]:
        found = self._matched.get((prefix, path))
        if found is None:
            start, begins = len(prefix), prefix + patterns.beginning(path)
            fits = patterns.matcher(path)
            found = [name for name in self.files if name.startswith(begins) and fits(name[start:])]
            while len(self._matched) >= _MOST_MATCHED:
                del self._matched[next(iter(self._matched))]
            self._matched[prefix, path] = found
        return found

    def beneath(self, directory: str) -> list[str]:
        """Return the paths in a directory, those in its directories included."""
        inside = f"{directory}/"
        return [path for path in self.files if path.startswith(inside)]

    def part(self, prefix: str) -> dict[str, FileVersion]:
        """Return the files of a directory inside, by their paths there."""
        if not prefix:
            return self.files
        start = len(prefix)
        return {path[start:]: each for path, each in self.files.items() if path.startswith(prefix)}

    def held_by(self, prefix: str) -> int:
        """Return how many bytes the files of a directory inside have together; only the first time counts."""
        if prefix not in self.parts:
            self.parts[prefix] = sum(each.size for each in self.part(prefix).values())
        return self.parts[prefix]

    def replace(self, prefix: str, other: Index) -> None:
        """Have what another index knows of a directory inside, and nothing else of it."""
        for path in self.part(prefix):
            self.remove(prefix + path)
        for path, version in other.files.items():
            self.put(prefix + path, version)

    def _count(self, path: str, more: int) -> None:
        self.bytes += more
        if self.parts:
            end = path.find("/") + 1
            while end:
                if path[:end] in self.parts:
                    self.parts[path[:end]] += more
                end = path.find("/", end) + 1
