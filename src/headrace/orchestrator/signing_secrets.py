"""Forgets what signed the webhooks of single runs, when nothing of them can be delivered any more.

A start keeps the secret some moments before the run is committed, and a rerun has the secret of the run that
it repeats: so it goes only where no delivery names it, no live execution does, and no start is under way.
Nothing has to be remembered for that: what a server that was killed left is found by its age.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from headrace.orchestrator.starts import Starts
from headrace.security.secrets import SecretRecord
from headrace.store.protocol import Store

BATCH = 500
"""Secrets that are looked at in one question to the store."""


class SigningSecrets:
    """The signing secrets of single runs."""

    def __init__(self, store: Store, starts: Starts, labels: Callable[[], Collection[str]]) -> None:
        """`labels` returns the values of the labels of live executions, among them the scopes of secrets."""
        self._store = store
        self._starts = starts
        self._labels = labels

    async def forget(self, before: float) -> None:
        """Forget those that were made before a moment and sign nothing any more; raises `StoreError`."""
        last: SecretRecord | None = None
        while found := await self._store.secrets.of_runs(before, after=last, limit=BATCH):
            last = found[-1]
            if await self._idle(found):  # else no start has to wait
                async with self._starts.deletion():
                    await self._store.secrets.delete_of_runs(await self._idle(found))

    async def _idle(self, found: Sequence[SecretRecord]) -> list[str]:
        """Return the scopes of those that nothing needs."""
        named = await self._store.deliveries.signed(list(map(_reference, found)))
        live = self._labels()
        return [each.scope for each in found if _reference(each) not in named and each.scope not in live]


def _reference(record: SecretRecord) -> str:
    """Return what deliveries call a secret."""
    return f"{record.scope}#{record.name}"
