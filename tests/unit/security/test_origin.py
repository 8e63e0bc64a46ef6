"""The table of hosts and origins."""

from __future__ import annotations

import pytest

from headrace.security import origin
from headrace.security.origin import Rules, Verdict

RULES = Rules(
    public_url="https://flows.example.org/base",
    allowed_hosts=("other.example", "*.wild.example"),
    allowed_origins=("https://app.example", "chrome-extension://abc"),
)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LOCALHOST:8080",
        "localhost.:8080",
        "127.0.0.1",
        "127.0.0.1:8080",
        "10.1.2.3:80",
        "[::1]",
        "[::1]:8080",
        "[fe80::1]:8080",
        "flows.example.org",
        "Flows.Example.org:443",
        "other.example:8080",
        "a.wild.example",
        "a.b.wild.example",
    ],
)
def test_a_host_of_ours_passes(host: str) -> None:
    assert origin.judge(host, None, RULES) is Verdict.OK


@pytest.mark.parametrize(
    "host",
    [
        None,
        "",
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "xflows.example.org",
        "flows.example.org.evil.example",
        "wild.example",
        "xwild.example",
        "other.example:port",
        "other.example:8080:1",
        "other.example@evil.example",
        "evil.example/other.example",
        "2130706433",
        "0x7f.1",
        "127.1",
        "::1",
        "[::1",
        "[evil.example]",
        "local host",
        "localhost\\x",
        "service.peak.ai",
        ".",
    ],
)
def test_a_strange_host_is_misdirected(host: str | None) -> None:
    assert origin.judge(host, None, RULES) is Verdict.MISDIRECTED


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("localhost:8080", "http://localhost:8080"),
        ("LocalHost:8080", "http://localhost:8080"),
        ("127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("[::1]:8080", "http://[::1]:8080"),
        ("localhost", "http://localhost"),
        ("localhost:80", "http://localhost"),
        ("flows.example.org", "https://flows.example.org"),
        ("127.0.0.1:8080", "https://flows.example.org"),
        ("127.0.0.1:8080", "https://app.example"),
        ("127.0.0.1:8080", "https://app.example:443"),
        ("127.0.0.1:8080", "chrome-extension://abc"),
    ],
)
def test_an_origin_of_ours_or_an_allowed_one_passes(host: str, sent: str) -> None:
    assert origin.judge(host, sent, RULES) is Verdict.OK


@pytest.mark.parametrize(
    ("host", "sent"),
    [
        ("localhost:8080", "null"),
        ("localhost:8080", ""),
        ("localhost:8080", "http://evil.example"),
        ("localhost:8080", "http://localhost:3000"),
        ("localhost:8080", "http://localhost"),
        ("localhost:8080", "http://127.0.0.1:8080"),
        ("localhost:8080", "ftp://localhost:8080"),
        ("localhost:8080", "file://"),
        ("localhost:8080", "localhost:8080"),
        ("localhost:8080", "http://localhost:8080@evil.example"),
        ("localhost:8080", "http://localhost:8080.evil.example"),
        ("localhost:8080", "http://app.example"),
        ("localhost:8080", "https://sub.app.example"),
        ("localhost:8080", "http://flows.example.org"),
        ("localhost:8080", "chrome-extension://xyz"),
    ],
)
def test_a_strange_origin_is_forbidden(host: str, sent: str) -> None:
    assert origin.judge(host, sent, RULES) is Verdict.FORBIDDEN


def test_a_strange_host_is_told_before_a_strange_origin() -> None:
    assert origin.judge("evil.example", "http://evil.example", RULES) is Verdict.MISDIRECTED


def test_a_verdict_is_the_status_of_the_answer() -> None:
    assert [int(verdict) for verdict in Verdict] == [200, 403, 421]
