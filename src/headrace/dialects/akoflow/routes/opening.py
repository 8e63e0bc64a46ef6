"""Opens a run: takes its numbers, finds its directories, stores what was sent and starts it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from starlette.responses import Response

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow import render
from headrace.dialects.akoflow.directories import inputs_of
from headrace.dialects.akoflow.labels import RERUN_OF, labels_of
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.routes.lookup import Run
from headrace.dialects.akoflow.routes.operations import json_answer
from headrace.engine.plans import Planned
from headrace.http.repeating import Once
from headrace.orchestrator.executions import ExecutionNames, StartRequest
from headrace.orchestrator.services import Services
from headrace.store.protocol import KeyTaken

_YAML = "application/yaml"


class Opening:
    """One request that begins a run."""

    def __init__(
        self, services: Services, once: Once, shape: Callable[[render.Answer], render.Answer] | None = None
    ) -> None:
        """Take the request; `shape` makes another answer of the one that submissions get."""
        self._services = services
        self._once = once
        self._shape = shape

    async def first(self, parsed: Parsed, definition: WorkflowDefinition, source: bytes) -> Response:
        """Store a document and start its run; the answer is sent after the commit."""
        services = self._services
        names = await services.executions.names_for(definition)
        inputs = inputs_of(names.number, services.settings.data_dir)
        warnings = [render.problem(each) for each in parsed.warnings]
        async with services.starts.start():
            try:
                async with services.workflows.to_start(definition, source, _YAML) as made:
                    return await self._start(names, made.number, made.version, definition, warnings, inputs)
            except KeyTaken as taken:
                return await self._once.faster(taken)

    async def again(self, run: Run, plan: dict[str, Planned], warnings: list[dict[str, Any]]) -> Response:
        """Start a run again by a plan; it gets an id of its own.

        `warnings` are of the request: its answer has them, and what is shown of the run later does not.
        The plan is made inside the same start, so that what it takes over is still there.
        """
        definition = run.execution.definition
        names = await self._services.executions.names_for(definition)
        row = run.row
        try:
            return await self._start(
                names,
                row.workflow,
                row.version,
                definition,
                run.warnings,
                run.execution.inputs,
                told=[*run.warnings, *warnings],
                plan=plan,
                labels={RERUN_OF: str(row.number)},
            )
        except KeyTaken as taken:
            return await self._once.faster(taken)

    async def _start(
        self,
        names: ExecutionNames,
        workflow: int,
        version: int,
        definition: WorkflowDefinition,
        warnings: list[dict[str, Any]],
        inputs: dict[str, Any],
        *,
        told: list[dict[str, Any]] | None = None,
        plan: dict[str, Planned] | None = None,
        labels: dict[str, str] | None = None,
    ) -> Response:
        shown = warnings if told is None else told
        answer = render.submitted(definition.name, names.number, names.id, shown)
        if self._shape is not None:
            answer = self._shape(answer)
        asked = StartRequest(
            workflow=workflow,
            version=version,
            inputs=inputs,
            names=names,
            labels=labels_of(definition, warnings) | (labels or {}),
            plan=plan or {},
            idempotency=self._once.record(200, msgspec.json.encode(answer)),
        )
        await self._services.executions.start(asked)
        return json_answer(answer, self._services)
