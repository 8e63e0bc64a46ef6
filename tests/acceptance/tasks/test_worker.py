"""A call in a process of its own: limits, crashes, and what it leaves behind."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headrace.artifacts.local import open_local
from headrace.definition.templates import ValueRef
from headrace.tasks import process, web_text
from headrace.tasks.library import TaskType
from headrace.tasks.process import Surroundings
from headrace.testing import misbehaving

Work = Callable[..., Any]

ARTICLE = (
    "<html><head><title>T</title><script>var x = 1;</script><style>p {}</style></head><body>"
    "<nav><a href='/'>Home</a> <a href='/about'>About us</a></nav><header>The site</header>"
    "<article><h1>The mill</h1><p>"
    + "The water   runs down\nthe hill and turns the wheel. " * 8
    + "</p><ul><li>First <b>stone</b></li><li>Second stone</li></ul><p>"
    + "Another paragraph about water and stones. " * 8
    + "</p></article><aside class='ad'>Buy now!</aside><footer>Copyright</footer></body></html>"
)


@pytest.fixture
def around(tmp_path: Path) -> Surroundings:
    return Surroundings(
        artifacts="headrace.artifacts.local:open_local", artifacts_root=str(tmp_path / "artifacts")
    )


@pytest.fixture
def work(tmp_path: Path, around: Surroundings) -> Work:
    """Run one call as the local runtime does, and return its outcome."""

    def run(type: TaskType, inputs: dict[str, Any], **changes: object) -> Any:
        settings = msgspec.structs.replace(around, **changes)
        done = subprocess.run(
            process.argv(),
            input=process.stdin(type, inputs, settings).encode(),
            env={"HEADRACE_ATTEMPT_DIR": str(tmp_path), "PATH": os.environ["PATH"]},
            check=False,
        )
        return process.outcome_of(tmp_path, done.returncode)

    return run


def test_the_main_text_is_kept_line_by_line_and_what_stands_around_is_dropped(work: Work) -> None:
    outcome = work(web_text.extract_text, {"html": ARTICLE})

    lines = outcome["text"].split("\n")
    assert lines[0] == "The mill"
    assert lines[1].startswith("The water runs down the hill and turns the wheel. The water")
    assert lines[2:4] == ["First stone", "Second stone"]
    assert len(lines) == 5
    assert not {"Home", "Buy", "Copyright", "var"} & set(outcome["text"].split())


def test_a_large_page_comes_by_reference(work: Work, around: Surroundings) -> None:
    directory = open_local(Path(around.artifacts_root)).directory
    stored = directory.put_bytes(ARTICLE.encode())

    outcome = work(web_text.extract_text, {"html": ValueRef(stored.sha256, stored.size, "text")})

    assert outcome["text"].startswith("The mill\n")


def test_a_failure_of_the_task_is_told_whole(work: Work) -> None:
    outcome = work(web_text.extract_text, {"html": None})

    assert (outcome.code, outcome.final) == ("missing_value", True)


def test_an_error_that_nobody_foresaw_brings_its_trace(work: Work) -> None:
    outcome = work(misbehaving.raises, {})

    assert outcome.code == "unexpected"
    assert "ZeroDivisionError" in outcome.trace


@pytest.mark.parametrize("type", [misbehaving.crashes, misbehaving.leaves], ids=["killed", "exits"])
def test_a_worker_that_dies_is_lost_and_not_final(work: Work, type: TaskType) -> None:
    outcome = work(type, {})

    assert (outcome.code, outcome.final) == ("lost", False)


def test_a_worker_may_not_take_more_memory_than_its_share(work: Work) -> None:
    outcome = work(misbehaving.hoards, {}, memory=512 * 1024 * 1024)

    assert (outcome.code, outcome.final) == ("unexpected", False)
    assert "MemoryError" in outcome.message


def test_no_library_of_a_worker_reaches_this_machine(work: Work) -> None:
    outcome = work(misbehaving.connects, {"host": "127.0.0.1"})

    assert (outcome.code, outcome.final) == ("egress_blocked", True)


def test_a_worker_knows_no_secret_of_the_servers_environment(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADRACE_SECRET_KEY", "open sesame")

    outcome = work(misbehaving.tells_environment, {})

    assert "HEADRACE_SECRET_KEY" not in outcome["names"]


def test_a_worker_leaves_no_secret_of_its_job_in_what_it_leaves(tmp_path: Path, around: Surroundings) -> None:
    secret = "open/sesame+please"
    stdin = process.stdin(
        web_text.extract_text, {"html": f"<p>w={secret}</p>"}, around, secrets=(secret,)
    ).encode()
    environment = {"HEADRACE_ATTEMPT_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(process.argv(), input=stdin, env=environment, check=False, capture_output=True)
    result = tmp_path / process.RESULT

    assert result.stat().st_mode & 0o777 == 0o600
    assert secret.encode() not in result.read_bytes()
    assert process.outcome_of(tmp_path, done.returncode) == {"text": "w=***"}


def test_what_a_worker_prints_is_masked_also_in_pieces(tmp_path: Path, around: Surroundings) -> None:
    secret = "open/sesame+please"
    stdin = process.stdin(misbehaving.prints, {"text": secret}, around, secrets=(secret,)).encode()
    environment = {"HEADRACE_ATTEMPT_DIR": str(tmp_path), "PATH": os.environ["PATH"]}
    done = subprocess.run(process.argv(), input=stdin, env=environment, check=False, capture_output=True)

    assert done.stdout == b"*** and ***\n"
    assert done.stderr == b"***\n"
