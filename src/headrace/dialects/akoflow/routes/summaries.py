"""What lists show of workflows: of one that is over it is put together once."""

from __future__ import annotations

import msgspec

from headrace.dialects.akoflow import render
from headrace.dialects.akoflow.render import Answer
from headrace.dialects.akoflow.routes.disk_usage import directories_of, disk_bytes
from headrace.dialects.akoflow.routes.lookup import warnings_of
from headrace.orchestrator.services import Services
from headrace.orchestrator.weighed import Weighed
from headrace.store.rows import ExecutionRow

KEPT = 2000
"""Workflows whose summaries are kept."""

KEPT_BYTES = 16 * 1024 * 1024
"""Bytes that those may have together, as JSON."""


class Summary(msgspec.Struct, frozen=True):
    """A workflow without its activities."""

    answer: Answer
    """As a list shows it, but for what its directories hold."""
    directories: frozenset[str]


class Summaries:
    """The workflows of this server as lists show them."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._kept: Weighed[int, Summary] = Weighed(KEPT, KEPT_BYTES)

    async def of(self, rows: list[ExecutionRow]) -> list[Answer]:
        """Return the answers for these workflows; one run after the other is at hand, and no more."""
        now = self._services.clock.now()
        found = [await self._summary(row, now) for row in rows]
        places = {row.number: each.directories for row, each in zip(rows, found, strict=True)}
        held = await disk_bytes(places, self._services)
        return [
            render.with_disk_usage(each.answer, held[row.number])
            for row, each in zip(rows, found, strict=True)
        ]

    async def _summary(self, row: ExecutionRow, now: float) -> Summary:
        known = self._kept.get(row.number)
        if known is not None:
            return known
        execution = await self._services.executions.view(row)
        answer = render.workflow(execution, now, warnings_of(row), expanded=False)
        summary = Summary(answer, directories_of(execution))
        if row.ended_at is not None:
            self._kept.put(row.number, summary, len(msgspec.json.encode(answer)))
        return summary
