"""What all tests share: the event loop is the one that the server runs on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import uvloop


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Return how the loops of asynchronous tests are made."""
    return {"uvloop": uvloop.new_event_loop}
