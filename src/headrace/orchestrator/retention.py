"""Lets go of what nobody has to keep: old uploads, contents that nothing names, logs and answers.

A file goes in two steps. First it is deleted, so that no later start can name it; a day later its content
goes, unless something that is remembered names it or a live execution was given it.
The day protects whoever looked the file up just before, and whatever stores the same content again: removing
asks the artifact's own age, too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta

import structlog

from headrace.artifacts.protocol import Artifacts
from headrace.clock import Clock
from headrace.errors import NotFound, StoreError
from headrace.store.protocol import Store
from headrace.store.rows import FileRow

log = structlog.get_logger(__name__)

GRACE = timedelta(days=1)
"""Between the end of a file and that of its content; no attempt of a task lasts longer."""

BATCH = 500
"""Files, deliveries or answers that are looked at in one question to the store."""

RAREST = timedelta(hours=1)
"""Between two sweeps, when nothing that is configured asks for more."""


class Retention:
    """Sweeps in the background, from `open` to `close`."""

    def __init__(
        self,
        store: Store,
        artifacts: Artifacts,
        given: Callable[[], Iterable[str]],
        clock: Clock,
        *,
        forget_signing: Callable[[float], Awaitable[None]],
        uploads: timedelta | None,
        deliveries: timedelta | None,
    ) -> None:
        """`given` returns the hashes of files that live executions were given; None keeps for ever.

        `forget_signing` lets go of signing secrets older than a moment that no delivery needs.
        """
        self._store = store
        self._artifacts = artifacts
        self._given = given
        self._clock = clock
        self._forget_signing = forget_signing
        self._uploads = uploads
        self._deliveries = deliveries
        self._work: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to sweep."""
        self._work = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Sweep no more; what a sweep has not done is left to the next server."""
        if self._work is not None:
            self._work.cancel()
            await asyncio.wait([self._work])

    @property
    def pause(self) -> timedelta:
        """Between two sweeps: often enough that nothing is kept for much longer than it should be."""
        wanted = [each / 4 for each in (self._uploads, self._deliveries) if each is not None]
        return max(min([RAREST, *wanted]), timedelta(seconds=1))

    async def sweep(self) -> None:
        """Let go of everything whose time is over; raises `StoreError`."""
        now = self._clock.now()
        if self._uploads is not None:
            await self._remove_uploads(now - self._uploads.total_seconds())
        await self._remove_contents(now - GRACE.total_seconds())
        await self._artifacts.clear_incoming(older_than=now - GRACE.total_seconds())
        if self._deliveries is not None:
            before = now - self._deliveries.total_seconds()
            while await self._store.deliveries.forget_ended(before, BATCH) == BATCH:
                continue
            await self._forget_signing(before)
        while await self._store.idempotency.forget_expired(BATCH) == BATCH:
            continue

    async def _run(self) -> None:
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("sweep_failed", error=error.message)
            except Exception:  # a defect here must not end the sweeps for ever
                log.exception("sweep_broke")
            await asyncio.sleep(self.pause.total_seconds())

    async def _remove_uploads(self, before: float) -> None:
        async def remove(found: list[FileRow]) -> None:
            given = frozenset(self._given())
            for file in found:
                if file.sha256 not in given:
                    await self._remove_upload(file)

        await _each(lambda after: self._store.files.uploaded(before, after=after, limit=BATCH), remove)

    async def _remove_upload(self, file: FileRow) -> None:
        try:
            await self._store.files.delete(file.id, "retention")
        except NotFound:  # somebody was faster
            return
        log.info("file_removed", file=file.id, size=file.size)

    async def _remove_contents(self, before: float) -> None:
        async def settle(found: list[FileRow]) -> None:
            hashes = {file.sha256 for file in found}
            named = await self._store.files.named(hashes)
            waiting = set(self._given())
            for sha256 in hashes - named - waiting:
                if not await self._artifacts.remove(sha256, older_than=before):
                    waiting.add(sha256)
            settled = [file.number for file in found if file.sha256 in named or file.sha256 not in waiting]
            if settled:
                await self._store.files.settle(settled)

        await _each(lambda after: self._store.files.unsettled(before, after=after, limit=BATCH), settle)


async def _each(
    ask: Callable[[int], Awaitable[list[FileRow]]], take: Callable[[list[FileRow]], Awaitable[None]]
) -> None:
    """Take all files that a question finds, batch by batch."""
    after = 0
    while found := await ask(after):
        await take(found)
        after = found[-1].number
