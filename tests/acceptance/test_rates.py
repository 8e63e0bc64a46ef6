"""A token's rate is one for all doors, and each door refuses in its own words."""

from __future__ import annotations

import httpx2
import pytest
from tests.acceptance.conftest import StartServer

ONE_TASK = {"title": "One", "tasks": [{"name": "say", "type": "echo", "inputs": {"text": "x"}}]}


@pytest.mark.parametrize("setting", ["RATE_LIMIT", "DATAFLOW__RATE_LIMIT"])
def test_a_token_has_one_rate_at_all_doors(start_server: StartServer, setting: str) -> None:
    server = start_server(**{setting: "4/1h"})
    with server.client() as admin:
        made = admin.post("/v1/tokens", json={"name": "other", "scopes": ["read", "write"]}).json()["token"]
        with server.client(headers={"authorization": f"Bearer {made}"}) as client:
            counted = [
                client.get("/task-types"),
                client.get("/akoflow-api/workflows/"),
                client.get("/v1/workflows"),
                client.post("/workflows", json=ONE_TASK),
            ]
            refused = [
                client.get("/task-types"),
                client.post("/workflows", json=ONE_TASK),
                client.get("/files/nowhere/at/all"),
                client.get("/akoflow-api/workflows/"),
                client.get("/v1/workflows"),
                client.get("/metrics"),
            ]
            free = [
                client.get(path)
                for path in (
                    "/healthz",
                    "/readyz",
                    "/akoflow-server/check-service/",
                    "/v1/openapi.json",
                    "/v1/dialects/akoflow/openapi.json",
                )
            ]
        other = admin.get("/task-types")

    assert [each.status_code for each in counted] == [200, 200, 200, 201]
    assert [(each.status_code, _code(each)) for each in refused] == [(429, "rate_limited")] * 6
    assert [each.headers["content-type"] for each in refused] == [
        *["application/json"] * 3,
        *["application/problem+json"] * 3,
    ]
    assert all(0 < int(each.headers["retry-after"]) <= 900 for each in refused)
    assert refused[0].json()["message"].startswith("This token may send 4 requests in 3600 s; wait ")
    assert [each.status_code for each in free] == [200] * 5
    assert other.status_code == 200


def _code(answer: httpx2.Response) -> str:
    told = answer.json()
    return str(told["error"] if "error" in told else told["code"])
