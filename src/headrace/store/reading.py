"""Readers: a few threads, each with a connection of its own, that never wait for the writer (WAL).

Whatever a query asks is said through SQLAlchemy; this file says where and when it runs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from sqlalchemy import Connection, Engine, exc

from headrace.errors import RequestError, StoreError
from headrace.store.failures import unavailable

T = TypeVar("T")

READERS = 4
"""Threads: a long list and a look-up beside it must not wait for each other; more would only contend for the
interpreter."""


class Readers:
    """Runs queries beside the event loop."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="store-reader")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Return what `query` returns; raises `StoreError` when the database does not answer."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, query)
        except exc.SQLAlchemyError as error:
            raise unavailable(error) from error
        except (OverflowError, UnicodeEncodeError) as error:
            raise RequestError(
                "A number or text of this question is nothing that could be stored."
            ) from error
        except RuntimeError as error:
            raise StoreError("The store is closed.") from error

    async def close(self) -> None:
        """Let the queries that run end, and close the connections."""
        await asyncio.to_thread(self._threads.shutdown)
        self._engine.dispose()

    def _run(self, query: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return query(connection)
