"""What is noted of real directories, from the begin of an attempt to what is remembered."""

from __future__ import annotations

import asyncio
import os
from hashlib import sha256

from tests.unit.provenance.conftest import EXECUTION, Laboratory, MakeLaboratory, SilentStore

from headrace.clock import SystemClock
from headrace.provenance.comparing import changed_since
from headrace.provenance.directory import Surroundings
from headrace.runtimes.protocol import JobEnded


async def test_what_was_there_before_was_made_by_none(laboratory: Laboratory) -> None:
    laboratory.write("old", "before")
    await laboratory.run(1, lambda: laboratory.write("new"))

    assert await laboratory.said() == ["t1 created new"]
    current = await laboratory.store.provenance.current(str(laboratory.root))
    assert {version.path: version.sha256 for version in current} == {
        "old": sha256(b"before").hexdigest(),
        "new": sha256(b"x").hexdigest(),
    }


async def test_a_directory_that_is_not_there_is_made(laboratory: Laboratory) -> None:
    await laboratory.begin(1)

    assert laboratory.root.is_dir()


async def test_creating_changing_and_deleting_are_told_apart(laboratory: Laboratory) -> None:
    laboratory.write("changed", "1")
    laboratory.write("deleted")
    laboratory.write("sub/moved")

    def work() -> None:
        laboratory.write("changed", "22")
        (laboratory.root / "deleted").unlink()
        (laboratory.root / "sub" / "moved").rename(laboratory.root / "here")
        (laboratory.root / "link").symlink_to("here")

    await laboratory.run(1, work)

    assert await laboratory.said() == [
        "t1 created here",
        "t1 created link",
        "t1 deleted deleted",
        "t1 deleted sub/moved",
        "t1 modified changed",
        "t1 read changed",
    ]
    [link] = [each.after for each in await laboratory.uses() if each.version.path == "link"]
    assert link is not None
    assert (link.link, link.sha256) == ("here", None)
    held = [each.size for each in await laboratory.store.provenance.current(str(laboratory.root))]
    assert await laboratory.store.provenance.bytes_of([str(laboratory.root)]) == {
        str(laboratory.root): sum(held)
    }


async def test_what_changes_nothing_is_heard_at_once_and_costs_no_write(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("a"))
    await laboratory.recorder.settled()
    laboratory.told.clear()

    begun: list[int] = []
    laboratory.recorder.begin(laboratory.asked(2), lambda: begun.append(2))
    assert begun == [2]
    laboratory.starts[2] = SystemClock().now()
    assert laboratory.report_end(2).is_set()
    assert laboratory.recorder._at_work().count(None) == 2


async def test_an_end_is_heard_after_its_listing_and_before_its_hashes(laboratory: Laboratory) -> None:
    await laboratory.begin(1)
    laboratory.write("a")
    heard = laboratory.report_end(1)
    assert not heard.is_set()
    await heard.wait()
    [use] = await laboratory.uses()

    assert use.use.kind == "created"


async def test_of_two_that_ran_at_once_the_one_that_ran_at_the_time_changed_it(
    laboratory: Laboratory,
) -> None:
    await laboratory.begin(1)
    laboratory.write("a")
    await asyncio.sleep(0.03)  # at least a tick of the file system's clock; longer does no harm
    await laboratory.begin(2)
    await laboratory.end(1)
    laboratory.write("b")
    await laboratory.end(2)

    assert await laboratory.said() == ["t1 created a", "t2 created b"]


async def test_of_two_that_could_the_one_that_declared_it_did_it(laboratory: Laboratory) -> None:
    await laboratory.begin(1, outputs=("*.one",))
    await laboratory.begin(2)
    laboratory.write("x.one")
    laboratory.write("x.any")
    await laboratory.end(2)
    await laboratory.end(1)

    assert await laboratory.said() == ["t1 created x.one", "t1? created x.any", "t2? created x.any"]


async def test_who_waits_for_a_start_did_nothing(laboratory: Laboratory) -> None:
    await laboratory.begin(1)
    await laboratory.begin(2)
    queued = laboratory.starts.pop(2)
    laboratory.write("a")
    await laboratory.end(1)
    laboratory.starts[2] = queued
    await laboratory.end(2)

    assert await laboratory.said() == ["t1 created a"]


async def test_what_strangers_do_while_nobody_runs_was_made_by_none(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: None)
    laboratory.write("stranger")
    laboratory.recorder._watch.drain()  # as it does by itself a moment after a change
    await laboratory.run(2, lambda: laboratory.write("mine"))

    assert await laboratory.said() == ["t2 created mine"]


async def test_nothing_is_noted_of_the_server_itself(laboratory: Laboratory) -> None:
    laboratory.write(".private/database", "1")

    def work() -> None:
        laboratory.write(".private/database", "22")
        laboratory.write(".private/new/artifact")
        laboratory.write("mine")

    await laboratory.run(1, work)

    assert await laboratory.said() == ["t1 created mine"]


async def test_what_breaks_for_one_breaks_for_no_other(laboratory: Laboratory) -> None:
    def break_down() -> None:
        raise RuntimeError("the runtime is broken")

    laboratory.recorder.begin(laboratory.asked(1), break_down)
    await laboratory.run(2, lambda: laboratory.write("a"))

    assert await laboratory.said() == ["t2 created a"]


async def test_each_attempt_of_a_task_has_its_own_record(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("a", "1"), task="t")
    await laboratory.run(2, lambda: laboratory.write("a", "22"), task="t")

    await laboratory.recorder.settled()
    assert [(each.use.attempt, each.use.kind) for each in await laboratory.uses()] == [
        (1, "created"),
        (2, "read"),
        (2, "modified"),
    ]


async def test_a_name_that_is_no_utf_8_survives(laboratory: Laboratory) -> None:
    name = os.fsdecode(b"bad-\xff-name")
    await laboratory.run(1, lambda: laboratory.write(name))

    assert await laboratory.said() == [f"t1 created {name}"]


async def test_a_record_that_is_too_large_stops_and_says_so(make: MakeLaboratory) -> None:
    laboratory = await make(most_files=20)
    for number in range(30):
        laboratory.write(f"d{number}/f")
    await laboratory.run(1, lambda: laboratory.write("new"))
    row = await laboratory.store.provenance.directory(str(laboratory.root))

    assert await laboratory.said() == []
    assert row is not None
    assert not row.is_complete


async def test_a_silent_store_holds_up_nobody_and_hears_it_later(laboratory: Laboratory) -> None:
    silent = SilentStore(laboratory.store.provenance)
    laboratory.recorder._around = Surroundings(
        provenance=silent,
        numbers=laboratory.store.numbers,
        clock=SystemClock(),
        contents=laboratory.recorder._hashing,
        lives=laboratory.lives,
        versions_of=laboratory.recorder._versions_of,
        inside=laboratory.recorder._inside,
        moved=laboratory.recorder._moved,
        earlier=laboratory.recorder._earlier,
    )
    await laboratory.begin(1)
    silent.is_silent = True
    laboratory.write("a")
    await laboratory.end(1)
    assert await laboratory.uses() == []
    silent.is_silent = False
    await laboratory.run(2, lambda: laboratory.write("b"))

    assert await laboratory.said() == ["t1 created a", "t2 created b"]


async def test_an_attempt_that_was_cancelled_before_it_began_is_heard(make: MakeLaboratory) -> None:
    laboratory = await make()
    heard: list[JobEnded] = []
    laboratory.recorder.begin(laboratory.asked(1), lambda: laboratory.told.append("begun"))
    ended = JobEnded(attempt=1, outcome="cancelled", started_at=None, ended_at=SystemClock().now())
    laboratory.recorder.end(ended, heard.append)

    assert heard == [ended]
    await laboratory.recorder.settled()
    assert laboratory.told == []


async def test_idle_directories_are_forgotten(make: MakeLaboratory) -> None:
    laboratory = await make(linger=0.05)
    await laboratory.run(1, lambda: laboratory.write("a"))
    await laboratory.recorder.settled()
    until = SystemClock().now() + 5
    while laboratory.recorder._directories:
        assert SystemClock().now() < until
        await asyncio.sleep(0.02)
    await laboratory.run(2, lambda: laboratory.write("b"))

    assert await laboratory.said() == ["t1 created a", "t2 created b"]


async def test_after_a_crash_changes_belong_to_the_attempts_that_were_live(make: MakeLaboratory) -> None:
    first = await make()
    await first.begin(1, inputs=("in",))
    first.write("listed")
    await first.begin(2)
    await first.end(2)  # another's end lists what the first one has made until now
    first.write("unlisted")
    started_at = first.starts[1]
    second = await make(resume=False)
    second.recorder.begin(
        second.asked(1, inputs=("in",)), lambda: second.starts.update({1: started_at}), "recovered"
    )
    await second.recorder.resume()
    await second.recorder.settled()
    await second.end(1)

    assert await second.said() == ["t1 created unlisted", "t1? created listed", "t2? created listed"]


async def test_an_end_that_is_reported_again_is_remembered_once(make: MakeLaboratory) -> None:
    first = await make()
    first.write("in", "input")
    await first.begin(1, inputs=("in", "*"))
    first.write("out")
    first.write("in", "changed")
    started_at = first.starts[1]
    await first.end(1)
    before = await first.said()
    second = await make(resume=False)
    second.recorder.begin(
        second.asked(1, inputs=("in", "*")), lambda: second.starts.update({1: started_at}), "recovered"
    )
    await second.recorder.resume()
    await second.recorder.settled()
    await second.end(1)

    assert before == ["t1 created out", "t1 modified in", "t1 read in"]
    assert await second.said() == before


async def test_contents_that_an_earlier_server_left_unread_are_read(make: MakeLaboratory) -> None:
    first = await make()
    first.recorder._hashing._stop.set()
    content = "content" * 10_000
    await first.run(1, lambda: first.write("a", content))
    second = await make()
    await second.recorder.settled()
    [use] = await second.uses()

    assert use.version.sha256 == sha256(content.encode()).hexdigest()
    assert use.version.is_stored


async def test_it_is_told_which_tasks_worked_on_what_is_not_there_any_more(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("a"))
    await laboratory.run(2, lambda: laboratory.write("b"))
    await laboratory.run(3, lambda: laboratory.write("a", "by three"))
    await laboratory.run(4, lambda: laboratory.write("c"))
    await laboratory.recorder.settled()

    assert await changed_since(laboratory.store.provenance, [EXECUTION]) == set()
    laboratory.write("b", "y")
    (laboratory.root / "a").unlink()
    (laboratory.root / "c").touch()

    assert await changed_since(laboratory.store.provenance, [EXECUTION]) == {
        (EXECUTION, name) for name in ("t1", "t2", "t3")
    }
