"""Answers about workflows, lists, task types, deliveries and problems."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow import render
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.dialects.dataflow.spelling import RUN_STATES, run_status
from headrace.dialects.dataflow.wire import Style
from headrace.engine.states import EXECUTION
from headrace.errors import Problem
from headrace.store.rows import Delivery, DeliveryAttempt, ExecutionRow, VersionSummary, WorkflowRow

A, B = Style(), Style(family="B", label="ref")
CAMEL = Style(family="B", camel_case=True)
AT = 1_704_067_200.7
WORKFLOW = WorkflowRow(
    number=1001,
    id="0",
    dialect="dataflow",
    alias="wf-4g7h8j9k",
    name="w",
    description="d",
    version=2,
    created_at=AT,
    updated_at=AT,
)
RUN = ExecutionRow(
    number=1002,
    id="1",
    workflow=1001,
    version=1,
    dialect="dataflow",
    alias="we-1a2b3c4d",
    name="w",
    state="running",
    created_at=AT,
)


@pytest.mark.parametrize(
    ("style", "answer"),
    [
        (A, {"workflow_id": "wf-4g7h8j9k"}),
        (B, {"workflow_id": "wf-4g7h8j9k", "workflow_version": 1}),
        (CAMEL, {"workflowId": "wf-4g7h8j9k", "workflowVersion": 1}),
    ],
)
def test_a_clean_create_gets_exactly_the_documented_body(style: Style, answer: dict[str, Any]) -> None:
    assert render.created(style, "wf-4g7h8j9k", 1, ()) == answer


def test_warnings_are_added_when_there_are_some() -> None:
    warning = Problem(path="/x", code="unknown_field", message="m")
    answer = render.created(A, "wf-4g7h8j9k", 1, (warning,))

    assert answer["warnings"] == [{"path": "/x", "code": "unknown_field", "message": "m", "suggestion": None}]


def test_an_update_says_the_new_number() -> None:
    assert render.updated(A, "wf-4g7h8j9k", 3, ()) == {"workflow_id": "wf-4g7h8j9k", "workflow_version": 3}


def test_errors_carry_the_task_and_the_header() -> None:
    problem = Problem(path="", code="missing_credential", message="m", task="t")

    assert render.error("invalid_execution", "x", [problem]) == {
        "error": "invalid_execution",
        "message": "x",
        "errors": [
            {
                "path": "",
                "code": "missing_credential",
                "message": "m",
                "suggestion": None,
                "task": "t",
                "header": "X-OpenAI-Key",
            }
        ],
        "warnings": [],
    }


@pytest.mark.parametrize(
    ("count", "sentence"),
    [
        (1, "The workflow has 1 problem."),
        (2, "The workflow has 2 problems."),
        (101, "The workflow has more than 100 problems."),
    ],
)
def test_problems_are_counted(count: int, sentence: str) -> None:
    problems = [Problem(path="", code="c", message="m")] * count

    assert render.counted("The workflow", problems) == sentence


def test_a_workflow_is_its_document_and_may_be_sent_back(library: TaskTypes) -> None:
    document = {"title": "w", "tasks": [{"name": "a", "type": "echo", "inputs": {"text": "x"}}]}
    answer = render.workflow(A, document, "wf-4g7h8j9k", 2, AT, AT)

    assert list(answer)[:4] == ["workflow_id", "workflow_version", "created_at", "updated_at"]
    assert answer["created_at"] == "2024-01-01T00:00:00Z"
    assert render.without_added(answer) == document
    assert parse(answer, library).warnings == ()
    assert render.without_added([1]) == [1]
    camel = render.workflow(CAMEL, document, "wf-4g7h8j9k", 2, AT, AT)
    assert render.without_added(camel) == document


def test_lists_have_a_cursor_only_when_more_exist() -> None:
    assert render.workflows([(WORKFLOW, B)], None) == {
        "workflows": [
            {
                "workflow_id": "wf-4g7h8j9k",
                "workflow_version": 2,
                "name": "w",
                "description": "d",
                "created_at": "2024-01-01T00:00:00Z",
                "updated_at": "2024-01-01T00:00:00Z",
            }
        ]
    }
    assert render.workflows([], "next")["next_cursor"] == "next"


@pytest.mark.parametrize(
    ("style", "key", "id"),
    [
        (A, "workflow_execution_id", "we-1a2b3c4d"),
        (B, "execution_id", "ex-1a2b3c4d"),
        (CAMEL, "executionId", "ex-1a2b3c4d"),
    ],
)
def test_runs_are_listed_in_the_family_of_the_document(style: Style, key: str, id: str) -> None:
    [run] = render.executions(style, [RUN], None)["executions"]

    assert run[key] == id
    assert run["status"] == "RUNNING"


def test_a_run_that_lives_has_not_ended() -> None:
    [run] = render.executions(A, [RUN], None)["executions"]

    assert run["started_at"] is run["completed_at"] is None


def test_versions_are_listed() -> None:
    row = VersionSummary(workflow=1001, version=2, created_at=AT, media_type="application/json", hash="h")

    assert render.versions(A, [row], None) == {
        "versions": [{"workflow_version": 2, "created_at": "2024-01-01T00:00:00Z"}]
    }


def test_validation_shows_the_plan(library: TaskTypes) -> None:
    document = {
        "title": "w",
        "tasks": [{"name": "a", "type": "echo", "inputs": {"text": "x"}}, {"type": "echo"}],
    }

    assert render.validated(parse(document, library)) == {
        "valid": True,
        "errors": [],
        "warnings": [
            {
                "path": "/tasks/1",
                "code": "name_generated",
                "message": "The task has no name and is called 'task_2'.",
                "suggestion": "task_2",
            },
            {
                "path": "/tasks/1",
                "code": "implicit_input",
                "message": "'text' of echo is left out and takes {{tasks.a.outputs.text}}.",
                "suggestion": "{{tasks.a.outputs.text}}",
                "task": "task_2",
            },
        ],
        "plan": [
            {"task": "a", "type": "echo", "depends_on": [], "because": "position"},
            {"task": "task_2", "type": "echo", "depends_on": ["a"], "because": "implicit"},
        ],
    }
    assert render.validated(parse({}, library))["valid"] is False


def test_task_types_show_their_specification(library: TaskTypes) -> None:
    download, shell = library.resolve("web.download"), library.resolve("http.request")
    assert download is not None
    assert shell is not None
    specification = render.task_type(download)["specification"]

    assert specification["aliases"] == {"html_content": "html"}
    assert specification["inputs"][0] == {
        "name": "url",
        "type": "text",
        "required": True,
        "description": "",
        "example": None,
    }
    assert specification["inputs"][1]["default"] == "GET"
    assert [port["name"] for port in specification["outputs"] if port["default"]] == ["html"]
    assert render.task_types([shell]) == {
        "task_types": [{"type": "http.request", "category": "http", "description": "", "available": True}]
    }


def test_deliveries_mask_the_query_of_the_url() -> None:
    row = Delivery(
        number=1003,
        execution=1002,
        sequence=1,
        event="execution.running",
        url="https://example.com/h?token=x#y",
        body=b"{}",
        queue="q",
        attempts=(DeliveryAttempt(AT, 503, None, 41),),
        created_at=AT,
        next_try_at=AT + 5,
    )

    assert render.deliveries(A, [row], None) == {
        "deliveries": [
            {
                "sequence": 1,
                "event": "execution.running",
                "url": "https://example.com/h?***",
                "status": "WAITING",
                "tries": [
                    {"at": "2024-01-01T00:00:00Z", "status_code": 503, "error": None, "duration_ms": 41}
                ],
                "next_try_at": "2024-01-01T00:00:05Z",
            }
        ]
    }


def test_every_state_of_the_engine_has_a_status() -> None:
    assert {run_status(state) for state in EXECUTION} == set(RUN_STATES)
