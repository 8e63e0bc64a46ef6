"""Runs as the page shows them, rehearsed with the real engine in virtual time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.definition.model import WorkflowDefinition
from headrace.definition.outcomes import Failure
from headrace.definition.templates import FileRef, ValueRef
from headrace.dialects.dataflow import changes, runs
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse, style_of
from headrace.dialects.dataflow.shown import Beginning, Shelf
from headrace.dialects.dataflow.spelling import style_for
from headrace.dialects.dataflow.wire import Style
from headrace.engine import messages
from headrace.testing.simulator import START, Rehearsal, Request, Result, Results, rehearse

CORPUS = Path(__file__).parents[3] / "corpus" / "dataflow"
PAGE = {"name": "page", "type": "web.download", "inputs": {"url": "https://example.com"}}
SIZE = {"name": "size", "type": "text.size"}
OTHER = {"name": "other", "type": "echo", "inputs": {"text": "x"}, "depends_on": []}
BROKEN = Result(
    "failed",
    failure=Failure(
        code="http_status", message="GET https://example.com answered 503.", status=503, trace="Traceback"
    ),
)


def defined(library: TaskTypes, *tasks: dict[str, Any], **top: Any) -> WorkflowDefinition:
    parsed = parse({"title": "w", "tasks": list(tasks), **top}, library)
    assert parsed.problems == ()
    assert parsed.definition is not None
    return parsed.definition


def view(rehearsal: Rehearsal, shelf: Shelf | None = None, eid: str = "we-1a2b3c4d") -> runs.RunView:
    execution = rehearsal.execution
    style = style_for(style_of(execution.definition), eid)
    return runs.RunView(execution, "wf-4g7h8j9k", "ex-1a2b3c4d", style, shelf or Shelf())


def shown(rehearsal: Rehearsal, shelf: Shelf | None = None) -> dict[str, Any]:
    return runs.details(view(rehearsal, shelf))


def statuses(rehearsal: Rehearsal) -> dict[str, str]:
    return {task["name"]: task["status"] for task in shown(rehearsal)["tasks"]}


def reasons(rehearsal: Rehearsal) -> dict[str, str]:
    return {task["name"]: task["reason"]["code"] for task in shown(rehearsal)["tasks"] if task["reason"]}


def test_a_failed_run_is_told_as_the_page_tells_it(library: TaskTypes) -> None:
    page = {**PAGE, "retry": {"attempts": 3, "delay": 1, "multiplier": 2}}
    rehearsal = rehearse(defined(library, page, SIZE), {"page": BROKEN})

    assert shown(rehearsal) == json.loads((CORPUS / "failed_run.json").read_text(encoding="utf-8"))


def test_a_completed_run_has_all_declared_outputs(library: TaskTypes) -> None:
    size = {**SIZE, "outputs": [{"name": "length", "value": "{{outputs.size}}"}]}
    definition = defined(
        library,
        {**PAGE, "condition": "{{inputs.go}}"},
        {**size, "inputs": {"text": "x"}},
        inputs=[{"name": "go", "type": "boolean"}, {"name": "absent", "type": "text", "required": False}],
        outputs=[
            {"name": "length", "value": "{{tasks.size.outputs.length}}"},
            {"name": "html", "value": "<{{tasks.page.outputs.html}}>"},
        ],
    )
    rehearsal = rehearse(definition, {"size": Result.of(size=13)}, inputs={"go": False, "absent": None})
    answer = shown(rehearsal)

    assert answer["status"] == "COMPLETED"
    assert answer["inputs"] == {"go": False}
    assert answer["outputs"] == {"length": 13, "html": None}
    assert [warning["code"] for warning in answer["warnings"]] == ["output_unavailable"]
    assert answer["warnings"][0]["message"] == "Output 'html' is not available: task 'page' was skipped."
    assert answer["tasks"][1]["outputs"] == {"length": 13}


def test_a_false_condition_skips_the_task_and_its_readers_only(library: TaskTypes) -> None:
    rehearsal = rehearse(
        defined(
            library,
            {"name": "a", "type": "echo", "inputs": {"text": "x"}, "condition": False},
            {"name": "b", "type": "echo", "inputs": {"text": "{{tasks.a.outputs.text}}"}},
            {"name": "c", "type": "echo", "inputs": {"text": "x"}},
            {"name": "d", "type": "echo", "inputs": {"text": "{{tasks.b.outputs.text}}"}},
        ),
        {"c": Result.of(text="x")},
    )

    assert shown(rehearsal)["status"] == "COMPLETED"
    assert statuses(rehearsal) == {"a": "SKIPPED", "b": "SKIPPED", "c": "COMPLETED", "d": "SKIPPED"}
    assert reasons(rehearsal) == {
        "a": "condition_false",
        "b": "needs_skipped_task",
        "d": "needs_skipped_task",
    }


def test_a_failure_reaches_everything_behind_it_and_nothing_else(library: TaskTypes) -> None:
    rehearsal = rehearse(
        defined(
            library,
            PAGE,
            SIZE,
            {"name": "after", "type": "echo", "inputs": {"text": "x"}, "depends_on": ["size"]},
            OTHER,
        ),
        {"page": BROKEN, "other": Result.of(text="x")},
    )

    assert statuses(rehearsal) == {
        "page": "FAILED",
        "size": "SKIPPED",
        "after": "SKIPPED",
        "other": "COMPLETED",
    }
    assert reasons(rehearsal) == {"size": "upstream_failed", "after": "upstream_failed"}
    told = {each["name"]: each["reason"] for each in shown(rehearsal)["tasks"]}
    assert told["size"]["message"] == told["after"]["message"] == "Task 'page' failed."


def test_a_fallback_is_the_last_try(library: TaskTypes) -> None:
    page = {
        **PAGE,
        "retry": {"attempts": 1},
        "fallback": {"task": "http.request", "inputs": {"url": "https://example.org"}},
    }
    size = {**SIZE, "inputs": {"text": "{{tasks.page.outputs.html}}"}}
    results: Results = {
        "page": [BROKEN, BROKEN, Result.of(body="hello", status=200)],
        "size": Result.of(size=5),
    }
    rehearsal = rehearse(defined(library, page, size), results)
    page_shown = shown(rehearsal)["tasks"][0]

    assert shown(rehearsal)["status"] == "COMPLETED"
    assert (page_shown["attempts"], page_shown["fallback_used"]) == (3, True)
    assert page_shown["outputs"] == {"html": "hello", "status": 200}


def test_while_a_run_lives_its_tasks_say_what_they_wait_for(library: TaskTypes) -> None:
    rehearsal = Rehearsal(defined(library, PAGE, SIZE), {"page": Result.of(html="x")})
    before = shown(rehearsal)
    rehearsal.step()

    assert before["status"] == "RUNNING"
    assert before["completed_at"] is before["outputs"] is None
    assert before["tasks"][1]["reason"] == {
        "code": "waiting_for",
        "message": "Waits for 'page'.",
        "tasks": ["page"],
    }
    assert statuses(rehearsal) == {"page": "RUNNING", "size": "PENDING"}


def test_a_try_that_will_be_repeated_is_no_end(library: TaskTypes) -> None:
    rehearsal = Rehearsal(defined(library, {**PAGE, "retry": {"attempts": 1}}), {"page": BROKEN})
    for _ in range(2):
        rehearsal.step()

    assert statuses(rehearsal) == {"page": "RUNNING"}
    assert shown(rehearsal)["tasks"][0]["error"] is None
    assert shown(rehearsal)["tasks"][0]["reason"] == {
        "code": "retrying",
        "message": "Waits until 2023-11-14T22:13:22Z for the next try.",
        "next_try_at": "2023-11-14T22:13:22Z",
    }


def test_a_cancelled_run_cancels_what_was_not_started(library: TaskTypes) -> None:
    rehearsal = rehearse(
        defined(library, PAGE, SIZE),
        {"page": Result.of(html="x", takes=50)},
        requests=[Request(5, messages.Cancel())],
    )
    answer = shown(rehearsal)

    assert answer["status"] == "CANCELLED"
    assert answer["cancel_requested"] is True
    assert statuses(rehearsal) == {"page": "CANCELLED", "size": "CANCELLED"}
    assert answer["tasks"][1]["completed_at"] == answer["completed_at"]


def test_pause_is_shown_beside_the_status(library: TaskTypes) -> None:
    rehearsal = Rehearsal(defined(library, PAGE, SIZE))
    rehearsal.tell(messages.Pause())

    assert (shown(rehearsal)["status"], shown(rehearsal)["paused"]) == ("RUNNING", True)


def test_several_failures_are_counted(library: TaskTypes) -> None:
    rehearsal = rehearse(defined(library, PAGE, OTHER), {"page": BROKEN, "other": Result.failed("timeout")})

    assert shown(rehearsal)["error"]["tasks"] == ["page", "other"]
    assert shown(rehearsal)["error"]["message"].startswith("2 tasks failed; the first, 'page': ")


def test_a_missing_field_fails_the_task_with_the_page_s_code(library: TaskTypes) -> None:
    task = {"name": "a", "type": "echo", "inputs": {"text": "{{inputs.o.x}}"}}
    definition = defined(library, task, inputs=[{"name": "o", "type": "object"}])
    rehearsal = rehearse(definition, inputs={"o": {}})

    assert shown(rehearsal)["tasks"][0]["error"]["code"] == "missing_value"


@pytest.mark.parametrize(
    ("eid", "key", "first"),
    [("we-1a2b3c4d", "workflow_execution_id", "we-"), ("ex-1a2b3c4d", "execution_id", "ex-")],
)
def test_the_prefix_of_the_route_decides_the_family(
    library: TaskTypes, eid: str, key: str, first: str
) -> None:
    answer = runs.details(view(rehearse(defined(library, OTHER)), eid=eid))

    assert next(iter(answer.items())) == (key, f"{first}1a2b3c4d")


def test_camel_case_reaches_every_key_of_ours_and_no_other(library: TaskTypes) -> None:
    task = {"name": "my_task", "type": "web.download", "inputs": {"url": "{{Inputs.my_url}}"}}
    definition = defined(
        library,
        task,
        inputs=[{"name": "my_url", "type": "text"}],
        outputs=[{"name": "my_out", "value": "{{Tasks.my_task.Outputs.headers}}"}],
    )
    results = {"my_task": Result.of(content_type="a", headers={"x_y": 1})}
    rehearsal = rehearse(definition, results, inputs={"my_url": "https://example.com"})
    answer = shown(rehearsal)
    keys = {*answer, *answer["tasks"][0]}

    assert answer["executionId"] == "ex-1a2b3c4d"
    assert answer["outputs"] == {"my_out": {"x_y": 1}}
    assert answer["tasks"][0]["outputs"] == {"content_type": "a", "headers": {"x_y": 1}}
    assert [key for key in keys if "_" in key] == []
    assert runs.started(view(rehearsal), 1) == {
        "workflowId": "wf-4g7h8j9k",
        "workflowVersion": 1,
        "executionId": "ex-1a2b3c4d",
        "status": "PENDING",
    }


def test_start_answers_have_the_keys_in_the_page_s_order(library: TaskTypes) -> None:
    rehearsal = rehearse(defined(library, OTHER))

    assert list(runs.started(view(rehearsal), 1).items()) == [
        ("workflow_execution_id", "we-1a2b3c4d"),
        ("workflow_id", "wf-4g7h8j9k"),
        ("workflow_version", 1),
        ("status", "PENDING"),
    ]
    assert list(runs.started(view(rehearsal, eid="ex-1a2b3c4d"), 1).items()) == [
        ("workflow_id", "wf-4g7h8j9k"),
        ("workflow_version", 1),
        ("execution_id", "ex-1a2b3c4d"),
        ("status", "PENDING"),
    ]


def test_large_values_are_shown_by_their_beginning_and_files_as_objects(library: TaskTypes) -> None:
    large = "é" * 50_000
    ref = ValueRef("a" * 64, 100_000, "text")
    file = FileRef("b" * 64, 7, "speech.mp3", "audio/mpeg")
    tasks = [PAGE, {"name": "speech", "type": "openai.audio.text_to_speech", "inputs": {"text": "x"}}]
    outputs = [
        {"name": "html", "value": "{{tasks.page.outputs.html}}"},
        {"name": "speech", "value": "{{tasks.speech.outputs.audio}}"},
    ]
    rehearsal = rehearse(
        defined(library, *tasks, outputs=outputs),
        {"page": Result.of(html=ref), "speech": Result.of(audio=file)},
    )
    answer = shown(rehearsal, Shelf({ref.sha256: large}))
    run_url = "/workflows/wf-4g7h8j9k/executions/we-1a2b3c4d"

    assert runs.shown_in_details(rehearsal.execution) == {Beginning(ref), ref, file}
    assert answer["tasks"][0]["outputs"]["html"] == {
        "preview": "é" * 1024,
        "size": 100_000,
        "url": f"{run_url}/tasks/page/outputs/html",
    }
    assert answer["outputs"]["html"] == large
    assert answer["outputs"]["speech"] == {
        "file_id": None,
        "name": "speech.mp3",
        "content_type": "audio/mpeg",
        "size": 7,
        "sha256": "b" * 64,
        "url": f"{run_url}/outputs/speech",
    }
    with_id = shown(rehearsal, Shelf({ref.sha256: large}, file_ids={file.sha256: "file-0a1b2c3d"}))
    assert with_id["outputs"]["speech"]["url"] == "/files/file-0a1b2c3d/content"


def test_a_task_shows_its_inputs_without_secrets_and_its_tries(library: TaskTypes) -> None:
    page = {
        **PAGE,
        "retry": {"attempts": 1},
        "inputs": {
            "url": "https://x/{{inputs.a}}",
            "headers": {"K": "Bearer {{secrets.KEY}}", "n": "{{inputs.a}}"},
        },
    }
    rehearsal = rehearse(
        defined(library, page, inputs=[{"name": "a", "type": "text"}]), {"page": BROKEN}, inputs={"a": "b"}
    )
    [answer] = runs.tasks(view(rehearsal))["tasks"]

    assert answer["inputs"]["url"] == "https://x/b"
    assert answer["inputs"]["headers"]["K"] == "Bearer ***"
    assert [(each["attempt"], each["status"], each["duration_ms"]) for each in answer["tries"]] == [
        (1, "FAILED", 1000),
        (2, "FAILED", 1000),
    ]
    assert answer["tries"][0]["error"]["trace"] == "Traceback"
    assert "trace" not in answer["error"]


def test_a_shell_task_shows_its_inputs_by_its_ports(library: TaskTypes) -> None:
    task = {
        "name": "s",
        "type": "core.shell",
        "inputs": {"script": "cat", "env": {"A": "{{inputs.a}}"}, "stdin": "hi"},
    }
    rehearsal = rehearse(
        defined(library, task, inputs=[{"name": "a", "type": "text"}]),
        {"s": Result.of(stdout="hi")},
        inputs={"a": "b"},
    )

    assert runs.tasks(view(rehearsal))["tasks"][0]["inputs"] == {
        "script": "cat",
        "env": {"A": "b"},
        "stdin": "hi",
    }


def told(rehearsal: Rehearsal) -> list[tuple[int, str, str, str | None]]:
    numbered = changes.Changes(rehearsal.execution)
    found = [change for event in rehearsal.events for change in numbered.of(event)]
    return [(change.sequence, change.event, change.status, change.task) for change in found]


def test_changes_are_numbered_without_gaps(library: TaskTypes) -> None:
    rehearsal = rehearse(defined(library, {**PAGE, "retry": {"attempts": 1}}, SIZE), {"page": BROKEN})

    assert told(rehearsal) == [
        (1, "execution.running", "RUNNING", None),
        (2, "task.failed", "RUNNING", "page"),
        (3, "task.skipped", "RUNNING", "size"),
        (4, "execution.failed", "FAILED", None),
    ]


def test_a_cancel_is_told_for_every_task(library: TaskTypes) -> None:
    rehearsal = rehearse(
        defined(library, PAGE, SIZE),
        {"page": Result.of(html="x", takes=50)},
        requests=[Request(5, messages.Cancel())],
    )

    assert [event for _, event, _, _ in told(rehearsal)] == [
        "execution.running",
        "task.cancelled",
        "task.cancelled",
        "execution.cancelled",
    ]


def test_a_webhook_carries_the_details_and_the_change(library: TaskTypes) -> None:
    rehearsal = rehearse(defined(library, OTHER))
    change = changes.Change(3, "execution.completed", START + 1, "COMPLETED", None)
    body = changes.webhook_body(shown(rehearsal), change)

    assert body["status"] == "COMPLETED"
    assert {key: body[key] for key in ("event", "timestamp", "sequence", "task")} == {
        "event": "execution.completed",
        "timestamp": "2023-11-14T22:13:21Z",
        "sequence": 3,
        "task": None,
    }
    assert changes.told(change)["status"] == "COMPLETED"


def test_a_workflow_of_another_dialect_is_answered_in_family_a() -> None:
    definition = WorkflowDefinition(name="w", dialect="akoflow", tasks=(), annotations={"family": "B"})

    assert style_of(definition) == Style()
