"""What every store must keep beside the executions: definitions, answers, files, tokens, secrets."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio

import pytest
from msgspec.structs import replace

from headrace.errors import Conflict, Gone, NotFound, StaleVersion
from headrace.security.secrets import SecretRecord
from headrace.security.tokens import TokenRecord
from headrace.store.protocol import KeyTaken, Store
from headrace.store.rows import PlacementRule
from headrace.testing.conformance.store import Premises, WithStore
from headrace.testing.conformance.store_values import (
    answer,
    commit,
    defined,
    draft,
    ended,
    file,
    started,
)


class DefinitionsConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_a_workflow_is_found_by_number_uuid_and_alias(self, store: Store) -> None:
        row = await defined(store, alias="wf-abc")

        assert row.version == 1
        for key in (row.number, row.id, "wf-abc"):
            assert await store.definitions.get(key) == row

    @pytest.mark.parametrize("key", [5, 10**30, "wf-nobody", "\udcff"])
    async def test_what_is_not_there_is_not_found(self, store: Store, key: int | str) -> None:
        with pytest.raises(NotFound):
            await store.definitions.get(key)

    async def test_versions_are_kept_as_they_were(self, store: Store, premises: Premises) -> None:
        row = await defined(store, "one")
        premises.clock.moment += 5
        changed = await store.definitions.update(row.number, draft("two"))
        first = await store.definitions.version(row.number, 1)
        second = await store.definitions.version(row.number, 2)

        assert (changed.version, changed.name) == (2, "Workflow two")
        assert changed.updated_at == row.created_at + 5
        assert (first.source, first.definition) == (b"one", b"model one")
        assert (second.source, second.created_at) == (b"two", changed.updated_at)
        with pytest.raises(NotFound):
            await store.definitions.version(row.number, 3)

    async def test_the_same_document_makes_no_new_version(self, store: Store) -> None:
        row = await defined(store, "one")

        assert await store.definitions.update(row.number, draft("one")) == row

    async def test_an_expected_version_that_is_no_longer_current_is_stale(self, store: Store) -> None:
        row = await defined(store, "one")
        outcomes = await asyncio.gather(
            store.definitions.update(row.number, draft("two"), expected=1),
            store.definitions.update(row.number, draft("three"), expected=1),
            return_exceptions=True,
        )

        assert sum(isinstance(outcome, StaleVersion) for outcome in outcomes) == 1
        assert (await store.definitions.get(row.number)).version == 2
        with pytest.raises(StaleVersion):
            await store.definitions.delete(row.number, expected=1)

    async def test_versions_are_listed_newest_first(self, store: Store) -> None:
        row = await defined(store, "one")
        for text in ("two", "three"):
            await store.definitions.update(row.number, draft(text))
        page = await store.definitions.versions(row.number, limit=2)
        rest = await store.definitions.versions(row.number, limit=2, cursor=page.cursor)

        assert [version.version for version in page.rows + rest.rows] == [3, 2, 1]
        assert rest.rows[0].hash == "one"

    async def test_workflows_are_listed_newest_first_by_dialect(self, store: Store) -> None:
        one, two = await defined(store), await defined(store, dialect="peak")
        three = await defined(store)
        page = await store.definitions.newest(limit=2)
        rest = await store.definitions.newest(limit=2, cursor=page.cursor)

        assert page.rows + rest.rows == [three, two, one]
        assert (await store.definitions.newest(dialect="dataflow")).rows == [three, one]

    @pytest.mark.parametrize("key", ["alias", "id"])
    async def test_a_key_that_is_in_use_is_refused(self, store: Store, key: str) -> None:
        await defined(store, **{key: "wf-abc"})
        with pytest.raises(KeyTaken) as refused:
            await defined(store, **{key: "wf-abc"})

        assert refused.value.key == key

    async def test_a_deleted_workflow_is_gone_but_its_versions_stay(self, store: Store) -> None:
        row = await defined(store, alias="wf-abc")
        await store.definitions.delete(row.number)
        again = await defined(store, alias="wf-abc")

        assert (await store.definitions.newest()).rows == [again]
        assert (await store.definitions.remembered(row.number)).deleted_at is not None
        assert (await store.definitions.version(row.number, 1)).source == b"one"
        with pytest.raises(NotFound):
            await store.definitions.get(row.number)
        with pytest.raises(NotFound):
            await store.definitions.delete(row.number)
        with pytest.raises(NotFound):
            await store.definitions.update(row.number, draft("two"))

    async def test_a_workflow_with_a_live_execution_is_not_deleted(self, store: Store) -> None:
        row = await defined(store)
        execution = await started(store, workflow=row.number)
        with pytest.raises(Conflict):
            await store.definitions.delete(row.number)
        await store.commit(commit(ended(execution), 2))
        await store.definitions.delete(row.number)

        assert (await store.executions.get(execution.number)).workflow == row.number

    async def test_only_a_workflow_that_never_ran_is_withdrawn(self, store: Store) -> None:
        ran, never = await defined(store), await defined(store, "two")
        await store.commit(commit(ended(await started(store, workflow=ran.number)), 2))
        await store.definitions.withdraw(never.number)
        with pytest.raises(Conflict):
            await store.definitions.withdraw(ran.number)
        with pytest.raises(NotFound):
            await store.definitions.withdraw(never.number)

        assert (await store.definitions.newest()).rows == [ran]

    async def test_an_answer_is_kept_with_the_effect_or_neither(self, store: Store) -> None:
        row = await defined(store, idempotency=answer())
        with pytest.raises(KeyTaken):
            await store.definitions.update(row.number, draft("two"), idempotency=answer())

        assert await store.idempotency.find(answer().scope, "k") == answer()
        assert (await store.definitions.get(row.number)).version == 1


class AnswersConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_an_answer_comes_with_its_commit(self, store: Store) -> None:
        row = await started(store)
        await store.commit(commit(row, 2, idempotency=answer()))

        assert await store.idempotency.find(answer().scope, "k") == answer()
        assert await store.idempotency.find("other", "k") is None

    async def test_a_key_is_free_again_when_its_answer_has_expired(
        self, store: Store, premises: Premises
    ) -> None:
        await store.idempotency.remember(answer())
        with pytest.raises(KeyTaken):
            await store.idempotency.remember(answer(status=500))
        premises.clock.moment += 1000
        assert await store.idempotency.find(answer().scope, "k") is None
        later = answer(created_at=premises.clock.moment, expires_at=premises.clock.moment + 1000)
        row = await started(store)
        await store.commit(commit(row, 2, idempotency=later))

        assert await store.idempotency.find(answer().scope, "k") == later

    async def test_expired_answers_are_forgotten(self, store: Store, premises: Premises) -> None:
        for key in ("old", "older", "oldest"):
            await store.idempotency.remember(answer(key))
        young = answer("young", expires_at=1_900_000_000.0)
        await store.idempotency.remember(young)
        premises.clock.moment += 1000

        assert await store.idempotency.forget_expired(limit=2) == 2
        assert await store.idempotency.forget_expired() == 1
        assert await store.idempotency.forget_expired() == 0
        assert await store.idempotency.find(young.scope, "young") == young


class FilesConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_a_file_is_found_until_it_is_deleted(self, store: Store) -> None:
        kept = file(store.numbers.take(), execution=5)
        gone = file(store.numbers.take(), sha256="cd" * 32)
        for row in (kept, gone):
            await store.files.add(row)
        assert (await store.files.newest()).rows == [gone, kept]
        await store.files.delete(gone.id)

        assert await store.files.get(kept.id) == kept
        assert (await store.files.newest()).rows == [kept]
        assert (await store.files.newest(execution=6)).rows == []
        assert await store.files.named([kept.sha256, gone.sha256]) == {kept.sha256}
        with pytest.raises(NotFound):
            await store.files.get(gone.id)
        with pytest.raises(NotFound):
            await store.files.delete(gone.id)

    async def test_what_retention_removed_is_told_apart(self, store: Store) -> None:
        row = file(store.numbers.take())
        await store.files.add(row)
        await store.files.delete(row.id, "retention")

        with pytest.raises(Gone, match=r"talk\.mp3.*retention"):
            await store.files.get(row.id)
        with pytest.raises(NotFound):
            await store.files.delete(row.id)

    async def test_old_uploads_are_found_oldest_first(self, store: Store) -> None:
        old, made, older, young = (
            file(store.numbers.take(), **fields)
            for fields in ({}, {"execution": 5}, {"created_at": 50.0}, {"created_at": 900.0})
        )
        for row in (old, made, older, young):
            await store.files.add(row)

        assert await store.files.uploaded(500.0) == [old, older]
        assert await store.files.uploaded(500.0, limit=1) == [old]
        assert await store.files.uploaded(500.0, after=old.number) == [older]

    async def test_deleted_files_wait_until_their_content_is_settled(
        self, store: Store, premises: Premises
    ) -> None:
        first, second = (file(store.numbers.take()) for _ in range(2))
        for row in (first, second):
            await store.files.add(row)
        now = premises.clock.moment
        await store.files.delete(first.id)
        assert await store.files.unsettled(now) == []
        assert [row.id for row in await store.files.unsettled(now + 1)] == [first.id]
        assert await store.files.unsettled(now + 1, after=first.number) == []
        assert await store.files.named([first.sha256]) == {first.sha256}
        await store.files.delete(second.id, "retention")
        await store.files.settle([first.number])

        assert [row.id for row in await store.files.unsettled(now + 1)] == [second.id]
        assert await store.files.named([first.sha256]) == frozenset()

    async def test_what_an_execution_made_is_named_for_ever(self, store: Store) -> None:
        made, other = "ab" * 32, "cd" * 32
        row = await started(store)
        await store.commit(commit(row, 2, keeps=[made]))
        await store.commit(commit(ended(row), 4, keeps=[made]))

        assert await store.files.named([made, other]) == {made}

    async def test_what_is_told_with_a_commit_is_remembered_once_with_it(self, store: Store) -> None:
        row = await started(store)
        made = replace(file(store.numbers.take()), execution=row.number)
        again = replace(made, number=store.numbers.take(), name="other")
        await store.commit(commit(row, 2, files=[made]))
        await store.commit(commit(row, 4, files=[again]))
        assert (await store.files.newest(execution=row.number)).rows == [made]
        await store.files.delete(made.id)
        await store.commit(commit(row, 6, files=[again]))

        assert (await store.files.newest(execution=row.number)).rows == []
        with pytest.raises(NotFound):
            await store.files.get(made.id)

    async def test_a_name_is_given_once(self, store: Store) -> None:
        row = file(store.numbers.take())
        await store.files.add(row, answer())

        with pytest.raises(KeyTaken):
            await store.files.add(replace(row, number=store.numbers.take()))
        with pytest.raises(KeyTaken):
            await store.files.add(file(store.numbers.take()), answer())

    async def test_files_are_listed_in_pages(self, store: Store) -> None:
        rows_ = [file(store.numbers.take(), execution=5) for _ in range(3)]
        for row in rows_:
            await store.files.add(row)
        page = await store.files.newest(execution=5, limit=2)
        rest = await store.files.newest(execution=5, limit=2, cursor=page.cursor)

        assert page.rows + rest.rows == rows_[::-1]


class PlacementsConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_rules_are_kept_and_each_name_once(self, premises: Premises) -> None:
        former = premises.open()
        rules = [
            PlacementRule(number=number, name=name, weights={"cpuFree": 0.5, "dataLocal": -1}, created_at=5.0)
            for number, name in ((1, "near"), (2, "far"))
        ]
        for rule in rules:
            await former.placements.add(rule)
        with pytest.raises(KeyTaken) as taken:
            await former.placements.add(replace(rules[0], number=3))
        await former.close()
        store = premises.open()
        known = await store.placements.list()
        found = await store.placements.get(2)
        await store.close()

        assert taken.value.key == "name"
        assert known == rules
        assert found == rules[1]

    async def test_a_deleted_rule_is_gone_and_its_name_is_free(self, store: Store) -> None:
        rule = PlacementRule(number=1, name="near", weights={}, created_at=5.0)
        await store.placements.add(rule)
        await store.placements.delete(1)
        await store.placements.add(replace(rule, number=2))

        assert [each.number for each in await store.placements.list()] == [2]
        for act in (store.placements.get, store.placements.delete):
            with pytest.raises(NotFound):
                await act(1)


class CredentialsConformance(WithStore):
    """Give the fixture `premises`."""

    async def test_a_token_is_found_by_its_hash_and_revoked_for_ever(self, store: Store) -> None:
        token = TokenRecord(
            number=1, name="ci", hash="aa", scopes=frozenset({"run", "read"}), created_at=5.0, expires_at=9.0
        )
        await store.tokens.add(token)
        assert await store.tokens.find("aa") == token
        assert await store.tokens.find("bb") is None

        assert await store.tokens.revoke(1)
        assert not await store.tokens.revoke(2)
        assert await store.tokens.list() == [replace(token, revoked=True)]

    async def test_tokens_outlive_the_server(self, premises: Premises) -> None:
        former = premises.open()
        for number in (1, 2):
            await former.tokens.add(
                TokenRecord(number=number, name="ci", hash=f"h{number}", scopes=frozenset(), created_at=5.0)
            )
        await former.tokens.revoke(2)
        known = await former.tokens.list()
        await former.close()
        store = premises.open()
        found = await store.tokens.list()
        await store.close()

        assert found == known
        assert [record.revoked for record in found] == [False, True]

    async def test_secrets_are_replaced_listed_by_scope_and_deleted(self, store: Store) -> None:
        def secret(scope: str, name: str, sealed: bytes = b"x") -> SecretRecord:
            return SecretRecord(scope=scope, name=name, sealed=sealed, created_at=1.0, updated_at=2.0)

        for record in (secret("pack", "b"), secret("pack", "a"), secret("", "z"), secret("", "z", b"y")):
            await store.secrets.put(record)

        assert await store.secrets.find("", "z") == secret("", "z", b"y")
        assert [record.name for record in await store.secrets.list("pack")] == ["a", "b"]
        assert [record.name for record in await store.secrets.list()] == ["z", "a", "b"]
        assert await store.secrets.delete("pack", "a")
        assert not await store.secrets.delete("pack", "a")
        assert await store.secrets.find("pack", "a") is None

    async def test_secrets_of_runs_are_found_by_their_age_alone(self, store: Store) -> None:
        def secret(scope: str, at: float) -> SecretRecord:
            return SecretRecord(scope=scope, name="s", sealed=b"x", created_at=at, updated_at=at)

        old, older, young = secret("webhook-a", 2.0), secret("webhook-b", 1.0), secret("webhook-c", 5.0)
        others = [secret(scope, 1.0) for scope in ("", "webhook", "webhook.", "webhooks", "~former")]
        for record in (old, older, young, *others):
            await store.secrets.put(record)

        assert await store.secrets.list() == others
        assert await store.secrets.list("webhook-a") == [old]
        assert await store.secrets.of_runs(5.0) == [older, old]
        assert await store.secrets.of_runs(5.0, limit=1) == [older]
        assert await store.secrets.of_runs(5.0, after=older) == [old]
        await store.secrets.delete_of_runs(["webhook-a", "webhook-b", "webhook-none", "webhooks"])
        assert await store.secrets.of_runs(9.0) == [young]
        assert await store.secrets.list() == others

    async def test_the_store_answers(self, store: Store) -> None:
        await store.ping()
