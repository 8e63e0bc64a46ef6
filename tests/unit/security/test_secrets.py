"""Secrets: sealed at rest, named in scopes, and the key that seals them."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from headrace.errors import InvalidInput, NotFound
from headrace.security.sealing import CannotOpen, KeyRefused, Sealer, derive, server_key
from headrace.security.secrets import GLOBAL, SecretRecord, SharedSecrets, Vault
from headrace.testing.credentials import SecretsInMemory


def vault(key: bytes = b"k" * 32, store: SecretsInMemory | None = None) -> Vault:
    return Vault(Sealer(key), store or SecretsInMemory())


def test_a_sealed_value_opens_in_its_context_only() -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal(b"hunter2", "secret a")

    assert b"hunter2" not in sealed
    assert sealer.open(sealed, "secret a") == b"hunter2"
    with pytest.raises(CannotOpen, match="secret b"):
        sealer.open(sealed, "secret b")


def test_the_same_value_is_never_sealed_the_same_way() -> None:
    sealer = Sealer(b"k" * 32)

    assert sealer.seal(b"x", "c") != sealer.seal(b"x", "c")


def test_a_changed_value_does_not_open() -> None:
    sealer = Sealer(b"k" * 32)
    sealed = sealer.seal(b"x", "c")

    for changed in (
        sealed[:-1],
        b"\x02" + sealed[1:],
        b"",
        sealed[:5],
        sealed[:-1] + bytes([sealed[-1] ^ 1]),
    ):
        with pytest.raises(CannotOpen):
            sealer.open(changed, "c")


def test_another_key_does_not_open() -> None:
    with pytest.raises(CannotOpen):
        Sealer(b"l" * 32).open(Sealer(b"k" * 32).seal(b"x", "c"), "c")


def test_keys_of_two_purposes_differ() -> None:
    assert derive(b"k" * 32, "jwt") != derive(b"k" * 32, "seal 1")
    assert len(derive(b"k" * 32, "jwt")) == 32


def test_the_key_file_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    directory = tmp_path / "data"

    first = server_key(None, directory)

    assert server_key("", directory) == first
    assert len(first) == 44
    assert [path.name for path in directory.iterdir()] == ["secret.key"]
    assert (directory / "secret.key").stat().st_mode & 0o777 == 0o600


def test_the_setting_comes_before_the_file(tmp_path: Path) -> None:
    assert server_key("s" * 32, tmp_path) == b"s" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_weak_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyRefused, match="32"):
        server_key("weak", tmp_path)


def test_a_key_file_that_others_can_read_is_refused(tmp_path: Path) -> None:
    server_key(None, tmp_path)
    (tmp_path / "secret.key").chmod(0o644)

    with pytest.raises(KeyRefused, match="chmod 600"):
        server_key(None, tmp_path)


def test_an_emptied_key_file_is_refused_and_not_replaced(tmp_path: Path) -> None:
    server_key(None, tmp_path)
    (tmp_path / "secret.key").write_bytes(b"")

    with pytest.raises(KeyRefused, match="backup"):
        server_key(None, tmp_path)


async def test_a_secret_is_kept_sealed_and_revealed() -> None:
    store = SecretsInMemory()
    keeper = vault(store=store)

    await keeper.keep("pack:harbour", "db.password", "hunter2 é", now=1.0)
    await keeper.keep("pack:harbour", "db.password", "hunter3 é", now=2.0)
    (record,) = await keeper.list()

    assert await keeper.reveal("pack:harbour", "db.password") == "hunter3 é"
    assert (record.created_at, record.updated_at) == (1.0, 2.0)
    assert b"hunter" not in record.sealed


async def test_scopes_keep_secrets_apart() -> None:
    keeper = vault()
    await keeper.keep(GLOBAL, "key", "one", now=1.0)
    await keeper.keep("peak", "key", "two", now=1.0)

    assert await keeper.reveal(GLOBAL, "key") == "one"
    assert [record.scope for record in await keeper.list("peak")] == ["peak"]
    assert len(await keeper.list()) == 2


async def test_a_record_moved_to_another_name_does_not_open() -> None:
    store = SecretsInMemory()
    keeper = vault(store=store)
    record = await keeper.keep(GLOBAL, "key", "one", now=1.0)
    store.records[GLOBAL, "other"] = record

    with pytest.raises(CannotOpen):
        await keeper.reveal(GLOBAL, "other")


async def test_a_forgotten_secret_is_not_found() -> None:
    keeper = vault()
    await keeper.keep(GLOBAL, "key", "one", now=1.0)
    await keeper.forget(GLOBAL, "key")

    with pytest.raises(NotFound, match="'key'"):
        await keeper.reveal(GLOBAL, "key")
    with pytest.raises(NotFound):
        await keeper.forget("pack:x", "key")


@pytest.mark.parametrize("name", ["", ".x", "-x", "a b", "a\n", "é", "x" * 254])
async def test_a_bad_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match="name"):
        await vault().keep(GLOBAL, name, "value", now=1.0)


@pytest.mark.parametrize("value", ["", "x" * 65_537])
async def test_an_empty_or_huge_value_is_refused(value: str) -> None:
    with pytest.raises(InvalidInput, match="65536"):
        await vault().keep(GLOBAL, "key", value, now=1.0)


@pytest.mark.parametrize(
    "name", ["OPENAI_KEY", "openai_api_key", "pack.harbour.token", "my-secret", "3scale", "a/b:c"]
)
async def test_names_of_all_dialects_are_names(name: str) -> None:
    kept = vault()
    await kept.keep("pack:harbour", name, "value", now=1.0)

    assert await kept.reveal("pack:harbour", name) == "value"


async def test_what_was_replaced_or_deleted_is_known_as_a_former_value() -> None:
    kept = SecretsInMemory()
    secrets = vault(store=kept)
    for moment, value in enumerate(("first", "first", "second", "third")):
        await secrets.keep(GLOBAL, "key", value, moment)
    await secrets.keep("pack:harbour", "key", "other", 9)
    await secrets.forget("pack:harbour", "key")

    assert await secrets.former() == ("first", "second", "other")
    assert [(each.scope, each.name) for each in await secrets.list()] == [(GLOBAL, "key")]
    assert [await secrets.last(GLOBAL, name) for name in ("key", "none")] == ["third", None]
    assert await secrets.last("pack:harbour", "key") == "other"
    assert not any(b"first" in each.sealed for each in kept.records.values())


class CountingSecrets(SecretsInMemory):
    """Tells what it was asked, and which sealed values it gave."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []

    async def find(self, scope: str, name: str) -> SecretRecord | None:
        self.asked.append("find")
        return await super().find(scope, name)

    async def list(self, scope: str | None = None) -> list[SecretRecord]:
        self.asked.append("list")
        return await super().list(scope)


async def test_all_that_is_masked_is_read_by_one_question_and_only_after_a_change() -> None:
    kept = CountingSecrets()
    secrets = vault(store=kept)
    for number in range(100):
        await secrets.keep(GLOBAL, f"key-{number}", f"value-{number}", 1.0)
    kept.asked.clear()
    redactors = [await secrets.redactor() for _ in range(3)]
    asked = list(kept.asked)
    await secrets.keep(GLOBAL, "key-7", "another", 2.0)
    await secrets.forget(GLOBAL, "key-8")
    kept.asked.clear()
    later = [await secrets.redactor() for _ in range(3)]

    assert (asked, kept.asked) == (["list"], ["list"])
    assert redactors[0] is redactors[2]
    assert redactors[0].text("value-7 value-99 another") == "*** *** another"
    assert later[0].text("value-7 value-8 value-99 another") == "*** *** *** ***"


async def test_only_values_that_are_new_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = vault()
    for number in range(10):
        await secrets.keep(GLOBAL, f"key-{number}", f"value-{number}", 1.0)
    await secrets.redactor()
    await secrets.keep(GLOBAL, "new", "value-new", 1.0)
    opened: list[str] = []
    open_one = Sealer.open

    def counted(self: Sealer, sealed: bytes, context: str) -> bytes:
        opened.append(context)
        return open_one(self, sealed, context)

    monkeypatch.setattr(Sealer, "open", counted)
    redactor = await secrets.redactor()

    assert len(opened) == 1
    assert redactor.text("value-0 value-new") == "*** ***"


async def test_a_change_is_masked_also_when_nobody_waited_for_its_end() -> None:
    gate, is_kept = asyncio.Event(), asyncio.Event()

    class SlowSecrets(SecretsInMemory):
        async def put(self, record: SecretRecord) -> None:
            await gate.wait()
            await super().put(record)
            is_kept.set()

    secrets = vault(store=SlowSecrets())
    keeping = asyncio.create_task(secrets.keep(GLOBAL, "key", "sesame", 1.0))
    await asyncio.sleep(0)
    keeping.cancel()
    await asyncio.wait([keeping])
    before = await secrets.redactor()
    gate.set()
    await asyncio.wait_for(is_kept.wait(), 5)

    assert before.text("sesame") == "sesame"
    assert (await secrets.redactor()).text("sesame") == "***"


async def test_what_signs_the_webhooks_of_a_run_is_kept_apart() -> None:
    kept = CountingSecrets()
    secrets = vault(store=kept)
    before = await secrets.redactor()
    kept.asked.clear()
    scope = await secrets.keep_of_run("webhook_secret", "whsec_c2VzYW1l", 1.0)
    masked = (await secrets.redactor()).text("whsec_c2VzYW1l")
    asked = list(kept.asked)

    assert await secrets.reveal(scope, "webhook_secret") == "whsec_c2VzYW1l"
    assert masked == "whsec_c2VzYW1l"
    assert (await secrets.redactor()) is before
    assert asked == []
    assert await secrets.list() == []
    assert await SharedSecrets(secrets).read("webhook_secret") is None
    await secrets.forget(scope, "webhook_secret")
    assert kept.records == {}
    with pytest.raises(InvalidInput, match="kept by the server"):
        await secrets.keep(scope, "webhook_secret", "mine", 1.0)


class SlowSecrets(SecretsInMemory):
    """A store that lets others in before it answers."""

    async def find(self, scope: str, name: str) -> SecretRecord | None:
        found = await super().find(scope, name)
        await asyncio.sleep(0)
        return found

    async def put(self, record: SecretRecord) -> None:
        await asyncio.sleep(0)
        await super().put(record)


async def test_of_values_that_come_together_none_goes_unseen() -> None:
    secrets = vault(store=SlowSecrets())
    values = [f"value {n}" for n in range(6)]
    await asyncio.gather(*(secrets.keep(GLOBAL, "a", value, 100.0) for value in values))
    masked = (await secrets.redactor()).text(", ".join(values))

    assert masked == ", ".join(["***"] * 6)


async def test_of_one_secret_the_last_former_values_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headrace.security.secrets.MOST_FORMER", 2)
    secrets = vault()
    for moment in range(12):
        await secrets.keep(GLOBAL, "key", f"value {moment}", moment)

    assert sorted(await secrets.former()) == ["value 10", "value 9"]


async def test_a_former_value_of_another_server_key_is_passed_over() -> None:
    kept = SecretsInMemory()
    await vault(store=kept).keep(GLOBAL, "key", "old", 1)
    await vault(store=kept).keep(GLOBAL, "key", "newer", 2)
    other = vault(b"x" * 32, kept)
    await other.keep(GLOBAL, "key", "newest", 3)

    assert await other.former() == ()
    assert await other.reveal(GLOBAL, "key") == "newest"
