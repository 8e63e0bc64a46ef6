"""Bodies and queries that are no documents: what is said of those that are wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.unit.dialects.akoflow.doors_in_process import opened
from tests.unit.dialects.akoflow.test_wfformat import task

from headrace.app import Server

API = "/akoflow-api/workflows"
YAML = {"content-type": "application/yaml"}


class Doors:
    """The doors of a server without a socket, with one run of `a` and `b` that is over."""

    def __init__(self, server: Server, http: httpx2.AsyncClient) -> None:
        self._server = server
        self.http = http
        self.workflow = 0

    async def run(self) -> None:
        text = "{name: w, spec: {runtime: local, activities: [{name: a}, {name: b, dependsOn: a}]}}"
        self.workflow = (await self.http.post(API, content=text, headers=YAML)).json()["id"]
        executions = self._server.services.executions
        await executions.wait(await executions.get(self.workflow), 20)

    async def rerun(self, body: Any) -> httpx2.Response:
        content = {"content": body} if isinstance(body, bytes) else {"json": body}
        return await self.http.post(f"{API}/{self.workflow}/rerun", **content)

    async def take_in(self, *tasks: dict[str, Any], **execution: Any) -> httpx2.Response:
        workflow = {"specification": {"tasks": [*tasks]}, **execution}
        body = {"name": "w", "schemaVersion": "1.5", "workflow": workflow}
        return await self.http.post(f"{API}/import?format=wfformat", json=body)


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    async with opened(tmp_path) as (server, http):
        found = Doors(server, http)
        await found.run()
        yield found


def codes(answer: httpx2.Response) -> list[str]:
    return [each["code"] for each in answer.json()["errors"]]


def is_told_by_its_first_problem(answer: httpx2.Response) -> bool:
    told = answer.json()
    first = told["errors"][0]["message"]
    return told["message"] == told["detail"] and str(told["message"]).startswith(first)


@pytest.mark.parametrize("path", ["schedules", "workflows/import?format=wfformat", "workflows/{id}/rerun"])
async def test_a_body_that_is_no_json_has_one_code_everywhere(doors: Doors, path: str) -> None:
    answer = await doors.http.post(f"/akoflow-api/{path.format(id=doors.workflow)}", content=b"{from: start}")

    assert (answer.status_code, answer.json()["code"], codes(answer)) == (
        400,
        "body_not_json",
        ["body_not_json"],
    )
    assert is_told_by_its_first_problem(answer)
    assert (answer.json()["errors"][0]["line"], answer.json()["errors"][0]["column"]) == (1, 2)


async def test_a_wrong_rerun_is_told_by_the_sentence_of_its_first_problem(doors: Doors) -> None:
    one = await doors.rerun({"from": "begin"})
    two = await doors.rerun({"from": "begin", "dry_run": "yes"})

    assert codes(one) == ["wrong_type"]
    assert one.json()["message"] == one.json()["errors"][0]["message"]
    assert is_told_by_its_first_problem(two)
    assert two.json()["message"].endswith(" There is 1 more problem.")
    assert two.json()["errorsTotal"] == 2


@pytest.mark.parametrize("start", ["start", "failed", ["b"]])
@pytest.mark.parametrize("names", [["b"], []])
async def test_a_rerun_that_contradicts_itself_is_refused(doors: Doors, start: Any, names: list[str]) -> None:
    answer = await doors.rerun({"from": start, "activities": names})
    listed = (await doors.http.get(API)).json()["data"]

    assert (answer.status_code, codes(answer)) == (400, ["from_and_activities"])
    assert "not both" in answer.json()["message"]
    assert len(listed) == 1


async def test_null_is_as_good_as_nothing_to_a_rerun(doors: Doors) -> None:
    answer = await doors.rerun({"from": None, "activities": ["b"], "dry_run": True})

    assert answer.status_code == 200
    assert [each["mode"] for each in answer.json()["data"]["activities"]] == ["reuse", "run"]


async def test_tasks_that_wait_for_each_other_are_no_description(doors: Doors) -> None:
    answer = await doors.take_in(
        task("0", "first", [], []), task("1", "x", ["2"], ["2"]), task("2", "y", ["1"], ["1"])
    )

    assert (answer.status_code, codes(answer)) == (400, ["dependency_cycle"])
    assert answer.json()["message"] == "Activities wait for each other: x → y → x."
    assert answer.json()["errors"][0]["pointer"] == "/workflow/specification/tasks/1"
    assert answer.json()["errors"][0]["column"] > 1


async def test_what_no_document_could_have_is_refused_where_it_stands(doors: Doors) -> None:
    cores = {"execution": {"tasks": [{"id": "1", "command": {"program": "true"}, "coreCount": 5000}]}}
    answer = await doors.take_in(task("1", "tab\there", [], []), **cores)

    assert codes(answer) == ["control_character", "bad_quantity"]
    assert {each["pointer"] for each in answer.json()["errors"]} == {"/workflow/specification/tasks/0"}


async def test_wrong_measurements_of_a_description_are_warnings(doors: Doors) -> None:
    command = {"command": {"program": "true"}}
    tasks = [
        {"id": "1", "coreCount": -1, "memoryInBytes": "x", **command},
        {"id": "2", "coreCount": True, "memoryInBytes": 0, **command},
        {"id": "3", "coreCount": 2, "memoryInBytes": None, **command},
    ]
    made = [task(each, each, [], []) for each in "123"]
    told = (await doors.take_in(*made, execution={"tasks": tasks})).json()["data"]

    assert [(each["code"], each["pointer"]) for each in told["warnings"]] == [
        ("limit_unknown", "/workflow/execution/tasks/0/coreCount"),
        ("limit_unknown", "/workflow/execution/tasks/0/memoryInBytes"),
        ("limit_unknown", "/workflow/execution/tasks/1/coreCount"),
        ("limit_unknown", "/workflow/execution/tasks/1/memoryInBytes"),
    ]
    assert told["yaml"].count("cpuLimit") == 1


@pytest.mark.parametrize("key", ["parents", "children", "inputFiles", "outputFiles"])
@pytest.mark.parametrize("value", ["x", [1], {}])
async def test_lists_of_a_description_hold_texts(doors: Doors, key: str, value: Any) -> None:
    answer = await doors.take_in({**task("1", "a", [], []), key: value})

    assert codes(answer) == ["wfformat_invalid"]
    assert answer.json()["errors"][0]["pointer"] == f"/workflow/specification/tasks/0/{key}"


async def test_no_argument_of_a_description_is_left_out(doors: Doors) -> None:
    command = {"program": "head", "arguments": ["-n", 2]}
    answer = await doors.take_in(
        task("1", "a", [], []), execution={"tasks": [{"id": "1", "command": command}]}
    )

    assert codes(answer) == ["wfformat_invalid"]
    assert answer.json()["errors"][0]["pointer"] == "/workflow/execution/tasks/0/command/arguments"


@pytest.mark.parametrize("query", ["expand=foo", "expand=", "state=foo", "limit=x", "cursor=x"])
async def test_a_wrong_query_is_refused(doors: Doors, query: str) -> None:
    answer = await doors.http.get(f"{API}?{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_query")


async def test_the_one_that_may_be_expanded_is(doors: Doors) -> None:
    [shown] = (await doors.http.get(f"{API}?expand=activities")).json()["data"]

    assert [each["name"] for each in shown["spec"]["activities"]] == ["a", "b"]
