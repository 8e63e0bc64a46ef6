"""Definitions as the engine needs them: decoded once, with their graph, and kept while they are in use."""

from __future__ import annotations

from collections import OrderedDict

from headrace.definition import codec
from headrace.definition.model import WorkflowDefinition
from headrace.engine.graph import Graph
from headrace.store.protocol import Definitions

KEPT = 64
"""Versions that stay decoded; a large one takes some 20 MB."""


class Shelf:
    """Decoded definition versions, least recently used thrown out first."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self._kept: OrderedDict[tuple[int, int], tuple[WorkflowDefinition, Graph]] = OrderedDict()

    async def get(self, workflow: int, version: int) -> tuple[WorkflowDefinition, Graph]:
        """Return a version and its graph; raises `NotFound`."""
        found = self._kept.get((workflow, version))
        if found is not None:
            self._kept.move_to_end((workflow, version))
            return found
        row = await self._definitions.version(workflow, version)
        return self.put(workflow, version, codec.decode(row.definition, WorkflowDefinition))

    def put(
        self, workflow: int, version: int, definition: WorkflowDefinition
    ) -> tuple[WorkflowDefinition, Graph]:
        """Keep a version that is at hand already."""
        made = (definition, Graph(definition.tasks))
        self._kept[(workflow, version)] = made
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return made
