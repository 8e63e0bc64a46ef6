"""What is told of a run when it is over."""

from __future__ import annotations

import itertools
import json

import pytest
from tests.unit.dialects.akoflow.recorded_runs import rehearsed

from headrace.dialects.akoflow.announcing import announcer
from headrace.dialects.akoflow.views import FailedBehind
from headrace.engine.events import AnyEvent, ExecutionEnded, TaskSkipped
from headrace.engine.plans import Reason
from headrace.security.redaction import SecretsInUse
from headrace.testing.simulator import Result


def runtime_told(spec: str, *activities: str) -> str:
    """The `Runtime` of the last webhook of a run whose activities name these runtimes."""
    items = [f"{{name: a{place}, run: x{runtime}}}" for place, runtime in enumerate(activities)]
    hooks = "webhooks: [{url: 'http://example.com/'}]"
    execution = rehearsed(f"name: w\nspec: {{{spec}{hooks}, activities: [{', '.join(items)}]}}\n")
    ended = ExecutionEnded(at=1.0, state="succeeded", reason=None, outputs={}, warnings=(), failed=())
    announce = announcer(itertools.count(1).__next__, {}, SecretsInUse())
    [delivery] = [each for each in announce(execution, [ended], 0) if each.event == "WORKFLOW_DONE"]
    told: str = json.loads(delivery.body)["data"]["Runtime"]
    return told


@pytest.mark.parametrize(
    ("spec", "activities", "told"),
    [
        ("runtime: LOCAL, ", ["", ""], "LOCAL"),
        ("", [", runtime: LOCAL", ", runtime: local", ", runtime: local"], "local"),
        ("", [", runtime: LOCAL", ", runtime: Local"], "local"),
        ("", [", runtime: LOCAL", ", runtime: LOCAL"], "LOCAL"),
        ("", [", runtime: LOCAL", ""], "local"),
        ("", ["", ""], "local"),
    ],
)
def test_the_runtime_that_all_share_is_compared_without_case(
    spec: str, activities: list[str], told: str
) -> None:
    assert runtime_told(spec, *activities) == told


@pytest.mark.parametrize(("wanted", "told"), [("", 3), ("events: [WORKFLOW_DONE], ", 1)])
def test_what_failed_far_behind_a_skipped_activity_is_not_looked_for(
    wanted: str, told: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look(_behind: FailedBehind, _name: str) -> tuple[str, ...]:
        raise AssertionError("a webhook tells no reason")

    monkeypatch.setattr(FailedBehind, "of", look)
    hooks = f"webhooks: [{{{wanted}url: 'http://example.com/'}}]"
    activities = "{name: a, run: x}, {name: b, run: y, dependsOn: [a]}"
    execution = rehearsed(
        f"name: w\nspec: {{runtime: local, {hooks}, activities: [{activities}]}}\n", {"a": Result("failed")}
    )
    happened: list[AnyEvent] = [
        *(TaskSkipped(1.0, run.number, Reason("x", "X.")) for run in execution.runs.values()),
        ExecutionEnded(at=1.0, state="failed", reason=None, outputs={}, warnings=(), failed=()),
    ]
    announce = announcer(itertools.count(1).__next__, {}, SecretsInUse())

    assert len(announce(execution, happened, 0)) == told
