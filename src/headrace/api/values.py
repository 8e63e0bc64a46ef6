"""Values as people are shown them: large ones as a preview, files as a link, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import msgspec

from headrace.artifacts.protocol import Artifacts
from headrace.definition.templates import FileRef, ValueRef
from headrace.errors import HeadraceError
from headrace.http.large_texts import LargeText
from headrace.orchestrator.large_values import LargeValues
from headrace.security.redaction import Redactor, SecretsInUse, without_query

PREVIEW = 1024
"""Characters of a large value that are shown in its place."""

LARGEST_PREVIEWED = 4 * 1024 * 1024
"""Bytes of a large object or list that are read for the sake of its preview."""

MASK = "***"

WEBHOOK = "webhook"
"""Label by which an execution asks for deliveries, with the receiver; only a dialect may set it."""

_ATOMS = frozenset({str, int, float, bool, type(None)})


def labels_shown(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the labels of an execution without the query of its receiver: some put a token there."""
    return {name: without_query(text) if name == WEBHOOK else text for name, text in labels.items()}


class ShownValues:
    """Turns values of executions into what may leave the server."""

    def __init__(self, artifacts: Artifacts, large: LargeValues, secrets: SecretsInUse) -> None:
        self._artifacts = artifacts
        self._large = large
        self._secrets = secrets

    @property
    def redactor(self) -> Redactor:
        """The secrets that are in use now; another one when they change."""
        return self._secrets.redactor

    async def show(self, values: dict[str, Any]) -> dict[str, Any]:
        """Return the values with references replaced by previews and links."""
        if not values:
            return values
        shown: dict[str, Any] = {name: await self._shown(value) for name, value in values.items()}
        masked: dict[str, Any] = self.masked(shown)
        return masked

    def masked(self, value: Any) -> Any:
        """Return a JSON value without the secrets that are in use."""
        return self.redactor.json(value)

    async def _shown(self, value: Any) -> Any:
        kind = type(value)
        if kind in _ATOMS:
            return value
        if kind is dict:
            return {name: await self._shown(entry) for name, entry in value.items()}
        if kind is list or kind is tuple:
            return [await self._shown(entry) for entry in value]
        if kind is ValueRef:
            preview = await self._preview(value)
            return {"preview": preview, "size": value.size, "url": value_url(value)}
        return reference(value)

    async def _preview(self, ref: ValueRef) -> str | None:
        try:
            redactor = self._secrets.redactor
            at_hand = self._large.at_hand.get(ref.sha256)
            if isinstance(at_hand, str):
                return redactor.beginning(at_hand, PREVIEW)
            if ref.kind == "text":
                return await LargeText(ref, self._artifacts, redactor).beginning(PREVIEW)
            if at_hand is not None or ref.size <= LARGEST_PREVIEWED:
                value = await self._large.load_one(ref)
                return redactor.beginning(msgspec.json.encode(value, enc_hook=reference).decode(), PREVIEW)
        except HeadraceError:
            return None  # an artifact that is gone must not hide the rest
        return None


def reference(value: Any) -> dict[str, Any]:
    """Return what is shown of a reference, without looking inside."""
    if isinstance(value, FileRef):
        return {
            "name": value.name,
            "content_type": value.content_type,
            "size": value.size,
            "sha256": value.sha256,
            "url": file_url(value),
        }
    if isinstance(value, ValueRef):
        return {"size": value.size, "sha256": value.sha256, "url": value_url(value)}
    raise NotImplementedError(f"{type(value).__name__} is no value")


def plain(value: Any) -> Any:
    """Return a value of ours as JSON values, references as links."""
    return msgspec.to_builtins(value, enc_hook=reference)


def file_url(ref: FileRef) -> str:
    """Return where a file can be downloaded."""
    query = urlencode({"name": ref.name, "type": ref.content_type})
    return f"/v1/artifacts/{quote(ref.sha256)}?{query}"


def value_url(ref: ValueRef) -> str:
    """Return where a large value can be downloaded."""
    return f"/v1/artifacts/{quote(ref.sha256)}?as={ref.kind}"


def moment(seconds: float | None) -> str | None:
    """Return Unix seconds as RFC 3339 text in UTC with milliseconds."""
    return None if seconds is None else moment_of(seconds)


def moment_of(seconds: float) -> str:
    """Return Unix seconds, which are there, as text."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
