"""The loop of one execution: take all messages that wait, decide them in turn, commit once, then act.

Nothing is done before the events that call for it are committed, and nothing is announced that was not.
A commit that fails throws the working state away; it is read again from the journal, and decided again.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec
import structlog

from headrace.clock import Clock
from headrace.definition import codec
from headrace.definition.outcomes import Failure
from headrace.definition.templates import Json
from headrace.engine import commands, events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.evolve import evolve
from headrace.engine.execution import Execution
from headrace.engine.restating import restate
from headrace.errors import RequestError, StaleVersion, StoreError
from headrace.expressions import NeedsValue
from headrace.orchestrator.kept_contents import kept_by
from headrace.orchestrator.large_values import INLINE_LIMIT, LargeValues, ValueTooLarge
from headrace.orchestrator.rows import commit_of
from headrace.store.rows import Commit, Delivery, ExecutionRow, FileRow, IdempotencyRecord
from headrace.texts import text_of_error

log = structlog.get_logger(__name__)

PATIENCE = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries to commit reports while the store cannot answer; the last one repeats."""

MOST_MESSAGES = 512
"""Messages decided before one commit: enough to make the flush cheap, few enough to answer in between."""

Announce = Callable[[Execution, Sequence[events.AnyEvent], int], Sequence[Delivery | FileRow]]
"""What a dialect wants told: the execution after the events, the events, the sequence number before.

Files that are named in what is told are remembered with it, so that whoever is told finds them.

It is asked about each event alone, with the execution as it was right after it."""


class House(Protocol):
    """What a mailbox needs of the server around it."""

    clock: Clock
    values: LargeValues

    def take(self) -> int:
        """Return the next unused number."""

    async def commit(self, commit: Commit) -> None:
        """Remember durably."""

    async def read_again(self, row: ExecutionRow) -> Execution:
        """Return the execution as the journal has it."""

    async def owns(self, row: ExecutionRow) -> bool:
        """Tell whether the execution is still in the care of this server."""

    def announcer(self, row: ExecutionRow) -> Announce | None:
        """Return who makes the deliveries of this execution."""

    def dismiss(self, number: int) -> None:
        """Forget an execution that is not, or no longer, in the care of this server."""

    def perform(
        self,
        mailbox: Mailbox,
        happened: list[events.AnyEvent],
        todo: list[commands.Command],
        commit: Commit,
    ) -> None:
        """Do what the committed events call for, and tell those who follow."""


class _Letter:
    """A message and whoever waits for what it decides."""

    __slots__ = ("answer", "idempotency", "is_mended", "message")

    def __init__(
        self,
        message: messages.Message,
        answer: asyncio.Future[list[events.AnyEvent]] | None,
        idempotency: IdempotencyRecord | None = None,
        *,
        is_mended: bool = False,
    ) -> None:
        self.message = message
        self.answer = answer
        self.idempotency = idempotency
        self.is_mended = is_mended
        """It stands for a report that could not be decided."""


class Mailbox:
    """Where everything that concerns one execution arrives, and is decided one after the other."""

    __slots__ = (
        "_announce",
        "_batch",
        "_house",
        "_inbox",
        "_task",
        "_told",
        "_values",
        "announced",
        "execution",
        "row",
    )

    def __init__(self, house: House, execution: Execution, row: ExecutionRow) -> None:
        self.execution = execution
        self.row = row
        self.announced = row.seq
        """Sequence number of the last event that everybody here was told of; the journal may be ahead."""
        self._house = house
        self._inbox: deque[_Letter] = deque()
        self._batch: list[_Letter] = []
        self._task: asyncio.Task[None] | None = None
        self._announce = house.announcer(row)
        self._told: Execution | None = None
        """What was committed last, where somebody is told of each change; the working state is ahead."""
        self._values: dict[str, Json] = {}

    def post(self, message: messages.Message) -> None:
        """Leave a message; what it decides is nobody's question."""
        self._put(_Letter(message, None))

    async def ask(
        self, message: messages.Message, idempotency: IdempotencyRecord | None = None
    ) -> list[events.AnyEvent]:
        """Leave a message and return the committed events that it decided; raises what refuses it."""
        answer: asyncio.Future[list[events.AnyEvent]] = asyncio.get_running_loop().create_future()
        self._put(_Letter(message, answer, idempotency))
        return await answer

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits to be decided or committed."""
        return self._task is None

    def _put(self, letter: _Letter) -> None:
        self._inbox.append(letter)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._work())

    async def _work(self) -> None:
        try:
            while self._inbox:
                self._batch = [self._inbox.popleft() for _ in range(min(len(self._inbox), MOST_MESSAGES))]
                await self._turn()
        finally:
            self._task = None
            if self._inbox:
                self._task = asyncio.get_running_loop().create_task(self._work())

    async def _turn(self) -> None:
        """Decide and commit one batch, however often it takes."""
        tries = 0
        while self._batch:
            try:
                if await self._attempt():
                    return
            except StoreError as error:
                self._refuse_all(error)
                await asyncio.sleep(PATIENCE[min(tries, len(PATIENCE) - 1)])
                tries += 1
            except RequestError as error:
                self._refuse_all(error)
            except Exception as error:  # a defect must not take the other executions with it
                log.exception("decision_broke", execution=self.row.number)
                self._single_out(error)
            self._told = None
            await self._read_again()

    async def _attempt(self) -> bool:
        """Decide and commit the batch; False when that has to be done once more."""
        try:
            await self._decide_and_commit()
        except NeedsValue as question:
            await self._load(question)
            return False
        except StaleVersion as error:
            if await self._house.owns(self.row):
                log.info("decided_again", execution=self.row.number)
                return False
            self._give_up(error)
        self._values = {}
        return True

    async def _load(self, question: NeedsValue) -> None:
        try:
            self._values.update(await self._house.values.load(question.refs))
        except RequestError as error:  # somebody took it away: it will not come back
            log.warning("value_missing", execution=self.row.number, error=error.message)
            self._single_out(error)

    def _single_out(self, error: Exception) -> None:
        """Find the message that cannot be decided, half by half, and let the others go on.

        A report is the only witness of an end, so an end that cannot be remembered as it is becomes a failure
        that says why.
        """
        if len(self._batch) > 1:
            half = len(self._batch) // 2
            self._inbox.extendleft(reversed(self._batch[half:]))
            self._batch = self._batch[:half]
            return
        [letter] = self._batch
        self._batch = []
        if letter.answer is not None:
            self._refuse(letter, error)
        elif isinstance(letter.message, messages.AttemptEnded) and not letter.is_mended:
            self._batch = [_Letter(_mended(letter.message, error), None, is_mended=True)]
        else:
            log.error("report_dropped", execution=self.row.number, report=type(letter.message).__name__)

    async def _decide_and_commit(self) -> None:
        before = self.execution.seq
        happened: list[events.AnyEvent] = []
        decided: list[tuple[_Letter, list[events.AnyEvent]]] = []
        for letter in tuple(self._batch):
            try:
                message = await self._shelved(letter.message)
                found = decide(self.execution, message, self._moment())
            except RequestError as refusal:
                self._refuse(letter, refusal)
                self._batch.remove(letter)
            else:
                decided.append((letter, found))
                happened.extend(found)
        commit: Commit | None = None
        if happened:
            happened, commit = await self._commit(happened, before)
        self._batch = []
        for letter, found in decided:
            if letter.answer is not None and not letter.answer.done():
                letter.answer.set_result(found)
        if commit is not None:
            self._house.perform(self, happened, commands.commands(self.execution, happened), commit)

    def _moment(self) -> Moment:
        values = self._house.values.at_hand
        if self._values:
            values = {**values, **self._values}
        return Moment(at=self._house.clock.now(), take=self._house.take, values=values)

    async def _shelved(self, message: messages.Message) -> messages.Message:
        """Return the message with its large values kept elsewhere."""
        values = self._house.values
        match message:
            case messages.AttemptEnded(outputs=outputs) if outputs:
                try:
                    shelved = await values.shelve(outputs)
                except ValueTooLarge as error:
                    failure = Failure(code=error.code, message=error.message, final=True)
                    return msgspec.structs.replace(message, outcome="failed", outputs={}, failure=failure)
                return message if shelved is outputs else msgspec.structs.replace(message, outputs=shelved)
            case messages.Start(inputs=inputs) if inputs:
                shelved = await values.shelve(inputs)
                return message if shelved is inputs else msgspec.structs.replace(message, inputs=shelved)
            case messages.Respond(outputs=outputs):
                return msgspec.structs.replace(message, outputs=await values.shelve(outputs))
            case messages.Signal(payload=payload):
                return msgspec.structs.replace(message, payload=await values.shelve_one("payload", payload))
            case _:
                return message

    async def _commit(
        self, happened: list[events.AnyEvent], before: int
    ) -> tuple[list[events.AnyEvent], Commit]:
        """Commit the events; return them as the journal has them, with the commit."""
        house = self._house
        decided, content = happened, codec.encode(happened)
        if len(content) > INLINE_LIMIT:
            happened = await house.values.shelve_events(decided)
            if any(new is not old for new, old in zip(happened, decided, strict=True)):
                content = codec.encode(happened)
        told = await self._announced(self._announce, happened, before) if self._announce else []
        idempotency = next((letter.idempotency for letter in self._batch if letter.idempotency), None)
        keeps = kept_by(happened, content, house.values.inside)
        commit = commit_of(self.execution, self.row, before, content, told, idempotency, keeps=keeps)
        await house.commit(commit)
        self.row = commit.row
        # The working state may hold values themselves; what the journal says is what counts.
        if happened is not decided and not restate(self.execution, decided, happened):
            await self._read_again()
        return happened, commit

    async def _announced(
        self, announce: Announce, happened: list[events.AnyEvent], before: int
    ) -> list[Delivery | FileRow]:
        """Return what is told of each event, by the state right after it and not by that after them all."""
        told = self._told
        if told is None or told.seq != before:
            told = self._told = await self._house.read_again(self.row)
        found: list[Delivery | FileRow] = []
        for event in happened:
            evolve(told, [event])
            found += announce(told, [event], told.seq - 1)
        told.changes.runs.clear()
        told.changes.timers.clear()
        return found

    async def _read_again(self) -> None:
        tries = 0
        while True:
            try:
                self.execution = await self._house.read_again(self.row)
            except StoreError as error:
                log.warning("store_unavailable", execution=self.row.number, error=error.message)
                await asyncio.sleep(PATIENCE[min(tries, len(PATIENCE) - 1)])
                tries += 1
            else:
                return

    def _give_up(self, error: StaleVersion) -> None:
        """Leave the execution to the server that has it now; whatever is known here it learns itself."""
        log.warning("execution_taken_over", execution=self.row.number)
        for letter in (*self._batch, *self._inbox):
            self._refuse(letter, error)
        self._batch = []
        self._inbox.clear()
        self._house.dismiss(self.row.number)

    def _refuse_all(self, error: Exception) -> None:
        """Answer those who wait with the error; reports stay, because the world has changed already."""
        for letter in self._batch:
            self._refuse(letter, error)
        self._batch = [letter for letter in self._batch if letter.answer is None]

    def _refuse(self, letter: _Letter, error: Exception) -> None:
        if letter.answer is not None and not letter.answer.done():
            letter.answer.set_exception(error)
        elif letter.answer is None and isinstance(error, RequestError):
            log.info("report_refused", execution=self.row.number, error=str(error))


def _mended(ended: messages.AttemptEnded, error: Exception) -> messages.AttemptEnded:
    """Return the failure that an end becomes that cannot be remembered as it was reported."""
    message = f"Its end cannot be remembered: {text_of_error(error)}"
    failure = Failure(code="internal_error", message=message, final=True)
    return msgspec.structs.replace(
        ended, outcome="failed", outputs={}, failure=failure, native=None, node=None, repeatable=False
    )
