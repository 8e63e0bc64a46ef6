"""Deliveries of the changes of rehearsed runs."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from typing import Any

import msgspec

from headrace.definition.model import WorkflowDefinition
from headrace.definition.templates import FileRef
from headrace.dialects.dataflow.announcing import announcer
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.dialects.dataflow.runs import RunView, details
from headrace.dialects.dataflow.wire import Style
from headrace.engine import messages
from headrace.engine.evolve import evolve
from headrace.engine.execution import blank
from headrace.security.redaction import SecretsInUse
from headrace.store.rows import Delivery, FileRow
from headrace.testing.simulator import Rehearsal, Result, Results

LABELS = {
    "webhook": "https://example.com/h",
    "workflow_id": "wf-4g7h8j9k",
    "run_id": "we-1a2b3c4d",
    "family": "B",
}
TASKS = [{"name": "a", "type": "echo", "inputs": {"text": "x"}}, {"name": "b", "type": "text.size"}]
FAILING = [
    *TASKS,
    {"name": "c", "type": "echo", "inputs": {"text": "{{tasks.a.outputs.text}}"}},
    {"name": "d", "type": "echo", "inputs": {"text": "{{tasks.b.outputs.size}}"}},
]
RESULTS: Results = {"a": Result.of(text="top secret"), "b": Result.of(size=10)}


def defined(library: TaskTypes) -> WorkflowDefinition:
    definition = parse({"title": "w", "tasks": TASKS}, library).definition
    assert definition is not None
    return definition


def announced(definition: WorkflowDefinition, secrets: SecretsInUse, **labels: str) -> list[Delivery]:
    """Rehearse a run and return what each of its commits would announce."""
    return deliveries(told(definition, secrets, RESULTS, **labels))


def deliveries(found: Sequence[Delivery | FileRow]) -> list[Delivery]:
    return [each for each in found if isinstance(each, Delivery)]


def told(
    definition: WorkflowDefinition, secrets: SecretsInUse, results: Results, **labels: str
) -> list[Delivery | FileRow]:
    numbers = itertools.count(5001)
    announce = announcer(lambda: next(numbers), {}, secrets)
    rehearsal = Rehearsal(definition, results)
    rehearsal.execution.labels = {**LABELS, **labels}
    found = announce(rehearsal.execution, rehearsal.events, 0)
    before = len(rehearsal.events)
    while rehearsal.step():
        found += announce(rehearsal.execution, rehearsal.events[before:], before)
        before = len(rehearsal.events)
    return found


def body(delivery: Delivery) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(delivery.body)
    return content


def test_each_change_is_one_delivery_in_one_queue(library: TaskTypes) -> None:
    found = announced(defined(library), SecretsInUse())

    assert [(each.number, each.sequence, each.event) for each in found] == [
        (5001, 1, "execution.running"),
        (5002, 2, "task.completed"),
        (5003, 3, "task.completed"),
        (5004, 4, "execution.completed"),
    ]
    assert {each.url for each in found} == {"https://example.com/h"}
    assert len({each.queue for each in found}) == 1


def test_bodies_are_the_details_at_that_moment_in_the_family_of_the_start(library: TaskTypes) -> None:
    first, second, *_ = map(body, announced(defined(library), SecretsInUse()))

    assert first["execution_id"] == "ex-1a2b3c4d"
    assert first["status"] == "RUNNING"
    assert first["task"] is None
    assert second["task"] == "a"
    assert [task["status"] for task in second["tasks"]] == ["COMPLETED", "PENDING"]


def test_unwanted_events_are_counted_and_not_sent(library: TaskTypes) -> None:
    found = announced(defined(library), SecretsInUse(), webhook_events="execution.completed")

    assert [(each.sequence, each.event) for each in found] == [(4, "execution.completed")]


def test_secrets_in_use_are_masked(library: TaskTypes) -> None:
    secrets = SecretsInUse()
    secrets.learn(["top secret"])
    found = announced(defined(library), secrets, webhook_secret="run:we-1a2b3c4d")

    assert body(found[-1])["tasks"][0]["outputs"] == {"text": "***"}
    assert found[0].secret_ref == "run:we-1a2b3c4d#webhook_secret"


def test_a_file_is_named_with_the_event_that_made_it_and_a_given_one_keeps_its_id(
    library: TaskTypes,
) -> None:
    document = {
        "title": "w",
        "tasks": [
            {"name": "speech", "type": "openai.audio.text_to_speech", "inputs": {"text": "x"}},
            {"name": "clip", "type": "youtube.download", "inputs": {"url": "https://youtu.be/x"}},
        ],
        "outputs": [{"name": "audio", "value": "{{tasks.speech.outputs.audio}}"}],
    }
    definition = parse(document, library).definition
    assert definition is not None
    audio = FileRef("a" * 64, 7, "speech.mp3", "audio/mpeg")
    video = FileRef("b" * 64, 9, "clip.mp4", "video/mp4")
    results: Results = {
        "speech": Result.of(audio=audio),
        "clip": Result.of(video=video, title="t", duration=1),
    }
    given = {"files": json.dumps({video.sha256: "file-0a1b2c3d"}), "webhook_events": "execution.completed"}

    found = told(definition, SecretsInUse(), results, **given)
    [(name, sha256)] = {(each.id, each.sha256) for each in found if isinstance(each, FileRow)}
    [last] = map(body, deliveries(found))

    assert sha256 == audio.sha256
    assert last["outputs"]["audio"] == {
        "file_id": name,
        "name": "speech.mp3",
        "content_type": "audio/mpeg",
        "size": 7,
        "sha256": audio.sha256,
        "url": f"/files/{name}/content",
    }
    assert last["tasks"][1]["outputs"]["video"]["file_id"] == "file-0a1b2c3d"


def test_what_decides_nothing_announces_nothing(library: TaskTypes) -> None:
    rehearsal = Rehearsal(defined(library), RESULTS)
    rehearsal.execution.labels = LABELS
    happened = rehearsal.tell(messages.Pause())

    assert announcer(lambda: 1, {}, SecretsInUse())(rehearsal.execution, happened, 1) == []


def test_what_is_kept_of_earlier_bodies_is_what_the_details_say(library: TaskTypes) -> None:
    definition = parse({"title": "w", "tasks": FAILING}, library).definition
    assert definition is not None
    rehearsal = Rehearsal(definition, {"a": Result.of(text="x"), "b": Result.failed("broke")})
    while rehearsal.step():
        pass
    numbers = itertools.count(5001)
    announce = announcer(lambda: next(numbers), {}, SecretsInUse())
    execution = blank(definition)
    pairs = []
    for event in rehearsal.events:
        evolve(execution, [event])
        execution.labels = LABELS
        view = RunView(execution, "wf-4g7h8j9k", "we-1a2b3c4d", Style(family="B"))
        pairs += [
            (body(each)["tasks"], details(view)["tasks"])
            for each in deliveries(announce(execution, [event], 0))
        ]

    assert len(pairs) == 6
    assert [kept for kept, _ in pairs] == [fresh for _, fresh in pairs]
