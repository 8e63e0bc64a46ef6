"""What goes when its time is over, and what must stay."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from headrace.artifacts.local import LocalArtifacts, open_local
from headrace.clock import SystemClock
from headrace.errors import Gone, NotFound
from headrace.orchestrator import retention
from headrace.orchestrator.retention import GRACE, Retention
from headrace.orchestrator.signing_secrets import SigningSecrets
from headrace.orchestrator.starts import Starts
from headrace.security.secrets import SecretRecord
from headrace.store.rows import FileRow
from headrace.testing.conformance.store_values import TurnedClock, answer, commit, delivery, ended, started
from headrace.testing.memory_store import MemoryStore

KEPT = timedelta(days=30)


class Archive:
    """A store, artifacts and what is swept, on one clock that is turned."""

    def __init__(self, root: Path, uploads: timedelta | None = KEPT) -> None:
        # Contents are really written now, so the turned clock begins now, too.
        self.clock = TurnedClock(SystemClock().now() + 1)
        self.store = MemoryStore(self.clock)
        self.artifacts: LocalArtifacts = open_local(root)
        self.given: set[str] = set()
        self.retention = Retention(
            self.store,
            self.artifacts,
            lambda: self.given,
            self.clock,
            forget_signing=SigningSecrets(self.store, Starts(), frozenset).forget,
            uploads=uploads,
            deliveries=timedelta(days=1),
        )

    async def keep(self, content: bytes, execution: int | None = None) -> FileRow:
        stored = await self.artifacts.put_bytes(content)
        number = self.store.numbers.take()
        row = FileRow(
            number=number,
            id=f"file-{number}",
            name="talk.mp3",
            content_type="audio/mpeg",
            size=stored.size,
            sha256=stored.sha256,
            created_at=self.clock.now(),
            execution=execution,
        )
        await self.store.files.add(row)
        return row

    async def sweep_after(self, time: timedelta) -> None:
        self.clock.moment += time.total_seconds()
        await self.retention.sweep()

    async def has(self, row: FileRow) -> bool:
        try:
            return await self.artifacts.size(row.sha256) > 0
        except NotFound:
            return False


@pytest.fixture
def kept(tmp_path: Path) -> Archive:
    return Archive(tmp_path)


async def test_an_old_upload_goes_and_a_day_later_its_content(kept: Archive) -> None:
    row = await kept.keep(b"talk")
    await kept.sweep_after(KEPT / 2)
    assert await kept.store.files.get(row.id) == row
    await kept.sweep_after(KEPT)
    with pytest.raises(Gone):
        await kept.store.files.get(row.id)
    assert await kept.has(row)
    await kept.sweep_after(GRACE * 2)

    assert not await kept.has(row)
    assert await kept.store.files.unsettled(kept.clock.now()) == []


async def test_a_file_that_a_live_execution_was_given_stays(kept: Archive) -> None:
    row = await kept.keep(b"talk")
    kept.given.add(row.sha256)
    await kept.sweep_after(KEPT * 2)
    assert await kept.store.files.get(row.id) == row
    await kept.store.files.delete(row.id)
    await kept.sweep_after(GRACE * 2)
    assert await kept.has(row)
    kept.given.clear()
    await kept.sweep_after(timedelta(hours=1))

    assert not await kept.has(row)


async def test_what_somebody_deletes_goes_without_any_retention(tmp_path: Path) -> None:
    kept = Archive(tmp_path, uploads=None)
    deleted, other = await kept.keep(b"talk"), await kept.keep(b"other")
    await kept.store.files.delete(deleted.id)
    await kept.sweep_after(KEPT * 12)

    assert not await kept.has(deleted)
    assert await kept.has(other)


async def test_a_content_that_something_else_names_stays(kept: Archive) -> None:
    made = await kept.keep(b"made by a run")
    execution = await started(kept.store)
    await kept.store.commit(commit(execution, 2, keeps=[made.sha256]))
    uploaded_again = await kept.keep(b"twice")
    await kept.sweep_after(KEPT + GRACE)
    young = await kept.keep(b"twice")
    await kept.sweep_after(GRACE * 2)

    assert await kept.has(made)
    assert await kept.has(young)
    with pytest.raises(Gone):
        await kept.store.files.get(uploaded_again.id)
    assert await kept.store.files.get(young.id) == young


async def test_what_a_run_made_is_no_upload(kept: Archive) -> None:
    row = await kept.keep(b"result", execution=5)
    await kept.sweep_after(KEPT * 12)

    assert await kept.store.files.get(row.id) == row


async def test_a_content_that_was_just_stored_again_stays(kept: Archive) -> None:
    row = await kept.keep(b"talk")
    await kept.store.files.delete(row.id)
    kept.clock.moment -= GRACE.total_seconds()
    await kept.sweep_after(GRACE + timedelta(minutes=5))
    assert await kept.has(row)
    await kept.sweep_after(GRACE)

    assert not await kept.has(row)


async def test_the_log_of_a_run_goes_some_time_after_its_end(kept: Archive) -> None:
    execution = await started(kept.store)
    told = delivery(1, execution.number, created_at=100.0)
    await kept.store.commit(commit(ended(execution), 2, deliveries=[told]))
    await kept.store.deliveries.record(1, None, state="delivered")
    await kept.sweep_after(timedelta(minutes=1))

    assert (await kept.store.deliveries.log(execution.number)).rows == []


async def test_an_answer_goes_when_its_key_has_expired(
    kept: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    day = timedelta(hours=24)
    tomorrow = kept.clock.now() + day.total_seconds()
    for key in range(5):
        await kept.store.idempotency.remember(answer(str(key), expires_at=tomorrow))
    young = answer("young", expires_at=tomorrow + 1)
    await kept.store.idempotency.remember(young)
    await kept.sweep_after(day)

    assert list(kept.store.contents.answers.values()) == [young]


async def test_the_secret_of_a_run_goes_with_its_log(kept: Archive) -> None:
    execution = await started(kept.store)
    record = SecretRecord(scope="webhook-a", name="s", sealed=b"x", created_at=100.0, updated_at=100.0)
    await kept.store.secrets.put(record)
    told = delivery(1, execution.number, created_at=100.0, secret_ref="webhook-a#s")
    await kept.store.commit(commit(ended(execution), 2, deliveries=[told]))
    await kept.sweep_after(timedelta(minutes=1))
    while_it_is_sent = await kept.store.secrets.list("webhook-a")
    await kept.store.deliveries.record(1, None, state="delivered")
    await kept.sweep_after(timedelta(minutes=1))

    assert while_it_is_sent == [record]
    assert await kept.store.secrets.list("webhook-a") == []


def test_sweeps_are_as_frequent_as_what_is_asked(tmp_path: Path) -> None:
    assert Archive(tmp_path).retention.pause == timedelta(hours=1)
    assert Archive(tmp_path, timedelta(minutes=1)).retention.pause == timedelta(seconds=15)
    assert Archive(tmp_path, timedelta(milliseconds=5)).retention.pause == timedelta(seconds=1)
