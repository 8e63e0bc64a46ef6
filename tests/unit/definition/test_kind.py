"""What lists call a task."""

from __future__ import annotations

import pytest

from headrace.definition.model import CallTask, Nothing, RunCommand, TaskDefinition


@pytest.mark.parametrize(
    ("task", "kind"),
    [
        (TaskDefinition(name="a", action=CallTask(type="web.download")), "web.download"),
        (TaskDefinition(name="a", action=RunCommand(script="true")), "command"),
        (
            TaskDefinition(name="a", action=RunCommand(script="true"), annotations={"type": "core.shell"}),
            "core.shell",
        ),
        (TaskDefinition(name="a", action=Nothing()), "nothing"),
    ],
)
def test_a_task_is_called_by_its_dialects_word_else_by_the_models(task: TaskDefinition, kind: str) -> None:
    assert task.kind == kind
