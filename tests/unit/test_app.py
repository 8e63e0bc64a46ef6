from __future__ import annotations

from pathlib import Path

from headrace.app import Server
from headrace.settings import load


async def test_a_server_that_was_never_opened_can_be_closed(tmp_path: Path) -> None:
    """Else what kept it from opening would be hidden behind what breaks on closing."""
    server = Server(load({"data_dir": str(tmp_path)}))

    await server.close()

    again = Server(load({"data_dir": str(tmp_path)}))  # which another server's lock would refuse
    await again.close()
    assert again.store.epoch == server.store.epoch + 1
