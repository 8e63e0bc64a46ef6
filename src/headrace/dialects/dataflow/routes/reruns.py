"""Runs an ended run again: the chosen tasks and what follows them; the other results are used again."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec
from msgspec.structs import replace
from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.dataflow import reruns, start
from headrace.dialects.dataflow.announcing import FILES
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.lookup import run_of, workflow_of
from headrace.dialects.dataflow.routes.refusals import Refusal, invalid
from headrace.dialects.dataflow.routes.starts import (
    Opening,
    facts_of,
    location_of,
    style_for_door,
)
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.engine.rerun import plan_rerun
from headrace.errors import Gone, NotFound, Problem, TransitionRefused
from headrace.http.credentials import given_with
from headrace.orchestrator.services import Services


async def rerun(request: Request, services: Services) -> Response:
    """Start the run of the path again, in the same version and with the same inputs."""
    run = await run_of(request, services)
    body = await requests.read_source(request, services)
    once = requests.once(request, services, body, location_of)
    if (earlier := await once.earlier()) is not None:
        return earlier
    definition = run.execution.definition
    document = requests.optional_document_of(body)
    checked = reruns.check_rerun(document, request.path_params["id"], definition)
    if checked.problems:
        raise invalid("invalid_execution", "The rerun", checked.problems, checked.warnings)
    try:
        plan = plan_rerun(run.execution, checked.start_from)
    except TransitionRefused:
        message = "The run is not over; cancel it, or wait for its end."
        raise Refusal(409, "execution_alive", message) from None
    credentials = given_with(request)
    style = style_for_door(definition, request.path_params["eid"][:2])
    inputs, labels = run.execution.inputs, run.row.labels
    async with services.starts.start():
        workflow = await workflow_of(request, services)
        if problems := await problems_of(run.execution, plan, credentials, services, checked.place):
            raise invalid("invalid_execution", "The rerun", problems, checked.warnings)
        opening = Opening(workflow, run.row.version, definition, inputs, labels, style, plan)
        return await opening.start(once, services, credentials, checked.warnings)


async def problems_of(
    execution: Execution,
    plan: Mapping[str, Planned],
    credentials: Collection[str],
    services: Services,
    place: str = "",
) -> tuple[Problem, ...]:
    """Tell why a run cannot be repeated by this plan; `place` is where the request says from where."""
    again = tuple(task for task in execution.definition.tasks if plan[task.name].mode == "run")
    part = replace(execution.definition, tasks=again)
    facts = await facts_of(None, part, credentials, services)
    missing = await _missing_files(execution, services)
    return (*reruns.check_plan(plan, place), *missing, *start.check_tasks(part, services.library, facts))


async def _missing_files(execution: Execution, services: Services) -> list[Problem]:
    """Tell which stored files that the run was given are there no longer; a start refuses them, too."""
    given: dict[str, str] = msgspec.json.decode(execution.labels.get(FILES, "{}"))
    problems = []
    for file_id in given.values():
        try:
            await services.store.files.get(file_id)
        except NotFound as error:
            why = error.message if isinstance(error, Gone) else f"There is no file '{file_id}' any more."
            message = f"{why} The run was given it: upload it again and start the workflow with the new one."
            problems.append(Problem(path="", code="unknown_file", message=message))
    return problems
