"""What a document is judged by besides itself: runtimes, limits, addresses and secrets of this server.

A plain value, so that reading stays pure; `judging` and the routes fill it in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal as OneOf

from msgspec import Struct, field

from headrace.errors import Problem
from headrace.runtimes.protocol import Capabilities

CheckUrl = Callable[[str, str], Problem | None]
"""Judges a URL given at a JSON pointer: `invalid_url`, `egress_blocked` or nothing."""

_LOCAL = Capabilities(survives_restart=True, commands=True)
_IMAGE_RUNNERS = ("docker", "podman")


def _any_url(_url: str, _path: str) -> Problem | None:
    return None


def _any_path(_path: str) -> str | None:
    return None


class Surroundings(Struct, frozen=True, kw_only=True):
    """A server, as far as a document can tell."""

    runtimes: Mapping[str, Capabilities] = field(default_factory=lambda: {"local": _LOCAL})
    """Every runtime that can be used, by its name."""
    switched_off: Mapping[str, str] = field(default_factory=dict)
    """Runtimes that the operator lets no workflow use, to the sentence that says so."""
    default_runtime: str = "local"
    """For a document that names none; empty makes that a problem."""
    unknown_runtime: OneOf["refuse", "local"] = "refuse"
    default_policy: str = "default"
    max_activities: int = 50_000
    max_run: int = 4 * 1024 * 1024
    """Bytes of one `run`."""
    schedules: frozenset[str] | None = None
    """Names of the stored schedules; None when nobody has looked."""
    secrets: frozenset[str] | None = None
    """Names of the stored secrets; None when nobody has looked."""
    check_url: CheckUrl = _any_url
    why_refused: Callable[[str], str | None] = _any_path
    """Why no workflow may use what a `mountPath` or the remote side of a volume leads to, or None."""
    why_refused_here: Callable[[str], str | None] = _any_path
    """Why no workflow may use the local side of a volume, which never leads elsewhere, or None."""
    why_not_bound: Callable[[str], str | None] = _any_path
    """Why a directory may neither be bound into a container nor carried to a cluster, or None."""
    cpus: float | None = None
    """Cores that local has; None when nobody has looked."""
    memory: int | None = None
    """Bytes that local has."""

    def resolve(self, written: str) -> str | None:
        """Return the configured runtime that a name means (section 3.8), or None."""
        configured = {name.lower(): name for name in self.runtimes}
        name = written.lower()
        if name in configured:
            return configured[name]
        if name == "container":
            return next((configured[each] for each in _IMAGE_RUNNERS if each in configured), None)
        if name in ("singularity", "apptainer"):
            return configured.get("apptainer") or configured.get("singularity")
        if name == "kubernetes" or name.startswith("k8s"):
            return configured.get("k8s")
        if name.startswith("hpc"):
            return configured.get("hpc")
        return None
