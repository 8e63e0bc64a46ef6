"""A workflow of thousands of activities is a normal one (section 8)."""

from __future__ import annotations

import time
from typing import Any

from tests.acceptance.akoflow.client import API, Client

COUNT = 6448
LAYERS = 8
PATIENCE = 300.0
"""Seconds; a quiet machine takes some 8."""


def dependencies() -> dict[str, list[str]]:
    width = COUNT // LAYERS
    found: dict[str, list[str]] = {}
    for index in range(COUNT):
        layer = index // width
        sources = {(layer - 1) * width + (index * step) % width for step in (1, 7, 13)} if layer else set()
        found[f"activity {index}"] = [f"activity {each}" for each in sorted(sources)]
    return found


def test_thousands_of_activities_are_accepted_at_once_and_run_in_their_order(client: Client) -> None:
    waits_for = dependencies()
    lines = ["name: large", "spec:", "  runtime: local", "  activities:"]
    for name, sources in waits_for.items():
        lines += [f"  - name: {name}", '    run: "true"', f"    dependsOn: [{', '.join(sources)}]"]
    began = time.monotonic()
    workflow = client.submit("\n".join(lines))
    accepted = time.monotonic() - began
    found = client.until(
        lambda: client.http.get(f"{API}/?limit=1").json()["data"][0],
        lambda found: found["status"] >= 2,
        PATIENCE,
    )

    assert accepted < 10.0  # some 0.5 s here
    assert (found["id"], found["state"], found["counts"]["finished"]) == (workflow, "succeeded", COUNT)
    placed = places(client, found["executionId"])
    assert all(len(each["starts"]) == 1 for each in placed.values())
    assert all(
        placed[source]["end"] < placed[name]["starts"][0]
        for name, sources in waits_for.items()
        for source in sources
    )


def places(client: Client, execution: str) -> dict[str, Any]:
    """Return where in the journal each activity was given to its machine, and where it ended."""
    names: dict[int, str] = {}
    placed: dict[str, Any] = {}
    answer = client.http.get(f"/v1/executions/{execution}/events").json()
    assert answer["complete"]
    for event in answer["events"]:
        match event["event"]:
            case "visit_began":
                names[event["run"]] = event["task"]
                placed[event["task"]] = {"starts": []}
            case "task_queued":
                placed[names[event["run"]]]["starts"].append(event["seq"])
            case "task_succeeded":
                placed[names[event["run"]]]["end"] = event["seq"]
    return placed
