"""Opens an artifact directory under a name that a task worker can be told."""

from __future__ import annotations

from pathlib import Path

from headrace.artifacts.directory import ArtifactDirectory
from headrace.artifacts.local import LocalArtifacts

OPENER = "headrace.testing.artifacts:open_directory"


def open_directory(root: Path) -> LocalArtifacts:
    """Return the artifacts under `root`."""
    return LocalArtifacts(ArtifactDirectory(root))
