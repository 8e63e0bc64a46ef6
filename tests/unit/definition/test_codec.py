"""Our own values become bytes and come back, references included."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from headrace.definition import codec
from headrace.definition.model import CallTask, Retry, TaskDefinition, WorkflowDefinition
from headrace.definition.templates import Expr, FileRef, Literal, ValueRef
from headrace.definition.types import Port, TaskTypeSpec, accepts, type_of

VALUE = ValueRef("a" * 64, 70_000, "text")
FILE = FileRef("b" * 64, 3, "a.txt", "text/plain")


def test_a_definition_comes_back_as_it_was() -> None:
    task = TaskDefinition(
        name="a", action=CallTask(type="web.get", inputs={"url": Expr("inputs.url")}), retry=Retry(count=2)
    )
    definition = WorkflowDefinition(name="w", dialect="d", tasks=(task,))

    assert codec.decode(codec.encode(definition), WorkflowDefinition) == definition


@pytest.mark.parametrize("value", [VALUE, FILE, [VALUE, {"deep": [FILE]}], {"sha256": "a", "size": 1}])
def test_references_come_back_at_any_depth_and_objects_that_look_like_them_stay_objects(value: Any) -> None:
    literal = codec.decode(codec.encode(Literal(value)), Literal)

    assert literal == Literal(value)


def test_what_is_no_value_of_the_journal_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="object is not a value of the journal"):
        codec.encode(object())
    with pytest.raises(ValueError, match="unknown extension code 9"):
        codec.decode(msgspec.msgpack.encode(msgspec.msgpack.Ext(9, msgspec.msgpack.encode(1))), object)


def test_references_are_equal_by_content_and_tell_what_they_are() -> None:
    assert ValueRef("a" * 64, 70_000, "text") == VALUE
    assert VALUE != FILE
    assert (
        len({VALUE, ValueRef("a" * 64, 70_000, "text"), FILE, FileRef("b" * 64, 3, "a.txt", "text/plain")})
        == 2
    )
    assert repr(VALUE) == "ValueRef(aaaaaaaa…, 70000, 'text')"
    assert repr(FILE) == "FileRef('a.txt', 3, bbbbbbbb…)"


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (True, "boolean"),
        (1, "number"),
        (1.5, "number"),
        ("a", "text"),
        ([1], "list"),
        ({}, "object"),
        (FILE, "file"),
        (VALUE, "text"),
        (ValueRef("a", 1, "json"), "any"),
        (None, "any"),
    ],
)
def test_every_value_has_a_type(value: Any, name: str) -> None:
    assert type_of(value) == name


@pytest.mark.parametrize(
    ("wanted", "value", "is_accepted"),
    [
        ("any", None, True),
        ("text", None, False),
        ("text", ValueRef("a", 1, "json"), True),
        ("text", 1, False),
        ("object", [1], True),
        ("list", {}, False),
        ("number", float("inf"), False),
        ("number", 10**400, True),
        ("number", True, False),
        ("file", FILE, True),
    ],
)
def test_a_value_may_stand_where_its_type_is_wanted(wanted: Any, value: Any, is_accepted: bool) -> None:
    assert accepts(wanted, value) is is_accepted


def test_a_task_type_knows_its_ports_by_name() -> None:
    html, title = Port(name="html", is_default=True), Port(name="title")
    spec = TaskTypeSpec(type="t", category="c", description="", inputs=(title,), outputs=(title, html))

    assert (spec.input("title"), spec.input("html")) == (title, None)
    assert (spec.output("html"), spec.output("none")) == (html, None)
    assert spec.default_output == html
