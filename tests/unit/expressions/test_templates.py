"""Whole templates: filled in, and filled in but for their secrets."""

from itertools import count

import pytest

from headrace.definition.templates import (
    Expr,
    FileRef,
    Json,
    ListOf,
    Literal,
    ObjectOf,
    Template,
    Text,
    ValueRef,
)
from headrace.expressions import (
    Budget,
    ExpressionError,
    ExpressionSyntaxError,
    NeedsValue,
    TooExpensive,
    TooLarge,
    Values,
    as_text,
    render,
    residual,
)

SEALED = frozenset({"secrets"})
LARGE = ValueRef(sha256="1" * 64, size=70_000, kind="json")
LONG = ValueRef(sha256="2" * 64, size=70_000, kind="text")
REPORT = FileRef(sha256="3" * 64, size=12, name="report.pdf", content_type="application/pdf")

NAMES: dict[str, Json] = {
    "name": "Ada",
    "n": 3,
    "o": {"b": 1, "a": ["x'y"], "odd key": 0.5},
    "items": [1, 2],
    "nothing": None,
    "big": 2**64,
    "large": LARGE,
    "long": LONG,
    "report": REPORT,
}
SECRETS: dict[str, Json] = {"secrets": {"token": "s3cret", "n": 5, "off": False}}

DEEP = "[" * 60 + "secrets.off ? missing : [o, secrets.n]" + "]" * 60


def scope_of(loaded: dict[ValueRef, Json] | None = None, **names: Json) -> Values:
    ids = count(1)
    functions = {"uuid": lambda: f"u-{next(ids)}", "now": lambda: "noon"}
    return Values({**NAMES, **names}, functions, loaded)


def later(template: Template) -> Json:
    """What a residual gives where the secrets are known, and all else has changed."""
    return render(template, Values({**dict.fromkeys([*NAMES, "missing"], "changed"), **SECRETS}))


@pytest.mark.parametrize(
    ("template", "value"),
    [
        (Literal({"a": "{{ n }}"}), {"a": "{{ n }}"}),
        (Expr("n + 1"), 4),
        (Text(("Ship ", Expr("name"), " no. ", Expr("n / 1"), Expr("nothing"))), "Ship Ada no. 3"),
        (ListOf((Expr("n"), Literal(1))), [3, 1]),
        (ObjectOf({"a": Expr("items"), "b": ListOf((Text(("x",)),))}), {"a": [1, 2], "b": ["x"]}),
        (Expr("large"), LARGE),
        (ObjectOf({"file": Expr("report")}), {"file": REPORT}),
    ],
    ids=repr,
)
def test_a_template_is_filled_in(template: Template, value: Json) -> None:
    assert render(template, scope_of()) == value


def test_all_values_that_are_needed_are_asked_for_at_once() -> None:
    template = ListOf((Expr("large.x"), Text(("a", Expr("long"))), Expr("large.y"), Expr("large")))

    with pytest.raises(NeedsValue) as asked:
        render(template, scope_of())

    assert asked.value.refs == (LARGE, LONG)
    assert render(template, scope_of({LARGE: {"x": 1, "y": 2}, LONG: "b"})) == [1, "ab", 2, LARGE]


def test_a_file_cannot_be_joined_into_a_text() -> None:
    with pytest.raises(ExpressionError, match=r"the file 'report\.pdf' has no text"):
        render(Text(("see ", Expr("report"))), scope_of())


def test_a_broken_block_is_told_when_it_is_met() -> None:
    with pytest.raises(ExpressionSyntaxError):
        render(Expr("1 +"), scope_of())


def test_each_block_has_its_own_steps_unless_they_are_shared() -> None:
    template = ListOf((Expr("range(60000)[0]"), Text((Expr("range(60000)[1]"),))))

    assert render(template, scope_of()) == [0, "1"]
    with pytest.raises(TooExpensive):
        render(template, scope_of(), Budget())


def test_the_texts_of_a_template_have_an_end() -> None:
    text = "x" * (1 << 20)

    with pytest.raises(TooLarge, match="up to 16777216 characters"):
        render(ListOf((Text((Expr("t"),)),) * 17), scope_of(t=text))


def test_a_text_that_is_put_into_another_costs_no_steps_for_its_length() -> None:
    text = "x" * (15 << 20)

    assert render(Text(("a", Expr("t"))), scope_of(t=text)) == f"a{text}"
    assert as_text(text) is text


@pytest.mark.parametrize("value", [[0] * 100_001, {"t": "x" * 6_400_064}])
def test_a_value_that_is_too_large_to_be_a_text_is_told_as_such(value: Json) -> None:
    with pytest.raises(TooLarge, match="becomes a text up to 100000 elements"):
        render(Text((Expr("v"),)), scope_of(v=value))
    with pytest.raises(TooLarge):
        as_text(value)


@pytest.mark.parametrize(
    ("template", "left"),
    [
        (Expr("n + 1"), Literal(4)),
        (Literal("secrets"), Literal("secrets")),
        (Text(("a ", Expr("n"))), Literal("a 3")),
        (ObjectOf({"a": ListOf((Expr("n"),)), "b": Literal(None)}), Literal({"a": [3], "b": None})),
        (Expr("secrets.token"), Expr("secrets.token")),
        (Expr("secrets['odd key'] | upper"), Expr("upper(secrets['odd key'])")),
        (Expr("secrets.token + name"), Expr("secrets.token + 'Ada'")),
        (Expr("n > 2 ? secrets.n * (n + 1) : 0"), Expr("true ? secrets.n * 4 : 0")),
        (Expr("secrets[name]"), Expr("secrets.Ada")),
        (
            Expr("merge(o, secrets)"),
            Expr('merge(from_json(\'{"b":1,"a":["x\\\'y"],"odd key":0.5}\'), secrets)'),
        ),
        (
            Expr("[secrets.n, items, big, -n]"),
            Expr("[secrets.n, from_json('[1,2]'), from_json('18446744073709551616'), -3]"),
        ),
        (Expr("secrets.n - -n"), Expr("secrets.n - -3")),
        (Expr("secrets.n | default(nowhere)"), Expr("default(secrets.n, from_json('{}').nowhere)")),
        (Expr("[secrets.n, uuid(), uuid(), now()]"), Expr("[secrets.n, 'u-1', 'u-2', 'noon']")),
        (Expr("not secrets.off and n"), Expr("not secrets.off and 3")),
        (
            Text(("Hi ", Expr("name"), ": ", Expr("secrets.token"), Expr("n"), "!")),
            Text(("Hi Ada: ", Expr("secrets.token"), "3!")),
        ),
        (
            ObjectOf({"a": Expr("n"), "b": ListOf((Expr("n"), Expr("secrets.n")))}),
            ObjectOf({"a": Literal(3), "b": ListOf((Literal(3), Expr("secrets.n")))}),
        ),
    ],
    ids=repr,
)
def test_a_residual_keeps_nothing_but_what_touches_a_secret(template: Template, left: Template) -> None:
    assert residual(template, scope_of(), SEALED) == left


@pytest.mark.parametrize(
    "source",
    [
        "secrets.n + n * 2",
        "secrets.token + string(o)",
        "secrets.off ? missing.x : 'else'",
        "secrets.off ? items[9] : 'else'",
        "secrets.off ? o.a[0][5].z : o.a[0]",
        "secrets.off ? 1 / 0 : 1",
        "secrets.off ? succeeded() : 1",
        "secrets.off and missing",
        "default(missing.deep, secrets.token)",
        "default(secrets.gone, o)",
        "default(secrets.gone, large.x)",
        "default(secrets.gone, uuid())",
        "-secrets.n + (secrets.n % n)",
        "secrets.n in items or items[0] in [secrets.n]",
        "secrets.n == 5 and (secrets.token | match('s\\d')) ? o['odd key'] : null",
        DEEP,
    ],
)
def test_a_residual_gives_the_same_later(source: str) -> None:
    loaded: dict[ValueRef, Json] = {LARGE: {"x": [1]}, LONG: "a long text"}
    template = Expr(source)
    expected = render(template, scope_of(loaded, **SECRETS))

    left = residual(template, scope_of(loaded), SEALED)

    assert later(left) == expected


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("secrets.n + missing.x", "Variable not found: field 'missing'"),
        ("secrets.n + o.x", "Variable not found: field 'x'"),
        ("secrets.n + items[9]", "Index out of bounds: 9"),
        ("secrets.n + o.a[0][9]", "Index out of bounds: 9"),
        ("secrets.n + items.a.b", "Variable not found: field 'a'"),
        ("secrets.n + n[0][1]", "Type error: number cannot be read by number"),
        ("secrets.n + (1 / (n - 3))", "Division by zero"),
        ("secrets.n + upper(n)", "Type error: upper needs a string, not number"),
        ("secrets.n + succeeded()", "'succeeded()' is not available here"),
    ],
)
def test_a_residual_fails_later_as_it_would_now(source: str, message: str) -> None:
    left = residual(Expr(source), scope_of(), SEALED)

    with pytest.raises(ExpressionError) as caught:
        later(left)
    assert caught.value.message == message


def test_a_residual_may_hold_long_values() -> None:
    names: dict[str, Json] = {"text": "x" * 60_000, "rows": [{"id": number} for number in range(5000)]}
    template = Expr("[secrets.n, text, rows]")

    left = residual(template, scope_of(None, **names), SEALED)

    assert later(left) == [5, names["text"], names["rows"]]


def test_a_residual_asks_for_all_that_it_has_to_write_down() -> None:
    template = ListOf((Expr("[secrets.n, large]"), Text((Expr("secrets.n"), Expr("long"))), Expr("large")))

    with pytest.raises(NeedsValue) as asked:
        residual(template, scope_of(), SEALED)

    assert asked.value.refs == (LARGE, LONG)
    left = residual(template, scope_of({LARGE: [1], LONG: "b"}), SEALED)
    assert later(left) == [[5, [1]], "5b", LARGE]


def test_a_residual_asks_for_what_its_constants_look_into() -> None:
    with pytest.raises(NeedsValue) as asked:
        residual(Expr("secrets.n + large.x"), scope_of(), SEALED)

    assert asked.value.refs == (LARGE,)


def test_a_file_beside_a_secret_cannot_be_written_down() -> None:
    with pytest.raises(ExpressionError, match=r"the file 'report\.pdf' has no text"):
        residual(Expr("[secrets.n, report]"), scope_of(), SEALED)
