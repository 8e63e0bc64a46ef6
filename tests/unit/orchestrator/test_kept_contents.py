"""Which artifacts stay because an execution made them."""

from __future__ import annotations

from headrace.definition import codec
from headrace.definition.templates import FileRef, ValueRef
from headrace.engine import events
from headrace.orchestrator.kept_contents import files_in, kept_by, named_in

MADE, GIVEN, LARGE, INSIDE = (letter * 64 for letter in "abcd")


def file(sha256: str) -> FileRef:
    return FileRef(sha256, 5, "talk.mp3", "audio/mpeg")


def test_what_a_task_made_stays_and_what_it_was_given_does_not() -> None:
    large = ValueRef(LARGE, 70_000, "json")
    given = {"video": file(GIVEN), "script": large}
    made = {"audio": [file(MADE)]}
    happened: list[events.AnyEvent] = [
        events.TaskQueued(at=1.0, run=1, attempt=2, input=given, sealed=None, timeout=None, fallback=False),
        events.TaskSucceeded(at=2.0, run=1, attempt=2, outputs=made, started_at=1.0, usage=None),
    ]
    found = kept_by(happened, codec.encode(happened), {LARGE: frozenset({INSIDE})})

    assert list(found) == [MADE, LARGE, INSIDE]


def test_values_without_references_cost_one_look() -> None:
    assert kept_by([], codec.encode({"text": "short"}), {}) == ()
    assert named_in(codec.encode({"text": "short"})) == frozenset()


def test_references_are_found_wherever_they_stand() -> None:
    values = {"one": file(MADE), "many": [{"inner": file(GIVEN)}], "text": INSIDE}

    assert named_in(codec.encode(values)) == {MADE, GIVEN}
    assert {each.sha256 for each in files_in(values.values())} == {MADE, GIVEN}
