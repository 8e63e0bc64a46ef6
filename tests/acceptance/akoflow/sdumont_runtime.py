"""A runtime plug-in that stands in for a cluster: commands run here, in images that are only looked at.

Written as a distribution of its own into a directory, which a server finds by its path.
"""

from __future__ import annotations

from pathlib import Path

_MODULE = """
from msgspec.structs import replace

from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime


def _standing_in(name, settings, **able):
    place = AttemptDirectories(settings.data_dir / f"attempts-{name}")
    runtime = LocalRuntime(place, cpus=2, memory=2**30)
    runtime.name = name
    runtime.capabilities = replace(runtime.capabilities, **able)
    return runtime


def sdumont(settings):
    return _standing_in("sdumont", settings, images=True)


def far(settings):
    return _standing_in("far", settings, volumes=False)
"""


def install(directory: Path) -> None:
    """Write the plug-ins `sdumont` (runs images) and `far` (can have no volumes)."""
    (directory / "standing_in.py").write_text(_MODULE)
    about = directory / "standing_in-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: standing-in\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(
        "[headrace.runtimes]\nsdumont = standing_in:sdumont\nfar = standing_in:far\n"
    )
