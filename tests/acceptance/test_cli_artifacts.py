"""Outputs and files of executions at the command line."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.command_line import Ask, submitted, written


def test_outputs_are_downloaded(ask: Ask, tmp_path: Path) -> None:
    large = {
        "title": "Large",
        "tasks": [{"name": "much", "type": "core.shell", "inputs": {"script": "yes | head -c 100000"}}],
        "outputs": [{"name": "all", "value": "{{tasks.much.outputs.stdout}}"}],
    }
    number = submitted(ask, written(tmp_path, large))
    ask("watch", number)

    listed = json.loads(ask("artifacts", "list", number, "--json").stdout)
    got = ask("artifacts", "get", number, "all", "--output", "all.txt")

    assert [(each["task"], each["output"], each["size"]) for each in listed] == [
        (None, "all", 100_000),
        ("much", "stdout", 100_000),
    ]
    assert got.returncode == 0
    assert (tmp_path / "all.txt").read_text() == "y\n" * 50_000
    assert ask("artifacts", "get", number, "stdout", "--task", "much").stdout == "y\n" * 50_000
    assert ask("artifacts", "get", number, "nothing").returncode == 3


def test_artifacts_are_those_of_the_newest_run_unless_another_is_named(ask: Ask, tmp_path: Path) -> None:
    numbers = []
    for word in ("older", "newer"):
        text = f"""
name: leaves
spec:
  runtime: local
  activities:
    - {{name: a, run: echo {word} > sum.txt}}
"""
        (tmp_path / "w.yaml").write_text(text)
        numbers.append(submitted(ask, str(tmp_path / "w.yaml")))
        ask("watch")

    listed = json.loads(ask("artifacts", "list", "--json").stdout)
    packed = ask("artifacts", "archive")

    assert [each["name"] for each in listed] == ["sum.txt"]
    assert ask("artifacts", "get", "sum.txt").stdout == "newer\n"
    assert ask("artifacts", "get", numbers[0], "sum.txt").stdout == "older\n"
    assert ask("artifacts", "get", "sum.txt", "--output", "sum.txt").returncode == 0
    assert (tmp_path / "sum.txt").read_text() == "newer\n"
    assert packed.returncode == 0
    assert (tmp_path / f"{numbers[1]}.zip").exists()
