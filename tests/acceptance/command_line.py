"""What a person does at a terminal beside a server, for the tests of the command line."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

Ask = Callable[..., subprocess.CompletedProcess[str]]


def environment(**settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    return clean | {"COLUMNS": "160"} | {f"HEADRACE_{name}": value for name, value in settings.items()}


def written(directory: Path, document: dict[str, Any]) -> str:
    path = directory / f"{document['title']}.json"
    path.write_text(json.dumps(document, indent=1))
    return str(path)


def submitted(ask: Ask, file: str, *inputs: str) -> str:
    said = ask("submit", file, *inputs, "--json")
    assert said.returncode == 0, said.stdout + said.stderr
    return str(json.loads(said.stdout)["number"])
