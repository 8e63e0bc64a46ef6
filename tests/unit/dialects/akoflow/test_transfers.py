"""What the tasks that move files do with files: run as they are, by who may not write everywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.dialects.akoflow.transfer_runs import NAMES, brought, brought_in, brought_out, tree, volume

from headrace.dialects.akoflow.transfers import SOURCE_MISSING, clashes_in

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
