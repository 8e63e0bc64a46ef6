"""What is asked to be noted of the files of activities."""

from __future__ import annotations

from headrace.definition.model import RunCommand
from headrace.definition.templates import Literal
from headrace.dialects.akoflow.compiling import Ground, compile_workflow
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings

TEXT = """
name: w
spec:
  runtime: local
  storagePolicy: {type: POLICY}
  mountPath: /m
  activities:
    - {name: a, run: x, inputs: [in.txt]}
    - {name: b, run: x, dependsOn: [a]}
"""


def commands(policy: str, ground: Ground) -> dict[str, RunCommand]:
    parsed = parse(TEXT.replace("POLICY", policy).encode(), Surroundings())
    assert parsed.draft is not None, parsed.problems
    tasks = compile_workflow(parsed.draft, ground).tasks
    return {task.name: task.action for task in tasks if isinstance(task.action, RunCommand)}


def test_activities_are_recorded_as_deep_as_the_server_says() -> None:
    found = commands("default", Ground(provenance="stat"))

    assert found["a"].recording is not None
    assert (found["a"].recording.depth, found["a"].recording.inputs) == ("stat", ("in.txt",))
    assert {each.recording for each in commands("default", Ground(provenance="off")).values()} == {None}


def test_files_that_standalone_brings_have_a_source_and_staging_is_not_recorded() -> None:
    found = commands("standalone", Ground())
    [staging] = found.keys() - {"a", "b"}

    assert found["b"].recording is not None
    assert found["b"].recording.sources == (Literal("/m/a"),)
    assert found["a"].recording is not None
    assert found["a"].recording.sources == ()
    assert found[staging].recording is None
