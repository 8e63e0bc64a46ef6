"""The reference page of the dialect says what the code says: keys, variables, states, codes, bodies."""

from __future__ import annotations

import ast
import base64
import inspect
import json
import math
import re
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.app import Server
from headrace.definition.model import RunCommand
from headrace.dialects.akoflow import announcing, quantities, spelling, wire
from headrace.dialects.akoflow.compiling import ATTEMPT_VARIABLE
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.routes import operations
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.notifications.schedule import DELAYS
from headrace.runtimes import launching
from headrace.runtimes.protocol import LONGEST_STRING
from headrace.settings import Settings

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "reference" / "akoflow.md").read_text(encoding="utf-8")
SOURCES = ROOT / "src" / "headrace"
DIALECT = SOURCES / "dialects" / "akoflow"
CODE = re.compile(r"[a-z0-9]+(_[a-z0-9]+)+")
TELLING = {"problem": "refused", "_wrong": "refused", "Refusal": "refused", "warn": "warned", "Problem": ""}
"""What tells of something that is wrong, and how it is meant; a bare problem may be either."""

# Reasons that no activity has: its logs are no outputs, it needs no key, what no process can be given is
# refused before; and a defect is none that is told beforehand.
NEVER_OF_AN_ACTIVITY = {"output_too_large", "credential_lost", "invalid_job", "dispatch_failed"}
# Reasons that the engine gives to runs and tasks of every dialect.
OF_THE_ENGINE = {"cancelled", "paused", "reused"}


def part(heading: str) -> str:
    """What stands below a heading, up to the next one."""
    return re.split(r"^#+ ", PAGE.split(f"\n{heading}\n", 1)[1], maxsplit=1, flags=re.MULTILINE)[0]


def rows(heading: str) -> list[list[str]]:
    """The cells of all tables below a heading, without the heads of the tables."""
    lines = part(heading).splitlines()
    pairs = zip(lines, [*lines[1:], ""], strict=True)
    told = [line for line, after in pairs if line.startswith("|") and "|---" not in line + after]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in told]


def named(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def trees() -> Iterator[ast.Module]:
    for file in sorted(DIALECT.rglob("*.py")):
        yield ast.parse(file.read_text(encoding="utf-8"))


def constants() -> dict[str, str]:
    """The codes that have a name of their own."""
    return {
        node.targets[0].id: node.value.value
        for tree in trees()
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    }


def told(known: dict[str, str]) -> Iterator[tuple[str, str, int | None]]:
    """Every code of the dialect's source, how it is meant, and its status where that stands beside it."""
    calls = (node for tree in trees() for node in ast.walk(tree) if isinstance(node, ast.Call))
    for call in calls:
        called = getattr(call.func, "attr", None) or getattr(call.func, "id", "")
        if called not in TELLING:
            continue
        words = [*call.args, *(each.value for each in call.keywords if each.arg == "code")]
        found = [each for word in words for each in ast.walk(word)]
        numbers = [each.value for each in found if isinstance(each, ast.Constant) and type(each.value) is int]
        for each in found:
            value = known.get(each.id) if isinstance(each, ast.Name) else getattr(each, "value", None)
            if isinstance(value, str) and CODE.fullmatch(value):
                yield value, TELLING[called], numbers[0] if called == "Refusal" and numbers else None


def returned(node: ast.AST | None) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            yield text
        case ast.Tuple(elts=parts):
            for each in parts:
                yield from returned(each)
        case ast.IfExp(body=one, orelse=other):
            yield from returned(one)
            yield from returned(other)


def reasons() -> set[str]:
    """Every reason that a view of the dialect or the local runtime gives."""
    views = ast.parse((DIALECT / "views.py").read_text(encoding="utf-8"))
    own = {
        code
        for node in ast.walk(views)
        if isinstance(node, ast.Return | ast.Assign)
        for code in returned(node.value)
    }
    failures = {
        code
        for file in ("runtimes/results.py", "runtimes/local.py", "orchestrator/dispatcher.py")
        for code in re.findall(r'Failure\(\s*code="(\w+)"', (SOURCES / file).read_text(encoding="utf-8"))
    }
    return own | failures


@pytest.mark.parametrize(
    ("heading", "keys"),
    [
        ("## Root", ("name", "spec")),
        ("## `spec`", wire.SPEC_KEYS),
        ("### `storagePolicy`", wire.POLICY_KEYS),
        ("### `webhooks`", wire.WEBHOOK_KEYS),
        ("## Activities", wire.ACTIVITY_KEYS),
        ("### `command`", wire.COMMAND_KEYS),
        ("### `policy`", wire.TRIES_KEYS),
    ],
)
def test_a_table_has_the_keys_that_are_read(heading: str, keys: tuple[str, ...]) -> None:
    assert [named(row[0])[0] for row in rows(heading)] == list(keys)


def test_the_words_of_fields_stand_in_the_page() -> None:
    words = {*wire.EVENT_TYPES, *wire.STORAGE_POLICIES}

    assert {word for word in words if f"`{word}`" not in PAGE} == set()


def test_the_keys_that_are_ignored_stand_in_the_page() -> None:
    assert [set(named(row[1])) for row in rows("### Ignored keys")] == [
        wire.ROOT_LEFT_OVER,
        wire.SPEC_LEFT_OVER,
        wire.ACTIVITY_LEFT_OVER,
    ]


def test_the_bounds_stand_in_the_page() -> None:
    bounds = part("### Quantities")

    assert f"at most {quantities.MOST_CPUS}" in bounds
    assert f"`{quantities.LARGEST_SIZE}`" in bounds
    assert f"`{quantities.LONGEST}`" in bounds
    assert f"1 to {wire.LONGEST_NAME} characters" in part("## Root")
    assert f"at most {wire.MOST_WEBHOOKS};" in part("## `spec`")
    assert f"shorter than {math.ceil(LONGEST_STRING / 1024)} KiB" in part("### `command`")


def test_the_document_of_the_page_is_read_without_a_word() -> None:
    document = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    parsed = parse(document.encode(), Surroundings())

    assert (parsed.problems, parsed.warnings) == ((), ())
    assert parsed.activities == 2


def test_the_variables_of_a_process_stand_in_the_page() -> None:
    parsed = parse(b"{name: w, spec: {runtime: local, activities: [{name: a, run: ls}]}}", Surroundings())
    assert parsed.definition is not None
    action = parsed.definition.tasks[0].action
    assert isinstance(action, RunCommand)
    own = {*action.environment, action.options[ATTEMPT_VARIABLE]}

    written = [name for row in rows("## What a process is given") for name in named(row[0])]
    assert sorted(written) == sorted([*own, *launching.ALLOWED_ENVIRONMENT])


def test_the_table_of_states_is_that_of_the_code() -> None:
    found = [
        [
            str(status),
            *(
                [state for state, number in table.items() if number == status]
                for table in (spelling.WORKFLOW_STATUS, spelling.ACTIVITY_STATUS)
            ),
            "" if status in (spelling.CREATED, spelling.RUNNING) else str(spelling.webhook_status(status)),
        ]
        for status in range(len(spelling.COUNTS))
    ]

    cells = rows("## States")
    assert [[row[0], named(row[1]), named(row[2]), row[3]] for row in cells] == found


def test_every_reason_stands_in_the_page_and_the_other_way_round() -> None:
    written = {named(row[0])[0] for row in rows("### Reasons")}

    assert written == (reasons() - NEVER_OF_AN_ACTIVITY) | OF_THE_ENGINE


def test_every_code_stands_in_its_table() -> None:
    refused = {named(row[0])[0]: int(row[1]) for row in rows("## Errors of requests")}
    warned = {named(row[0])[0] for row in rows("### Warnings")}
    found = set(told(constants()))

    assert len(found) > 70
    assert {code for code, meant, _ in found if meant == "refused"} - refused.keys() == set()
    assert {code for code, meant, _ in found if meant == "warned"} - warned == set()
    assert {code for code, _, _ in found} - refused.keys() - warned == set()
    assert {(code, status) for code, _, status in found if status and refused[code] != status} == set()


def test_every_code_of_the_page_is_given_somewhere() -> None:
    given = {code for code, _, _ in told(constants())}
    elsewhere = "".join(
        file.read_text(encoding="utf-8")
        for room in ("api", "http", "security", "dialects/akoflow", "errors.py")
        for file in ([SOURCES / room] if room.endswith(".py") else sorted((SOURCES / room).rglob("*.py")))
    )
    written = {named(row[0])[0] for row in [*rows("## Errors of requests"), *rows("### Warnings")]}

    assert {code for code in written - given if f'"{code}"' not in elsewhere} == set()
    assert {named(row[0])[0] for row in rows("### Warnings")} <= given


def test_the_bodies_of_webhooks_have_the_keys_that_are_sent() -> None:
    source = inspect.getsource(announcing)
    made = [source.split(f"def {name}(")[1].split("\ndef ")[0] for name in ("_told_of", "_workflow")]
    sent = {
        kind: re.findall(r'^ +"([A-Z]\w*)":', text, re.MULTILINE)
        for kind, text in zip(wire.EVENT_TYPES, made, strict=True)
    }
    guide = (ROOT / "docs" / "how-to" / "receive-webhooks.md").read_text(encoding="utf-8")
    bodies = re.findall(r"^```json\n(.*?)^```$", PAGE + guide, re.MULTILINE | re.DOTALL)
    examples: list[dict[str, Any]] = [body for each in bodies if "type" in (body := json.loads(each))]
    tables = re.split(r"^\| key of ", part("## Webhooks"), flags=re.MULTILINE)[1:]

    assert {each["type"] for each in examples} == sent.keys()
    assert [list(each["data"]) for each in examples] == [sent[each["type"]] for each in examples]
    assert sent == {
        named(table)[0]: [
            key for line in table.splitlines() if line[:3] == "| `" for key in named(line.split("|")[1])
        ]
        for table in tables
    }


def test_what_the_example_carries_can_be_read() -> None:
    [packed] = re.findall(r'"RawWorkflow": "(.*)"', PAGE)
    parsed = parse(base64.b64decode(packed), Surroundings())

    assert (parsed.problems, parsed.warnings, parsed.activities) == ((), (), 2)


@pytest.mark.parametrize("page", ["reference/akoflow.md", "how-to/receive-webhooks.md"])
def test_the_pauses_before_another_try_stand_in_the_pages(page: str) -> None:
    *first, last = [pause(delay) for delay in DELAYS]

    assert f"after {', '.join(first)} and {last}" in (ROOT / "docs" / page).read_text(encoding="utf-8")


def pause(delay: timedelta) -> str:
    seconds = int(delay.total_seconds())
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    server = Server(Settings(data_dir=tmp_path / "data"))
    yield server
    await server.store.close()


async def test_every_route_stands_in_the_page(server: Server) -> None:
    known = [
        f"| `{each.method} {each.path}` | {each.scope} | {each.status} |"
        for each in operations(server.services)
    ]

    assert re.findall(r"^\| `[A-Z]+ /.*$", PAGE, re.MULTILINE) == known
