"""Opens a run: takes its numbers, finds its directories, stores what was sent and starts it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from starlette.responses import Response

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow import render
from headrace.dialects.akoflow.compiling import Ground, compile_workflow, size_of_block
from headrace.dialects.akoflow.drafts import WorkflowDraft
from headrace.dialects.akoflow.labels import RERUN_OF, labels_of
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.places import mapped
from headrace.dialects.akoflow.routes.lookup import Run
from headrace.dialects.akoflow.routes.operations import json_answer
from headrace.engine.plans import Planned
from headrace.errors import Problem
from headrace.http.repeating import Once
from headrace.ids import uuid7
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
        names = await self._names(len(draft.activities))
        ground, moved = await self._ground(draft, names.number, source)
        definition = await asyncio.to_thread(compile_workflow, draft, ground)
        workflow = await services.workflows.create(definition, source, _YAML)
        warnings = [render.problem(each) for each in (*parsed.warnings, *moved)]
        try:
            return await self._start(names, workflow.number, workflow.version, definition, warnings)
        except KeyTaken as taken:
            await services.workflows.delete(workflow.number)
            return await self._once.faster(taken)

    async def again(self, run: Run, plan: dict[str, Planned]) -> Response:
        """Start a run again by a plan; it gets an id of its own."""
        definition = run.execution.definition
        names = await self._names(len(definition.tasks))
        row = run.row
        try:
            return await self._start(
                names,
                row.workflow,
                row.version,
                definition,
                run.warnings,
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
            inputs={},
            names=names,
            labels=labels_of(definition, warnings) | (labels or {}),
            plan=plan or {},
            idempotency=self._once.record(200, msgspec.json.encode(answer)),
        )
        await self._services.executions.start(asked)
        return json_answer(answer, self._services)

    async def _names(self, activities: int) -> ExecutionNames:
        """Return the names of a run, whose number is the first of a block that its activities share."""
        numbers, count = self._services.store.numbers, size_of_block(activities)
        await numbers.prepare(count)
        return ExecutionNames(numbers.take(count), uuid7(self._services.clock.now()), None)

    async def _ground(self, draft: WorkflowDraft, number: int, source: bytes) -> tuple[Ground, list[Problem]]:
        """Return where a run stands, and what had to be replaced to try it out."""
        settings = self._services.settings
        private = str(settings.data_dir.absolute() / "akoflow" / "workflows" / str(number))
        paths = {each.mount_path for each in draft.activities if each.mount_path is not None}
        paths |= {volume.remote for volume in draft.volumes}
        moved = {path: place for path in paths if (place := mapped(path, settings.akoflow.path_map)) != path}
        ground = Ground(
            number=number, private=private, moved=moved, link=settings.akoflow.standalone_link, source=source
        )
        if not draft.is_tried_out:
            return ground, []
        return await asyncio.to_thread(_to_try_out, draft, ground, sorted(paths - moved.keys()))


def _to_try_out(draft: WorkflowDraft, ground: Ground, paths: list[str]) -> tuple[Ground, list[Problem]]:
    """Return private directories in the place of those that cannot be made here, and warnings of them."""
    replaced = {path: f"{ground.private}{path}" for path in paths if not _can_make(path)}
    warnings = [
        Problem(
            path="/spec/mountPath",
            code="mount_path_moved",
            message=f"'{path}' cannot be made on this machine; '{place}' is used in its place.",
        )
        for path, place in replaced.items()
    ]
    for place, volume in enumerate(draft.volumes):
        if volume.mode != "out" and not Path(volume.local).is_dir():
            message = f"'{volume.local}' does not exist; the volume begins empty."
            path = f"/spec/volumes/{place}"
            warnings.append(Problem(path=path, code="volume_source_missing", message=message))
    return replace(ground, moved=ground.moved | replaced), warnings


def _can_make(path: str) -> bool:
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return True
