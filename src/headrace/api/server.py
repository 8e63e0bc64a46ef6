"""Runs the application under uvicorn: the socket, the first line, the first token, the signals, the end.

In this order: `listen` binds and knows the address, the composition root builds the server for it, `greet`
settles the administrator's token, `serve` answers until a signal comes.
Standard output gets the address, one flushed line, once the server listens; all else is for standard error.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import signal
import socket
import sys
from collections.abc import Awaitable, Coroutine, Iterator
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
import uvicorn
import uvloop
from msgspec import Struct

from headrace.api import heads
from headrace.api.application import Application
from headrace.clock import Clock
from headrace.errors import HeadraceError
from headrace.security.tokens import TokenStore, hash_of, issue, operator_record
from headrace.settings import Settings
from headrace.settings.model import is_loopback
from headrace.store.protocol import Numbers

log = structlog.get_logger(__name__)

Result = TypeVar("Result")

GRACE = 10
"""Seconds that requests have to end after the signal."""

BACKLOG = 2048
"""Connections that may wait to be accepted."""


class CannotListen(HeadraceError):
    """The server cannot listen at this address."""

    code = "cannot_listen"

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        self.is_busy = cause.errno == errno.EADDRINUSE
        """Whether another port would do."""
        if self.is_busy:
            message = (
                f"Port {port} of {host} is in use by another program; "
                "give another one, or 0 for any that is free."
            )
        elif cause.errno == errno.EACCES:
            message = (
                f"Port {port} may only be opened by the administrator of this machine; give one above 1023."
            )
        else:
            message = f"Cannot listen on {host}, port {port}: {cause.strerror or cause}."
        super().__init__(message)


class Listener(Struct, frozen=True):
    """A socket that listens: who comes before the server is ready waits in its backlog."""

    socket: socket.socket
    host: str
    port: int
    url: str
    """Address of the server, without a slash at its end."""
    public_url: str | None = None
    """Where people reach it, if that is another address."""

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The addresses as the egress guard wants them."""
        own = (self.host, self.port)
        if self.public_url is None:
            return (own,)
        public = urlsplit(self.public_url)
        return (own, (public.hostname or "", public.port or (443 if public.scheme == "https" else 80)))


def listen(settings: Settings, *, port: int | None = None) -> Listener:
    """Take the address of the settings, or another port of it; raises `CannotListen`.

    Linux lets several programs bind one port with `SO_REUSEADDR` for as long as none of them listens on it,
    so only listening tells that the port is ours, before a token of ours is sent there.
    """
    wanted = settings.port if port is None else port
    host = settings.host.strip("[]")
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, wanted, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        bound = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(host, wanted, error) from None
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
        bound.listen(BACKLOG)
    except OSError as error:
        bound.close()
        raise CannotListen(host, wanted, error) from None
    found_host, found_port = bound.getsockname()[:2]
    scheme = "https" if settings.tls_cert is not None else "http"
    shown = f"[{host}]" if ":" in host else host
    url = f"{scheme}://{shown}:{found_port}"
    return Listener(bound, found_host, found_port, url, settings.public_url)


def run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run a server on the event loop that it is measured with."""
    return uvloop.run(main)


async def greet(settings: Settings, tokens: TokenStore, numbers: Numbers, clock: Clock) -> str | None:
    """Settle the administrator's token; return a new one when this is the first start without one.

    Another `admin_token` than at the start before takes its place and revokes it; the same one keeps its
    number, by which what was done with it is known again (answers kept for an `Idempotency-Key`).
    Raises `InvalidInput` when it is too weak.
    """
    known = await tokens.list()
    if settings.admin_token is None:
        if any(record.is_valid(clock.now()) for record in known) or settings.auth == "off":
            return None
        token, record = issue(number=numbers.take(), name="admin", scopes=["admin"], now=clock.now())
        await tokens.add(record)
        return token
    token = settings.admin_token.get_secret_value()
    same = await tokens.find(hash_of(token))
    number, since = (numbers.take(), clock.now()) if same is None else (same.number, same.created_at)
    record = operator_record(token, number=number, now=since)
    for former in known:
        if former.name == record.name and former.hash != record.hash and not former.revoked:
            await tokens.revoke(former.number)
    if record != same:
        await tokens.add(record)
    return None


OPEN = "No token is needed (auth is off): everybody on this machine can use this server."
"""What people must know who start a server in the open mode."""


def warn_of_exposure(settings: Settings) -> None:
    """Say so when others can use the server, or can read along."""
    if settings.auth == "off":
        log.warning("open_to_everybody_here", advice=OPEN)
    if not is_loopback(settings.host) and settings.tls_cert is None and not settings.trusted_proxies:
        log.warning(
            "exposed",
            host=settings.host,
            advice="Tokens travel in clear text: set tls_cert and tls_key, or trusted_proxies.",
        )


async def serve(
    application: Application, listener: Listener, settings: Settings, *, stop: Awaitable[object] | None = None
) -> None:
    """Answer requests until SIGINT, SIGTERM or the end of `stop`; prints the address once it listens."""
    warn_of_exposure(settings)
    config = uvicorn.Config(
        application,
        http=heads.Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        ssl_certfile=settings.tls_cert,
        ssl_keyfile=settings.tls_key,
        backlog=BACKLOG,
        timeout_graceful_shutdown=GRACE,
    )
    server = _Server(config, application, listener)
    if stop is None:
        await server.serve([listener.socket])
        return
    stopping = asyncio.ensure_future(stop)
    stopping.add_done_callback(lambda _: server.stop())
    try:
        await server.serve([listener.socket])
    finally:
        stopping.cancel()


class _Server(uvicorn.Server):
    """uvicorn's server, which ends quietly, and whose streams end with it."""

    def __init__(self, config: uvicorn.Config, application: Application, listener: Listener) -> None:
        super().__init__(config)
        self._application = application
        self._listener = listener

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and say where."""
        await super().startup(sockets)
        sys.stdout.write(f"{self._listener.url}\n")
        sys.stdout.flush()
        log.info("listening", url=self._listener.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End the streams, and wait for the other requests."""
        self._application.streams.close()
        await super().shutdown(sockets)

    def stop(self) -> None:
        """Stop soon; asked a second time, stop at once."""
        if self.should_exit:
            self.force_exit = True
        self.should_exit = True
        self._application.streams.close()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and do not raise them again: an ordered end is a success."""
        loop = asyncio.get_running_loop()
        caught = (signal.SIGINT, signal.SIGTERM)
        for number in caught:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in caught:
                loop.remove_signal_handler(number)
