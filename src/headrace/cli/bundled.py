"""The examples that come with the package, because a command runs them; `examples/` links to them."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).with_name("examples")


def example(name: str) -> bytes:
    """Return the content of an example."""
    return (_FOLDER / name).read_bytes()
