"""Documents are judged at the command line by the settings that a server would have here."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Said, Say

ELSEWHERE = "name: far\nspec:\n  runtime: sdumont\n  activities:\n    - {name: a, run: echo hi}\n"
NOWHERE = "name: far\nspec:\n  activities:\n    - {name: a, run: echo hi}\n"

Set = Callable[[str, str], tuple[str, ...]]


@pytest.fixture(params=["option", "variable", "file"])
def set_to(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Set:
    """Set a setting of AkoFlow in one of the ways; returns the words that the command line needs."""

    def set_(name: str, value: str) -> tuple[str, ...]:
        match request.param:
            case "option":
                return ("--set", f"akoflow.{name}={value}")
            case "variable":
                monkeypatch.setenv(f"HEADRACE_AKOFLOW__{name.upper()}", value)
                return ()
            case _:
                path = tmp_path / "mine.toml"
                path.write_text(f'[akoflow]\n{name} = "{value}"\n')
                return ("--config", str(path))

    return set_


@pytest.fixture
def about(say: Say, tmp_path: Path) -> Callable[..., Said]:
    """Say something about a document."""

    def about(command: str, text: str, *words: str) -> Said:
        path = tmp_path / "w.yaml"
        path.write_text(text)
        return say(command, str(path), *words)

    return about


@pytest.mark.parametrize("command", ["run", "validate"])
def test_an_unknown_runtime_may_be_local_to_try_out(
    about: Callable[..., Said], set_to: Set, command: str
) -> None:
    said = about(command, ELSEWHERE, *set_to("unknown_runtime", "local"))

    assert said.status == 0, said.out + said.err
    assert "run on local, to try out" in said.out + said.err


@pytest.mark.parametrize("command", ["run", "validate"])
def test_an_unknown_runtime_is_refused_and_leaves_nothing(
    about: Callable[..., Said], tmp_path: Path, command: str
) -> None:
    said = about(command, ELSEWHERE)

    assert said.status == 1
    assert "w.yaml:3:3: runtime_not_configured" in said.out
    assert not (tmp_path / ".headrace").exists()


@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_runtime_must_be_named_where_there_is_no_default(
    about: Callable[..., Said], set_to: Set, command: str
) -> None:
    said = about(command, NOWHERE, *set_to("default_runtime", ""))

    assert said.status == 1
    assert "runtime_missing" in said.out
    assert "is taken" not in said.out + said.err


@pytest.mark.parametrize("command", ["run", "validate"])
def test_what_the_server_keeps_for_itself_is_refused(
    about: Callable[..., Said], tmp_path: Path, command: str
) -> None:
    text = NOWHERE.replace("spec:", f"spec:\n  mountPath: {tmp_path}/.headrace/attempts")

    said = about(command, text)

    assert said.status == 1
    assert "w.yaml:3:3: host_path_refused" in said.out
    assert not (tmp_path / ".headrace").exists()


def test_steps_that_are_switched_off_are_told_offline_too(say: Say, tmp_path: Path) -> None:
    path = tmp_path / "shell.json"
    path.write_text(
        '{"title": "t", "tasks": [{"name": "a", "type": "core.shell", "inputs": {"script": "true"}}]}'
    )

    said = say("validate", str(path), "--set", "local.shell_enabled=false")

    assert "switched off" in said.out


def test_a_limit_of_tasks_holds_offline_too(say: Say, report: Path) -> None:
    report.write_text(
        report.read_text().replace('"tasks": [', '"tasks": [{"name": "b", "type": "core.noop"},')
    )

    said = say("validate", str(report), "--set", "max_tasks=1")

    assert said.status == 1
    assert "The workflow has 2 tasks" in said.out


def test_a_warning_that_needs_the_store_is_told_by_a_run(about: Callable[..., Said]) -> None:
    said = about("run", NOWHERE.replace("spec:", "spec:\n  schedule: near"))

    assert said.status == 0
    assert "There is no schedule 'near'" in said.err


@pytest.mark.parametrize("command", ["run", "validate"])
def test_json_as_programs_write_it_is_read(about: Callable[..., Said], command: str) -> None:
    activity = {"name": "a 😀", "run": "echo 😀"}
    text = json.dumps({"name": "emo 😀", "spec": {"runtime": "local", "activities": [activity]}})
    assert "\\ud83d" in text

    said = about(command, text)

    assert said.status == 0, said.out + said.err
