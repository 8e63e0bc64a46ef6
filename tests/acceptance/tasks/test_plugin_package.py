"""The example of a third-party package, built and installed without a network."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "plugin"

ASK = """
import asyncio, json
from headrace.tasks.calling import call
from headrace.tasks.context import Context
from headrace.tasks.library import Library

library = Library.installed()
type = library.get("weather.wind_chill")
context = Context(artifacts=None, http=None, openai_http=None)
outputs = asyncio.run(call(type, {"celsius": -5, "wind": 30}, context))
found = library.resolve("Weather.WindChill")
print(json.dumps([found.description, [port.name for port in found.inputs], outputs]))
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    alone = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    subprocess.run([*pip, *alone, str(EXAMPLE)], check=True)
    return target


def test_an_installed_package_adds_its_task_type(installed: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", ASK], env=environment, capture_output=True, check=True)

    description, ports, outputs = json.loads(done.stdout)
    assert description.startswith("Say how cold")
    assert ports == ["celsius", "wind"]
    assert outputs == {"feels_like": -13.0}
