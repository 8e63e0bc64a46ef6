"""What the tasks that move files do with files: run as they are, by who may not write everywhere."""

from __future__ import annotations

import ctypes
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from headrace.definition.model import RunCommand, TaskDefinition
from headrace.dialects.akoflow import staging
from headrace.dialects.akoflow.directories import PRIVATE, Place
from headrace.dialects.akoflow.drafts import Volume
from headrace.dialects.akoflow.transfers import SOURCE_MISSING, clashes_in
from headrace.expressions import Values, as_text, render

_LIBC = ctypes.CDLL(None)
_DROP_FROM_BOUNDS = 24  # PR_CAPBSET_DROP of prctl
_RIGHTS_OF_ROOT = (1, 2)  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH: to write and read what is forbidden

Ended = subprocess.CompletedProcess[str]


def _as_anybody() -> None:
    """Give up what lets root write anywhere, in a process that is about to begin."""
    if os.geteuid() == 0:
        for capability in _RIGHTS_OF_ROOT:
            _LIBC.prctl(_DROP_FROM_BOUNDS, capability, 0, 0, 0)


def run(task: TaskDefinition | None, home: Path | None = None, *, reuses: bool = False) -> Ended:
    assert task is not None
    assert isinstance(task.action, RunCommand)
    inputs = {} if home is None else {PRIVATE: str(home)}
    values = Values({"inputs": inputs, "execution": {"reuses": reuses}})
    argv = [as_text(render(word, values)) for word in task.action.argv or ()]
    return subprocess.run(
        argv,
        preexec_fn=_as_anybody,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        env={"PATH": os.environ["PATH"]},
        check=False,
    )


def brought(target: Path, *sources: Path, link: str = "copy") -> Ended:
    places = [Place(str(each)) for each in (target, *sources)]
    return run(staging.bring("c", places, (), link="hard" if link == "hard" else "copy"))


def volume(local: Path, remote: Path, mode: str = "rw") -> Volume:
    return Volume(f"{local}:{remote}:{mode}", str(local), str(remote), "rw" if mode == "rw" else "ro")


def brought_in(volumes: Sequence[Volume], home: Path | None = None, *, reuses: bool = False) -> Ended:
    task = staging.volumes_in(volumes, ("a",), Place, (), mode="strict")
    return run(task, home, reuses=reuses)


def brought_out(volumes: Sequence[Volume], home: Path | None = None) -> Ended:
    return run(staging.volumes_out(volumes, Place, ()), home)


def tree(root: Path, **files: str) -> Path:
    """Make a directory with these files; `__` in a name is a slash."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


WAYS = ["copy", "hard"]


@pytest.mark.parametrize("link", WAYS)
@pytest.mark.parametrize("there", ["a file", None])
def test_a_later_file_replaces_a_link_and_writes_nothing_outside(
    tmp_path: Path, link: str, there: str | None
) -> None:
    victim = tmp_path / "victim"
    if there is not None:
        victim.write_text(there)
    a, b, c = tree(tmp_path / "a"), tree(tmp_path / "b", x="later"), tree(tmp_path / "c", y="own")
    (a / "x").symlink_to(victim)
    (c / "x").symlink_to(victim)
    ended = brought(c, a, b, link=link)

    assert ended.returncode == 0, ended.stderr
    assert (victim.read_text() if victim.exists() else None) == there
    assert not (c / "x").is_symlink()
    assert ((c / "x").read_text(), (c / "y").read_text()) == ("later", "own")


@pytest.mark.parametrize("link", WAYS)
def test_nothing_is_written_into_a_directory_that_a_link_leads_to(tmp_path: Path, link: str) -> None:
    outside = tree(tmp_path / "outside", x="kept")
    a, c = tree(tmp_path / "a", sub__x="new"), tree(tmp_path / "c")
    (c / "sub").symlink_to(outside)
    ended = brought(c, a, link=link)

    assert ended.returncode == 0, ended.stderr
    assert (outside / "x").read_text() == "kept"
    assert (c / "sub" / "x").read_text() == "new"


@pytest.mark.parametrize("link", WAYS)
def test_a_link_is_brought_as_the_link_that_it_is(tmp_path: Path, link: str) -> None:
    a, c = tree(tmp_path / "a", x="1"), tmp_path / "c"
    (a / "way").symlink_to("x")
    (a / "nowhere").symlink_to("gone")
    ended = brought(c, a, link=link)

    assert ended.returncode == 0, ended.stderr
    assert {(c / name).readlink().name for name in ("way", "nowhere")} == {"x", "gone"}


def test_what_comes_back_replaces_a_link_in_a_volume(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local"), tmp_path / "remote"
    outside = tree(tmp_path / "outside", data="kept")
    (local / "result").symlink_to(outside / "data")
    (local / "sub").symlink_to(outside)
    volumes = [volume(local, remote)]
    assert brought_in(volumes).returncode == 0
    (remote / "result").unlink()
    (remote / "sub").unlink()
    tree(remote, result="mine", sub__data="mine")
    ended = brought_out(volumes)

    assert ended.returncode == 0, ended.stderr
    assert (outside / "data").read_text() == "kept"
    assert not (local / "result").is_symlink()
    assert ((local / "result").read_text(), (local / "sub" / "data").read_text()) == ("mine", "mine")


# Volumes: what is new and what was changed.

OLD = (1_000_000_000, 1_000_000_000)


@pytest.mark.parametrize("text", ["again", "longer than it was"])
def test_changed_files_that_look_older_are_brought_both_ways(tmp_path: Path, text: str) -> None:
    local, remote = tree(tmp_path / "local", x="first", same="same"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    brought_in(volumes)
    (remote / "x").write_text(text)
    os.utime(remote / "x", OLD)
    out = brought_out(volumes)
    came_back = (local / "x").read_text()
    (local / "x").write_text("3")
    os.utime(local / "x", (1, 1))
    ended = brought_in(volumes)

    assert (out.returncode, ended.returncode) == (0, 0), out.stderr + ended.stderr
    assert came_back == text
    assert (remote / "x").read_text() == "3"


def test_files_of_one_size_and_time_are_left_alone(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="1", sub__y="2"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    brought_in(volumes)
    before = {each: each.lstat().st_ino for each in remote.rglob("*")}
    brought_in(volumes)
    brought_out(volumes)

    assert {each: each.lstat().st_ino for each in remote.rglob("*")} == before


def test_a_file_that_only_became_a_program_is_brought_back(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="#!/bin/sh"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    brought_in(volumes)
    (remote / "x").chmod(0o750)
    brought_out(volumes)

    assert (local / "x").stat().st_mode & 0o777 == 0o750


NAMES = ["-rf", "two\nlines", "sp ace", "'q\"", "$(id)", "*", "\u00e4", "a/b\n/c", "\udcff", " ", "-", "\\n"]


def test_any_name_is_brought(tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tmp_path / "re mote"
    for name in NAMES:
        tree(local, **{name: "1"})
    volumes = [volume(local, remote)]
    assert brought_in(volumes).returncode == 0
    for name in NAMES:
        (remote / name).write_text("22")
        os.utime(remote / name, OLD)
    ended = brought_out(volumes)

    assert ended.returncode == 0, ended.stderr
    assert {(local / name).read_text() for name in NAMES} == {"22"}


def test_empty_directories_and_modes_are_kept(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local"), tmp_path / "remote"
    (local / "private").mkdir(mode=0o700)
    brought_in([volume(local, remote)])

    assert (remote / "private").stat().st_mode & 0o777 == 0o700


# What changes on both sides, while a workflow runs and before it is run again.


def contents(root: Path) -> dict[str, str]:
    return {str(each.relative_to(root)): each.read_text() for each in root.rglob("*") if each.is_file()}


def test_what_nothing_has_changed_does_not_come_back(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", mine="1", theirs="1", both="1", gone="1"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    brought_in(volumes, tmp_path / "7")
    tree(remote, theirs="of the activity", both="of the activity", new="of the activity")
    tree(local, mine="of the user", both="of the user", late="of the user")
    os.utime(local / "mine", OLD)
    (local / "gone").unlink()
    ended = brought_out(volumes, tmp_path / "7")

    assert ended.returncode == 0, ended.stderr
    assert contents(local) == {
        "mine": "of the user",
        "late": "of the user",
        "theirs": "of the activity",
        "both": "of the activity",
        "new": "of the activity",
    }


@pytest.mark.parametrize("mode", ["rw", "ro"])
def test_a_rerun_brings_what_was_repaired_and_leaves_what_its_activities_changed(
    tmp_path: Path, mode: str
) -> None:
    local, remote = tree(tmp_path / "local", bad="1", good="1", deep__bad="1", used="1"), tmp_path / "remote"
    volumes = [volume(local, remote, mode)]
    brought_in(volumes, tmp_path / "7")
    tree(remote, good="of the activity")
    (remote / "used").unlink()
    tree(local, bad="repaired", deep__bad="repaired", extra="new")
    ended = brought_in(volumes, tmp_path / "7", reuses=True)

    assert ended.returncode == 0, ended.stderr
    assert contents(remote) == {
        "bad": "repaired",
        "deep/bad": "repaired",
        "good": "of the activity",
        "extra": "new",
    }


def test_a_rerun_from_the_start_begins_with_all_of_local(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="1", y="1"), tmp_path / "remote"
    volumes = [volume(local, remote, "ro")]
    brought_in(volumes, tmp_path / "7")
    tree(remote, x="of the activity")
    (remote / "y").unlink()
    brought_in(volumes, tmp_path / "7")

    assert contents(remote) == {"x": "1", "y": "1"}


def test_a_file_beneath_a_link_at_the_target_goes_nowhere_else(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", sub__x="1"), tree(tmp_path / "remote")
    outside = tree(tmp_path / "outside")
    (remote / "sub").symlink_to(outside)
    (local / "empty").mkdir()
    (remote / "empty").symlink_to(outside)
    ended = brought_in([volume(local, remote)], tmp_path / "7")

    assert ended.returncode == 0, ended.stderr
    assert contents(outside) == {}
    assert (remote / "sub" / "x").read_text() == "1"
    assert (remote / "empty").is_dir()
    assert not (remote / "empty").is_symlink()


def test_a_link_in_the_place_of_a_directory_stays_where_nothing_beneath_has_changed(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", sub__x="1", y="1"), tmp_path / "remote"
    elsewhere = tree(tmp_path / "elsewhere", x="1")
    volumes = [volume(local, remote)]
    brought_in(volumes, tmp_path / "7")
    (local / "sub" / "x").unlink()
    (local / "sub").rmdir()
    (local / "sub").symlink_to(elsewhere)
    tree(remote, y="2")
    brought_out(volumes, tmp_path / "7")

    assert (local / "sub").is_symlink()
    assert (local / "y").read_text() == "2"


def test_a_volume_that_cannot_be_brought_back_stops_no_other(tmp_path: Path) -> None:
    far, first, last = tree(tmp_path / "far", x="result"), tmp_path / "first", tmp_path / "last"
    (tmp_path / "middle").mkdir()
    first.write_text("a file is in the way")
    last.write_text("a file is in the way")
    ended = brought_out([volume(each, far) for each in (first, tmp_path / "middle", last)])

    assert ended.returncode == 1
    assert ended.stderr.endswith(f": '{first}', '{last}'.\n")
    assert "File exists" in ended.stderr
    assert (tmp_path / "middle" / "x").read_text() == "result"


# What may not be written.


@pytest.mark.parametrize("link", WAYS)
def test_two_dependencies_may_carry_one_file_that_is_read_only(tmp_path: Path, link: str) -> None:
    a, b = tree(tmp_path / "a", x="1", sub__y="1"), tree(tmp_path / "b", x="2", sub__y="2")
    for each in (a, b):
        (each / "x").chmod(0o444)
        (each / "sub").chmod(0o555)
    first, again = brought(tmp_path / "c", a, b, link=link), brought(tmp_path / "c", a, b, link=link)

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert ((tmp_path / "c" / "x").read_text(), (tmp_path / "c" / "sub" / "y").read_text()) == ("2", "2")
    assert (tmp_path / "c" / "sub").stat().st_mode & 0o777 == 0o555


@pytest.mark.parametrize("link", WAYS)
def test_a_dependency_that_closed_its_directory_does_not_close_that_of_others(
    tmp_path: Path, link: str
) -> None:
    a = tree(tmp_path / "a", x="1")
    a.chmod(0o555)
    first, again = brought(tmp_path / "c", a, link=link), brought(tmp_path / "c", a, link=link)

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert (tmp_path / "c").stat().st_mode & 0o777 == 0o755


def test_read_only_files_of_a_volume_can_be_replaced(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="1", sub__y="1"), tmp_path / "remote"
    (local / "x").chmod(0o444)
    (local / "sub").chmod(0o555)
    volumes = [volume(local, remote)]
    first = brought_in(volumes)
    (local / "x").unlink()
    (local / "sub").chmod(0o755)
    tree(local, x="22", sub__y="22", sub__z="new")
    again = brought_in(volumes)

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    assert ((remote / "x").read_text(), (remote / "sub" / "y").read_text()) == ("22", "22")
    assert (remote / "sub").stat().st_mode & 0o777 == 0o755


# Files and directories of one name.


@pytest.mark.parametrize("link", WAYS)
def test_a_later_directory_takes_the_place_of_a_file(tmp_path: Path, link: str) -> None:
    a, b = tree(tmp_path / "a", x="1"), tree(tmp_path / "b", x__y="2")
    ended = brought(tmp_path / "c", a, b, link=link)

    assert ended.returncode == 0, ended.stderr
    assert (tmp_path / "c" / "x" / "y").read_text() == "2"


def test_no_directory_is_removed_for_a_file(tmp_path: Path) -> None:
    a, b = tree(tmp_path / "a", x__y="1"), tree(tmp_path / "b", x="2")
    ended = brought(tmp_path / "c", a, b)

    assert ended.returncode == 1
    assert f"'{tmp_path}/c/./x'" in ended.stderr
    assert (tmp_path / "c" / "x" / "y").read_text() == "1"


def test_no_directory_of_a_volume_is_removed_for_a_file(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="1"), tree(tmp_path / "remote", x__y="kept")
    ended = brought_in([volume(local, remote)])

    assert ended.returncode == 1
    assert f"'{remote}/x'" in ended.stderr
    assert (remote / "x" / "y").read_text() == "kept"


def test_clashes_are_what_several_dependencies_bring(tmp_path: Path) -> None:
    a = tree(tmp_path / "a", only="1", same="1", sub__same="1", file="1", way__only="1")
    b = tree(tmp_path / "b", other="1", same="2", sub__same="2", file__only="1", way__other="1")
    (a / "dangling").symlink_to("gone")
    (b / "dangling").symlink_to("gone")
    for name in NAMES:
        tree(a, **{name: "1"})
        tree(b, **{name: "2"})
    expected = {"same", "sub/same", "dangling", "file", *NAMES} - {"\udcff"} | {"\ufffd"}
    first = brought(tmp_path / "c", a, tmp_path / "missing", b)
    again = brought(tmp_path / "c", a, tmp_path / "missing", b)
    from_one = brought(tmp_path / "c", b)

    assert set(clashes_in(first.stdout)) == expected
    assert set(clashes_in(again.stdout)) == expected
    assert clashes_in(from_one.stdout) == []


def test_a_missing_source_is_no_file_to_bring_and_no_volume(tmp_path: Path) -> None:
    missing = tmp_path / "missing"

    assert brought(tmp_path / "c", missing).returncode == 0
    assert brought_in([volume(missing, tmp_path / "remote")]).returncode == SOURCE_MISSING
    assert not (tmp_path / "remote").exists()
