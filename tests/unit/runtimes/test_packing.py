"""Packing bounds what runs at once, oldest first, and nobody starves."""

from __future__ import annotations

from hypothesis import given, strategies as st

from headrace.runtimes.packing import PASSING_SECONDS, Packing

GIB = 2**30


def offer(packing: Packing, attempt: int, cpus: float | None = None, memory: int | None = None) -> None:
    packing.offer(attempt, packing.demand(cpus, memory))


def take(packing: Packing, now: float = 0.0) -> list[int]:
    return list(packing.take(now))


def test_a_job_that_declares_nothing_takes_one_cpu_and_no_memory() -> None:
    packing = Packing(2, GIB)
    for attempt in (1, 2, 3):
        offer(packing, attempt)

    assert take(packing) == [1, 2]
    packing.release(1)
    assert take(packing) == [3]


def test_both_cpus_and_memory_must_fit() -> None:
    packing = Packing(4, GIB)
    offer(packing, 1, 1, GIB // 2)
    offer(packing, 2, 1, GIB)
    offer(packing, 3, 1, GIB // 2)
    offer(packing, 4, 1, 1)

    assert take(packing) == [1, 3]


def test_tenths_of_cpus_add_up_exactly() -> None:
    packing = Packing(1, GIB)
    for attempt in range(11):
        offer(packing, attempt, 0.1)

    assert take(packing) == list(range(10))


def test_smaller_ones_pass_an_older_one_that_does_not_fit() -> None:
    packing = Packing(2, GIB)
    offer(packing, 1, 1)
    offer(packing, 2, 2)
    offer(packing, 3, 1)

    assert take(packing) == [1, 3]


def test_nothing_passes_an_older_one_for_longer_than_thirty_seconds() -> None:
    packing = Packing(2, GIB)
    offer(packing, 1, 1)
    offer(packing, 2, 2)
    offer(packing, 3, 1)
    assert take(packing, now=100.0) == [1, 3]
    packing.release(3)
    offer(packing, 4, 1)
    assert take(packing, now=100.0 + PASSING_SECONDS - 0.1) == [4]
    packing.release(4)
    offer(packing, 5, 1)
    assert take(packing, now=100.0 + PASSING_SECONDS) == []
    packing.release(1)

    assert take(packing, now=200.0) == [2]
    packing.release(2)
    assert take(packing, now=200.0) == [5]


def test_waiting_alone_is_not_being_passed() -> None:
    packing = Packing(2, GIB)
    offer(packing, 1, 2)
    offer(packing, 2, 2)
    assert take(packing, now=0.0) == [1]
    offer(packing, 3, 1)
    packing.release(1)
    packing.occupy(9, packing.demand(1, None))

    assert take(packing, now=1000.0) == [3]


def test_who_waited_behind_a_passed_one_of_its_kind_was_passed_too() -> None:
    packing = Packing(2, GIB)
    offer(packing, 1, 1)
    offer(packing, 2, 2)
    offer(packing, 3, 2)
    offer(packing, 4, 1)
    assert take(packing, now=0.0) == [1, 4]
    packing.release(1)
    packing.release(4)
    assert take(packing, now=40.0) == [2]
    offer(packing, 5, 1)
    packing.release(2)
    packing.occupy(9, packing.demand(1, None))

    assert take(packing, now=50.0) == []


def test_a_demand_above_the_capacity_is_cut_to_it() -> None:
    packing = Packing(2, GIB)
    offer(packing, 1, 64, 10 * GIB)
    offer(packing, 2, 0.1)

    assert packing.exceeds(64, None)
    assert packing.exceeds(None, 10 * GIB)
    assert not packing.exceeds(2, GIB)
    assert take(packing) == [1]


def test_a_withdrawn_job_never_starts() -> None:
    packing = Packing(1, GIB)
    for attempt in (1, 2, 3):
        offer(packing, attempt)
    packing.withdraw(2)
    packing.withdraw(99)
    assert take(packing) == [1]
    packing.release(1)

    assert take(packing) == [3]


def test_a_withdrawn_job_may_be_offered_again_at_the_end() -> None:
    packing = Packing(1, GIB)
    for attempt in (1, 2, 3):
        offer(packing, attempt)
    packing.withdraw(1)
    offer(packing, 1)
    started = []
    while batch := take(packing):
        started += batch
        packing.release(batch[0])

    assert started == [2, 3, 1]


def test_a_job_that_was_found_running_counts_even_where_it_does_not_fit() -> None:
    packing = Packing(1, GIB)
    packing.occupy(1, packing.demand(1, None))
    packing.occupy(2, packing.demand(1, None))
    offer(packing, 3)
    packing.release(1)
    assert take(packing) == []
    packing.release(2)

    assert take(packing) == [3]


@given(
    st.lists(st.tuples(st.floats(0.1, 6), st.integers(0, 6), st.booleans(), st.floats(0, 20)), max_size=60)
)
def test_what_runs_fits_and_everything_runs_at_last(steps: list[tuple[float, int, bool, float]]) -> None:
    packing, now = Packing(4, 4), 0.0
    running: dict[int, tuple[float, int]] = {}
    demands: dict[int, tuple[float, int]] = {}
    started: list[int] = []

    def start() -> None:
        for attempt in packing.take(now):
            started.append(attempt)
            running[attempt] = demands[attempt]
        assert sum(round(min(cpus, 4) * 1000) for cpus, _ in running.values()) <= 4000
        assert sum(min(memory, 4) for _, memory in running.values()) <= 4

    for attempt, (cpus, memory, ends, wait) in enumerate(steps):
        demands[attempt] = (cpus, memory)
        offer(packing, attempt, cpus, memory)
        now += wait
        if ends and running:
            ended = next(iter(running))
            del running[ended]
            packing.release(ended)
        start()
    while running:
        ended = next(iter(running))
        del running[ended]
        packing.release(ended)
        start()

    assert sorted(started) == list(range(len(steps)))


def test_a_machine_is_crowded_while_jobs_wait_and_no_processor_is_free() -> None:
    packing = Packing(2.0, 0)
    packing.offer(1001, packing.demand(1.5, None))
    list(packing.take(0.0))
    packing.offer(1002, packing.demand(1.0, None))
    crowded = packing.is_crowded()
    packing.withdraw(1002)
    alone = packing.is_crowded()
    packing.offer(1003, packing.demand(1.0, None))
    packing.release(1001)

    assert crowded
    assert not alone
    assert not packing.is_crowded()
