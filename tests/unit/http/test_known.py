from __future__ import annotations

import pytest
from starlette.requests import Request
from tests.unit.http.conftest import MakeRequest

from headrace.http.known import Known, may_change


@pytest.mark.parametrize(
    "given", ['"a,1"', 'W/"a,1"', '"b","a,1"', '"b" , W/"a,1",', "*", " * ", '"", "a,1"']
)
def test_a_state_that_the_client_has_is_answered_without_it(make_request: MakeRequest, given: str) -> None:
    known = Known(make_request({"if-none-match": given}), "a,1", {"cache-control": "no-cache"})

    assert known.answer is not None
    assert (known.answer.status_code, known.answer.body) == (304, b"")
    assert (known.answer.headers["etag"], known.answer.headers["cache-control"]) == ('"a,1"', "no-cache")


@pytest.mark.parametrize("given", [None, "", '"a"', '"1"', "a,1", '"xa,1"', '"*"', '"a,1', '"A,1"'])
def test_any_other_state_is_sent(make_request: MakeRequest, given: str | None) -> None:
    known = Known(make_request({} if given is None else {"if-none-match": given}), "a,1")

    assert known.answer is None
    assert known.headers == {"etag": '"a,1"'}


def test_tags_may_stand_in_several_lines(make_request: MakeRequest) -> None:
    scope = make_request().scope
    lines = [(b"if-none-match", b'"b"'), (b"if-none-match", b'"c", "a"')]

    assert Known(Request({**scope, "headers": lines}), "a").answer is not None


@pytest.mark.parametrize("given", [None, "*", " * ", '"3"', '"1", "3"', 'W/"3", "3"', '"2","3",'])
def test_a_state_may_be_changed_by_whoever_names_it(make_request: MakeRequest, given: str | None) -> None:
    assert may_change(make_request({} if given is None else {"if-match": given}), "3")


@pytest.mark.parametrize("given", ["", "3", '"2"', 'W/"3"', '"1", W/"3"', '"33"', '"3', '"1, 3"'])
def test_it_may_not_by_whoever_names_others_or_none_for_certain(
    make_request: MakeRequest, given: str
) -> None:
    assert not may_change(make_request({"if-match": given}), "3")
