from __future__ import annotations

import httpx2
import pytest

from headrace import client, errors
from headrace.client.errors import error_of

PROBLEM = b"""{"type": "urn:headrace:error:x", "title": "X", "status": 404, "code": "not_found",
 "detail": "There is no execution 7.", "problems": [{"path": "/a", "code": "b", "message": "c"}]}"""


@pytest.mark.parametrize(
    ("status", "kind", "of_the_tree"),
    [
        (400, client.InvalidRequest, errors.RequestError),
        (401, client.Unauthorized, errors.Unauthorized),
        (403, client.Forbidden, errors.Forbidden),
        (404, client.NotFound, errors.NotFound),
        (409, client.Conflict, errors.Conflict),
        (412, client.VersionConflict, errors.RequestError),
        (413, client.InvalidRequest, errors.RequestError),
        (429, client.TooManyRequests, errors.RequestError),
        (500, client.ServerFailed, errors.HeadraceError),
        (503, client.ServerFailed, errors.HeadraceError),
    ],
)
def test_every_status_has_its_error_in_both_trees(
    status: int, kind: type[client.AnswerError], of_the_tree: type[errors.HeadraceError]
) -> None:
    error = error_of(status, PROBLEM, "http://here")

    assert type(error) is kind
    assert isinstance(error, of_the_tree)
    assert error.message == "There is no execution 7."
    assert error.problems == (errors.Problem(path="/a", code="b", message="c"),)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}"])
def test_an_answer_of_somebody_else_is_told_by_its_status(body: bytes) -> None:
    error = error_of(502, body, "http://here")

    assert error.message == "http://here answered 502 (Bad Gateway)."


def test_an_answer_of_another_shape_is_told() -> None:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(200, json={"hello": "world"}))

    with client.Client(transport=transport) as server, pytest.raises(client.ServerFailed) as caught:
        server.execution(1001)

    assert "does not answer as a Headrace server does" in caught.value.message


def test_the_token_is_sent_and_nobody_else_is_told() -> None:
    asked: list[httpx2.Request] = []

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        return httpx2.Response(302, headers={"location": "http://elsewhere/"})

    with (
        client.Client(token="secret", transport=httpx2.MockTransport(answer)) as server,
        pytest.raises(client.ServerFailed),
    ):
        server.health()

    assert [request.headers["authorization"] for request in asked] == ["Bearer secret"]


@pytest.mark.parametrize("url", ["nonsense", "ftp://here", "http://[", "http://127.0.0.1:9"])
def test_what_cannot_be_reached_is_unreachable(url: str) -> None:
    with pytest.raises(client.Unreachable), client.Client(url) as server:
        server.health()
