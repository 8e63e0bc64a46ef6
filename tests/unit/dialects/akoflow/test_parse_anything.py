"""Whatever the bytes are, reading them is a value: no exception, and no definition with problems."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from headrace.definition import codec
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.submission import decoded
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.wire import ACTIVITY_KEYS, ROOT_KEYS, SPEC_KEYS, WEBHOOK_KEYS
from headrace.engine.graph import Graph
from headrace.errors import InvalidDefinition
from headrace.runtimes.protocol import Capabilities

PLAIN = Capabilities(survives_restart=True, commands=True)
AROUND = Surroundings(runtimes=dict.fromkeys(("local", "podman"), PLAIN))

words = st.sampled_from(["a", "b", "a b", "local", "podman", "/x", "/x:/y", "1", "1Gi", "-1", "k=v", "", "é"])
scalars = (
    st.none() | st.booleans() | st.integers(-3, 5) | st.floats(allow_nan=False) | words | st.text(max_size=5)
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)
)


def mapping(keys: tuple[str, ...], values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.dictionaries(st.sampled_from([*keys, "other"]), values, max_size=6)


names = st.sampled_from(["a", "b", "c", "a b"])
good = st.fixed_dictionaries(
    {"name": names, "run": st.just("x")},
    optional={"dependsOn": st.lists(names, max_size=2), "mountPath": st.just("/m"), "cpuLimit": st.just(1)},
)
activity = good | mapping(ACTIVITY_KEYS, anything)
webhook = mapping(WEBHOOK_KEYS, anything)
spec = st.fixed_dictionaries(
    {"activities": st.lists(activity, max_size=4)},
    optional={key: anything for key in SPEC_KEYS if key not in ("activities", "webhooks")}
    | {"webhooks": st.lists(webhook, max_size=2)},
)
document = st.fixed_dictionaries({"name": words, "spec": spec}) | mapping(ROOT_KEYS, anything)


def assert_judged(source: bytes) -> None:
    parsed = parse(source, AROUND)

    assert (parsed.draft is None) == (parsed.problem_count > 0)
    assert len(parsed.problems) == min(parsed.problem_count, 100)
    if parsed.definition is not None:
        Graph(parsed.definition.tasks)
        assert codec.encode(parsed.definition)


@settings(max_examples=300, deadline=None)
@given(document)
def test_documents_of_every_shape(value: Any) -> None:
    assert_judged(json.dumps(value).encode())


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="ab:-[]{}&*!|>'\"\n #\t\0,?", max_size=60).map(str.encode))
def test_bytes_of_every_kind(source: bytes) -> None:
    assert_judged(source)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.text(alphabet="ABab01+/-_= \n", max_size=40))
def test_texts_that_may_be_base64(text: str) -> None:
    assert isinstance(_decoded(text), bytes | str)


def _decoded(text: str) -> bytes | str:
    """Return what the text stands for, or the code of what is wrong with it."""
    try:
        return decoded(text)
    except InvalidDefinition as error:
        [problem] = error.problems
        return problem.code
