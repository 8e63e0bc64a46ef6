"""Calls a task type: checks inputs, makes files present, runs the function, gives its outputs back by name.

Where it runs (event loop, thread, process of its own) is decided by who calls.
"""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any

import msgspec

from headrace.definition import codec
from headrace.definition.templates import ValueRef
from headrace.definition.types import TaskTypeSpec
from headrace.security import shortening
from headrace.tasks import files
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import TaskType
from headrace.tasks.values import prepare

_MAX_TRACE = 8_000
"""Characters of a traceback that are worth keeping: its end says most."""


async def call(
    type: TaskType, inputs: Mapping[str, Any], context: Context, pool: Executor | None = None
) -> dict[str, Any]:
    """Run one call and return output port to value; raises TaskFailure and nothing else.

    A function that is not async runs in a thread of `pool`, or of the loop's own pool.
    """
    if because := type.missing():
        raise TaskFailure("task_type_unavailable", because)
    given = await present(type.spec, inputs, context)
    if type.wants_context:
        given["context"] = context
    try:
        if type.is_async:
            result = await type.function(**given)
        else:
            result = await asyncio.get_running_loop().run_in_executor(pool, partial(type.function, **given))
    except TaskFailure:
        raise
    except Exception as error:
        raise unexpected(type.spec.type, error) from error
    outputs = outputs_of(result)
    try:
        codec.encode(outputs)
    except OverflowError:
        low, high = codec.SMALLEST_INTEGER, codec.LARGEST_INTEGER
        sentence = f"{type.spec.type} gave a whole number beyond {low} to {high}, which no run can keep."
        raise TaskFailure("invalid_value", sentence) from None
    except Exception as error:
        raise unexpected(type.spec.type, error) from error
    return outputs


async def present(spec: TaskTypeSpec, inputs: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the checked keyword arguments: large values loaded, files in the artifact store.

    Raises TaskFailure.
    """
    loaded = {
        name: await _load(value, context) if isinstance(value, ValueRef) else value
        for name, value in inputs.items()
    }
    given = prepare(spec, loaded)
    for port in spec.inputs:
        if port.type == "file" and port.name in given:
            given[port.name] = await files.obtain(given[port.name], context)
    return given


async def _load(reference: ValueRef, context: Context) -> Any:
    path = await context.artifacts.path(reference.sha256)
    content = await asyncio.to_thread(path.read_bytes)
    return content.decode() if reference.kind == "text" else codec.decode(content, Any)


def outputs_of(result: msgspec.Struct) -> dict[str, Any]:
    """Return output port to value; an absent optional output is left out."""
    return {name: value for name, value in msgspec.structs.asdict(result).items() if value is not None}


def unexpected(type_name: str, error: Exception) -> TaskFailure:
    """Return the failure for an error that the author of a type did not foresee."""
    trace = shortening.end("".join(traceback.format_exception(error)), _MAX_TRACE)
    sentence = f"{type_name} broke: {error.__class__.__name__}: {error}"
    return TaskFailure("unexpected", shortening.beginning(sentence, 1000), trace=trace)
