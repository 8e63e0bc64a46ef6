"""Which directories of this machine workflows may name (sections 3.2 and 3.4 of the specification).

Nobody may reach what the server keeps (database, keys, attempts, artifacts), whatever links lead there, and
what is bound into containers or carried to clusters lies beneath the roots that the operator allows.
Paths are judged as they are now; a step that runs on this machine as it is could go anywhere by itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from headrace.definition.model import WorkflowDefinition
from headrace.dialects.akoflow.places import mapped, sides_of
from headrace.errors import Problem
from headrace.settings import Settings

REFUSED = "host_path_refused"


class HostPaths(Struct, frozen=True):
    """The directories of this machine, as far as workflows are concerned; all paths are real ones."""

    data: str
    """The server's own."""
    shared: str
    """What lies in it for workflows."""
    roots: tuple[str, ...]
    """What may be bound into containers and carried to clusters."""
    path_map: Mapping[str, str]

    @classmethod
    def of(cls, settings: Settings) -> HostPaths:
        """Return those of a server."""
        shared = settings.data_dir / "akoflow"
        roots = settings.akoflow.host_roots or (shared,)
        return cls(
            _real(settings.data_dir),
            _real(shared),
            tuple(_real(root) for root in roots),
            settings.akoflow.path_map,
        )

    def why_refused(self, path: str) -> str | None:
        """Return why no workflow may use a directory, or None."""
        place = _real(mapped(path, self.path_map))
        if _is_beneath(place, self.shared):
            return None
        if _is_beneath(place, self.data):
            return f"'{path[:200]}' belongs to the server itself; choose another directory."
        if _is_beneath(self.data, place):
            return f"'{path[:200]}' contains the server's own data; choose a directory beside it."
        return None

    def why_not_bound(self, path: str) -> str | None:
        """Return why a directory may neither be bound into a container nor carried to a cluster, or None."""
        place = _real(path)
        if any(_is_beneath(place, root) for root in self.roots):
            return None
        return f"'{path[:200]}' does not lie beneath a directory that is open to other machines (host_roots)."


def problems_of(definition: WorkflowDefinition, paths: HostPaths) -> Iterator[Problem]:
    """Yield what forbids a start of a definition that was stored without looking at this machine."""
    notes = definition.annotations
    named = {path: "/spec/volumes" for volume in notes.get("volumes", ()) for path in sides_of(volume)}
    named |= {path: "/spec/mountPath" for each in definition.tasks for path in _mount_path(each.annotations)}
    for path, pointer in named.items():
        if (why := paths.why_refused(path)) is not None:
            yield Problem(path=pointer, code=REFUSED, message=why)


def _mount_path(notes: Mapping[str, Any]) -> list[str]:
    path = notes.get("mount_path")
    return [path] if path else []


def _real(path: str | Path) -> str:
    return os.path.realpath(path)


def _is_beneath(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
