"""What a document is judged by besides itself: runtimes, limits, addresses and secrets of this server.

A plain value, so that reading stays pure; the routes fill it in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal as OneOf

from msgspec import Struct

from headrace.errors import Problem

CheckUrl = Callable[[str, str], Problem | None]
"""Judges a URL given at a JSON pointer: `invalid_url`, `egress_blocked` or nothing."""

_IMAGE_RUNNERS = ("docker", "podman")


def _any_url(_url: str, _path: str) -> Problem | None:
    return None


class Surroundings(Struct, frozen=True, kw_only=True):
    """A server, as far as a document can tell."""

    runtimes: tuple[str, ...] = ("local",)
    """Every runtime name that can be used."""
    default_runtime: str = "local"
    """For a document that names none; empty makes that a problem."""
    unknown_runtime: OneOf["refuse", "local"] = "refuse"
    default_policy: str = "default"
    max_activities: int = 50_000
    max_run: int = 4 * 1024 * 1024
    """Bytes of one `run`."""
    secrets: frozenset[str] | None = None
    """Names of the stored secrets; None when nobody has looked."""
    check_url: CheckUrl = _any_url

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
