"""A PostgreSQL cluster of our own for the peers that need one, with its default, durable settings.

It listens on a Unix socket in a private directory and nowhere else, and is gone afterwards.
PostgreSQL refuses to run as root; then it runs as the user that its package made.
"""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

PLACES = ("/usr/lib/postgresql", "/usr/pgsql", "/usr/local/pgsql", "/opt/homebrew/opt")
"""Where packages put the server's programs when they are not on the path."""


class Cluster:
    """A running cluster."""

    def __init__(self, socket: Path, user: str, process: psutil.Process, version: str) -> None:
        self._socket = socket
        self._user = user
        self._process = process
        self.version = version
        """What `postgres --version` says."""

    @property
    def url(self) -> str:
        """Where its one database is; peers keep out of each other's way by the names of their tables."""
        return f"postgresql://{self._user}@/postgres?host={self._socket}"

    def cpu_seconds(self) -> float:
        """CPU time of all its processes, those that have ended too, in steps of a clock tick (10 ms)."""
        total = 0.0
        for each in [self._process, *self._process.children()]:
            with suppress(psutil.NoSuchProcess):
                times = each.cpu_times()
                total += times.user + times.system + times.children_user + times.children_system
        return total


def binaries() -> Path | None:
    """Return the directory of `initdb` and `postgres`, None where there are none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    candidates = [path.parent for place in PLACES for path in Path(place).glob("**/bin/initdb")]
    return max(candidates, default=None)


@contextmanager
def cluster(programs: Path, directory: Path) -> Iterator[Cluster]:
    """Run a cluster in a directory that does not exist yet."""
    user = _user()
    # The path of a socket has some hundred bytes, so it does not stand beside the data.
    socket = Path(tempfile.mkdtemp(prefix="bench-"))
    directory.mkdir()
    if os.geteuid() == 0:
        for path in (socket, directory):
            shutil.chown(path, user)
    where = f"--pgdata={directory}"
    options = f"-c listen_addresses='' -c unix_socket_directories='{socket}'"
    log = f"--log={directory / 'log'}"
    control = [str(programs / "pg_ctl"), where, "--wait", "--silent"]
    try:
        _run(
            user,
            [str(programs / "initdb"), where, "--auth=trust", "--encoding=UTF8", "--locale=C", f"-U{user}"],
        )
        _run(user, [*control, log, f"--options={options}", "start"])
        try:
            version = subprocess.check_output([programs / "postgres", "--version"], text=True).strip()
            number = int((directory / "postmaster.pid").read_text(encoding="ascii").split()[0])
            yield Cluster(socket, user, psutil.Process(number), version)
        finally:
            _run(user, [*control, "--mode=immediate", "stop"])
    finally:
        shutil.rmtree(socket, ignore_errors=True)


def _run(user: str, command: list[str]) -> None:
    """Run one of its programs as that user, in a directory that everybody may read."""
    is_root = os.geteuid() == 0
    subprocess.run(
        command,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        user=user if is_root else None,
        group=pwd.getpwnam(user).pw_gid if is_root else None,
        extra_groups=[] if is_root else None,
    )


def _user() -> str:
    """Return who the cluster runs as."""
    if os.geteuid() != 0:
        return pwd.getpwuid(os.geteuid()).pw_name
    known = {account.pw_name for account in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
