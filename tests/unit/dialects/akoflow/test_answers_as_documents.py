"""What answers show of a workflow, sent as a document."""

from __future__ import annotations

import json
from typing import Any

from tests.unit.dialects.akoflow.recorded_runs import rehearsed

from headrace.dialects.akoflow import render, views
from headrace.dialects.akoflow.parse import Parsed, parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.testing.simulator import START

TEXT = """
name: everything
spec:
  runtime: local
  namespace: lab
  storagePolicy: {type: standalone}
  mountPath: /m
  volumes: ["/in:/m/in:ro"]
  webhooks: [{name: done, url: "https://example.com/hook", secretRef: s, events: [WORKFLOW_DONE]}]
  activities:
    - {name: a, run: make x, cpuLimit: 0.50, memoryLimit: 1Gi, keepDisk: yes}
    - {name: b, command: {entrypoint: [change, x], environment: {A: "1"}}, dependsOn: [a]}
    - {name: c, dependsOn: [a, b], mountPath: /other, outputs: [y]}
    - {name: d, run: x, inputs: [y], outputs: [z], policy: {maxAttempts: 3, retryDelay: 0.5, timeout: 2h}}
"""


def shown(text: str) -> dict[str, Any]:
    execution = rehearsed(text)
    return render.workflow(execution, START, [], expanded=True)


def sent(document: dict[str, Any]) -> Parsed:
    return parse(json.dumps(document).encode(), Surroundings())


def told(parsed: Parsed) -> list[tuple[str, str]]:
    return [(each.path, each.code) for each in (*parsed.problems, *parsed.warnings)]


def test_a_workflow_as_it_is_shown_is_a_document_that_means_the_same() -> None:
    parsed = sent(shown(TEXT))
    given = parse(TEXT.encode(), Surroundings())

    assert told(parsed) == [("/spec/activities/2/run", "empty_run")]
    assert parsed.draft is not None
    assert parsed.draft == given.draft


def test_an_empty_quantity_is_none() -> None:
    parsed = sent(shown("name: w\nspec: {runtime: local, activities: [{name: a, run: x}]}"))

    assert told(parsed) == []
    assert parsed.draft is not None
    [activity] = parsed.draft.activities
    assert (activity.cpus, activity.memory) == (None, None)


def test_a_quantity_of_spaces_is_none_that_anybody_meant() -> None:
    parsed = sent({"name": "w", "spec": {"runtime": "local", "activities": [{"name": "a", "cpuLimit": " "}]}})

    assert ("/spec/activities/0/cpuLimit", "bad_quantity") in told(parsed)


def test_an_activity_as_it_is_shown_with_its_attempts_is_one_of_a_document() -> None:
    execution = rehearsed(TEXT)
    activities = [render.with_attempts(each, execution, START) for each in views.activities(execution)]

    parsed = sent({"name": "w", "spec": {"runtime": "local", "mountPath": "/m", "activities": activities}})

    assert told(parsed) == [("/spec/activities/2/run", "empty_run")]


def test_state_keys_where_no_answer_shows_them_are_unknown() -> None:
    parsed = sent(
        {"name": "w", "node": "x", "spec": {"exitCode": 1, "runtime": "local", "activities": [{"name": "a"}]}}
    )

    assert told(parsed)[:2] == [("/node", "unknown_key"), ("/spec/exitCode", "unknown_key")]
