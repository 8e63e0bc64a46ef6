"""What the directories of workflows hold, from the record of files: one question for all of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

from headrace.dialects.akoflow import views
from headrace.engine.execution import Execution
from headrace.orchestrator.services import Services


async def disk_bytes(executions: Sequence[Execution], services: Services) -> dict[int, int | None]:
    """Return what the directories of each run hold, by its number; None where nothing is known of them.

    Of two directories one of which lies in the other the outer one counts alone, because it has both.
    """
    places = {
        execution.number: {each.directory for each in views.activities(execution)} - {""}
        for execution in executions
    }
    known = await services.store.provenance.bytes_of(set().union(*places.values()))
    held = {
        number: [known[place] for place in _outermost(some & known.keys())] for number, some in places.items()
    }
    return {number: sum(found) if found else None for number, found in held.items()}


def _outermost(places: set[str]) -> list[str]:
    return [each for each in places if not any(str(above) in places for above in PurePosixPath(each).parents)]
