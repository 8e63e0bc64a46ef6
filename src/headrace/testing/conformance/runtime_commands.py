"""What every runtime that takes commands must keep: scripts, streams, exit codes, groups, files."""

# ruff: noqa: D102 - a test's name is its sentence

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from headrace.runtimes.protocol import Command, Job, JobEnded, Runtime
from headrace.testing.conformance.runtime import WithRuntime
from headrace.testing.witness import Witness, until

STRANGE = "".join(f"# '{n}' \"$n\" `x` %s \\n \\ $(( äöü 漢字 🌊 ${{ }}\n" for n in range(25_000))
"""More than 1 MiB of what breaks careless quoting."""


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state not in ("Z", "X")


class CommandConformance(WithRuntime):
    """Give the fixture `premises`; commands must run on the machine of the test."""

    async def run(self, runtime: Runtime, witness: Witness, script: str, **command: Any) -> JobEnded:
        """Run a script to its end."""
        return await self.run_job(runtime, witness, Command(script=script, **command))

    async def run_job(self, runtime: Runtime, witness: Witness, work: Command, **job: Any) -> JobEnded:
        attempt = 1001 + len(witness.seen)
        runtime.submit(Job(attempt=attempt, label="step", work=work, **job))
        return await witness.ended(attempt)

    async def test_streams_and_exit_code_are_outputs(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run(runtime, witness, "echo out; echo err >&2")

        assert ended.outcome == "succeeded"
        assert ended.outputs == {"stdout": "out\n", "stderr": "err\n", "exit_code": 0}

    async def test_streams_can_be_read_as_files(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run(runtime, witness, "echo out; echo err >&2")
        out, err = runtime.log_file(ended.attempt, "stdout"), runtime.log_file(ended.attempt, "stderr")

        assert out is not None
        assert err is not None
        assert (out.read_text(), err.read_text()) == ("out\n", "err\n")

    async def test_there_is_no_log_of_an_unknown_attempt(self, runtime: Runtime) -> None:
        assert runtime.log_file(4_000_000, "stdout") is None

    @pytest.mark.parametrize(
        ("script", "code"),
        [
            ("exit 3", 3),
            ("false", 1),
            ("(exit 4)", 4),
            ("set -e; false; exit 0", 1),
            ("exec sh -c 'exit 5'", 5),
            ("trap 'echo bye' EXIT; exit 6", 6),
            ("trap 'exit 7' EXIT; exit 0", 7),
            ("f() { exit 8; }; f", 8),
            ("kill -9 $$", 137),
            ("kill $$; sleep 60", 143),
            ("sh -c 'kill -9 $$'", 137),
            ("sleep 60 & exit 9", 9),
            ("eval 'exec false'", 1),
            ('e""xec sh -c "exit 11"', 11),
            ("definitely-not-a-program", 127),
        ],
    )
    async def test_a_script_cannot_hide_how_it_ended(
        self, runtime: Runtime, witness: Witness, script: str, code: int
    ) -> None:
        ended = await self.run(runtime, witness, script)

        assert ended.outcome == "failed"
        assert ended.failure is not None
        assert (ended.failure.code, ended.failure.exit_code) == ("exit_code", code)
        assert ended.outputs["exit_code"] == code

    @pytest.mark.parametrize(
        "script", ["", "true", "exec true", "trap 'false' EXIT", "# nothing", "sleep 60 &"]
    )
    async def test_a_script_that_ends_well_succeeds(
        self, runtime: Runtime, witness: Witness, script: str
    ) -> None:
        assert (await self.run(runtime, witness, script)).outcome == "succeeded"

    @pytest.mark.parametrize("script", ["if true; then", "echo (", "'"])
    async def test_a_script_that_is_no_shell_fails(
        self, runtime: Runtime, witness: Witness, script: str
    ) -> None:
        assert (await self.run(runtime, witness, script)).outcome == "failed"

    async def test_the_failure_quotes_the_end_of_standard_error(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        ended = await self.run(runtime, witness, "seq 1 50 >&2; exit 1")

        assert ended.failure is not None
        assert ended.failure.message.split("\n")[1:] == [str(n) for n in range(31, 51)]

    async def test_a_script_arrives_byte_for_byte(self, runtime: Runtime, witness: Witness) -> None:
        text = f"cat <<'END-OF-IT'\n{STRANGE}END-OF-IT\n"
        ended = await self.run(runtime, witness, text)

        assert len(text.encode()) > 1024 * 1024
        assert ended.outcome == "succeeded"
        assert ended.outputs["stdout"] == STRANGE

    async def test_standard_input_is_empty_unless_it_is_given(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        empty = await self.run(runtime, witness, "cat | wc -c")
        given = await self.run(runtime, witness, "cat", stdin=STRANGE)

        assert empty.outputs["stdout"].strip() == "0"
        assert given.outputs["stdout"] == STRANGE

    async def test_a_step_sees_its_variables_and_not_the_servers(
        self, runtime: Runtime, witness: Witness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SERVER_SECRET", "hush")
        ended = await self.run(
            runtime, witness, 'echo "$WEIR|$SERVER_SECRET|${PATH:+path}"', environment={"WEIR": "a 'b' $c"}
        )

        assert ended.outputs["stdout"] == "a 'b' $c||path\n"

    async def test_an_argument_list_needs_no_quoting(self, runtime: Runtime, witness: Witness) -> None:
        argv = ("printf", "%s|", "a b", "", "$HOME", "'\"", "-n", "*", "漢字")
        ended = await self.run_job(runtime, witness, Command(argv=argv))

        assert ended.outputs["stdout"] == "a b||$HOME|'\"|-n|*|漢字|"

    async def test_an_argument_list_without_a_program_fails(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run_job(runtime, witness, Command(argv=("definitely-not-a-program", "x")))

        assert ended.failure is not None
        assert ended.failure.exit_code == 127

    async def test_each_attempt_has_a_fresh_directory(self, runtime: Runtime, witness: Witness) -> None:
        first = await self.run(runtime, witness, "ls -A; pwd; touch here")
        second = await self.run(runtime, witness, "ls -A; pwd")

        assert first.outputs["stdout"].count("\n") == second.outputs["stdout"].count("\n") == 1
        assert first.outputs["stdout"] != second.outputs["stdout"]

    async def test_a_named_directory_is_made(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        where = tmp_path / "not yet" / "there"
        ended = await self.run(runtime, witness, "pwd -P", directory=str(where))

        assert ended.outputs["stdout"] == f"{where.resolve()}\n"

    async def test_declared_outputs_are_found(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run(
            runtime,
            witness,
            "mkdir sub; touch a.txt b.txt sub/.hidden 'odd [1].txt'",
            outputs=("*.txt", "sub/.hidden", "odd [1].txt"),
        )

        assert ended.outputs["files"] == ["a.txt", "b.txt", "odd [1].txt", "sub/.hidden"]

    async def test_a_loop_of_links_does_not_keep_the_runtime(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        script = "mkdir a; for n in 1 2 3 4 5 6; do ln -s . l$n; ln -s .. a/l$n; done; touch a/x.txt"
        ended = await self.run(runtime, witness, script, outputs=("**/*.txt",))

        assert ended.outputs["files"] == ["a/x.txt"]

    async def test_a_missing_output_is_a_failure_that_names_it(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        ended = await self.run(runtime, witness, "touch a.txt", outputs=("a.txt", "b.txt", "*.csv", "**x"))

        assert ended.outcome == "failed"
        assert ended.failure is not None
        assert ended.failure.code == "output_missing"
        assert "b.txt, *.csv, **x" in ended.failure.message

    @pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x"])
    async def test_an_output_outside_the_directory_is_refused(
        self, runtime: Runtime, witness: Witness, path: str
    ) -> None:
        ended = await self.run(runtime, witness, "true", outputs=(path,))

        assert ended.failure is not None
        assert (ended.failure.code, ended.failure.final) == ("invalid_job", True)

    @pytest.mark.parametrize("text", ["a\0b", "\ud800"])
    async def test_text_that_no_process_can_be_given_is_refused(
        self, runtime: Runtime, witness: Witness, text: str
    ) -> None:
        ended = await self.run(runtime, witness, "true", environment={"X": text})

        assert ended.failure is not None
        assert (ended.failure.code, ended.failure.final) == ("invalid_job", True)

    async def test_a_step_that_is_cancelled_about_when_it_ends_is_told_whole(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        attempts = range(1001, 1041)
        for attempt in attempts:
            runtime.submit(Job(attempt=attempt, label="step", work=Command(script="echo out")))
        for attempt in attempts:
            while not witness.ends(attempt):
                await asyncio.sleep(0)
                if attempt % 2:
                    runtime.cancel(attempt + 1 if attempt < attempts[-1] else attempt)
        ends = [witness.ends(attempt)[0] for attempt in attempts]

        assert all(end.outcome == "cancelled" or end.outputs["stdout"] == "out\n" for end in ends)

    async def test_cancelling_ends_the_whole_group(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        script = f"sleep 600 & echo $! > {tmp_path}/a; sh -c 'sleep 600' & echo $! > {tmp_path}/b; wait"
        runtime.submit(Job(attempt=1001, label="group", work=Command(script=script)))
        await until(lambda: (tmp_path / "b").exists() and (tmp_path / "b").read_text().endswith("\n"))
        pids = [int((tmp_path / name).read_text()) for name in "ab"]
        runtime.cancel(1001)
        ended = await witness.ended(1001)

        assert ended.outcome == "cancelled"
        assert not any(is_alive(pid) for pid in pids)

    async def test_who_ignores_term_is_killed_after_the_grace(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        script = f"trap '' TERM; echo $$ > {tmp_path}/pid; while :; do sleep 1; done"
        runtime.submit(Job(attempt=1001, label="stubborn", work=Command(script=script)))
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        pid = int((tmp_path / "pid").read_text())
        runtime.cancel(1001)
        await witness.ended(1001)

        assert not is_alive(pid)

    async def test_term_comes_first_so_that_a_step_can_clean_up(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        script = (
            f"trap 'touch {tmp_path}/clean; exit 1' TERM; touch {tmp_path}/up; while :; do sleep 0.05; done"
        )
        runtime.submit(Job(attempt=1001, label="tidy", work=Command(script=script)))
        await until((tmp_path / "up").exists)
        runtime.cancel(1001)
        await witness.ended(1001)

        assert (tmp_path / "clean").exists()

    async def test_cancelling_finds_who_left_the_session(
        self, runtime: Runtime, witness: Witness, tmp_path: Path
    ) -> None:
        script = f"setsid sh -c 'echo $$ > {tmp_path}/pid; sleep 600' & wait; sleep 600"
        runtime.submit(Job(attempt=1001, label="escape", work=Command(script=script)))
        await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text())
        pid = int((tmp_path / "pid").read_text())
        runtime.cancel(1001)
        await witness.ended(1001)

        assert not is_alive(pid)

    async def test_what_a_step_leaves_in_the_background_ends_with_it(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        ended = await self.run(runtime, witness, "sleep 600 & echo $!")
        pid = int(ended.outputs["stdout"])

        await until(lambda: not is_alive(pid))

    async def test_signals_that_the_server_ignores_are_not_ignored_by_steps(
        self, runtime: Runtime, witness: Witness
    ) -> None:
        before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            ended = await self.run(runtime, witness, "grep SigIgn /proc/self/status")
        finally:
            signal.signal(signal.SIGHUP, before)

        ignored = int(ended.outputs["stdout"].split()[1], 16)
        # Above 31 are the real-time signals, of which the C library keeps two for itself.
        assert ignored & 0x7FFFFFFF == 0

    async def test_steps_inherit_no_descriptor(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run(runtime, witness, "ls /proc/self/fd")
        # The fourth is the directory that ls reads.
        assert ended.outputs["stdout"].split() == ["0", "1", "2", "3"]

    async def test_processor_time_is_measured(self, runtime: Runtime, witness: Witness) -> None:
        ended = await self.run(runtime, witness, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")

        assert ended.usage is not None
        assert ended.usage.cpu_seconds > 0
        assert ended.native is not None
        assert int(ended.native) != os.getpid()
