"""When a delivery is tried again."""

from __future__ import annotations

from datetime import timedelta
from itertools import count, takewhile

import pytest

from headrace.notifications.schedule import next_delay


def test_there_are_eight_tries_with_growing_delays() -> None:
    delays = takewhile(lambda delay: delay is not None, (next_delay(tries, 0.5) for tries in count(1)))

    assert [delay.total_seconds() for delay in delays if delay] == [5, 30, 120, 600, 1800, 7200, 21600]


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 27.0), (0.25, 28.5), (1.0, 33.0)])
def test_chance_moves_a_delay_by_a_tenth(chance: float, seconds: float) -> None:
    assert next_delay(2, chance) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("asked", "seconds"), [(2, 5), (60, 60), (3600, 3600), (86_400, 3600)])
def test_a_receiver_may_ask_for_a_longer_delay_up_to_an_hour(asked: int, seconds: int) -> None:
    assert next_delay(1, 0.5, timedelta(seconds=asked)) == timedelta(seconds=seconds)


def test_a_delay_that_is_longer_than_what_was_asked_stays() -> None:
    assert next_delay(7, 0.5, timedelta(hours=1)) == timedelta(hours=6)


def test_after_the_last_try_nothing_that_is_asked_brings_another() -> None:
    assert next_delay(8, 0.5, timedelta(seconds=1)) is None
