"""The client is a stranger to the API's room, so that they agree is tested and not imported."""

from __future__ import annotations

import inspect
from typing import Any

import msgspec
import pytest

from headrace.api import answers as told, measured
from headrace.client import AsyncClient, Client, answers as read, calls, delivery_calls, file_calls

SAME = {
    read.Listed: told.Listed,
    read.Reason: told.ReasonShown,
    read.Workflow: told.WorkflowShown,
    read.Task: told.TaskShown,
    read.Port: told.PortShown,
    read.VersionSummary: told.VersionListed,
    read.Version: told.VersionShown,
    read.Differences: told.VersionDifferences,
    read.Plan: told.PlanShown,
    read.Validation: told.Validation,
    read.TaskPlanned: told.TaskPlanned,
    read.RerunPlan: told.RerunPlan,
    read.Started: told.Started,
    read.ExecutionSummary: told.ExecutionListed,
    read.Execution: told.ExecutionShown,
    read.TaskRunSummary: told.TaskRunListed,
    read.TaskRunView: told.TaskRunInView,
    read.TaskRun: told.TaskRunShown,
    read.Try: told.TryShown,
    read.Point: measured.PointShown,
    read.Metrics: measured.MetricsShown,
    read.TaskExplained: told.TaskExplained,
    read.Explained: told.Explained,
    read.Token: told.TokenShown,
    read.NewToken: told.TokenIssued,
    read.Secret: told.SecretShown,
    read.Delivery: told.DeliveryShown,
    read.DeliveryTry: told.DeliveryTry,
    read.TaskType: told.TaskTypeShown,
    read.Health: told.Health,
    read.RecordedFile: told.RecordedFile,
}


@pytest.mark.parametrize("mine", SAME, ids=lambda kind: kind.__name__)
def test_what_is_read_is_what_is_told(mine: Any) -> None:
    def members(kind: Any) -> set[str]:
        return {field.name for field in msgspec.structs.fields(kind)}

    assert members(mine) == members(SAME[mine])


def test_both_clients_have_every_call() -> None:
    made = {
        name
        for room in (calls, delivery_calls, file_calls)
        for name, call in inspect.getmembers(room, inspect.isfunction)
        if call.__module__ == room.__name__ and not name.startswith("_") and not name.endswith("_path")
    }

    for client in (Client, AsyncClient):
        assert made <= set(dir(client))


def test_a_method_has_the_words_and_the_arguments_of_its_call() -> None:
    for client in (Client, AsyncClient):
        method: Any = client.start
        assert method.__doc__ == calls.start.__doc__
        assert "inputs" in inspect.signature(method).parameters


def test_a_key_cannot_leave_its_place_in_the_path() -> None:
    assert calls.execution("../tokens?x=1#").path == "/v1/executions/..%2Ftokens%3Fx%3D1%23"
    assert calls.output_path(1001, "a/b", "c d") == "/v1/executions/1001/tasks/c%20d/outputs/a%2Fb"


def test_a_document_is_sent_as_what_it_is() -> None:
    assert calls.create_workflow({"title": "A"}).body == b'{"title":"A"}'
    assert calls.create_workflow('{"title": "A"}').media_type == "application/json"
    assert calls.create_workflow("title: A").media_type == "application/yaml"


def test_a_call_waits_longer_than_the_server_holds_its_answer_back() -> None:
    assert calls.execution(1001, wait=60).held == 60
