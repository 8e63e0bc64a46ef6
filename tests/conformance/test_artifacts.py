"""Every artifact store keeps what the suite of artifact stores asks."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.artifacts.directory import ArtifactDirectory
from headrace.artifacts.local import LocalArtifacts
from headrace.artifacts.protocol import Artifacts
from headrace.testing.conformance import artifacts as suite


class TestLocalArtifacts(suite.ArtifactsConformance):
    @pytest.fixture
    def artifacts(self, tmp_path: Path) -> Artifacts:
        return LocalArtifacts(ArtifactDirectory(tmp_path / "artifacts"))
