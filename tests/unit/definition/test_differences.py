"""What is told of two versions of a document."""

from __future__ import annotations

import json
from typing import Any

from headrace.definition import differences
from headrace.definition.differences import Change, Differences, Version, compare
from headrace.definition.model import TaskDefinition, Transition, WorkflowDefinition


def version(number: int, document: Any, order: list[str], media_type: str = "application/json") -> Version:
    following = [*order[1:], None][: len(order)]
    tasks = tuple(
        TaskDefinition(name=name, next=(Transition(to=(after,)),) if after else ())
        for name, after in zip(order, following, strict=True)
    )
    return Version(
        number=number,
        document=document,
        source=json.dumps(document).encode(),
        media_type=media_type,
        definition=WorkflowDefinition(name="Mill", dialect="dataflow", tasks=tasks),
    )


def flow(*tasks: tuple[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": "Mill", "tasks": [{"name": name, "inputs": inputs} for name, inputs in tasks], **more}


def difference(old: Any, new: Any) -> Differences:
    orders = [[task["name"] for task in document["tasks"]] for document in (old, new)]
    return compare(version(1, old, orders[0]), version(2, new, orders[1]))


def test_the_same_document_has_no_differences() -> None:
    found = difference(flow(("a", 1)), flow(("a", 1)))

    assert found == Differences(tasks=(), changes=(), text="")


def test_a_changed_value_is_told_with_its_pointer_and_its_task() -> None:
    found = difference(flow(("a", {"x/y": 1}), ("b", 2)), flow(("a", {"x/y": "1"}), ("b", 2)))

    assert found.changes == (Change(path="/tasks/0/inputs/x~1y", kind="changed", old=1, new="1", task="a"),)
    assert [(each.task, each.kind, each.changes) for each in found.tasks] == [("a", "changed", found.changes)]
    assert found.text is not None
    assert '-        "x/y": 1\n+        "x/y": "1"\n' in found.text
    assert found.text.startswith("--- version 1\n+++ version 2\n")


def test_a_task_put_in_front_is_one_addition_and_another_place_for_the_next() -> None:
    found = difference(flow(("b", 2)), flow(("a", 1), ("b", 2)))

    assert [(change.path, change.kind, change.task) for change in found.changes] == [
        ("/tasks/0", "added", "a")
    ]
    assert [(each.task, each.kind, each.waited_for, each.waits_for) for each in found.tasks] == [
        ("a", "added", (), ()),
        ("b", "changed", (), ("a",)),
    ]


def test_what_was_removed_is_told_with_its_old_place() -> None:
    found = difference(flow(("a", 1), ("b", 2), label="x"), flow(("b", 2)))

    assert [(change.path, change.kind, change.task) for change in found.changes] == [
        ("/tasks/0", "removed", "a"),
        ("/label", "removed", None),
    ]
    assert [(each.task, each.kind) for each in found.tasks] == [("b", "changed"), ("a", "removed")]


def test_another_order_is_told_once() -> None:
    found = difference(flow(("a", 1), ("b", 2)), flow(("b", 2), ("a", 1)))

    assert found.changes == (Change(path="/tasks", kind="reordered", old=["a", "b"], new=["b", "a"]),)


def test_elements_without_names_are_compared_place_by_place() -> None:
    found = difference(flow(("a", [1, 2])), flow(("a", [1, 3, 4])))

    assert [(change.path, change.kind, change.task) for change in found.changes] == [
        ("/tasks/0/inputs/1", "changed", "a"),
        ("/tasks/0/inputs/2", "added", "a"),
    ]
    shorter = difference(flow(("a", [1, 2])), flow(("a", [1])))
    assert [(change.path, change.kind) for change in shorter.changes] == [("/tasks/0/inputs/1", "removed")]


def test_tasks_may_stand_in_an_object() -> None:
    old = version(1, {"steps": {"train": {"image": "a"}}}, ["train"])
    new = version(2, {"steps": {"train": {"image": "b"}}}, ["train"])

    assert [change.task for change in compare(old, new).changes] == ["train"]


def test_yaml_is_compared_as_it_was_written() -> None:
    old = version(1, {"a": 1}, [], "application/yaml")
    new = version(2, {"a": 2}, [], "application/yaml")

    assert compare(old, new).text == '--- version 1\n+++ version 2\n@@ -1 +1 @@\n-{"a": 1}\n+{"a": 2}\n'


def test_objects_without_names_of_their_own_are_compared_place_by_place() -> None:
    found = difference(
        flow(("a", [{"x": 1}])),
        flow(
            (
                "a",
                [{"x": 2}],
            ),
            more={"extra": True},
        ),
    )

    assert [(change.path, change.kind) for change in found.changes] == [
        ("/tasks/0/inputs/0/x", "changed"),
        ("/more", "added"),
    ]


def test_enormous_documents_are_compared_without_their_text() -> None:
    old = flow(("a", list(range(differences.MOST_LINES))))
    new = flow(("a", [-1 for _ in range(differences.MOST_LINES)]))
    found = difference(old, new)

    assert found.text is None
    assert len(found.changes) == differences.MOST_CHANGES
