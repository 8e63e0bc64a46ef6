"""The claim file says who runs an attempt and how it ended, however it was cut off."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from headrace.runtimes import record
from headrace.runtimes.record import Asked, Claim, Record

OWNER = b"boot-1 1700000000.500000 77.125 4321"
CLAIM = Claim(boot="boot-1", started_at=1700000000.5, started_after_boot=77.125, pid=4321)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", Record(is_torn=True)),
        (OWNER[:20], Record(is_torn=True)),
        (OWNER, Record(is_torn=True)),
        (OWNER + b"\n", Record(claim=CLAIM)),
        (OWNER + b"\n0", Record(claim=CLAIM)),
        (OWNER + b"\n0\n", Record(claim=CLAIM, ending=0)),
        (OWNER + b"\n137\n", Record(claim=CLAIM, ending=137)),
        (OWNER + b"\n13\ncancelled\n", Record(claim=CLAIM, ending=13)),
        (OWNER + b"\ntimed_out\n143\n", Record(claim=CLAIM, ending="timed_out")),
        (
            OWNER + b"\ncancelled 17.5\n143\n",
            Record(claim=CLAIM, ending="cancelled", asked_to_end=Asked("cancelled", 17.5)),
        ),
        (OWNER + b"\ncancelled x\n", Record(claim=CLAIM, ending="cancelled")),
        (OWNER + b"\nout_of_memory 17.5\n", Record(claim=CLAIM, ending="out_of_memory")),
        (b"taken\ncancelled 17.5\n", Record(ending="cancelled")),
        (OWNER + b"\nnonsense\n", Record(claim=CLAIM)),
        (b"taken\ncancelled\n", Record(ending="cancelled")),
        (b"taken\nlost\n", Record(ending="lost")),
        (b"rubbish\n", Record()),
        (b"boot-1 x 77.125 4321\n", Record()),
        (b"boot-1 1.5 77.125 4321 5\n", Record()),
    ],
)
def test_the_record_is_read_line_by_line(content: bytes, expected: Record) -> None:
    assert record.parse(content) == expected


@given(st.binary(max_size=200))
def test_reading_never_fails(content: bytes) -> None:
    owned = record.parse(OWNER + b"\n" + content)

    assert isinstance(record.parse(content), Record)
    assert owned.claim == record.parse(OWNER + b"\n").claim


def test_an_unclaimed_attempt_has_no_record(tmp_path: Path) -> None:
    assert record.read(str(tmp_path / "1" / "1001")) is None


def test_only_one_can_take_an_attempt(tmp_path: Path) -> None:
    place = str(tmp_path / "1" / "1001")

    assert record.take(place, "cancelled")
    assert not record.take(place, "lost")
    assert record.read(place) == Record(ending="cancelled")


def test_the_first_ending_counts(tmp_path: Path) -> None:
    place = str(tmp_path / "1001")
    Path(f"{place}.claim").write_bytes(OWNER + b"\n")
    record.add(place, 3)
    record.add(place, "cancelled")

    assert record.read(place) == Record(claim=CLAIM, ending=3)
