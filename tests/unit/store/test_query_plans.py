"""No list and no dispatch may slow down with history: what SQLite means to do, question by question."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Executable, create_engine, select
from sqlalchemy.dialects import sqlite

from headrace.store import lookup, migrating, outbox, projections, schema
from headrace.store.rows import EVERY, ExecutionFilter


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        migrating.bring_up(connection)
        yield connection
    engine.dispose()


def plan(connection: Connection, query: Executable) -> list[str]:
    compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})  # type: ignore[attr-defined]
    return [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}")]


def reads_everything(steps: list[str], table: str) -> bool:
    """Whether the plan scans a table without an index that leaves only what is wanted, or in order."""
    return any(step.startswith(f"SCAN {table}") and "INDEX" not in step for step in steps)


QUESTIONS = {
    "live executions": projections.live_executions(),
    "newest of a dialect": projections.newest_executions(ExecutionFilter(dialect="peak"), 100, None),
    "the next page of a dialect": projections.newest_executions(ExecutionFilter(dialect="peak"), 100, 5),
    "newest of a workflow": projections.newest_executions(ExecutionFilter(workflow=5), 100, None),
    "failed ones": projections.newest_executions(ExecutionFilter(states=("failed",)), 100, None),
    "failed ones of a dialect": projections.newest_executions(
        ExecutionFilter(states=("failed", "timed_out"), dialect="peak"), 100, 7
    ),
    "children": projections.newest_executions(ExecutionFilter(parent=5), 100, None),
    "task runs of an execution": projections.task_runs_of(5, 100, 7),
    "due deliveries": outbox.due_deliveries(5.0, 100, 1, 8),
    "the next delivery": outbox.next_delivery(1, 8),
    "one by any name": select(schema.executions).where(lookup.named(schema.executions, "we-1")),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_reads_all_of_history(connection: Connection, question: str) -> None:
    steps = plan(connection, QUESTIONS[question])

    assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps)
    for table in ("executions", "task_runs", "deliveries", "pending"):
        assert not reads_everything(steps, table), steps


@pytest.mark.parametrize(
    "question", [name for name in QUESTIONS if name.startswith(("newest", "the next page", "failed"))]
)
def test_no_list_of_executions_is_sorted_out_of_all_history(connection: Connection, question: str) -> None:
    """What is sorted is only what the limited parts have left over."""
    steps = plan(connection, QUESTIONS[question])
    searches = [step for step in steps if "executions_by" in step]

    assert searches
    assert all("state=?" in step for step in searches), steps


def test_the_newest_of_all_are_read_backwards(connection: Connection) -> None:
    steps = plan(connection, projections.newest_executions(EVERY, 100, None))

    assert steps == ["SCAN executions"]


def test_live_executions_are_found_by_their_own_index(connection: Connection) -> None:
    steps = plan(connection, projections.live_executions())

    assert "executions_live" in steps[0]


def test_due_deliveries_are_found_among_the_pending_ones(connection: Connection) -> None:
    steps = plan(connection, outbox.due_deliveries(5.0, 100, 1, 8))

    assert any("deliveries_due" in step for step in steps), steps
