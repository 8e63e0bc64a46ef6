"""What documents are judged by on this server, gathered from its settings and its rooms."""

from __future__ import annotations

from headrace.dialects.akoflow.host_paths import HostPaths
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.orchestrator.services import Services
from headrace.runtimes.protocol import Capabilities
from headrace.security.secrets import GLOBAL


def runtimes_of(services: Services) -> dict[str, Capabilities]:
    """Return the runtimes that take commands."""
    return {name: found for name, found in services.runtimes.items() if found.commands}


async def surroundings_of(services: Services) -> Surroundings:
    """Return the surroundings of a document that is sent now."""
    settings, local = services.settings.akoflow, services.settings.local
    paths = HostPaths.of(services.settings)
    return Surroundings(
        runtimes=runtimes_of(services),
        switched_off={
            name.lower(): found.why_no_commands
            for name, found in services.runtimes.items()
            if found.why_no_commands is not None
        },
        default_runtime=settings.default_runtime,
        unknown_runtime=settings.unknown_runtime,
        default_policy=settings.default_storage_policy,
        max_activities=min(settings.max_activities, services.settings.max_tasks),
        max_run=settings.max_run,
        schedules=frozenset(rule.name for rule in await services.store.placements.list()),
        secrets=frozenset(record.name for record in await services.vault.list(GLOBAL)),
        check_url=services.egress.check_url,
        why_refused=paths.why_refused,
        why_refused_here=paths.why_refused_here,
        why_not_bound=paths.why_not_bound,
        cpus=local.cpus,
        memory=local.memory,
    )
