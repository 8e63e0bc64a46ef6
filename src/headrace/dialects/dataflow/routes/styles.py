"""How answers about workflows are spelled, known without looking at what their tasks are.

A list of workflows would otherwise read every definition on it as a whole, and push those of running work out
of where they are kept.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from headrace.definition import codec
from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow.parse import style_of
from headrace.dialects.dataflow.wire import Style
from headrace.orchestrator.weighed import Weighed
from headrace.orchestrator.workflows import Workflows
from headrace.store.rows import WorkflowRow

KEPT = 10_000
"""Versions whose style is kept, least recently asked for thrown out first."""


class _Head(Struct):
    """What of a definition tells its style; the decoder passes over the rest."""

    name: str
    dialect: str
    annotations: dict[str, Any] = field(default_factory=dict)


class Styles:
    """The styles of versions, which never change."""

    def __init__(self, workflows: Workflows) -> None:
        self._workflows = workflows
        self._kept: Weighed[tuple[int, int], Style] = Weighed(KEPT, KEPT)

    async def of(self, row: WorkflowRow) -> Style:
        """Return the style of the current version of a workflow; raises `NotFound`."""
        key = (row.number, row.version)
        known = self._kept.get(key)
        if known is None:
            version = await self._workflows.version(*key)
            head = codec.decode(version.definition, _Head)
            known = style_of(
                WorkflowDefinition(
                    name=head.name, dialect=head.dialect, tasks=(), annotations=head.annotations
                )
            )
            self._kept.put(key, known, 1)
        return known
