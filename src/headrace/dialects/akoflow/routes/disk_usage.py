"""What the directories of workflows hold, from the record of files: one question for all of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Set as AbstractSet
from pathlib import PurePosixPath

from headrace.dialects.akoflow import views
from headrace.engine.execution import Execution
from headrace.orchestrator.services import Services


def directories_of(execution: Execution) -> frozenset[str]:
    """Return the directories in which the activities of a run work."""
    return frozenset(each.directory for each in views.activities(execution)) - {""}


async def disk_bytes(places: Mapping[int, AbstractSet[str]], services: Services) -> dict[int, int | None]:
    """Return what the directories of each run hold, by its number; None where nothing is known of them.

    Of two directories one of which lies in the other the outer one counts alone, because it has both.
    """
    known = await services.store.provenance.bytes_of(set().union(*places.values()))
    held = {
        number: [known[place] for place in _outermost(some & known.keys())] for number, some in places.items()
    }
    return {number: sum(found) if found else None for number, found in held.items()}


def _outermost(places: AbstractSet[str]) -> list[str]:
    return [each for each in places if not any(str(above) in places for above in PurePosixPath(each).parents)]
