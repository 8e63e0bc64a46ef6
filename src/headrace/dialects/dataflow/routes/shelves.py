"""Loads what an answer about a run shows beside the run itself: large values and ids of files."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headrace.definition.templates import ValueRef
from headrace.dialects.dataflow.routes.lookup import Run
from headrace.dialects.dataflow.runs import RunView, values_of_details
from headrace.dialects.dataflow.shown import Shelf
from headrace.orchestrator.services import Services

FILES = "files"
"""Label of a run with the ids of the stored files that it was given."""


async def shelf_of(run: Run, values: Iterable[ValueRef], services: Services) -> Shelf:
    """Return the shelf with these values."""
    loaded = await services.values.load(values)
    label = run.row.labels.get(FILES)
    return Shelf(loaded, msgspec.json.decode(label, type=dict[str, str]) if label else {})


async def view_of(run: Run, services: Services) -> RunView:
    """Return all that the details of a run show."""
    return run.view(await shelf_of(run, values_of_details(run.execution), services))
