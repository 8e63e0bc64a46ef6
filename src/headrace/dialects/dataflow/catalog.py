"""The task library as one document sees it: each type is looked up once, its ports by all their names."""

from __future__ import annotations

from typing import Protocol

from headrace.definition.types import Port, TaskTypeSpec
from headrace.dialects.dataflow.names import NameTable

_NO_PARAMETERS = frozenset({"text", "prompt", "model"})


class TaskTypes(Protocol):
    """The task library, as far as a document needs it."""

    def resolve(self, name: str) -> TaskTypeSpec | None:
        """Find a type exactly, by alias or by folding."""
        ...

    def suggest(self, name: str) -> str | None:
        """Return the name that was probably meant."""
        ...


def port_table(ports: tuple[Port, ...]) -> NameTable[Port]:
    """Return ports by name and alias."""
    return NameTable(
        {port.name: port for port in ports},
        {alias: port.name for port in ports for alias in port.aliases},
    )


class Catalog:
    """What one document has asked of the library so far."""

    def __init__(self, library: TaskTypes) -> None:
        self._library = library
        self._specs: dict[str, TaskTypeSpec | None] = {}
        self._inputs: dict[str, NameTable[Port]] = {}
        self._outputs: dict[str, NameTable[Port]] = {}

    def find(self, written: str) -> TaskTypeSpec | None:
        """Return the type that goes by that name."""
        if written not in self._specs:
            self._specs[written] = self._library.resolve(written)
        return self._specs[written]

    def suggest(self, written: str) -> str | None:
        """Return the type that was probably meant."""
        return self._library.suggest(written)

    def inputs(self, spec: TaskTypeSpec) -> NameTable[Port]:
        """Return the input ports of a type."""
        table = self._inputs.get(spec.type)
        if table is None:
            table = self._inputs[spec.type] = port_table(spec.inputs)
        return table

    def outputs(self, spec: TaskTypeSpec) -> NameTable[Port]:
        """Return the output ports of a type."""
        table = self._outputs.get(spec.type)
        if table is None:
            table = self._outputs[spec.type] = port_table(spec.outputs)
        return table

    def parameters(self) -> dict[str, Port]:
        """Return what the `parameters` of a summary may hold: the numbers that tune a completion."""
        spec = self.find("openai.completion")
        ports = spec.inputs if spec else ()
        return {port.name: port for port in ports if port.name not in _NO_PARAMETERS}
