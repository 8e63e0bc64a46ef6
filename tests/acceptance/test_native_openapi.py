"""The description of the native API is true: what it promises, the running server does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from tests.acceptance.described_doors import DOCUMENT, PROMISES, examples

from headrace.testing.running_server import RunningServer


@pytest.fixture(scope="module")
def client(running_server: RunningServer) -> Iterator[httpx2.Client]:
    with running_server.client() as client:
        yield client


@pytest.fixture(scope="module")
def described(client: httpx2.Client) -> dict[str, Any]:
    return client.get("/v1/openapi.json").json()  # type: ignore[no-any-return]


@pytest.fixture(scope="module")
def places(client: httpx2.Client) -> dict[str, str]:
    """What there is to find: without it every path would lead nowhere."""
    workflow = client.post("/v1/workflows", json=DOCUMENT).json()["number"]
    execution = client.post(f"/v1/workflows/{workflow}/executions", params={"wait": 30}).json()
    return {"workflows": str(workflow), "executions": str(execution["number"])}


def test_every_operation_is_described_whole(described: dict[str, Any]) -> None:
    operations = [each for methods in described["paths"].values() for each in methods.values()]

    assert len(operations) > 40
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert [each["operationId"] for each in operations if not each["summary"]] == []
    assert [each["operationId"] for each in operations if "default" not in each["responses"]] == []


def test_answers_are_as_they_are_described(
    described: dict[str, Any], running_server: RunningServer, places: dict[str, str]
) -> None:
    for found in schemathesis.openapi.from_dict(described).get_all_operations():
        assert isinstance(found, Ok)
        operation: Any = found.ok()

        @examples(8)
        @given(case=operation.as_strategy())
        def keeps_its_promises(case: Any) -> None:
            kind = case.path.split("/")[2] if case.path.count("/") > 2 else ""
            if case.method in ("GET", "POST") and kind in places:
                case.path_parameters["key"] = places[kind]
                if "run" in case.path_parameters:
                    case.path_parameters |= {"run": "say", "name": "text"}
            case.call_and_validate(
                base_url=running_server.url,
                headers={"authorization": f"Bearer {running_server.token}"},
                checks=PROMISES,
            )

        keeps_its_promises()


def test_what_can_be_found_is_answered_as_described(
    described: dict[str, Any], client: httpx2.Client, places: dict[str, str]
) -> None:
    met = set()
    for path, methods in described["paths"].items():
        kind = path.split("/")[2] if path.count("/") > 2 else ""
        for method, operation in methods.items():
            if method == "get" and "{sha256}" not in path and "{number}" not in path:
                known = {"key": places.get(kind, ""), "run": "say", "version": "1", "type": "echo"}
                name = "dataflow" if kind == "dialects" else "text" if "{run}" in path else "said"
                params = {"from": "1"} if path.endswith("/diff") else {}
                status = client.get(path.format(**known, name=name), params=params).status_code
                met.add((operation["operationId"], status))

    assert {name for name, status in met if status != 200} == set()
