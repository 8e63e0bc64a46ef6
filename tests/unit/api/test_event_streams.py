"""However many follow an execution, each batch of events is written for all of them at once."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest
from starlette.requests import Request
from starlette.responses import StreamingResponse

from headrace.api.event_views import event_shown
from headrace.api.routes import events
from headrace.api.values import ShownValues
from headrace.engine.events import SignalReceived
from headrace.orchestrator.feed import NumberedEvent
from headrace.security.redaction import SecretsInUse


class Committed:
    """Executions of which everybody is handed the same batch."""

    def __init__(self, batch: Sequence[NumberedEvent]) -> None:
        self.batch = batch

    async def get(self, key: int | str) -> Any:
        return key

    async def follow(self, row: Any, after: int, pulse: float) -> AsyncIterator[Sequence[NumberedEvent]]:
        yield self.batch


async def test_a_batch_is_written_once_for_all_who_follow_and_anew_where_other_secrets_are_in_use(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[int] = []

    def counted(numbered: NumberedEvent) -> dict[str, Any]:
        shown.append(numbered.seq)
        return event_shown(numbered)

    monkeypatch.setattr(events, "event_shown", counted)
    batch = [NumberedEvent(seq, SignalReceived(at=0.0, name="go", payload="a secret word")) for seq in (3, 4)]
    secrets = SecretsInUse()
    values = ShownValues(cast("Any", None), cast("Any", None), secrets)
    routes = events.EventRoutes(cast("Any", SimpleNamespace(executions=Committed(batch))), values)
    scope = {"type": "http", "headers": [(b"accept", b"text/event-stream")]}

    async def told() -> bytes:
        answer = await routes.events("1", Request(scope), 0)
        assert isinstance(answer, StreamingResponse)
        return b"".join([cast("bytes", piece) async for piece in answer.body_iterator])

    first, second = await told(), await told()
    secrets.learn(["secret word"])
    third = await told()

    assert b"secret word" in first
    assert first == second
    assert third == first.replace(b"secret word", b"***")
    assert shown == [3, 4, 3, 4]
