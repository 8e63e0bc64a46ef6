"""Start bodies in, complete inputs or problems out: every row of the page's table that concerns a start."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from headrace.definition.model import WorkflowDefinition
from headrace.definition.templates import FileRef
from headrace.dialects.dataflow import parse as documents
from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.start import CheckedStart, Facts, check_start, needs
from headrace.dialects.dataflow.webhooks import Webhook
from headrace.security.egress import Egress
from headrace.tasks.files import Inline

STORED = FileRef("0" * 64, 5, "talk.mp3", "audio/mpeg")
ECHO = {"name": "say", "type": "echo", "inputs": {"text": "x"}}
DECLARED = [
    {"name": "text", "type": "text"},
    {"name": "count", "type": "number", "default": 3},
    {"name": "flag", "type": "boolean", "required": False},
    {"name": "more", "type": "object", "required": False},
    {"name": "talk_file", "type": "file", "required": False},
]


def facts(**changes: Any) -> Facts:
    found: dict[str, Any] = {
        "files": {"file-0a1b2c3d": STORED},
        "secrets": {"TOKEN"},
        "keys": set(),
        "check_url": Egress().check_url,
    }
    return Facts(**{**found, **changes})


def defined(library: TaskTypes, *tasks: dict[str, Any], inputs: Any = ()) -> WorkflowDefinition:
    document = {"title": "w", "inputs": list(inputs), "tasks": list(tasks) or [ECHO]}
    definition = documents.parse(document, library).definition
    assert definition is not None
    return definition


def start(
    library: TaskTypes, body: Any, *tasks: dict[str, Any], inputs: Any = DECLARED, **known: Any
) -> CheckedStart:
    definition = defined(library, *tasks, inputs=inputs)
    return check_start(body, "wf-4g7h8j9k", definition, library, facts(**known))


def told(checked: CheckedStart) -> list[tuple[str, str]]:
    return [(problem.path, problem.code) for problem in checked.problems]


def test_a_default_that_is_no_file_any_more_is_told_with_its_input(library: TaskTypes) -> None:
    inputs = [{"name": "talk", "type": "file", "default": "file-99999999"}]
    [problem] = start(library, {}, inputs=inputs).problems
    [removed] = start(library, {}, inputs=inputs, removed={"file-99999999": "It was removed."}).problems

    assert (problem.path, problem.code) == ("", "unknown_file")
    assert problem.message == (
        "There is no file 'file-99999999'. "
        "It is the default of the input 'talk'; give this input another file."
    )
    assert removed.message.startswith("It was removed. It is the default of the input 'talk'")


def test_what_nobody_reads_in_a_file_is_a_warning(library: TaskTypes) -> None:
    value = {"url": "https://example.com/a", "nmae": "a.mp3", "sha256": "0" * 64}
    given = start(library, {"inputs": {"talk": value}}, inputs=[{"name": "talk", "type": "file"}])
    document = {
        "title": "w",
        "inputs": [{"name": "talk", "type": "file", "default": value}],
        "tasks": [{"name": "t", "type": "openai.audio.transcription", "inputs": {"file": value}}],
    }
    written = documents.parse(document, library)

    assert warned(given) == [("/inputs/talk/nmae", "unknown_field", "name")]
    assert [(each.path, each.code) for each in written.warnings] == [
        ("/inputs/0/default/nmae", "unknown_field"),
        ("/tasks/0/inputs/file/nmae", "unknown_field"),
    ]


def test_a_webhook_of_a_wrong_kind_is_told_what_it_may_be(library: TaskTypes) -> None:
    [problem] = start(library, {"inputs": {"text": "a"}, "monitoring": {"webhook": 5}}).problems

    assert (problem.path, problem.code) == ("/monitoring/webhook", "invalid_type")
    assert problem.message == "'webhook' is a URL or an object with a 'url', not a number."


def warned(checked: CheckedStart) -> list[tuple[str, str, str | None]]:
    return [(problem.path, problem.code, problem.suggestion) for problem in checked.warnings]


def test_inputs_are_completed(library: TaskTypes) -> None:
    checked = start(library, {"inputs": {"text": "a", "more": [1]}})

    assert told(checked) == []
    assert checked.inputs == {"text": "a", "count": 3, "flag": None, "more": [1], "talk_file": None}


def test_a_number_that_is_none_is_one_problem(library: TaskTypes) -> None:
    checked = start(library, {"inputs": {"text": "a", "count": float("nan")}})

    assert [each.message for each in checked.problems] == ["The number is not finite."]


@pytest.mark.parametrize("body", [None, {}, {"inputs": {}}, {"inputs": None}])
def test_a_workflow_without_inputs_needs_no_body(library: TaskTypes, body: Any) -> None:
    checked = start(library, body, inputs=[])

    assert (told(checked), warned(checked), checked.inputs) == ([], [], {})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([1], [("", "invalid_type")]),
        ("x", [("", "invalid_type")]),
        ({"inputs": [1]}, [("/inputs", "invalid_type")]),
        (None, [("", "missing_input")]),
        ({"input": {"text": None}}, [("/input/text", "missing_input")]),
        (
            {"inputs": {"webpage_url": "https://example.com"}},
            [("/inputs", "missing_input"), ("/inputs/webpage_url", "unknown_input")],
        ),
        ({"inputs": {"text": 5}}, [("/inputs/text", "invalid_type")]),
        ({"inputs": {"text": "a", "count": "5"}}, [("/inputs/count", "invalid_type")]),
        ({"inputs": {"text": "a", "count": True}}, [("/inputs/count", "invalid_type")]),
        ({"inputs": {"text": "a", "count": 10**30}}, [("/inputs/count", "invalid_value")]),
        ({"inputs": {"text": "a", "count": -(2**63) - 1}}, [("/inputs/count", "invalid_value")]),
        ({"inputs": {"text": "a", "flag": 1}}, [("/inputs/flag", "invalid_type")]),
        ({"inputs": {"text": "a", "more": "{}"}}, [("/inputs/more", "invalid_type")]),
        ({"inputs": {"text": "a", "more": {"n": [1, 2**64]}}}, [("/inputs/more/n/1", "invalid_value")]),
        ({"inputs": {"text": "a", "talk_file": "talk.mp3"}}, [("/inputs/talk_file", "invalid_type")]),
        ({"inputs": {"text": "a", "talk_file": "file-99999999"}}, [("/inputs/talk_file", "unknown_file")]),
        (
            {"inputs": {"text": "a", "talk_file": {"name": "a", "content_base64": "###"}}},
            [("/inputs/talk_file", "invalid_value")],
        ),
        ({"inputs": {"text": "a", "talk_file": "data:;base64,#"}}, [("/inputs/talk_file", "invalid_value")]),
        ({"inputs": {"text": "a", "talk_file": "data:text"}}, [("/inputs/talk_file", "invalid_value")]),
        (
            {"inputs": {"text": "a", "talk_file": {"name": 5, "content_base64": "aGk="}}},
            [("/inputs/talk_file", "invalid_value")],
        ),
        ({"inputs": {"text": "a"}, "input": {"text": "b"}}, [("/input", "conflicting_fields")]),
        ({"inputs": {"text": "a", "Text": "b"}}, [("/inputs/Text", "conflicting_fields")]),
        ({"inputs": {"text": "a"}, "monitorin": 1}, [("/monitorin", "unknown_field")]),
        ({"inputs": {"text": "a"}, "workflow_id": "wf-00000000"}, [("/workflow_id", "invalid_value")]),
    ],
)
def test_bad_bodies_start_nothing(library: TaskTypes, body: Any, expected: list[tuple[str, str]]) -> None:
    problems = told(start(library, body))

    assert [each for each in problems if each in expected] == expected
    assert len(problems) <= len(expected)


def test_names_of_inputs_are_found_by_folding(library: TaskTypes) -> None:
    checked = start(library, {"inputs": {"Text": "a", "talkFile": "file-0a1b2c3d"}})

    assert checked.inputs["text"] == "a"
    assert checked.inputs["talk_file"] == STORED
    assert warned(checked) == [
        ("/inputs/Text", "alias_used", "text"),
        ("/inputs/talkFile", "alias_used", "talk_file"),
    ]


def test_two_inputs_that_fold_alike_are_ambiguous(library: TaskTypes) -> None:
    declared = [{"name": "web_url", "type": "text"}, {"name": "weburl", "type": "text"}]
    checked = start(library, {"inputs": {"WebUrl": "a", "web_url": "b", "weburl": "c"}}, inputs=declared)

    assert told(checked) == [("/inputs/WebUrl", "ambiguous_name")]


def test_inputs_of_a_workflow_without_any_are_ignored(library: TaskTypes) -> None:
    checked = start(library, {"inputs": {"x": 1}}, inputs=[])

    assert told(checked) == []
    assert warned(checked) == [("/inputs/x", "input_ignored", None)]


def test_what_is_tolerated_and_what_is_unknown(library: TaskTypes) -> None:
    checked = start(library, {"workflowId": "wf-4g7h8j9k", "note": 1, "inputs": {"text": "a"}})

    assert told(checked) == []
    assert warned(checked) == [("/note", "unknown_field", None)]


@pytest.mark.parametrize(
    "value",
    [
        "https://example.com/a.mp3",
        {"url": "http://example.com/a"},
    ],
)
def test_a_file_that_is_elsewhere_is_left_to_the_task(library: TaskTypes, value: Any) -> None:
    checked = start(library, {"inputs": {"text": "a", "talk_file": value}})

    assert told(checked) == []
    assert checked.inputs["talk_file"] == value


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("data:text/plain,hello%20world", Inline(b"hello world", "file.txt", "text/plain")),
        ("DATA:text/plain;charset=utf-8;BASE64,aG\nk%3D", Inline(b"hi", "file.txt", "text/plain")),
        (
            {"name": "a", "content_type": "text/plain", "content_base64": "aGk="},
            Inline(b"hi", "a", "text/plain"),
        ),
        ({"content_base64": ""}, Inline(b"", "file")),
    ],
)
def test_a_file_that_is_sent_inside_the_body_is_read_at_the_start(
    library: TaskTypes, value: Any, expected: Inline
) -> None:
    checked = start(library, {"inputs": {"text": "a", "talk_file": value}})
    small = start(library, {"inputs": {"text": "a", "talk_file": value}}, max_file=1)

    assert told(checked) == []
    assert checked.inputs["talk_file"] == expected
    assert told(small) == ([("/inputs/talk_file", "too_large")] if expected.content else [])


def test_files_and_secrets_of_the_definition_are_looked_up(library: TaskTypes) -> None:
    tasks = [
        {"name": "t", "type": "openai.audio.transcription", "inputs": {"file": "file-0a1b2c3d"}},
        {"name": "u", "type": "echo", "inputs": {"text": "{{secrets.TOKEN}}"}},
    ]
    definition = defined(library, *tasks)
    needed = needs({"inputs": {"talk_file": {"file_id": "file-11111111"}}}, definition, library)
    key = {"openai_api_key"}

    assert needed.files == {"file-0a1b2c3d", "file-11111111"}
    assert needed.secrets == {"TOKEN"}
    assert needed.credentials == key
    assert start(library, None, *tasks, inputs=[], keys=key).inputs == {"@file-0a1b2c3d": STORED}
    assert told(start(library, None, *tasks, inputs=[], keys=key, files={}, secrets=())) == [
        ("", "unknown_file"),
        ("", "missing_secret"),
    ]


def test_a_missing_key_names_the_header_and_the_task(library: TaskTypes) -> None:
    summary = {
        "name": "summarize_text",
        "type": "openai.text.summarize",
        "inputs": {"text": "x"},
        "fallback": {"task": "openai.text.summarize", "inputs": {"text": "y"}},
    }
    echo = {**ECHO, "fallback": {"task": "openai.completion", "inputs": {"text": "x", "prompt": "y"}}}
    checked = start(library, None, summary, echo, inputs=[])

    assert told(checked) == [("", "missing_credential")] * 2
    assert [problem.task for problem in checked.problems] == ["summarize_text", "say"]
    assert checked.problems[0].message == (
        "Task 'summarize_text' (openai.text.summarize) needs an OpenAI key: send the X-OpenAI-Key header "
        "or store the secret 'openai_api_key'."
    )


def test_a_type_without_its_program_cannot_start(library: TaskTypes) -> None:
    task = {"name": "t", "type": "video.extract_audio", "inputs": {"video": "https://example.com/v.mp4"}}
    checked = start(library, None, task, inputs=[])

    assert told(checked) == [("", "task_type_unavailable")]
    assert "ffmpeg" in checked.problems[0].message


@pytest.mark.parametrize(
    ("body", "webhook"),
    [
        ({"webhook_url": "https://example.com/h"}, Webhook("https://example.com/h")),
        ({"webhookUrl": "https://example.com/h"}, Webhook("https://example.com/h")),
        ({"monitoring": {"webhook_url": "https://example.com/h"}}, Webhook("https://example.com/h")),
        ({"monitoring": {"webhook": "https://example.com/h"}}, Webhook("https://example.com/h")),
        (
            {
                "monitoring": {
                    "webhook": {
                        "url": "https://example.com/h",
                        "events": ["started", "task.failed", "execution.running"],
                        "secret": "whsec_c2VjcmV0",
                    }
                }
            },
            Webhook("https://example.com/h", ("execution.running", "task.failed"), "whsec_c2VjcmV0"),
        ),
        (
            {"webhook_url": "https://example.com/h", "monitoring": {"webhook_secret": "whsec_c2VjcmV0"}},
            Webhook("https://example.com/h", None, "whsec_c2VjcmV0"),
        ),
        ({"monitoring": {}}, None),
    ],
)
def test_all_spellings_of_a_webhook(library: TaskTypes, body: Any, webhook: Webhook | None) -> None:
    checked = start(library, body, inputs=[])

    assert told(checked) == []
    assert checked.webhook == webhook


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"webhook_url": "example.com/h"}, [("/webhook_url", "invalid_url")]),
        ({"webhook_url": "ftp://example.com/h"}, [("/webhook_url", "invalid_url")]),
        ({"webhook_url": "https://me:secret@example.com/h"}, [("/webhook_url", "invalid_url")]),
        ({"webhook_url": "http://127.0.0.1/h"}, [("/webhook_url", "egress_blocked")]),
        ({"webhook_url": "http://10.1.2.3/h"}, [("/webhook_url", "egress_blocked")]),
        ({"webhook_url": 5}, [("/webhook_url", "invalid_type")]),
        ({"monitoring": 5}, [("/monitoring", "invalid_type")]),
        ({"monitoring": {"webhook": {}}}, [("/monitoring/webhook", "missing_field")]),
        ({"monitoring": {"webhook": 5}}, [("/monitoring/webhook", "invalid_type")]),
        (
            {"webhook_url": "https://a.example", "monitoring": {"webhook_url": "https://b.example"}},
            [("/monitoring/webhook_url", "conflicting_fields")],
        ),
        (
            {
                "monitoring": {
                    "webhook": {"url": "https://a.example", "events": ["complete", 5], "secret": "x"}
                }
            },
            [
                ("/monitoring/webhook/events/0", "invalid_value"),
                ("/monitoring/webhook/events/1", "invalid_value"),
                ("/monitoring/webhook/secret", "invalid_value"),
            ],
        ),
    ],
)
def test_bad_webhooks_start_nothing(library: TaskTypes, body: Any, expected: list[tuple[str, str]]) -> None:
    assert told(start(library, body, inputs=[])) == expected


ANYTHING: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=10)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["inputs", "monitoring", "webhook", "url", "events", "text", "count", "talk_file"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(ANYTHING)
def test_any_body_is_answered(library: TaskTypes, body: Any) -> None:
    definition = defined(library, inputs=DECLARED)

    needs(body, definition, library)
    check_start(body, "wf-4g7h8j9k", definition, library, facts())
