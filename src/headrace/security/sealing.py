"""Encryption at rest: AES-256-GCM under keys that are derived from one server key.

The server key is the SECRET_KEY setting, or else a file in the data directory that only its owner can read.
Servers that share a database must share the key; whoever loses it loses the secrets, by design.
"""

from __future__ import annotations

import base64
import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headrace.errors import HeadraceError

LEAST_KEY = 32
"""Characters of the SECRET_KEY setting."""

_FILE = "secret.key"
_VERSION = b"\x01"
_NONCE = 12


class KeyRefused(HeadraceError):
    """The server key is missing, too short or readable by others."""

    code = "secret_key"


class CannotOpen(HeadraceError):
    """A sealed value was not sealed with this server's key, or was changed."""

    code = "cannot_open"


def server_key(setting: str | None, directory: Path) -> bytes:
    """Return the server key: the setting, else the key file of the data directory, made when there is none.

    Raises KeyRefused.
    """
    if setting:
        if len(setting) < LEAST_KEY:
            raise KeyRefused(f"The setting SECRET_KEY needs at least {LEAST_KEY} characters.")
        return setting.encode()
    path = directory / _FILE
    with suppress(FileExistsError):
        if not path.exists():
            _create(path)
    return _read(path)


def _create(path: Path) -> None:
    """Make the file whole or not at all; of two servers that start at once one wins and both read it."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.urlsafe_b64encode(secrets.token_bytes(32)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(name)
    finally:
        Path(name).unlink()
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _read(path: Path) -> bytes:
    if path.stat().st_mode & 0o077:
        raise KeyRefused(f"{path} can be read by others: run 'chmod 600 {path}'.")
    key = path.read_bytes().strip()
    if len(key) < LEAST_KEY:
        raise KeyRefused(f"{path} holds no key of at least {LEAST_KEY} characters: restore it from a backup.")
    return key


def derive(key: bytes, purpose: str) -> bytes:
    """Return 32 bytes for one purpose, which tell nothing of the server key or of other purposes."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"headrace " + purpose.encode()).derive(key)


class Sealer:
    """Seals small values and opens them again."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(derive(key, "seal 1"))

    def seal(self, plaintext: bytes, context: str) -> bytes:
        """Encrypt; `context` says what the value is for, and it opens in no other context."""
        nonce = secrets.token_bytes(_NONCE)
        return _VERSION + nonce + self._cipher.encrypt(nonce, plaintext, context.encode())

    def open(self, sealed: bytes, context: str) -> bytes:
        """Decrypt; raises CannotOpen."""
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            if sealed[:1] != _VERSION:
                raise InvalidTag
            return self._cipher.decrypt(nonce, ciphertext, context.encode())
        except (InvalidTag, ValueError):
            reason = "it was sealed with another SECRET_KEY, or was changed"
            raise CannotOpen(f"The sealed value {context!r} cannot be opened: {reason}.") from None
