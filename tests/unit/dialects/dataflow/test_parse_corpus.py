"""Documents in, problems and warnings out: every row of the page's table that concerns a definition."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.dialects.dataflow.parse import parse
from headrace.errors import Problem

CORPUS = Path(__file__).parents[3] / "corpus" / "dataflow"
CASES = json.loads((CORPUS / "definitions.json").read_text(encoding="utf-8"))


def told(problem: Problem, expected: dict[str, Any]) -> dict[str, Any]:
    """Return of a problem what the case speaks of."""
    return {key: getattr(problem, key) for key in expected}


def compared(found: tuple[Problem, ...], expected: list[dict[str, Any]]) -> list[Any]:
    if len(found) != len(expected):
        return [{"path": each.path, "code": each.code, "message": each.message} for each in found]
    return [told(each, wanted) for each, wanted in zip(found, expected, strict=True)]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_documents_are_judged_as_the_page_says(case: dict[str, Any], library: TaskTypes) -> None:
    parsed = parse(case["document"], library)

    assert compared(parsed.problems, case["problems"]) == case["problems"]
    assert compared(parsed.warnings, case["warnings"]) == case["warnings"]
    assert (parsed.definition is None) == bool(case["problems"])
