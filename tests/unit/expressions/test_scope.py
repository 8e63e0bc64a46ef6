"""What comes from the scope: lazy objects, large values, files and context functions."""

from collections.abc import Callable

import pytest

from headrace.definition.templates import FileRef, Json, ValueRef
from headrace.expressions import (
    ExpressionError,
    Lazy,
    Missing,
    NeedsValue,
    Values,
    as_text,
    evaluate,
    holds,
    parse,
    truth,
)

LARGE = ValueRef(sha256="1" * 64, size=70_000, kind="json")
LONG = ValueRef(sha256="2" * 64, size=70_000, kind="text")
REPORT = FileRef(sha256="3" * 64, size=12, name="report.pdf", content_type="application/pdf")


class Recorded(Lazy):
    """An object that remembers which of its fields were read."""

    def __init__(self, fields: dict[str, Json]) -> None:
        self.fields = fields
        self.read: list[str] = []

    def field(self, name: str) -> Json:
        self.read.append(name)
        if name not in self.fields:
            raise Missing(name)
        return self.fields[name]

    def whole(self) -> Json:
        self.read.append("*")
        return {
            name: value.whole() if isinstance(value, Lazy) else value for name, value in self.fields.items()
        }


def scope_of(**names: Json) -> Values:
    return Values({"large": LARGE, "long": LONG, "report": REPORT, "both": [LARGE, LONG], **names})


def loaded(large: Json = None, long: str | None = None) -> Values:
    return Values(
        {"large": LARGE, "long": LONG, "both": [LARGE, LONG], "o": {"a": LARGE}, "report": REPORT},
        loaded={LARGE: large, LONG: long},
    )


def test_a_path_reads_only_the_fields_on_its_way() -> None:
    task = Recorded({"outputs": Recorded({"x": 1}), "status": "done"})
    tasks = Recorded({"a": task})

    assert evaluate(parse("tasks.a.outputs['x']"), scope_of(tasks=tasks)) == 1
    assert tasks.read == ["a"]
    assert task.read == ["outputs"]


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("tasks", {"a": {"x": 1}}),
        ("tasks['a']", {"x": 1}),
        ("tasks['' + 'a'].x", 1),
        ("[tasks.a]", [{"x": 1}]),
        ("keys(tasks)", ["a"]),
        ("tasks.a == from_json('{\"x\": 1}')", True),
        ("'a' in tasks", True),
        ("tasks.a ? 1 : 2", 1),
        ("default(tasks.b, tasks.a)", {"x": 1}),
        ("tasks.b.c | default(0)", 0),
        ("to_json(tasks)", '{"a":{"x":1}}'),
    ],
)
def test_a_lazy_object_is_an_object(source: str, value: Json) -> None:
    assert evaluate(parse(source), scope_of(tasks=Recorded({"a": Recorded({"x": 1})}))) == value


def test_a_lazy_object_says_which_field_is_missing() -> None:
    with pytest.raises(Missing) as caught:
        evaluate(parse("1 + tasks.b"), scope_of(tasks=Recorded({})))

    assert caught.value.message == "Variable not found: field 'b'"
    assert caught.value.position == 4


@pytest.mark.parametrize(
    "source", ["large", "both[0]", "true ? large : 1", "default(large, 1)", "first(both)", "long", "o.a"]
)
def test_a_large_value_that_is_passed_on_stays_a_reference(source: str) -> None:
    scope = scope_of(o={"a": LARGE})

    assert evaluate(parse(source), scope) in {LARGE, LONG}
    assert evaluate(parse(f"[{source}]"), scope)[0] in {LARGE, LONG}


@pytest.mark.parametrize(
    ("source", "refs"),
    [
        ("large.x", (LARGE,)),
        ("both[0][0]", (LARGE,)),
        ("length(long)", (LONG,)),
        ("type_of(large)", (LARGE,)),
        ("large == 1", (LARGE,)),
        ("'x' in large", (LARGE,)),
        ("long + 'x'", (LONG,)),
        ("long ? 1 : 2", (LONG,)),
        ("to_json(both)", (LARGE, LONG)),
        ("join(both, '')", (LARGE,)),
        ("both == [1, 2]", (LARGE,)),
        ("unique(both)", (LARGE,)),
        ("default(large.x, 1)", (LARGE,)),
    ],
)
def test_looking_inside_asks_for_the_value(source: str, refs: tuple[ValueRef, ...]) -> None:
    with pytest.raises(NeedsValue) as asked:
        evaluate(parse(source), scope_of())

    assert asked.value.refs == refs


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("large.x", 1),
        ("large", LARGE),
        ("length(long)", 4),
        ("type_of(large)", "object"),
        ("long + '!'", "tide!"),
        ("join(both, '-')", '{"x":1}-tide'),
        ("to_json(both)", '[{"x":1},"tide"]'),
        ("to_json(o)", '{"a":{"x":1}}'),
        ("unique(both)", [{"x": 1}, "tide"]),
        ("'tide' in both", True),
        ("both == [large, 'tide']", True),
        ("long == 'tide'", True),
    ],
)
def test_a_loaded_value_is_read(source: str, value: Json) -> None:
    assert evaluate(parse(source), loaded({"x": 1}, "tide")) == value


def test_the_truth_of_a_large_value_asks_for_texts_only() -> None:
    assert holds(parse("large"), scope_of())
    assert not holds(parse("long"), loaded(long=" no "))
    assert truth(LARGE)
    with pytest.raises(NeedsValue):
        holds(parse("long"), scope_of())
    with pytest.raises(NeedsValue):
        truth(LONG)


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("report", REPORT),
        ("report.name", "report.pdf"),
        ("report['size']", 12),
        ("report.content_type", "application/pdf"),
        ("report.sha256", "3" * 64),
        ("type_of(report)", "object"),
        ("report == report", True),
        ("report ? 1 : 2", 1),
        ("[report]", [REPORT]),
        ("unique([report, report])", [REPORT]),
        ("report.path | default('none')", "none"),
    ],
)
def test_a_file_is_passed_on_and_tells_about_itself(source: str, value: Json) -> None:
    assert evaluate(parse(source), scope_of()) == value


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("to_json([report])", "Type error: the file 'report.pdf' has no text"),
        ("string(report)", "Type error: the file 'report.pdf' has no text"),
        ("report + 'a'", "Type error: '+' needs two numbers, two strings or two arrays, not file and string"),
        ("keys(report)", "Type error: keys needs an object, not file"),
    ],
)
def test_a_file_has_no_text(source: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse(source), scope_of())

    assert caught.value.message == message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("tide", "tide"),
        (None, ""),
        (True, "true"),
        (False, "false"),
        (3, "3"),
        (3.0, "3"),
        (2.5, "2.5"),
        (1e20, "1e+20"),
        ([1, "a", None], '[1,"a",null]'),
        ({"ä": 1.0}, '{"ä":1.0}'),
    ],
    ids=repr,
)
def test_interpolation_writes_values_plainly(value: Json, text: str) -> None:
    assert as_text(value) == text


@pytest.mark.parametrize(
    ("value", "error"), [(REPORT, ExpressionError), (LARGE, NeedsValue), ([LONG], NeedsValue)]
)
def test_interpolation_needs_something_that_has_a_text(value: Json, error: type[Exception]) -> None:
    with pytest.raises(error):
        as_text(value)


def test_context_functions_are_asked_of_the_scope() -> None:
    functions: dict[str, Callable[[], Json]] = {"result": lambda: {"exit_code": 3}, "failed": lambda: True}

    assert evaluate(parse("failed() and result().exit_code != 64"), Values({}, functions)) is True


def test_values_of_other_kinds_are_refused() -> None:
    with pytest.raises(ExpressionError) as caught:
        evaluate(parse("x + 1"), Values({"x": (1, 2)}))

    assert caught.value.message == "Type error: tuple is no JSON value"
