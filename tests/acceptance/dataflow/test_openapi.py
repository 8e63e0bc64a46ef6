"""The description of the Data Flow doors is true: whatever is sent, the server answers as described."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from tests.acceptance.dataflow.stage import Door
from tests.acceptance.described_doors import DOCUMENT, PROMISES, examples

from headrace.testing.running_server import RunningServer


@pytest.fixture(scope="module")
def described(door: Door) -> dict[str, Any]:
    answer = door.client.get("/v1/dialects/dataflow/openapi.json")
    assert answer.status_code == 200
    return dict(answer.json())


@pytest.fixture(scope="module")
def places(door: Door) -> dict[str, str]:
    """What there is to find: without it every path would lead nowhere."""
    run = door.start(DOCUMENT)
    door.ended(run)
    _, _, workflow, _, run_id = run.split("/")
    uploaded = door.client.post("/files?name=a.txt", content=b"hello").json()["file_id"]
    return {
        "id": workflow,
        "eid": run_id,
        "task": "say",
        "n": "1",
        "fid": uploaded,
        "type": "echo",
        "sequence": "1",
    }


def test_every_operation_is_described_whole(described: dict[str, Any]) -> None:
    operations = [each for methods in described["paths"].values() for each in methods.values()]

    assert len(operations) == 29
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert [each["operationId"] for each in operations if not each["summary"]] == []
    assert [each["operationId"] for each in operations if "default" not in each["responses"]] == []


def test_answers_are_as_they_are_described(
    described: dict[str, Any], server: RunningServer, places: dict[str, str]
) -> None:
    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        assert isinstance(found, Ok)
        operation: Any = found.ok()

        @examples(20)
        @given(case=operation.as_strategy())
        def keeps_its_promises(case: Any) -> None:
            if case.method != "DELETE":
                case.path_parameters |= {
                    name: places[name] for name in case.path_parameters if name in places
                }
                if "name" in case.path_parameters:
                    case.path_parameters["name"] = "text" if "task" in case.path_parameters else "said"
            if "wait" in (case.query or {}):
                case.query["wait"] = min(case.query["wait"], 0.1) if _is_number(case.query["wait"]) else "x"
            case.call_and_validate(
                base_url=server.url,
                headers={"authorization": f"Bearer {server.token}"},
                checks=PROMISES,
            )

        keeps_its_promises()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def test_what_can_be_found_is_answered_as_described(
    described: dict[str, Any], door: Door, places: dict[str, str]
) -> None:
    met = {}
    for path, methods in described["paths"].items():
        if "get" in methods:
            name = "text" if "{task}" in path else "said"
            params = {"from": "1"} if path.endswith("/diff") else {}
            answer = door.client.get(path.format(**places, name=name), params=params)
            met[methods["get"]["operationId"]] = answer.status_code

    assert {name for name, status in met.items() if status != 200} == set()


def test_what_is_described_has_a_version_a_scope_and_a_token(described: dict[str, Any]) -> None:
    routes = [route for methods in described["paths"].values() for route in methods.values()]

    assert described["openapi"].startswith("3.1")
    assert described["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    assert all(route["security"] == [{"token": []}] for route in routes)
    assert {route["x-headrace-scope"] for route in routes} == {"read", "run", "write"}


def test_an_unknown_dialect_has_no_description(door: Door) -> None:
    answer = door.client.get("/v1/dialects/nobody/openapi.json")

    assert answer.status_code == 404
    assert "dataflow" in answer.json()["detail"]
