"""Starts a run: looks up what the check of a start must know, and remembers how the run wants to be told."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from headrace.definition.model import WorkflowDefinition
from headrace.definition.templates import FileRef
from headrace.dialects.dataflow import render, runs, start
from headrace.dialects.dataflow.announcing import EVENTS, FAMILY, FILES, RUN, SECRET, WEBHOOK, WORKFLOW
from headrace.dialects.dataflow.parse import style_of
from headrace.dialects.dataflow.routes import requests
from headrace.dialects.dataflow.routes.inline_files import with_kept_contents
from headrace.dialects.dataflow.routes.lookup import definition_of, workflow_of
from headrace.dialects.dataflow.routes.operations import json_answer
from headrace.dialects.dataflow.routes.refusals import Refusal, invalid
from headrace.dialects.dataflow.runs import RunView
from headrace.dialects.dataflow.spelling import style_for
from headrace.dialects.dataflow.webhooks import Webhook
from headrace.dialects.dataflow.wire import Style
from headrace.engine.execution import blank
from headrace.engine.plans import Planned
from headrace.errors import Gone, NotFound, Problem
from headrace.http.credentials import OPENAI_KEY, given_with
from headrace.http.repeating import Once
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services
from headrace.security.secrets import GLOBAL
from headrace.store.protocol import KeyTaken
from headrace.store.rows import WorkflowRow

_PREFIX = "we"
_TRIES = 5
"""Names that are drawn before it is no coincidence any more that all are taken."""


async def start_run(request: Request, services: Services, first: str) -> Response:
    """Start the workflow of the path; `first` is the prefix of ids at this door."""
    await workflow_of(request, services)  # a workflow that is not there is told before a body that is wrong
    body = await requests.read_source(request, services)
    once = requests.once(request, services, body, location_of)
    if (earlier := await once.earlier()) is not None:
        return earlier
    async with services.starts.start():
        return await _start(request, services, body, once, first)


async def _start(request: Request, services: Services, body: bytes, once: Once, first: str) -> Response:
    row = await workflow_of(request, services)
    definition = await definition_of(row, services)
    document = requests.optional_document_of(body)
    credentials = given_with(request)
    facts = await facts_of(document, definition, credentials, services)
    checked = start.check_start(document, row.alias or "", definition, services.library, facts)
    if checked.problems:
        raise invalid("invalid_execution", "The start", checked.problems, checked.warnings)
    labels = file_labels(facts.files) | await _webhook_labels(checked.webhook, services)
    inputs = await with_kept_contents(checked.inputs, services)
    opening = Opening(row, row.version, definition, inputs, labels, style_for_door(definition, first))
    return await opening.start(once, services, credentials, checked.warnings)


class Opening(Struct, frozen=True):
    """A run that may begin: everything is checked."""

    workflow: WorkflowRow
    version: int
    definition: WorkflowDefinition
    inputs: dict[str, Any]
    labels: dict[str, str]
    style: Style
    plan: dict[str, Planned] = field(default_factory=dict)

    async def start(
        self,
        once: Once,
        services: Services,
        credentials: dict[str, str],
        warnings: Sequence[Problem] = (),
    ) -> Response:
        """Begin the run under a name that is free, and answer."""
        workflow_id = self.workflow.alias or ""
        for _ in range(_TRIES):
            names = services.executions.name(_PREFIX)
            alias = names.alias or ""
            view = RunView(blank(self.definition), workflow_id, alias, self.style)
            answer = render.with_warnings(runs.started(view, self.version), warnings)
            asked = StartRequest(
                workflow=self.workflow.number,
                version=self.version,
                inputs=self.inputs,
                names=names,
                labels={**self.labels, FAMILY: self.style.family, WORKFLOW: workflow_id, RUN: alias},
                plan=self.plan,
                credentials=credentials,
                idempotency=once.record(202, msgspec.json.encode(answer)),
            )
            try:
                await services.executions.start(asked)
            except KeyTaken as taken:
                if taken.key != "alias":
                    return await once.faster(taken)
                continue
            return json_answer(answer, services, 202, {"location": view.url})
        raise Refusal(503, "unavailable", "No free id was found; try again.")


def style_for_door(definition: WorkflowDefinition, first: str) -> Style:
    """Return the style of a run that is started at a door whose ids begin with `first`."""
    return style_for(style_of(definition), f"{first}-")


def location_of(answer: bytes) -> str:
    """Return where the run is that an answer to a start speaks of."""
    made: dict[str, str] = msgspec.json.decode(answer)
    workflow_id = made.get("workflow_id") or made.get("workflowId")
    run_id = made.get("workflow_execution_id") or made.get("execution_id") or made.get("executionId")
    return f"/workflows/{workflow_id}/executions/{run_id}"


async def facts_of(
    document: Any, definition: WorkflowDefinition, given: Collection[str], services: Services
) -> start.Facts:
    """Look up what the check of a start must know; `given` has the names of credentials that come with it."""
    needed = start.needs(document, definition, services.library)
    wanted = needed.secrets | needed.credentials
    stored = {record.name for record in await services.vault.list(GLOBAL)} if wanted else set()
    keys = needed.credentials & (stored | set(given))
    if not services.settings.openai.key_required:
        keys |= {OPENAI_KEY}
    found = await asyncio.gather(*(_file(file_id, services) for file_id in needed.files))
    files = dict(zip(needed.files, found, strict=True))
    return start.Facts(
        files={file_id: file for file_id, file in files.items() if isinstance(file, FileRef)},
        secrets=needed.secrets & stored,
        keys=keys,
        check_url=services.egress.check_url,
        max_file=services.settings.dataflow.max_file,
        removed={file_id: gone.message for file_id, gone in files.items() if isinstance(gone, Gone)},
    )


async def _file(file_id: str, services: Services) -> FileRef | Gone | None:
    try:
        row = await services.store.files.get(file_id)
    except Gone as gone:
        return gone
    except NotFound:
        return None
    return FileRef(row.sha256, row.size, row.name, row.content_type)


def file_labels(files: Mapping[str, FileRef]) -> dict[str, str]:
    """Return the label by which a run remembers the ids of the stored files that it was given."""
    if not files:
        return {}
    ids = {file.sha256: file_id for file_id, file in files.items()}
    return {FILES: msgspec.json.encode(ids).decode()}


async def _webhook_labels(webhook: Webhook | None, services: Services) -> dict[str, str]:
    """Return how a run remembers its webhook; the signing secret goes to the vault, in a scope of its own."""
    if webhook is None:
        return {}
    labels = {WEBHOOK: webhook.url}
    if webhook.events is not None:
        labels[EVENTS] = ",".join(webhook.events)
    if webhook.secret is not None:
        labels[SECRET] = await services.vault.keep_of_run(SECRET, webhook.secret, services.clock.now())
    return labels
