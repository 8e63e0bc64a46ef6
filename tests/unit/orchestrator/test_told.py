"""What a dialect is asked to tell: each change by the state right after it, also after a failed commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.engine import events
from headrace.engine.execution import Execution
from headrace.errors import StoreError
from headrace.orchestrator.executions import StartRequest
from headrace.store.rows import Commit, Delivery, ExecutionRow


class Witness:
    """Tells nobody, and remembers what it was asked."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, tuple[str, ...]]] = []

    def __call__(
        self, execution: Execution, happened: Sequence[events.AnyEvent], before: int
    ) -> list[Delivery]:
        assert execution.seq == before + len(happened)
        for event in happened:
            states = tuple(run.state for run in execution.runs.values())
            self.seen.append((type(event).__name__, execution.state, states))
        return []

    def ends(self) -> list[tuple[str, str, tuple[str, ...]]]:
        return [each for each in self.seen if each[0] in {"TaskSucceeded", "ExecutionEnded"}]


async def start(workshop: Any, words: Any, witness: Witness) -> ExecutionRow:
    definition = words.workflow(words.step("a"))
    made = await workshop.workflows.create(definition, b"x", "text/plain")
    workshop.house._announcers = {definition.dialect: witness}
    names = workshop.executions.name()
    asked = StartRequest(workflow=made.number, version=1, inputs={}, names=names, labels={"webhook": "x"})
    row: ExecutionRow = await workshop.executions.start(asked)
    return row


async def test_each_event_is_told_by_the_state_right_after_it(workshop: Any, words: Any) -> None:
    witness = Witness()
    await workshop.end_of(await start(workshop, words, witness))

    assert witness.ends() == [
        ("TaskSucceeded", "running", ("succeeded",)),
        ("ExecutionEnded", "succeeded", ("succeeded",)),
    ]


async def test_a_commit_that_fails_is_told_again_from_the_committed_state(workshop: Any, words: Any) -> None:
    witness = Witness()
    workshop.local.behaviour = lambda job: None
    row = await start(workshop, words, witness)
    remember = workshop.store.commit
    refusals = iter([StoreError("The disk is full.")])

    async def commit(commit: Commit) -> None:
        for error in refusals:
            raise error
        await remember(commit)

    workshop.store.commit = commit
    workshop.local.report(words.succeeded(next(iter(workshop.local.jobs))))
    await workshop.end_of(row)

    told = witness.ends()
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    assert told[-1] == ("ExecutionEnded", "succeeded", ("succeeded",))
