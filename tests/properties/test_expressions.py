"""Laws of the expression language, over random sources, trees and values."""

from typing import Any

from hypothesis import given, settings, strategies as st

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
    Values,
    as_text,
    evaluate,
    holds,
    parse,
    render,
    residual,
    truth,
)
from headrace.expressions.functions import BUILT_IN, IN_CONTEXT, arity
from headrace.expressions.lexer import KEYWORDS
from headrace.expressions.operators import BY_SIGN
from headrace.expressions.parser import tree_of
from headrace.expressions.printer import source_of

SEALED = frozenset({"secrets"})
NAMES = ["a", "b", "items", "o", "ref", "file", "secrets"]

words = st.sampled_from([*NAMES, "x", "key", "missing", *BUILT_IN, *IN_CONTEXT, *KEYWORDS, "default"])
signs = st.sampled_from([*BY_SIGN, "|", ".", ",", "(", ")", "[", "]", "?", ":", "'", '"', "\\", "&", " "])
literals = st.sampled_from(
    ["0", "1", "-1", "2.5", "1e3", "9223372036854775807", "'a'", "''", "[]", "true", "null"]
)
noise = st.lists(st.one_of(words, signs, literals, st.text(max_size=3)), max_size=20).map(" ".join)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["no", " False ", "0", "x", "key", '{"x": [1]}']),
)
refs = st.builds(
    ValueRef,
    sha256=st.sampled_from(["0" * 64, "1" * 64]),
    size=st.just(70_000),
    kind=st.sampled_from(["text", "json"]),
)
files = st.builds(
    FileRef,
    sha256=st.just("2" * 64),
    size=st.just(1),
    name=st.just("x.txt"),
    content_type=st.just("text/plain"),
)


def values_over(leaves: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.lists(inner, max_size=4),
            st.dictionaries(st.sampled_from(["x", "key", "odd key"]), inner, max_size=3),
        ),
        max_leaves=8,
    )


json_values = values_over(scalars)
all_values = values_over(st.one_of(scalars, refs, files))


def calls(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    def with_arguments(name: str) -> st.SearchStrategy[str]:
        allowed = arity(name) or range(1)
        return st.lists(inner, min_size=allowed.start, max_size=allowed.stop - 1).map(
            lambda arguments: f"{name}({', '.join(arguments)})"
        )

    return st.sampled_from([*BUILT_IN, "default", "now", "uuid", "result"]).flatmap(with_arguments)


def sources_over(names: list[str]) -> st.SearchStrategy[str]:
    """Sources that can all be read."""
    paths = st.builds(
        lambda name, keys: name + "".join(keys),
        st.sampled_from(names),
        st.lists(st.sampled_from([".x", ".key", "['odd key']", "[0]", "[-1]", ".1", ".'1'"]), max_size=2),
    )
    return st.recursive(
        st.one_of(paths, literals),
        lambda inner: st.one_of(
            st.builds(
                lambda left, sign, right: f"({left}) {sign} {right}",
                inner,
                st.sampled_from([*BY_SIGN, "and", "or"]),
                inner.map(lambda right: f"({right})"),
            ),
            st.builds(lambda test, one, other: f"({test}) ? {one} : {other}", inner, inner, inner),
            inner.map(lambda one: f"not ({one})"),
            inner.map(lambda one: f"-({one})"),
            st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
            st.builds(lambda one, key: f"({one})[{key}]", inner, inner),
            inner.map(lambda one: f"({one}) | string"),
            calls(inner),
        ),
        max_leaves=8,
    )


sources = sources_over(NAMES)


LOADED: dict[ValueRef, Json] = {
    ValueRef(sha256="0" * 64, size=70_000, kind="json"): [1, "x"],
    ValueRef(sha256="0" * 64, size=70_000, kind="text"): "text",
    ValueRef(sha256="1" * 64, size=70_000, kind="json"): {"x": 2},
    ValueRef(sha256="1" * 64, size=70_000, kind="text"): "no",
}


def scope_of(names: dict[str, Json], **more: Json) -> Values:
    functions = {"now": lambda: "noon", "uuid": lambda: "u-1", "result": lambda: {"x": 1}}
    return Values({**names, **more}, functions, LOADED)


def shape(node: Any) -> Any:
    """The tree without positions, with the types of its constants."""
    if isinstance(node, tuple):
        return tuple(map(shape, node))
    if hasattr(node, "__struct_fields__"):
        fields = [getattr(node, name) for name in node.__struct_fields__ if name != "position"]
        return (type(node).__name__, *map(shape, fields))
    return type(node).__name__, repr(node)


def outcome(template: Template, scope: Values) -> Json:
    """The value, or the error's sentence."""
    try:
        return render(template, scope)
    except ExpressionError as error:
        return f"{type(error).__name__}: {error.message}"


def residual_of(template: Template, scope: Values) -> Template:
    """The residual, or the error's sentence: a block without a secret fails at once."""
    try:
        return residual(template, scope, SEALED)
    except ExpressionError as error:
        return Literal(f"{type(error).__name__}: {error.message}")


@settings(deadline=None)
@given(sources)
def test_reading_what_was_written_gives_the_same_tree(source: str) -> None:
    tree = parse(source).tree

    assert shape(tree_of(source_of(tree))) == shape(tree)


@settings(deadline=None)
@given(noise)
def test_any_text_is_read_or_refused_with_a_place(source: str) -> None:
    try:
        tree = parse(source).tree
    except ExpressionSyntaxError as error:
        place = error.position
        tree = None
    else:
        place = 0

    assert place is not None
    assert 0 <= place <= len(source)
    assert tree is None or shape(tree_of(source_of(tree))) == shape(tree)


@settings(max_examples=300, deadline=None)
@given(sources, st.dictionaries(st.sampled_from(NAMES), all_values))
def test_an_evaluation_gives_a_value_an_error_or_a_question(source: str, names: dict[str, Json]) -> None:
    expression = parse(source)
    budget = Budget()
    try:
        value = evaluate(expression, Values(names), budget)
    except (ExpressionError, NeedsValue):
        return

    assert type(value) in {type(None), bool, int, float, str, list, dict, ValueRef, FileRef}
    assert 0 <= budget.left < 100_000
    assert not isinstance(value, float) or value - value == 0


@settings(deadline=None)
@given(sources, st.dictionaries(st.sampled_from(NAMES), all_values))
def test_evaluating_is_deterministic_and_changes_nothing(source: str, names: dict[str, Json]) -> None:
    before = repr(names)

    assert repr(outcome(Expr(source), scope_of(names))) == repr(outcome(Expr(source), scope_of(names)))
    assert repr(names) == before


@settings(deadline=None)
@given(json_values)
def test_truth_is_the_same_everywhere(value: Json) -> None:
    scope = Values({"v": value})

    assert holds(parse("v"), scope) is truth(value)
    assert evaluate(parse("v and true"), scope) is truth(value)
    assert evaluate(parse("not v"), scope) is not truth(value)
    assert evaluate(parse("v ? true : false"), scope) is truth(value)
    assert evaluate(parse("bool(v)"), scope) is truth(value)


@settings(deadline=None)
@given(json_values, json_values)
def test_equality_is_reflexive_symmetric_and_known_to_lists(one: Json, other: Json) -> None:
    scope = Values({"a": one, "b": other})

    assert evaluate(parse("a == a and [a] == [a] and a in [b, a]"), scope) is True
    assert evaluate(parse("(a == b) == (b == a)"), scope) is True
    assert evaluate(parse("(length(unique([a, b])) == 1) == (a == b)"), scope) is True


@settings(deadline=None)
@given(json_values)
def test_values_survive_json(value: Json) -> None:
    assert evaluate(parse("from_json(to_json(v)) == v"), Values({"v": value})) is True


@settings(deadline=None)
@given(json_values)
def test_a_text_is_joined_from_what_its_pieces_say(value: Json) -> None:
    assert render(Text(("<", Expr("v"), ">")), Values({"v": value})) == f"<{as_text(value)}>"


sealed_blocks = st.builds(
    lambda shape, one, other: shape.format(one, other),
    st.sampled_from(
        [
            "[secrets.x, {}, {}]",
            "default(secrets[{}], {})",
            "secrets.x ? {} : {}",
            "default({}, [secrets.x, {}])",
        ]
    ),
    sources_over(["secrets", "secrets.x", "a", "o", "ref"]),
    sources_over(["a", "o", "ref"]),
)


@settings(max_examples=300, deadline=None)
@given(
    sealed_blocks,
    st.dictionaries(st.sampled_from(["a", "o", "ref"]), values_over(st.one_of(scalars, refs))),
    json_values,
)
def test_a_residual_gives_later_what_it_would_give_now(
    block: str, names: dict[str, Json], secret: Json
) -> None:
    secrets = {"x": secret, "key": "s3cret"}
    for template in (Expr(block), ObjectOf({"a": ListOf((Text(("<", Expr(block), ">")), Literal(1)))})):
        now = outcome(template, scope_of(names, secrets=secrets))

        later = outcome(residual_of(template, scope_of(names)), Values({"secrets": secrets}, loaded=LOADED))

        both = Values({"now": now, "later": later}, loaded=LOADED)
        assert evaluate(parse("now == later"), both) is True
