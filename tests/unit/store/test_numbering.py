"""Numbers from blocks: ahead of need, across blocks that are not neighbours, and when the database fails."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from headrace.errors import StoreError
from headrace.store import numbering
from headrace.store.numbering import BLOCK, LOW_WATER, BlockNumbers


class Sequence:
    """Hands out blocks with a gap between them, as if another server reserved too."""

    def __init__(self, gap: int = 0) -> None:
        self.next = 1001
        self.gap = gap
        self.asked: list[int] = []
        self.open: list[tuple[Future[range], range]] = []
        self.answers_at_once = True
        self.fails = False

    def reserve(self, count: int) -> Future[range]:
        self.asked.append(count)
        block = range(self.next, self.next + count)
        self.next = block.stop + self.gap
        future: Future[range] = Future()
        if self.fails:
            future.set_exception(StoreError("The disk is full."))
        elif self.answers_at_once:
            future.set_result(block)
        else:
            self.open.append((future, block))
        return future


def test_numbers_come_from_memory_until_they_run_low() -> None:
    sequence = Sequence()
    numbers = BlockNumbers(sequence.reserve)
    taken = [numbers.take() for _ in range(BLOCK - LOW_WATER)]

    assert taken == list(range(1001, 1001 + len(taken)))
    assert sequence.asked == [BLOCK]
    numbers.take()
    assert sequence.asked == [BLOCK, BLOCK]


def test_a_block_that_is_late_is_waited_for_by_nobody_who_can_be_served() -> None:
    sequence = Sequence()
    numbers = BlockNumbers(sequence.reserve)
    numbers.take()
    sequence.answers_at_once = False
    for _ in range(BLOCK - 1):
        numbers.take()

    assert len(sequence.open) == 1
    future, block = sequence.open[0]
    future.set_result(block)
    assert numbers.take() == 1001 + BLOCK


def test_neighbouring_blocks_are_one() -> None:
    numbers = BlockNumbers(Sequence().reserve)
    numbers.take(BLOCK - 10)

    assert numbers.take(20) == 1001 + BLOCK - 10


def test_a_rest_that_is_too_short_serves_smaller_needs() -> None:
    numbers = BlockNumbers(Sequence(gap=100).reserve)
    numbers.take(BLOCK - 10)
    second = 1001 + BLOCK + 100

    assert numbers.take(20) == second
    assert numbers.take(5) == 1001 + BLOCK - 10
    assert numbers.take(6) == second + 20
    assert numbers.take(5) == 1001 + BLOCK - 5


async def test_numbers_are_prepared_in_one_piece() -> None:
    sequence = Sequence(gap=100)
    numbers = BlockNumbers(sequence.reserve)
    await numbers.prepare(3 * BLOCK)
    asked = list(sequence.asked)
    numbers.take(3 * BLOCK)

    assert asked == [3 * BLOCK]


def test_what_was_never_handed_out_can_be_given_back() -> None:
    numbers = BlockNumbers(Sequence().reserve)
    assert len(numbers.unused()) == 0
    numbers.take(3)

    assert numbers.unused() == range(1004, 1001 + BLOCK)


def test_a_database_that_fails_is_told_and_asked_again() -> None:
    sequence = Sequence()
    numbers = BlockNumbers(sequence.reserve)
    sequence.fails = True
    with pytest.raises(StoreError, match="full"):
        numbers.take()
    sequence.fails = False

    assert numbers.take() > 1001


async def test_a_failure_reaches_whoever_prepares() -> None:
    sequence = Sequence()
    sequence.fails = True

    with pytest.raises(StoreError):
        await BlockNumbers(sequence.reserve).prepare(5)


def test_a_failure_ahead_of_need_is_no_failure_yet() -> None:
    sequence = Sequence()
    numbers = BlockNumbers(sequence.reserve)
    numbers.take()
    sequence.fails = True

    assert numbers.take(BLOCK - LOW_WATER) == 1002
    assert numbers.take() == 1002 + BLOCK - LOW_WATER


def test_a_database_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numbering, "PATIENCE", 0.01)
    sequence = Sequence()
    sequence.answers_at_once = False

    with pytest.raises(StoreError, match="in time"):
        BlockNumbers(sequence.reserve).take()
