"""One call of a task type, from its inputs to its outputs."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from headrace.definition.outcomes import Failure
from headrace.tasks.calling import call
from headrace.tasks.context import Context
from headrace.tasks.failures import TaskFailure
from headrace.tasks.library import task


class Counted(Struct, frozen=True):
    """A number, and where it stands."""

    found: dict[str, Any]


@task("mill.count")
async def count(power: int) -> Counted:
    """Count grains."""
    return Counted({"grains": [2**power]})


def nothing() -> Any:
    raise NotImplementedError


CONTEXT = Context(artifacts=None, http=nothing, openai_http=nothing)  # type: ignore[arg-type]


async def test_a_number_that_no_run_can_keep_fails_the_task_finally() -> None:
    with pytest.raises(TaskFailure) as caught:
        await call(count, {"power": 64}, CONTEXT)

    assert await call(count, {"power": 63}, CONTEXT) == {"found": {"grains": [2**63]}}
    assert caught.value.failure == Failure(
        code="invalid_value",
        message=(
            "mill.count gave a whole number beyond -9223372036854775808 to 18446744073709551615, "
            "which no run can keep."
        ),
        final=True,
    )
