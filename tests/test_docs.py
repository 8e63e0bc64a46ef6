"""The documentation is true: its links lead somewhere, its examples hold, and it names all that there is."""

from __future__ import annotations

import ast
import asyncio
import importlib.util
import json
import re
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from headrace import expressions, settings
from headrace.dialects.dataflow import parse as dataflow
from headrace.tasks.library import Library, types_of

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
END_OF_A_SENTENCE_INSIDE = re.compile(r"[a-z`)\]*][.!?] +[A-Z`*\[]")


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(*languages: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for number, (language, code) in enumerate(FENCE.findall(page.read_text(encoding="utf-8"))):
            if language in languages:
                yield f"{relative(page)} block {number}", code


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def anchors(path: Path) -> set[str]:
    """The names that a heading gets on the usual forges."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        goal = (page.parent / file).resolve() if file else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            broken.append(target)

    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=relative)
def test_a_line_is_one_sentence(page: Path) -> None:
    lines = [line for line in prose(page).splitlines() if not line.startswith(("|", "    "))]

    assert [line for line in lines if END_OF_A_SENTENCE_INSIDE.search(line)] == []


def test_every_page_can_be_reached_from_the_first_one() -> None:
    index = ROOT / "docs" / "README.md"
    listed = {(index.parent / target).resolve() for target in LINK.findall(prose(index))}

    assert {relative(page) for page in (ROOT / "docs").rglob("*.md")} - {
        relative(page) for page in listed
    } == {relative(index)}


@pytest.mark.parametrize("place", dict(blocks("json", "yaml", "python", "toml")))
def test_code_in_the_pages_can_be_read(place: str) -> None:
    read: dict[str, Callable[[str], object]] = {
        "json": json.loads,
        "yaml": yaml.safe_load,
        "python": ast.parse,
        "toml": tomllib.loads,
    }
    languages = {language: dict(blocks(language)) for language in read}

    for language, found in languages.items():
        if place in found:
            assert read[language](found[place]) is not None


@pytest.mark.parametrize("place", [place for place, code in blocks("toml") if "[project]" not in code])
def test_settings_in_the_pages_are_settings(place: str) -> None:
    table = tomllib.loads(dict(blocks("toml"))[place])
    names = {
        f"{key}.{name}" if isinstance(value, dict) else key
        for key, value in table.items()
        for name in (value if isinstance(value, dict) else [key])
    }

    assert names <= settings.catalogue().keys()


def test_variables_in_the_pages_are_settings() -> None:
    named = {
        name
        for page in PAGES
        for name in re.findall(r"HEADRACE_[A-Z_]*[A-Z]", page.read_text(encoding="utf-8"))
    }

    assert named <= {setting.variable for setting in settings.catalogue().values()}


@pytest.mark.parametrize("file", sorted(generator().PAGES))
def test_generated_pages_are_up_to_date(file: str) -> None:
    written = (ROOT / "docs" / "reference" / file).read_text(encoding="utf-8")

    assert written == generator().PAGES[file](), "run `make docs`"


def test_the_task_type_of_the_pages_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("headrace_weather")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    code = next(code for place, code in blocks("python") if "extend-headrace" in place)

    exec(compile(code, "headrace_weather.py", "exec"), vars(module))

    (kind,) = types_of(module)
    assert kind.spec.type == "weather.wind_chill"
    assert [port.name for port in kind.spec.inputs] == ["celsius", "kilometres_per_hour"]
    assert asyncio.run(kind(0, 20)).celsius == pytest.approx(-5.2)


EXAMPLES = [line.split("⇒") for _, code in blocks("expressions") for line in code.splitlines()]


@pytest.mark.parametrize(("source", "value"), EXAMPLES)
def test_expressions_in_the_pages_have_the_values_that_they_say(source: str, value: str) -> None:
    found = expressions.evaluate(expressions.parse(source.strip()), expressions.Values({}))

    assert json.dumps(found) == value.strip()


def test_every_setting_stands_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")

    assert [name for name in settings.catalogue() if f"### `{name}`" not in page] == []


def test_every_route_of_the_native_api_stands_in_the_reference() -> None:
    page = (ROOT / "docs" / "reference" / "native-api.md").read_text(encoding="utf-8")
    with generator().native() as native:
        paths = [(each.method, each.path.replace(":path", "")) for each in native.operations]

    assert [path for method, path in paths if f"`{method} {path}`" not in page] == []


def test_every_room_stands_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {
        path.stem for path in (ROOT / "src" / "headrace").iterdir() if not path.name.startswith(("_", "py."))
    }

    assert {room for room in rooms if not re.search(rf"^  .*\b{room}(/|\.py)", page, re.MULTILINE)} == set()


def test_the_workflow_of_the_tutorial_is_the_one_that_is_shipped() -> None:
    tutorial = next(code for place, code in blocks("json") if "tutorial" in place)
    shipped = (ROOT / "examples" / "report.json").read_text(encoding="utf-8")

    assert json.loads(tutorial) == json.loads(shipped)


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.json")), ids=relative)
def test_the_examples_have_no_problems(path: Path) -> None:
    parsed = dataflow.parse(json.loads(path.read_text(encoding="utf-8")), Library.installed())

    assert (parsed.problems, parsed.warnings) == ((), ())


COMMANDS = generator().commands()
GROUPS = {name.split()[0] for name in COMMANDS if " " in name}
NAMED_COMMAND = re.compile(r"(?:`|\$ )headrace ([a-z]+)((?: [^`|\n]*)?)")


def named_commands() -> Iterator[tuple[str, str, list[str]]]:
    """Every command that a page names, with the rest of its words."""
    for page in [*PAGES, ROOT / "examples" / "plugin" / "README.md"]:
        for first, rest in NAMED_COMMAND.findall(page.read_text(encoding="utf-8")):
            words = rest.split()
            name = " ".join([first, words[0]]) if first in GROUPS and words else first
            yield relative(page), name, words


def test_commands_in_the_pages_are_commands() -> None:
    unknown = {(page, name) for page, name, _ in named_commands() if name not in {*COMMANDS, *GROUPS}}

    assert unknown == set()


def test_options_in_the_pages_are_options() -> None:
    unknown = {
        (page, name, word)
        for page, name, words in named_commands()
        if name in COMMANDS
        for word in words
        if word.startswith("--")
        and word.partition("=")[0]
        not in {"--help", *(opt for each in COMMANDS[name].params for opt in each.opts)}
    }

    assert unknown == set()


def test_the_table_of_the_first_page_has_every_command() -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    table = " ".join(line for line in page.splitlines() if line.startswith("| `headrace"))
    words = set(re.findall(r"`(?:headrace )?([a-z]+)", table))

    assert {name.split()[0] for name in COMMANDS} <= words
