"""Rehearse a whole execution in virtual time, with results that you make up.

    from headrace.testing.simulator import Result, rehearse
    rehearsal = rehearse(definition, {"fetch": [Result.failed("timeout"), Result.of(html="…")]})
    assert rehearsal.execution.state == "succeeded"

The engine is the real one; only machines, waits and clocks are played.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct, field

from headrace.definition.model import WorkflowDefinition
from headrace.definition.outcomes import Failure
from headrace.engine import commands, events, messages
from headrace.engine.decide import decide
from headrace.engine.decision import Moment
from headrace.engine.execution import Execution, TaskRun, blank
from headrace.engine.plans import Planned

START = 1_700_000_000.0
"""Virtual time at which a rehearsal begins, Unix seconds."""


class Result(Struct, frozen=True):
    """What one attempt comes to."""

    outcome: Literal["succeeded", "failed", "timed_out", "cancelled", "lost"] = "succeeded"
    outputs: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    takes: float = 1.0
    """Virtual seconds from its start to its end."""

    @classmethod
    def of(cls, *, takes: float = 1.0, **outputs: Any) -> Result:
        """Return a success with these outputs."""
        return cls(outputs=outputs, takes=takes)

    @classmethod
    def failed(cls, code: str = "failed", *, final: bool = False, takes: float = 1.0) -> Result:
        """Return a failure with this code."""
        return cls(
            "failed", failure=Failure(code=code, message=f"It failed: {code}.", final=final), takes=takes
        )

    @classmethod
    def lost(cls) -> Result:
        """Return the end of an attempt whose machine is gone."""
        return cls("lost", failure=Failure(code="lost", message="The machine is gone."))


Results = Mapping[str, Result | Sequence[Result] | Callable[[TaskRun], Result]]
"""Task name to what its attempts come to: always the same, one by one (the last repeats), or asked for."""


class Request(Struct, frozen=True):
    """Something that somebody outside asks at a time of the rehearsal."""

    after: float
    """Virtual seconds from the start."""
    message: messages.Message | Callable[[Execution], messages.Message]


class Rehearsal:
    """An execution on its way through virtual time."""

    def __init__(
        self,
        definition: WorkflowDefinition,
        results: Results | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        plan: Mapping[str, Planned] | None = None,
        requests: Iterable[Request] = (),
        seed: int = 0,
    ) -> None:
        self.execution = blank(definition)
        self.events: list[events.AnyEvent] = []
        self.now = START
        self._results = results or {}
        self._numbers = itertools.count(1001)
        self._queue: list[tuple[float, int, messages.Message | Request]] = []
        self._order = itertools.count()
        self._asked: dict[tuple[str, int, int], int] = {}
        for request in requests:
            self._later(START + request.after, request)
        number = next(self._numbers)
        self.tell(
            messages.Start(
                number=number,
                id=f"rehearsal-{number}",
                workflow=1,
                version=1,
                inputs=dict(inputs or {}),
                seed=seed,
                plan=dict(plan or {}),
            )
        )

    def tell(self, message: messages.Message) -> list[events.AnyEvent]:
        """Let the engine decide a message now; return what follows."""
        moment = Moment(at=self.now, take=lambda: next(self._numbers))
        happened = decide(self.execution, message, moment)
        self.events.extend(happened)
        for command in commands.commands(self.execution, happened):
            self._perform(command)
        changes = self.execution.changes
        for key, due_at in changes.timers.items():
            if due_at is not None:
                self._later(due_at, messages.TimerFired(key=key))
        changes.timers.clear()
        changes.runs.clear()
        return happened

    def step(self) -> bool:
        """Let the next thing happen; return False when nothing is left that could."""
        if not self._queue:
            return False
        at, _, message = heapq.heappop(self._queue)
        self.now = max(self.now, at)
        if isinstance(message, Request):
            asked = message.message
            message = asked(self.execution) if callable(asked) else asked
        self.tell(message)
        return True

    def run(self, limit: int = 1_000_000) -> Rehearsal:
        """Go on until nothing is left to happen."""
        for _ in range(limit):
            if not self.step():
                return self
        raise AssertionError(f"the rehearsal has not come to rest after {limit} steps")

    def states(self) -> dict[str, str]:
        """Return the state of each task's latest run; tasks that never began are left out."""
        return {task.name: run.state for task, run in self.execution.root_runs() if run is not None}

    def reasons(self) -> dict[str, str]:
        """Return the reason code of each task's latest run that has one."""
        found = {}
        for task, run in self.execution.root_runs():
            if run is not None and run.reason is not None:
                found[task.name] = run.reason.code
        return found

    def order(self) -> list[str]:
        """Return the names of the tasks in the order in which their attempts were scheduled."""
        runs = self.execution.runs
        return [runs[event.run].task for event in self.events if isinstance(event, events.TaskQueued)]

    def _perform(self, command: commands.Command) -> None:
        match command:
            case commands.StartJob(run=number, attempt=attempt):
                run = self.execution.runs[number]
                result = self._result(run)
                ended = messages.AttemptEnded(
                    attempt=attempt,
                    outcome=result.outcome,
                    started_at=self.now,
                    ended_at=self.now + result.takes,
                    outputs=result.outputs,
                    failure=result.failure,
                )
                self._later(self.now, messages.AttemptStarted(attempt=attempt, at=self.now))
                self._later(self.now + result.takes, ended)
            case commands.CancelJob(attempt=attempt):
                ended = messages.AttemptEnded(
                    attempt=attempt, outcome="cancelled", started_at=None, ended_at=self.now
                )
                self._later(self.now, ended)
            case commands.RelayPause():
                pass

    def _result(self, run: TaskRun) -> Result:
        wanted = self._results.get(run.task, Result())
        if callable(wanted):
            return wanted(run)
        if isinstance(wanted, Result):
            return wanted
        place = (run.task, run.scope, run.item)
        index = self._asked.get(place, 0)
        self._asked[place] = index + 1
        return wanted[min(index, len(wanted) - 1)]

    def _later(self, at: float, message: messages.Message | Request) -> None:
        heapq.heappush(self._queue, (at, next(self._order), message))


def rehearse(
    definition: WorkflowDefinition,
    results: Results | None = None,
    *,
    inputs: Mapping[str, Any] | None = None,
    plan: Mapping[str, Planned] | None = None,
    requests: Iterable[Request] = (),
    seed: int = 0,
) -> Rehearsal:
    """Run a definition to its end in virtual time and return what happened."""
    rehearsal = Rehearsal(definition, results, inputs=inputs, plan=plan, requests=requests, seed=seed)
    return rehearsal.run()
