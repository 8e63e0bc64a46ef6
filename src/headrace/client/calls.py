"""Every call of the native API as a value: method, path, body, and what comes back.

Both clients send these, so that a route is written down once; nothing here touches the network.
Keys of workflows and executions are a number, a UUID or an alias; a task run is named by its number, or by
its task, which is its latest run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal as OneOf, TypeVar
from urllib.parse import quote

from msgspec import Struct, field

from headrace.client import answers
from headrace.client.bodies import json_of

Answer = TypeVar("Answer")

Key = int | str
Document = bytes | str | Mapping[str, Any]

PATIENCE = 10.0
"""Seconds that a call may take longer than the server was asked to hold its answer back."""


class Call(Struct, Generic[Answer], frozen=True, kw_only=True):
    """One request and the shape of its answer."""

    method: str
    path: str
    answer: type[Answer] | None
    """None where nothing comes back."""
    params: dict[str, Any] = field(default_factory=dict)
    body: bytes | None = None
    media_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    held: float = 0.0
    """Seconds for which the server may hold its answer back."""


def health() -> Call[answers.Health]:
    """Tell whether the server is ready."""
    return Call(method="GET", path="/readyz", answer=answers.Health)


def create_workflow(
    document: Document, *, dialect: str | None = None, idempotency_key: str | None = None
) -> Call[answers.Workflow]:
    """Create a workflow from a document of any dialect: its text, or a mapping that is sent as JSON."""
    return Call(
        method="POST",
        path="/v1/workflows",
        answer=answers.Workflow,
        params=_given(dialect=dialect),
        headers=_once(idempotency_key),
        **_document(document),
    )


def update_workflow(key: Key, document: Document, *, if_version: int | None = None) -> Call[answers.Workflow]:
    """Make a document the current version; `if_version` refuses when another one became current before."""
    headers = {} if if_version is None else {"if-match": f'"{if_version}"'}
    return Call(
        method="PUT",
        path=f"/v1/workflows/{_quoted(key)}",
        answer=answers.Workflow,
        headers=headers,
        **_document(document),
    )


def validate(document: Document, *, dialect: str | None = None) -> Call[answers.Validation]:
    """Check a document; nothing is kept."""
    return Call(
        method="POST",
        path="/v1/workflows/validate",
        answer=answers.Validation,
        params=_given(dialect=dialect),
        **_document(document),
    )


def workflow(key: Key) -> Call[answers.Workflow]:
    """Look at a workflow."""
    return Call(method="GET", path=f"/v1/workflows/{_quoted(key)}", answer=answers.Workflow)


def workflows(
    *, dialect: str | None = None, limit: int = 100, cursor: str | None = None
) -> Call[answers.Listed[answers.Workflow]]:
    """List workflows, newest first."""
    params = _given(dialect=dialect, limit=limit, cursor=cursor)
    return Call(method="GET", path="/v1/workflows", answer=answers.Listed[answers.Workflow], params=params)


def delete_workflow(key: Key) -> Call[None]:
    """Forget a workflow; its executions stay readable."""
    return Call(method="DELETE", path=f"/v1/workflows/{_quoted(key)}", answer=None)


def plan(key: Key) -> Call[answers.Plan]:
    """Tell the inputs and the tasks of the current version."""
    return Call(method="GET", path=f"/v1/workflows/{_quoted(key)}/plan", answer=answers.Plan)


def versions(
    key: Key, *, limit: int = 100, cursor: str | None = None
) -> Call[answers.Listed[answers.VersionSummary]]:
    """List the versions of a workflow, newest first."""
    return Call(
        method="GET",
        path=f"/v1/workflows/{_quoted(key)}/versions",
        answer=answers.Listed[answers.VersionSummary],
        params=_given(limit=limit, cursor=cursor),
    )


def version(key: Key, number: int) -> Call[answers.Version]:
    """Look at one version, with its document."""
    path = f"/v1/workflows/{_quoted(key)}/versions/{number}"
    return Call(method="GET", path=path, answer=answers.Version)


def differences(key: Key, number: int, *, since: int | None = None) -> Call[answers.Differences]:
    """Tell what is different in a version from the one before, or from version `since`."""
    return Call(
        method="GET",
        path=f"/v1/workflows/{_quoted(key)}/versions/{number}/diff",
        answer=answers.Differences,
        params={} if since is None else {"from": since},
    )


def start(
    key: Key,
    inputs: Mapping[str, Any] | None = None,
    *,
    version: int | None = None,
    labels: Mapping[str, str] | None = None,
    idempotency_key: str | None = None,
    openai_key: str | None = None,
) -> Call[answers.Started]:
    """Start an execution of a workflow; with an idempotency key a repeated start is the first one.

    `openai_key` is kept in the server's memory for this execution only.
    """
    body = {"inputs": dict(inputs or {}), "version": version, "labels": dict(labels or {})}
    return Call(
        method="POST",
        path=f"/v1/workflows/{_quoted(key)}/executions",
        answer=answers.Started,
        body=json_of(body),
        headers=_once(idempotency_key) | _with_key(openai_key),
    )


def execution(key: Key, *, wait: float = 0) -> Call[answers.Execution]:
    """Look at an execution, at once or, up to `wait` seconds (60 at most), when it is over."""
    return Call(
        method="GET",
        path=f"/v1/executions/{_quoted(key)}",
        answer=answers.Execution,
        params={"wait": wait} if wait else {},
        held=wait,
    )


def executions(
    *,
    workflow: Key | None = None,
    state: Sequence[str] = (),
    dialect: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Call[answers.Listed[answers.ExecutionSummary]]:
    """List executions, newest first."""
    params = _given(workflow=workflow, dialect=dialect, limit=limit, cursor=cursor)
    if state:
        params["state"] = list(state)
    listed = answers.Listed[answers.ExecutionSummary]
    return Call(method="GET", path="/v1/executions", answer=listed, params=params)


def explain(key: Key) -> Call[answers.Explained]:
    """Tell why an execution and each of its tasks stand where they stand."""
    return Call(method="GET", path=f"/v1/executions/{_quoted(key)}/explain", answer=answers.Explained)


def cancel(
    key: Key, *, reason: str = "", policy: OneOf["cancel_running", "allow_finish"] | None = None
) -> Call[answers.Execution]:
    """End an execution early; `policy` says whether running jobs are killed."""
    return _steer(key, "cancel", {"reason": reason, "policy": policy})


def pause(key: Key, *, reason: str = "") -> Call[answers.Execution]:
    """Start nothing new until the execution is resumed."""
    return _steer(key, "pause", {"reason": reason})


def resume(key: Key) -> Call[answers.Execution]:
    """Let a paused execution go on."""
    return _steer(key, "resume", None)


def signal(key: Key, name: str, payload: Any = None) -> Call[answers.Execution]:
    """Tell an execution that something happened."""
    return _steer(key, "signal", {"name": name, "payload": payload})


def rerun(
    key: Key,
    *,
    tasks: OneOf["failed", "start"] | Sequence[str] = "failed",
    openai_key: str | None = None,
) -> Call[answers.Started]:
    """Start a new execution that runs again what failed, everything, or some tasks and what follows them."""
    path = f"/v1/executions/{_quoted(key)}/rerun"
    return Call(
        method="POST", path=path, answer=answers.Started, body=_from(tasks), headers=_with_key(openai_key)
    )


def plan_rerun(
    key: Key, *, tasks: OneOf["failed", "start"] | Sequence[str] = "failed"
) -> Call[answers.RerunPlan]:
    """Tell what a rerun would do with each task; nothing starts."""
    path = f"/v1/executions/{_quoted(key)}/rerun/plan"
    return Call(method="POST", path=path, answer=answers.RerunPlan, body=_from(tasks))


def task_runs(
    key: Key, *, limit: int = 1000, cursor: str | None = None
) -> Call[answers.Listed[answers.TaskRunSummary]]:
    """List the task runs of an execution, oldest first."""
    return Call(
        method="GET",
        path=f"/v1/executions/{_quoted(key)}/tasks",
        answer=answers.Listed[answers.TaskRunSummary],
        params=_given(limit=limit, cursor=cursor),
    )


def task_run(key: Key, run: Key) -> Call[answers.TaskRun]:
    """Look at a task run, with its inputs, outputs and tries."""
    return Call(method="GET", path=task_path(key, run), answer=answers.TaskRun)


def task_metrics(key: Key, run: Key, *, attempt: int | None = None) -> Call[answers.Metrics]:
    """Tell what an attempt used over time, the last one when none is named."""
    path = f"{task_path(key, run)}/metrics"
    return Call(method="GET", path=path, answer=answers.Metrics, params=_given(attempt=attempt))


def respond(key: Key, run: Key, outputs: Mapping[str, Any] | None = None) -> Call[answers.TaskRun]:
    """Answer an approval; the answer becomes the outputs of the task."""
    return _post(f"{task_path(key, run)}/respond", {"outputs": dict(outputs or {})})


def withdraw(key: Key, run: Key, *, reason: str = "") -> Call[answers.TaskRun]:
    """Take a wait back; the task fails."""
    return _post(f"{task_path(key, run)}/withdraw", {"reason": reason})


def cancel_task(key: Key, run: Key, *, reason: str = "") -> Call[answers.TaskRun]:
    """End one task run early; it counts as a failure."""
    return _post(f"{task_path(key, run)}/cancel", {"reason": reason})


def tokens() -> Call[answers.Listed[answers.Token]]:
    """List all tokens, without the tokens."""
    return Call(method="GET", path="/v1/tokens", answer=answers.Listed[answers.Token])


def create_token(
    name: str, scopes: Sequence[str], *, expires_in: float | None = None
) -> Call[answers.NewToken]:
    """Make a token; `expires_in` is in seconds, and None never expires."""
    body = {"name": name, "scopes": list(scopes), "expires_in": expires_in}
    return Call(method="POST", path="/v1/tokens", answer=answers.NewToken, body=json_of(body))


def revoke_token(number: int) -> Call[None]:
    """Revoke a token for ever."""
    return Call(method="DELETE", path=f"/v1/tokens/{number}", answer=None)


def secrets(*, scope: str | None = None) -> Call[answers.Listed[answers.Secret]]:
    """List the secrets, without their values."""
    listed = answers.Listed[answers.Secret]
    return Call(method="GET", path="/v1/secrets", answer=listed, params=_given(scope=scope))


def put_secret(name: str, value: str, *, scope: str | None = None) -> Call[answers.Secret]:
    """Keep a secret, in place of the one of this name."""
    return Call(
        method="PUT",
        path=f"/v1/secrets/{_quoted(name)}",
        answer=answers.Secret,
        params=_given(scope=scope),
        body=json_of({"value": value}),
    )


def delete_secret(name: str, *, scope: str | None = None) -> Call[None]:
    """Forget a secret."""
    path = f"/v1/secrets/{_quoted(name)}"
    return Call(method="DELETE", path=path, answer=None, params=_given(scope=scope))


def task_types() -> Call[answers.Listed[answers.TaskType]]:
    """List the task types, by name."""
    return Call(method="GET", path="/v1/task-types", answer=answers.Listed[answers.TaskType])


def task_type(name: str) -> Call[answers.TaskType]:
    """Look at a task type, under any of its spellings."""
    return Call(method="GET", path=f"/v1/task-types/{_quoted(name)}", answer=answers.TaskType)


def try_task(
    name: str, inputs: Mapping[str, Any] | None = None, *, openai_key: str | None = None
) -> Call[answers.Started]:
    """Run a task type alone."""
    return Call(
        method="POST",
        path=f"/v1/task-types/{_quoted(name)}/try",
        answer=answers.Started,
        body=json_of({"inputs": dict(inputs or {})}),
        headers=_with_key(openai_key),
    )


def upload(name: str, content: bytes, *, content_type: str = "") -> Call[answers.File]:
    """Keep a file on the server."""
    return Call(
        method="POST",
        path="/files",
        answer=answers.File,
        params={"name": name},
        body=content,
        media_type=content_type or "application/octet-stream",
    )


def task_path(key: Key, run: Key) -> str:
    """Return the path of a task run."""
    return f"/v1/executions/{_quoted(key)}/tasks/{_quoted(run)}"


def output_path(key: Key, name: str, run: Key | None = None) -> str:
    """Return the path of an output of an execution, or of one of its task runs."""
    of = f"/v1/executions/{_quoted(key)}" if run is None else task_path(key, run)
    return f"{of}/outputs/{_quoted(name)}"


def events_path(key: Key) -> str:
    """Return the path of the events of an execution."""
    return f"/v1/executions/{_quoted(key)}/events"


def _steer(key: Key, verb: str, body: dict[str, Any] | None) -> Call[answers.Execution]:
    content = None if body is None else json_of(body)
    path = f"/v1/executions/{_quoted(key)}/{verb}"
    return Call(method="POST", path=path, answer=answers.Execution, body=content)


def _post(path: str, body: dict[str, Any]) -> Call[answers.TaskRun]:
    return Call(method="POST", path=path, answer=answers.TaskRun, body=json_of(body))


def _from(tasks: str | Sequence[str]) -> bytes:
    return json_of({"from": tasks if isinstance(tasks, str) else list(tasks)})


def _document(document: Document) -> dict[str, Any]:
    if isinstance(document, Mapping):
        return {"body": json_of(document)}
    content = document.encode() if isinstance(document, str) else document
    is_json = content.lstrip()[:1] in (b"{", b"[")
    return {"body": content, "media_type": "application/json" if is_json else "application/yaml"}


def _given(**params: Any) -> dict[str, Any]:
    return {name: value for name, value in params.items() if value is not None}


def _with_key(openai_key: str | None) -> dict[str, str]:
    return {} if openai_key is None else {"x-openai-key": openai_key}


def _once(key: str | None) -> dict[str, str]:
    return {} if key is None else {"idempotency-key": key}


def _quoted(key: Key) -> str:
    name = quote(str(key), safe="")
    return name if name.strip(".") else name.replace(".", "%2E")  # else it is a step up
