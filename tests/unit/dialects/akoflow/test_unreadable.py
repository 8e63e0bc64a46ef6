"""Documents that are no YAML, or YAML that nobody should write."""

from __future__ import annotations

from pathlib import Path

from headrace.dialects.akoflow.parse import Parsed, parse
from headrace.dialects.akoflow.surroundings import Surroundings

CORPUS = Path(__file__).parents[3] / "corpus" / "akoflow"


def read(text: str) -> Parsed:
    return parse(text.encode(), Surroundings())


def test_the_text_of_the_documentation_is_told_that_its_indentation_is_lost() -> None:
    parsed = parse((CORPUS / "flattened.yaml").read_bytes(), Surroundings())

    [problem] = parsed.problems
    assert problem.code == "yaml_syntax"
    assert problem.line is not None
    assert problem.column is not None
    assert "indentation" in problem.message
    assert problem.suggestion is not None


def test_a_bracket_that_is_not_closed_is_no_lost_indentation() -> None:
    [problem] = read("name: [a\n").problems

    assert problem.code == "yaml_syntax"
    assert "indentation" not in problem.message


def test_another_fault_in_flow_style_is_no_lost_indentation() -> None:
    [problem] = read('name: w\nspec: {activities: [{name: "\\ud800"}]}\n').problems

    assert problem.code == "yaml_syntax"
    assert "indentation" not in problem.message
    assert problem.suggestion is None


def test_all_keys_that_stand_twice_are_counted() -> None:
    found = read("name: w\nspec: {activities: [{name: a}]}\n" + "k: 1\n" * 5000)

    assert (len(found.problems), found.problem_count) == (100, 4999)
