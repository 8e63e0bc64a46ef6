"""Documents and calls of the native API that several files of tests share."""

from __future__ import annotations

import time
from typing import Any

import httpx2

ONE_TASK = {
    "title": "Measure",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [{"name": "size", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}}],
    "outputs": [{"name": "size", "value": "{{tasks.size.outputs.size}}"}],
}
SLEEPS = {
    "title": "Sleep",
    "tasks": [
        {"name": "nap", "type": "core.shell", "inputs": {"script": "echo begun; sleep 60"}},
        {"name": "after", "type": "text.size", "inputs": {"text": "{{tasks.nap.outputs.stdout}}"}},
    ],
}
TALKS = {
    "title": "Talk",
    "tasks": [
        {
            "name": "talk",
            "type": "core.shell",
            "inputs": {"script": "echo one; echo two; echo oops >&2; echo three"},
        }
    ],
}


def created(client: httpx2.Client, document: dict[str, Any]) -> dict[str, Any]:
    answer = client.post("/v1/workflows", json=document)
    assert answer.status_code == 201, answer.text
    return answer.json()  # type: ignore[no-any-return]


def started(client: httpx2.Client, document: dict[str, Any], **inputs: Any) -> str:
    number = created(client, document)["number"]
    answer = client.post(f"/v1/workflows/{number}/executions", json={"inputs": inputs})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["url"])


def ended(client: httpx2.Client, document: dict[str, Any], **inputs: Any) -> dict[str, Any]:
    url = started(client, document, **inputs)
    return client.get(url, params={"wait": 30}).json()  # type: ignore[no-any-return]


def until(look: Any, seconds: float = 10.0) -> Any:
    """Look until there is something to see."""
    deadline = time.monotonic() + seconds
    while not (seen := look()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)
    return seen
