"""Definitions as the engine needs them: decoded once, with their graph, and kept while they are in use."""

from __future__ import annotations

from headrace.definition import codec
from headrace.definition.model import WorkflowDefinition
from headrace.engine.graph import Graph
from headrace.orchestrator.weighed import Weighed
from headrace.store.protocol import Definitions

KEPT = 64
"""Versions that stay decoded."""

KEPT_BYTES = 16 * 1024 * 1024
"""Bytes that those may have together in the store; decoded they take some four times as many."""


class Shelf:
    """Decoded definition versions, least recently used thrown out first."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kept: Weighed[tuple[int, int], tuple[WorkflowDefinition, Graph]] = Weighed(KEPT, KEPT_BYTES)

    async def get(self, workflow: int, version: int) -> tuple[WorkflowDefinition, Graph]:
        """Return a version and its graph; raises `NotFound`."""
        found = self._kept.get((workflow, version))
        if found is not None:
            return found
        row = await self._definitions.version(workflow, version)
        definition = codec.decode(row.definition, WorkflowDefinition)
        return self.put(workflow, version, definition, len(row.definition))

    def put(
        self, workflow: int, version: int, definition: WorkflowDefinition, size: int
    ) -> tuple[WorkflowDefinition, Graph]:
        """Keep a version that is at hand already; `size` is that of its encoded form, in bytes."""
        made = (definition, Graph(definition.tasks))
        self._kept.put((workflow, version), made, size)
        return made
