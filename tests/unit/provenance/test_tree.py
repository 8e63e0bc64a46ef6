"""Changes that the kernel tells of, compared with a look at everything."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from headrace.clock import SystemClock
from headrace.provenance import watch as watching
from headrace.provenance.index import Index, is_same
from headrace.provenance.listing import Change
from headrace.provenance.scan import scan
from headrace.provenance.tree import Tree
from headrace.provenance.watch import Watch
from headrace.store.provenance_rows import FileVersion

PLACES = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
"""Events that the kernel keeps until they are read."""

NAMES = ("a", "b")
PATHS = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map("/".join)
OPERATIONS = st.one_of(
    st.tuples(st.just("write"), PATHS, PATHS),
    st.tuples(st.just("append"), PATHS, PATHS),
    st.tuples(st.just("mkdir"), PATHS, PATHS),
    st.tuples(st.just("remove"), PATHS, PATHS),
    st.tuples(st.just("rename"), PATHS, PATHS),
    st.tuples(st.just("leave"), PATHS, PATHS),
    st.tuples(st.just("come"), PATHS, PATHS),
    st.tuples(st.just("link"), PATHS, PATHS),
    st.tuples(st.just("hard"), PATHS, PATHS),
    st.tuples(st.just("touch"), PATHS, PATHS),
    st.tuples(st.just("pipe"), PATHS, PATHS),
    st.tuples(st.just("look"), PATHS, PATHS),
    st.tuples(st.just("drain"), PATHS, PATHS),
)


class Forest:
    """A watched directory, an index that is kept by what the watch tells, and a place outside."""

    def __init__(self, root: Path) -> None:
        self.inside = root / "inside"
        self.outside = root / "outside"
        self.outside.mkdir(parents=True)
        self.index = Index(str(self.inside))
        roots = {str(self.inside)}
        self.watch = Watch(SystemClock(), roots)
        self.tree = Tree(str(self.inside), SystemClock(), self.watch, roots, 1000)
        self._numbers = iter(range(1, 10_000))

    async def open(self) -> None:
        self.apply(self.tree.compare(self.index, await self.tree.open(), 0.0))

    def apply(self, changes: list[Change]) -> None:
        for change in changes:
            if change.state is None:
                self.index.remove(change.path)
            else:
                state = change.state
                version = FileVersion(
                    number=next(self._numbers),
                    directory=str(self.inside),
                    path=change.path,
                    size=state.size,
                    mtime_ns=state.mtime_ns,
                    inode=state.inode,
                    link=state.link,
                    seen_at=0.0,
                )
                self.index.put(change.path, version)

    async def look(self) -> None:
        self.apply(await self.tree.find(self.index))

    def close(self) -> None:
        self.tree.close()
        self.watch.close()

    def is_right(self) -> bool:
        files = scan(str(self.inside)).files
        return files.keys() == self.index.files.keys() and all(
            is_same(self.index.files[path], state) for path, state in files.items()
        )


def perform(forest: Forest, what: str, path: str, other: str) -> None:
    """Do something to files; what cannot be done is not done."""
    place, target = forest.inside / path, forest.inside / other
    if place.is_fifo():
        place.unlink()  # to write into it would take for ever
    try:
        match what:
            case "write":
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(other)
            case "append":
                with place.open("a") as file:
                    file.write("more")
            case "mkdir":
                place.mkdir(parents=True)
            case "remove" if place.is_dir() and not place.is_symlink():
                shutil.rmtree(place)
            case "remove":
                place.unlink()
            case "link":
                target.symlink_to(path)
            case "hard":
                target.hardlink_to(place)
            case "touch":
                os.utime(place, (1, 1), follow_symlinks=False)
            case "pipe":
                os.mkfifo(place)
            case _:
                move(forest, what, path, target)
    except (OSError, shutil.Error):
        return


def move(forest: Forest, what: str, path: str, target: Path) -> None:
    away = forest.outside / path.replace("/", "-")
    match what:
        case "rename":
            (forest.inside / path).rename(target)
        case "leave":
            shutil.rmtree(away, ignore_errors=True)
            (forest.inside / path).rename(away)
        case "come":
            away.rename(target)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OPERATIONS, max_size=25), st.integers(0, 10))
def test_what_a_watch_tells_is_what_a_look_at_everything_finds(
    operations: list[tuple[str, str, str]], before: int
) -> None:
    async def replay(root: Path) -> None:
        forest = Forest(root)
        forest.inside.mkdir()
        try:
            for operation in operations[:before]:
                perform(forest, *operation)
            await forest.open()
            for operation in operations[before:]:
                if operation[0] == "look":
                    await forest.look()
                elif operation[0] == "drain":
                    forest.watch.drain()
                else:
                    perform(forest, *operation)
            await forest.look()
            assert forest.tree.is_quiet
            assert forest.is_right()
        finally:
            forest.close()

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(replay(Path(directory)))


@pytest.fixture
def forest(tmp_path: Path) -> Iterator[Forest]:
    made = Forest(tmp_path)
    yield made
    made.close()


async def test_files_that_lie_in_a_new_directory_before_it_is_watched_are_found(forest: Forest) -> None:
    await forest.open()
    for number in range(20):
        perform(forest, "write", f"d{number}/e/f", "x")
    await forest.look()

    assert len(forest.index.files) == 20
    assert forest.tree.is_quiet


async def test_a_directory_that_is_renamed_takes_its_files_along(forest: Forest) -> None:
    perform(forest, "write", "a/b/c", "x")
    await forest.open()
    perform(forest, "rename", "a", "d")
    await forest.look()
    assert set(forest.index.files) == {"d/b/c"}
    perform(forest, "append", "d/b/c", "x")
    perform(forest, "write", "a/b/c", "x")
    await forest.look()

    assert forest.is_right()


async def test_a_directory_that_is_moved_away_is_watched_no_more(forest: Forest) -> None:
    perform(forest, "write", "a/b", "x")
    await forest.open()
    perform(forest, "leave", "a", "a")
    await forest.look()
    (forest.outside / "a" / "b").write_text("elsewhere")
    (forest.outside / "a" / "new").mkdir()

    assert forest.index.files == {}
    assert forest.tree.is_quiet


async def test_a_large_new_directory_is_left_to_a_look_at_everything(
    forest: Forest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "EXPLORED_AT_ONCE", 5)
    await forest.open()
    for number in range(20):
        perform(forest, "write", f"d/{number}", "x")
    await forest.look()
    await forest.look()

    assert forest.is_right()
    assert forest.tree.is_quiet


async def test_when_the_kernel_loses_count_everything_is_looked_at(forest: Forest) -> None:
    await forest.open()
    for number in range(PLACES + 10):
        os.close(os.open(forest.inside / f"f{number % 7}", os.O_CREAT | os.O_WRONLY))
        (forest.inside / f"f{(number + 3) % 7}").touch()
    perform(forest, "write", "last/file", "x")
    assert not forest.tree.is_quiet
    await forest.look()

    assert forest.is_right()
    assert forest.tree.is_quiet


async def test_a_directory_that_is_removed_and_made_again_is_watched_again(forest: Forest) -> None:
    await forest.open()
    perform(forest, "write", "a", "x")
    await forest.look()
    shutil.rmtree(forest.inside)
    await forest.look()
    assert forest.index.files == {}
    forest.inside.mkdir()
    perform(forest, "write", "b", "x")
    await forest.look()

    assert forest.is_right()


async def test_without_watches_everything_is_looked_at(
    forest: Forest, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_directory: str) -> None:
        raise watching.Unwatchable("no watch is left")

    monkeypatch.setattr(forest.watch, "entering", lambda _tree: refuse)
    await forest.open()
    perform(forest, "write", "a/b", "x")
    assert not forest.tree.is_quiet
    await forest.look()

    assert forest.is_right()


async def test_a_directory_under_two_names_is_watched_under_one(forest: Forest, tmp_path: Path) -> None:
    await forest.open()
    other = tmp_path / "other"
    other.symlink_to(forest.inside)
    twin = Tree(str(other), SystemClock(), forest.watch, {str(forest.inside), str(other)}, 1000)
    await twin.open()
    perform(forest, "write", "a", "x")

    assert not twin.is_quiet
    assert [change.path for change in await twin.find(Index(""))] == ["a"]
    assert [change.path for change in await forest.tree.find(Index(""))] == ["a"]


async def test_a_file_that_is_written_to_by_another_of_its_names_is_found_by_each(tmp_path: Path) -> None:
    forest = Forest(tmp_path)
    perform(forest, "write", "a/a", "a")
    await forest.open()
    perform(forest, "hard", "a/a", "b")
    await forest.look()
    perform(forest, "append", "b", "")
    changes = await forest.tree.find(forest.index)
    forest.apply(changes)

    assert sorted(change.path for change in changes) == ["a/a", "b"]
    assert forest.is_right()
    forest.close()
