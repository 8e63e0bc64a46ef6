from __future__ import annotations

from collections.abc import Iterator

import pytest

from headrace import errors


def all_below(kind: type[errors.HeadraceError]) -> Iterator[type[errors.HeadraceError]]:
    yield kind
    for below in kind.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from all_below(below)


def test_every_error_stands_in_the_picture_of_the_tree_and_has_a_code_of_its_own() -> None:
    kinds = list(all_below(errors.HeadraceError))

    assert [kind.__name__ for kind in kinds if kind.__name__ not in (errors.__doc__ or "")] == []
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(400 <= kind.status < 600 for kind in kinds)


def test_an_error_without_words_says_its_docstring() -> None:
    assert errors.NotFound().message == "There is no such thing here."
    assert errors.NotFound("There is no workflow wf-1.").message == "There is no workflow wf-1."


@pytest.mark.parametrize(("count", "words"), [(1, "1 problem."), (2, "2 problems.")])
def test_problems_are_counted(count: int, words: str) -> None:
    problem = errors.Problem(path="/tasks/0", code="unknown_port", message="There is no such port.")

    assert errors.InvalidDefinition([problem] * count).message == f"The definition has {words}"
    assert errors.InvalidInput([problem] * count).message == f"The input has {words}"


def test_a_refused_transition_names_the_thing_its_state_and_what_was_asked() -> None:
    error = errors.TransitionRefused("Execution 1001", "succeeded", "cancel")

    assert error.message == "Execution 1001 is succeeded; cancel is refused."
    assert (error.entity, error.state, error.status) == ("Execution 1001", "succeeded", 409)


def test_the_problems_of_the_settings_are_its_text() -> None:
    problems = [
        errors.Problem(path=name, code="invalid_setting", message=f"{name} is wrong.") for name in ("a", "b")
    ]

    assert str(errors.InvalidSettings(problems)) == "a is wrong.\nb is wrong."
