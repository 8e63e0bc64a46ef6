"""Values of executions as downloads: a file as it is, a text as text, anything else as JSON."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.api.values import reference
from headrace.artifacts.protocol import Artifacts
from headrace.definition.templates import FileRef, ValueRef
from headrace.http import downloads
from headrace.http.large_texts import LargeText
from headrace.orchestrator.large_values import LargeValues
from headrace.security.redaction import SecretsInUse


class Downloads:
    """Answers with whole values."""

    def __init__(self, artifacts: Artifacts, large: LargeValues, secrets: SecretsInUse) -> None:
        self._artifacts = artifacts
        self._large = large
        self._secrets = secrets

    async def value(self, request: Request, value: Any, name: str) -> Response:
        """Answer with a value; raises `NotFound`, `RangeNotSatisfiable`."""
        match value:
            case FileRef():
                return await downloads.stored(request, value, self._artifacts)
            case ValueRef(kind="text"):
                text = LargeText(value, self._artifacts, self._secrets.redactor)
                return await downloads.text(request, text, f"{name}.txt")
            case ValueRef():
                return await self.value(request, await self._large.load_one(value), name)
            case str():
                content, content_type, suffix = value.encode("utf-8", "replace"), downloads.TEXT, ".txt"
            case _:
                content = msgspec.json.encode(value, enc_hook=reference)
                content_type, suffix = "application/json", ".json"
        content = self._secrets.redactor.octets(content)
        return downloads.octets(request, content, f"{name}{suffix}", content_type)
