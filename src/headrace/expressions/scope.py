"""What an expression can see: names, context functions and large values, all fetched when they are asked for.

The language never looks at Python attributes; whatever it reads comes through these three small interfaces.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Protocol

from headrace.definition.templates import Json, ValueRef
from headrace.expressions.errors import ExpressionError, Missing


class Lazy(ABC):
    """An object whose fields are made when they are read; it may stand wherever a scope gives an object."""

    __slots__ = ()

    @abstractmethod
    def field(self, name: str) -> Json:
        """Return one field, which may be Lazy again; raise Missing(name) where there is none."""
        ...

    @abstractmethod
    def whole(self) -> Json:
        """Return the whole as a plain dict without anything Lazy inside."""
        ...


class Scope(Protocol):
    """The names of one place in one execution."""

    def lookup(self, name: str) -> Json:
        """Return the value of a root name, which may be Lazy; raise Missing(name) where there is none."""
        ...

    def call(self, name: str, arguments: list[Json]) -> Json:
        """Call a context function (`functions.IN_CONTEXT`); raise ExpressionError where it is out of place.

        Time and ids come from the deciding message, so that a replay gives the same.
        """
        ...

    def load(self, ref: ValueRef) -> Json | None:
        """Return the value behind a reference, or None when it has to be fetched first."""
        ...


class Values:
    """A scope of values that are all there: for rules, previews and tests."""

    __slots__ = ("_functions", "_loaded", "_names")

    def __init__(
        self,
        names: Mapping[str, Json],
        functions: Mapping[str, Callable[..., Json]] | None = None,
        loaded: Mapping[ValueRef, Json] | None = None,
    ) -> None:
        self._names = names
        self._functions = functions or {}
        self._loaded = loaded or {}

    def lookup(self, name: str) -> Json:
        """Return the value of that name."""
        try:
            return self._names[name]
        except KeyError:
            raise Missing(name) from None

    def call(self, name: str, arguments: list[Json]) -> Json:
        """Call the function given under that name."""
        function = self._functions.get(name)
        if function is None:
            raise ExpressionError(f"'{name}()' is not available here")
        return function(*arguments)

    def load(self, ref: ValueRef) -> Json | None:
        """Return what was given for that reference."""
        return self._loaded.get(ref)
