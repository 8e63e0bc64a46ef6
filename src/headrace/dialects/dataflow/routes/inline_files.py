"""Keeps files that came inside the body of a start, as uploads are kept.

They need no row of their own: what a run was given is remembered as a file of the run with its first event.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headrace.artifacts.sniffing import HEAD, sniff
from headrace.definition.templates import FileRef
from headrace.dialects.dataflow.routes.files import content_type_of, safe_name
from headrace.orchestrator.services import Services
from headrace.tasks.files import Inline


async def with_kept_contents(inputs: Mapping[str, Any], services: Services) -> dict[str, Any]:
    """Return the inputs of a start that was checked, with a stored file in the place of each content."""
    return {
        name: await _kept(value, services) if isinstance(value, Inline) else value
        for name, value in inputs.items()
    }


async def _kept(file: Inline, services: Services) -> FileRef:
    async with services.artifacts.writer(max_size=services.settings.dataflow.max_file) as writer:
        await writer.write(file.content)
    name = safe_name(file.name)
    kind = content_type_of(file.content_type or "", sniff(file.content[:HEAD], name))
    return FileRef(writer.stored.sha256, writer.stored.size, name, kind)
