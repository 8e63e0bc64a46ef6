"""Finds what paths name: workflows and runs by their ids in this dialect, tasks by name."""

from __future__ import annotations

from typing import NamedTuple

from starlette.requests import Request

from headrace.definition.model import TaskDefinition, WorkflowDefinition
from headrace.dialects.dataflow.announcing import WORKFLOW
from headrace.dialects.dataflow.parse import DIALECT, style_of
from headrace.dialects.dataflow.routes.refusals import Refusal
from headrace.dialects.dataflow.runs import RunView
from headrace.dialects.dataflow.shown import Shelf
from headrace.dialects.dataflow.spelling import style_for
from headrace.dialects.dataflow.wire import EXECUTION_ID, WORKFLOW_ID, Style
from headrace.engine.execution import Execution, TaskRun
from headrace.errors import NotFound
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionRow, WorkflowRow


class Run(NamedTuple):
    """A run that a path names."""

    row: ExecutionRow
    execution: Execution
    workflow_id: str
    style: Style

    def view(self, shelf: Shelf | None = None) -> RunView:
        """Return how to speak of it."""
        return RunView(self.execution, self.workflow_id, self.row.alias or "", self.style, shelf or Shelf())

    def task(self, name: str) -> tuple[TaskDefinition, TaskRun | None]:
        """Return a task of it with its run; raises Refusal 404."""
        for task, run in self.execution.root_runs():
            if task.name == name:
                return task, run
        raise Refusal(404, "not_found", f"The run has no task '{name[:100]}'.")


async def workflow_of(request: Request, services: Services) -> WorkflowRow:
    """Return the workflow of a path; raises Refusal 404, also for one of another dialect."""
    workflow_id = request.path_params["id"]
    if WORKFLOW_ID.match(workflow_id):
        try:
            row = await services.workflows.get(workflow_id)
        except NotFound:
            pass
        else:
            if row.dialect == DIALECT:
                return row
    raise Refusal(404, "not_found", f"There is no workflow '{workflow_id[:100]}'.")


async def definition_of(row: WorkflowRow, services: Services) -> WorkflowDefinition:
    """Return the current version of a workflow."""
    return await services.workflows.definition(row.number, row.version)


async def row_of(request: Request, services: Services) -> ExecutionRow:
    """Return the run of a path, under either of its ids, also when its workflow is deleted."""
    workflow_id, run_id = request.path_params["id"], request.path_params["eid"]
    if EXECUTION_ID.match(run_id) and WORKFLOW_ID.match(workflow_id):
        try:
            row = await services.executions.get(run_id)
            if row.labels.get(WORKFLOW) == workflow_id:
                return row
            workflow = await services.workflows.remembered(row.workflow)
        except NotFound:
            pass
        else:
            if workflow.alias == workflow_id:
                return row
    raise Refusal(404, "not_found", f"Workflow '{workflow_id[:100]}' has no run '{run_id[:100]}'.")


async def run_of(request: Request, services: Services, wait: float = 0.0) -> Run:
    """Return the run of a path; with `wait`, as soon as it has ended or after so many seconds."""
    row = await row_of(request, services)
    if wait:
        execution = await services.executions.wait(row, wait)
    else:
        execution = await services.executions.view(row)
    style = style_for(style_of(execution.definition), request.path_params["eid"])
    return Run(row, execution, request.path_params["id"], style)
