"""The task library: every task type that this server knows, by name.

A type is a typed function under `@task("web.download")`; built-in and third-party types come through one
door, the entry points of the group `headrace.tasks`, each of which names a module.
This file must never call a task (that is `calling`) or know a particular one.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal as OneOf

import msgspec

from headrace import plugins
from headrace.definition.types import TaskTypeSpec
from headrace.errors import NotFound, PluginError
from headrace.tasks import needs as needs_of, ports


class TaskType(msgspec.Struct, frozen=True, kw_only=True):
    """A function of the library with what is said of it."""

    spec: TaskTypeSpec
    function: Callable[..., Any]
    is_async: bool
    """Whether it must be awaited; any other function belongs into a thread."""
    wants_context: bool
    """Whether the function has a parameter `context`."""
    needs: tuple[needs_of.Need, ...] = ()

    def __call__(self, *positional: Any, **named: Any) -> Any:
        """Call the function itself, without checks: for tests and for functions that build on each other."""
        return self.function(*positional, **named)

    @property
    def place(self) -> str:
        """`module:name`, by which another process finds this value."""
        return f"{self.function.__module__}:{self.function.__name__}"

    def missing(self) -> str | None:
        """Return why it cannot run on this machine, or None when it can."""
        return next((sentence for need in self.needs if (sentence := need.missing())), None)


def task(
    name: str,
    *,
    category: str | None = None,
    runtime: OneOf["inline", "process", "command"] = "inline",
    aliases: tuple[str, ...] = (),
    repeatable: bool = False,
    timeout: float = 300.0,
    credential: str | None = None,
    needs: tuple[needs_of.Need, ...] = (),
) -> Callable[[Callable[..., Any]], TaskType]:
    """Make a task type of a typed function that returns a `msgspec.Struct` of its outputs.

    `ports` tells how signature and docstrings are read; the category is the first part of the name
    unless it is given; `timeout` is in seconds.
    """

    def declare(function: Callable[..., Any]) -> TaskType:
        spec = TaskTypeSpec(
            type=name,
            category=category or name.split(".", maxsplit=1)[0],
            description=ports.read_docs(function).summary,
            inputs=ports.input_ports(function),
            outputs=ports.output_ports(function),
            runtime=runtime,
            repeatable=repeatable,
            aliases=aliases,
            timeout=timeout,
            credential=credential,
        )
        return TaskType(
            spec=spec,
            function=function,
            is_async=inspect.iscoroutinefunction(function),
            wants_context="context" in inspect.signature(function).parameters,
            needs=needs,
        )

    return declare


def types_of(module: object) -> Iterator[TaskType]:
    """Yield the task types that a module defines (or the one that it is), in the order they are written."""
    if isinstance(module, TaskType):
        yield module
        return
    for value in vars(module).values():
        if isinstance(value, TaskType):
            yield value


def fold(name: str) -> str:
    """Return the form under which spellings of one name meet (Data Flow section 1)."""
    return name.lower().replace("_", "").replace("-", "")


class Library:
    """All task types, found by exact name, by alias, or by folding."""

    def __init__(
        self,
        types: Iterable[TaskType],
        broken: Iterable[PluginError] = (),
        *,
        why_no_commands: str | None = None,
    ) -> None:
        """Take the types; raises PluginError when two of them answer to one name.

        `broken` are plug-ins that are left out, kept for whoever tells the operator; `why_no_commands` is
        the sentence by which types that are compiled to a command are not available, None where they are.
        """
        self._why_no_commands = why_no_commands
        self._types: dict[str, TaskType] = {}
        self._folded: dict[str, str] = {}
        self._specs: dict[str, TaskTypeSpec] = {}
        self.broken = tuple(broken)
        for each in types:
            self.add(each)

    @classmethod
    def installed(cls, *, why_no_commands: str | None = None) -> Library:
        """Return the library of everything that the entry points lead to; a broken plug-in is left out."""
        offered = plugins.load(plugins.TASKS)
        library = cls((), why_no_commands=why_no_commands)
        broken = list(offered.broken)
        for plugin in offered.found:
            try:
                for each in types_of(plugin.value):
                    library.add(each)
            except PluginError as error:
                broken.append(
                    PluginError(f"Plug-in {plugin.name!r} of {plugin.distribution}: {error.message}")
                )
        library.broken = tuple(broken)
        return library

    def add(self, added: TaskType) -> None:
        """Take one more type; raises PluginError when another one answers to one of its names."""
        name = added.spec.type
        spellings = [fold(spelling) for spelling in (name, *added.spec.aliases)]
        owner = next((self._folded[each] for each in spellings if each in self._folded), None)
        if owner is not None:
            raise PluginError(f"The task type '{name}' answers to a name that {owner} has already.")
        self._types[name] = added
        self._folded.update(dict.fromkeys(spellings, name))

    def __iter__(self) -> Iterator[TaskType]:
        """Yield every type, by name."""
        return (self._types[name] for name in sorted(self._types))

    def get(self, name: str) -> TaskType:
        """Return the type of exactly this name; raises NotFound."""
        try:
            return self._types[name]
        except KeyError:
            raise NotFound(f"There is no task type '{name}'.") from None

    def spec(self, name: str) -> TaskTypeSpec:
        """Return what is said of the type of exactly this name, with its availability; raises NotFound."""
        known = self._specs.get(name)
        if known is None:
            found = self.get(name)
            known = self._specs[name] = found.spec
            switched_off = self._why_no_commands if known.runtime == "command" else None
            if because := switched_off or found.missing():
                known = msgspec.structs.replace(known, available=False, unavailable_because=because)
                self._specs[name] = known
        return known

    def specs(self) -> list[TaskTypeSpec]:
        """Return what is said of every type, by name."""
        return [self.spec(each.spec.type) for each in self]

    def resolve(self, name: str) -> TaskTypeSpec | None:
        """Find a type as people write it: exactly, by alias, or by folding.

        The spelling was not the canonical one when the spec's `type` differs from `name`.
        """
        if name in self._types:
            return self.spec(name)
        found = self._folded.get(fold(name))
        return None if found is None else self.spec(found)

    def suggest(self, name: str) -> str | None:
        """Return the name that was probably meant, or None."""
        near = difflib.get_close_matches(fold(name), self._folded, n=1, cutoff=0.7)
        return self._folded[near[0]] if near else None
