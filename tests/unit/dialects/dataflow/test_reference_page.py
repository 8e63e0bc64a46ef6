"""The reference page of the dialect is complete: every route, every code, every task type."""

from __future__ import annotations

import re
from pathlib import Path

from headrace.app import Server
from headrace.dialects.dataflow.routes import operations
from headrace.tasks.failures import FINAL
from headrace.tasks.library import Library

ROOT = Path(__file__).parents[4]
PAGE = (ROOT / "docs" / "reference" / "data-flow.md").read_text(encoding="utf-8")
SOURCES = [
    file.read_text(encoding="utf-8") for file in (ROOT / "src/headrace/dialects/dataflow").rglob("*.py")
]
CODE = re.compile(
    r"""(?:\b_?(?:problem|warn|tell)\([^)"]*|Refusal\(\d+,\s|invalid\(|code=)"([a-z]+_[a-z_]+)\"""", re.DOTALL
)


def test_every_route_stands_in_the_page(server: Server) -> None:
    known = {
        f"| `{each.method} {each.path}` | {each.scope} | {each.status} |"
        for each in operations(server.services)
    }
    written = set(re.findall(r"^\| `[A-Z]+ /.*$", PAGE, re.MULTILINE))

    assert written == known


def test_every_code_stands_in_the_page() -> None:
    codes = {code for source in SOURCES for code in CODE.findall(source)}

    assert len(codes) > 40
    assert {code for code in codes | FINAL.keys() if f"`{code}`" not in PAGE} == set()


def test_every_task_type_stands_in_its_page() -> None:
    page = (ROOT / "docs" / "reference" / "task-types.md").read_text(encoding="utf-8")

    assert [spec.type for spec in Library.installed().specs() if f"`{spec.type}`" not in page] == []
