"""Parts of log files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headrace.dialects.akoflow.routes.log_files import Log, part
from headrace.security.redaction import Redactor


def read(path: Path, offset: int = 0, limit: int = 1000, tail: int = 0, *, is_over: bool = True) -> Any:
    return part(Log(path), offset, limit, tail, [], is_over=is_over)


def test_a_part_breaks_off_between_characters(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes("aé€😀".encode())
    found, offset = "", 0
    while not (answer := read(path, offset, 4))["ended"]:
        found, offset = found + answer["text"], answer["nextOffset"]

    assert found + answer["text"] == "aé€😀"


def test_what_is_still_being_written_is_left_for_later(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"ab\xc3")

    assert read(path, is_over=False) == {
        "text": "ab",
        "offset": 0,
        "nextOffset": 2,
        "size": 3,
        "ended": False,
        "truncated": False,
    }
    assert read(path)["text"] == "ab\ufffd"


@pytest.mark.parametrize(("lines", "text"), [(1, "c"), (2, "b\nc"), (9, "a\nb\nc")])
def test_the_last_lines(tmp_path: Path, lines: int, text: str) -> None:
    path = tmp_path / "log"
    path.write_text("a\nb\nc")
    assert read(path, tail=lines)["text"] == text
    path.write_text("a\nb\nc\n")
    assert read(path, tail=lines)["text"] == f"{text}\n"


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read(tmp_path / "none")["size"] == 0
    assert part(Log(None), 0, 10, 1, [], is_over=False)["text"] == ""


def test_secrets_are_masked_and_places_stay(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"before geheimnis-42 after")
    answer = part(Log(path), 10, 15, 0, [Redactor(["geheimnis-42"])], is_over=True)

    assert (answer["text"], answer["nextOffset"]) == ("********* after", 25)
