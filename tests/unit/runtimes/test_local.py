"""What only the local runtime does: packing of real processes, limits, large outputs, options."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from headrace.runtimes import prologue, results
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job, JobStarted
from headrace.testing.witness import Witness, until


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.fixture
def witness() -> Witness:
    return Witness()


@pytest.fixture
async def runtime(tmp_path: Path, witness: Witness) -> AsyncIterator[LocalRuntime]:
    directories = AttemptDirectories(tmp_path / "attempts")
    runtime = LocalRuntime(directories, cpus=2, memory=2**30, grace=timedelta(seconds=0.5))
    runtime.open(witness)
    yield runtime
    await runtime.close()


def step(attempt: int, script: str, **job: object) -> Job:
    return Job(attempt=attempt, label="step", work=Command(script=script), **job)  # type: ignore[arg-type]


async def test_declared_cpus_bound_what_runs_at_once(
    runtime: LocalRuntime, witness: Witness, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    for attempt in range(1001, 1009):
        runtime.submit(step(attempt, f"echo + >> {log}; sleep 0.05; echo - >> {log}", cpus=1.0))
    for attempt in range(1001, 1009):
        await witness.ended(attempt)
    depth, deepest = 0, 0
    for mark in log.read_text().split():
        depth += 1 if mark == "+" else -1
        deepest = max(deepest, depth)

    assert deepest == 2


async def test_a_demand_above_the_capacity_runs_alone_with_a_warning(
    runtime: LocalRuntime, witness: Witness
) -> None:
    runtime.submit(step(1001, "true", cpus=64.0))
    runtime.submit(step(1002, "true"))

    assert (await witness.ended(1001)).warnings == ("exceeds_capacity",)
    assert (await witness.ended(1002)).warnings == ()


async def test_a_waiting_step_that_is_cancelled_never_starts(
    runtime: LocalRuntime, witness: Witness, tmp_path: Path
) -> None:
    runtime.submit(step(1001, "sleep 600", cpus=2.0))
    runtime.submit(step(1002, f"touch {tmp_path}/ran"))
    await witness.started(1001)
    runtime.cancel(1002)
    ended = await witness.ended(1002)
    runtime.cancel(1001)
    await witness.ended(1001)
    runtime.submit(step(1003, "true"))
    await witness.ended(1003)

    assert (ended.outcome, ended.started_at) == ("cancelled", None)
    assert not (tmp_path / "ran").exists()


async def test_short_steps_are_not_reported_started(runtime: LocalRuntime, witness: Witness) -> None:
    runtime.submit(step(1001, "true"))
    ended = await witness.ended(1001)
    runtime.submit(step(1002, "sleep 0.3"))
    await witness.ended(1002)

    assert ended.started_at is not None
    assert ended.node == socket.gethostname()
    assert [each.attempt for each in witness.seen if isinstance(each, JobStarted)] == [1002]


async def test_an_output_above_the_limit_is_a_failure(
    runtime: LocalRuntime, witness: Witness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(results, "OUTPUT_LIMIT", 3_000_000)
    runtime.submit(step(1001, "head -c 3000000 /dev/zero | tr '\\0' x"))
    runtime.submit(step(1002, "head -c 3000001 /dev/zero | tr '\\0' x"))
    fits, does_not = await witness.ended(1001), await witness.ended(1002)

    assert len(fits.outputs["stdout"]) == 3_000_000
    assert does_not.failure is not None
    assert (does_not.failure.code, does_not.failure.final) == ("output_too_large", True)


async def test_an_output_that_is_no_text_is_mended(runtime: LocalRuntime, witness: Witness) -> None:
    runtime.submit(step(1001, "printf 'a\\377b'"))

    assert (await witness.ended(1001)).outputs["stdout"] == "a\ufffdb"


async def test_streams_are_left_in_their_files_on_request(runtime: LocalRuntime, witness: Witness) -> None:
    work = Command(script="echo out", options={"capture": False})
    runtime.submit(Job(attempt=1001, label="step", work=work))

    assert (await witness.ended(1001)).outputs == {"exit_code": 0}


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize("text", ['echo "$BASH_VERSION"', 'eval true; echo "$BASH_VERSION"'])
async def test_bash_reads_the_script_on_request(runtime: LocalRuntime, witness: Witness, text: str) -> None:
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=text, options={"shell": "bash"})))

    assert len((await witness.ended(1001)).outputs["stdout"]) > 1


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize("text", ["shopt -o posix", "eval true; shopt -o posix"])
async def test_bash_is_no_posix_shell(runtime: LocalRuntime, witness: Witness, text: str) -> None:
    command = Command(script=f"{text}; true", options={"shell": "bash"})
    runtime.submit(Job(attempt=1001, label="step", work=command))

    assert (await witness.ended(1001)).outputs["stdout"].split() == ["posix", "off"]


async def test_another_shell_is_refused(runtime: LocalRuntime, witness: Witness) -> None:
    runtime.submit(Job(attempt=1001, label="step", work=Command(script="true", options={"shell": "fish"})))
    ended = await witness.ended(1001)

    assert ended.failure is not None
    assert "'fish'" in ended.failure.message


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize("text", ["declare -p SHELL", "declare -p SHELL; alias x=y"])
async def test_bash_keeps_to_itself_which_shell_its_user_has(
    runtime: LocalRuntime, witness: Witness, text: str
) -> None:
    found = subprocess.run(  # noqa: ASYNC221 - a moment
        ["bash", "-c", "declare -p SHELL"], env={"PATH": os.environ["PATH"]}, capture_output=True, check=True
    )
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=text, options={"shell": "bash"})))

    assert (await witness.ended(1001)).outputs["stdout"] == found.stdout.decode()


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
async def test_bash_exports_the_shell_that_a_step_is_given(runtime: LocalRuntime, witness: Witness) -> None:
    command = Command(script="printenv SHELL", environment={"SHELL": "/bin/own"}, options={"shell": "bash"})
    runtime.submit(Job(attempt=1001, label="step", work=command))

    assert (await witness.ended(1001)).outputs["stdout"] == "/bin/own\n"


@pytest.mark.parametrize("shell", ["sh", "bash"])
@pytest.mark.parametrize(
    ("text", "line"),
    [("echo ( bad\n", 1), ("echo (\n", 1), ("true\necho ( bad", 2), ("( echo $#\n\ndone", 3)],
)
async def test_an_error_of_syntax_shows_the_line_of_the_text_and_nothing_of_ours(
    runtime: LocalRuntime, witness: Witness, shell: str, text: str, line: int
) -> None:
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=text, options={"shell": shell})))
    failure = (await witness.ended(1001)).failure

    assert failure is not None
    assert "yntax error" in failure.message
    assert "HEADRACE" not in failure.message.upper().replace(str(Path.cwd()).upper(), "")
    if shell == "bash" and shutil.which("bash"):
        assert f"line {line}: " in failure.message
        assert f"`{text.splitlines()[line - 1]}'" in failure.message


@pytest.mark.parametrize("shell", ["sh", "bash"])
async def test_a_text_begins_at_line_one_with_no_words_and_no_names_of_ours(
    runtime: LocalRuntime, witness: Witness, shell: str
) -> None:
    text = (
        "echo $# $? ${HEADRACE_ATTEMPT_TEXT-none}\n"
        "command -v headrace_text || echo none\n"
        '[ -z "${BASH_VERSION-}" ] || [ $LINENO = 3 ] || echo $LINENO\n'
    )
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=text, options={"shell": shell})))

    assert (await witness.ended(1001)).outputs["stdout"] == "0 0 none\nnone\n"


@pytest.mark.parametrize("shell", ["sh", "bash"])
async def test_a_text_can_read_itself(runtime: LocalRuntime, witness: Witness, shell: str) -> None:
    text = "sed -n '/^#/p' \"$0\"\n# of itself"
    runtime.submit(Job(attempt=1001, label="step", work=Command(script=text, options={"shell": shell})))

    assert (await witness.ended(1001)).outputs["stdout"] == "# of itself\n"


@pytest.mark.parametrize(
    "length", [1, prologue.LONGEST_TEXT - 1, prologue.LONGEST_TEXT, 4 * prologue.LONGEST_TEXT]
)
async def test_a_text_of_any_length_leaves_no_trace_in_the_variables(
    runtime: LocalRuntime, witness: Witness, length: int
) -> None:
    runtime.submit(step(1001, "env\n" + "\n" * (length - len("env\n"))))

    assert "TEXT" not in (await witness.ended(1001)).outputs["stdout"]


async def test_a_text_is_on_no_command_line(runtime: LocalRuntime, witness: Witness) -> None:
    runtime.submit(step(1001, "tr '\\0' ' ' </proc/$$/cmdline; : 'hush'"))

    assert "hush" not in (await witness.ended(1001)).outputs["stdout"]


async def test_the_step_is_told_its_own_directory(runtime: LocalRuntime, witness: Witness) -> None:
    runtime.submit(step(1001, 'cd "$HEADRACE_ATTEMPT_DIR" && pwd'))

    assert (await witness.ended(1001)).outputs["stdout"].endswith("/attempts/1/1001\n")


async def test_an_argument_list_that_is_too_long_cannot_start(
    runtime: LocalRuntime, witness: Witness
) -> None:
    work = Command(argv=("echo", "x" * 4_000_000))
    runtime.submit(Job(attempt=1001, label="step", work=work))
    ended = await witness.ended(1001)
    runtime.submit(step(1002, "true"))

    assert ended.failure is not None
    assert ended.failure.code == "start_failed"
    assert (await witness.ended(1002)).outcome == "succeeded"


async def test_no_descriptor_is_left_open(runtime: LocalRuntime, witness: Witness) -> None:
    before = descriptors()
    for attempt in range(1001, 1011):
        runtime.submit(step(attempt, "cat"))
    for attempt in range(1001, 1011):
        await witness.ended(attempt)

    await until(lambda: descriptors() == before)

    assert descriptors() == before
