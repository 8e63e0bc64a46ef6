from __future__ import annotations

import subprocess
import sys

import pytest
from tests.unit.cli.conftest import Say

from headrace import __version__, errors
from headrace.cli.statuses import Status, status_of
from headrace.client.errors import ErrorAnswer, InvalidRequest, Unreachable


def test_the_version_is_told(say: Say) -> None:
    said = say("--version")

    assert (said.status, said.out) == (0, f"headrace {__version__}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("validate",),
        ("list", "--limit", "many"),
        ("list", "--nonsense"),
        ("run", "report.json", "--input", "text"),
        ("run", "report.json", "--input", "a=1", "--input", "a=2"),
        ("token", "create", "somebody", "--scope", "everything"),
        ("token", "create", "somebody", "--expires", "soon"),
        ("signal", "1001", "ready", "--payload", "{"),
        ("respond", "1001", "ask", "--withdraw", "--output", "a=1"),
        ("serve", "--port", "many"),
        ("serve", "--set", "nonsense=1"),
        ("serve", "--config", "nowhere.toml"),
        ("list", "--url", "nonsense"),
    ],
    ids=" ".join,
)
def test_what_is_not_understood_is_a_wrong_command_line(
    say: Say, report: object, arguments: tuple[str, ...]
) -> None:
    said = say(*arguments)
    again = say(*arguments, "--json")

    assert said.status == Status.USAGE
    assert said.err
    assert "Traceback" not in said.err
    assert again.status == Status.USAGE
    assert again.document["error"]["message"]


def test_content_and_a_document_cannot_share_standard_output(say: Say) -> None:
    said = say("artifacts", "get", "1001", "report", "--json")

    assert said.status == Status.USAGE
    assert "--output" in said.document["error"]["message"]


@pytest.mark.parametrize("words", [(), ("1001", "1002", "report")])
def test_one_output_is_fetched_at_a_time(say: Say, words: tuple[str, ...]) -> None:
    assert say("artifacts", "get", *words).status == Status.USAGE


def test_no_server_is_told_with_its_address(say: Say) -> None:
    # Port 9 discards, and nobody on a machine of today listens there.
    said = say("list", "--url", "http://127.0.0.1:9")

    assert said.status == Status.UNREACHABLE
    assert "Nobody answers at http://127.0.0.1:9" in said.err
    assert "headrace serve" in said.err


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidSettings([]), Status.USAGE),
        (errors.InvalidInput([]), Status.USAGE),
        (errors.InvalidDefinition([]), Status.FAILED),
        (errors.TransitionRefused("Execution 1001", "failed", "a cancel"), Status.FAILED),
        (errors.NotFound(), Status.NOT_FOUND),
        (errors.Unauthorized(), Status.NOT_ALLOWED),
        (errors.Forbidden(), Status.NOT_ALLOWED),
        (errors.StoreError(), Status.UNREACHABLE),
        (Unreachable(), Status.UNREACHABLE),
        (InvalidRequest(ErrorAnswer(status=400, code="invalid_input", detail="No.")), Status.USAGE),
        (InvalidRequest(ErrorAnswer(status=400, code="invalid_definition", detail="No.")), Status.FAILED),
    ],
)
def test_every_kind_of_error_has_its_status(error: errors.HeadraceError, status: Status) -> None:
    assert status_of(error) is status


def test_help_does_not_wait_for_the_rooms_that_commands_need() -> None:
    heavy = ("fastapi", "sqlalchemy", "httpx2", "uvicorn", "pydantic", "headrace.app", "headrace.settings")
    code = f"import sys, headrace.cli.application; print([m for m in {heavy!r} if m in sys.modules])"

    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout == "[]\n"
