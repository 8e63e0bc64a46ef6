"""No list and no dispatch may slow down with history: what SQLite means to do, question by question."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Executable, create_engine, select
from sqlalchemy.dialects import sqlite

from headrace.security.secrets import SecretRecord
from headrace.store import (
    credentials,
    definitions,
    files,
    idempotency,
    lookup,
    migrating,
    outbox,
    projections,
    provenance,
    schema,
)
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


_SECRET = SecretRecord(scope="webhook-a", name="s", sealed=b"", created_at=1.0, updated_at=1.0)

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
    "due deliveries": outbox.due_deliveries(5.0, 100),
    "the next delivery": outbox.next_delivery(),
    "deliveries that wait": outbox.waiting_deliveries("queue 5", 100),
    "what deliveries wait for": outbox.awaited_keys(["queue 5"]),
    "what a directory has": provenance.current_versions(1),
    "what a directory inside has": provenance.current_versions(1, b"a"),
    "directories around one": provenance.directories_around(b"/srv/a/b"),
    "the bytes of a directory": provenance.bytes_in([b"/srv"]),
    "what waits to be read": provenance.versions_to_read(100),
    "what an execution did": provenance.uses_by(5, None, None, 100, 7),
    "what a task did": provenance.uses_by(5, "align", ("created", "read"), 100, 7),
    "what was done with a content": provenance.uses_with(b"digest", 100, 7),
    "artifacts that an execution made": provenance.stored_bytes_of(5),
    "a log's next page": outbox.delivery_log(5, 100, 7),
    "deliveries that are long over": outbox.ended_deliveries(5.0, 100),
    "answers that have expired": idempotency.expired_answers(5.0, 100),
    "old uploads": files.uploaded_files(5.0, 7, 100),
    "deleted files that are not settled": files.unsettled_files(5.0, 7, 100),
    "whether a workflow ran": definitions.any_of(5),
    "whether a workflow runs": definitions.live_of(5),
    "secrets but those of runs": credentials.secrets_of(None),
    "old secrets of runs": credentials.secrets_of_runs(5.0, _SECRET, 100),
    "what signs deliveries": outbox.signing_secrets(["webhook-a#s"]),
    "one by any name": select(schema.executions).where(lookup.named(schema.executions, "we-1")),
}

PROVENANCE = ("directories", "file_versions", "former", "latter", "file_uses")


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_question_reads_all_of_history(connection: Connection, question: str) -> None:
    steps = plan(connection, QUESTIONS[question])

    assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps)
    searched = "executions", "task_runs", "deliveries", "pending", "files", "idempotency", "secrets"
    for table in (*searched, *PROVENANCE):
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


def test_who_names_a_content_is_found_by_the_content(connection: Connection) -> None:
    for query in files.naming(["ab" * 32]):
        compiled = query.compile(dialect=sqlite.dialect(), compile_kwargs={"render_postcompile": True})
        values = tuple(compiled.params[name] for name in compiled.positiontup or ())
        steps = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}", values)]

        assert any("INDEX" in step or "PRIMARY KEY" in step for step in steps), steps
        assert not any(step.startswith("SCAN") for step in steps), steps


def test_the_newest_of_all_are_read_backwards(connection: Connection) -> None:
    steps = plan(connection, projections.newest_executions(EVERY, 100, None))

    assert steps == ["SCAN executions"]


def test_live_executions_are_found_by_their_own_index(connection: Connection) -> None:
    steps = plan(connection, projections.live_executions())

    assert "executions_live" in steps[0]


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("due deliveries", "deliveries_due (next_try_at<?)"),
        ("the next delivery", "deliveries_due (next_try_at>?)"),
        ("deliveries that wait", "deliveries_waiting (waits_for=?)"),
        ("what deliveries wait for", "deliveries_waiting (waits_for=?)"),
    ],
)
def test_what_cannot_be_sent_now_is_not_looked_at(connection: Connection, question: str, index: str) -> None:
    """However many deliveries wait for a dead receiver."""
    steps = plan(connection, QUESTIONS[question])
    others = [step for step in steps if "deliveries" in step and index not in step]

    assert any(index in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps
    assert all(step.startswith("SEARCH") for step in others), steps


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("old secrets of runs", "secrets_of_runs ((created_at,scope)>(?,?) AND created_at<?)"),
        ("what signs deliveries", "deliveries_signed (secret_ref=?)"),
    ],
)
def test_signing_secrets_are_found_by_their_own_indexes(
    connection: Connection, question: str, index: str
) -> None:
    steps = plan(connection, QUESTIONS[question])

    assert any(index in step for step in steps), steps
    assert not any("TEMP B-TREE" in step for step in steps), steps


@pytest.mark.parametrize(
    ("question", "index"),
    [
        ("what a directory has", "file_versions_current (directory=?)"),
        ("the bytes of a directory", "directories_path (path=?)"),
        ("what waits to be read", "file_versions_to_read"),
        ("what an execution did", "file_uses_by_execution (execution=? AND number>?)"),
        ("what a task did", "file_uses_by_task (execution=? AND task=? AND number>?)"),
        ("what was done with a content", "file_versions_by_content (sha256=?)"),
        ("artifacts that an execution made", "file_uses_by_execution (execution=?)"),
    ],
)
def test_files_are_found_by_the_index_of_their_question(
    connection: Connection, question: str, index: str
) -> None:
    steps = plan(connection, QUESTIONS[question])

    assert any(step.endswith(index) for step in steps), steps


@pytest.mark.parametrize(
    "question",
    ["what a directory has", "what waits to be read", "what an execution did", "what a task did"],
)
def test_no_list_of_files_is_sorted(connection: Connection, question: str) -> None:
    steps = plan(connection, QUESTIONS[question])

    assert not any("TEMP B-TREE" in step for step in steps), steps


def test_the_uses_of_a_content_are_found_by_its_versions(connection: Connection) -> None:
    steps = plan(connection, QUESTIONS["what was done with a content"])

    assert any("file_uses_before (before=?" in step for step in steps), steps
    assert any("file_uses_after (after=?" in step for step in steps), steps
