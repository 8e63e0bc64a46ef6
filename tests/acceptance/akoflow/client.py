"""What a user's script does with the AkoFlow doors, for the tests of this directory."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2

GOLDEN = Path(__file__).parents[2] / "corpus" / "akoflow" / "golden.yaml"
API = "/akoflow-api/workflows"
PATIENCE = 60.0


class Client:
    """What a user's script does."""

    def __init__(self, http: httpx2.Client) -> None:
        self.http = http

    def post(self, text: str | bytes, path: str = f"{API}/", **headers: str) -> httpx2.Response:
        source = text if isinstance(text, bytes) else text.encode()
        body = {"workflow": base64.b64encode(source).decode()}
        return self.http.post(path, json=body, headers=headers)

    def submit(self, text: str | bytes) -> int:
        answer = self.post(text)
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["workflow_id"]
        return found

    def get(self, path: str) -> Any:
        answer = self.http.get(f"{API}/{path}")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    def ended(self, workflow: int, patience: float = PATIENCE) -> Any:
        return self.until(lambda: self.get(f"{workflow}/"), lambda found: found["status"] >= 2, patience)

    def until(
        self, look: Callable[[], Any], is_right: Callable[[Any], bool], patience: float = PATIENCE
    ) -> Any:
        """Look until it is right, at most for so many seconds."""
        until = time.monotonic() + patience
        while not is_right(found := look()):
            assert time.monotonic() < until, found
            time.sleep(0.05)
        return found

    def log(self, workflow: int, activity: int, stream: str = "stdout") -> str:
        found: str = self.get(f"{workflow}/activities/{activity}/logs/")[stream]["text"]
        return found


def document(*activities: str, spec: str = "runtime: local") -> str:
    lines = [f"    - {{{activity}}}" for activity in activities]
    return "\n".join(
        ["name: w", "spec:", *(f"  {line}" for line in spec.split("\n")), "  activities:", *lines]
    )


def states(workflow: Any) -> dict[str, str]:
    return {each["name"]: each["state"] for each in workflow["spec"]["activities"]}


def by_name(workflow: Any) -> dict[str, Any]:
    return {each["name"]: each for each in workflow["spec"]["activities"]}
