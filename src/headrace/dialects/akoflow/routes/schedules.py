"""Routes of schedules: list, look, make, forget."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from headrace.dialects.akoflow import schedules
from headrace.dialects.akoflow.routes import requests
from headrace.dialects.akoflow.routes.operations import Operation, data_answer, json_answer
from headrace.dialects.akoflow.routes.refusals import Refusal, of_problems
from headrace.errors import InvalidDefinition, NotFound
from headrace.orchestrator.services import Services
from headrace.store.protocol import KeyTaken
from headrace.store.rows import PlacementRule

_PATH = "/akoflow-api/schedules"


class ScheduleRoutes:
    """Rules by which a node is chosen."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rules = services.store.placements

    def operations(self) -> list[Operation]:
        """Return the table of these routes."""
        one = f"{_PATH}/{{scheduleId}}"
        return [
            Operation("GET", _PATH, "read", self.list_schedules),
            Operation("POST", _PATH, "write", self.make, 201),
            Operation("GET", one, "read", self.get_schedule),
            Operation("DELETE", one, "write", self.forget, 204),
        ]

    async def list_schedules(self, _: Request) -> Response:
        """List the schedules, oldest first."""
        found = [schedules.shown(rule) for rule in await self._rules.list()]
        return data_answer(found, self._services, next=None)

    async def get_schedule(self, request: Request) -> Response:
        """Return one schedule."""
        return data_answer(schedules.shown(await self._found(request)), self._services)

    async def make(self, request: Request) -> Response:
        """Keep a schedule."""
        services = self._services
        members = requests.members_of(await requests.read_source(request, services))
        try:
            draft = schedules.read(members)
        except InvalidDefinition as error:
            raise of_problems(error.problems) from None
        await services.store.numbers.prepare(1)
        rule = PlacementRule(
            number=services.store.numbers.take(),
            name=draft.name,
            weights=draft.weights,
            created_at=services.clock.now(),
        )
        try:
            await self._rules.add(rule)
        except KeyTaken:
            raise Refusal(409, "name_taken", f"There is a schedule '{draft.name}' already.") from None
        return json_answer(schedules.shown(rule), services, 201)

    async def forget(self, request: Request) -> Response:
        """Forget a schedule; workflows that name it keep the name."""
        rule = await self._found(request)
        await self._rules.delete(rule.number)
        return Response(status_code=204)

    async def _found(self, request: Request) -> PlacementRule:
        number = requests.id_of(request, "scheduleId")
        try:
            return await self._rules.get(number)
        except NotFound:
            raise Refusal(404, "not_found", f"There is no schedule {number}.") from None
