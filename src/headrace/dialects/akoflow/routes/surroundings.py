"""What documents are judged by on this server, gathered from its settings and its rooms."""

from __future__ import annotations

from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.orchestrator.services import Services
from headrace.security.secrets import GLOBAL

_NOT_FOR_COMMANDS = "inline"


def runtimes_of(services: Services) -> tuple[str, ...]:
    """Return the names of the runtimes that take commands."""
    return tuple(name for name in services.runtimes if name != _NOT_FOR_COMMANDS)


async def surroundings_of(services: Services) -> Surroundings:
    """Return the surroundings of a document that is sent now."""
    settings = services.settings.akoflow
    return Surroundings(
        runtimes=runtimes_of(services),
        default_runtime=settings.default_runtime,
        unknown_runtime=settings.unknown_runtime,
        default_policy=settings.default_storage_policy,
        max_activities=min(settings.max_activities, services.settings.max_tasks),
        max_run=settings.max_run,
        secrets=frozenset(record.name for record in await services.vault.list(GLOBAL)),
        check_url=services.egress.check_url,
    )
