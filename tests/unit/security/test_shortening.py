"""A cut through a secret leaves nothing of it to be seen."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from headrace.security import shortening
from headrace.security.redaction import Redactor

SECRET = 'pä$s/w+rd "x" & y\\z'
REDACTOR = Redactor([SECRET, "hunter2-hunter2"])
FORMS = [SECRET, json.dumps(SECRET)[1:-1], quote(SECRET), "hunter2-hunter2"]


@pytest.mark.parametrize("form", FORMS)
def test_no_cut_at_the_end_leaves_a_part_of_a_secret(form: str) -> None:
    text = f"It says: {form}, and more."

    for length in range(len(text) + 1):
        shown = shortening.masked(shortening.beginning(text, length), REDACTOR)
        shown_of_secret = shown.removeprefix("It says: ").removesuffix("…")
        assert form[:4] not in shown_of_secret


@pytest.mark.parametrize("form", FORMS)
def test_no_cut_at_the_beginning_leaves_a_part_of_a_secret(form: str) -> None:
    text = f"It says: {form}, and more."

    for length in range(len(text) + 1):
        assert f"{form[-4:]}, and more." not in shortening.masked(shortening.end(text, length), REDACTOR)


def test_a_cut_in_the_middle_of_a_text_is_found() -> None:
    tail = shortening.end("the key is hunter2-hunter2\nhunter2-hunter2", 28)
    quoted = shortening.beginning("http://x/hunter2-hunter2", 20)

    assert shortening.masked(f"Ended with 1.\n{tail}", REDACTOR) == "Ended with 1.\n…***\n***"
    assert shortening.masked(f"{quoted!r} is no address.", REDACTOR) == "'http://x/***…' is no address."


def test_a_part_that_touches_a_whole_value_is_masked_with_it() -> None:
    assert shortening.masked("hunter2-hunter2-hunter…", Redactor(["hunter2-hunter2"])) == "***…"


def test_what_is_not_cut_and_what_is_no_secret_stay_as_they_are() -> None:
    for text in ("hunter2-hunter", "hunter3…", "…2-hunter3", "hun… …er2", "", "…"):
        assert shortening.masked(text, REDACTOR) == text
    assert shortening.beginning("four", 4) == shortening.end("four", 4) == "four"
