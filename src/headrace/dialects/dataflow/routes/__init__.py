"""The doors of this dialect: the only part of it that knows the web framework and the orchestrator."""

from __future__ import annotations

from fastapi import FastAPI

from headrace.dialects.dataflow.routes.events import EventRoutes
from headrace.dialects.dataflow.routes.executions import ExecutionRoutes
from headrace.dialects.dataflow.routes.files import FileRoutes
from headrace.dialects.dataflow.routes.logs import LogRoutes
from headrace.dialects.dataflow.routes.operations import Operation, application_of
from headrace.dialects.dataflow.routes.task_types import TaskTypeRoutes
from headrace.dialects.dataflow.routes.values import ValueRoutes
from headrace.dialects.dataflow.routes.workflows import WorkflowRoutes
from headrace.orchestrator.services import Services


def operations(services: Services) -> list[Operation]:
    """Return the table of all routes, literal paths before those with parameters."""
    return [
        *WorkflowRoutes(services).operations(),
        *ExecutionRoutes(services).operations(),
        *EventRoutes(services).operations(),
        *LogRoutes(services).operations(),
        *ValueRoutes(services).operations(),
        *FileRoutes(services).operations(),
        *TaskTypeRoutes(services).operations(),
    ]


def application(services: Services) -> FastAPI:
    """Return the dialect's application."""
    return application_of(operations(services), services)
