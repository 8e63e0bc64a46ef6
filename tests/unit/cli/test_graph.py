"""Graphs of executions as trees and for Graphviz."""

from __future__ import annotations

import time

from headrace.cli.graph import branches
from headrace.client.answers import Task


def task(name: str, *after: str) -> Task:
    return Task(name=name, type="command", join="all", after=after, next=())


def test_a_task_stands_once_and_behind_its_last_source() -> None:
    tasks = [task("a"), task("b", "a"), task("c", "a"), task("d", "b", "c"), task("e")]

    assert [(branch, each.name, others) for branch, each, others in branches(tasks)] == [
        ("├─ ", "a", []),
        ("│  ├─ ", "b", []),
        ("│  └─ ", "c", []),
        ("│     └─ ", "d", ["b"]),
        ("└─ ", "e", []),
    ]


def test_loops_are_drawn_too() -> None:
    tasks = [task("a", "c"), task("b", "a"), task("c", "b")]

    assert [each.name for _, each, _ in branches(tasks)] == ["a", "b", "c"]


def test_a_long_chain_and_a_wide_join_are_quick() -> None:
    chain = [task("t0"), *(task(f"t{n}", f"t{n - 1}") for n in range(1, 5000))]
    wide = [*(task(f"w{n}") for n in range(5000)), task("end", *(f"w{n}" for n in range(5000)))]
    began = time.monotonic()
    drawn = [sum(1 for _ in branches(tasks)) for tasks in (chain, wide)]

    assert drawn == [5000, 5001]
    assert time.monotonic() - began < 5
