"""What a document becomes in the model: values, order, checks, policies."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace import expressions
from headrace.definition.model import CallTask, Retry, RunCommand, TaskDefinition, WorkflowDefinition
from headrace.definition.templates import Expr, ListOf, Literal, ObjectOf, Text
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import Parsed, parse, style_of
from headrace.dialects.dataflow.wire import Style

CORPUS = Path(__file__).parents[3] / "corpus" / "dataflow"
EXAMPLES = json.loads((CORPUS / "examples.json").read_text(encoding="utf-8"))
FALSE_VALUES: list[Any] = [False, 0, 0.0, None, [], {}, "", " ", "false", " FALSE ", "0", " " * 1001]
TRUE_VALUES: list[Any] = [True, 1, -1, [0], {"a": None}, "no", " No ", "x", "0.0", "null", " " * 1001 + "x"]


def echo(name: str, text: Any = "x", **more: Any) -> dict[str, Any]:
    return {"name": name, "type": "echo", "inputs": {"text": text}, **more}


def read(library: TaskTypes, *tasks: dict[str, Any], **top: Any) -> Parsed:
    parsed = parse({"title": "w", "tasks": list(tasks), **top}, library)
    assert parsed.problems == ()
    return parsed


def defined(library: TaskTypes, *tasks: dict[str, Any], **top: Any) -> WorkflowDefinition:
    definition = read(library, *tasks, **top).definition
    assert definition is not None
    return definition


def task_of(library: TaskTypes, *tasks: dict[str, Any], **top: Any) -> TaskDefinition:
    return defined(library, *tasks, **top).tasks[-1]


def input_of(library: TaskTypes, *tasks: dict[str, Any], **top: Any) -> dict[str, Any]:
    action = task_of(library, *tasks, **top).action
    assert isinstance(action, CallTask)
    return action.inputs


def waits(parsed: Parsed) -> dict[str, tuple[str, ...]]:
    return {step.task: step.depends_on for step in parsed.plan}


def test_a_lone_reference_keeps_its_type_and_any_other_text_is_joined(library: TaskTypes) -> None:
    inputs = [{"name": "max-length", "type": "number"}, {"name": "text", "type": "text"}]
    task = {
        "name": "t",
        "type": "http.request",
        "inputs": {
            "url": "https://example.com/{{ inputs.text }}/\\{{x}}",
            "method": None,
            "headers": {"a": ["{{inputs.max-length}}", 1], "b": {"c": "d"}},
        },
    }

    assert input_of(library, task, inputs=inputs) == {
        "url": Text(("https://example.com/", Expr("inputs.text"), "/{{x}}")),
        "headers": ObjectOf(
            {"a": ListOf((Expr("inputs['max-length']"), Literal(1))), "b": Literal({"c": "d"})}
        ),
    }


def test_literals_become_the_type_of_their_port(library: TaskTypes) -> None:
    task = {"name": "t", "type": "text.truncate", "inputs": {"text": 2.0, "length": "7"}}

    assert input_of(library, task) == {"text": Literal("2"), "length": Literal(7)}


def test_a_bare_value_is_that_of_the_first_required_port(library: TaskTypes) -> None:
    assert input_of(library, {"type": "echo", "input": 5}) == {"text": Literal("5")}


def test_a_list_of_inputs_is_an_object(library: TaskTypes) -> None:
    task = {"name": "t", "type": "echo", "inputs": [{"name": "text", "value": "a"}]}

    assert input_of(library, task) == {"text": Literal("a")}


def test_fields_inside_values_are_followed(library: TaskTypes) -> None:
    inputs = [{"name": "o", "type": "object"}]

    assert input_of(library, echo("t", "{{workflow.input.o.list.0.content-type}}"), inputs=inputs) == {
        "text": Expr("inputs.o.list.'0'['content-type']", "{{workflow.input.o.list.0.content-type}}")
    }


def test_a_file_that_is_written_out_is_looked_up_at_the_start(library: TaskTypes) -> None:
    task = {
        "name": "t",
        "type": "openai.audio.transcription",
        "inputs": {"file": {"file_id": "file-0a1b2c3d"}},
    }
    definition = defined(library, task)

    assert input_of(library, task) == {"file": Expr("inputs['@file-0a1b2c3d']")}
    assert definition.annotations["files"] == {"file-0a1b2c3d": "t"}


def test_secrets_are_noted_for_the_start(library: TaskTypes) -> None:
    task = {"name": "t", "type": "web.download", "inputs": {"url": "https://x/{{secrets.KEY}}"}}

    assert defined(library, task).annotations["secrets"] == {"KEY": "t"}


def test_tasks_without_references_run_one_after_the_other(library: TaskTypes) -> None:
    parsed = read(library, echo("a"), echo("b"), echo("c", "{{tasks.a.outputs.text}}"), echo("d"))

    assert waits(parsed) == {"a": (), "b": ("a",), "c": ("a",), "d": ("c",)}
    assert [step.because for step in parsed.plan] == ["position", "position", "reference", "position"]


def test_an_empty_depends_on_starts_at_once(library: TaskTypes) -> None:
    parsed = read(
        library, echo("a"), echo("b", depends_on=[]), echo("c", "{{tasks.a.outputs.text}}", depends_on=["b"])
    )

    assert waits(parsed) == {"a": (), "b": (), "c": ("a", "b")}
    assert [step.because for step in parsed.plan] == ["position", "depends_on", "reference"]


def test_sequential_adds_the_task_before(library: TaskTypes) -> None:
    parsed = read(
        library, echo("a"), echo("b"), echo("c", "{{tasks.a.outputs.text}}", depends_on=[]), sequential=True
    )

    assert waits(parsed) == {"a": (), "b": ("a",), "c": ("a", "b")}


def test_a_default_output_fills_what_is_left_out(library: TaskTypes) -> None:
    parsed = read(library, echo("a"), {"name": "b", "type": "text.size"})
    assert parsed.definition is not None

    assert parsed.definition.tasks[1].action == CallTask(
        type="text.size", inputs={"text": Expr("tasks.a.outputs.text")}
    )
    assert parsed.plan[1].because == "implicit"


def test_every_pair_of_dependent_tasks_is_one_resolved_edge(library: TaskTypes) -> None:
    text = "{{tasks.a.outputs.text}}"
    a, b, c = defined(library, echo("a"), echo("b", text + text), echo("c", text, condition=text)).tasks

    assert [(edge.to, edge.resolved, edge.when) for edge in a.next] == [(("b", "c"), True, None)]
    assert b.next == c.next == ()
    assert b.join == "all"


def test_checks_stand_in_the_order_of_the_page(library: TaskTypes) -> None:
    task = task_of(
        library,
        echo("a"),
        echo("b"),
        echo("c", "{{tasks.a.outputs.text}}", depends_on=["b"], condition="{{inputs.n}} > 5"),
        inputs=[{"name": "n", "type": "number"}],
    )

    assert [(check.code, check.expression) for check in task.checks] == [
        ("upstream_failed", "not failed_sources()"),
        ("needs_skipped_task", "not skipped_sources(['a'])"),
        ("condition_false", "inputs.n > 5"),
    ]


def test_a_thousand_referred_tasks_fit_into_checks(library: TaskTypes) -> None:
    names = [f"{'t' * 90}{index}" for index in range(1000)]
    everything = "".join(f"{{{{tasks.{name}.outputs.text}}}}" for name in names)
    task = task_of(library, *(echo(name) for name in names), echo("z", everything))
    skipped = [check for check in task.checks if check.code == "needs_skipped_task"]

    assert all(len(check.expression) < 16_000 for check in skipped)
    assert sum(check.expression.count("'t") for check in skipped) == 1000


@pytest.mark.parametrize(
    ("value", "holds"),
    [(value, False) for value in FALSE_VALUES] + [(value, True) for value in TRUE_VALUES],
    ids=repr,
)
def test_a_lone_reference_has_the_truth_of_the_page(library: TaskTypes, value: Any, holds: bool) -> None:
    task = task_of(library, echo("t", condition="{{inputs.o.x}}"), inputs=[{"name": "o", "type": "object"}])
    scope = expressions.Values({"inputs": {"o": {"x": value}}})

    assert expressions.holds(expressions.parse(task.checks[0].expression), scope) is holds


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ("== 5", 5.0, True),
        ("== 5", "5", False),
        ("== 1", True, False),
        ("!= true", 1, True),
        ("== -1.5e3", -1500, True),
        ("== 123456789012345678", 123456789012345678, True),
        ("== \"a 'b' \\n\\\\\"", "a 'b' \n\\", True),
        ('== {"a": [1, null, "\'"]}', {"a": [1, None, "'"]}, True),
        ("== null", None, True),
        (">= 4000", 4000, True),
        ('< "b"', "a", True),
        ('> "b"', "a", False),
    ],
)
def test_comparisons_are_strict(library: TaskTypes, condition: str, value: Any, holds: bool) -> None:
    task = task_of(
        library,
        echo("t", condition=f"{{{{inputs.o.x}}}} {condition}"),
        inputs=[{"name": "o", "type": "object"}],
    )
    scope = expressions.Values({"inputs": {"o": {"x": value}}})

    assert expressions.holds(expressions.parse(task.checks[0].expression), scope) is holds


def test_an_absent_input_is_in_no_order(library: TaskTypes) -> None:
    inputs = [{"name": "n", "type": "number", "required": False}]
    task = task_of(library, echo("t", condition="{{inputs.n}} < 5"), inputs=inputs)
    scope = expressions.Values({"inputs": {"n": None}})

    assert not expressions.holds(expressions.parse(task.checks[0].expression), scope)


def test_retry_fallback_and_timeout(library: TaskTypes) -> None:
    task = task_of(
        library,
        echo(
            "t",
            retry={"attempts": 3, "delay": 0.5, "multiplier": 2, "maxDelay": 60},
            fallback={"task": "static_text_input", "inputs": {"text": "y"}},
            timeout=20,
        ),
    )

    assert task.retry == Retry(
        count=3,
        delay=timedelta(seconds=0.5),
        backoff="exponential",
        factor=2.0,
        max_delay=timedelta(minutes=1),
    )
    assert task.fallback == CallTask(type="static_text_input", inputs={"text": Literal("y")})
    assert task.timeout == Literal(20)


def test_without_a_word_the_type_says_how_long_it_may_take(library: TaskTypes) -> None:
    task = {"name": "t", "type": "openai.audio.transcription", "inputs": {"file": "https://example.com/a"}}

    assert task_of(library, task).timeout == Literal(1800)
    assert task_of(library, echo("t")).timeout == Literal(300)


def test_a_fallback_s_default_output_stands_in_under_the_task_s_name(library: TaskTypes) -> None:
    task = {
        "name": "t",
        "type": "web.download",
        "inputs": {"url": "https://example.com"},
        "outputs": [{"name": "page", "value": "{{outputs.html}}"}],
        "fallback": {"task": "http.request", "inputs": {"url": "https://example.org"}},
    }

    assert defined(library, task, echo("u", "{{tasks.t.outputs.page}}")).tasks[0].renames == {
        "html": "page",
        "body": "page",
    }


def test_the_shell_step_is_a_command(library: TaskTypes) -> None:
    task = {
        "name": "t",
        "type": "core.shell",
        "inputs": {
            "script": "echo \\{{ $A",
            "env": {"A": "{{inputs.a}}", "N": 5, "NONE": None},
            "stdin": "<{{inputs.a}}>",
        },
    }

    assert task_of(library, task, inputs=[{"name": "a", "type": "text"}]).action == RunCommand(
        script="echo {{ $A",
        environment={"A": Expr("inputs.a"), "N": Literal(5), "NONE": Literal(None)},
        stdin=Text(("<", Expr("inputs.a"), ">")),
    )


def test_an_output_is_written_out_where_a_later_one_reads_it(library: TaskTypes) -> None:
    page = {"name": "page", "type": "web.download", "inputs": {"url": "https://example.com"}}
    outputs = [
        {"name": "head", "value": "{{tasks.page.outputs.headers}}"},
        {"name": "text", "type": "text", "value": "{{tasks.page.outputs.status}}"},
        {"name": "both", "value": {"a": "{{outputs.head.etag}}", "b": "<{{outputs.text}}>"}},
    ]

    assert [output.value for output in defined(library, page, outputs=outputs).outputs] == [
        Expr("tasks.page.outputs.headers"),
        Text((Expr("tasks.page.outputs.status"),)),
        ObjectOf(
            {
                "a": Expr("tasks.page.outputs.headers.etag"),
                "b": Text(("<", Expr("tasks.page.outputs.status"), ">")),
            }
        ),
    ]


def test_outputs_that_double_end_at_a_limit(library: TaskTypes) -> None:
    outputs: list[dict[str, Any]] = [{"name": "o0", "value": "{{tasks.a.outputs.text}}"}]
    outputs += [
        {"name": f"o{n}", "value": f"{{{{outputs.o{n - 1}}}}}{{{{outputs.o{n - 1}}}}}"} for n in range(1, 40)
    ]
    parsed = parse({"title": "w", "tasks": [echo("a")], "outputs": outputs}, library)

    assert {problem.code for problem in parsed.problems} == {"invalid_value"}


@pytest.mark.parametrize(
    ("document", "style"),
    [
        (EXAMPLES["speech"], Style(family="A", label="name")),
        (EXAMPLES["summary"], Style(family="B", label="ref")),
        (
            {"title": "w", "tasks": [{"id": "a", "type": "echo", "input": "x"}]},
            Style(family="A", label="name"),
        ),
        ({"name": "w", "tasks": [echo("a")]}, Style(family="B", label="name")),
        (
            {"title": "w", "inputs": [{"name": "x", "type": "text"}], "tasks": [echo("a", "{{Inputs.x}}")]},
            Style(family="B", label="name", camel_case=True),
        ),
    ],
)
def test_the_document_decides_how_it_is_answered(
    library: TaskTypes, document: dict[str, Any], style: Style
) -> None:
    parsed = parse(document, library)
    assert parsed.definition is not None

    assert parsed.style == style == style_of(parsed.definition)


def test_variants_may_be_mixed(library: TaskTypes) -> None:
    document = {
        "NAME": "w",
        "Inputs": [{"Name": "u", "Type": "String"}],
        "steps": [
            {"ref": "a", "type": "web.download", "input": {"url": "{{ INPUTS.u }}"}},
            {
                "name": "b",
                "type": "text.size",
                "inputs": {"text": "{{refs.a.outputs.html}}"},
                "dependsOn": [],
            },
        ],
        "output": [{"name": "n", "type": "int", "value": "{{tasks.b.output.size}}"}],
    }
    parsed = parse(document, library)

    assert parsed.problems == parsed.warnings == ()
    assert parsed.plan[1].depends_on == ("a",)


def test_a_hundred_problems_are_told_and_the_rest_is_counted(library: TaskTypes) -> None:
    parsed = parse({"title": "w", "tasks": [echo("a", "{{}}") for _ in range(120)]}, library)

    assert len(parsed.problems) == 101
    assert parsed.problems[-1].code == "more_problems"
    assert parsed.problems[-1].message == "There are 139 more problems."


def test_a_hundred_warnings_are_told_and_the_rest_is_counted(library: TaskTypes) -> None:
    unknown = {f"zzzz_key_{number}": 1 for number in range(101)}
    parsed = parse({"title": "w", "tasks": [echo("a", "x")], **unknown}, library)

    assert len(parsed.warnings) == 101
    assert parsed.warnings[99].code == "unknown_field"
    assert (parsed.warnings[-1].code, parsed.warnings[-1].path) == ("more_warnings", "")
    assert parsed.warnings[-1].message == "There is 1 more warning."
