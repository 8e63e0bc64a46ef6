"""What a number in the path of a reference means, rehearsed with the real engine in virtual time."""

from __future__ import annotations

import pytest
from tests.unit.dialects.dataflow.test_runs import defined, shown

from headrace.dialects.dataflow.catalog import TaskTypes
from headrace.testing.simulator import Result, rehearse

NUMBERED = {"0": "zero", "s": "abc", "list": ["first", {"42": "deep"}]}


@pytest.mark.parametrize(
    ("path", "value"),
    [("0", "zero"), ("list.0", "first"), ("list.1.42", "deep"), ("s.0", None), ("list.7", None), ("1", None)],
)
def test_a_number_in_a_path_is_a_key_of_an_object_and_a_place_in_a_list(
    library: TaskTypes, path: str, value: str | None
) -> None:
    echo = {"name": "a", "type": "echo", "inputs": {"text": f"<{{{{inputs.o.{path}}}}}>"}}
    definition = defined(
        library,
        {**echo, "condition": f'{{{{inputs.o.{path}}}}} == "{value}"'},
        inputs=[{"name": "o", "type": "object"}],
        outputs=[{"name": "there", "value": f"{{{{inputs.o.{path}}}}}"}],
    )
    rehearsal = rehearse(definition, {"a": Result.of(text="x")}, inputs={"o": NUMBERED})
    answer = shown(rehearsal)

    if value is None:
        assert answer["tasks"][0]["error"]["code"] == "missing_value"
    else:
        assert [answer["status"], answer["outputs"]] == ["COMPLETED", {"there": value}]
