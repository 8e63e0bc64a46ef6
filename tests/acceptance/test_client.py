"""Both clients against a real server."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator

import pytest

from headrace import errors
from headrace.client import AsyncClient, Client, Conflict, InvalidRequest, NotFound, Unauthorized
from headrace.testing.running_server import RunningServer

MEASURE = {
    "title": "Measure",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [{"name": "size", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}}],
    "outputs": [{"name": "size", "value": "{{tasks.size.outputs.size}}"}],
}
TALK = {
    "title": "Talk",
    "tasks": [
        {
            "name": "talk",
            "type": "core.shell",
            "inputs": {"script": "echo one; echo two >&2; cat", "stdin": "é"},
        }
    ],
    "outputs": [{"name": "said", "value": "{{tasks.talk.outputs.stdout}}"}],
}
StartServer = Callable[..., RunningServer]


def free_port() -> int:
    """Return a port that a server can have again after it was killed."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@pytest.fixture
def client(running_server: RunningServer) -> Iterator[Client]:
    with Client(running_server.url, running_server.token) as client:
        yield client


def test_a_workflow_goes_from_document_to_result(client: Client) -> None:
    workflow = client.create_workflow(MEASURE)
    started = client.start(workflow.number, {"text": "Hello"}, labels={"for": "me"})
    events = list(client.events(started.number))
    execution = client.execution(started.number, wait=10)

    assert events[0]["event"] == "execution_started"
    assert events[-1]["event"] == "execution_ended"
    assert (execution.state, execution.outputs) == ("succeeded", {"size": 5})
    assert execution.labels == {"for": "me"}
    assert client.executions(workflow=workflow.number).items[0].number == started.number
    assert client.explain(started.number).tasks[0].state == "succeeded"
    assert client.task_run(started.number, "size").tries[0].outcome == "succeeded"
    assert client.task_runs(started.number).items[0].task == "size"
    assert list(client.events(started.number, after=events[-1]["seq"])) == []


def test_a_start_is_repeated_by_its_key(client: Client) -> None:
    workflow = client.create_workflow(MEASURE)

    starts = [client.start(workflow.id, {"text": "a"}, idempotency_key="once").number for _ in range(2)]

    assert starts[0] == starts[1]


def test_versions_are_kept_and_conditions_are_checked(client: Client) -> None:
    workflow = client.create_workflow(MEASURE)
    client.update_workflow(workflow.number, {**MEASURE, "title": "Measure again"}, if_version=1)

    assert [each.version for each in client.versions(workflow.number).items] == [2, 1]
    assert '"Measure"' in client.version(workflow.number, 1).document
    assert client.workflow(workflow.number).name == "Measure again"
    assert [port.name for port in client.plan(workflow.number).inputs] == ["text"]

    found = client.differences(workflow.number, 2)
    assert (found.from_version, found.to_version) == (1, 2)
    assert [(each.path, each.old, each.new) for each in found.changes] == [
        ("/title", "Measure", "Measure again")
    ]
    assert client.differences(workflow.number, 1, since=2).changes[0].new == "Measure"
    with pytest.raises(InvalidRequest):
        client.differences(workflow.number, 1)
    with pytest.raises(NotFound):
        client.differences(workflow.number, 3)

    client.delete_workflow(workflow.number)

    with pytest.raises(NotFound):
        client.workflow(workflow.number)


def test_logs_and_outputs_come_as_they_were_written(client: Client) -> None:
    started = client.start(client.create_workflow(TALK).number)

    followed = "".join(client.follow_logs(started.number, "talk"))

    assert followed == "one\né"
    assert b"".join(client.logs(started.number, "talk", stream="stderr")) == b"two\n"
    client.execution(started.number, wait=10)
    assert b"".join(client.output(started.number, "said")) == "one\né".encode()
    with pytest.raises(NotFound):
        list(client.output(started.number, "nothing"))


def test_a_rerun_is_shown_before_it_is_done(client: Client) -> None:
    started = client.start(client.create_workflow(MEASURE).number, {"text": "a"})
    client.execution(started.number, wait=10)

    plan = client.plan_rerun(started.number, tasks="start")
    again = client.rerun(started.number, tasks=["size"])

    assert [(each.task, each.mode) for each in plan.tasks] == [("size", "run")]
    assert client.execution(again.number, wait=10).state == "succeeded"


def test_what_is_wrong_is_an_error_of_its_own(client: Client, running_server: RunningServer) -> None:
    started = client.start(client.create_workflow(MEASURE).number, {"text": "a"})
    client.execution(started.number, wait=10)

    with pytest.raises(InvalidRequest) as invalid:
        client.create_workflow({"title": "Nothing", "tasks": [{"name": "a", "type": "text.sice"}]})
    with pytest.raises(Conflict):
        client.cancel(started.number)
    with pytest.raises(NotFound):
        client.execution(999_999_999)
    with Client(running_server.url, "no token") as stranger, pytest.raises(Unauthorized):
        stranger.executions()

    assert invalid.value.problems[0].suggestion == "text.size"


def test_tokens_and_secrets_are_kept(client: Client, running_server: RunningServer) -> None:
    made = client.create_token("reader", ["read"], expires_in=60)
    client.put_secret("key", "value")

    with Client(running_server.url, made.token) as reader:
        assert reader.workflows(limit=1).items is not None
    assert [secret.name for secret in client.secrets().items] == ["key"]
    client.delete_secret("key")
    client.revoke_token(made.number)
    assert next(token for token in client.tokens().items if token.number == made.number).revoked


def test_a_task_type_is_tried_alone(client: Client) -> None:
    started = client.try_task("text.size", {"text": "abc"})

    assert client.execution(started.number, wait=10).tasks[0].outputs == {"size": 3}
    assert client.task_type("Text.Size").type == "text.size"
    assert "text.size" in [each.type for each in client.task_types().items]


def test_a_stream_is_taken_up_where_it_broke(start_server: StartServer) -> None:
    nap = {"title": "Nap", "tasks": [{"name": "nap", "type": "core.shell", "inputs": {"script": "sleep 3"}}]}
    server = start_server(PORT=str(free_port()))
    with Client(server.url, server.token) as client:
        started = client.start(client.create_workflow(nap).number)
        seen = []
        for event in client.events(started.number):
            if event["event"] == "task_started":
                server.kill()
                server.start_again()
            seen.append(event)

    assert [event["seq"] for event in seen] == list(range(1, len(seen) + 1))
    assert seen[-1]["state"] == "succeeded"


def test_a_log_is_taken_up_where_it_broke(start_server: StartServer) -> None:
    script = "echo one; sleep 3; echo two"
    talk = {"title": "Talk", "tasks": [{"name": "a", "type": "core.shell", "inputs": {"script": script}}]}
    server = start_server(PORT=str(free_port()))
    with Client(server.url, server.token) as client:
        started = client.start(client.create_workflow(talk).number)
        written: list[str] = []
        for text in client.follow_logs(started.number, "a"):
            if not written:
                server.kill()
                server.start_again()
            written.append(text)

    assert "".join(written) == "one\ntwo\n"


async def test_the_other_client_takes_up_a_log_too(start_server: StartServer) -> None:
    script = "echo one; sleep 3; echo two"
    talk = {"title": "Talk", "tasks": [{"name": "a", "type": "core.shell", "inputs": {"script": script}}]}
    server = await asyncio.to_thread(start_server, PORT=str(free_port()))
    async with AsyncClient(server.url, server.token) as client:
        started = await client.start((await client.create_workflow(talk)).number)
        written: list[str] = []
        async for text in client.follow_logs(started.number, "a"):
            if not written:
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start_again)
            written.append(text)

    assert "".join(written) == "one\ntwo\n"


@pytest.mark.parametrize("client", [Client, AsyncClient])
def test_a_token_that_no_header_can_carry_is_told(client: type[Client | AsyncClient]) -> None:
    with pytest.raises(errors.Unauthorized, match="give the one that was shown"):
        client("http://127.0.0.1:8080", "hr_\u2026")


async def test_the_other_client_does_the_same(running_server: RunningServer) -> None:
    async with AsyncClient(running_server.url, running_server.token) as client:
        workflow = await client.create_workflow(TALK)
        started = await client.start(workflow.number)
        followed = [text async for text in client.follow_logs(started.number, "talk")]
        events = [event["event"] async for event in client.events(started.number)]
        said = b"".join([piece async for piece in client.output(started.number, "said")])

        assert "".join(followed) == "one\né"
        assert events[-1] == "execution_ended"
        assert said == "one\né".encode()
        assert (await client.execution(started.number)).state == "succeeded"
        with pytest.raises(NotFound):
            await client.workflow("wf-nothing0")
