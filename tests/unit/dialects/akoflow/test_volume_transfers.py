"""What the tasks that move volumes do with files: what is new, and what was changed on which side."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.unit.dialects.akoflow.transfer_runs import NAMES, OLD, brought_in, brought_out, tree, volume

from headrace.dialects.akoflow.drafts import Mode


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
    tmp_path: Path, mode: Mode
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


def test_what_was_removed_from_local_does_not_come_back(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", bad="1", ok="1"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    brought_in(volumes, tmp_path / "7")
    tree(remote, made="1")
    brought_out(volumes, tmp_path / "7")
    for name in ("bad", "made"):
        (local / name).unlink()
    brought_in(volumes, tmp_path / "7", reuses=True)
    tree(remote, more="1")
    brought_out(volumes, tmp_path / "7")

    assert contents(local) == {"ok": "1", "more": "1"}


def test_results_that_were_brought_back_are_not_brought_back_again(tmp_path: Path) -> None:
    local, remote = tmp_path / "local", tree(tmp_path / "remote", report="1", same="1")
    volumes = [volume(local, remote, "out")]
    brought_in(volumes, tmp_path / "7")
    first = brought_out(volumes, tmp_path / "7")
    tree(local, report="1 and my notes")
    brought_in(volumes, tmp_path / "7", reuses=True)
    tree(remote, new="1")
    brought_out(volumes, tmp_path / "7")
    edited = contents(local)
    for name in edited:
        (local / name).unlink()
    local.rmdir()
    brought_out(volumes, tmp_path / "7")

    assert first.returncode == 0, first.stderr
    assert edited == {"report": "1 and my notes", "same": "1", "new": "1"}
    assert contents(local) == {"report": "1", "same": "1", "new": "1"}


def test_two_volumes_in_one_place_keep_their_own_files(tmp_path: Path) -> None:
    a, b, remote = tree(tmp_path / "a", x="a", y="a"), tree(tmp_path / "b", x="b"), tmp_path / "remote"
    volumes = [volume(a, remote), volume(b, remote)]
    brought_in(volumes, tmp_path / "7")
    tree(remote, made="1")
    brought_out(volumes, tmp_path / "7")

    assert contents(a) == {"x": "a", "y": "a", "made": "1"}
    assert contents(b) == {"x": "b", "made": "1"}


@pytest.mark.parametrize("mode", ["rw", "ro"])
@pytest.mark.parametrize("name", ["sub", "a&b|c\\d [x]*"])
def test_a_volume_inside_of_another_keeps_its_own_files(tmp_path: Path, mode: Mode, name: str) -> None:
    inner, outer = tree(tmp_path / "inner", f="inner", g="inner"), tree(tmp_path / "outer", o="outer")
    tree(outer / name, f="outer")
    remote = tmp_path / "remote"
    volumes = [volume(inner, remote / name, mode), volume(outer, remote)]
    brought_in(volumes, tmp_path / "7")
    seen = contents(remote / name)
    tree(remote, made="1")
    ended = brought_out(volumes, tmp_path / "7")

    assert ended.returncode == 0, ended.stderr
    assert seen == {"f": "inner", "g": "inner"}
    assert contents(inner) == {"f": "inner", "g": "inner"}
    assert contents(outer) == {"o": "outer", f"{name}/f": "outer", "made": "1"}


def test_a_side_that_lies_in_the_other_is_left_out(tmp_path: Path) -> None:
    first, second = tree(tmp_path / "first", x="1"), tree(tmp_path / "second" / "local", y="1")
    volumes = [volume(first, first / "work"), volume(second, tmp_path / "second")]
    for _ in range(3):
        assert brought_in(volumes, tmp_path / "7").returncode == 0
        tree(first / "work", made="1")
        assert brought_out(volumes, tmp_path / "7").returncode == 0

    assert contents(first) == {"x": "1", "made": "1", "work/x": "1", "work/made": "1"}
    assert contents(tmp_path / "second") == {"y": "1", "local/y": "1"}


def test_without_a_private_directory_nothing_is_listed(tmp_path: Path) -> None:
    local, remote = tree(tmp_path / "local", x="1"), tmp_path / "remote"
    volumes = [volume(local, remote)]
    codes = [brought_in(volumes, reuses=reuses).returncode for reuses in (False, True)]
    (remote / "x").write_text("22")
    codes.append(brought_out(volumes).returncode)

    assert codes == [0, 0, 0]
    assert (local / "x").read_text() == "22"
    assert {each.name for each in tmp_path.iterdir()} == {"local", "remote"}
