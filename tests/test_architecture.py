"""The walls of the house: the import law, sizes, names, and what must stand nowhere in the tree.

The law itself is written in `pyproject.toml` (import-linter) and explained in `docs/architecture.md`.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "headrace"
MOST_LINES_OF_A_FILE = 400
MOST_LINES_OF_A_FUNCTION = 60

BANNED_IN_ANY_NAME = {"Manager", "Handler", "Helper", "Helpers", "Util", "Utils", "Impl"}
BANNED_IN_CLASS_NAMES = BANNED_IN_ANY_NAME | {"Info", "Data"}
BANNED_MODULES = {"common", "helper", "helpers", "misc", "util", "utils"}

PURE_ROOMS = ("definition", "expressions", "engine")
# These read a clock, roll dice or touch the outside, through modules that pure code may otherwise use.
IMPURE_CALLS = {"now", "today", "utcnow", "uuid1", "uuid4", "open", "input", "print", "breakpoint"}

# What is made for one need is known in one file, so that it can be replaced there.
VENDOR_LIBRARIES = (
    "aiodocker",
    "argon2",
    "asyncssh",
    "cronsim",
    "distributed",
    "inotify_simple",
    "jwt",
    "kubernetes_asyncio",
    "lxml_html_clean",
    "mcp",
    "obstore",
    "prometheus_client",
    "psycopg",
    "rocrate",
    "standardwebhooks",
    "trafilatura",
    "yt_dlp",
)

# Installed by exactly one of our dependencies, at the version that it needs.
INSEPARABLE = {"pydantic_core", "starlette"}

# Spelled in pieces, so that this file does not name what it forbids.
NAMES_OF_MACHINES = re.compile(
    "/wo"
    r"rk/(main|shared|steering|\.library)|/tm"
    r"p/brief|/ro"
    r"ot/\.|/ho"
    r"me/[a-z]+/\.|/Us"
    r"ers/[a-z]+/"
)
NAMES_OF_REGISTRIES = re.compile(
    r"pypi\."
    "org|pythonhosted"
    r"\.org|registry\."
    "npmjs|npmmirror"
    r"\.com|static\."
    r"crates\.io|proxy\."
    r"golang\.org"
)


@cache
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("headrace", include_external_packages=True, cache_dir=None)


def modules_under(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def texts_of_the_tree() -> Iterator[tuple[str, str]]:
    """Everything that people wrote: no caches, no environments, no built files."""
    made = {"node_modules", "build", "dist", "static", "htmlcov", "__pycache__"}
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = any(part.startswith(".") and part != ".ci" for part in parts[:-1])
        if hidden or made.intersection(parts) or not path.is_file() or path.name == ".git":
            continue
        try:
            yield relative(path), path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue


def canonical(distribution: str) -> str:
    """Distributions are the same however their names are spelled."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def words(name: str) -> set[str]:
    """`retry_handler` and `RetryHandler` are both made of Retry and Handler."""
    return {word[:1].upper() + word[1:] for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])", name)}


def test_the_import_law_is_kept(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ROOT)

    status = lint_imports(no_cache=True)

    assert status == 0, capsys.readouterr().out


@pytest.mark.parametrize("library", VENDOR_LIBRARIES)
def test_a_vendor_library_is_imported_in_one_file_only(library: str) -> None:
    importers = graph().find_modules_that_directly_import(library) if library in graph().modules else set()

    assert len(importers) <= 1, f"{library} is imported by {', '.join(sorted(importers))}"


def test_every_library_that_is_imported_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [asked for extra, asked in project["optional-dependencies"].items() if extra != "dev"]
    asked = [*project["dependencies"], *chain.from_iterable(extras)]
    declared = {canonical(re.split(r"[<>=;\[ ]", each)[0]) for each in asked}
    imported = {module for module in graph().modules if not module.startswith("headrace")}
    foreign = imported - sys.stdlib_module_names - INSEPARABLE
    providers = packages_distributions()

    assert {
        module for module in foreign if not declared & set(map(canonical, providers.get(module, [])))
    } == set()


@pytest.mark.parametrize("path", modules_under("src", "tests", "docs", "bench"), ids=relative)
def test_a_file_is_short_and_so_are_its_functions(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    functions = [
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {node.name: (node.end_lineno or node.lineno) - node.lineno + 1 for node in functions}

    assert len(text.splitlines()) <= MOST_LINES_OF_A_FILE
    assert {name: length for name, length in lengths.items() if length > MOST_LINES_OF_A_FUNCTION} == {}


@pytest.mark.parametrize("path", modules_under("src"), ids=relative)
def test_names_say_what_a_thing_is(path: Path) -> None:
    banned = [path.stem] if path.stem in BANNED_MODULES or path.parent.name in BANNED_MODULES else []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ClassDef(name=name) if words(name) & BANNED_IN_CLASS_NAMES:
                banned.append(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) if (
                words(name) & BANNED_IN_ANY_NAME
            ):
                banned.append(name)

    assert banned == []


@pytest.mark.parametrize(
    "path", modules_under(*(f"src/headrace/{room}" for room in PURE_ROOMS)), ids=relative
)
def test_pure_rooms_call_no_clock_no_dice_and_no_files(path: Path) -> None:
    calls = [
        node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)
    ]
    names = {
        call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func) for call in calls
    }

    assert names & IMPURE_CALLS == set()


@pytest.mark.parametrize("path", modules_under("src", "tests"), ids=relative)
def test_fakes_are_real_implementations(path: Path) -> None:
    imported = {
        alias.name if isinstance(node, ast.Import) else f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }

    assert {name for name in imported if name.startswith("unittest.mock")} == set()


def test_no_machine_and_no_registry_is_named_in_the_tree() -> None:
    places = [
        f"{name}:{number}"
        for name, text in texts_of_the_tree()
        for number, line in enumerate(text.splitlines(), 1)
        if NAMES_OF_MACHINES.search(line) or NAMES_OF_REGISTRIES.search(line)
    ]

    assert places == []


def test_the_makefile_stays_small_and_every_target_has_help() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    targets = [line for line in lines if re.match(r"[a-z]+:", line)]

    assert len(lines) <= 60
    assert [line for line in targets if "## " not in line] == []
