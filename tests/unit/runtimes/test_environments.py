"""What a program sees of the variables that it is given, past the shells that start it."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from headrace.runtimes import environments
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job, JobEnded
from headrace.testing.witness import Witness

SHELLS = [
    pytest.param(path, id=name)
    for name in ("dash", "bash", "busybox")
    if (path := shutil.which(name)) is not None
]
STRANGE = {
    "spring.x": "1",
    "a-b": "2",
    "ü": "3",
    "1": "4",
    "BASH_FUNC_x%%": "() { :; }",
    "-u": "5",
    "a b": "6",
}
KEPT = {
    **{name: f"/{name}" for name in ("PWD", "OLDPWD", "IFS", "ENV", "BASH_ENV", "SHLVL", "_", "PPID", "UID")},
    **dict.fromkeys(("EUID", "LINENO", "POSIXLY_CORRECT", "SHELLOPTS", "BASHOPTS", "OPTIND"), "7x\ny"),
    **dict.fromkeys(("PS1", "PS2", "PS4", "OPTARG", "OPTERR", "RANDOM", "SRANDOM", "SECONDS"), "$(x)"),
    **dict.fromkeys(("EPOCHSECONDS", "EPOCHREALTIME", "GROUPS", "DIRSTACK", "PIPESTATUS", "FUNCNAME"), '"'),
    **dict.fromkeys(("COMP_WORDBREAKS", "HISTCMD", "BASH", "BASH_VERSION", "BASH_ARGV0", "BASHPID"), ""),
    **dict.fromkeys(("HEADRACE_ENTRY_0", "HEADRACE_ATTEMPT_TEXT", "HEADRACE_COUNT"), "'"),
}
PLAIN = {
    "N": "a\nb",
    "EMPTY": "",
    "SHELL": "/x",
    "TERM": "$HOME",
    "bytes": "\udc81\udc88ÁÈ",
    "MAIL": "m",
    "CDPATH": "/",
}


GIVEN = {"strange": STRANGE, "kept": KEPT, "plain": PLAIN, "all": {**STRANGE, **KEPT, **PLAIN}}


class Runner:
    """Runs one command and waits for its end."""

    def __init__(self, runtime: LocalRuntime, witness: Witness) -> None:
        self.runtime = runtime
        self._witness = witness

    async def __call__(self, **command: Any) -> JobEnded:
        self.runtime.submit(Job(attempt=1001, label="step", work=Command(**command)))
        return await self._witness.ended(1001)


@asynccontextmanager
async def running(tmp_path: Path) -> AsyncIterator[Runner]:
    runtime, witness = (
        LocalRuntime(AttemptDirectories(tmp_path / "attempts"), cpus=2, memory=2**30),
        Witness(),
    )
    runtime.open(witness)
    yield Runner(runtime, witness)
    await runtime.close()


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Runner]:
    async with running(tmp_path) as runner:
        yield runner


def seen(tmp_path: Path) -> dict[str, str]:
    """Return the variables that a program saw that was `env -0`."""
    log = (tmp_path / "attempts/1/1001.stdout").read_bytes()
    return dict(os.fsdecode(entry).split("=", 1) for entry in log.split(b"\0") if entry)


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    "given", [STRANGE, KEPT, PLAIN, {**STRANGE, **KEPT, **PLAIN}], ids=["strange", "kept", "plain", "all"]
)
async def test_a_program_sees_the_variables_that_it_is_given(
    run: Runner,
    tmp_path: Path,
    shell: str,
    given: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run.runtime._launcher, "_sh", called_sh(tmp_path, shell))
    ended = await run(argv=("env", "-0"), environment=given)
    found = seen(tmp_path)

    assert ended.outcome == "succeeded", ended.failure
    assert {name: found.get(name) for name in given} == given
    assert found["HEADRACE_ATTEMPT_DIR"].endswith("/attempts/1/1001")
    added = set(found) - set(given) - {"PATH", "HOME", "LANG", "TZ", "TMPDIR", "HEADRACE_ATTEMPT_DIR"}
    assert added <= {"PWD", "SHLVL", "_"}


def called_sh(tmp_path: Path, shell: str) -> str:
    link = tmp_path / "sh"
    link.symlink_to(shell)
    return str(link)


async def test_the_mark_is_not_for_the_user_to_set(run: Runner, tmp_path: Path) -> None:
    await run(argv=("env", "-0"), environment={"HEADRACE_ATTEMPT_DIR": "x", "spring.x": "1"})

    assert seen(tmp_path)["HEADRACE_ATTEMPT_DIR"].endswith("/attempts/1/1001")


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
async def test_programs_that_a_bash_starts_see_them_too(run: Runner, tmp_path: Path) -> None:
    given = STRANGE | {"BASH_FUNC_x%%": "() {  :\n}", "OPTIND": "1"}
    await run(script="env -0", environment=given, options={"shell": "bash"})
    found = seen(tmp_path)

    assert {name: found.get(name) for name in given} == given


@pytest.mark.parametrize("shell", ["sh", "bash"])
async def test_a_text_sees_its_own_path_and_no_words_with_them(run: Runner, shell: str) -> None:
    text = 'echo "$# ${0##*/} ${HEADRACE_ENTRY_0-none}"; exit 3'
    ended = await run(script=text, environment={"a.b": "x"}, options={"shell": shell})

    assert (ended.outputs["exit_code"], ended.outputs["stdout"]) == (3, "0 1001.script none\n")


@pytest.mark.skipif(shutil.which("bash") is None, reason="this machine has no bash")
@pytest.mark.parametrize("variable", ["SHELLOPTS", "BASH_ENV"])
async def test_a_bash_that_is_told_how_to_begin_still_claims_its_attempt(
    run: Runner, tmp_path: Path, variable: str
) -> None:
    (tmp_path / "begin").write_text("set -e; pwd")
    value = "errexit" if variable == "SHELLOPTS" else str(tmp_path / "begin")
    ended = await run(script="false; echo on", environment={variable: value}, options={"shell": "bash"})

    assert (ended.outputs["exit_code"], "on" in ended.outputs["stdout"]) == (1, False)
    assert ended.outputs["stdout"] == ("" if variable == "SHELLOPTS" else f"{tmp_path}/attempts/1/1001\n")


@pytest.mark.parametrize("environment", [{}, {"a.b": "x"}], ids=["plain", "carried"])
@pytest.mark.parametrize(
    ("program", "code", "why"),
    [("no-such-program", 127, "not found|No such file"), ("./data", 126, "ermission denied")],
)
async def test_a_program_that_cannot_run_is_told_and_nothing_of_ours(
    run: Runner,
    tmp_path: Path,
    environment: dict[str, str],
    program: str,
    code: int,
    why: str,
) -> None:
    (tmp_path / "data").touch()
    ended = await run(argv=(program,), directory=str(tmp_path), environment=environment)
    message = ended.outputs["stderr"]

    assert ended.outputs["exit_code"] == code
    assert any(part in message for part in why.split("|"))
    assert program in message
    assert str(tmp_path) not in message
    assert ".script" not in message


@pytest.mark.parametrize("program", ["./day=1", "echo"])
async def test_a_program_may_look_like_a_variable(run: Runner, tmp_path: Path, program: str) -> None:
    (tmp_path / "day=1").symlink_to(shutil.which("echo") or "/bin/echo")
    ended = await run(argv=(program, "a=b", "-n"), directory=str(tmp_path), environment={"a.b": "x"})

    assert ended.outputs["stdout"] == "a=b -n\n"


async def test_no_value_stays_on_a_command_line(run: Runner) -> None:
    look = (
        "import os\n"
        "for pid in (os.getpid(), os.getppid()):\n"
        "    print('hush' in open(f'/proc/{pid}/cmdline').read().replace(\"'hush'\", ''))"
    )
    ended = await run(argv=(sys.executable, "-S", "-c", look), environment={"a.b": "hush"})

    assert ended.outputs["stdout"] == "False\nFalse\n"


def replace_env(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/env"
    program.write_text(f"#!/bin/sh\n{text}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")


async def test_no_value_is_ever_on_a_command_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = tmp_path / "told"
    text = f"""tr '\\0' '\\n' < /proc/$$/cmdline >> {told}; exec {shutil.which("env")} "$@\""""
    replace_env(tmp_path, monkeypatch, text)
    async with running(tmp_path) as run:
        ended = await run(argv=("printenv", "app.key"), environment={"app.key": "hush"})

    assert ended.outputs["stdout"] == "hush\n"
    assert "printenv" in told.read_text()
    assert "hush" not in told.read_text()


async def test_a_machine_that_cannot_restore_a_name_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_env(tmp_path, monkeypatch, "exit 1")
    async with running(tmp_path) as run:
        ended = await run(argv=("true",), environment={"app.key": "hush"})

    assert ended.failure is not None
    assert "has no option -S" in ended.failure.message
    assert "GNU coreutils" in ended.failure.message


@pytest.mark.parametrize("name", ["a=b", "=", ""])
async def test_a_name_that_no_variable_can_have_is_a_fault_of_the_job(run: Runner, name: str) -> None:
    ended = await run(argv=("true",), environment={name: "x"})

    assert ended.failure is not None
    assert (ended.failure.code, ended.failure.final) == ("invalid_job", True)


@pytest.mark.parametrize(
    "name", ["WORKFLOW_NAME", "ACTIVITY_MOUNT_PATH", "PATH", "LD_LIBRARY_PATH", "a", "_x1"]
)
def test_ordinary_names_go_the_short_way(name: str) -> None:
    assert not environments.is_changed(name)
