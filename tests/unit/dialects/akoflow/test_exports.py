"""Runs as PROV-JSON and WfFormat, valid by the schemas of both."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import yaml
from prov.model import ProvDocument
from tests.unit.dialects.akoflow.recorded_runs import Records, chain, digest, rehearsed

from headrace.definition.outcomes import Usage
from headrace.dialects.akoflow import prov_json
from headrace.dialects.akoflow.parse import parse
from headrace.dialects.akoflow.surroundings import Surroundings
from headrace.dialects.akoflow.wfformat import document_of
from headrace.dialects.akoflow.wfformat_export import Ids, Machine, description_of
from headrace.engine.execution import blank
from headrace.testing.simulator import START, Result

RULES = Path(__file__).parents[3] / "corpus" / "akoflow" / "wfformat-1.5.rules.json"
HERE = Machine("node1", "x86_64", 2, 8_000_000_000)


def prov_schema() -> Any:
    """Return the schema of the member submission, which the library `prov` keeps for its own tests."""
    return json.loads((files("prov.tests") / "schemas" / "prov-json.schema.json").read_text())


def check(description: Any) -> Any:
    rules = json.loads(RULES.read_text())
    jsonschema.validate(description, rules, format_checker=jsonschema.FormatChecker())
    return description


def test_a_history_is_prov_json_by_its_schema_and_can_be_read() -> None:
    execution, records = chain()

    document = prov_json.document(execution, records.uses)

    jsonschema.Draft4Validator(prov_schema()).validate(document)
    read = ProvDocument.deserialize(content=json.dumps(document), format="json")
    assert len(list(read.get_records())) == 4 + 1 + 3 + 1 + 3 + 3 + 1 + 3 + 2


def test_a_file_that_two_activities_changed_is_two_entities_one_from_the_other() -> None:
    execution, records = chain()

    document = prov_json.document(execution, records.uses)

    hashes = {id: each.get("headrace:sha256") for id, each in document["entity"].items()}
    derived = list(document["wasDerivedFrom"].values())
    assert [(hashes[each["prov:generatedEntity"]], hashes[each["prov:usedEntity"]]) for each in derived] == [
        (digest("2"), digest("1"))
    ]
    makers = {
        (hashes[each["prov:entity"]], document["activity"][each["prov:activity"]]["prov:label"])
        for each in document["wasGeneratedBy"].values()
    }
    assert makers == {(digest("1"), "a"), (digest("2"), "b b"), (digest("3"), "c")}


def test_prov_says_once_that_an_activity_used_what_it_declared_and_changed() -> None:
    execution, _ = chain()
    records = Records()
    first = records.created("a", "x", "1")
    records.read("b b", first)
    records.modified("b b", first, "2")

    document = prov_json.document(execution, records.uses)

    assert len(document["used"]) == 1
    assert len(document["wasDerivedFrom"]) == 1


def test_prov_says_what_was_deleted_and_what_is_not_certain() -> None:
    execution, _ = chain()
    records = Records()
    gone = records.created("a", "gone", "1")
    records.deleted("c", gone)
    records.created("a", "late", None, is_superseded=True, is_certain=False)

    document = prov_json.document(execution, records.uses)

    jsonschema.Draft4Validator(prov_schema()).validate(document)
    assert len(document["wasInvalidatedBy"]) == 1
    assert [each.get("headrace:certain") for each in document["wasGeneratedBy"].values()] == [None, False]
    assert [each.get("headrace:superseded") for each in document["entity"].values()] == [None, None, True]


def test_ids_keep_few_characters_and_are_unique() -> None:
    ids = Ids(["b b", "b/b", "b_b", "ä", ""])

    assert [ids[name] for name in ("b b", "b/b", "b_b", "ä", "")] == ["b_b-2", "b_b-3", "b_b", "_", "_-2"]


def test_a_run_is_wfformat_and_lists_a_changed_file_for_both() -> None:
    execution, records = chain()

    found = check(description_of(execution, records.uses, START + 99, HERE))

    tasks = {each["name"]: each for each in found["workflow"]["specification"]["tasks"]}
    assert (tasks["b b"]["id"], tasks["b b"]["parents"], tasks["b b"]["children"]) == ("b_b", ["a"], ["c"])
    assert (tasks["a"]["inputFiles"], tasks["a"]["outputFiles"]) == (["given"], ["x"])
    assert (tasks["b b"]["inputFiles"], tasks["b b"]["outputFiles"]) == (["x"], ["x"])
    assert tasks["c"]["outputFiles"] == ["sub_dir_y"]
    executed = found["workflow"]["execution"]
    assert (executed["makespanInSeconds"], executed["executedAt"]) == (3.0, "2023-11-14T22:13:20Z")
    assert executed["machines"] == [
        {
            "nodeName": "node1",
            "system": "linux",
            "architecture": "x86_64",
            "memoryInBytes": 8_000_000_000,
            "cpu": {"coreCount": 2},
        }
    ]


def test_before_anything_ran_there_is_only_what_the_document_says() -> None:
    text = """
name: w
spec:
  activities:
    - {name: a, run: x, inputs: [i, "*"], outputs: [o]}
    - {name: b, run: y, dependsOn: a, inputs: [o]}
"""
    definition = parse(text.encode(), Surroundings()).definition
    assert definition is not None

    found = check(description_of(blank(definition), [], START, HERE))

    tasks = found["workflow"]["specification"]["tasks"]
    assert "execution" not in found["workflow"]
    assert [(each["parents"], each["inputFiles"], each["outputFiles"]) for each in tasks] == [
        ([], ["i"], ["o"]),
        (["a"], ["o"], []),
    ]


def test_only_what_has_begun_is_told_as_executed() -> None:
    text = "name: w\nspec: {activities: [{name: a, run: x, dependsOn: b}, {name: b, run: y}]}"

    found = check(description_of(rehearsed(text, {"b": Result.failed()}), [], START, HERE))

    assert [each["id"] for each in found["workflow"]["execution"]["tasks"]] == ["b"]


ROUND = """
name: round
spec:
  runtime: local
  activities:
    - {name: a b, run: "echo 'x' > out/x.txt\\n", cpuLimit: 0.5, memoryLimit: 1Gi, outputs: [out/x.txt]}
    - name: c
      command: {entrypoint: [sort, -u], arguments: [out/x.txt]}
      dependsOn: [a b]
      cpuLimit: 2
      inputs: [out/x.txt]
    - name: d
      command: {entrypoint: printf, arguments: ["%s", ""], environment: {K: v}}
      dependsOn: [c, a b]
    - {name: e}
"""


def test_a_description_that_is_imported_again_is_the_same_workflow() -> None:
    records = Records("/private")
    made = records.created("a b", "out/x.txt", "1")
    records.read("c", made)
    description = check(description_of(rehearsed(ROUND), records.uses, START, HERE))

    imported = document_of(json.loads(json.dumps(description)))

    first = parse(ROUND.encode(), Surroundings()).draft
    again = parse(imported.document.encode(), Surroundings()).draft
    assert first is not None
    assert again is not None
    kept = ("name", "depends_on", "cpus", "memory", "run", "inputs", "outputs")
    for one, other in zip(first.activities, again.activities, strict=True):
        assert other.depends_on == one.depends_on
        if one.name != "d":
            assert [getattr(other, key) for key in kept] == [getattr(one, key) for key in kept]
    d = yaml.safe_load(imported.document)["spec"]["activities"][2]
    assert d == {"name": "d", "run": "env K=v printf %s ''", "dependsOn": ["c", "a b"]}
    c = again.activities[1].command
    assert c is not None
    assert (*c.entrypoint, *c.arguments) == ("sort", "-u", "out/x.txt")


def test_what_did_not_run_is_imported_with_its_command_limits_and_files() -> None:
    execution = rehearsed(ROUND, {"a b": Result.failed(final=True)})
    description = check(description_of(execution, [], START, HERE))

    imported = document_of(json.loads(json.dumps(description)))

    assert [each["id"] for each in description["workflow"]["execution"]["tasks"]] == ["a_b"]
    first = parse(ROUND.encode(), Surroundings()).draft
    again = parse(imported.document.encode(), Surroundings()).draft
    assert first is not None
    assert again is not None
    one, other = first.activities[1], again.activities[1]
    kept = ("name", "depends_on", "cpus", "memory", "inputs")
    assert [getattr(other, key) for key in kept] == [getattr(one, key) for key in kept]
    assert other.command is not None
    assert (*other.command.entrypoint, *other.command.arguments) == ("sort", "-u", "out/x.txt")
    assert [each.message for each in imported.warnings] == ["The task 'e' has no command; it does nothing."]


def test_nothing_that_ran_yet_is_imported_with_all_commands() -> None:
    definition = parse(ROUND.encode(), Surroundings()).definition
    assert definition is not None

    imported = document_of(check(description_of(blank(definition), [], START, HERE)))

    assert len(imported.warnings) == 1


def test_a_description_claims_no_output_that_its_activity_may_not_leave_again() -> None:
    execution, records = chain()
    records.created("a", "of one of two", "4", is_certain=False)
    records.created("b b", "dangling", None, link="/nowhere/x")
    records.created("b b", "b\udcff", "5")

    specification = check(description_of(execution, records.uses, START, HERE))["workflow"]["specification"]

    assert [each["outputFiles"] for each in specification["tasks"]] == [["x"], ["x"], ["sub_dir_y"]]
    assert [each["path"] for each in specification["files"]] == ["given", "x", "sub dir/y"]


def test_an_export_with_a_newline_in_a_name_is_imported_without_that_file() -> None:
    execution, records = chain()
    records.created("a", "two\nlines", "4")

    imported = document_of(check(description_of(execution, records.uses, START, HERE)))

    assert yaml.safe_load(imported.document)["spec"]["activities"][0]["outputs"] == ["x"]
    assert [(each.path, each.code) for each in imported.warnings] == [
        ("/workflow/specification/tasks/0/outputFiles/1", "file_left_out")
    ]


def test_memory_that_nobody_saw_is_not_told() -> None:
    execution, records = chain()
    for run, memory in zip(execution.runs.values(), (0, 4096, 0), strict=False):
        run.tries[-1].usage = Usage(cpu_seconds=0.5, max_rss_bytes=memory)

    found = check(description_of(execution, records.uses, START, HERE))

    told = [each.get("memoryInBytes") for each in found["workflow"]["execution"]["tasks"]]
    assert told == [None, 4096, None]


def test_a_standalone_workflow_stays_one() -> None:
    text = ROUND.replace("runtime: local", "runtime: local\n  storagePolicy: {type: standalone}")
    records = Records("/private/a-b-1002")
    made = records.created("a b", "out/x.txt", "1")
    records.read("c", made)

    described = check(description_of(rehearsed(text), records.uses, START, HERE))
    again = parse(document_of(described).document.encode(), Surroundings()).draft

    assert again is not None
    assert (again.storage_policy, again.activities[0].outputs) == ("standalone", ("out/x.txt",))
    assert described["workflow"]["specification"]["files"][0]["id"] == "a-b-1002_out_x.txt"
