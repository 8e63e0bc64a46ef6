from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from headrace import cli

REPORT = {
    "title": "Measure",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [{"name": "size", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}}],
    "outputs": [{"name": "size", "value": "{{tasks.size.outputs.size}}"}],
}


class Said(Struct, frozen=True):
    """What a command said and how it ended."""

    status: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


Say = Callable[..., Said]


@pytest.fixture
def say(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Run a command in this process, in a directory of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str) -> Said:
        status = cli.run(arguments)
        captured = capsys.readouterr()
        return Said(status, captured.out, captured.err)

    return run


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """A document without problems."""
    path = tmp_path / "report.json"
    path.write_text(json.dumps(REPORT, indent=2))
    return path


@pytest.fixture
def broken(report: Path) -> Path:
    """A document with two problems."""
    path = report.with_name("broken.json")
    path.write_text(
        report.read_text().replace("text.size", "text.sice").replace("inputs.text", "inputs.txet")
    )
    return path
