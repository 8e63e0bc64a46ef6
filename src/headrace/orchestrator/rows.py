"""What of an execution is told to the store's projections: one commit out of one batch of events."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from headrace.engine.execution import Execution, TaskRun
from headrace.store.rows import Commit, Delivery, ExecutionRow, FileRow, IdempotencyRecord, TaskRunRow


def commit_of(
    execution: Execution,
    row: ExecutionRow,
    before: int,
    content: bytes,
    told: Sequence[Delivery | FileRow] = (),
    idempotency: IdempotencyRecord | None = None,
    *,
    keeps: Sequence[str] = (),
) -> Commit:
    """Return the commit of the events after `before`; drains the runs of the execution's changes."""
    changes = execution.changes
    number = execution.number
    task_runs = [task_run_row(execution, execution.runs[run]) for run in changes.runs]
    changes.runs.clear()
    return Commit(
        execution=number,
        expected_seq=before,
        seq=execution.seq,
        at=execution.at,
        events=content,
        row=execution_row(execution, row),
        task_runs=task_runs,
        deliveries=[each for each in told if isinstance(each, Delivery)],
        files=[each for each in told if isinstance(each, FileRow)],
        idempotency=idempotency,
        keeps=keeps,
    )


def execution_row(execution: Execution, row: ExecutionRow) -> ExecutionRow:
    """Return the row with what the events changed of it."""
    return msgspec.structs.replace(
        row,
        state=execution.state,
        reason=execution.reason.code if execution.reason is not None else None,
        started_at=execution.started_at,
        ended_at=execution.ended_at,
        seq=execution.seq,
    )


def task_run_row(execution: Execution, run: TaskRun) -> TaskRunRow:
    """Return the row of a task run."""
    return TaskRunRow(
        run.number,
        execution.number,
        run.scope,
        run.task,
        run.visit,
        run.item,
        execution.task(run).kind,
        run.state,
        run.reason.code if run.reason is not None else None,
        len(run.tries),
        run.started_at,
        run.ended_at,
    )
