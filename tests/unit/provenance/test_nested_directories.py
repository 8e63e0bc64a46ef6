"""Attempts whose directories lie in each other: a file has one history, whoever works on it from where."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from tests.unit.provenance.conftest import EXECUTION, Laboratory, MakeLaboratory, SilentStore

from headrace.provenance.comparing import changed_since
from headrace.provenance.directory import Surroundings
from headrace.store.provenance_rows import FileVersion
from headrace.testing.memory_store import Contents

Between = Callable[[Laboratory], Awaitable[Laboratory]]


async def history(laboratory: Laboratory) -> list[tuple[str, str, str, int | None, int | None]]:
    """Return who did what with which file, by its path in the outer directory, from version to version."""
    await asyncio.wait_for(laboratory.recorder.settled(), 10)
    start = len(str(laboratory.root)) + 1
    return [
        (
            f"{each.use.task}{'' if each.use.is_certain else '?'}",
            each.use.kind,
            f"{each.version.directory}/{each.version.path}"[start:],
            each.use.before,
            each.use.after,
        )
        for each in await laboratory.uses()
    ]


async def said(laboratory: Laboratory) -> list[str]:
    return sorted(f"{task} {kind} {path}" for task, kind, path, _, _ in await history(laboratory))


@pytest.fixture(params=["at once", "after it was forgotten", "after a restart"])
def between(request: pytest.FixtureRequest, make: MakeLaboratory) -> Between:
    """Let something happen between two attempts, and return who records from then on."""

    async def go_on(laboratory: Laboratory) -> Laboratory:
        await laboratory.recorder.settled()
        if request.param == "after it was forgotten":
            laboratory.recorder._linger = 0.0
            laboratory.recorder._forget_idle()
            assert not laboratory.recorder._directories
        elif request.param == "after a restart":
            await laboratory.recorder.close()
            return await make()
        return laboratory

    return go_on


async def test_who_works_inside_and_who_works_outside_go_on_with_the_same_files(
    laboratory: Laboratory, between: Between
) -> None:
    inner = str(laboratory.root / "sub")
    await laboratory.run(1, lambda: laboratory.write("sub/f", "1"))
    laboratory = await between(laboratory)

    def work() -> None:
        laboratory.write("sub/f", "22")
        laboratory.write("sub/h", "333")

    await laboratory.run(2, work, directory=inner)
    laboratory = await between(laboratory)
    await laboratory.run(3, lambda: laboratory.write("out"), inputs=("sub/f", "sub/h"))
    laboratory = await between(laboratory)
    await laboratory.run(4, lambda: laboratory.write("sub/f", "4444"), inputs=("h",), directory=inner)

    assert await said(laboratory) == [
        "t1 created sub/f",
        "t2 created sub/h",
        "t2 modified sub/f",
        "t2 read sub/f",
        "t3 created out",
        "t3 read sub/f",
        "t3 read sub/h",
        "t4 modified sub/f",
        "t4 read sub/f",
        "t4 read sub/h",
    ]
    uses = await history(laboratory)
    left = {(task, path): after for task, _, path, _, after in uses if after is not None}
    found = {(task, path): before for task, kind, path, before, _ in uses if kind == "read"}
    assert found["t2", "sub/f"] == left["t1", "sub/f"]
    assert found["t3", "sub/f"] == found["t4", "sub/f"] == left["t2", "sub/f"]
    assert found["t3", "sub/h"] == found["t4", "sub/h"] == left["t2", "sub/h"]
    assert await changed_since(laboratory.store.provenance, [EXECUTION]) == set()


async def test_the_inner_directory_may_be_the_first_one(laboratory: Laboratory, between: Between) -> None:
    inner = str(laboratory.root / "a" / "sub")
    await laboratory.run(1, lambda: laboratory.write("a/sub/f", "1"), directory=inner)
    laboratory = await between(laboratory)
    await laboratory.run(2, (Path(inner) / "f").unlink, inputs=("a/*/f",))
    laboratory = await between(laboratory)
    await laboratory.run(3, lambda: laboratory.write("a/sub/f", "3"), directory=inner)

    assert await said(laboratory) == [
        "t1 created a/sub/f",
        "t2 deleted a/sub/f",
        "t2 read a/sub/f",
        "t3 created a/sub/f",
    ]


async def test_an_outer_directory_that_opens_takes_over_who_works_inside(laboratory: Laboratory) -> None:
    inner = str(laboratory.root / "sub")
    laboratory.write("sub/old")
    laboratory.write("strange")
    await laboratory.begin(1, directory=inner, inputs=("old",), outputs=("mine*",))
    laboratory.write("sub/mine1")
    (laboratory.root / "sub" / "old").unlink()
    await laboratory.begin(2)
    await laboratory.begin(3, directory=inner)
    laboratory.write("sub/mine2")
    laboratory.write("flat")
    laboratory.write("sub/any")
    await laboratory.end(1)
    await laboratory.end(3)
    await laboratory.end(2)

    assert await said(laboratory) == [
        "t1 created sub/mine1",
        "t1 created sub/mine2",
        "t1 deleted sub/old",
        "t1 read sub/old",
        "t1? created sub/any",
        "t2 created flat",
        "t2? created sub/any",
        "t3? created sub/any",
    ]
    assert len(set(laboratory.recorder._directories.values())) == 1


async def test_what_the_store_does_not_know_yet_is_taken_over(laboratory: Laboratory) -> None:
    inner = str(laboratory.root / "sub")
    silent = SilentStore(laboratory.store.provenance)
    around = laboratory.recorder._around
    shared = {name: getattr(around, name) for name in Surroundings.__struct_fields__}
    laboratory.recorder._around = Surroundings(**shared | {"provenance": silent})
    await laboratory.run(1, lambda: laboratory.write("sub/f"), directory=inner)
    silent.is_silent = True
    await laboratory.run(2, (laboratory.root / "sub" / "f").unlink, directory=inner)
    await laboratory.run(3, lambda: laboratory.write("sub/g"), directory=inner)
    await laboratory.begin(4, inputs=("sub",))
    silent.is_silent = False
    await laboratory.end(4)

    assert await said(laboratory) == [
        "t1 created sub/f",
        "t2 deleted sub/f",
        "t3 created sub/g",
        "t4 read sub/g",
    ]


async def test_both_directories_tell_what_they_hold(laboratory: Laboratory) -> None:
    inner, outer = str(laboratory.root / "sub"), str(laboratory.root)
    await laboratory.run(1, lambda: laboratory.write("sub/f", "1"), directory=inner)
    await laboratory.run(2, lambda: laboratory.write("g", "22"))
    await laboratory.run(3, lambda: laboratory.write("sub/h", "333"), directory=inner)

    assert await laboratory.store.provenance.bytes_of([inner, outer]) == {inner: 4, outer: 6}


async def test_an_inner_directory_that_is_not_there_is_made(laboratory: Laboratory) -> None:
    await laboratory.begin(1)
    await laboratory.begin(2, directory=f"{laboratory.root}/./new//sub/")

    assert (laboratory.root / "new" / "sub").is_dir()


async def test_an_outer_directory_that_is_too_large_costs_inner_ones_nothing(make: MakeLaboratory) -> None:
    laboratory = await make(most_files=20)
    inner = str(laboratory.root / "sub")
    for number in range(30):
        laboratory.write(f"d{number}/f")
    await laboratory.begin(1, directory=inner)
    await laboratory.begin(2)
    laboratory.write("sub/f")
    await laboratory.end(1)
    await laboratory.run(3, lambda: laboratory.write("sub/g"), directory=inner)
    await laboratory.run(4, lambda: laboratory.write("other/g"), directory=str(laboratory.root / "other"))

    assert await said(laboratory) == ["t1 created sub/f", "t3 created sub/g", "t4 created other/g"]


async def test_who_works_in_the_servers_own_directory_is_left_out_of_those_around(
    laboratory: Laboratory,
) -> None:
    inner = str(laboratory.root / ".private" / "run")
    await laboratory.begin(1)
    await laboratory.begin(2, directory=inner)
    laboratory.write(".private/run/f")
    laboratory.write("g")
    await laboratory.end(2)
    await laboratory.end(1)

    assert await said(laboratory) == ["t1 created g", "t2 created .private/run/f"]


async def test_after_a_crash_both_are_taken_up_again(make: MakeLaboratory) -> None:
    first = await make()
    inner = str(first.root / "sub")
    first.write("sub/in")
    await first.begin(1, directory=inner, inputs=("in",), outputs=("one",))
    await first.begin(2, outputs=("sub/two",))
    first.write("sub/one")
    started = dict(first.starts)
    await first.recorder.close()
    first.write("sub/two")
    second = await make(resume=False)
    one = second.asked(1, directory=inner, inputs=("in",), outputs=("one",))
    for asked in (one, second.asked(2, outputs=("sub/two",))):
        second.recorder.begin(asked, lambda: None, "recovered")
    second.starts.update(started)
    await second.recorder.resume()
    await second.recorder.settled()
    await second.end(1)
    await second.end(2)

    assert await said(second) == ["t1 created sub/one", "t1 read sub/in", "t2 created sub/two"]


async def test_after_a_crash_what_was_begun_inside_of_another_is_taken_up(make: MakeLaboratory) -> None:
    first = await make()
    inner = str(first.root / "sub")
    await first.begin(1)
    await first.begin(2, directory=inner)
    await first.end(1)
    await first.recorder.close()
    first.write("sub/two")
    second = await make(resume=False)
    second.recorder.begin(second.asked(2, directory=inner), lambda: None, "recovered")
    second.starts.update(first.starts)
    await second.recorder.resume()
    await second.recorder.settled()
    await second.end(2)

    assert await said(second) == ["t2 created sub/two"]


PLACES = ("", "a", "a/b", "c")
FILES = ("a/b/x", "a/b/y", "a/x", "x", "c/x")
WORKS = st.tuples(
    st.sampled_from(PLACES),
    st.sampled_from(["write", "remove", "read", "forget", "restart"]),
    st.sampled_from(FILES),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORKS, max_size=12))
def test_one_after_the_other_each_finds_what_the_one_before_has_left(
    works: list[tuple[str, str, str]],
) -> None:
    async def replay(root: Path) -> None:
        contents = Contents()
        laboratory = Laboratory(root, contents)
        await laboratory.recorder.resume()
        texts: dict[str, str] = {}
        expected: list[tuple[str, str, str, str | None, str | None]] = []
        for number, (place, what, path) in enumerate(works, 1):
            directory = f"{root}/{place}" if place else str(root)
            inside = path.removeprefix(f"{place}/") if place else path
            is_inside = not place or inside != path
            if what == "forget":
                await laboratory.recorder.settled()
                laboratory.recorder._linger = 0.0
                laboratory.recorder._forget_idle()
            elif what == "restart":
                await laboratory.recorder.settled()
                await laboratory.recorder.close()
                laboratory = Laboratory(root, contents)
                await laboratory.recorder.resume()
            elif is_inside:
                before = texts.get(path)
                inputs = (inside,) if what != "write" else ()
                await laboratory.begin(number, directory=directory, inputs=inputs)
                if before is not None:
                    expected.append((f"t{number}", "read", path, before, None))
                if what == "write":
                    texts[path] = f"{number:0{number}}"
                    laboratory.write(path, texts[path])
                    kind = "created" if before is None else "modified"
                    expected.append((f"t{number}", kind, path, before, texts[path]))
                elif what == "remove" and before is not None:
                    (root / path).unlink()
                    del texts[path]
                    expected.append((f"t{number}", "deleted", path, before, None))
                await laboratory.end(number)
        found = await told(laboratory)
        await laboratory.recorder.close()
        assert found == [(*each[:3], hashed(each[3]), hashed(each[4])) for each in expected]

    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(replay(Path(directory) / "work"))


def hashed(text: str | None) -> str | None:
    return None if text is None else sha256(text.encode()).hexdigest()


async def told(laboratory: Laboratory) -> list[tuple[str, str, str, str | None, str | None]]:
    await asyncio.wait_for(laboratory.recorder.settled(), 10)
    start = len(str(laboratory.root)) + 1

    def content(version: FileVersion | None) -> str | None:
        return None if version is None else version.sha256

    return [
        (
            each.use.task,
            each.use.kind,
            f"{each.version.directory}/{each.version.path}"[start:],
            content(each.before),
            content(each.after),
        )
        for each in await laboratory.uses()
    ]
