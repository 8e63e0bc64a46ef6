"""Groups of cgroup v2, on a directory tree like that of the kernel; `test_kernel_cgroups` has real ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from tests.unit.runtimes.long_steps import MIB, opened

from headrace.runtimes import cgroups, processes, record
from headrace.runtimes.attempts import AttemptDirectories
from headrace.runtimes.bounds import Watching
from headrace.runtimes.cgroups import Cgroups
from headrace.runtimes.protocol import Command, Job

FILES = ("cgroup.procs", "memory.max", "memory.oom.group", "memory.swap.max", "cpu.max", "memory.events")


def grow(group: Path, controllers: str = "cpuset cpu io memory pids") -> Path:
    """Make a directory with the files that the kernel would put into it."""
    group.mkdir(parents=True, exist_ok=True)
    (group / "cgroup.controllers").write_text(f"{controllers}\n")
    (group / "cgroup.subtree_control").touch()
    for name in FILES:
        (group / name).touch()
    return group


def fell(group: Path) -> None:
    """Take the files away, as the kernel lets a directory go that still shows some."""
    for file in group.iterdir():
        file.unlink()


def says(group: Path, file: str) -> str:
    return (group / file).read_text()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """The group of this process, with those that it will make."""
    root = grow(tmp_path / "headrace")
    (root / "cgroup.procs").write_text(f"{os.getpid()}\n")
    grow(root / "server")
    grow(root / "headrace-1")
    return root


@pytest.fixture
def group(own: Path) -> Path:
    return grow(own / "headrace-1" / "1001")


@pytest.fixture
def groups(own: Path) -> Cgroups:
    made = cgroups.divide(own, "headrace-1")
    assert made is not None
    return made


def job(**limits: object) -> Job:
    return Job(attempt=1001, label="step", work=Command(script="true"), **limits)  # type: ignore[arg-type]


def test_the_server_moves_aside_and_lets_its_groups_have_limits(own: Path, groups: Cgroups) -> None:
    assert says(own / "server", "cgroup.procs") == str(os.getpid())
    assert says(own, "cgroup.subtree_control") == "+memory +cpu"
    assert says(own / "headrace-1", "cgroup.subtree_control") == "+memory +cpu"
    assert groups.limits == ("cpu:cgroup", "memory:cgroup")


def test_a_server_that_was_put_aside_already_stays_there(own: Path) -> None:
    made = cgroups.divide(own / "server", "headrace-1")

    assert made is not None
    assert says(own / "server", "cgroup.procs") == ""


def test_processors_stay_packed_where_only_memory_can_be_limited(own: Path) -> None:
    grow(own, "memory")
    (own / "cgroup.procs").write_text(f"{os.getpid()}\n")
    made = cgroups.divide(own, "headrace-1")

    assert made is not None
    assert made.limits == ("cpu:packed", "memory:cgroup")
    assert made.enclose(1001, job(cpus=2.0)) == ""


def test_without_the_memory_controller_there_are_no_groups(own: Path) -> None:
    grow(own, "cpu pids")

    assert cgroups.divide(own, "headrace-1") is None


def test_a_group_in_which_others_live_is_left_alone(own: Path) -> None:
    (own / "cgroup.procs").write_text(f"1\n{os.getpid()}\n")

    assert cgroups.divide(own, "headrace-1") is None
    assert says(own / "server", "cgroup.procs") == says(own, "cgroup.subtree_control") == ""


def delegated(group: Path, mark: bytes) -> Path:
    """Put the mark there by which systemd says whether it delegated a group."""
    try:
        os.setxattr(group, "user.delegate", mark)
    except OSError:
        pytest.skip("temporary files can have no extended attributes here")
    return group


@pytest.mark.parametrize("unit", ["headrace.service", "run-1.scope", "user.slice"])
def test_a_unit_of_systemd_is_left_alone_unless_it_was_delegated(own: Path, unit: str) -> None:
    own = own.rename(own.with_name(unit))
    unmarked = cgroups.divide(own, "headrace-1")
    refused = cgroups.divide(delegated(own, b"0"), "headrace-1")
    untouched = says(own / "server", "cgroup.procs"), says(own, "cgroup.subtree_control")
    made = cgroups.divide(delegated(own, b"1"), "headrace-1")

    assert (unmarked, refused) == (None, None)
    assert untouched == ("", "")
    assert made is not None


def test_who_was_put_into_a_group_beneath_a_unit_may_divide_the_unit(own: Path) -> None:
    own = own.rename(own.with_name("headrace.service"))

    assert cgroups.divide(own / "server", "headrace-1") is not None


@pytest.mark.skipif(os.getuid() != 0, reason="only root may give a directory away")
def test_what_changed_hands_was_delegated_by_a_systemd_that_sets_no_mark(own: Path) -> None:
    own = own.rename(own.with_name("headrace.service"))
    os.chown(own, 12345, -1)

    assert cgroups.divide(own, "headrace-1") is not None


def test_a_machine_without_the_interface_has_none(tmp_path: Path) -> None:
    assert cgroups.divide(tmp_path / "absent", "headrace-1") is None


def test_an_attempt_gets_its_limits_and_the_way_in(groups: Cgroups, group: Path) -> None:
    enter = groups.enclose(1001, job(memory=64 * MIB, cpus=1.5))

    assert enter == f"echo 0 >{group}/cgroup.procs||exit 126;"
    assert says(group, "memory.max") == str(64 * MIB)
    assert says(group, "memory.oom.group") == "1"
    assert says(group, "memory.swap.max") == "0"
    assert says(group, "cpu.max") == "150000 100000"


def test_a_kernel_that_counts_no_swap_limits_memory_all_the_same(groups: Cgroups, group: Path) -> None:
    (group / "memory.swap.max").unlink()

    assert groups.enclose(1001, job(memory=MIB)) != ""


def test_the_smallest_share_of_a_processor_is_what_the_kernel_takes(groups: Cgroups, group: Path) -> None:
    groups.enclose(1001, job(cpus=0.001))

    assert says(group, "cpu.max") == "1000 100000"


def test_an_attempt_without_limits_gets_no_group(groups: Cgroups, own: Path) -> None:
    assert groups.enclose(1002, job()) == ""
    assert groups.release(1002, job()) is None
    assert not (own / "headrace-1" / "1002").exists()


def test_the_end_by_the_kernel_is_told_with_the_peak(groups: Cgroups, group: Path) -> None:
    (group / "memory.events").write_text("low 0\noom 1\noom_kill 3\n")
    (group / "memory.peak").write_text(f"{64 * MIB}\n")

    assert groups.release(1001, job(memory=64 * MIB)) == 64 * MIB


def test_an_older_kernel_tells_no_peak_but_the_limit_is_known(groups: Cgroups, group: Path) -> None:
    (group / "memory.max").write_text(f"{MIB}\n")
    (group / "memory.events").write_text("oom_kill 1\n")

    assert groups.release(1001, job(memory=MIB)) == MIB


def test_a_quiet_end_is_no_verdict(groups: Cgroups, group: Path) -> None:
    (group / "memory.events").write_text("oom 0\noom_kill 0\n")

    assert groups.release(1001, job(memory=MIB)) is None


def test_a_group_is_removed_as_soon_as_it_can_be(groups: Cgroups, group: Path) -> None:
    groups.release(1001, job(memory=MIB))
    was_held = group.exists()
    fell(group)
    groups.release(1002, job(memory=MIB))

    assert was_held
    assert not group.exists()


def test_a_start_removes_what_is_empty_and_keeps_what_runs(own: Path, group: Path) -> None:
    (own / "headrace-1" / "1000").mkdir()
    cgroups.divide(own, "headrace-1")

    assert not (own / "headrace-1" / "1000").exists()
    assert group.exists()


@pytest.mark.parametrize("kills", ["kill -9 0", "exec sh -c 'kill -9 0'"])
async def test_a_step_enters_its_group_and_its_end_there_is_a_verdict(
    groups: Cgroups, group: Path, tmp_path: Path, kills: str
) -> None:
    directories = AttemptDirectories(tmp_path / "attempts")
    step = Job(
        attempt=1001,
        label="step",
        work=Command(
            script=f"echo oom_kill 1 > {group}/memory.events; echo {MIB} > {group}/memory.max; {kills}"
        ),
        memory=64 * MIB,
    )
    async with opened(directories, bounds=groups) as (runtime, witness):
        runtime.submit(step)
        ended = await witness.ended(1001)
    async with opened(directories) as (runtime, witness):
        runtime.recover(step)
        again = await witness.ended(1001)

    assert says(group, "cgroup.procs") == "0\n"
    assert runtime.capabilities.limits == Watching.limits
    assert [each.failure and each.failure.code for each in (ended, again)] == ["out_of_memory"] * 2


def claimed(folder: Path, ending: str) -> AttemptDirectories:
    """Directories in which a process claimed attempt 1001 that is gone by now."""
    directories = AttemptDirectories(folder / "attempts")
    claim = Path(f"{directories.path(1001)}.claim")
    claim.parent.mkdir(parents=True)
    claim.write_text(f"{record.stamp(processes.boot_id(), time.time())} {2**31 - 1}\n{ending}")
    return directories


@pytest.mark.parametrize(("ending", "told"), [("", "out_of_memory"), ("3\n", "exit_code")])
async def test_the_end_by_the_kernel_without_a_server_is_told_by_the_next_one(
    own: Path, group: Path, tmp_path: Path, ending: str, told: str
) -> None:
    (group / "memory.events").write_text("oom_kill 1\n")
    (group / "memory.max").write_text(f"{MIB}\n")
    directories = claimed(tmp_path, ending)
    bounds = cgroups.divide(own, "headrace-1")
    fell(group)
    async with opened(directories, bounds=bounds) as (runtime, witness):
        runtime.recover(job(memory=MIB))
        ended = await witness.ended(1001)

    assert ended.failure is not None
    assert ended.failure.code == told
    assert list((own / "headrace-1").glob("1*")) == []


async def test_a_step_that_cannot_enter_its_group_does_not_run(
    groups: Cgroups, group: Path, tmp_path: Path
) -> None:
    (group / "cgroup.procs").unlink()
    (group / "cgroup.procs").mkdir()
    async with opened(AttemptDirectories(tmp_path / "attempts"), bounds=groups) as (runtime, witness):
        runtime.submit(Job(attempt=1001, label="step", work=Command(script="true"), memory=MIB))
        ended = await witness.ended(1001)

    assert ended.failure is not None
    assert ended.failure.exit_code == 126
