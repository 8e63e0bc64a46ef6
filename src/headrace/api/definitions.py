"""Definitions as answers, and documents of any dialect on their way to becoming one."""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import Mapping, Sequence

import msgspec
from msgspec import UNSET

from headrace.api import answers
from headrace.api.requests import refuse
from headrace.api.values import MASK, moment_of, plain
from headrace.definition.differences import sources_of
from headrace.definition.model import WorkflowDefinition
from headrace.definition.types import Port
from headrace.dialects.protocol import Dialect, Parsed
from headrace.errors import InvalidDefinition, Problem
from headrace.security.documents import looks_like_json, read
from headrace.store.rows import VersionRow, WorkflowRow
from headrace.tasks.library import Library

DEFAULT = "dataflow"
"""The dialect that tells what is wrong with a document which looks like none."""

LARGE = 64 * 1024
"""Bytes of a document that is not read on the event loop."""


def workflow_shown(row: WorkflowRow, warnings: Sequence[Problem] = ()) -> answers.WorkflowShown:
    """Return a workflow."""
    return answers.WorkflowShown(
        number=row.number,
        id=row.id,
        alias=row.alias,
        name=row.name,
        description=row.description,
        dialect=row.dialect,
        version=row.version,
        created_at=moment_of(row.created_at),
        updated_at=moment_of(row.updated_at),
        warnings=tuple(warnings),
    )


def version_shown(row: VersionRow, definition: WorkflowDefinition) -> answers.VersionShown:
    """Return a version with its document and its graph."""
    return answers.VersionShown(
        workflow=row.workflow,
        version=row.version,
        created_at=moment_of(row.created_at),
        media_type=row.media_type,
        sha256=row.hash,
        document=row.source.decode("utf-8", "replace"),
        inputs=ports_shown(definition.inputs),
        tasks=tasks_shown(definition),
    )


def tasks_shown(definition: WorkflowDefinition) -> tuple[answers.TaskShown, ...]:
    """Return the graph of a definition, in written order."""
    sources = sources_of(definition)
    return tuple(
        answers.TaskShown(
            name=task.name,
            type=task.kind,
            join=task.join,
            after=sources[task.name],
            next=tuple(dict.fromkeys(name for transition in task.next for name in transition.to)),
        )
        for task in definition.tasks
    )


def ports_shown(ports: Sequence[Port]) -> tuple[answers.PortShown, ...]:
    """Return inputs or outputs; the default of a secret is masked."""
    return tuple(
        answers.PortShown(
            name=port.name,
            type=port.type,
            required=port.required and port.default is UNSET,
            description=port.description,
            default=None if port.default is UNSET else MASK if port.secret else plain(port.default),
            example=plain(port.example),
        )
        for port in ports
    )


def dialect_of(dialects: Mapping[str, Dialect], name: str | None, source: bytes) -> Dialect:
    """Return the dialect that is named, or the one that recognises the document; raises `InvalidInput`."""
    if name is not None:
        if name not in dialects:
            known = ", ".join(dialects)
            raise refuse(
                "unknown_dialect", "/dialect", f"There is no dialect '{name[:40]}'; known are {known}."
            )
        return dialects[name]
    if len(dialects) == 1:
        return next(iter(dialects.values()))
    document = read(source).value
    for dialect in dialects.values():
        if dialect.recognises(document):
            return dialect
    if DEFAULT in dialects:
        return dialects[DEFAULT]
    message = f"The document looks like none of the dialects; name one: {', '.join(dialects)}."
    raise refuse("unknown_dialect", "/dialect", message)


async def parse(dialect: Dialect, source: bytes, library: Library, *, max_tasks: int) -> Parsed:
    """Read a document; a large one in a thread, so that others are answered meanwhile."""
    if len(source) < LARGE:
        return dialect.parse(source, library, max_tasks=max_tasks)
    return await asyncio.to_thread(dialect.parse, source, library, max_tasks=max_tasks)


def media_type_of(source: bytes) -> str:
    """Return what a document is written in."""
    if looks_like_json(source):
        try:
            msgspec.json.decode(source.removeprefix(codecs.BOM_UTF8), type=msgspec.Raw)
        except msgspec.DecodeError:
            return "application/yaml"
        return "application/json"
    return "application/yaml"


def accepted(parsed: Parsed) -> WorkflowDefinition:
    """Return the definition of a document without problems; raises `InvalidDefinition` with all of them."""
    if parsed.definition is None or parsed.problems:
        raise InvalidDefinition(parsed.problems, parsed.warnings)
    return parsed.definition
