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
        """Return why no workflow may use what a `mountPath` or a `remote` leads to, or None.

        One that leads elsewhere may be made at its own place too, as a place where the other is shown.
        """
        here = mapped(path, self.path_map)
        if here != path and self._is_own(_real(path)):
            return f"'{path[:200]}' belongs to the server itself; choose another directory."
        return self.why_refused_here(here, path)

    def why_refused_here(self, here: str, path: str | None = None) -> str | None:
        """Return why no workflow may use a directory of this machine, or None; `path` is what is told of."""
        path, place = path or here, _real(here)
        if self._is_own(place):
            return f"'{path[:200]}' belongs to the server itself; choose another directory."
        if _is_beneath(self.data, place):
            return f"'{path[:200]}' contains the server's own data; choose a directory beside it."
        return None

    def _is_own(self, place: str) -> bool:
        return _is_beneath(place, self.data) and not _is_beneath(place, self.shared)

    def why_not_bound(self, path: str) -> str | None:
        """Return why a directory may neither be bound into a container nor carried to a cluster, or None."""
        place = _real(path)
        if any(_is_beneath(place, root) for root in self.roots):
            return None
        return f"'{path[:200]}' does not lie beneath a directory that is open to other machines (host_roots)."


def problems_of(definition: WorkflowDefinition, paths: HostPaths) -> Iterator[Problem]:
    """Yield what forbids a start of a definition that was stored without looking at this machine."""
    sides = [sides_of(volume) for volume in definition.annotations.get("volumes", ())]
    named = dict.fromkeys((remote for _, remote in sides), "/spec/volumes")
    named |= {path: "/spec/mountPath" for each in definition.tasks for path in _mount_path(each.annotations)}
    refused = [("/spec/volumes", paths.why_refused_here(local)) for local in dict(sides)]
    refused += [(pointer, paths.why_refused(path)) for path, pointer in named.items()]
    for pointer, why in refused:
        if why is not None:
            yield Problem(path=pointer, code=REFUSED, message=why)


def _mount_path(notes: Mapping[str, Any]) -> list[str]:
    path = notes.get("mount_path")
    return [path] if path else []


def _real(path: str | Path) -> str:
    return os.path.realpath(path)


def _is_beneath(path: str, root: str) -> bool:
    return path == root or path.startswith(root.rstrip("/") + "/")
