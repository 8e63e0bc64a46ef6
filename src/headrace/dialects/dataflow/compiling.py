"""Compiles the values of one task: what it does, under which condition, how it is tried, what it awaits."""

from __future__ import annotations

from msgspec import Struct

from headrace.definition.model import Action, Check, Retry
from headrace.definition.templates import Template
from headrace.definition.types import TaskTypeSpec
from headrace.dialects.dataflow import conditions, fields, policies, ports
from headrace.dialects.dataflow.actions import action_of
from headrace.dialects.dataflow.catalog import Catalog
from headrace.dialects.dataflow.drafts import Site, TaskDraft
from headrace.dialects.dataflow.fallbacks import Fallback, fallback_of
from headrace.dialects.dataflow.fields import Given
from headrace.dialects.dataflow.order import Wish
from headrace.dialects.dataflow.scope import Scope


class CompiledTask(Struct, frozen=True, eq=False):
    """A task of the document in the model's words, before its place in the graph is known."""

    draft: TaskDraft
    wish: Wish
    action: Action | None = None
    """None when a problem was told, as is the timeout."""
    condition: Check | None = None
    retry: Retry | None = None
    fallback: Fallback | None = None
    timeout: Template | None = None


def compile_task(
    draft: TaskDraft, previous: TaskDraft | None, catalog: Catalog, scope: Scope
) -> CompiledTask:
    """Compile one task; of one whose type is unknown only what does not concern its ports."""
    site, given = Site(draft.index, draft.name), draft.fields.get
    action, implicit, timeout = None, None, None
    if draft.spec is not None:
        action, implicit = _action(draft.spec, draft, previous, catalog, scope, site)
        timeout = policies.timeout_of(given("timeout"), draft.spec, draft.name, scope.findings)
    site.place = "condition"
    condition = conditions.check_of(given("condition"), scope, site)
    site.place = "inputs"
    fallback = fallback_of(given("fallback"), catalog, scope, site)
    depends_on = _depends_on(given("depends_on"), scope, site)
    return CompiledTask(
        draft=draft,
        wish=Wish(site, depends_on, implicit),
        action=action,
        condition=condition,
        retry=policies.retry_of(given("retry"), draft.name, scope.findings),
        fallback=fallback,
        timeout=timeout,
    )


def _action(
    spec: TaskTypeSpec,
    draft: TaskDraft,
    previous: TaskDraft | None,
    catalog: Catalog,
    scope: Scope,
    site: Site,
) -> tuple[Action | None, int | None]:
    inputs = draft.fields.get("inputs")
    call = ports.Call(spec, catalog, scope, site)
    call.read(inputs)
    call.fill(previous, inputs, draft.path)
    return action_of(spec, call.templates), call.implicit


def _depends_on(given: Given | None, scope: Scope, site: Site) -> tuple[int, ...] | None:
    """Return the earlier tasks that are named; later ones are noted at the site."""
    if given is None:
        return None
    earlier = []
    for index, item in enumerate(fields.list_of(given, scope.findings, task=site.task)):
        path = f"{given.path}/{index}"
        if not isinstance(item, str):
            message = f"'{given.key}' lists names of tasks; {fields.kind(item)} is none."
            scope.findings.problem(path, "invalid_type", message, task=site.task)
            continue
        task = scope.task(item, path, site)
        if task is None:
            continue
        if task.index >= site.index:
            site.late.append((task.index, path))
        else:
            earlier.append(task.index)
    return tuple(earlier)
