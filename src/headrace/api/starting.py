"""Makes starts and reruns ready: by the dialect's own rules, or else by those of every definition."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any, TypeGuard

import msgspec
from msgspec.structs import replace

from headrace.api.answers import Started
from headrace.api.bodies import StartBody
from headrace.api.values import WEBHOOK
from headrace.definition.inputs import complete
from headrace.definition.model import WorkflowDefinition
from headrace.definition.templates import FileRef
from headrace.definition.types import Port
from headrace.dialects.protocol import Dialect, ReadyStart, Starting
from headrace.engine.execution import Execution
from headrace.engine.plans import Planned
from headrace.errors import Gone, InvalidInput, NotFound, Problem
from headrace.orchestrator.executions import ExecutionNames
from headrace.orchestrator.services import Services
from headrace.store.protocol import Files
from headrace.store.rows import WorkflowRow


async def ready(
    dialect: Dialect | None,
    workflow: WorkflowRow,
    definition: WorkflowDefinition,
    body: StartBody,
    number: int,
    services: Services,
    *,
    credentials: Collection[str] = (),
) -> ReadyStart:
    """Return what the execution of this number starts with; raises `InvalidInput` with all that is wrong."""
    if not _has_rules(dialect):
        _check_labels(body.labels, {WEBHOOK})
        inputs = await inputs_of(definition.inputs, body.inputs, services.store.files)
        return ReadyStart(inputs, body.labels)
    _check_labels(body.labels, dialect.own_labels)
    made = await dialect.ready_start(
        workflow, definition, body.inputs, number, services, credentials=credentials
    )
    return replace(made, labels={**body.labels, **made.labels})


async def labels_of_rerun(
    dialect: Dialect | None,
    execution: Execution,
    plan: Mapping[str, Planned],
    names: ExecutionNames,
    services: Services,
    *,
    credentials: Collection[str] = (),
) -> dict[str, str]:
    """Return the labels of a rerun; raises `InvalidInput` when what runs again cannot run here."""
    if not _has_rules(dialect):
        return dict(execution.labels)
    alias = names.alias or ""
    return await dialect.ready_rerun(execution, plan, alias, services, credentials=credentials)


def location_of(answer: bytes) -> str:
    """Return the path of the execution that the answer to a start speaks of."""
    return msgspec.json.decode(answer, type=Started).url


def _has_rules(dialect: object) -> TypeGuard[Starting]:
    kind: Any = type(dialect)  # which the checker does not know to be hashable
    return _are_rules(kind)


@cache
def _are_rules(kind: type) -> bool:
    """Tell whether a dialect is one of `Starting`, which `isinstance` takes its time for at every start."""
    return hasattr(kind, Starting.ready_start.__name__)


def _check_labels(labels: Mapping[str, str], reserved: Collection[str]) -> None:
    if taken := [name for name in labels if name in reserved]:
        message = "This label is kept by the server; choose another name."
        raise InvalidInput(
            [Problem(path=f"/labels/{name}", code="reserved_label", message=message) for name in taken]
        )


async def inputs_of(ports: Sequence[Port], given: Mapping[str, Any], files: Files) -> dict[str, Any]:
    """Return a value for every input, null for what is absent; raises `InvalidInput`."""
    if not given and not ports:
        return {}
    found = dict(given)
    problems: list[Problem] = []
    for port in ports:
        value = given.get(port.name)
        if port.type == "file" and isinstance(value, str):
            try:
                row = await files.get(value)
            except NotFound as missing:
                is_gone = isinstance(missing, Gone)
                message = missing.message if is_gone else f"There is no file '{value[:100]}'."
                problems.append(Problem(path=f"/inputs/{port.name}", code="unknown_file", message=message))
                del found[port.name]
            else:
                found[port.name] = FileRef(row.sha256, row.size, row.name, row.content_type)
    try:
        values = complete(ports, found)
    except InvalidInput as error:
        known = {problem.path for problem in problems}
        raise InvalidInput(
            [*problems, *(each for each in error.problems if each.path not in known)]
        ) from None
    if problems:
        raise InvalidInput(problems)
    return {port.name: values.get(port.name) for port in ports}
