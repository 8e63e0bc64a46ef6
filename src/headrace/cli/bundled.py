"""The files of `examples/` that commands need: in an installed package beside this file, else in the tree."""

from __future__ import annotations

from pathlib import Path

_PACKAGED = Path(__file__).with_name("examples")
_IN_THE_TREE = Path(__file__).parents[3] / "examples"


def example(name: str) -> bytes:
    """Return the content of an example."""
    path = _PACKAGED / name
    return (path if path.exists() else _IN_THE_TREE / name).read_bytes()
