"""Conditions of requests, warnings and reasons say what they mean, in the words of the page."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import HELLO, create

from headrace.dialects.dataflow import runs
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.dialects.dataflow.wire import Style
from headrace.testing.simulator import Rehearsal, Result, rehearse

ECHO = {"name": "a", "type": "echo", "inputs": {"text": "x"}}


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"1", "2"', 200),
        ('"2"', 200),
        ("*", 200),
        ('W/"2"', 412),
        ('"1", W/"2"', 412),
        ('"1"', 412),
        ("2", 412),
        ("", 412),
    ],
)
async def test_if_match_is_a_list_of_strong_tags(client: httpx2.AsyncClient, given: str, status: int) -> None:
    path = f"/workflows/{await create(client)}"
    await client.put(path, json={**HELLO, "title": "Second"})
    answer = await client.put(path, json={**HELLO, "title": "Third"}, headers={"if-match": given})
    removed = await client.delete(path, headers={"if-match": given.replace("2", "3")})

    assert answer.status_code == status
    assert removed.status_code == {200: 204}.get(status, 412)


async def test_a_document_of_another_workflow_is_refused(client: httpx2.AsyncClient) -> None:
    one, other = await create(client), await create(client)
    path = f"/workflows/{one}"
    shown = (await client.get(path)).json()
    taken = await client.put(path, json={**shown, "title": "New"})
    refused = await client.put(path, json={**shown, "workflow_id": other})
    spelled = await client.put(path, json={**HELLO, "workflowId": other, "titel": 1, "title": ""})

    assert taken.status_code == 200
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_workflow")
    assert refused.json()["errors"] == [
        {
            "path": "/workflow_id",
            "code": "invalid_value",
            "message": f"The path names {one}, and the body another workflow.",
            "suggestion": one,
        }
    ]
    assert [each["path"] for each in spelled.json()["errors"]] == ["/workflowId", "/title", "/titel"]


def test_warnings_of_one_place_say_what_they_are_about(library: TaskTypes) -> None:
    tasks = [
        {"name": "page", "type": "web.download", "inputs": {"url": "https://example.com"}},
        {
            "name": "text",
            "type": "web.extract_text",
            "inputs": {"html_content": "{{tasks.Page.outputs.html_content}}"},
        },
    ]
    parsed = parse({"title": "w", "tasks": tasks}, library)

    assert [each.message for each in parsed.warnings] == [
        "'html_content' is another spelling of 'html', an input of web.extract_text.",
        "'Page' is another spelling of 'page', a task.",
        "'html_content' is another spelling of 'html', an output of task 'page'.",
    ]


def test_a_task_that_is_queued_waits_for_a_free_machine(library: TaskTypes) -> None:
    definition = parse({"title": "w", "tasks": [ECHO]}, library).definition
    assert definition is not None
    rehearsal = Rehearsal(definition, {"a": Result.of(text="x")})
    ((_, run),) = rehearsal.execution.root_runs()
    view = runs.RunView(rehearsal.execution, "wf-4g7h8j9k", "ex-1a2b3c4d", Style())
    task = runs.task_in_details(view, definition.tasks[0], run)

    assert task["status"] == "PENDING"
    assert task["reason"] == {"code": "queued", "message": "Waits for a free machine."}


@pytest.mark.parametrize(
    ("condition", "code", "message"),
    [
        (
            "{{inputs.o.y}}",
            "missing_value",
            "task 'a' condition: {{inputs.o.y}} is not there: no field 'y'; the fields are: x",
        ),
        (
            "{{ inputs.o.y }} > 1",
            "missing_value",
            "task 'a' condition: {{inputs.o.y}} is not there: no field 'y'; the fields are: x",
        ),
        (
            "{{inputs.o.x}} <= 1",
            "type_mismatch",
            (
                "task 'a' condition: {{inputs.o.x}}: '<=' compares two numbers or two texts; "
                "the values are text and number"
            ),
        ),
    ],
)
def test_a_condition_that_breaks_is_told_as_it_is_written(
    library: TaskTypes, condition: str, code: str, message: str
) -> None:
    document = {
        "title": "w",
        "inputs": [{"name": "o", "type": "object"}],
        "tasks": [{**ECHO, "condition": condition}],
    }
    definition = parse(document, library).definition
    assert definition is not None
    rehearsal = rehearse(definition, {"a": Result.of(text="x")}, inputs={"o": {"x": "str"}})
    details = runs.details(runs.RunView(rehearsal.execution, "wf-4g7h8j9k", "ex-1a2b3c4d", Style()))

    assert details["tasks"][0]["error"] == {"code": code, "message": message, "final": True}
    assert details["error"]["message"] == f"Task 'a' failed: {message}"


@pytest.mark.parametrize(
    ("sequential", "more", "because"),
    [
        (True, {"depends_on": []}, "position"),
        (True, {"depends_on": ["a"]}, "depends_on"),
        (False, {"depends_on": []}, "depends_on"),
        (True, {}, "position"),
    ],
)
def test_a_plan_says_why_a_task_waits(
    library: TaskTypes, sequential: bool, more: dict[str, Any], because: str
) -> None:
    tasks = [ECHO, {**ECHO, "name": "b", **more}]
    parsed = parse({"title": "w", "tasks": tasks, "sequential": sequential}, library)

    assert parsed.plan[1].because == because
