"""`headrace serve`: all APIs on one port; and the server that other commands run inside themselves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer
from msgspec import Struct

from headrace.cli.inputs import pairs
from headrace.cli.options import Config, DataDir, Set
from headrace.cli.terminal import Terminal

if TYPE_CHECKING:
    from headrace.api.application import Application
    from headrace.api.server import Listener
    from headrace.app import Server
    from headrace.settings import Settings

Host = Annotated[str | None, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[str | None, typer.Option("--port", help="Port to listen on; 0 takes a free one.")]
Auth = Annotated[str | None, typer.Option("--auth", help="token, or off on a loopback address.")]
Cert = Annotated[str | None, typer.Option("--tls-cert", help="Certificate chain for HTTPS.")]
Key = Annotated[str | None, typer.Option("--tls-key", help="Private key for HTTPS.")]
Public = Annotated[str | None, typer.Option("--public-url", help="Address by which people reach it.")]
Hosts = Annotated[str | None, typer.Option("--allowed-hosts", help="Other host names, by commas.")]
Origins = Annotated[str | None, typer.Option("--allowed-origins", help="Other origins, by commas.")]
Json = Annotated[bool, typer.Option("--json", help="Tell errors as one JSON document.")]
Egress = Annotated[
    str | None, typer.Option("--egress-allow", help="Private hosts that tasks may call, by commas.")
]


def serve(
    *,
    config: Config = None,
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    auth: Auth = None,
    tls_cert: Cert = None,
    tls_key: Key = None,
    public_url: Public = None,
    allowed_hosts: Hosts = None,
    allowed_origins: Origins = None,
    egress_allow: Egress = None,
    set: Set = None,
    json: Json = False,
) -> None:
    """Serve all APIs on one port until a signal comes.

    The first line of standard output is the address; tokens, advice and logs go to standard error.
    """
    del json  # only what keeps it from serving is told as JSON, and that is not told here
    from headrace import settings
    from headrace.api import server

    options = {
        "data_dir": data_dir,
        "host": host,
        "port": port,
        "auth": auth,
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "public_url": public_url,
        "allowed_hosts": allowed_hosts,
        "allowed_origins": allowed_origins,
        "egress_allow": egress_allow,
    }
    found = settings.load({**options, **named_settings(set)}, config)
    listener = server.listen(found)
    try:
        server.run(_serve(found, listener))
    finally:
        listener.socket.close()


async def _serve(settings: Settings, listener: Listener) -> None:
    from headrace.api import server, server_log
    from headrace.app import Server

    made = Server(settings, own_addresses=listener.addresses)
    server_log.configure(made.services.secrets_in_use)
    _tell_what_is_left_out(made)
    async with opened(made, settings) as house:
        if house.admin_token is not None:
            tell_token(house.admin_token)
        if settings.auth == "off":
            Terminal().note(server.OPEN)
        await server.serve(house.application, listener, settings)


def _tell_what_is_left_out(made: Server) -> None:
    """Log every plug-in that cannot be used: without it, whole doors answer 404 and nobody would know why."""
    import structlog

    from headrace import plugins

    log = structlog.get_logger(__name__)
    broken = (*plugins.load(plugins.DIALECTS).broken, *made.runtimes.broken, *made.services.library.broken)
    for error in broken:
        log.warning("plugin_left_out", reason=error.message)


def tell_token(token: str) -> None:
    """Show the administrator's token, which is shown once."""
    Terminal().note(f"The administrator's token, shown this once:\n\n    {token}\n")


class Opened(Struct, frozen=True):
    """A server that has taken up its work."""

    server: Server
    application: Application
    admin_token: str | None
    """Set when this is the first start without one."""


@asynccontextmanager
async def opened(house: Server, settings: Settings) -> AsyncIterator[Opened]:
    """Take up the work of a server, with its doors, and close it at the end."""
    from headrace.api import server
    from headrace.api.application import application
    from headrace.cli.documents import dialects

    services = house.services
    try:
        token = await server.greet(settings, services.tokens, services.store.numbers, services.clock)
        doors = application(services, dialects())
        house.house.observers.append(doors.metrics.committed)
        doors.metrics.watch("live_executions", "Executions in memory.", lambda: len(house.house.mailboxes))
        await house.open()
        yield Opened(house, doors, token)
    finally:
        await house.close()


def named_settings(given: list[str] | None) -> dict[str, Any]:
    """Return the settings of `--set`; raises `InvalidSettings` for a name that is none."""
    import difflib

    from headrace.errors import InvalidSettings, Problem
    from headrace.settings import catalogue

    found = pairs(given, what="setting")
    problems = []
    for name in found:
        if name not in catalogue():
            near = difflib.get_close_matches(name, catalogue(), n=1)
            advice = f"; did you mean {near[0]}?" if near else "; `headrace doctor` lists all."
            message = f"{name} from the command line is no setting{advice}"
            problems.append(
                Problem(path=name, code="unknown_setting", message=message, suggestion=next(iter(near), None))
            )
    if problems:
        raise InvalidSettings(problems)
    return dict(found)
