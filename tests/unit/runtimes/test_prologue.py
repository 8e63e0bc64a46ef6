"""Texts that could hide their ending get a shell of their own."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headrace.runtimes import prologue


@pytest.mark.parametrize(
    "text",
    [
        "exec true",
        "x; trap 'echo' EXIT",
        'eval "$x"',
        "alias ls=x",
        ". ./env.sh",
        "cd x && . ./env.sh",
        "source env.sh",
        "kill -9 $$",
        "(\n. x)",
    ],
)
def test_a_text_that_may_hide_its_ending_runs_as_a_child(text: str) -> None:
    assert not prologue.may_share_shell(text)


@pytest.mark.parametrize(
    "text", ["", "true", "echo a. b", "python3 ./x.py", "ls . ; find ../a -name '*.c'", "exit 3", "cp a .\n"]
)
def test_any_other_text_shares_the_shell(text: str) -> None:
    assert prologue.may_share_shell(text) is (". ;" not in text and not text.endswith(".\n"))


@pytest.mark.parametrize(
    "made",
    [
        prologue.in_same_shell,
        prologue.from_environment,
        prologue.from_environment_in_bash,
        prologue.as_child,
    ],
)
def test_bounds_are_entered_after_the_claim_and_before_anything_else(made: Callable[[str], str]) -> None:
    claim, entering, rest = made("enter;").partition("enter;")

    assert (entering, claim + rest) == ("enter;", made(""))
    assert claim.endswith("set +C;")


@pytest.mark.parametrize(
    "text",
    ["sed 1d $0", 'cat "${0}"', 'echo "${0##*/}"', "a\0b", "return 1", '[ "$BASH_SOURCE" = x ]'],
)
def test_a_text_that_may_look_at_its_own_file_is_one(text: str) -> None:
    assert prologue.needs_its_file(text)


@pytest.mark.parametrize("text", ["", "true", "echo $1 $x 0", "echo ${x:-0}"])
def test_any_other_text_needs_no_file(text: str) -> None:
    assert not prologue.needs_its_file(text)
