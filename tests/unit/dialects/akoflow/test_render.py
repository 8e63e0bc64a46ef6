"""What answers show of attempts."""

from __future__ import annotations

import pytest
from tests.unit.dialects.akoflow.recorded_runs import chain

from headrace.definition.outcomes import Usage
from headrace.dialects.akoflow import render, views
from headrace.testing.simulator import START


@pytest.mark.parametrize(("seen", "told"), [(0, None), (4096, 4096)])
def test_memory_that_nobody_saw_is_null(seen: int, told: int | None) -> None:
    execution, _ = chain()
    found = views.activity_named(execution, "a")
    assert found.run is not None
    found.run.tries[-1].usage = Usage(cpu_seconds=0.5, max_rss_bytes=seen)

    [attempt] = render.with_attempts(found, execution, START)["attempts"]

    assert (attempt["cpuSeconds"], attempt["maxMemoryBytes"]) == (0.5, told)
