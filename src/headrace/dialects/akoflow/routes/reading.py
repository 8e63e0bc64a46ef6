"""Reads documents that are sent to this server, at whatever door."""

from __future__ import annotations

import asyncio

from headrace.dialects.akoflow.judging import read_for
from headrace.dialects.akoflow.parse import Parsed
from headrace.dialects.akoflow.routes.surroundings import surroundings_of
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.orchestrator.services import Services


async def read_here(source: bytes, services: Services, around: Surroundings | None = None) -> Parsed:
    """Return what became of a document that is sent now.

    It is read away from the loop: it may be long, and its paths are looked up on the disk.
    """
    known = await surroundings_of(services) if around is None else around
    return await asyncio.to_thread(read_for, source, services.settings, services.runtimes, known)
