"""The body of a submission."""

from __future__ import annotations

import base64
import json

import pytest

from headrace.dialects.akoflow.submission import document_in
from headrace.errors import InvalidDefinition, Problem

YAML = ("name: é>>>???\nspec: {}\n" + "# " + "x" * 70).encode()


def body(workflow: object) -> bytes:
    return json.dumps({"message": "", "workflow": workflow}).encode()


def refused(content: bytes) -> Problem:
    with pytest.raises(InvalidDefinition) as caught:
        document_in(content)
    [problem] = caught.value.problems
    return problem


@pytest.mark.parametrize(
    "packed",
    [
        base64.b64encode(YAML).decode(),
        base64.b64encode(YAML).decode().rstrip("="),
        base64.urlsafe_b64encode(YAML).decode(),
        base64.encodebytes(YAML).decode(),
        "\r\n\t " + base64.b64encode(YAML).decode() + " ",
    ],
    ids=["standard", "not padded", "for URLs", "wrapped", "in white space"],
)
def test_base64_is_read_in_every_usual_form(packed: str) -> None:
    assert document_in(body(packed)) == YAML


@pytest.mark.parametrize("packed", ["YQ===", "YQ=", "====", "=", "YWI==", "ab-+", "__//"])
def test_padding_that_is_wrong_and_two_alphabets_are_no_base64(packed: str) -> None:
    assert refused(body(packed)).code == "base64_invalid"


def test_plain_yaml_is_recognised_and_the_place_is_told() -> None:
    problem = refused(body("name: w\nspec:\n  x: 1"))

    assert problem.code == "base64_invalid"
    assert "position 5" in problem.message
    assert problem.suggestion is not None
    assert refused(body("abc!")).suggestion is None


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"{", "body_not_json"),
        (b"\xff", "body_not_json"),
        (b"[" * 100_000, "body_not_json"),
        (b"3", "body_not_object"),
        (b"{}", "workflow_missing"),
        (body(None), "workflow_not_string"),
        (body(" \n"), "workflow_empty"),
        (body("AAAAA"), "base64_invalid"),
        (body("AA=A"), "base64_invalid"),
    ],
)
def test_what_is_no_submission(content: bytes, code: str) -> None:
    assert refused(content).code == code
