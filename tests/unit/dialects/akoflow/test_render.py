"""What answers show of attempts."""

from __future__ import annotations

import pytest
from tests.unit.dialects.akoflow.recorded_runs import chain, rehearsed

from headrace.definition.outcomes import Usage
from headrace.dialects.akoflow import render, views
from headrace.testing.simulator import START, Result

FAILED = Result("failed")


@pytest.mark.parametrize(("seen", "told"), [(0, None), (4096, 4096)])
def test_memory_that_nobody_saw_is_null(seen: int, told: int | None) -> None:
    execution, _ = chain()
    found = views.activity_named(execution, "a")
    assert found.run is not None
    found.run.tries[-1].usage = Usage(cpu_seconds=0.5, max_rss_bytes=seen)

    [attempt] = render.with_attempts(found, execution, START)["attempts"]

    assert (attempt["cpuSeconds"], attempt["maxMemoryBytes"]) == (0.5, told)


def test_what_failed_behind_skipped_activities_is_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    count, looks = 300, 0
    look = views.FailedBehind._sources

    def counted(self: views.FailedBehind, name: str) -> dict[str, str]:
        nonlocal looks
        looks += 1
        return look(self, name)

    lines = [f"    - {{name: a{n}, run: 'x', dependsOn: [a{n - 1}]}}" for n in range(1, count)]
    text = "\n".join(
        ["name: w", "spec:", "  runtime: local", "  activities:", "    - {name: a0, run: x}", *lines]
    )
    execution = rehearsed(text, {"a0": FAILED})
    monkeypatch.setattr(views.FailedBehind, "_sources", counted)

    shown = render.workflow(execution, START, [], expanded=True)["spec"]["activities"]

    assert {each["reason"] for each in shown[1:]} == {"Skipped because of 'a0'."}
    assert looks <= 2 * count


def test_the_nearest_failures_are_named_first() -> None:
    text = """
name: w
spec:
  runtime: local
  activities:
    - {name: far, run: x}
    - {name: near, run: x}
    - {name: skipped, run: x, dependsOn: [far]}
    - {name: last, run: x, dependsOn: [skipped, near]}
"""
    execution = rehearsed(text, {"far": FAILED, "near": FAILED})

    assert views.activity_named(execution, "last").reason() == (
        "upstream_failed",
        "Skipped because of 'near', 'far'.",
    )
