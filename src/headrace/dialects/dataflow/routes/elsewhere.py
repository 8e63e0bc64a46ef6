"""Starts and reruns of this dialect's workflows at other doors, by the rules that hold at its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow import render, start
from headrace.dialects.dataflow.announcing import EVENTS, FAMILY, FILES, RUN, SECRET, WEBHOOK, WORKFLOW
from headrace.dialects.dataflow.routes.inline_files import with_kept_contents
from headrace.dialects.dataflow.routes.reruns import problems_of
from headrace.dialects.dataflow.routes.starts import facts_of, file_labels
from headrace.dialects.protocol import ReadyStart
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.errors import InvalidInput
from headrace.orchestrator.services import Services
from headrace.store.rows import WorkflowRow

OWN_LABELS = frozenset({EVENTS, FAMILY, FILES, RUN, SECRET, WEBHOOK, WORKFLOW})


async def ready_start(
    workflow: WorkflowRow,
    definition: WorkflowDefinition,
    inputs: Mapping[str, Any],
    credentials: Collection[str],
    services: Services,
) -> ReadyStart:
    """Check and complete a start; raises InvalidInput with all problems."""
    document = {"inputs": dict(inputs)}
    facts = await facts_of(document, definition, credentials, services)
    checked = start.check_start(document, workflow.alias or "", definition, services.library, facts)
    if checked.problems:
        raise InvalidInput(checked.problems, render.counted("The start", checked.problems))
    given = await with_kept_contents(checked.inputs, services)
    return ReadyStart(given, file_labels(facts.files), checked.warnings)


async def ready_rerun(
    execution: Execution,
    plan: Mapping[str, Planned],
    run_id: str,
    credentials: Collection[str],
    services: Services,
) -> dict[str, str]:
    """Check a rerun and return its labels: it tells the same receiver under an id of its own."""
    if problems := await problems_of(execution, plan, credentials, services):
        raise InvalidInput(problems, render.counted("The rerun", problems))
    labels = dict(execution.labels)
    return {**labels, RUN: run_id} if RUN in labels else labels
