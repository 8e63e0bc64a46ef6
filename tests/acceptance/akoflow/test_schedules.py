"""Schedules as declared weights, and the old addresses of pages."""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import pytest
from tests.acceptance.akoflow.client import Client, document

from headrace.testing.running_server import RunningServer

PATH = "/akoflow-api/schedules"
NEAR = {"name": "near", "type": "weights", "weights": {"cpuFree": 1, "dataLocal": -0.5}}


def test_a_schedule_is_made_looked_at_and_forgotten(start_server: Callable[..., RunningServer]) -> None:
    server = start_server()
    with server.client() as http:
        none = http.get(f"{PATH}/").json()
        made = http.post(f"{PATH}/", json=NEAR)
        twice = http.post(PATH, json=NEAR)
    server.kill()
    server.start_again()
    with server.client() as http:
        number = made.json()["id"]
        listed = http.get(PATH).json()["data"]
        one = http.get(f"{PATH}/{number}/").json()["data"]
        gone = http.delete(f"{PATH}/{number}/")
        missing = http.get(f"{PATH}/{number}/")
        again = http.delete(f"{PATH}/{number}")

    assert none["data"] == []
    assert made.status_code == 201
    assert {key: made.json()[key] for key in (*NEAR, "code")} == {**NEAR, "code": ""}
    assert set(made.json()) == {"id", "name", "type", "code", "weights", "createdAt", "updatedAt"}
    assert (twice.status_code, twice.json()["code"]) == (409, "name_taken")
    assert listed == [one] == [made.json()]
    assert (gone.status_code, gone.content) == (204, b"")
    assert (missing.status_code, again.status_code) == (404, 404)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"code": "def choose(nodes): ..."}, "code_not_accepted"),
        ({"type": "python"}, "code_not_accepted"),
        ({"name": ""}, "name_missing"),
        ({"weights": {}}, "weights_missing"),
        ({"weights": {"moonPhase": 1}}, "unknown_feature"),
        ({"weights": {"cpuFree": 101}}, "bad_weight"),
        ({"weights": {"cpuFree": True}}, "bad_weight"),
    ],
)
def test_a_schedule_is_no_code_and_its_weights_are_numbers(
    client: Client, more: dict[str, object], code: str
) -> None:
    answer = client.http.post(PATH, json=NEAR | more)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    if code == "code_not_accepted":
        assert "runs no submitted programs" in answer.json()["message"]
        assert '"weights"' in answer.json()["message"]


@pytest.mark.parametrize(("body", "code"), [(b"{", "body_not_json"), (b"[]", "body_not_object")])
def test_a_schedule_is_a_json_object(client: Client, body: bytes, code: str) -> None:
    answer = client.http.post(PATH, content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert {each["code"] for each in answer.json()["errors"]} == {code}
    assert "JSON" in answer.json()["message"] or "line 1" in answer.json()["message"]


def test_a_document_may_name_a_schedule(client: Client) -> None:
    client.http.post(PATH, json=NEAR | {"name": "mine"})
    named = client.post(document("name: a, run: 'true'", spec="runtime: local\nschedule: mine")).json()
    unknown = client.post(document("name: a, run: 'true'", spec="runtime: local\nschedule: mien")).json()
    found = client.ended(named["id"])

    assert named["warnings"] == []
    assert [(each["code"], each["suggestion"]) for each in unknown["warnings"]] == [
        ("unknown_schedule", "mine")
    ]
    assert found["spec"]["schedule"] == "mine"
    assert found["spec"]["activities"][0]["placement"] is None


def test_old_addresses_of_pages_lead_to_the_user_interface(client: Client, server: RunningServer) -> None:
    workflow = client.submit(document("name: a, run: 'true'"))
    page = client.post(document("name: a, run: 'true'")).json()["links"]["ui"].rpartition("/")[0]
    with httpx2.Client(base_url=server.url, trust_env=False) as stranger:
        answers = {
            path: stranger.get(f"/akoflow-admin/{path}")
            for path in (f"workflows/{workflow}/", f"workflows/{workflow}/activities/", "workflows/", "", "x")
        }

    assert {answer.status_code for answer in answers.values()} == {302}
    leads = [answer.headers["location"] for answer in answers.values()]
    assert leads == [f"{page}/{workflow}", f"{page}/{workflow}", page, page, page]
