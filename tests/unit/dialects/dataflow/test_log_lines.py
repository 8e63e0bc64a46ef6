"""What lies before in a log is not read again, neither for a page nor for a look of who follows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import httpx2
import pytest
from tests.unit.dialects.dataflow.serving import ended

from headrace.dialects.dataflow.routes import log_lines, log_pages
from headrace.dialects.dataflow.routes.log_lines import Mark, Marks, Tail, lines_behind
from headrace.dialects.dataflow.routes.log_pages import Places, Source, page_of

LINES = 20_000


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "1.stdout"
    file.write_text("".join(f"line {number}\n" for number in range(1, LINES + 1)))
    return file


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The lines that were read, in order."""
    lines: list[str] = []

    def counted(log: IO[bytes], mark: Mark, *, is_over: bool) -> Iterator[tuple[str, Mark]]:
        for line, behind in lines_behind(log, mark, is_over=is_over):
            lines.append(line)
            yield line, behind

    monkeypatch.setattr(log_lines, "lines_behind", counted)
    monkeypatch.setattr(log_pages, "lines_behind", counted)
    return lines


def of(file: Path, attempt: int = 1) -> Source:
    return Source(attempt, "stdout", file, None, is_over=True)


def test_all_pages_together_read_the_log_hardly_more_than_once(log: Path, read: list[str]) -> None:
    marks, offset, told = Marks(), 0, list[str]()
    while (page := page_of([of(log)], Places({}, offset), 700, marks)).lines:
        told += [line for _, line in page.lines]
        assert isinstance(page.next_offset, int)
        offset = page.next_offset

    assert told == [f"line {number}" for number in range(1, LINES + 1)]
    assert len(read) < 3 * LINES


def test_a_page_of_the_last_try_does_not_read_the_ones_before_again(
    tmp_path: Path, log: Path, read: list[str]
) -> None:
    last = tmp_path / "2.stdout"
    last.write_text("again\n")
    marks, sources = Marks(), [of(log), of(last, 2)]
    page_of(sources, Places({}, LINES), 10, marks)
    before = len(read)
    page = page_of(sources, Places({}, LINES), 10, marks)

    assert [line for _, line in page.lines] == ["again"]
    assert len(read) - before < 1500


def test_the_marks_of_a_long_log_are_bounded_and_still_lead_to_each_line(
    log: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_lines, "_MOST_MARKS", 4)
    marks = Marks()
    page_of([of(log)], Places({}, LINES), 1, marks)

    for told in (0, 999, 1000, 7654, LINES - 1):
        (only,) = page_of([of(log)], Places({}, told), 1, marks).lines
        assert only[1] == f"line {told + 1}"
    with log.open("rb") as file:
        assert len({marks.of(file).before(lines) for lines in range(LINES)}) <= 4


def test_the_marks_of_few_files_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_lines, "_MOST_FILES", 2)
    marks, found = Marks(), []
    for name in ("a", "b", "c", "a"):
        with (tmp_path / name).open("a+b") as file:
            found.append(marks.of(file))

    assert found[3] is not found[0]


def test_a_log_that_was_cut_is_counted_anew(log: Path) -> None:
    marks = Marks()
    page_of([of(log)], Places({}, LINES), 1, marks)
    cut = log.with_suffix(".new")
    cut.write_text("short\nthis log was cut here\n")
    cut.replace(log)

    assert [line for _, line in page_of([of(log)], Places({}, 1), 9, marks).lines] == [
        "this log was cut here"
    ]


def test_who_follows_a_log_reads_each_line_once_and_nothing_while_it_does_not_grow(
    log: Path, read: list[str]
) -> None:
    tail, told = Tail(), list[tuple[str, int]]()
    while tail.has_more(log, is_over=False):
        told += tail.read(log, is_over=False)
    assert not tail.has_more(log, is_over=False)
    with log.open("a") as file:
        file.write("half")
    assert tail.read(log, is_over=False) == []
    assert not tail.has_more(log, is_over=False)
    with log.open("a") as file:
        file.write(" a line\nlast")
    middle = tail.read(log, is_over=False)
    assert tail.has_more(log, is_over=True)
    end = tail.read(log, is_over=True)

    assert told == [(f"line {number}", number) for number in range(1, LINES + 1)]
    assert (middle, end) == ([("half a line", LINES + 1)], [("last", LINES + 2)])
    assert not tail.has_more(log, is_over=True)
    assert len(read) == LINES + 2


def test_who_follows_a_log_that_is_cut_reads_the_new_file_from_its_first_line(log: Path) -> None:
    tail = Tail()
    tail.read(log, is_over=False)
    cut = log.with_suffix(".new")
    cut.write_text("short\ncut\n")
    cut.replace(log)

    assert tail.has_more(log, is_over=False)
    assert tail.read(log, is_over=False) == [("short", 1), ("cut", 2)]


def test_who_follows_a_log_that_is_not_there_yet_waits_for_it(tmp_path: Path) -> None:
    tail, log = Tail(), tmp_path / "later"

    assert not tail.has_more(log, is_over=False)
    assert tail.read(log, is_over=False) == []


async def test_the_door_reads_a_long_log_once_for_its_pages_and_once_for_a_stream(
    client: httpx2.AsyncClient, read: list[str]
) -> None:
    document = {
        "title": "w",
        "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": f"seq {LINES}"}}],
    }
    logs = f"{await ended(client, document, {})}/tasks/t/logs"
    offset, told = 0, list[str]()
    while (page := (await client.get(logs, params={"offset": offset})).json())["lines"]:
        told += [line["message"] for line in page["lines"]]
        offset = page["next_offset"]
    for_pages = len(read)
    streams = [
        await client.get(logs, params={"follow": "true", **more})
        for more in ({}, {"offset": "1.19998.0"}, {"offset": 19998})
    ]
    ids = [line[4:] for line in streams[2].text.splitlines() if line.startswith("id: ")]
    messages = [
        [json.loads(line[6:])["message"] for line in stream.text.splitlines() if line.startswith("data: ")]
        for stream in streams
    ]

    assert told == messages[0] == [str(number) for number in range(1, LINES + 1)]
    assert messages[1] == messages[2] == ["19999", "20000"]
    assert ids == ["1.19999.0", "1.20000.0"]
    assert for_pages < 2 * LINES
    assert len(read) - for_pages == 3 * LINES
