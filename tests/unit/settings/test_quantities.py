from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from headrace.settings.catalogue import as_written
from headrace.settings.machine import usable_cores, usable_memory
from headrace.settings.quantities import Rate, parse_duration, parse_rate, parse_retention, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("512", 512),
        ("16MiB", 16 * 1024**2),
        ("1.5 GiB", 1536 * 1024**2),
        ("2kb", 2000),
        ("7B", 7),
        ("1tib", 1024**4),
    ],
)
def test_sizes_are_bytes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MiB", "-1MiB", "1 2", "1e3", "٣MiB", "16MiBs"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("15m", 900),
        ("2h", 7200),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1d", 86400),
        ("90", 90),
        ("0.5s", 0.5),
        (3, 3),
        (0.25, 0.25),
    ],
)
def test_durations_are_time_deltas(text: object, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "1 h", "1y", "1h 30m", "5min"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@pytest.mark.parametrize("endless", [float("inf"), "9" * 400 + "d"])
def test_a_duration_has_an_end(endless: object) -> None:
    with pytest.raises(ValueError, match="more time than there is"):
        parse_duration(endless)


def test_a_rate_is_a_count_per_duration_or_off() -> None:
    assert parse_rate("600/1m") == Rate(600, timedelta(minutes=1))
    assert parse_rate("OFF") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "true"),
        (16 * 1024**2, "16MiB"),
        (8080, "8080"),
        (timedelta(milliseconds=1500), "1.5s"),
        (Rate(5, timedelta(seconds=1)), "5/1s"),
        (("a", "b"), "a, b"),
        ((), ""),
        (None, ""),
    ],
)
def test_values_are_shown_as_somebody_would_write_them(value: object, text: str) -> None:
    assert as_written(value) == text


def test_a_control_group_cuts_cores_and_memory(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("50000 100000\n", encoding="ascii")
    (tmp_path / "memory.max").write_text("1000000\n", encoding="ascii")

    assert usable_cores(tmp_path) == 0.5
    assert usable_memory(tmp_path) == 900_000


def test_without_a_limit_the_machine_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("max 100000\n", encoding="ascii")
    (tmp_path / "memory.max").write_text("max\n", encoding="ascii")

    assert usable_cores(tmp_path) >= 1
    assert usable_memory(tmp_path) > 2**28


def test_a_retention_is_a_duration_or_never() -> None:
    assert parse_retention("30d") == timedelta(days=30)
    assert parse_retention("Never") is None
