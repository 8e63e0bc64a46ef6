from __future__ import annotations

from collections.abc import Callable
from math import inf, nan
from typing import Any

import httpx2
import pytest

from headrace.client import AsyncClient, Client, calls
from headrace.client.calls import Call
from headrace.errors import InvalidInput, Problem

WITH_NAN: dict[str, tuple[str, Callable[[], Call[Any]]]] = {
    "start": ("/inputs/o/a", lambda: calls.start(1, {"o": {"a": nan}})),
    "create_workflow": ("/tasks/0/x~1y", lambda: calls.create_workflow({"tasks": [{"x/y": nan}]})),
    "update_workflow": ("/a", lambda: calls.update_workflow(1, {"a": nan})),
    "validate": ("/a", lambda: calls.validate({"a": nan})),
    "signal": ("/payload", lambda: calls.signal(1, "go", nan)),
    "respond": ("/outputs/a/1", lambda: calls.respond(1, 2, {"a": (1.0, nan)})),
    "create_token": ("/expires_in", lambda: calls.create_token("me", ["read"], expires_in=nan)),
    "try_task": ("/inputs/a", lambda: calls.try_task("text.slice", {"a": nan})),
}


def nobody(request: httpx2.Request) -> httpx2.Response:
    raise AssertionError(f"{request.url} was asked.")


@pytest.mark.parametrize("name", WITH_NAN)
def test_no_call_is_made_with_a_number_that_json_does_not_have(name: str) -> None:
    path, made = WITH_NAN[name]

    with pytest.raises(InvalidInput) as refused:
        made()

    assert [problem.path for problem in refused.value.problems] == [path]
    assert refused.value.message == f"'{path}' is nan, and JSON has no such number. Nothing was sent."


def test_all_places_are_named_in_their_order() -> None:
    with pytest.raises(InvalidInput) as refused:
        calls.start(1, {"a": [nan, {"b": inf}], "c": -inf})

    assert refused.value.problems == tuple(
        Problem(path=path, code="not_finite", message=f"'{path}' is {number}, and JSON has no such number.")
        for path, number in (("/inputs/a/0", nan), ("/inputs/a/1/b", inf), ("/inputs/c", -inf))
    )
    assert "So are 2 more." in refused.value.message


def test_the_client_sends_nothing() -> None:
    with (
        Client(transport=httpx2.MockTransport(nobody)) as server,
        pytest.raises(InvalidInput, match="/inputs/a"),
    ):
        server.start(1, {"a": nan})


async def test_neither_does_the_one_that_is_awaited() -> None:
    async with AsyncClient(transport=httpx2.MockTransport(nobody)) as server:
        with pytest.raises(InvalidInput, match="/inputs/a"):
            await server.start(1, {"a": nan})


def test_all_other_values_are_sent_as_they_are() -> None:
    body = calls.start(1, {"a": [1.5, None, True, {"b": 2**60}], "c": 1e308}).body

    assert body == (
        b'{"inputs":{"a":[1.5,null,true,{"b":1152921504606846976}],"c":1e308},"version":null,"labels":{}}'
    )
