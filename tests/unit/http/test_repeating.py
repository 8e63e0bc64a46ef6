from __future__ import annotations

import pytest
from tests.unit.http.conftest import MakeRequest

from headrace.clock import SystemClock
from headrace.http.repeating import InvalidHeader, KeyReused, Once
from headrace.store.protocol import KeyTaken
from headrace.testing.memory_store import MemoryStore

KEY = {"idempotency-key": "k"}
TAKEN = KeyTaken("idempotency_key", "This idempotency key has been used.")


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore(SystemClock())


async def answered(store: MemoryStore, once: Once) -> None:
    record = once.record(201, b'{"number":1}')
    assert record is not None
    await store.idempotency.remember(record)


def once_of(store: MemoryStore, make_request: MakeRequest, body: bytes = b"{}") -> Once:
    return Once(make_request(KEY), store.idempotency, SystemClock(), body, lambda _: "/things/1")


async def test_a_second_request_is_answered_like_the_first(
    store: MemoryStore, make_request: MakeRequest
) -> None:
    await answered(store, once_of(store, make_request))

    again = await once_of(store, make_request).earlier()

    assert again is not None
    assert (again.status_code, again.body) == (201, b'{"number":1}')
    assert (again.headers["idempotency-replayed"], again.headers["location"]) == ("true", "/things/1")


async def test_another_body_is_refused(store: MemoryStore, make_request: MakeRequest) -> None:
    await answered(store, once_of(store, make_request))

    with pytest.raises(KeyReused):
        await once_of(store, make_request, b'{"other":1}').earlier()


async def test_who_loses_the_race_reads_what_the_winner_was_answered(
    store: MemoryStore, make_request: MakeRequest
) -> None:
    loser = once_of(store, make_request)
    assert await loser.earlier() is None
    await answered(store, once_of(store, make_request))

    assert (await loser.faster(TAKEN)).body == b'{"number":1}'


async def test_a_race_for_another_key_is_not_ours(store: MemoryStore, make_request: MakeRequest) -> None:
    with pytest.raises(KeyTaken):
        await once_of(store, make_request).faster(KeyTaken("alias", "This alias is in use."))


async def test_without_a_key_nothing_is_kept(store: MemoryStore, make_request: MakeRequest) -> None:
    once = Once(make_request(), store.idempotency, SystemClock(), b"{}")

    assert await once.earlier() is None
    assert once.record(201, b"{}") is None


@pytest.mark.parametrize("key", ["", "k" * 256])
def test_a_key_has_a_length(store: MemoryStore, make_request: MakeRequest, key: str) -> None:
    with pytest.raises(InvalidHeader):
        Once(make_request({"idempotency-key": key}), store.idempotency, SystemClock(), b"{}")
