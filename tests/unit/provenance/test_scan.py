"""What lies in a directory, and what is left out."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from headrace.provenance.filesystems import _kind, tells_of_changes
from headrace.provenance.scan import look, scan

MOUNTS = """\
21 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
30 21 0:40 / /home rw shared:2 - nfs4 server:/home rw
31 30 0:41 / /home/me/my\\040disk rw - xfs /dev/vdb rw
32 21 0:42 / /mnt rw master:1 - ext4 /dev/vdc rw
33 32 0:43 / /mnt rw - fuse.sshfs host:/ rw
"""


def test_files_and_links_are_found_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "sub" / "empty").mkdir(parents=True)
    (tmp_path / "sub" / "file").write_text("four")
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
        found = scan(str(tmp_path)).files

    assert found.keys() == {"sub/file", "dangling", "loop"}
    assert found["sub/file"].size == 4
    assert found["dangling"].link == "nowhere"
    assert look(str(tmp_path / "pipe")) is None
    assert look(str(tmp_path / "sub")) is None


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    assert scan(str(tmp_path / "missing")).files == {}


def test_a_directory_that_is_too_deep_to_be_named_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "near").touch()
    monkeypatch.chdir(tmp_path)
    for _ in range(20):
        Path("d" * 250).mkdir()
        monkeypatch.chdir("d" * 250)
    found = scan(str(tmp_path))

    assert found.files.keys() == {"near"}
    assert len(found.unreadable) == 1


def test_a_directory_that_is_too_large_is_not_read_to_its_end(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"d{number}").mkdir()
        (tmp_path / f"d{number}" / "f").touch()
    found = scan(str(tmp_path), most=5)

    assert found.is_too_large
    assert len(found.files) == 6


def test_times_beyond_those_of_a_database_are_brought_into_its_range(tmp_path: Path) -> None:
    (tmp_path / "late").touch()
    os.utime(tmp_path / "late", ns=(2**63 + 10**9, 2**63 + 10**9))
    state = look(str(tmp_path / "late"))

    assert state is not None
    assert state.mtime_ns <= 2**63 - 1


def test_a_watch_is_trusted_where_only_this_machine_writes(tmp_path: Path) -> None:
    assert tells_of_changes(str(tmp_path))
    assert _kind("/home/me", MOUNTS) == "nfs4"
    assert _kind("/home/me/my disk/x", MOUNTS) == "xfs"
    assert _kind("/mnt/x", MOUNTS) == "fuse.sshfs"
    assert _kind("/mntx", MOUNTS) == "ext4"
