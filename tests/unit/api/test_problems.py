from __future__ import annotations

import msgspec
import pytest
from pydantic import ValidationError

from headrace.api.bodies import RerunBody, StartBody, TokenBody
from headrace.api.problems import document_of, headers_of, of_validation
from headrace.api.requests import key_of
from headrace.errors import InvalidInput, NotFound, Problem, StaleVersion, StoreError, Unauthorized


def test_everything_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        TokenBody.model_validate({"scopes": ["fly"], "expires_in": -1, "colour": "red"})

    found = of_validation([{**each, "loc": ("body", *each["loc"])} for each in caught.value.errors()])

    assert {(problem.path, problem.code) for problem in found.problems} == {
        ("/name", "missing_field"),
        ("/scopes/0", "invalid_value"),
        ("/expires_in", "invalid_value"),
        ("/colour", "unknown_field"),
    }


def test_a_pointer_escapes_what_a_pointer_must_escape() -> None:
    (problem,) = of_validation([{"loc": ("body", "a/b", "c~d", 3), "type": "missing", "msg": "x"}]).problems

    assert problem.path == "/a~1b/c~0d/3"


def test_what_was_sent_is_not_repeated() -> None:
    with pytest.raises(ValidationError) as caught:
        StartBody.model_validate({"labels": {"a": ["hunter2"]}})

    told = document_of(of_validation({**e, "loc": ("body", *e["loc"])} for e in caught.value.errors()))

    assert b"hunter2" not in msgspec.json.encode(told)


def test_a_problem_document_has_all_members_of_the_standard() -> None:
    told = document_of(
        InvalidInput([Problem(path="/inputs/a", code="missing_input", message="It is missing.")])
    )

    assert msgspec.json.decode(msgspec.json.encode(told)) == {
        "type": "urn:headrace:error:invalid_input",
        "title": "Bad Request",
        "status": 400,
        "code": "invalid_input",
        "detail": "The input has 1 problem.",
        "problems": [{"path": "/inputs/a", "code": "missing_input", "message": "It is missing."}],
    }


def test_headers_tell_what_to_do_next() -> None:
    assert headers_of(StoreError("Busy.")) == {"retry-after": "2"}
    assert headers_of(StaleVersion("Changed.")) == {}
    assert headers_of(Unauthorized()) == {"www-authenticate": 'Bearer realm="headrace"'}


@pytest.mark.parametrize("text", ["", " ", "a b", "é", "x" * 200, "a\x00b", "9" * 30, "../etc", "\ud800"])
def test_what_can_be_no_key_is_not_found(text: str) -> None:
    with pytest.raises(NotFound):
        key_of(text, "workflow")


def test_a_key_is_a_number_an_id_or_an_alias() -> None:
    assert key_of("1001", "workflow") == 1001
    assert key_of("wf-1a2b3c4d", "workflow") == "wf-1a2b3c4d"


@pytest.mark.parametrize("given", ["failed", "start", ["a", "b"]])
def test_a_rerun_begins_where_its_from_says(given: object) -> None:
    assert RerunBody.model_validate({"from": given}).tasks == given
