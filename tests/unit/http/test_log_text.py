from __future__ import annotations

from pathlib import Path

import pytest

from headrace.http import log_text
from headrace.runtimes import long_logs
from headrace.security.redaction import Redactor

SECRET = "hunter2-hunter2"
LINE = b"the key is hunter2-hunter2, remember it\n"
MASKED = b"the key is ***************, remember it\n"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "stdout"
    file.write_bytes(LINE * 3)
    return file


@pytest.fixture
def redactors() -> list[Redactor]:
    return [Redactor([SECRET]), Redactor()]


async def read(file: Path, start: int, end: int, redactors: list[Redactor]) -> bytes:
    return b"".join([piece async for piece in log_text.read(file, start, end, redactors)])


async def test_a_mask_is_as_long_as_what_it_hides(log: Path, redactors: list[Redactor]) -> None:
    assert await read(log, 0, 3 * len(LINE), redactors) == MASKED * 3


async def test_every_range_shows_what_the_whole_shows(log: Path, redactors: list[Redactor]) -> None:
    whole = MASKED * 3

    for start in range(0, 45, 3):
        for end in range(start, len(whole), 7):
            assert await read(log, start, end, redactors) == whole[start:end]


async def test_a_large_log_is_read_in_pieces(
    tmp_path: Path, redactors: list[Redactor], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_text, "PIECE", 16)
    file = tmp_path / "stdout"
    file.write_bytes(LINE * 20)

    assert await read(file, 0, 20 * len(LINE), redactors) == MASKED * 20


def test_the_beginning_of_a_secret_waits_for_its_rest(tmp_path: Path, redactors: list[Redactor]) -> None:
    file = tmp_path / "stdout"
    file.write_bytes(b"the key is hunter2-h")

    assert log_text.settled(file, 20, redactors) == 11
    assert log_text.settled(file, 20, [Redactor()]) == 20


def test_a_log_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert log_text.size_of(None) == 0
    assert log_text.size_of(tmp_path / "missing") == 0


@pytest.mark.parametrize("piece", [7, log_text.PIECE])
async def test_what_the_cut_of_a_log_left_of_a_secret_is_masked(
    tmp_path: Path, redactors: list[Redactor], monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(log_text, "PIECE", piece)
    file = tmp_path / "1001.stdout"
    file.write_bytes(LINE)
    long_logs.trim(str(tmp_path / "1001"), LINE.index(SECRET.encode()) + len(SECRET) - 1)

    shown = await read(file, 0, file.stat().st_size, redactors)

    assert shown.startswith("the key is **************…\n[headrace: this log was cut".encode())
    assert len(shown) == file.stat().st_size
