"""`headrace doctor`: what this machine has, what is set and where, and whether a server answers."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal as OneOf

import typer
from msgspec import Struct

from headrace.cli.connecting import connected
from headrace.cli.options import Config, Json, Token, Url
from headrace.cli.statuses import Status
from headrace.cli.terminal import Terminal
from headrace.errors import HeadraceError, InvalidSettings

if TYPE_CHECKING:
    from headrace.settings import Settings

SYNCS = 20
"""Times that the disk is asked to keep a block, for a median."""

SLOW_SYNC = 0.010
"""Seconds above which a commit is felt by whoever waits for it."""

PROGRAMS = {
    "bwrap": "shows steps directories at the places that documents name",
    "podman": "runs steps in containers",
    "docker": "runs steps in containers",
    "apptainer": "runs steps in images of a cluster",
    "sbatch": "submits steps to Slurm",
}
LIBRARIES = {
    "trafilatura": ("web", "web.extract_text"),
    "yt_dlp": ("media", "youtube.download"),
}


class Check(Struct, frozen=True):
    """One thing that was looked at."""

    name: str
    state: OneOf["good", "note", "bad"]
    sentence: str


class SettingFound(Struct, frozen=True):
    """One setting, its value, and where it was said."""

    name: str
    value: str
    source: str


class Diagnosis(Struct, frozen=True):
    """All that was found."""

    checks: list[Check]
    settings: list[SettingFound]


def doctor(*, config: Config = None, url: Url = None, token: Token = None, json: Json = False) -> None:
    """Look at this machine, the settings, and the server."""
    from headrace import settings

    status = Status.DONE
    checks = [*_machine(), *_plugins()]
    found: list[SettingFound] = []
    try:
        loaded = settings.load({"url": url, "token": token}, config)
    except InvalidSettings as error:
        checks += [Check("settings", "bad", problem.message) for problem in error.problems]
        status = Status.USAGE
    else:
        found = list(_settings(loaded, config))
        checks += [_data_directory(loaded.data_dir), _server(loaded.url, url, token)]
    if status is Status.DONE and any(check.state == "bad" for check in checks):
        status = Status.FAILED
    diagnosis = Diagnosis(checks, found)
    Terminal(json=json).answer(diagnosis, lambda: _shown(diagnosis))
    raise typer.Exit(status)


def _shown(diagnosis: Diagnosis) -> Any:
    from rich.console import Group
    from rich.text import Text

    from headrace.cli.views import table

    marks = {"good": ("✓", "green"), "note": ("·", "dim"), "bad": ("✗", "bold red")}
    rows = [(Text(*marks[check.state]), check.name, check.sentence) for check in diagnosis.checks]
    settings = [(each.name, each.value, each.source) for each in diagnosis.settings]
    checks = table("", "", "", rows=rows)
    return Group(checks, Text(), table("setting", "value", "from", rows=settings)) if settings else checks


def _machine() -> Iterator[Check]:
    yield Check("Python", "good", platform.python_version())
    yield Check("SQLite", "good", sqlite3.sqlite_version)
    yield _ffmpeg()
    for library, (extra, type) in LIBRARIES.items():
        if importlib.util.find_spec(library) is None:
            sentence = f"not installed, so {type} is not available: pip install 'headrace[{extra}]'"
            yield Check(library.replace("_", "-"), "note", sentence)
        else:
            yield Check(library.replace("_", "-"), "good", f"installed, for {type}")
    for program, use in PROGRAMS.items():
        where = shutil.which(program)
        yield Check(program, "good" if where else "note", where or f"not found; it {use}")


def _plugins() -> Iterator[Check]:
    """Tell what is installed, and what of it is broken and left out."""
    from headrace import plugins

    for group in (plugins.DIALECTS, plugins.RUNTIMES, plugins.TASKS):
        offered = plugins.load(group)
        name = group.rpartition(".")[2]
        yield Check(name, "good", ", ".join(plugin.name for plugin in offered.found) or "none from plug-ins")
        for error in offered.broken:
            yield Check(name, "bad", error.message)


def _ffmpeg() -> Check:
    if where := shutil.which("ffmpeg"):
        return Check("ffmpeg", "good", where)
    if importlib.util.find_spec("imageio_ffmpeg") is not None:
        return Check("ffmpeg", "good", "the one of imageio-ffmpeg")
    sentence = "not found, so video.extract_audio is not available: pip install 'headrace[media]'"
    return Check("ffmpeg", "note", sentence)


def _data_directory(directory: Path) -> Check:
    """Ask the disk of the data directory how long it takes to keep something."""
    existing = directory if directory.is_dir() else directory.absolute().parent
    took = []
    try:
        with tempfile.NamedTemporaryFile(dir=existing, prefix=".headrace-doctor-") as file:
            for _ in range(SYNCS):
                file.write(bytes(4096))
                file.flush()
                began = time.perf_counter()
                os.fsync(file.fileno())
                took.append(time.perf_counter() - began)
    except OSError as error:
        return Check("data directory", "bad", f"{existing} cannot be written: {error.strerror}.")
    median = statistics.median(took)
    told = f"{directory.absolute()}; the disk keeps a block in {median * 1000:.2f} ms"
    if median > SLOW_SYNC:
        return Check("data directory", "note", f"{told}, which slows every step")
    return Check("data directory", "good", told)


def _server(address: str, url: str | None, token: str | None) -> Check:
    """Ask whether a server answers, and whether it knows our token."""
    from headrace.client import Forbidden, Unauthorized, Unreachable

    try:
        with connected(url, token) as server:
            server.health()
            server.executions(limit=1)
    except Unreachable as error:
        return Check("server", "note", f"{error.message} Start one with: headrace serve")
    except (Unauthorized, Forbidden) as error:
        return Check("server", "note", f"{address} answers, but: {error.message}")
    except HeadraceError as error:
        return Check("server", "bad", f"{address}: {error.message}")
    return Check("server", "good", f"{address} answers, and accepts the token")


def _settings(found: Settings, config: Path | None) -> Iterator[SettingFound]:
    import tomllib

    from headrace.settings import catalogue
    from headrace.settings.catalogue import as_written

    file = tomllib.loads(config.read_text(encoding="utf-8")) if config is not None else {}
    for name, setting in catalogue().items():
        room, _, key = name.rpartition(".")
        value = getattr(getattr(found, room) if room else found, key)
        shown = "***" if setting.is_secret and value is not None else as_written(value)
        yield SettingFound(name, shown, _source(name, setting.variable, file, config))


def _source(name: str, variable: str, file: dict[str, Any], config: Path | None) -> str:
    """Return where the value of a setting was said, strongest first."""
    room, _, key = name.rpartition(".")
    if os.environ.get(variable):
        return variable
    if key in (file.get(room, {}) if room else file):
        return str(config)
    return "default"
