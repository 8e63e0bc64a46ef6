"""HTTP clients that pass the egress guard: the only file of this room that knows httpx2.

The guard sits where the connection is made: a name is resolved once, each address is judged, and the
connection goes to a judged address, while TLS and `Host` keep the name.
So there is no moment between the check and the use in which a name could come to mean something else.
Proxies of the environment and Unix sockets are not used, because behind them nothing could be judged.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import anyio
import anyio.to_thread
import httpcore2
import httpx2

from headrace.security.egress import Egress, EgressBlocked

Resolve = Callable[[str, int], Sequence[str]]
"""Host and port to IP addresses; raises OSError."""

_TIMEOUT = timedelta(seconds=30)
_KEEP_ALIVE = timedelta(seconds=5)
_MOST_CONNECTIONS = 100


def resolve(host: str, port: int) -> list[str]:
    """Ask the system's resolver, each address once, in its order; raises OSError."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except UnicodeError:
        # What no resolver can be asked for, as a part that is empty or longer than 63 characters.
        raise socket.gaierror(socket.EAI_NONAME, "it is no host name") from None
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def guarded_async_client(
    egress: Egress,
    *,
    timeout: timedelta = _TIMEOUT,
    max_redirects: int = 0,
    verify: ssl.SSLContext | None = None,
    resolver: Resolve = resolve,
) -> httpx2.AsyncClient:
    """Make a client; without `max_redirects` a redirect is an answer like another.

    `timeout` holds for each step (resolve and connect, write, read), not for the whole.
    A refused target raises EgressBlocked, all else httpx2's own errors.
    """
    return httpx2.AsyncClient(
        transport=_GuardedAsyncTransport(egress, verify or httpx2.create_ssl_context(), resolver),
        timeout=timeout.total_seconds(),
        follow_redirects=max_redirects > 0,
        max_redirects=max_redirects,
        trust_env=False,
    )


def _judged(egress: Egress, found: Sequence[str], host: str, port: int) -> list[str]:
    """Return the addresses that may be connected to; raises EgressBlocked when there are none."""
    verdicts = [(ip, egress.check_address(ip, host, port)) for ip in found]
    allowed = [ip for ip, problem in verdicts if problem is None]
    refused = [problem for _, problem in verdicts if problem is not None]
    if not allowed and refused:
        raise EgressBlocked(refused[0])
    return allowed


def _check(egress: Egress, request: httpx2.Request) -> httpcore2.Request:
    """Judge the URL of a request, the first or a redirect's, and put it into the words of the pool."""
    problem = egress.check_url(str(request.url))
    if problem is not None:
        raise EgressBlocked(problem)
    url = httpcore2.URL(
        scheme=request.url.raw_scheme,
        host=request.url.raw_host,
        port=request.url.port,
        target=request.url.raw_path,
    )
    return httpcore2.Request(
        method=request.method,
        url=url,
        headers=request.headers.raw,
        content=request.stream,
        extensions=request.extensions,
    )


@contextmanager
def _told_as_httpx() -> Iterator[None]:
    """Raise the pool's errors under the names that users of the client know."""
    try:
        yield
    except Exception as error:
        for ancestor in type(error).__mro__:
            known = getattr(httpx2, ancestor.__name__, None)
            if ancestor.__module__.startswith("httpcore2") and known is not None:
                raise known(str(error)) from error
        raise


class _GuardedAsyncBackend(httpcore2.AsyncNetworkBackend):
    """Connects to judged addresses only."""

    def __init__(self, egress: Egress, resolver: Resolve) -> None:
        self._egress = egress
        self._resolve = resolver
        self._network = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore2's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        found = await self._look_up(host, port, timeout)
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for ip in _judged(self._egress, found, host, port):
            try:
                return await self._network.connect_tcp(ip, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def _look_up(self, host: str, port: int, seconds: float | None) -> Sequence[str]:
        try:
            with anyio.fail_after(seconds):
                return await anyio.to_thread.run_sync(self._resolve, host, port, abandon_on_cancel=True)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout(f"{host} was not resolved in time") from error
        except OSError as error:
            raise httpcore2.ConnectError(f"{host} cannot be resolved: {error}") from error


class _AsyncBody(httpx2.AsyncByteStream):
    """The body of an answer, with its errors told as httpx2's."""

    def __init__(self, parts: Any) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _told_as_httpx():
            async for part in self._parts:
                yield part

    async def aclose(self) -> None:
        await self._parts.aclose()


class _GuardedAsyncTransport(httpx2.AsyncBaseTransport):
    def __init__(self, egress: Egress, verify: ssl.SSLContext, resolver: Resolve) -> None:
        self._egress = egress
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=verify,
            max_connections=_MOST_CONNECTIONS,
            keepalive_expiry=_KEEP_ALIVE.total_seconds(),
            network_backend=_GuardedAsyncBackend(egress, resolver),
        )

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        with _told_as_httpx():
            answer = await self._pool.handle_async_request(_check(self._egress, request))
        return httpx2.Response(
            status_code=answer.status,
            headers=answer.headers,
            stream=_AsyncBody(answer.stream),
            extensions=answer.extensions,
        )

    async def aclose(self) -> None:
        await self._pool.aclose()
