"""What a start may plan per task: run it, reuse an earlier result, pass over it, or skip it.

A rerun is nothing but such a plan, made by `headrace.engine.rerun` from an ended execution.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field

from headrace.definition.outcomes import Failure

UPSTREAM_FAILED = "upstream_failed"
"""Code of the reason with which a task is skipped because of a failure before it."""


class Reason(Struct, frozen=True, array_like=True):
    """Why something waits, ended or was planned so."""

    code: str
    """Machine-readable snake_case name."""
    sentence: str
    """The same for people."""


class Recording(Struct, frozen=True, kw_only=True):
    """What one visit of a task came to in an earlier execution; used again, never evaluated anew."""

    state: Literal["succeeded", "failed", "timed_out", "skipped", "cancelled"]
    outputs: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None
    reason: Reason | None = None
    taken: tuple[tuple[int, dict[str, Any]], ...] | None = ()
    """Taken transitions: index and published values; None where they were never looked at, and are now."""
    published: dict[str, Any] = field(default_factory=dict)
    """Values published inside of it, where it is a group."""
    run: int = 0
    """Number of the earlier task run."""


class Planned(Struct, frozen=True, kw_only=True):
    """What is planned for one task."""

    mode: Literal["run", "reuse", "noop", "skip"]
    reason: Reason
    recordings: tuple[Recording, ...] = ()
    """With `reuse`, one per visit."""
    items: dict[int, Recording] = field(default_factory=dict)
    """With `run` of a foreach: the items whose earlier results are used."""
    item_list: Any = None
    """The earlier item list; item results are used only when the list is the same."""
