"""Texts of megabytes, as downloads give them, on their way through templates, conditions and processes."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import ended

SIZE = 7_000_000
GIVE = {
    "name": "g",
    "type": "core.shell",
    "inputs": {"script": f"head -c {SIZE} /dev/zero | tr '\\0' x"},
}
TEXT = "{{tasks.g.outputs.stdout}}"


async def details_of(client: httpx2.AsyncClient, *tasks: Any, body: Any = None, **top: Any) -> Any:
    document = {"title": "Large", "tasks": list(tasks), **top}
    return (await client.get(await ended(client, document, body or {}))).json()


def shell(script: str, **inputs: Any) -> dict[str, Any]:
    return {"name": "s", "type": "core.shell", "inputs": {"script": script, **inputs}}


async def test_a_text_of_megabytes_goes_wherever_a_text_goes(client: httpx2.AsyncClient) -> None:
    details = await details_of(
        client,
        GIVE,
        shell("wc -c", stdin=TEXT),
        {"name": "t", "type": "text.size", "inputs": {"text": f"a{TEXT}"}, "condition": TEXT},
        {
            "name": "c",
            "type": "echo",
            "inputs": {"text": "differs"},
            "condition": f'{TEXT} != "x"',
        },
        outputs=[{"name": "joined", "value": f"a{TEXT}"}, {"name": "whole", "value": TEXT}],
    )

    tasks = details["tasks"]
    assert [task["status"] for task in tasks] == ["COMPLETED"] * 4, [task["error"] for task in tasks]
    assert tasks[1]["outputs"]["stdout"].strip() == str(SIZE)
    assert tasks[2]["outputs"]["size"] == SIZE + 1
    assert details["outputs"]["joined"]["size"] == SIZE + 1
    assert details["outputs"]["whole"]["size"] == SIZE
    assert details["warnings"] == []


@pytest.mark.parametrize("value", [TEXT, "y" * 200_000])
async def test_a_variable_that_no_process_takes_is_final(client: httpx2.AsyncClient, value: str) -> None:
    task = {**shell("true", env={"A": value}), "retry": {"attempts": 3, "delay": 0}}
    error, tried = await failed(client, GIVE, task)

    size = SIZE if value == TEXT else 200_000
    assert tried == 1
    assert error == {
        "code": "invalid_job",
        "message": f"The environment variable 'A' has {size + 3} bytes with its name and end; a process "
        "takes 131072 at most. A long text can be passed by standard input or a file.",
        "final": True,
    }


async def test_the_longest_variable_that_a_process_takes_arrives(client: httpx2.AsyncClient) -> None:
    details = await details_of(client, shell('printf %s "$A" | wc -c', env={"A": "y" * (131_072 - 3)}))

    assert details["tasks"][0]["outputs"]["stdout"].strip() == str(131_072 - 3)


async def test_what_is_put_together_beyond_the_limit_is_told_as_its_size(client: httpx2.AsyncClient) -> None:
    error, tried = await failed(
        client,
        GIVE,
        {"name": "t", "type": "text.size", "inputs": {"text": TEXT * 3}, "retry": {"attempts": 2}},
    )

    assert tried == 0
    assert (error["code"], error["final"]) == ("too_large", True)
    assert "16777216 characters" in error["message"]
    assert "xpression" not in error["message"]


async def test_an_output_beyond_the_limit_is_null_and_says_why(client: httpx2.AsyncClient) -> None:
    details = await details_of(client, GIVE, outputs=[{"name": "o", "value": TEXT * 3}])

    assert details["outputs"] == {"o": None}
    assert [warning["code"] for warning in details["warnings"]] == ["output_too_large"]
    assert "16777216 characters" in details["warnings"][0]["message"]


@pytest.mark.parametrize(
    "task",
    [
        shell("wc -c", stdin="{{inputs.list}}"),
        shell("true", env={"A": "{{inputs.list}}"}),
        {"name": "s", "type": "echo", "inputs": {"text": "{{inputs.list}}"}},
        {"name": "s", "type": "echo", "inputs": {"text": "a{{inputs.list}}"}},
    ],
)
async def test_a_list_that_is_too_large_for_a_text_is_told_as_such(
    client: httpx2.AsyncClient, task: dict[str, Any]
) -> None:
    inputs = {"inputs": {"list": [0] * 100_001}}
    error, _ = await failed(
        client,
        {**task, "retry": {"attempts": 2, "delay": 0}},
        body=inputs,
        inputs=[{"name": "list", "type": "object"}],
    )

    assert (error["code"], error["final"]) == ("too_large", True)
    assert "100000 elements" in error["message"]


async def failed(client: httpx2.AsyncClient, *tasks: Any, **more: Any) -> tuple[dict[str, Any], int]:
    """Return the error of the last task, and how often it was tried."""
    last = (await details_of(client, *tasks, **more))["tasks"][-1]
    assert last["status"] == "FAILED"
    return last["error"], last["attempts"]
