"""The tasks that move files, run as they are by who may not write everywhere, for the tests beside it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

from headrace.definition.model import RunCommand, TaskDefinition
from headrace.dialects.akoflow import staging
from headrace.dialects.akoflow.directories import PRIVATE, Place
from headrace.dialects.akoflow.drafts import Mode, Volume
from headrace.expressions import Values, as_text, render

_LIBC = ctypes.CDLL(None)
_DROP_FROM_BOUNDS = 24  # PR_CAPBSET_DROP of prctl
_RIGHTS_OF_ROOT = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: to write and read what is forbidden

Ended = subprocess.CompletedProcess[str]


def _as_anybody() -> None:
    """Give up what lets root write anywhere, in a process that is about to begin."""
    if os.geteuid() == 0:
        for capability in _RIGHTS_OF_ROOT:
            _LIBC.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)


def run(task: TaskDefinition | None, home: Path | None = None, *, reuses: bool = False) -> Ended:
    assert task is not None
    assert isinstance(task.action, RunCommand)
    inputs = {} if home is None else {PRIVATE: str(home)}
    values = Values({"inputs": inputs, "execution": {"reuses": reuses}})
    argv = [as_text(render(word, values)) for word in task.action.argv or ()]
    return subprocess.run(
        argv,
        preexec_fn=_as_anybody,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


def brought(target: Path, *sources: Path, link: str = "copy") -> Ended:
    places = [Place(str(each)) for each in (target, *sources)]
    return run(staging.bring("c", places, (), link="hard" if link == "hard" else "copy"))


def volume(local: Path, remote: Path, mode: Mode = "rw") -> Volume:
    return Volume(f"{local}:{remote}:{mode}", str(local), str(remote), mode)


def brought_in(volumes: Sequence[Volume], home: Path | None = None, *, reuses: bool = False) -> Ended:
    task = staging.volumes_in(volumes, ("a",), Place, (), mode="strict")
    return run(task, home, reuses=reuses)


def brought_out(volumes: Sequence[Volume], home: Path | None = None) -> Ended:
    return run(staging.volumes_out(volumes, Place, ()), home)


def tree(root: Path, **files: str) -> Path:
    """Make a directory with these files; `__` in a name is a slash."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


NAMES = ["-rf", "two\nlines", "sp ace", "'q\"", "$(id)", "*", "\u00e4", "a/b\n/c", "\udcff", " ", "-", "\\n"]
OLD = (1_000_000_000, 1_000_000_000)
