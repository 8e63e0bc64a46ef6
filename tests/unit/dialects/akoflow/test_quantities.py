"""CPUs, bytes and durations."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from headrace.dialects.akoflow.quantities import Wrong, cpus, seconds, size


@pytest.mark.parametrize(
    ("text", "number"), [("1", 1.0), ("0.5", 0.5), ("500m", 0.5), ("4096", 4096.0), (".25", 0.25)]
)
def test_cores(text: str, number: float) -> None:
    assert cpus(text) == number


@pytest.mark.parametrize(
    ("text", "near"),
    [
        *(("0", "1"), ("-1", "1"), ("NaN", "1"), ("5000", "4096"), ("2 cpus", "2"), ("500 m", "500m")),
        *(("9" * 30, "4096"), ("99999 cpus", "4096"), (".5 cores", "0.5"), ("0.0m", "1")),
    ],
)
def test_what_is_no_number_of_cores(text: str, near: str) -> None:
    assert cpus(text) == Wrong(near)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1024", 1024),
        ("1024M", 1_024_000_000),
        ("1Ki", 1024),
        ("1.5Gi", 1_610_612_736),
        ("2k", 2000),
        ("1T", 10**12),
    ],
)
def test_bytes(text: str, number: int) -> None:
    assert size(text) == number


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("1 GB", "1G"),
        ("1GiB", "1Gi"),
        ("-1", "1Gi"),
        ("0", "1Gi"),
        ("NaN", "1Gi"),
        ("500m", "500M"),
        ("100000000Ti", "4194304Ti"),
        ("9" * 26 + "Ti", "4194304Ti"),
        ("9" * 30, "4194304Ti"),
        ("5000000 TiB", "4194304Ti"),
        ("0.1", "0.1Gi"),
        (".5 GB", "0.5G"),
        ("0.0001k", "0.0001Gi"),
        ("0.0000000001", "1Gi"),
        ("", "1Gi"),
    ],
)
def test_what_is_no_size(text: str, near: str) -> None:
    assert size(text) == Wrong(near)
    assert isinstance(size(near), int)


@pytest.mark.parametrize(("text", "number"), [("10", 10.0), ("90s", 90.0), ("15m", 900.0), ("2h", 7200.0)])
def test_durations(text: str, number: float) -> None:
    assert seconds(text) == number


@pytest.mark.parametrize(
    ("text", "near"),
    [
        ("soon", "1s"),
        ("99999999h", "87600h"),
        ("9999999999999", "87600h"),
        ("9" * 30 + " hours", "87600h"),
        ("5 minutes", "5m"),
        (".5", "0.5"),
        ("-3", "3"),
    ],
)
def test_what_is_no_duration(text: str, near: str) -> None:
    assert seconds(text) == Wrong(near)
    assert isinstance(seconds(near), float)


def test_the_longest_duration() -> None:
    assert seconds("87600h") == 87_600 * 3600


@given(st.text("0123456789.-+eE kKmMgGtTiIbBsh", max_size=30))
def test_what_is_suggested_is_accepted(text: str) -> None:
    for read in (cpus, size, seconds):
        found = read(text)
        if isinstance(found, Wrong):
            assert not isinstance(read(found.suggestion), Wrong), read
