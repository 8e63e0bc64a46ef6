"""Declared paths and globs, beside what the runtimes find for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from headrace.provenance.patterns import beginning, is_literal, matches

FILES = ("a.txt", "b.txt", ".hidden.txt", "sub/a.txt", "sub/deep/a.txt", "sub/deep/b.dat", "x[1]", "l\nf")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    "pattern",
    [
        "*.txt",
        "?.txt",
        "[ab].txt",
        "[!a].txt",
        "sub/*",
        "*/a.txt",
        "**/a.txt",
        "sub/**/*.dat",
        "**/*",
        "*/*/*",
    ],
)
def test_a_glob_matches_what_a_runtime_finds(tree: Path, pattern: str) -> None:
    found = {str(path.relative_to(tree)) for path in tree.glob(pattern) if path.is_file()}

    assert {name for name in FILES if matches(pattern, name)} == found


@pytest.mark.parametrize(
    ("pattern", "path"),
    [("./a.txt", "a.txt"), ("sub//a.txt", "sub/a.txt"), ("sub", "sub/deep/a.txt"), ("sub/", "sub/a.txt")],
)
def test_a_path_is_the_file_or_what_lies_in_the_directory(pattern: str, path: str) -> None:
    assert matches(pattern, path)
    assert not matches(pattern, f"other/{path}")


def test_a_name_that_looks_like_a_glob_is_also_that_name() -> None:
    assert matches("x[1]", "x[1]")
    assert not is_literal("x[1]")


def test_many_stars_cost_no_time() -> None:
    assert not matches("/".join(["**"] * 30) + "/z", "/".join(["a"] * 60))


@pytest.mark.parametrize(
    ("pattern", "begins"),
    [("*.txt", ""), ("./in//raw/*.txt", "in/raw/"), ("in/**/x", "in/"), ("in/raw", "in/raw/"), (".", "/")],
)
def test_what_a_pattern_matches_begins_with_its_whole_parts_before_the_first_star(
    pattern: str, begins: str
) -> None:
    assert beginning(pattern) == begins
