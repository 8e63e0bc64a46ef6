"""What every store must keep of files: who made, changed, deleted and read which version."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from headrace.errors import InvalidInput, NotFound
from headrace.store.protocol import Store
from headrace.store.provenance_rows import (
    DirectoryRow,
    FileUse,
    FileVersion,
    Hashed,
    Listing,
    RecordedUse,
    UseKind,
)
from headrace.testing.conformance.store import Premises, WithStore

PLACE = "/srv/runs/we-1001"
ONE, OTHER = "ab" * 32, "cd" * 32


def version(store: Store, path: str = "out.txt", **fields: Any) -> FileVersion:
    """Return a version that is 5 bytes long and not hashed."""
    usual: dict[str, Any] = {
        "directory": PLACE,
        "size": 5,
        "mtime_ns": 1_800_000_000_123_456_789,
        "inode": 77,
        "seen_at": 100.5,
    }
    return FileVersion(number=store.numbers.take(), path=path, **(usual | fields))


def use(store: Store, kind: UseKind = "created", **fields: Any) -> FileUse:
    """Return a use by the first attempt of the task `align` of execution 7."""
    usual: dict[str, Any] = {"execution": 7, "task": "align", "attempt": 71, "at": 101.5}
    return FileUse(number=store.numbers.take(), kind=kind, **(usual | fields))


def listing(*appeared: FileVersion, **fields: Any) -> Listing:
    """Return a listing of the directory that the versions are in."""
    place = appeared[0].directory if appeared else PLACE
    return Listing(directory=DirectoryRow(path=place, listed_at=100.0), appeared=appeared, **fields)


async def made(store: Store, path: str = "out.txt", **fields: Any) -> RecordedUse:
    """Record a listing that found a new file, which a task has made."""
    new = version(store, path)
    creation = use(store, after=new.number, **fields)
    await store.provenance.record(listing(new, uses=[creation]))
    return RecordedUse(use=creation, before=None, after=new)


class ProvenanceConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_a_directory_is_known_once_it_was_listed(self, store: Store) -> None:
        assert await store.provenance.directory(PLACE) is None
        assert await store.provenance.current(PLACE) == []
        await store.provenance.record(listing())
        assert await store.provenance.directory(PLACE) == DirectoryRow(path=PLACE, listed_at=100.0)
        full = DirectoryRow(path=PLACE, listed_at=200.0, is_complete=False, bytes=7)
        await store.provenance.record(Listing(directory=full))

        assert await store.provenance.directory(PLACE) == full
        assert await store.provenance.directory("/srv/runs") is None

    async def test_a_directory_has_what_its_listings_have_left(self, store: Store) -> None:
        first, stays, other = version(store), version(store, "in/a"), version(store, directory="/srv/other")
        await store.provenance.record(listing(first, stays))
        await store.provenance.record(listing(other))
        second = version(store, size=6)
        await store.provenance.record(listing(second, gone=[first.number]))

        assert await store.provenance.current(PLACE) == [stays, second]
        assert await store.provenance.current("/srv/other") == [other]

    async def test_a_directory_has_what_was_listed_of_those_inside_and_around(self, store: Store) -> None:
        outer = version(store, "we-1001/a", directory="/srv/runs")
        beside = version(store, "we-1001.b/a", directory="/srv/runs")
        own = version(store, "b")
        inner = version(store, "c", directory=f"{PLACE}/d\udcff")
        other = version(store, "c", directory=f"{PLACE}.d")
        for each in (outer, beside, own, inner, other):
            await store.provenance.record(listing(each))

        assert await store.provenance.current(PLACE) == [outer, own, inner]
        assert await store.provenance.current(f"{PLACE}/d\udcff") == [inner]
        assert await store.provenance.current("/srv/runs") == [outer, beside, own, inner, other]

    async def test_a_listing_tells_of_directories_inside_too(self, store: Store) -> None:
        parts = [DirectoryRow(path=f"{PLACE}/{name}", listed_at=100.0, bytes=7) for name in "ab"]
        row = DirectoryRow(path=PLACE, listed_at=100.0, bytes=20)
        await store.provenance.record(Listing(directory=row, parts=parts))

        assert [await store.provenance.directory(each.path) for each in parts] == parts
        assert await store.provenance.directory(PLACE) == row

    async def test_what_directories_hold_is_told_of_those_where_it_is_known(self, store: Store) -> None:
        for path, held in ((PLACE, 5), ("/srv/other", 0), ("/srv/\udcff", 2**40), ("/srv/full", None)):
            row = DirectoryRow(path=path, listed_at=100.0, bytes=held)
            await store.provenance.record(Listing(directory=row))
        await store.provenance.record(Listing(directory=DirectoryRow(path=PLACE, listed_at=200.0, bytes=11)))
        asked = [PLACE, "/srv/\udcff", "/srv/full", "/srv/nowhere", *(f"/srv/{n}" for n in range(2000))]

        assert await store.provenance.bytes_of(asked) == {PLACE: 11, "/srv/\udcff": 2**40}
        assert await store.provenance.bytes_of(["/srv/other"]) == {"/srv/other": 0}
        assert await store.provenance.bytes_of([]) == {}

    async def test_what_came_and_went_in_one_listing_is_not_there(self, store: Store) -> None:
        passing, stays = version(store), version(store, size=6)
        uses = [
            use(store, after=passing.number),
            use(store, "modified", before=passing.number, after=stays.number),
        ]
        await store.provenance.record(listing(passing, stays, gone=[passing.number], uses=uses))
        former = replace(passing, is_current=False, is_superseded=True)

        assert await store.provenance.current(PLACE) == [stays]
        assert await store.provenance.to_read() == [stays]
        assert (await store.provenance.use(uses[1].number)).before == former

    async def test_versions_come_back_as_they_were(self, store: Store) -> None:
        odd = [
            version(store, "name\udcff\udc80 \n 'x'", directory="/srv/\udcfe"),
            version(store, "ärger/日本", directory="/srv/\udcfe", inode=2**64 - 1, size=2**50, mtime_ns=-5),
            version(store, "link", directory="/srv/\udcfe", link="\udcff/target"),
            version(store, "known", directory="/srv/\udcfe", sha256=ONE, is_stored=True),
        ]
        await store.provenance.record(listing(*odd))

        assert await store.provenance.current("/srv/\udcfe") == odd
        assert (await store.provenance.directory("/srv/\udcfe")) is not None

    async def test_a_use_shows_the_versions_that_it_names(self, store: Store) -> None:
        created = await made(store)
        found = created.version
        changed = version(store, size=9)
        uses = [
            use(store, "modified", before=found.number, after=changed.number, is_certain=False),
            use(store, "read", before=found.number),
        ]
        await store.provenance.record(listing(changed, gone=[found.number], uses=uses))
        former = replace(found, is_current=False, is_superseded=True)

        assert (await store.provenance.uses(7)).rows == [
            RecordedUse(use=created.use, before=None, after=former),
            RecordedUse(use=uses[0], before=former, after=changed),
            RecordedUse(use=uses[1], before=former, after=None),
        ]
        assert await store.provenance.use(uses[1].number) == RecordedUse(
            use=uses[1], before=former, after=None
        )

    async def test_uses_are_those_of_an_execution_a_task_and_some_kinds(self, store: Store) -> None:
        one = await made(store, "a")
        two = await made(store, "b", task="sort")
        await made(store, "c", execution=8)
        deleted = use(store, "deleted", before=one.version.number, task="sort")
        await store.provenance.record(listing(gone=[one.version.number], uses=[deleted]))

        async def numbers(**which: Any) -> list[int]:
            return [row.use.number for row in (await store.provenance.uses(7, **which)).rows]

        assert await numbers() == [one.use.number, two.use.number, deleted.number]
        assert await numbers(task="sort") == [two.use.number, deleted.number]
        assert await numbers(kinds=["created", "modified"]) == [one.use.number, two.use.number]
        assert await numbers(kinds={"deleted"}, task="sort") == [deleted.number]
        assert await numbers(kinds=[]) == await numbers(task="nobody") == []

    async def test_uses_are_listed_in_pages_oldest_first(self, store: Store) -> None:
        recorded = [await made(store, str(index)) for index in range(3)]
        page = await store.provenance.uses(7, limit=2)
        rest = await store.provenance.uses(7, limit=2, cursor=page.cursor)

        assert page.rows + rest.rows == recorded
        assert rest.cursor is None
        with pytest.raises(InvalidInput):
            await store.provenance.uses(8, cursor=page.cursor)

    @pytest.mark.parametrize("number", [5, 10**30])
    async def test_a_use_that_is_not_there_is_not_found(self, store: Store, number: int) -> None:
        with pytest.raises(NotFound):
            await store.provenance.use(number)

    async def test_hashes_are_noted_with_what_became_of_the_content(self, store: Store) -> None:
        recorded = [await made(store, path) for path in ("kept", "seen", "changed")]
        kept, seen, changed = (row.version for row in recorded)
        await store.provenance.note_hashes(
            [
                Hashed(version=kept.number, sha256=ONE, is_stored=True),
                Hashed(version=seen.number, sha256=OTHER),
                Hashed(version=changed.number),
                Hashed(version=5, sha256=ONE),
                Hashed(version=6),
            ]
        )

        assert await store.provenance.current(PLACE) == [
            replace(kept, sha256=ONE, is_stored=True),
            replace(seen, sha256=OTHER),
            replace(changed, is_superseded=True),
        ]

    async def test_noting_nothing_changes_nothing(self, store: Store) -> None:
        await store.provenance.note_hashes([])

        assert await store.provenance.to_read() == []

    async def test_a_version_that_goes_before_it_is_hashed_is_superseded(self, store: Store) -> None:
        lost = (await made(store, "lost")).version
        hashed = (await made(store, "hashed")).version
        link = version(store, "link", link="hashed")
        await store.provenance.record(listing(link))
        await store.provenance.note_hashes([Hashed(version=hashed.number, sha256=ONE)])
        reads = [use(store, "read", before=each.number) for each in (lost, hashed, link)]
        numbers = [lost.number, hashed.number, link.number]
        await store.provenance.record(listing(gone=numbers, uses=reads))
        found = (await store.provenance.uses(7, kinds=["read"])).rows

        assert [row.version.is_superseded for row in found] == [True, False, False]
        assert not any(row.version.is_current for row in found)

    async def test_a_hash_that_comes_late_is_kept(self, store: Store) -> None:
        """The content was read while it still was there; nobody knew of the listing that found it gone."""
        lost = await made(store)
        await store.provenance.record(listing(gone=[lost.version.number]))
        await store.provenance.note_hashes([Hashed(version=lost.version.number, sha256=ONE)])
        await store.provenance.note_hashes([Hashed(version=lost.version.number)])
        found = (await store.provenance.use(lost.use.number)).version

        assert (found.sha256, found.is_superseded, found.is_current) == (ONE, False, False)

    async def test_what_a_task_used_waits_to_be_read(self, store: Store) -> None:
        lay_there, read, linked = version(store, "a"), version(store, "b"), version(store, "c", link="b")
        await store.provenance.record(listing(lay_there, read, linked))
        assert await store.provenance.to_read() == []
        first, second, third = [(await made(store, path)).version for path in "def"]
        reads = [use(store, "read", before=each.number) for each in (read, linked, read)]
        await store.provenance.record(listing(uses=reads))
        assert await store.provenance.to_read() == [read, first, second, third]
        assert await store.provenance.to_read(limit=2) == [read, first]
        await store.provenance.note_hashes(
            [Hashed(version=first.number, sha256=ONE), Hashed(version=second.number)]
        )
        await store.provenance.record(listing(gone=[third.number]))

        assert await store.provenance.to_read() == [read]

    async def test_what_was_hashed_at_its_listing_waits_to_be_kept(self, store: Store) -> None:
        new, known = version(store, "a", sha256=ONE), version(store, "b", sha256=ONE)
        await store.provenance.record(listing(new, known, uses=[use(store, after=new.number)]))
        await store.provenance.record(listing(uses=[use(store, "read", before=known.number)]))
        assert await store.provenance.to_read() == [new]
        await store.provenance.note_hashes([Hashed(version=new.number, sha256=ONE)])
        await store.provenance.record(listing(uses=[use(store, "read", before=new.number)]))

        assert await store.provenance.to_read() == []

    async def test_what_nobody_wants_to_read_does_not_wait(self, store: Store) -> None:
        new, found = version(store, "a"), version(store, "b")
        uses = [use(store, after=new.number), use(store, "read", before=found.number)]
        await store.provenance.record(listing(new, found, uses=uses, unread=[new.number, found.number]))
        assert await store.provenance.to_read() == []
        again = use(store, "read", before=found.number, task="sort")
        await store.provenance.record(listing(uses=[again]))

        assert await store.provenance.to_read() == [found]
        assert len((await store.provenance.uses(7)).rows) == 3

    async def test_a_content_leads_to_all_its_uses(self, store: Store) -> None:
        made_here = await made(store)
        copy = version(store, "copy", directory="/srv/other", sha256=ONE)
        read = use(store, "read", before=copy.number, execution=8)
        await store.provenance.record(listing(copy, uses=[read]))
        await made(store, "something else")
        same = Hashed(version=made_here.version.number, sha256=ONE)
        await store.provenance.note_hashes([same])
        both = use(store, "modified", before=made_here.version.number, after=copy.number, execution=9)
        await store.provenance.record(listing(uses=[both]))
        page = await store.provenance.uses_of(ONE, limit=2)
        rest = await store.provenance.uses_of(ONE, limit=2, cursor=page.cursor)

        assert [row.use for row in page.rows + rest.rows] == [made_here.use, read, both]
        assert rest.cursor is None
        assert rest.rows[0].before == replace(made_here.version, sha256=ONE)
        assert (await store.provenance.uses_of(OTHER)).rows == []
        assert (await store.provenance.uses_of("no hash")).rows == []

    async def test_stored_bytes_count_a_content_that_was_made_once(self, store: Store) -> None:
        one, again, elsewhere = await made(store, "a"), await made(store, "b"), await made(store, "c")
        foreign = await made(store, "d", execution=8)
        unsure = use(store, after=one.version.number, task="sort", is_certain=False)
        read = use(store, "read", before=foreign.version.number)
        await store.provenance.record(listing(uses=[unsure, read]))
        assert await store.provenance.stored_bytes(7) == 0
        await store.provenance.note_hashes(
            [
                Hashed(version=one.version.number, sha256=ONE, is_stored=True),
                Hashed(version=again.version.number, sha256=ONE, is_stored=True),
                Hashed(version=elsewhere.version.number, sha256=OTHER),
                Hashed(version=foreign.version.number, sha256="ef" * 32, is_stored=True),
            ]
        )

        assert await store.provenance.stored_bytes(7) == 5
        assert await store.provenance.stored_bytes(8) == 5
        assert await store.provenance.stored_bytes(9) == 0

    async def test_listings_of_many_at_once_are_all_remembered(self, store: Store) -> None:
        recorded = await asyncio.gather(*(made(store, str(index)) for index in range(50)))

        assert (await store.provenance.uses(7)).rows == sorted(recorded, key=lambda row: row.use.number)
        assert len(await store.provenance.current(PLACE)) == 50

    async def test_provenance_outlives_the_server(self, premises: Premises) -> None:
        former = premises.open()
        recorded = await made(former)
        await former.close()
        store = premises.open()
        found = await store.provenance.uses(7)
        waiting = await store.provenance.to_read()
        await store.close()

        assert found.rows == [recorded]
        assert waiting == [recorded.version]
