"""Directories of this machine that workflows may name, and those that are the server's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.dialects.akoflow.host_paths import HostPaths, problems_of
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.settings import load


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "data" / "akoflow").mkdir(parents=True)
    (tmp_path / "home" / "open").mkdir()
    return tmp_path / "home"


def paths(home: Path, **settings: object) -> HostPaths:
    return HostPaths.of(load({"data_dir": str(home / "data"), **settings}))


@pytest.mark.parametrize(
    "path", ["data", "data/attempts/1", "data/headrace.db", "data/../data/x", "link", ""]
)
def test_nobody_reaches_what_the_server_keeps(home: Path, path: str) -> None:
    (home / "link").symlink_to(home / "data" / "artifacts")

    assert paths(home).why_refused(f"{home}/{path}") is not None


@pytest.mark.parametrize("path", ["data/akoflow", "data/akoflow/workflows/7", "open", "database", "data2/x"])
def test_everything_else_may_be_a_working_directory(home: Path, path: str) -> None:
    assert paths(home).why_refused(f"{home}/{path}") is None


def test_the_place_that_a_path_is_mapped_to_counts(home: Path) -> None:
    found = paths(home, **{"akoflow.path_map": {"/scratch": str(home / "data")}})

    assert found.why_refused("/scratch/artifacts") is not None
    assert found.why_refused("/scratch/akoflow/x") is None


def test_the_local_side_of_a_volume_is_never_mapped(home: Path) -> None:
    found = paths(home, **{"akoflow.path_map": {str(home): "/elsewhere", "/scratch": str(home / "data")}})
    text = "name: w\nspec: {volumes: ['%s:/x'], activities: [{name: a, run: x}]}"

    for own in (f"{home}/data/artifacts", f"{home}"):
        assert found.why_refused_here(own) is not None
        parsed = parse((text % own).encode(), Surroundings())
        assert parsed.definition is not None
        assert [each.path for each in problems_of(parsed.definition, found)] == ["/spec/volumes"]
    for other in ("/scratch/artifacts", f"{home}/data/akoflow/x"):
        assert found.why_refused_here(other) is None


def test_nothing_is_shown_at_a_place_of_the_server_itself(home: Path) -> None:
    found = paths(home, **{"akoflow.path_map": {str(home): "/elsewhere"}})

    assert found.why_refused(f"{home}/data/attempts/1") is not None
    assert found.why_refused(f"{home}/data/akoflow/x") is None
    assert found.why_refused(f"{home}/open") is None


def test_only_what_lies_beneath_the_roots_is_bound(home: Path) -> None:
    (home / "open" / "way out").symlink_to("/etc")
    own = paths(home)
    given = paths(home, **{"akoflow.host_roots": f"{home}/open, /opt"})

    assert own.why_not_bound(f"{home}/data/akoflow/x") is None
    assert own.why_not_bound(f"{home}/open") is not None
    assert given.why_not_bound(f"{home}/open/x") is None
    assert given.why_not_bound("/opt") is None
    assert given.why_not_bound(f"{home}/open/way out") is not None
    assert given.why_not_bound("/optional") is not None
