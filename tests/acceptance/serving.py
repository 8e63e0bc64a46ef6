"""A server as a process: what `headrace serve` does, for tests that want one."""

from __future__ import annotations

import sys

from headrace import settings
from headrace.api import server, server_log
from headrace.api.application import application
from headrace.app import Server
from headrace.dialects.dataflow import dialect


async def main() -> None:
    found = settings.load()
    listener = server.listen(found)
    house = Server(found, own_addresses=listener.addresses)
    server_log.configure(house.services.secrets_in_use)
    await house.open()
    try:
        services = house.services
        token = await server.greet(found, services.tokens, services.store.numbers, services.clock)
        if token is not None:
            sys.stderr.write(f"{token}\n")
        await server.serve(application(services, {dialect.name: dialect}), listener, found)
    finally:
        await house.close()


if __name__ == "__main__":
    server.run(main())
