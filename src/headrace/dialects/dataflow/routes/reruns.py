"""Runs an ended run again: the chosen tasks and what follows them; the other results are used again."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import start
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import run_of, workflow_of
from headrace.dialects.dataflow.routes.refusals import Refusal, invalid
from headrace.dialects.dataflow.routes.starts import (
    Opening,
    facts_of,
    location_of,
    style_for_door,
)
from headrace.engine.rerun import StartFrom, plan_rerun
from headrace.errors import NotFound, Problem, TransitionRefused
from headrace.http.credentials import given_with
from headrace.orchestrator.services import Services


async def rerun(request: Request, services: Services) -> Response:
    """Start the run of the path again, in the same version and with the same inputs."""
    run = await run_of(request, services)
    body = await requests.read_source(request, services)
    once = requests.once(request, services, body, location_of)
    if (earlier := await once.earlier()) is not None:
        return earlier
    try:
        plan = plan_rerun(run.execution, _chosen(requests.optional_document_of(body)))
    except TransitionRefused:
        message = "The run is not over; cancel it, or wait for its end."
        raise Refusal(409, "execution_alive", message) from None
    except NotFound as error:
        problem = Problem(path="/from", code="unknown_reference", message=error.message)
        raise invalid("invalid_execution", "The rerun", [problem]) from None
    definition = run.execution.definition
    credentials = given_with(request)
    again = tuple(task for task in definition.tasks if plan[task.name].mode == "run")
    part = replace(definition, tasks=again)
    if problems := start.check_tasks(
        part, services.library, await facts_of(None, part, credentials, services)
    ):
        raise invalid("invalid_execution", "The start", problems)
    style = style_for_door(definition, request.path_params["eid"][:2])
    inputs, labels = run.execution.inputs, run.row.labels
    async with services.starts.start():
        workflow = await workflow_of(request, services)
        opening = Opening(workflow, run.row.version, definition, inputs, labels, style, plan)
        return await opening.start(once, services, credentials)


def _chosen(body: Any) -> StartFrom:
    match body:
        case None | {"from": "failed"}:
            return "failed"
        case {"from": "start"}:
            return "start"
        case {"from": [*names]} if names and all(isinstance(name, str) for name in names):
            return names
        case dict() if not body:
            return "failed"
        case _:
            message = '\'from\' must be "failed", "start" or a list of names of tasks.'
            path = "/from" if isinstance(body, dict) and "from" in body else ""
            problem = Problem(path=path, code="invalid_value", message=message)
            raise invalid("invalid_execution", "The rerun", [problem])
