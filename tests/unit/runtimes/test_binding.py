"""Directories at other places: which words ask bubblewrap for them, and what becomes of a step without it."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.runtimes import binding
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.local import LocalRuntime
from headrace.runtimes.protocol import Command, Job
from headrace.testing.witness import Witness

BUBBLEWRAP = binding.bubblewrap()
needs_bubblewrap = pytest.mark.skipif(
    BUBBLEWRAP is None, reason="needs the Debian package bubblewrap, and leave to use it"
)
SHOW = "pwd; pwd -P; echo $MINE; touch made"

Run = Callable[..., Any]


@asynccontextmanager
async def opened(home: Path, bubblewrap: str | None = BUBBLEWRAP) -> AsyncIterator[Run]:
    """Open a runtime; yield what runs a step in `home/work`, which wants to see these directories."""
    witness = Witness()
    directories = AttemptDirectories(home / "attempts")
    runtime = LocalRuntime(
        directories, cpus=2, memory=2**30, grace=timedelta(seconds=0.5), bubblewrap=bubblewrap
    )
    runtime.open(witness)

    async def run(script: str, binds: dict[str, str], **command: Any) -> tuple[str, str, int]:
        work = Command(
            script=None if "argv" in command else script,
            directory=str(home / "work"),
            environment={"MINE": str(home / "work"), "HEADRACE_TRIAL": "x", **command.pop("environment", {})},
            options={"shell": "bash", binding.BINDS: binds, binding.DIRECTORY_VARIABLE: "MINE"},
            **command,
        )
        attempt = 1001 + len(witness.seen)
        runtime.submit(Job(attempt=attempt, label="step", work=work))
        outputs = (await witness.ended(attempt)).outputs
        return outputs["stdout"], outputs["stderr"], outputs["exit_code"]

    yield run
    await runtime.close()


def test_a_directory_is_seen_at_the_first_place_that_shows_it() -> None:
    binds = {"/scratch/w": "/data/w", "/else": "/data/w"}

    assert binding.seen("/data/w", binds) == "/scratch/w"
    assert binding.seen("/data/w/a b", binds) == "/scratch/w/a b"
    assert binding.seen("/data/wide", binds) == "/data/wide"


def test_a_place_inside_of_another_that_shows_it_anyway_is_not_bound(tmp_path: Path) -> None:
    (tmp_path / "seen").mkdir()
    binds = {f"{tmp_path}/seen/in": f"{tmp_path}/in", f"{tmp_path}/seen": str(tmp_path)}

    assert binding.words("bwrap", binds) == [
        *("bwrap", "--dev-bind", "/", "/", "--bind-try", str(tmp_path), f"{tmp_path}/seen", "--")
    ]


def test_a_place_that_cannot_be_made_is_put_into_a_copy_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    there = tmp_path / "there"
    there.mkdir()
    (there / "link").symlink_to("nowhere")
    (there / "file").touch()
    found = binding.words("bwrap", {f"{there}/not/yet": "/data"})

    assert found[:6] == ["bwrap", "--dev-bind", "/", "/", "--tmpfs", str(there)]
    assert " ".join(found[6:]).endswith(f"--bind-try /data {there}/not/yet --remount-ro {there} --")
    assert f"--symlink nowhere {there}/link" in " ".join(found)
    assert f"--dev-bind-try {there}/file {there}/file" in " ".join(found)
    assert not (there / "not").exists()


def test_a_parent_of_too_many_entries_is_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    monkeypatch.setattr(binding, "_MOST_ENTRIES", 2)
    for name in "abc":
        (tmp_path / name).touch()

    with pytest.raises(OSError, match="more than 2 entries"):
        binding.words("bwrap", {f"{tmp_path}/not": "/data"})


@needs_bubblewrap
async def test_a_step_sees_its_directory_and_others_at_their_places(tmp_path: Path) -> None:
    (tmp_path / "volume").mkdir()
    (tmp_path / "volume" / "given").write_text("given")
    binds = {
        f"{tmp_path}/seen/w": f"{tmp_path}/work",
        f"{tmp_path}/seen/w/inside": f"{tmp_path}/volume",
        f"{tmp_path}/seen/v": f"{tmp_path}/volume",
        f"{tmp_path}/seen/gone": f"{tmp_path}/gone",
    }
    async with opened(tmp_path) as run:
        out, err, code = await run(f"{SHOW}; cat inside/given ../v/given", binds)

    assert (out, err, code) == (3 * f"{tmp_path}/seen/w\n" + "givengiven", "", 0)
    assert (tmp_path / "work" / "made").exists()


@needs_bubblewrap
async def test_a_step_sees_its_directory_at_a_place_that_its_user_may_not_make(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda *_: False)
    place = f"/headrace-{secrets.token_hex(8)}/w"
    async with opened(tmp_path) as run:
        out, err, code = await run(f"{SHOW}; ls -d /usr /tmp; touch /new", {place: f"{tmp_path}/work"})

    assert (out, code) == (3 * f"{place}\n" + "/tmp\n/usr\n", 1)
    assert err.endswith("Read-only file system\n")
    assert (tmp_path / "work" / "made").exists()
    assert not Path(place).parent.exists()


@needs_bubblewrap
async def test_a_place_behind_a_link_is_called_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    async with opened(tmp_path) as run:
        out, err, _ = await run(SHOW, {f"{tmp_path}/link/w": f"{tmp_path}/work"})

    assert (out, err) == (f"{tmp_path}/link/w\n{tmp_path}/real/w\n{tmp_path}/link/w\n", "")


@needs_bubblewrap
@pytest.mark.parametrize(
    ("place", "why"),
    [("file/w", "Not a directory"), ("file", "bwrap: "), ("attempts", "it would hide"), (".", "cd")],
)
async def test_a_step_that_cannot_be_shown_its_directory_works_there_and_its_log_says_why(
    tmp_path: Path, place: str, why: str
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "volume").mkdir()
    (tmp_path / "work").mkdir()
    binds = {str(tmp_path / place): f"{tmp_path}/{'volume' if place == '.' else 'work'}"}
    async with opened(tmp_path) as run:
        out, err, code = await run(SHOW, binds)

    assert (out, code) == (3 * f"{tmp_path}/work\n", 0)
    assert err.startswith("headrace: '")
    assert f"works in '{tmp_path}/work': " in err
    assert why in err
    assert (tmp_path / "work" / "made").exists()


@pytest.mark.parametrize("bubblewrap", [None, shutil.which("false")])
async def test_a_step_runs_once_where_nothing_can_be_bound(tmp_path: Path, bubblewrap: str | None) -> None:
    async with opened(tmp_path, bubblewrap) as run:
        out, err, code = await run(f"{SHOW}; exit 1", {f"{tmp_path}/seen": f"{tmp_path}/work"})

    assert (out, code) == (3 * f"{tmp_path}/work\n", 1)
    assert err.startswith("headrace: ") == (bubblewrap is not None)


@needs_bubblewrap
async def test_programs_have_their_own_arguments_variables_and_statuses(tmp_path: Path) -> None:
    binds = {f"{tmp_path}/seen": f"{tmp_path}/work"}
    async with opened(tmp_path) as run:
        absent = await run("", binds, argv=("definitely-not-a-program",))
        words = await run("", binds, argv=("printf", "[%s]", "a b", "--", "$MINE", ""))
        variables = await run("", binds, argv=("env",), environment={"COUNT": "5", "a.b": "x"})

    assert absent[2] == 127
    assert words[0] == "[a b][--][$MINE][]"
    shown = dict(line.split("=", 1) for line in variables[0].splitlines())
    assert (shown["MINE"], shown["PWD"]) == (f"{tmp_path}/seen", f"{tmp_path}/seen")
    assert (shown["COUNT"], shown["a.b"]) == ("5", "x")
    assert {name for name in shown if name.startswith("HEADRACE_")} == {
        "HEADRACE_ATTEMPT_DIR",
        "HEADRACE_TRIAL",
    }
    assert shown["HEADRACE_TRIAL"] == "x"  # the user's own, and none of ours


def test_bubblewrap_that_may_not_work_is_as_good_as_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = binding.bubblewrap()
    (tmp_path / "bwrap").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bwrap").chmod(0o755)

    assert (absent, binding.bubblewrap()) == (None, None)
