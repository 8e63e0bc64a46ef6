from __future__ import annotations

import re
import uuid

from hypothesis import given, strategies as st

from headrace import ids
from headrace.clock import SystemClock

moments = st.floats(min_value=0, max_value=(1 << 48) / 1000 - 1)


@given(moments, st.integers(min_value=0, max_value=(1 << 74) - 1))
def test_a_uuid_is_of_version_7_and_keeps_its_moment_and_its_bits(moment: float, randomness: int) -> None:
    value = uuid.UUID(ids.uuid7(moment, randomness))

    assert (value.version, value.variant) == (7, uuid.RFC_4122)
    assert value.int >> 80 == int(moment * 1000)
    assert (value.int >> 64 & 0xFFF) << 62 | value.int & ((1 << 62) - 1) == randomness


@given(moments, moments)
def test_uuids_sort_as_their_moments_do(one: float, other: float) -> None:
    earlier, later = sorted((int(one * 1000), int(other * 1000)))

    assert (ids.uuid7(earlier / 1000 + 0.0005, 0) <= ids.uuid7(later / 1000 + 0.0005, 0)) is True


def test_the_same_moment_and_bits_give_the_same_uuid_and_no_bits_give_new_ones() -> None:
    assert ids.uuid7(1.0, 5) == ids.uuid7(1.0, 5)
    assert len({ids.uuid7(1.0) for _ in range(1000)}) == 1000


def test_an_alias_is_its_prefix_and_random_characters() -> None:
    assert re.fullmatch(r"wf-[a-z0-9]{8}", ids.alias("wf"))
    assert re.fullmatch(r"file-[a-z0-9]{12}", ids.alias("file", 12))
    assert len({ids.alias("wf") for _ in range(1000)}) == 1000


def test_the_clock_goes_forward() -> None:
    clock = SystemClock()

    assert 1.7e9 < clock.now() <= clock.now()
