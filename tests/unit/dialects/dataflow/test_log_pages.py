"""A log is read page by page while both streams of a try grow: nothing is told twice, nothing is left out."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import given, strategies as st
from tests.unit.dialects.dataflow.serving import run

from headrace.dialects.dataflow.routes.log_lines import START, Marks, lines_behind
from headrace.dialects.dataflow.routes.log_pages import STREAMS, Places, Source, Stream, page_of
from headrace.security import shortening
from headrace.security.redaction import Redactor


class Log:
    """The files of a task with several tries, of which the last one is being made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.written: dict[tuple[int, str], list[str]] = {}
        self.attempt = 1
        self.is_over = False

    def write(self, stream: str) -> None:
        lines = self.written.setdefault((self.attempt, stream), [])
        lines.append(f"{self.attempt}.{stream}.{len(lines) + 1}")
        with self._file(self.attempt, stream).open("a") as file:
            file.write(f"{lines[-1]}\n")

    def sources(self) -> list[Source]:
        return [
            Source(attempt, stream, self._file(attempt, stream), None, self.is_over or attempt < self.attempt)
            for attempt in range(1, self.attempt + 1)
            for stream in STREAMS
        ]

    def _file(self, attempt: int, stream: Stream | str) -> Path:
        return self._folder / f"{attempt}.{stream}"


STEPS = st.lists(
    st.one_of(st.sampled_from([*STREAMS, "again"]), st.integers(min_value=1, max_value=4)), max_size=40
)


@given(STEPS)
def test_who_asks_with_the_next_offset_is_told_every_line_once(steps: list[Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log, marks, told, offset = Log(Path(folder)), Marks(), list[str](), "0"
        for step in [*steps, "over", 1000]:
            match step:
                case int():
                    begin = Places.of(offset)
                    assert begin is not None
                    page = page_of(log.sources(), begin, step, marks)
                    told += [line for _, line in page.lines]
                    offset = str(page.next_offset)
                case "again":
                    log.attempt += 1
                case "over":
                    log.is_over = True
                case _:
                    log.write(step)

    assert sorted(told) == sorted(line for lines in log.written.values() for line in lines)
    for place, lines in log.written.items():
        assert [line for line in told if line.startswith(f"{place[0]}.{place[1]}.")] == lines
    assert offset == str(len(told))


def test_a_count_is_told_where_a_count_says_it(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.write("stdout")
    first = page_of(log.sources(), Places({}), 10, Marks())
    log.write("stderr")
    second = page_of(log.sources(), Places({}), 10, Marks())
    log.is_over = True
    third = page_of(log.sources(), Places.of(str(second.next_offset)) or Places({}), 10, Marks())
    beyond = page_of(log.sources(), Places({}, 7), 10, Marks())

    assert [first.next_offset, second.next_offset, third.next_offset] == [1, "1.1.1", 2]
    assert third.lines == []
    assert (beyond.lines, beyond.next_offset) == ([], 7)


@pytest.mark.parametrize("offset", ["-1", "x", "1.2", "1.2.3-", "²", "99999999999", ""])
async def test_what_is_no_offset_is_refused(client: httpx2.AsyncClient, offset: str) -> None:
    document = {"title": "w", "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": "true"}}]}
    answer = await client.get(f"{await run(client, document, {})}/tasks/t/logs", params={"offset": offset})

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")


async def test_standard_error_is_polled_while_the_task_runs(
    client: httpx2.AsyncClient, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    script = f"echo o1; echo e1 >&2; read line < {gate}; echo o2; echo e2 >&2"
    document = {"title": "w", "tasks": [{"name": "t", "type": "core.shell", "inputs": {"script": script}}]}
    logs = f"{await run(client, document, {})}/tasks/t/logs"
    told: list[tuple[str, str]] = []
    answer: dict[str, Any] = {"next_offset": 0, "complete": False}
    opened = False
    async with asyncio.timeout(20):
        while not answer["complete"]:
            answer = (await client.get(logs, params={"offset": answer["next_offset"]})).json()
            told += [(line["stream"], line["message"]) for line in answer["lines"]]
            if len(told) == 2 and not opened:
                opened = True
                await asyncio.to_thread(gate.write_text, "go\n")

    assert sorted(told[:2]) == [("stderr", "e1"), ("stdout", "o1")]
    assert sorted(told[2:]) == [("stderr", "e2"), ("stdout", "o2")]
    assert answer["next_offset"] == 4


@pytest.mark.parametrize("secret", ["hunter2-hunter2", "pä$swörd-ünd-möre"])
def test_a_line_in_pieces_shows_nothing_of_a_secret_that_was_divided(tmp_path: Path, secret: str) -> None:
    file, redactor = tmp_path / "stdout", Redactor([secret])
    size = len(secret.encode())
    for shown in range(4, size - 4):
        file.write_bytes(b"x" * (2**16 - shown) + secret.encode() + b"y\r\nz\n")

        with file.open("rb") as log:
            told = list(lines_behind(log, START, is_over=True))
            later = list(lines_behind(log, told[0][1], is_over=True))
        lines = [shortening.masked(line, redactor) for line, _ in told]

        assert lines[0].rstrip("*…x") == ""
        assert lines[1:] == ["…***y", "z"]
        assert later == told[1:]
