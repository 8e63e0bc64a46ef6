"""Whatever JSON is sent, reading it gives an answer whose pointers lead into it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from headrace import expressions
from headrace.definition import codec
from headrace.definition.model import WorkflowDefinition
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.errors import Problem

WORDS = st.sampled_from(
    [
        "a",
        "b",
        "x y",
        "text",
        "url",
        "page",
        "echo",
        "web.download",
        "text.size",
        "core.shell",
        "number",
        "file",
    ]
)
TEXTS = st.one_of(
    WORDS,
    st.text(max_size=8),
    st.sampled_from(
        [
            "{{inputs.a}}",
            "{{tasks.a.outputs.text}}",
            "{{refs.b.output.html}} {{inputs.b.c}}",
            "{{outputs.a}}",
            "{{secrets.K}}",
            "{{",
            "\\{{}}",
            "{{inputs.a}} == 5",
            "file-0a1b2c3d",
            "https://example.com",
        ]
    ),
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS)
KEYS = st.one_of(
    st.sampled_from(
        ["name", "ref", "id", "type", "inputs", "input", "outputs", "output", "condition", "retry"]
    ),
    st.sampled_from(
        ["fallback", "depends_on", "timeout", "value", "required", "default", "attempts", "delay"]
    ),
    st.sampled_from(["multiplier", "task", "text", "url", "script", "env", "stdin", "a", "b"]),
    st.text(max_size=6),
)
JSON: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=5)),
    max_leaves=25,
)
TASK = st.fixed_dictionaries(
    {"name": WORDS, "type": WORDS},
    optional={
        "inputs": JSON,
        "outputs": JSON,
        "condition": JSON,
        "retry": JSON,
        "fallback": JSON,
        "depends_on": JSON,
    },
)
DOCUMENT = st.fixed_dictionaries(
    {"title": WORDS, "tasks": st.lists(st.one_of(TASK, JSON), min_size=1, max_size=4)},
    optional={
        "inputs": st.lists(st.fixed_dictionaries({"name": WORDS, "type": WORDS}, optional={"default": JSON})),
        "outputs": st.lists(st.fixed_dictionaries({"name": WORDS, "value": JSON}, optional={"type": WORDS})),
        "sequential": st.booleans(),
    },
)


def leads_into(document: Any, pointer: str) -> bool:
    value = document
    for token in pointer.split("/")[1:]:
        key = token.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (KeyError, IndexError, TypeError, ValueError):
            return False
    return True


def check(document: Any, library: TaskTypes) -> WorkflowDefinition | None:
    parsed = parse(document, library)
    told: tuple[Problem, ...] = parsed.problems + parsed.warnings
    astray = [problem.path for problem in told if not leads_into(document, problem.path)]

    assert astray == []
    assert (parsed.definition is None) == bool(parsed.problems)
    return parsed.definition


@given(JSON)
def test_any_json_is_answered(library: TaskTypes, document: Any) -> None:
    check(document, library)


@given(DOCUMENT)
def test_what_resembles_a_workflow_is_answered_and_stored(library: TaskTypes, document: Any) -> None:
    definition = check(document, library)

    if definition is not None:
        assert codec.decode(codec.encode(definition), WorkflowDefinition) == definition
        for task in definition.tasks:
            for each in task.checks:
                if "skipped_sources" not in each.expression:
                    expressions.parse(each.expression)
