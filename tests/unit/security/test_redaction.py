"""Masking of secrets in texts, values and streams."""

from __future__ import annotations

import base64
import json
import time
from urllib.parse import quote, quote_plus

import httpx2
import pytest

from headrace.security.redaction import Redactor, SecretsInUse
from headrace.security.secret_forms import LEAST_SECRET

SECRET = 'pä$s/w+rd "x" & y\\z'


def test_a_secret_is_masked_wherever_it_stands() -> None:
    assert Redactor(["hunter2"]).text("hunter2, xhunter2x and hunter") == "***, x***x and hunter"


@pytest.mark.parametrize(
    "written",
    sorted(
        {
            SECRET,
            json.dumps(SECRET),
            json.dumps(SECRET, ensure_ascii=False),
            json.dumps(SECRET).replace("/", "\\/"),
            repr(SECRET),
            quote(SECRET),
            quote(SECRET, safe=""),
            quote(SECRET, safe="").lower(),
            quote_plus(SECRET),
            quote(SECRET, safe="-_.!~*'()"),
            *(base64.b64encode(b"x" * before + SECRET.encode() + b"tail").decode() for before in range(6)),
            *(base64.urlsafe_b64encode(b"x" * before + SECRET.encode()).decode() for before in range(6)),
        }
    ),
)
def test_a_secret_is_masked_however_it_is_written(written: str) -> None:
    shown = Redactor([SECRET]).text(f"before {written} after")

    assert "***" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    assert len(shown) < len("before  after") + 20


@pytest.mark.parametrize(
    "secret", ["my pass|word^1[x]", 'tok"en|2026', "Key{2026}`'<a>", "ünï;c=o/d@e$1%z", "100%Sure!"]
)
@pytest.mark.parametrize("address", ["http://h/{}", "http://h/?a={}", "http://h/#{}", "http://{}@h/"])
def test_a_secret_is_masked_however_the_http_library_writes_its_address(secret: str, address: str) -> None:
    userinfo = address.startswith("http://{}")
    given = secret.replace("/", "").replace("@", "") if userinfo else secret.replace("#", "")

    shown = str(httpx2.Request("GET", address.format(given)).url)

    assert Redactor([given]).text(shown) == str(httpx2.URL(address.format("***")))


def test_a_secret_is_masked_in_the_name_of_a_host() -> None:
    assert Redactor(["Tenant_Key-7"]).text(str(httpx2.URL("https://Tenant_Key-7.example/"))) == (
        "https://***.example/"
    )


@pytest.mark.parametrize(
    "written",
    [
        "a&amp;b&lt;c&gt;&quot;d&#x27;",
        "a&amp;b&lt;c&gt;&quot;d&#39;",
        "a&amp;b&lt;c&gt;&quot;d&#039;",
        "a&amp;b&lt;c&gt;&#34;d&#39;",
        "a&amp;b&lt;c&gt;&quot;d&apos;",
        "a&amp;b&lt;c&gt;&quot;d'",
        "a&amp;b&lt;c&gt;\"d'",
    ],
)
def test_a_secret_is_masked_as_html_has_it(written: str) -> None:
    assert Redactor(["a&b<c>\"d'"]).text(f"<p>{written}</p>") == "<p>***</p>"


def test_a_key_of_letters_and_digits_has_few_forms() -> None:
    assert len(Redactor(["sk-Nobody_sees_this-0123456789"]).forms) == 5


def test_short_secrets_are_not_masked() -> None:
    assert LEAST_SECRET == 4
    assert Redactor(["abc", ""]).text("abc abc") == "abc abc"
    assert Redactor(["abcd"]).text("abcd") == "***"


def test_the_longest_secret_wins_and_overlaps_are_masked_whole() -> None:
    redactor = Redactor(["abcd", "abcdefgh", "ghijk"])

    assert redactor.text("-abcdefgh-") == "-***-"
    assert redactor.text("-abcdefghijk-") == "-***-"
    assert redactor.text("-abcdabcd-") == "-******-"


def test_lines_of_a_value_are_masked_one_by_one() -> None:
    key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"

    shown = Redactor([key]).text("log: MIIEvQIBADANBg\nlog: kqhkiG9w0BAQEF\n")

    assert shown == "log: ***\nlog: ***\n"
    assert Redactor(["hunter2\n"]).text("hunter2") == "***"


def test_json_values_are_masked_with_keys_and_numbers() -> None:
    value = {
        "a": ["hunter2", 1, None, True, 2.5],
        "hunter2": {"n": 12345678, "f": 1.2345678},
        "t": ("xhunter2",),
    }

    assert Redactor(["hunter2", "2345678"]).json(value) == {
        "a": ["***", 1, None, True, 2.5],
        "***": {"n": "***", "f": "***"},
        "t": ["x***"],
    }


def test_without_secrets_everything_passes_untouched() -> None:
    redactor, value = Redactor(), {"a": [1]}

    assert redactor.json(value) is value
    assert redactor.text("x") == "x"
    assert redactor.octets(b"\xff") == b"\xff"
    assert redactor.stream().feed(b"x") == b"x"


def test_the_mask_may_be_another() -> None:
    assert Redactor(["hunter2"], mask="********").text("hunter2") == "********"


def test_octets_that_are_no_text_are_masked_too() -> None:
    assert Redactor(["hunter2"]).octets(b"\xff\x00hunter2\xfe") == b"\xff\x00***\xfe"


def test_lone_surrogates_do_no_harm() -> None:
    assert Redactor(["hunter2"]).text("\ud800hunter2") == "\ud800***"


def test_a_stream_is_masked_across_pieces() -> None:
    stream = Redactor(["hunter2"]).stream()

    shown = [stream.feed(piece) for piece in (b"a hun", b"ter", b"2 b hunt", b"ing ", b"hun")]

    assert shown == [b"a ", b"", b"*** b ", b"hunting ", b""]
    assert stream.finish() == b"hun"


def test_a_line_that_cannot_begin_a_secret_is_shown_at_once() -> None:
    stream = Redactor(["x" * 4000]).stream()

    assert stream.feed(b"progress 1\n") == b"progress 1\n"


def test_a_stream_waits_for_the_longer_of_two_secrets() -> None:
    stream = Redactor(["abcd", "abcdefgh"]).stream()

    assert stream.feed(b"abcd") == b""
    assert stream.feed(b"efgh.") == b"***."


def test_an_endless_run_of_overlaps_is_not_held_for_ever() -> None:
    stream = Redactor(["aaaa"]).stream()

    shown = b"".join(stream.feed(b"aa") for _ in range(1000)) + stream.finish()

    assert shown == b"***"


def test_secrets_in_use_are_counted() -> None:
    used = SecretsInUse()
    used.learn(["hunter2", "other secret"])
    used.learn(["hunter2"])
    used.forget(["hunter2", "other secret"])

    assert used.redactor.text("hunter2 other secret") == "*** other secret"
    assert used.redactor is used.redactor
    used.forget(["hunter2"])
    assert used.redactor.text("hunter2") == "hunter2"


def test_a_large_text_and_many_secrets_are_masked_in_linear_time() -> None:
    redactor = Redactor([f"secret number {n} with some length" for n in range(50)])
    text = b"2026-01-01 INFO an ordinary line of a log with a path /a/b and s e c r e t s\n" * 20_000
    stream, began = redactor.stream(), time.perf_counter()

    shown = b"".join(stream.feed(text[at : at + 4096]) for at in range(0, len(text), 4096)) + stream.finish()

    assert shown == text
    assert time.perf_counter() - began < 5, "seconds; it takes 0.2 on a quiet machine"


def test_a_huge_secret_does_not_slow_a_stream_down() -> None:
    secret = "".join(f"{n:08d}" for n in range(8000))
    stream, began = Redactor([secret]).stream(), time.perf_counter()

    shown = stream.feed(secret.encode()[:-1]) + stream.feed(secret[-1:].encode()) + stream.feed(b"0" * 60_000)

    assert secret.encode() not in shown
    assert time.perf_counter() - began < 5, "seconds; it takes 0.3 on a quiet machine"
