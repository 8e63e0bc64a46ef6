"""What documents are judged by on this server: its settings and runtimes, and what is in its store."""

from __future__ import annotations

from msgspec.structs import replace

from headrace.dialects.akoflow import judging
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.orchestrator.services import Services
from headrace.security.secrets import GLOBAL


async def surroundings_of(services: Services) -> Surroundings:
    """Return the surroundings of a document that is sent now."""
    return replace(
        judging.surroundings_of(services.settings, services.runtimes),
        schedules=frozenset(rule.name for rule in await services.store.placements.list()),
        secrets=frozenset(record.name for record in await services.vault.list(GLOBAL)),
        check_url=services.egress.check_url,
    )
