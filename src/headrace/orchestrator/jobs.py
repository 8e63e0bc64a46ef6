"""From a scheduled attempt to the job that a runtime is given.

Secrets are put in here, at the last moment, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

from msgspec import Struct

from headrace.definition.model import Action, CallTask, RunCommand
from headrace.definition.outcomes import Failure
from headrace.definition.templates import Expr, ListOf, ObjectOf, Template, Text
from headrace.engine.execution import Execution, TaskRun
from headrace.expressions import ExpressionError, TooLarge, Values, as_text, parse, render
from headrace.orchestrator.large_values import LargeValues, has_reference
from headrace.provenance.attempts import RecordedAttempt
from headrace.runtimes.protocol import LONGEST_STRING, Command, Job, TaskCall
from headrace.tasks.library import Library

ReadSecret = Callable[[str], Awaitable[str | None]]
"""Returns the value of a stored secret, or None when there is none of that name."""


class StoredSecrets(Protocol):
    """What steps may be given."""

    async def read(self, name: str) -> str | None:
        """Return the value of a secret, or None when there is none of that name."""

    async def last(self, name: str) -> str | None:
        """Return the same, and of a secret that was deleted the last value."""

    async def former(self) -> tuple[str, ...]:
        """Return all values that were replaced or deleted."""


class CannotDispatch(Exception):
    """The attempt cannot be given to a runtime; it fails with `failure`."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def action_of(execution: Execution, run: TaskRun) -> Action:
    """Return what the run's current try does: its action, or its fallback."""
    task = execution.task(run)
    if run.fallback_used and task.fallback is not None:
        return task.fallback
    return task.action


def is_plain(run: TaskRun) -> bool:
    """Tell whether the input is at hand: no secret to put in, no large value to load."""
    return run.sealed is None and not any(
        has_reference(value) for value in run.input.values() if not isinstance(value, (str, int, float))
    )


class Complete(Struct, frozen=True):
    """An input that is ready to be given away."""

    input: dict[str, Any]
    secrets: tuple[str, ...] = ()
    """Secret values inside it: whatever the job says afterwards is cleared of them."""


async def complete_input(run: TaskRun, values: LargeValues, read_secret: ReadSecret) -> Complete:
    """Return the input with large values loaded and secrets put in; raises CannotDispatch."""
    input: dict[str, Any] = await values.fill_in(run.input)
    if run.sealed is None:
        return Complete(input)
    secrets: dict[str, str] = {}
    for name in sorted(secret_names(run.sealed)):
        value = await read_secret(name)
        if value is None:
            message = f"There is no secret '{name}' any more."
            raise CannotDispatch(Failure(code="missing_secret", message=message, final=True))
        secrets[name] = value
    try:
        opened = render(run.sealed, Values({"secrets": secrets}))
    except ExpressionError as error:
        raise CannotDispatch(Failure(code="expression", message=error.message, final=True)) from None
    return Complete({**input, **opened}, tuple(secrets.values()))


def credential_of(action: Action, library: Library) -> str | None:
    """Return the name of the secret that the task type of a call asks for."""
    spec = library.resolve(action.type) if isinstance(action, CallTask) else None
    return None if spec is None else spec.credential


async def credentials(
    name: str | None, execution: Execution, given: Mapping[str, str], read_secret: ReadSecret
) -> dict[str, str]:
    """Return the secret that a task type asks for: that of the start, else the stored one.

    Who gave a key must not be served with another one: raises CannotDispatch when a restart lost it.
    """
    if name is None:
        return {}
    value = given.get(name)
    if value is None and name in execution.credentials:
        message = f"The '{name}' that came with the start was lost by a restart; start again with it."
        raise CannotDispatch(Failure(code="credential_lost", message=message, final=True))
    value = value or await read_secret(name)
    return {} if value is None else {name: value}


def secret_names(template: Template) -> set[str]:
    """Return the names of the secrets that a template needs."""
    match template:
        case Expr(source=source):
            found = (reference for reference in parse(source).references if reference.root == "secrets")
            return {str(reference.path[0]) for reference in found if reference.path}
        case Text(parts=parts):
            return {name for part in parts if isinstance(part, Expr) for name in secret_names(part)}
        case ListOf(items=items):
            return {name for item in items for name in secret_names(item)}
        case ObjectOf(entries=entries):
            return {name for entry in entries.values() for name in secret_names(entry)}
        case _:
            return set()


def call_job(run: TaskRun, action: CallTask, input: dict[str, Any]) -> Job:
    """Return the job of a library call in this process."""
    return Job(
        attempt=run.attempt,
        label=run.task,
        work=TaskCall(type=action.type, inputs=input),
        timeout=run.timeout,
    )


def command_job(run: TaskRun, action: RunCommand, input: dict[str, Any], options: dict[str, Any]) -> Job:
    """Return the job of a command, its argument list, environment and standard input taken from the input."""
    argv = None
    if action.argv is not None:
        argv = tuple(_argument(index, input[f"argv.{index}"]) for index in range(len(action.argv)))
    prefix = "environment."
    environment = {
        name.removeprefix(prefix): _variable(name.removeprefix(prefix), value)
        for name, value in input.items()
        if name.startswith(prefix)
    }
    if counter := action.options.get("attempt_variable"):
        environment[counter] = str(len(run.tries))
    stdin = input.get("stdin")
    directory = action.directory if isinstance(action.directory, str) else input.get("directory")
    return Job(
        attempt=run.attempt,
        label=run.task,
        work=Command(
            script=action.script,
            argv=argv,
            environment=environment,
            stdin=None if stdin is None else _text("The standard input", stdin),
            image=action.image,
            directory=_text("The working directory", directory) if directory else None,
            outputs=action.outputs,
            options={**action.options, **options},
        ),
        timeout=run.timeout,
        cpus=action.resources.cpus,
        memory=action.resources.memory,
    )


def _argument(index: int, value: Any) -> str:
    what = f"Argument {index}"
    return _short(what, _text(what, value), 0)


def _variable(name: str, value: Any) -> str:
    what = f"The environment variable '{name}'"
    return _short(what, _text(what, value), _size(name) + 1)


def _text(what: str, value: Any) -> str:
    """Return a value as a text; raises CannotDispatch where it can be none."""
    try:
        return as_text(value)
    except ExpressionError as error:
        code = "too_large" if isinstance(error, TooLarge) else "type_mismatch"
        message = f"{what} cannot be made a text: {error.message}."
        raise CannotDispatch(Failure(code=code, message=message, final=True)) from None


def _short(what: str, text: str, before: int) -> str:
    """Return a text that a process can be given with so many bytes before it; raises CannotDispatch."""
    size = before + _size(text) + 1
    if size <= LONGEST_STRING:
        return text
    message = (
        f"{what} has {size} bytes with its name and end; a process takes {LONGEST_STRING} at most. "
        "A long text can be passed by standard input or a file."
    )
    raise CannotDispatch(Failure(code="invalid_job", message=message, final=True))


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def recorded(
    execution: int, run: TaskRun, action: RunCommand, job: Job, input: dict[str, Any]
) -> RecordedAttempt | None:
    """Return what is to be noted of the files of a command; None where nothing is."""
    recording, command = action.recording, job.work
    if recording is None or not isinstance(command, Command):
        return None
    if command.directory is None or not command.directory.startswith("/"):
        return None
    return RecordedAttempt(
        number=run.attempt,
        execution=execution,
        task=run.task,
        directory=command.directory,
        depth=recording.depth,
        inputs=recording.inputs,
        outputs=action.outputs,
        sources=tuple(as_text(input[f"source.{index}"]) for index in range(len(recording.sources))),
    )


def runtime_of(action: Action, library: Library) -> Literal["inline", "process", "command", "execution"]:
    """Return the kind of machine that an action needs; raises CannotDispatch for an unknown type."""
    match action:
        case CallTask(type=name):
            spec = library.resolve(name)
            if spec is None:
                message = f"The task library has no type '{name}' on this server."
                raise CannotDispatch(Failure(code="task_type_unavailable", message=message, final=True))
            return "process" if spec.runtime == "process" else "inline"
        case RunCommand():
            return "command"
        case _:
            return "execution"
