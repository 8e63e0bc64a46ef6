"""Logs that are longer than they may be, while a real process goes on writing to them."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.runtimes import long_logs
from headrace.testing.witness import until

LINE = b"a line of the log\n"
LIMIT = 10 * len(LINE)
MARK = f"[headrace: this log was cut here, because a log may have {LIMIT} bytes]\n".encode()


@pytest.fixture
def place(tmp_path: Path) -> str:
    return str(tmp_path / "1001")


@pytest.fixture
def log(place: str) -> Path:
    return Path(f"{place}.stdout")


@pytest.fixture
def writer(log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that writes what it reads, as a step does: to a file that it opened once."""
    with log.open("wb") as file, subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=file) as process:
        yield process
        process.kill()


def content(path: Path | str) -> bytes:
    return Path(path).read_bytes()


def size(path: Path | str) -> int:
    return Path(path).stat().st_size


def blocks(path: Path) -> int:
    return path.stat().st_blocks


def leave(path: str, content: bytes) -> None:
    Path(path).write_bytes(content)


async def write(writer: subprocess.Popen[bytes], file: Path, text: bytes) -> None:
    """Let the process write, and wait until the file it writes to has grown by that."""
    assert writer.stdin is not None
    before = size(file)
    writer.stdin.write(text)
    writer.stdin.flush()
    await until(lambda: size(file) >= before + len(text))


def test_a_log_up_to_the_limit_stays_whole(place: str, log: Path) -> None:
    log.write_bytes(LINE * 10)
    long_logs.trim(place, LIMIT)

    assert content(log) == LINE * 10
    assert not long_logs.is_cut(log)


def test_a_longer_one_ends_with_a_marked_line(place: str, log: Path) -> None:
    log.write_bytes(LINE * 10 + b"x")
    long_logs.trim(place, LIMIT)

    assert content(log) == LINE * 10 + MARK
    assert long_logs.is_cut(log)


def test_the_marked_line_is_a_line_of_its_own(place: str, log: Path) -> None:
    log.write_bytes(b"x" * 1000)
    long_logs.trim(place, LIMIT)

    assert content(log) == b"x" * LIMIT + "…\n".encode() + MARK


async def test_what_comes_after_the_cut_neither_reaches_the_log_nor_stays_on_the_disk(
    place: str, log: Path, writer: subprocess.Popen[bytes]
) -> None:
    rest = Path(f"{log}.cut")
    await write(writer, log, LINE * 11)
    long_logs.trim(place, LIMIT)
    for _ in range(3):
        await write(writer, rest, LINE * 100_000)
        long_logs.trim(place, LIMIT)

    assert content(log) == LINE * 10 + MARK
    assert blocks(rest) == 0


async def test_a_cut_that_was_cut_off_is_made_again(
    place: str, log: Path, writer: subprocess.Popen[bytes]
) -> None:
    await write(writer, log, LINE * 11)
    os.link(log, f"{log}.cut")
    leave(f"{log}.new", b"half of")
    long_logs.trim(place, LIMIT)

    assert content(log) == LINE * 10 + MARK
    assert size(f"{log}.cut") == 0


def test_both_streams_are_cut_each_by_itself(place: str, log: Path) -> None:
    log.write_bytes(LINE)
    errors = Path(f"{place}.stderr")
    errors.write_bytes(LINE * 20)
    long_logs.trim(place, LIMIT)

    assert (long_logs.is_cut(log), long_logs.is_cut(errors)) == (False, True)


def test_a_step_without_logs_has_nothing_to_cut(place: str) -> None:
    long_logs.trim(place, LIMIT)

    assert not Path(f"{place}.stdout").exists()
