"""API tokens: how they are made, presented, kept as hashes only, and what each scope allows.

A token has 256 random bits, so its SHA-256 may be looked up directly: there is nothing to guess, and no slow
hash to pay for with every request.
This file never stores anything itself (`TokenStore` is the store's to implement) and knows no routes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Literal, Protocol, get_args

from msgspec import Struct

from headrace.errors import Forbidden, InvalidInput, Problem, Unauthorized

Scope = Literal["read", "run", "write", "secrets", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)

LEAST_OPERATOR_TOKEN = 32
"""Characters of a token that an operator chose; ours have 46."""

_WORD = re.compile(r"[!-~]+")


class TokenRecord(Struct, frozen=True, kw_only=True):
    """What is remembered of a token; never the token."""

    number: int
    """Unique on the server."""
    name: str
    """What its owner calls it; `admin` is the operator's."""
    hash: str
    """Lower-case hex SHA-256 of the token's UTF-8 bytes."""
    scopes: frozenset[Scope]
    """As granted, without what they imply."""
    created_at: float
    """Unix seconds."""
    expires_at: float | None = None
    """Unix seconds; None is never."""
    revoked: bool = False
    """True for ever once it was revoked."""

    def is_valid(self, now: float) -> bool:
        """Whether the token may still be used at `now` (Unix seconds)."""
        return not self.revoked and (self.expires_at is None or now < self.expires_at)


class TokenStore(Protocol):
    """Remembers tokens."""

    async def add(self, record: TokenRecord) -> None:
        """Remember a token."""
        ...

    async def find(self, hash: str) -> TokenRecord | None:
        """Find the record of a hash, valid or not."""
        ...

    async def list(self) -> list[TokenRecord]:
        """List all records, oldest first."""
        ...

    async def revoke(self, number: int) -> bool:
        """Revoke a token for ever; False when there is no such token."""
        ...


def implied(scopes: Iterable[Scope]) -> frozenset[Scope]:
    """Return all that the scopes allow: each includes read, admin includes everything."""
    granted = frozenset(scopes)
    if "admin" in granted:
        return frozenset(SCOPES)
    return granted | {"read"} if granted else granted


def issue(
    *, number: int, name: str, scopes: Iterable[Scope], now: float, lifetime: timedelta | None = None
) -> tuple[str, TokenRecord]:
    """Make a token; it is shown once to whoever asked, and the record is what to remember."""
    token = "hr_" + secrets.token_urlsafe(32)
    expires_at = None if lifetime is None else now + lifetime.total_seconds()
    record = TokenRecord(
        number=number,
        name=name,
        hash=hash_of(token),
        scopes=frozenset(scopes),
        created_at=now,
        expires_at=expires_at,
    )
    return token, record


def operator_record(token: str, *, number: int, now: float) -> TokenRecord:
    """Make the record of a token that the operator set; raises InvalidInput when it is too weak."""
    if len(token) < LEAST_OPERATOR_TOKEN or not _WORD.fullmatch(token):
        message = f"The admin token must have at least {LEAST_OPERATOR_TOKEN} visible ASCII characters."
        raise InvalidInput([Problem(path="", code="weak_token", message=message)], message)
    return TokenRecord(
        number=number, name="admin", hash=hash_of(token), scopes=frozenset({"admin"}), created_at=now
    )


def hash_of(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def presented(headers: Mapping[str, str]) -> str | None:
    """Return the token of a request, or None.

    Accepted in `Authorization` are `Bearer TOKEN`, the raw token, and HTTP Basic with the token as password.
    `headers` finds names regardless of case, or has them in lower case.
    """
    value = headers.get("authorization", "").strip()
    scheme, _, rest = value.partition(" ")
    rest = rest.strip()
    if not rest:
        return value or None
    match scheme.lower():
        case "bearer":
            return rest
        case "basic":
            return _password(rest)
        case _:
            return None


def _password(credentials: str) -> str | None:
    try:
        decoded = base64.b64decode(credentials, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return None
    _, _, password = decoded.partition(":")
    return password or None


async def identify(token: str | None, store: TokenStore, now: float) -> TokenRecord:
    """Return the record of a presented token; raises Unauthorized."""
    if token is None:
        raise Unauthorized("A token is needed: send it as 'Authorization: Bearer TOKEN'.")
    digest = hash_of(token)
    record = await store.find(digest)
    if record is None or not hmac.compare_digest(record.hash, digest) or not record.is_valid(now):
        raise Unauthorized("The token is unknown, expired or revoked.")
    return record


def require(record: TokenRecord, scope: Scope) -> None:
    """Raise Forbidden unless the token allows what the scope stands for."""
    if scope not in implied(record.scopes):
        raise Forbidden(f"The token {record.name!r} lacks the scope {scope!r}.")
