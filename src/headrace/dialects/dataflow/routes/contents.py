"""Answers with whole values of a run: a file as it is, a text as text, anything else as JSON."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from headrace.definition.templates import FileRef, ValueRef
from headrace.dialects.dataflow import shown
from headrace.http import downloads
from headrace.http.large_texts import LargeText
from headrace.orchestrator.services import Services


async def value_answer(request: Request, value: Any, name: str, services: Services) -> Response:
    """Answer with a value; raises NotFound when it is a file that is gone, RangeNotSatisfiable."""
    if isinstance(value, FileRef):
        return await downloads.stored(request, value, services.artifacts)
    if isinstance(value, ValueRef) and value.kind == "text":
        text = LargeText(value, services.artifacts, services.secrets_in_use.redactor)
        return await downloads.text(request, text, name)
    whole = await services.values.fill_in(value) if not isinstance(value, str) else value
    if isinstance(value, ValueRef) and isinstance(whole, FileRef):
        return await downloads.stored(request, whole, services.artifacts)
    content, media_type = shown.raw(whole)
    content = services.secrets_in_use.redactor.octets(content)
    return downloads.octets(request, content, name, media_type)
