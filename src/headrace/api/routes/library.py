"""The task library and the runtimes: what is there, and one type tried alone."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from headrace.api import answers, bodies
from headrace.api.definitions import ports_shown
from headrace.api.operations import Operation, json_answer
from headrace.api.starting import ready
from headrace.definition.model import WorkflowDefinition
from headrace.definition.types import TaskTypeSpec
from headrace.dialects.protocol import Dialect
from headrace.errors import InvalidDefinition, InvalidInput, NotFound, Problem
from headrace.http.credentials import HEADER, given_with
from headrace.orchestrator.executions import StartRequest
from headrace.orchestrator.services import Services
from headrace.orchestrator.workflows import WorkflowNames
from headrace.store.protocol import KeyTaken
from headrace.store.rows import WorkflowRow

TRIALS = "dataflow"
"""The dialect in which a trial is written: it knows the ports of every type, and all that may be wrong."""

_PORTS = "/tasks/0/inputs"


class LibraryRoutes:
    """Task types and runtimes."""

    def __init__(self, services: Services, dialects: Mapping[str, Dialect]) -> None:
        self._services = services
        self._dialects = dialects

    def operations(self) -> list[Operation]:
        """The table of these routes."""
        one = "/v1/task-types/{type}"
        listed = answers.Listed[answers.TaskTypeShown]
        runtimes = answers.Listed[answers.RuntimeShown]
        shown = answers.TaskTypeShown
        started = answers.Started
        return [
            Operation(method="GET", path="/v1/task-types", endpoint=self.all, scope="read", answer=listed),
            Operation(method="GET", path=one, endpoint=self.get, scope="read", answer=shown),
            Operation(
                method="POST",
                path=f"{one}/try",
                endpoint=self.try_,
                scope="run",
                answer=started,
                status=201,
                headers=(HEADER,),
            ),
            Operation(
                method="GET", path="/v1/runtimes", endpoint=self.runtimes, scope="read", answer=runtimes
            ),
        ]

    async def all(self) -> Response:
        """List the task types, by name."""
        return json_answer(answers.Listed([_shown(spec) for spec in self._services.library.specs()], None))

    async def get(self, type: str) -> Response:
        """Look at a task type, under any of its spellings."""
        return json_answer(_shown(self._spec(type)))

    async def runtimes(self) -> Response:
        """List where jobs can run."""
        found = [answers.RuntimeShown(name) for name in self._services.runtimes]
        return json_answer(answers.Listed(found, None))

    async def try_(self, type: str, body: bodies.TryBody, request: Request) -> Response:
        """Run a task type alone, with these inputs."""
        spec = self._spec(type)
        if not spec.available:
            because = spec.unavailable_because or "It is not available."
            message = f"{spec.type} cannot run here. {because}"
            raise InvalidInput([Problem(path="", code="task_type_unavailable", message=message)], message)
        definition, source = self._trial(spec, body)
        services, dialect = self._services, self._dialects[TRIALS]
        names = services.executions.name()
        credentials = given_with(request)
        async with services.starts.start():
            row = await self._kept(f"try-{spec.type}", definition, source)
            start = bodies.StartBody()
            made = await ready(
                dialect, row, definition, start, names.number, services, credentials=credentials
            )
            await services.executions.start(
                StartRequest(
                    workflow=row.number,
                    version=row.version,
                    inputs=made.inputs,  # no user's, but the files that the trial names
                    names=names,
                    labels={"try": spec.type, **made.labels},
                    credentials=credentials,
                )
            )
        url = f"/v1/executions/{names.number}"
        started = answers.Started(
            number=names.number, id=names.id, workflow=row.number, version=row.version, url=url
        )
        return json_answer(started, 201, {"location": url})

    def _spec(self, name: str) -> TaskTypeSpec:
        spec = self._services.library.resolve(name)
        if spec is None:
            near = self._services.library.suggest(name)
            hint = f"; did you mean '{near}'?" if near else "."
            raise NotFound(f"There is no task type '{name[:100]}'{hint}")
        return spec

    def _trial(self, spec: TaskTypeSpec, body: bodies.TryBody) -> tuple[WorkflowDefinition, bytes]:
        task = {"name": "try", "type": spec.type, "inputs": body.inputs}
        source = msgspec.json.encode({"title": f"Try {spec.type}", "tasks": [task]})
        parsed = self._dialects[TRIALS].parse(source, self._services.library, max_tasks=1)
        if parsed.definition is None or parsed.problems:
            problems = [_in_body(problem) for problem in parsed.problems]
            raise InvalidDefinition(problems, (), f"The inputs do not fit '{spec.type}'.")
        return msgspec.structs.replace(parsed.definition, dialect="native"), source

    async def _kept(self, alias: str, definition: WorkflowDefinition, source: bytes) -> WorkflowRow:
        """Return the workflow of this alias with the definition as its current version."""
        workflows = self._services.workflows
        try:
            row = await workflows.get(alias)
        except NotFound:
            named = workflows.name()
            names = WorkflowNames(named.number, named.id, alias)
            try:
                return await workflows.create(definition, source, "application/json", names=names)
            except KeyTaken:
                row = await workflows.get(alias)
        return await workflows.update(row.number, definition, source, "application/json")


def _in_body(problem: Problem) -> Problem:
    """Return the problem with its pointer into the body of the request."""
    path = problem.path
    inside = f"/inputs{path.removeprefix(_PORTS)}" if path.startswith(_PORTS) else ""
    return msgspec.structs.replace(problem, path=inside, line=None, column=None)


def _shown(spec: TaskTypeSpec) -> answers.TaskTypeShown:
    return answers.TaskTypeShown(
        type=spec.type,
        category=spec.category,
        description=spec.description,
        runtime=spec.runtime,
        inputs=ports_shown(spec.inputs),
        outputs=ports_shown(spec.outputs),
        aliases=spec.aliases,
        available=spec.available,
        unavailable_because=spec.unavailable_because,
    )
