"""What a task type needs of the machine, and the sentence that says what to install when it is not there.

Looking must stay cheap: nothing is imported, so that the server never carries a heavy library in its memory.
"""

from __future__ import annotations

import importlib.util
import shutil
from typing import Protocol

from msgspec import Struct


class Need(Protocol):
    """Something that must be on the machine."""

    def missing(self) -> str | None:
        """Return one sentence with the cure, or None when it is there."""


class Package(Struct, frozen=True):
    """An optional Python package."""

    module: str
    """Name by which it is imported."""
    extra: str
    """The extra of Headrace that brings it."""

    def missing(self) -> str | None:
        """Look for the package without importing it."""
        if importlib.util.find_spec(self.module) is not None:
            return None
        return f"The package '{self.module}' is not installed: pip install 'headrace[{self.extra}]'."


class Program(Struct, frozen=True):
    """A program, on the search path or brought by a Python package."""

    name: str
    extra: str
    """The extra of Headrace that brings it."""
    bundle: str | None = None
    """Python package that brings a copy of its own."""

    def missing(self) -> str | None:
        """Look for the program on the search path, then for the package."""
        if shutil.which(self.name) or (self.bundle and importlib.util.find_spec(self.bundle)):
            return None
        return (
            f"The program '{self.name}' is not installed: install it on the machine, "
            f"or pip install 'headrace[{self.extra}]'."
        )
