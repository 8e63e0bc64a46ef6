"""Loads what an answer about a run shows beside the run itself: large values and ids of files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headrace.definition.templates import FileRef, ValueRef
from headrace.dialects.dataflow.announcing import given_files
from headrace.dialects.dataflow.made_files import row_of
from headrace.dialects.dataflow.routes.lookup import Run
from headrace.dialects.dataflow.runs import RunView, shown_in_details
from headrace.dialects.dataflow.shown import PREVIEW_CHARACTERS, Beginning, Needed, Shelf
from headrace.http.large_texts import LargeText
from headrace.orchestrator.services import Services
from headrace.security.redaction import Redactor
from headrace.store.protocol import KeyTaken

_MOST_FILES = 1000
"""Files of one run that are shown with ids."""


async def shelf_of(run: Run, needed: Iterable[Needed], services: Services) -> Shelf:
    """Return the shelf with these values and files; raises `NotFound` when a value is kept no more."""
    needed = tuple(needed)
    redactor = services.secrets_in_use.redactor
    loaded = await services.values.load(ref for ref in needed if isinstance(ref, ValueRef))
    beginnings = {
        each.ref.sha256: await _beginning_of(each.ref, redactor, services)
        for each in needed
        if isinstance(each, Beginning)
    }
    given = given_files(run.row.labels)
    made = {ref.sha256: ref for ref in needed if isinstance(ref, FileRef) and ref.sha256 not in given}
    ids = await _ids_of(run.row.number, made, services) if made else {}
    return Shelf(loaded, beginnings, {**ids, **given}, redactor=redactor)


async def _beginning_of(ref: ValueRef, redactor: Redactor, services: Services) -> str:
    at_hand = services.values.at_hand.get(ref.sha256)
    if isinstance(at_hand, str):
        return redactor.beginning(at_hand, PREVIEW_CHARACTERS)
    return await LargeText(ref, services.artifacts, redactor).beginning(PREVIEW_CHARACTERS)


async def view_of(run: Run, services: Services) -> RunView:
    """Return all that the details of a run show."""
    return run.view(await shelf_of(run, shown_in_details(run.execution), services))


async def _ids_of(execution: int, made: Mapping[str, FileRef], services: Services) -> dict[str, str]:
    """Return the ids of files that a run made, by content hash.

    A file that no webhook named gets its id when it is first shown; one that was deleted is not shown under
    its id again, because the id would be the same.
    """
    files = services.store.files
    page = await files.newest(execution=execution, limit=_MOST_FILES)
    ids = {row.sha256: row.id for row in page.rows}
    for sha256, file in made.items() if len(ids) < _MOST_FILES else ():
        if sha256 in ids:
            continue
        row = row_of(execution, file, services.store.numbers.take(), services.clock.now())
        try:
            await files.add(row)
        except KeyTaken:  # deleted, or given by another request just now
            again = await files.newest(execution=execution, limit=_MOST_FILES)
            ids |= {each.sha256: each.id for each in again.rows}
        else:
            ids[sha256] = row.id
    return ids
