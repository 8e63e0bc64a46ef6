"""The file of samples: what is written, thinned, cut off, gone on with and read."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.runtimes import samples
from headrace.runtimes.samples import Point, Track


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "1001.samples")


def busy(path: str, seconds: int, cores: float = 0.5, start: float = 1000.0) -> Track:
    track = Track(path, start)
    for second in range(1, seconds + 1):
        track.add(start + second, second * cores, second * 1024)
    return track


def points(path: str) -> tuple[Point, ...]:
    known = samples.read(path)
    assert known is not None
    return known.points


def test_each_interval_has_its_cores_and_its_most_memory(path: str) -> None:
    track = Track(path, 1000.0)
    track.add(1001.0, 0.5, 100)
    track.add(1001.25, 0.75, 900)
    track.add(1002.0, 2.5, 300)

    assert points(path) == (Point(1001.0, 1.0, 0.5, 100), Point(1002.0, 1.0, 2.0, 900))
    assert (track.cpu_seconds, track.peak) == (2.5, 900)


def test_the_first_interval_begins_with_the_attempt(path: str) -> None:
    Track(path, 1000.0).add(1002.0, 1.0, 100)

    assert points(path) == (Point(1002.0, 2.0, 0.5, 100),)


def test_processor_time_that_is_gone_with_a_process_is_not_taken_back(path: str) -> None:
    track = Track(path, 1000.0)
    track.add(1001.0, 3.0, 100)
    track.add(1002.0, 1.0, 100)
    track.add(1003.0, 1.5, 100)

    assert [point.cores for point in points(path)] == [3.0, 0.0, 0.5]
    assert track.cpu_seconds == 3.5


def test_closing_keeps_what_was_seen_since_the_last_point(path: str) -> None:
    track = Track(path, 1000.0)
    track.add(1001.0, 1.0, 100)
    track.add(1001.5, 1.25, 700)
    track.close()
    track.close()

    assert points(path)[1:] == (Point(1001.5, 0.5, 0.5, 700),)


@pytest.mark.parametrize("seconds", [999, 1000, 1001, 3000, 10_000])
def test_there_are_never_more_than_a_thousand_points(path: str, seconds: int) -> None:
    busy(path, seconds).close()
    known = points(path)

    assert 500 <= len(known) < 1000
    assert known[-1].at == 1000.0 + seconds
    assert sum(point.seconds for point in known) == seconds
    assert {point.cores for point in known} == {0.5}
    assert max(point.memory for point in known) == seconds * 1024


def test_thinning_keeps_averages_and_the_greater_memory() -> None:
    first, second, odd = Point(10, 1, 1.0, 5), Point(13, 3, 3.0, 4), Point(14, 1, 0.0, 9)

    assert samples.thinned((first, second, odd)) == (Point(13, 4, 2.5, 5), odd)


def test_a_later_server_goes_on_where_the_earlier_one_stopped(path: str) -> None:
    busy(path, 3)
    track = Track(path, 1000.0)
    track.add(1013.0, 6.5, 10)
    known = points(path)

    assert len(known) == 4
    assert known[-1] == Point(1013.0, 10.0, 0.5, 10)
    assert (track.cpu_seconds, track.peak) == (6.5, 3 * 1024)


def test_a_later_server_keeps_the_interval(path: str) -> None:
    busy(path, 1000)
    track = Track(path, 1000.0)
    for second in range(2001, 2005):
        track.add(second, 500.0, 10)

    assert [point.at for point in points(path)[500:]] == [2002.0, 2004.0]


@pytest.mark.parametrize("rest", [b"x", b"x" * 23])
def test_a_record_that_was_cut_off_is_ignored_and_written_over(path: str, rest: bytes) -> None:
    busy(path, 2)
    with Path(path).open("ab") as file:
        file.write(rest)
    torn = points(path)
    Track(path, 1000.0).add(1003.0, 1.5, 10)

    assert len(torn) == 2
    assert [point.at for point in points(path)] == [1001.0, 1002.0, 1003.0]


@pytest.mark.parametrize("content", [b"", b"headrace", b"headrace" + bytes(16), b"x" * 96])
def test_a_file_without_a_whole_record_of_ours_says_nothing(content: bytes) -> None:
    assert samples.parse(content) is None


def test_there_are_no_samples_without_a_file(path: str) -> None:
    assert samples.read(path) is None


def test_a_clock_that_is_set_back_breaks_nothing(path: str) -> None:
    track = busy(path, 2)
    track.add(900.0, 2.0, 10)
    track.close()

    assert [point.at for point in points(path)] == [1001.0, 1002.0]


def test_a_place_that_takes_no_file_costs_samples_only(tmp_path: Path) -> None:
    track = busy(str(tmp_path / "absent" / "1001.samples"), 3)

    assert track.peak == 3 * 1024
