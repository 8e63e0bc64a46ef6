"""The calls about what webhooks were told, as values."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from headrace.client import answers
from headrace.client.calls import Call, Key


def deliveries(
    key: Key, *, limit: int = 100, cursor: str | None = None
) -> Call[answers.Listed[answers.Delivery]]:
    """List the deliveries of an execution with their tries, oldest first."""
    params: dict[str, Any] = {"limit": limit} if cursor is None else {"limit": limit, "cursor": cursor}
    return Call(
        method="GET",
        path=f"/v1/executions/{quote(str(key), safe='')}/deliveries",
        answer=answers.Listed[answers.Delivery],
        params=params,
    )


def redeliver(number: int) -> Call[answers.Delivery]:
    """Tell something again, whatever became of it."""
    return Call(method="POST", path=f"/v1/deliveries/{number}/redeliver", answer=answers.Delivery)
