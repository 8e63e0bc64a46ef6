"""Which versions attempts are said to have read: what they declared and what was brought, as it was then."""

from __future__ import annotations

import asyncio
import functools
import shutil
from hashlib import sha256
from typing import Any

import pytest
from tests.unit.provenance.conftest import Laboratory, MakeLaboratory

from headrace.provenance import patterns
from headrace.provenance.index import Index
from headrace.store.provenance_rows import FileVersion


async def test_declared_inputs_are_read_as_they_were(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("in/a", "first"))
    await laboratory.recorder.settled()
    await laboratory.begin(2, inputs=("in/a", "in/*", "missing", "./in"))
    await laboratory.begin(3)
    laboratory.write("in/a", "second")
    await laboratory.end(3)
    await laboratory.end(2)
    await laboratory.recorder.settled()
    [made] = [each.after for each in await laboratory.uses() if each.use.kind == "created"]
    reads = [each for each in await laboratory.uses() if each.use.kind == "read" and each.use.task == "t2"]

    assert made is not None
    assert {each.before.sha256 for each in reads if each.before} == {sha256(b"first").hexdigest()}
    assert {each.use.before for each in reads} == {made.number}


@pytest.mark.parametrize("declared", ["in/a", "in", "in/*"])
async def test_a_declared_input_that_is_used_up_was_read(laboratory: Laboratory, declared: str) -> None:
    await laboratory.run(1, lambda: laboratory.write("in/a", "raw"))
    await laboratory.begin(2, inputs=(declared,))
    (laboratory.root / "in" / "a").rename(laboratory.root / "moved")
    await laboratory.run(3, lambda: None)  # its end may list the change before the second one ends
    await laboratory.end(2)

    said = await laboratory.said()
    assert [each for each in said if "2 read" in each] == ["t2 read in/a"]
    uses = [each for each in await laboratory.uses() if each.version.path == "in/a"]
    assert [each.use.kind for each in uses if each.use.task == "t2"] == ["read", "deleted"]
    assert {each.version.sha256 for each in uses} == {sha256(b"raw").hexdigest()}


async def test_a_declared_input_is_read_for_certain_whoever_changed_it(laboratory: Laboratory) -> None:
    laboratory.write("a", "1")
    laboratory.write("b", "1")
    await laboratory.begin(1, inputs=("a", "b"))
    await laboratory.begin(2)
    laboratory.write("a", "22")
    (laboratory.root / "b").unlink()
    await laboratory.end(2)
    await laboratory.end(1)

    assert await laboratory.said() == [
        "t1 read a",
        "t1 read b",
        "t1? deleted b",
        "t1? modified a",
        "t2? deleted b",
        "t2? modified a",
        "t2? read a",
    ]


async def test_files_that_came_just_before_the_begin_are_read(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: None)
    laboratory.write("in", "brought by another")
    await laboratory.run(2, lambda: None, inputs=("in",))

    assert await laboratory.said() == ["t2 read in"]


async def test_brought_files_are_read_from_where_they_were_made(laboratory: Laboratory) -> None:
    source, target = laboratory.root / "s", laboratory.root / "t"
    await laboratory.run(1, lambda: laboratory.write("s/a", "made"), directory=str(source))
    target.mkdir()
    shutil.copy2(source / "a", target / "a")
    (target / "other").write_text("not brought")
    await laboratory.run(
        2, lambda: (target / "b").write_text("b"), directory=str(target), sources=(str(source),)
    )

    assert await laboratory.said() == ["t1 created a", "t2 created b", "t2 read a"]
    uses = {each.use.kind: each for each in await laboratory.uses() if each.version.path == "a"}
    assert uses["read"].use.before == uses["created"].use.after
    copies = await laboratory.store.provenance.current(str(target))
    assert {each.path: each.sha256 for each in copies}["a"] == sha256(b"made").hexdigest()


async def test_after_a_crash_an_input_that_was_used_up_before_was_read_once(make: MakeLaboratory) -> None:
    first = await make()
    first.write("in")
    await first.begin(1, inputs=("in",))
    (first.root / "in").unlink()
    await first.begin(2)
    await first.end(2)
    started_at = first.starts[1]
    second = await make(resume=False)
    second.recorder.begin(
        second.asked(1, inputs=("in",)), lambda: second.starts.update({1: started_at}), "recovered"
    )
    await second.recorder.resume()
    await second.recorder.settled()
    await second.end(1)

    said = await second.said()
    assert [each for each in said if "t1" in each and "read" in each] == ["t1 read in"]


async def test_activities_that_declare_the_same_glob_look_at_each_name_once_and_let_others_work_between(
    laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[list[str]] = []
    fits = patterns._fits

    def counted(parts: Any, names: list[str]) -> bool:
        looked.append(names)
        return fits(parts, names)

    monkeypatch.setattr(patterns, "_fits", counted)
    for number in range(30):
        laboratory.write(f"in/{number}.txt")
        laboratory.write(f"other/{number}.txt")
    begun: list[str] = []
    everyone = asyncio.Event()

    def ready(number: int) -> None:
        begun.append(f"begun {number}")
        asyncio.get_running_loop().call_soon(begun.append, "others")
        if number == 10:
            everyone.set()

    async def begin_ten() -> list[str]:
        begun.clear()
        everyone.clear()
        for number in range(1, 11):
            asked = laboratory.asked(number, inputs=("in/*.txt",))
            laboratory.recorder.begin(asked, functools.partial(ready, number), "new")
        await asyncio.wait_for(everyone.wait(), 10)
        return begun[:4]

    told = ["begun 1", "others", "begun 2", "others"]
    assert await begin_ten() == told
    assert await begin_ten() == told, "in a directory that is known already, too"
    assert len(looked) == 30


def test_what_a_glob_means_is_known_anew_when_a_file_comes_or_goes() -> None:
    def version(path: str, number: int = 1) -> FileVersion:
        return FileVersion(number=number, directory="/d", path=path, size=1, mtime_ns=1, inode=1, seen_at=0.0)

    def meant(glob: str) -> list[tuple[str, int]]:
        return [(path, each.number) for path, each in index.matching([glob], lambda path: True, "s/")]

    index = Index("/d", [version("s/a.txt"), version("a.txt")])
    found = [meant("*.txt"), meant("**")]
    index.put("s/b.txt", version("s/b.txt"))
    found.append(meant("*.txt"))
    index.put("s/b.txt", version("s/b.txt", 2))
    found.append(meant("*.txt"))
    index.remove("s/a.txt")
    found.append(meant("*.txt"))

    a, b, later = ("s/a.txt", 1), ("s/b.txt", 1), ("s/b.txt", 2)
    assert found == [[a], [a], [a, b], [a, later], [later]]
    assert [meant(f"{number}*") for number in range(40)] == [[]] * 40
    assert len(index._matched) <= 16
