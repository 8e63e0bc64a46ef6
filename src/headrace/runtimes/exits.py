"""Tells which watched processes have exited, in batches.

All pidfds stand in one epoll set, which alone is registered with the event loop: a process costs two system
calls to watch, and those that exit in one turn are told together.
"""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable

from headrace.runtimes.stopping import Process


class Exits:
    """The processes that are waited for."""

    def __init__(self, loop: asyncio.AbstractEventLoop, exited: Callable[[list[Process]], None]) -> None:
        self._loop = loop
        self._exited = exited
        self._watched: dict[int, Process] = {}
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._collect)

    def watch(self, process: Process, pidfd: int) -> None:
        """Wait for a process; the pidfd is ours from now on."""
        self._watched[pidfd] = process
        self._epoll.register(pidfd, select.EPOLLIN)

    def close(self) -> None:
        """Wait for nobody any more."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()
        for pidfd in self._watched:
            os.close(pidfd)
        self._watched.clear()

    def _collect(self) -> None:
        batch = []
        for pidfd, _ in self._epoll.poll(0):
            batch.append(self._watched.pop(pidfd))
            # Closing alone is not enough: a child that is just being spawned holds a copy until its exec is
            # through, and the next process under the same descriptor would then be told exited.
            self._epoll.unregister(pidfd)
            os.close(pidfd)
        self._exited(batch)
