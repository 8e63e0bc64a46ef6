"""Headers and queries that are written out are judged when the document is, with the real task types."""

from __future__ import annotations

from typing import Any

import pytest

from headrace.dialects.dataflow import parse as documents
from headrace.tasks.library import Library

LIBRARY = Library.installed()


def told(**inputs: Any) -> list[tuple[str, str, str]]:
    return told_of("http.request", {"url": "https://example.com", **inputs})


def told_of(type: str, inputs: dict[str, Any]) -> list[tuple[str, str, str]]:
    call = {"name": "a", "type": type, "inputs": inputs}
    declared = [{"name": "x", "type": "text"}, {"name": "o", "type": "object"}]
    parsed = documents.parse({"title": "t", "inputs": declared, "tasks": [call]}, LIBRARY)
    return [(each.path, each.code, each.message) for each in parsed.problems]


@pytest.mark.parametrize("port", ["headers", "query"])
def test_a_list_is_no_object_with_names(port: str) -> None:
    message = f"http.request needs an object with names for '{port}'; the given value is list."

    assert told(**{port: ["a"]}) == [(f"/tasks/0/inputs/{port}", "type_mismatch", message)]
    assert told(**{port: ["{{inputs.x}}"]}) == [(f"/tasks/0/inputs/{port}", "type_mismatch", message)]
    assert told(**{port: "{{inputs.o}}"}) == []
    assert told(body=["a"]) == []


@pytest.mark.parametrize(
    "headers",
    [{"a b": "{{inputs.x}}"}, {"X": "one\ntwo", "Y": "{{inputs.x}}"}, {"X": "ü"}, {"Content-Length": "many"}],
)
def test_headers_that_can_never_be_sent(headers: dict[str, Any]) -> None:
    assert [each[:2] for each in told(headers=headers)] == [("/tasks/0/inputs/headers", "invalid_value")]


def test_headers_that_can_be_sent() -> None:
    assert told(headers={"X-A": "{{inputs.x}}", "Accept": "text/html, */*;q=0.1", "X-N": 5, "X-0": ""}) == []


@pytest.mark.parametrize(
    ("inputs", "code", "told_as"),
    [
        ({"method": "TRACE"}, "invalid_value", "GET, HEAD, POST, PUT, PATCH, DELETE"),
        ({"method": ""}, "invalid_value", "PUT, PATCH, DELETE for 'method'; it is ''."),
        ({"timeout": 0}, "invalid_value", "for 'timeout'; it is 0."),
        ({"url": "ftp://x"}, "invalid_url", "'ftp://x' is not an absolute http or https URL."),
        ({"url": ""}, "invalid_url", "'' is not an absolute http or https URL."),
        ({"url": "http://h:x/"}, "invalid_url", "'http://h:x/' has a port that is no number"),
        ({"url": "http://x.y:99999/"}, "invalid_url", "'http://x.y:99999/' has a port that is no number"),
        ({"url": "http://x.y:0/?a=b"}, "invalid_url", "'http://x.y:0/' has a port that is no number"),
        ({"url": "http://me:pw@h/?a=b"}, "invalid_url", "'http://…@h/' has user information in it"),
        ({"url": "http://me:pw@h:x/"}, "invalid_url", "'http://…@h:x/' has user information in it"),
        ({"url": "http://[::1"}, "invalid_url", "'http://[::1' has brackets in its host that are not closed"),
        ({"url": "http://a..b/"}, "invalid_url", "'http://a..b/' has a host with a part that is empty"),
        ({"url": " http://h/"}, "invalid_url", "white space"),
        ({"url": 5}, "invalid_url", "'5' is not"),
    ],
)
@pytest.mark.parametrize("type", ["web.download", "http.request"])
def test_a_literal_that_can_never_be_asked(
    type: str, inputs: dict[str, Any], code: str, told_as: str
) -> None:
    ((path, found, message),) = told_of(type, {"url": "https://example.com", **inputs})

    assert (path, found) == (f"/tasks/0/inputs/{next(iter(inputs))}", code)
    assert told_as in message


@pytest.mark.parametrize("written", ["http://h:99999/v", {"url": "http://me:pw@h/v"}])
def test_a_file_that_no_request_can_bring(written: Any) -> None:
    ((path, code, _),) = told_of("video.extract_audio", {"video": written})

    assert (path, code) == ("/tasks/0/inputs/video", "invalid_url")


@pytest.mark.parametrize(
    "url", ["http://h/a b", "http://h", "https://[::1]:8080/a@b?c=d@e#//f@g", "http://h:/"]
)
def test_urls_that_can_be_asked(url: str) -> None:
    assert told(url=url) == []


@pytest.mark.parametrize("method", ["get", "Post", "DELETE"])
def test_a_method_may_be_written_in_any_case(method: str) -> None:
    assert told(method=method, url="HTTPS://example.com/{{inputs.x}}") == []
    assert told(method="{{inputs.x}}", url="{{inputs.x}}") == []


@pytest.mark.parametrize(
    ("url", "codes"),
    [
        ("https://www.youtube.com/watch?v=x", []),
        ("https://youtu.be/x", []),
        ("https://example.com/x", ["unsupported_url"]),
        ("http://youtu.be/x", ["unsupported_url"]),
        ("youtu.be/x", ["invalid_url"]),
    ],
)
def test_links_of_other_hosts_are_refused_where_they_are_written(url: str, codes: list[str]) -> None:
    assert [code for _, code, _ in told_of("youtube.download", {"url": url})] == codes


@pytest.mark.parametrize(
    ("type", "inputs", "code"),
    [
        ("web.download", {"url": "https://h", "timeout": 0}, "invalid_value"),
        ("web.download", {"url": "https://h", "max_bytes": -1}, "invalid_value"),
        ("video.extract_audio", {"video": "https://h/v.mp4", "format": "avi"}, "invalid_value"),
        (
            "openai.audio.transcription",
            {"file": "https://h/a.mp3", "response_format": "xml"},
            "invalid_value",
        ),
        ("openai.completion", {"text": "x", "prompt": "x", "max_tokens": 0}, "invalid_value"),
        ("openai.audio.text_to_speech", {"text": "", "voice": "alloy"}, "invalid_value"),
        ("text.truncate", {"text": "x", "length": 0.5}, "invalid_value"),
    ],
)
def test_declared_bounds_are_checked_where_a_literal_is_written(
    type: str, inputs: dict[str, Any], code: str
) -> None:
    assert [found for _, found, _ in told_of(type, inputs)] == [code]
