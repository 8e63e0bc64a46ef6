"""What a reference means in one document: its expression, its type, and whether it may stand there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from headrace.definition.types import Port, TypeName
from headrace.dialects.dataflow import references
from headrace.dialects.dataflow.drafts import Borrowed, Declared, Resolved, Site, TaskDraft
from headrace.dialects.dataflow.findings import Findings
from headrace.dialects.dataflow.names import Ambiguous, Found, NameTable, fold
from headrace.dialects.dataflow.references import Address, Root
from headrace.dialects.dataflow.wire import NAME

T = TypeVar("T")


class Scope:
    """All names of one document."""

    def __init__(self, inputs: Declared, drafts: list[TaskDraft] | None, findings: Findings) -> None:
        """Take the names; `drafts` is None where the list of tasks was told to be wrong and is not read."""
        self.findings = findings
        self.outputs: dict[str, TypeName] = {}
        """Workflow outputs listed so far."""
        self.borrowed: Borrowed = {}
        """What workflow outputs read of earlier ones."""
        self.secrets: dict[str, str] = {}
        """Secret to the first task that reads it."""
        self.files: dict[str, str] = {}
        """Id of a file that is written out to the first task that names it."""
        self.contents: dict[str, Any] = {}
        """Files that are written out as their content, by the hash of how they are written."""
        self.is_capitalised = False
        """Some reference has a root as in `Inputs`."""
        self._inputs = NameTable(inputs.ports)
        self._knows_inputs = inputs.are_known
        # of two tasks with one name the first is meant; the second one is told elsewhere
        self._tasks = NameTable({draft.name: draft for draft in reversed(drafts or []) if draft.name})
        self._knows_tasks = drafts is not None
        self._clean: dict[str, Resolved] = {}
        self._misnamed = _unreadable_names(inputs, drafts or [])

    def resolve(self, content: str, path: str, site: Site) -> Resolved | None:
        """Return the meaning of a reference (without braces), or None when a problem was told."""
        found = self._clean.get(content)
        if found is not None:
            return self._used(found, path, site) if self._may_stand(found.root, path, site) else None
        try:
            address = references.address_of(content)
        except references.Unreadable as error:
            if any(name in content for name in self._misnamed):
                return None  # the name was told where it is given
            self._tell(path, site, "invalid_template", str(error))
            return None
        self.is_capitalised |= address.is_capitalised
        if not self._may_stand(address.root, path, site):
            return None
        told = len(self.findings.warnings)
        found = _Reading(self, content, address, path, site).meaning()
        if found is None:
            return None
        # only what was found without a warning may be remembered: the next place has to be warned, too
        if len(self.findings.warnings) == told and found.root != "outputs":
            self._clean[content] = found
        return self._used(found, path, site)

    def task(self, written: str, path: str, site: Site) -> TaskDraft | None:
        """Return the task of that name, or None when a problem was told."""
        found = self.named(self._tasks, written, path, site, "a task")
        if found is None:
            near = self.findings.nearest(written, self._tasks.entries)
            self._tell(path, site, "unknown_reference", f"There is no task '{written}'.", near)
        return found.value if isinstance(found, Found) else None

    def named(
        self, table: NameTable[T], written: str, path: str, site: Site, what: str
    ) -> Found[T] | Ambiguous | None:
        """Look a name up; tell what is ambiguous and warn of what is not its own spelling.

        `what` says what has such names, as in "an input of echo": one place may hold several.
        """
        found = table.find(written)
        match found:
            case Ambiguous(candidates):
                message = f"'{written}' may mean {' or '.join(candidates)}."
                self._tell(path, site, "ambiguous_name", message)
            case Found(name, _, is_exact=False):
                message = f"'{written}' is another spelling of '{name}', {what}."
                self.findings.warn(path, "alias_used", message, suggestion=name, task=site.task)
            case _:
                pass
        return found

    @property
    def inputs(self) -> NameTable[Port]:
        """The workflow's inputs."""
        return self._inputs

    def is_told(self, name: str) -> bool:
        """Tell whether a problem with the inputs explains why there is none of this name."""
        if not self._knows_inputs:
            return True
        meant = _letters(name)
        return any(_letters(each).startswith(meant) for each in self._inputs.entries if not NAME.match(each))

    @property
    def tasks(self) -> NameTable[TaskDraft]:
        """The workflow's tasks."""
        return self._tasks

    @property
    def knows_tasks(self) -> bool:
        """Whether a task that is not among them does not stand in the document."""
        return self._knows_tasks

    def _tell(self, path: str, site: Site, code: str, message: str, suggestion: str | None = None) -> None:
        self.findings.problem(path, code, message, suggestion=suggestion, task=site.task)

    def _may_stand(self, root: Root, path: str, site: Site) -> bool:
        if root == "outputs" and site.place != "outputs":
            message = "Only a workflow output can read 'outputs'; write {{tasks.TASK.outputs.NAME}} here."
        elif root == "secrets" and site.place != "inputs":
            message = "A secret can be read in the inputs of a task and of its fallback only."
        else:
            return True
        self._tell(path, site, "reference_not_available", message)
        return False

    def _used(self, found: Resolved, path: str, site: Site) -> Resolved:
        if found.root == "secrets":
            self.secrets.setdefault(found.output, site.task)
        elif found.task is not None:
            if found.task >= site.index:
                site.late.append((found.task, path))
                return replace(found, source="null", type="any")
            site.used.setdefault((found.task, found.output), path)
        return found


class _Reading:
    """One reference on its way to its meaning."""

    __slots__ = ("_address", "_content", "_path", "_scope", "_site")

    def __init__(self, scope: Scope, content: str, address: Address, path: str, site: Site) -> None:
        self._scope = scope
        self._content = content
        self._address = address
        self._path = path
        self._site = site

    def meaning(self) -> Resolved | None:
        address = self._address
        match address.root:
            case "inputs":
                return self._input()
            case "tasks":
                return self._task_output()
            case "outputs":
                return self._workflow_output()
            case "secrets":
                source = f"secrets{references.key(address.name)}"
                return Resolved(source, "text", "secrets", self._written, output=address.name)

    @property
    def _written(self) -> str:
        return f"{{{{{self._content}}}}}"

    def _input(self) -> Resolved | None:
        name, inputs = self._address.name, self._scope.inputs
        if inputs.find(name) is None and self._scope.is_told(name):
            return Resolved("null", "any", "inputs", self._written)
        port = self._look_up(
            inputs,
            name,
            self._address.place,
            "an input of the workflow",
            lambda: f"The workflow has no input '{name}'; it has {_listed(inputs.entries)}.",
        )
        if port is None:
            return None
        is_optional = not port.required and port.default is UNSET and not self._address.steps
        return self._leading_into(f"inputs{references.key(port.name)}", port.type, is_optional=is_optional)

    def _task_output(self) -> Resolved | None:
        address = self._address
        if not self._scope.knows_tasks:
            return Resolved("null", "any", "tasks", self._written)
        draft = self._look_up(
            self._scope.tasks, address.task, 1, "a task", lambda: f"There is no task '{address.task}'."
        )
        if draft is None:
            return None
        outputs = draft.outputs
        if outputs is None or draft.index >= self._site.index:
            return Resolved("null", "any", "tasks", self._written, draft.index, address.name)
        port = self._look_up(
            outputs,
            address.name,
            address.place,
            f"an output of task '{draft.name}'",
            lambda: f"Task '{draft.name}' has no output '{address.name}'; it has {_listed(outputs.entries)}.",
            draft.default_output,
        )
        if port is None:
            return None
        source = f"tasks{references.key(draft.name)}.outputs{references.key(port.name)}"
        return self._leading_into(source, port.type, task=draft.index, output=port.name)

    def _workflow_output(self) -> Resolved | None:
        name = self._address.name
        type_name = self._look_up(
            NameTable(self._scope.outputs),
            name,
            self._address.place,
            "an output of the workflow",
            lambda: f"No output '{name}' stands before this one.",
        )
        if type_name is None:
            return None
        found = self._leading_into(f"outputs{references.key(name)}", type_name)
        if found is not None:
            self._scope.borrowed[found.source] = (name, self._address.steps)
        return found

    def _leading_into(
        self,
        source: str,
        type_name: TypeName,
        *,
        task: int | None = None,
        output: str = "",
        is_optional: bool = False,
    ) -> Resolved | None:
        """Follow the fields inside the value, if it can have any."""
        steps = self._address.steps
        if steps and type_name not in {"object", "list", "any"}:
            whole = references.respelled(self._content, self._address.place, self._address.name)
            whole = whole.removesuffix("." + ".".join(steps) + "}}") + "}}"
            message = f"{self._written} looks inside a value of type {type_name}; only an object has fields."
            self._tell("unknown_reference", message, whole)
            return None
        if steps:
            source, type_name = source + "".join(map(references.step, steps)), "any"
        return Resolved(source, type_name, self._address.root, self._written, task, output, is_optional)

    def _look_up(
        self,
        table: NameTable[T],
        written: str,
        place: int,
        what: str,
        missing: Callable[[], str],
        otherwise: Port | None = None,
    ) -> T | None:
        if written in table.entries:
            return table.entries[written]
        found = self._scope.named(table, written, self._path, self._site, what)
        if isinstance(found, Found):
            value: T = found.value
            return value
        if found is None:
            near = self._scope.findings.nearest(written, table.entries)
            near = near or (otherwise.name if otherwise else None)
            suggestion = near and references.respelled(self._content, place, near)
            self._tell("unknown_reference", missing(), suggestion)
        return None

    def _tell(self, code: str, message: str, suggestion: str | None) -> None:
        self._scope.findings.problem(self._path, code, message, suggestion=suggestion, task=self._site.task)


def _unreadable_names(inputs: Declared, drafts: list[TaskDraft]) -> tuple[str, ...]:
    """Return the malformed names of inputs, tasks and renamed outputs that no reference can hold."""
    names = chain(inputs.ports, (name for draft in drafts for name in (draft.name, *draft.renames.values())))
    return tuple(name for name in dict.fromkeys(names) if name and not references.can_hold(name))


def _letters(name: str) -> str:
    """Return what two spellings of a malformed name have in common."""
    return fold("".join(filter(str.isalnum, name)))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(islice(names, 10)) or "none"
