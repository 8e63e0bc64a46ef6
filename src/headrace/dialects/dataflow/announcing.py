"""Makes the webhook deliveries of a commit (section 8); the notifications room sends them.

What a run wants to be told stands in its labels, so that a restarted server finds it again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import msgspec
from msgspec import Raw

from headrace.definition.model import TaskDefinition
from headrace.dialects.dataflow.changes import Change, Changes, count_of, webhook_body
from headrace.dialects.dataflow.made_files import file_id, files_of, row_of
from headrace.dialects.dataflow.parse import style_of
from headrace.dialects.dataflow.runs import RunView, details_with, task_in_details
from headrace.dialects.dataflow.shown import Shelf
from headrace.dialects.dataflow.spelling import style_for
from headrace.engine import events
from headrace.engine.execution import Execution, TaskRun
from headrace.engine.states import TASK_ENDS
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery, FileRow

FAMILY, WEBHOOK, EVENTS, SECRET = "family", "webhook", "webhook_events", "webhook_secret"
WORKFLOW, RUN = "workflow_id", "run_id"
"""Labels of a run: the family of its door, receiver, chosen events, the vault's scope in which its signing
secret stands (under the name `webhook_secret`), and the two ids that answers speak of."""

FILES = "files"
"""Label of a run with the ids of the stored files that it was given, by content hash, as JSON."""

_MOST_RUNS = 256
"""Runs whose tasks are kept as text; the one that was silent the longest is rendered anew."""


def announcer(
    take: Callable[[], int], loaded: Mapping[str, Any], secrets: SecretsInUse
) -> Callable[[Execution, Sequence[events.AnyEvent], int], list[Delivery | FileRow]]:
    """Return what makes deliveries, and the files that they name.

    `take` gives numbers, `loaded` large values that are at hand by hash.
    """
    rendered = _Rendered()

    def announce(
        execution: Execution, happened: Sequence[events.AnyEvent], _before: int
    ) -> list[Delivery | FileRow]:
        told = sum(len(Changes(execution).of(event)) for event in happened)
        numbered = Changes(execution, count_of(execution) - told)
        chosen = execution.labels.get(EVENTS)
        wanted = [
            change
            for event in happened
            for change in numbered.of(event)
            if chosen is None or change.event in chosen.split(",")
        ]
        shown = rendered.details(_view(execution, loaded, secrets)) if wanted else {}
        deliveries = [_delivery(execution, change, shown, take, secrets) for change in wanted]
        # also where this change is not wanted: a later one shows the file, too
        return [*_files(execution, happened, take), *deliveries]

    return announce


class _Rendered:
    """Keeps what the last body said of each task: of a thousand tasks a change touches one or two."""

    def __init__(self) -> None:
        self._runs: OrderedDict[int, dict[str, tuple[Any, Raw]]] = OrderedDict()
        """Run to the name of each task, what its text depends on, and the text."""

    def details(self, view: RunView) -> dict[str, Any]:
        """Return the details of the run."""
        execution = view.execution
        known = self._runs.setdefault(execution.number, {})
        self._runs.move_to_end(execution.number)
        shown = details_with(view, [self._task(view, known, *each) for each in execution.root_runs()])
        if execution.ended_at is not None:
            del self._runs[execution.number]
        while len(self._runs) > _MOST_RUNS:
            self._runs.popitem(last=False)
        return shown

    def _task(
        self,
        view: RunView,
        known: dict[str, tuple[Any, Raw]],
        definition: TaskDefinition,
        run: TaskRun | None,
    ) -> Any:
        execution, name = view.execution, definition.name
        if run is None and execution.state == "running":
            state: Any = execution.waiting_for(name)
        elif run is not None and run.state in TASK_ENDS:
            state = (run.state, run.ended_at)
        else:
            return task_in_details(view, definition, run)
        found = known.get(name)
        if found is None or found[0] != state:
            text = Raw(msgspec.json.encode(task_in_details(view, definition, run)))
            found = known[name] = (state, text)
        return found[1]


def _view(execution: Execution, loaded: Mapping[str, Any], secrets: SecretsInUse) -> RunView:
    labels = execution.labels
    style = style_of(execution.definition)
    family = labels.get(FAMILY)
    if family is not None:
        style = style_for(style, "we-" if family == "A" else "ex-")
    shelf = Shelf(
        loaded,
        file_ids=given_files(labels),
        id_of_made=partial(file_id, execution.number),
        redactor=secrets.redactor,
    )
    return RunView(execution, labels[WORKFLOW], labels[RUN], style, shelf)


def given_files(labels: Mapping[str, str]) -> dict[str, str]:
    """Return the ids of the stored files that a run was given, by content hash."""
    label = labels.get(FILES)
    return msgspec.json.decode(label, type=dict[str, str]) if label else {}


def _files(
    execution: Execution, happened: Sequence[events.AnyEvent], take: Callable[[], int]
) -> list[FileRow]:
    made = {file.sha256: file for file in files_of(happened)}
    if not made:
        return []
    given = given_files(execution.labels)
    return [
        row_of(execution.number, file, take(), execution.at)
        for sha256, file in made.items()
        if sha256 not in given
    ]


def _delivery(
    execution: Execution,
    change: Change,
    shown: dict[str, Any],
    take: Callable[[], int],
    secrets: SecretsInUse,
) -> Delivery:
    body = msgspec.json.encode(webhook_body(shown, change))
    url, scope = execution.labels[WEBHOOK], execution.labels.get(SECRET)
    return Delivery(
        number=take(),
        execution=execution.number,
        sequence=change.sequence,
        event=change.event,
        url=url,
        body=secrets.redactor.octets(body),
        queue=f"{execution.number} {url}",
        secret_ref=f"{scope}#{SECRET}" if scope is not None else None,
        created_at=change.at,
        next_try_at=change.at,
    )
