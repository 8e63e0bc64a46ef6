"""Makes the webhook deliveries of a commit (section 8); the notifications room sends them.

What a run wants to be told stands in its labels, so that a restarted server finds it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from headrace.dialects.dataflow.changes import Change, Changes, count_of, webhook_body
from headrace.dialects.dataflow.parse import style_of
from headrace.dialects.dataflow.runs import RunView, details
from headrace.dialects.dataflow.shown import Shelf
from headrace.dialects.dataflow.spelling import style_for
from headrace.engine import events
from headrace.engine.execution import Execution
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery

FAMILY, WEBHOOK, EVENTS, SECRET = "family", "webhook", "webhook_events", "webhook_secret"
WORKFLOW, RUN = "workflow_id", "run_id"
"""Labels of a run: the family of its door, receiver, chosen events, the vault's scope in which its signing
secret stands (under the name `webhook_secret`), and the two ids that answers speak of."""


def announcer(
    take: Callable[[], int], loaded: Mapping[str, Any], secrets: SecretsInUse
) -> Callable[[Execution, Sequence[events.AnyEvent], int], list[Delivery]]:
    """Return what makes deliveries: `take` gives numbers, `loaded` large values that are at hand by hash."""

    def announce(execution: Execution, happened: Sequence[events.AnyEvent], _before: int) -> list[Delivery]:
        told = sum(len(Changes(execution).of(event)) for event in happened)
        numbered = Changes(execution, count_of(execution) - told)
        chosen = execution.labels.get(EVENTS)
        wanted = [
            change
            for event in happened
            for change in numbered.of(event)
            if chosen is None or change.event in chosen.split(",")
        ]
        shown = details(_view(execution, loaded)) if wanted else {}
        return [_delivery(execution, change, shown, take, secrets) for change in wanted]

    return announce


def _view(execution: Execution, loaded: Mapping[str, Any]) -> RunView:
    labels = execution.labels
    style = style_of(execution.definition)
    family = labels.get(FAMILY)
    if family is not None:
        style = style_for(style, "we-" if family == "A" else "ex-")
    return RunView(execution, labels[WORKFLOW], labels[RUN], style, Shelf(loaded))


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
