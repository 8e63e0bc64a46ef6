"""Opens a run: takes its numbers, finds its directories, stores what was sent and starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
from starlette.responses import Response

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow import render
from headrace.dialects.akoflow.compiling import Ground, compile_workflow
from headrace.dialects.akoflow.directories import PRIVATE, inputs_of
from headrace.dialects.akoflow.drafts import WorkflowDraft
from headrace.dialects.akoflow.labels import RERUN_OF, labels_of
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.places import mapped
from headrace.dialects.akoflow.routes.lookup import Run
from headrace.dialects.akoflow.routes.operations import json_answer
from headrace.engine.plans import Planned
from headrace.errors import Problem
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

    async def first(self, parsed: Parsed, draft: WorkflowDraft, source: bytes) -> Response:
        """Store a document and start its run; the answer is sent after the commit."""
        services = self._services
        ground = await self._ground(draft, source)
        definition = await asyncio.to_thread(compile_workflow, draft, ground)
        names = await services.executions.names_for(definition)
        inputs = inputs_of(names.number, services.settings.data_dir)
        moved = _told_of(draft, ground, inputs[PRIVATE])
        workflow = await services.workflows.create(definition, source, _YAML)
        warnings = [render.problem(each) for each in (*parsed.warnings, *moved)]
        try:
            return await self._start(names, workflow.number, workflow.version, definition, warnings, inputs)
        except KeyTaken as taken:
            await services.workflows.delete(workflow.number)
            return await self._once.faster(taken)

    async def again(self, run: Run, plan: dict[str, Planned]) -> Response:
        """Start a run again by a plan; it gets an id of its own."""
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
        plan: dict[str, Planned] | None = None,
        labels: dict[str, str] | None = None,
    ) -> Response:
        answer = render.submitted(definition.name, names.number, names.id, warnings)
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

    async def _ground(self, draft: WorkflowDraft, source: bytes) -> Ground:
        """Return where the runs of a document stand on this server."""
        settings = self._services.settings
        paths = {each.mount_path for each in draft.activities if each.mount_path is not None}
        paths |= {volume.remote for volume in draft.volumes}
        moved = {path: place for path in paths if (place := mapped(path, settings.akoflow.path_map)) != path}
        displaced: frozenset[str] = frozenset()
        if draft.is_tried_out:
            displaced = await asyncio.to_thread(_that_cannot_be_made, paths - moved.keys())
        limits = {
            name: dict(limit.split(":", 1) for limit in found.limits)
            for name, found in self._services.runtimes.items()
        }
        akoflow = settings.akoflow
        return Ground(moved, displaced, akoflow.standalone_link, source, limits, akoflow.provenance)


def _told_of(draft: WorkflowDraft, ground: Ground, private: str) -> list[Problem]:
    """Return what had to be replaced to try a document out."""
    warnings = [
        Problem(
            path="/spec/mountPath",
            code="mount_path_moved",
            message=f"'{path}' cannot be made on this machine; '{private}{path}' is used in its place.",
        )
        for path in sorted(ground.displaced)
    ]
    for place, volume in enumerate(draft.volumes if draft.is_tried_out else ()):
        if volume.mode != "out" and not Path(volume.local).is_dir():
            message = f"'{volume.local}' does not exist; the volume begins empty."
            path = f"/spec/volumes/{place}"
            warnings.append(Problem(path=path, code="volume_source_missing", message=message))
    return warnings


def _that_cannot_be_made(paths: Iterable[str]) -> frozenset[str]:
    found = set()
    for path in paths:
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except OSError:
            found.add(path)
    return frozenset(found)
