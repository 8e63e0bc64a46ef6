"""Tokens: presented in three ways, stored as hashes, allowed by scopes."""

from __future__ import annotations

import base64
from datetime import timedelta

import pytest

from headrace.errors import Forbidden, InvalidInput, Unauthorized
from headrace.security import tokens
from headrace.testing.credentials import TokensInMemory


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer hr_abc", "hr_abc"),
        ("bearer   hr_abc ", "hr_abc"),
        ("hr_abc", "hr_abc"),
        (basic("any:hr_abc"), "hr_abc"),
        (basic(":hr_abc"), "hr_abc"),
        (basic("any:with:colon"), "with:colon"),
        (basic("no colon"), None),
        (basic("any:"), None),
        ("Basic !!!", None),
        ("Basic /w==", None),
        ("Digest username=x", None),
        ("", None),
        ("   ", None),
    ],
)
def test_a_token_is_found_in_the_authorization_header(header: str, token: str | None) -> None:
    assert tokens.presented({"authorization": header}) == token


def test_a_request_without_the_header_has_no_token() -> None:
    assert tokens.presented({}) is None


def test_a_token_is_long_random_and_not_in_its_record() -> None:
    first, record = tokens.issue(number=1001, name="ci", scopes=["run"], now=5.0)
    second, _ = tokens.issue(number=1002, name="ci", scopes=["run"], now=5.0)

    assert first != second
    assert first.startswith("hr_")
    assert len(base64.urlsafe_b64decode(first[3:] + "=")) == 32
    assert first not in repr(record)
    assert record.hash == tokens.hash_of(first)


@pytest.mark.parametrize(
    ("granted", "allowed"),
    [
        (["read"], {"read"}),
        (["run"], {"read", "run"}),
        (["write", "secrets"], {"read", "write", "secrets"}),
        (["admin"], {"read", "run", "write", "secrets", "admin"}),
        ([], set()),
    ],
)
def test_each_scope_includes_read_and_admin_all(granted: list[tokens.Scope], allowed: set[str]) -> None:
    _, record = tokens.issue(number=1, name="t", scopes=granted, now=0.0)

    for scope in tokens.SCOPES:
        if scope in allowed:
            tokens.require(record, scope)
        else:
            with pytest.raises(Forbidden, match=scope):
                tokens.require(record, scope)


async def test_a_valid_token_is_identified() -> None:
    store = TokensInMemory()
    token, record = tokens.issue(number=1, name="t", scopes=["read"], now=0.0, lifetime=timedelta(hours=1))
    await store.add(record)

    assert await tokens.identify(token, store, now=3599.0) == record
    with pytest.raises(Unauthorized):
        await tokens.identify(token, store, now=3600.0)


async def test_no_unknown_or_revoked_token_is_identified() -> None:
    store = TokensInMemory()
    token, record = tokens.issue(number=7, name="t", scopes=["read"], now=0.0)
    await store.add(record)

    for wrong in (None, "", "hr_", token[:-1], token + "x", "\ud800"):
        with pytest.raises(Unauthorized):
            await tokens.identify(wrong, store, now=1.0)
    assert await store.revoke(7)
    assert not await store.revoke(8)
    with pytest.raises(Unauthorized, match="revoked"):
        await tokens.identify(token, store, now=1.0)
    assert [known.revoked for known in await store.list()] == [True]


@pytest.mark.parametrize("weak", ["", "short", "x" * 31, "with spaces " * 5, "é" * 40, "x" * 40 + "\n"])
def test_a_weak_operator_token_is_refused(weak: str) -> None:
    with pytest.raises(InvalidInput, match="32"):
        tokens.operator_record(weak, number=1, now=0.0)


def test_the_operators_token_is_admin() -> None:
    record = tokens.operator_record("x" * 32, number=1, now=0.0)

    assert tokens.implied(record.scopes) == set(tokens.SCOPES)
    assert record.is_valid(now=1e12)
