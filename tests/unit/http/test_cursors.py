"""Cursors belong to their question."""

from __future__ import annotations

import pytest
from tests.unit.http.conftest import MakeRequest

from headrace.errors import InvalidInput
from headrace.http import cursors


def test_a_cursor_comes_back_to_the_same_question_whatever_the_size_of_the_page(
    make_request: MakeRequest,
) -> None:
    asked = make_request(query_string=b"status=FAILED&limit=1&name=a")
    again = make_request(path="/things/", query_string=b"name=a&cursor=x&limit=9&status=FAILED")

    assert cursors.opened(again, cursors.sealed(asked, "abc")) == "abc"
    assert cursors.sealed(asked, None) is None
    assert cursors.opened(asked, None) is None


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/others", b"status=FAILED"),
        ("/things", b"status=DONE"),
        ("/things", b""),
        ("/things", b"status=FAILED&status=DONE"),
    ],
)
def test_another_question_refuses_it(make_request: MakeRequest, path: str, query: bytes) -> None:
    cursor = cursors.sealed(make_request(query_string=b"status=FAILED"), "abc")

    with pytest.raises(InvalidInput, match="not given by this list"):
        cursors.opened(make_request(path=path, query_string=query), cursor)


def test_a_cursor_that_was_altered_is_refused(make_request: MakeRequest) -> None:
    cursor = cursors.sealed(make_request(), "YWJj")

    with pytest.raises(InvalidInput, match="not given by this list"):
        cursors.opened(make_request(), f"{cursor}"[:-2] + "A=")


@pytest.mark.parametrize("given", ["", "x", ".", "abc", ".abc", "0123456789ab.abc", "ü.abc"])
def test_what_no_list_gave_is_refused(make_request: MakeRequest, given: str) -> None:
    with pytest.raises(InvalidInput):
        cursors.opened(make_request(), given)


def test_a_place_that_is_a_number_is_read_as_one(make_request: MakeRequest) -> None:
    request = make_request()

    assert cursors.opened_number(request, None) == 0
    assert cursors.opened_number(request, cursors.sealed(request, "17")) == 17
    for wrong in ("-1", "x", "1" * 19, "²"):
        with pytest.raises(InvalidInput):
            cursors.opened_number(request, cursors.sealed(request, wrong))
