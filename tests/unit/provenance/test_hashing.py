"""What reading contents gives, and how much of them is kept."""

from __future__ import annotations

import os
from hashlib import sha256

import pytest
from tests.unit.provenance.conftest import EXECUTION, Laboratory, MakeLaboratory

from headrace.provenance import hashing
from headrace.provenance.glance import MOST_BYTES, MOST_FILES
from headrace.store.provenance_rows import FileVersion


async def versions(laboratory: Laboratory) -> dict[str, FileVersion]:
    await laboratory.recorder.settled()
    return {each.version.path: each.version for each in await laboratory.uses()}


async def test_what_was_made_is_kept_under_its_hash(laboratory: Laboratory) -> None:
    large = "0123456789" * 200_000

    def work() -> None:
        laboratory.write("small", "s")
        laboratory.write("large", large)

    await laboratory.run(1, work)
    found = await versions(laboratory)
    laboratory.root.joinpath("small").unlink()

    assert found["small"].sha256 == sha256(b"s").hexdigest()
    assert found["small"].is_stored
    assert found["large"].sha256 == sha256(large.encode()).hexdigest()
    assert not found["large"].is_stored  # it is above the limit of a file
    assert laboratory.artifacts.read_bytes(sha256(b"s").hexdigest(), max_size=1) == b"s"


async def test_large_files_are_kept_up_to_the_limit_of_a_file(make: MakeLaboratory) -> None:
    laboratory = await make(max_file=3_000_000)
    await laboratory.run(1, lambda: laboratory.write("large", "x" * 2_000_000))
    found = await versions(laboratory)

    assert found["large"].is_stored


async def test_no_more_is_kept_of_an_execution_than_is_allowed(make: MakeLaboratory) -> None:
    laboratory = await make(max_execution=10)
    await laboratory.run(1, lambda: laboratory.write("a", "12345678"))
    await laboratory.recorder.settled()
    await laboratory.run(2, lambda: laboratory.write("b", "abcdefgh"))
    await laboratory.run(3, lambda: laboratory.write("c", "ABCDEFGH"), execution=EXECUTION + 1)
    found = await versions(laboratory)
    [other] = await laboratory.uses(EXECUTION + 1)

    assert (found["a"].is_stored, found["b"].is_stored) == (True, False)
    assert found["b"].sha256 == sha256(b"abcdefgh").hexdigest()
    assert other.version.is_stored
    assert await laboratory.store.provenance.stored_bytes(EXECUTION) == 8


async def test_what_changed_before_it_was_read_is_superseded(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("a", "first" * MOST_BYTES))
    laboratory.write("a", "second!")
    found = await versions(laboratory)

    assert found["a"].sha256 is None
    assert found["a"].is_superseded


async def test_a_small_file_of_a_chain_is_known_although_it_changes_at_once(laboratory: Laboratory) -> None:
    await laboratory.run(1, lambda: laboratory.write("a", "first"))
    laboratory.write("a", "second!")
    found = await versions(laboratory)

    assert found["a"].sha256 == sha256(b"first").hexdigest()
    assert found["a"].is_stored
    assert laboratory.artifacts.read_bytes(found["a"].sha256, max_size=5) == b"first"


async def test_more_than_a_little_is_left_to_the_thread(laboratory: Laboratory) -> None:
    def work() -> None:
        for number in range(2 * MOST_FILES):
            laboratory.write(f"f{number}", str(number))

    await laboratory.run(1, work)
    at_once = [each.version.sha256 for each in await laboratory.uses() if each.version.sha256]
    found = await versions(laboratory)

    assert len(at_once) == MOST_FILES
    assert all(version.is_stored for version in found.values())


async def test_a_file_that_cannot_be_read_holds_up_no_other(laboratory: Laboratory) -> None:
    def work() -> None:
        laboratory.write("a", "a")
        laboratory.write("b", "b")
        (laboratory.root / "a").unlink()
        os.mkfifo(laboratory.root / "a")

    await laboratory.run(1, work)
    laboratory.write("c", "c")
    found = await versions(laboratory)

    assert found["b"].is_stored


async def test_with_depth_stat_nothing_is_read(laboratory: Laboratory) -> None:
    laboratory.write("in")
    await laboratory.run(1, lambda: laboratory.write("a"), depth="stat", inputs=("in",))
    found = await versions(laboratory)

    assert {version.sha256 for version in found.values()} == {None}
    assert await laboratory.store.provenance.to_read() == []


async def test_many_files_are_read_in_turns(laboratory: Laboratory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hashing, "BATCH", 7)
    monkeypatch.setattr(hashing, "TURN", 0.0)
    monkeypatch.setattr(hashing, "GATHER", 0.0)

    def work() -> None:
        for number in range(20):
            laboratory.write(f"f{number}", str(number))

    await laboratory.run(1, work)
    found = await versions(laboratory)

    assert {version.sha256 for version in found.values()} == {
        sha256(str(n).encode()).hexdigest() for n in range(20)
    }


async def test_closing_does_not_wait_for_a_large_file(laboratory: Laboratory) -> None:
    await laboratory.begin(1)
    with (laboratory.root / "huge").open("wb") as file:
        file.truncate(20 * 1024**3)
    await laboratory.end(1)
    await laboratory.recorder.close()

    assert (await laboratory.uses())[0].version.sha256 is None
