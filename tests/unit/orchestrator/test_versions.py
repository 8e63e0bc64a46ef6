"""Versions of a workflow are compared, in whatever language they were written."""

from __future__ import annotations

import pytest

from headrace.clock import SystemClock
from headrace.definition.model import TaskDefinition, WorkflowDefinition
from headrace.errors import NotFound
from headrace.orchestrator.definitions import Shelf
from headrace.orchestrator.workflows import Workflows
from headrace.testing.memory_store import MemoryStore

YAML = "application/yaml"
MILL = WorkflowDefinition(name="Mill", dialect="dataflow", tasks=(TaskDefinition(name="grind"),))


@pytest.fixture
def workflows() -> Workflows:
    store = MemoryStore(SystemClock())
    return Workflows(store, Shelf(store.definitions), SystemClock())


async def test_a_document_in_yaml_is_compared_with_one_in_json(workflows: Workflows) -> None:
    row = await workflows.create(MILL, b"tasks:\n- name: grind\n  stone: 1\n", YAML)
    await workflows.update(
        row.number, MILL, b'{"tasks": [{"name": "grind", "stone": 2}]}', "application/json"
    )
    found = await workflows.differences(row.number, 1, 2)

    assert [(each.path, each.old, each.new, each.task) for each in found.changes] == [
        ("/tasks/0/stone", 1, 2, "grind")
    ]
    assert '-      "stone": 1\n+      "stone": 2\n' in (found.text or "")


async def test_what_only_its_dialect_can_read_is_compared_as_a_text(workflows: Workflows) -> None:
    row = await workflows.create(MILL, b"stone: !mill 1\n", YAML)
    await workflows.update(row.number, MILL, b"stone: !mill 2\n", YAML)
    found = await workflows.differences(row.number, 1, 2)

    assert [(each.path, each.kind) for each in found.changes] == [("", "changed")]
    assert "-stone: !mill 1\n+stone: !mill 2\n" in (found.text or "")


async def test_a_version_that_is_not_there_is_not_found(workflows: Workflows) -> None:
    row = await workflows.create(MILL, b"{}", "application/json")

    with pytest.raises(NotFound):
        await workflows.differences(row.number, 1, 2)
