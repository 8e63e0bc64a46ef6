"""Lets go of the private directories of runs that are long over.

Only what the server itself made goes: the directory of a run, once the run and all that repeated it have been
over for as long as the operator says, and never what an activity with `keepDisk` worked in.
A rerun that is about to begin marks the directories that it needs by their time, inside of its start, so none
goes beneath it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from msgspec import Struct

from headrace.dialects.akoflow import views
from headrace.dialects.akoflow.directories import LISTS, private_roots
from headrace.dialects.akoflow.labels import RERUN_OF
from headrace.dialects.akoflow.wire import DIALECT
from headrace.errors import NotFound, StoreError
from headrace.orchestrator.services import Services
from headrace.store.rows import ExecutionFilter, ExecutionRow

log = structlog.get_logger(__name__)

RAREST = timedelta(hours=1)
"""Between two sweeps."""

_PAGE = 500
_AT_ONCE = 100
"""Entries that are renamed while no start may begin."""
_GOING = ".going-"
"""How the name of what is being removed begins; a killed server leaves it to the next sweep."""


class _Rerun(Struct, frozen=True):
    number: int
    ended_at: float | None


class Tidying:
    """Sweeps in the background, from `open` to `close`."""

    def __init__(self, services: Services, kept: timedelta) -> None:
        """`kept` counts from the end of the last run that worked in a directory."""
        self._services = services
        self._kept = kept
        self._root = private_roots(services.settings.data_dir)
        self._settled: set[str] = set()
        """Runs of whose directory only what is kept for ever is left."""
        self._work: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to sweep."""
        self._work = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Sweep no more."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    async def sweep(self) -> None:
        """Remove every directory whose time is over; raises `StoreError`."""
        before = self._services.clock.now() - self._kept.total_seconds()
        old = await asyncio.to_thread(self._old, before)
        over = [row for number in old if (row := await self._over(number, before)) is not None]
        if not over:
            return
        reruns = await self._reruns(over)
        for row in over:
            moments = [each.ended_at for each in reruns[row.number]]
            if all(moment is not None and moment <= before for moment in moments):
                last = max([row.number, *(each.number for each in reruns[row.number])])
                await self._remove_lists(row.number, last, before)
                await self._remove(row, before)

    async def _run(self) -> None:
        pause = max(min(RAREST, self._kept / 4), timedelta(seconds=1))
        while True:
            try:
                await self.sweep()
            except (StoreError, OSError) as error:
                log.warning("directories_not_swept", error=str(error))
            except Exception:  # a defect here must not end the sweeps for ever
                log.exception("directory_sweep_broke")
            await asyncio.sleep(pause.total_seconds())

    def _old(self, before: float) -> list[int]:
        """Return the runs whose directories were touched last before a moment; finish old removals."""
        found = set()
        if not self._root.is_dir():
            return []
        for entry in os.scandir(self._root):
            number = entry.name.removesuffix(LISTS)
            if entry.name.startswith(_GOING):
                shutil.rmtree(entry.path, ignore_errors=True)
            elif number.isdecimal() and entry.name not in self._settled and _is_old(entry, before):
                found.add(int(number))
        return sorted(found)

    async def _over(self, number: int, before: float) -> ExecutionRow | None:
        """Return a run of this dialect that ended before a moment; None for any other."""
        try:
            row = await self._services.executions.get(number)
        except NotFound:
            return None
        is_over = row.ended_at is not None and row.ended_at <= before
        return row if is_over and row.dialect == DIALECT else None

    async def _reruns(self, runs: Iterable[ExecutionRow]) -> dict[int, list[_Rerun]]:
        """Return what worked in the directory of which of these runs."""
        oldest: dict[int, int] = {}
        for row in runs:
            oldest[row.workflow] = min(row.number, oldest.get(row.workflow, row.number))
        by_first: dict[int, list[_Rerun]] = defaultdict(list)
        for workflow, number in oldest.items():
            parents: dict[int, int] = {}
            async for row in self._since(workflow, number):
                if (parent := row.labels.get(RERUN_OF)) is not None:
                    parents[row.number] = int(parent)
                    by_first[row.number].append(_Rerun(row.number, row.ended_at))
            for rerun in sorted(parents, reverse=True):
                by_first[parents[rerun]] += by_first.pop(rerun)
        return by_first

    async def _since(self, workflow: int, number: int) -> AsyncIterator[ExecutionRow]:
        """Yield the executions of a workflow that are younger than one of them, newest first.

        Whatever repeats a run is among them; of all other history nothing is asked.
        """
        which, cursor = ExecutionFilter(workflow=workflow), None
        while True:
            page = await self._services.executions.newest(which, limit=_PAGE, cursor=cursor)
            for row in page.rows:
                if row.number <= number:
                    return
                yield row
            cursor = page.cursor
            if cursor is None:
                return

    async def _remove_lists(self, number: int, last: int, before: float) -> None:
        """Remove what is known of volumes, unless the last run left results that only a rerun brings back."""
        lists = self._root / f"{number}{LISTS}"
        if not _is_old(lists, before):
            return
        execution = await self._services.executions.view(await self._services.executions.get(last))
        closing = execution.runs.get(execution.closing_run or 0)
        if closing is not None and closing.state not in ("succeeded", "skipped"):
            self._settled.add(lists.name)
        elif _is_old(lists, before):  # a rerun may have marked it meanwhile
            going = self._root / f"{_GOING}{lists.name}"
            lists.rename(going)  # at once, so that none marks what is already being removed
            await asyncio.to_thread(shutil.rmtree, going, ignore_errors=True)

    async def _remove(self, row: ExecutionRow, before: float) -> None:
        home = self._root / str(row.number)
        execution = await self._services.executions.view(row)
        kept = [each.directory for each in views.activities(execution) if each.notes.get("keep_disk")]
        going = self._root / f"{_GOING}{row.number}"
        # Nothing is awaited between this look and a rename of the whole; nor does a rerun wait in its marks.
        if not _is_old(home, before):
            return
        if any(_holds(str(home), each) or _holds(each, str(home)) for each in kept):
            if not await self._remove_from(home, kept, going, before):
                return
            self._settled.add(home.name)
        else:
            home.rename(going)
        log.info("directory_removed", workflow=row.number)
        await asyncio.to_thread(shutil.rmtree, going, ignore_errors=True)

    async def _remove_from(self, home: Path, kept: list[str], going: Path, before: float) -> bool:
        """Move away what is not kept, which may be much; False when a rerun came to need the directory.

        Starts may begin between the parts: what a rerun finds then is gone or there, as a whole.
        """
        doomed = list(enumerate(await asyncio.to_thread(lambda: list(_doomed(home, kept)))))
        for start in range(0, len(doomed), _AT_ONCE):
            part = doomed[start : start + _AT_ONCE]
            async with self._services.starts.deletion():
                if not await asyncio.to_thread(_move, part, home, going, before):
                    return False
        return True


def _move(doomed: Sequence[tuple[int, Path]], home: Path, going: Path, before: float) -> bool:
    """Move parts of a directory away, unless it was marked since; its time stays that of its last use."""
    if not _is_old(home, before):
        return False
    found = home.stat()
    going.mkdir(exist_ok=True)
    for place, each in doomed:
        each.rename(going / str(place))
    os.utime(home, ns=(found.st_atime_ns, found.st_mtime_ns))
    return True


def _is_old(place: os.DirEntry[str] | Path, before: float) -> bool:
    try:
        found = place.stat(follow_symlinks=False)
    except FileNotFoundError:
        return False
    return os.path.isdir(place) and found.st_mtime <= before  # noqa: PTH112 - both kinds of place


def _holds(outer: str, inner: str) -> bool:
    return inner == outer or inner.startswith(f"{outer}/")


def _doomed(place: Path, kept: list[str]) -> Iterator[Path]:
    """Yield what lies in a directory and neither is, nor holds, nor lies in what is kept."""
    if any(_holds(each, str(place)) for each in kept):
        return
    for child in place.iterdir():
        if not any(_holds(str(child), each) for each in kept):
            yield child
        elif child.is_dir():
            yield from _doomed(child, kept)
