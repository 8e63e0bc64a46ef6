"""Runs as Workflow Run Crates, by the demands of the profiles that they name.

The validator of the RO-Crate community (roc-validator 0.13) needs an older `rich` than ours and the network,
and knows the run profiles up to 0.5 only.  It was run by hand on such a crate, and found that everything is
there that RO-Crate 1.3 requires; what that and the profiles demand is asked for here.
"""

from __future__ import annotations

from typing import Any

from tests.unit.dialects.akoflow.recorded_runs import CHAIN, Records, chain, digest, rehearsed

from headrace.dialects.akoflow import ro_crate
from headrace.dialects.akoflow.contents import Contents
from headrace.dialects.akoflow.file_names import FileNames
from headrace.engine.execution import Execution
from headrace.testing.simulator import START, Result


def crate(execution: Execution, records: Records, *, with_contents: bool = True) -> dict[str, Any]:
    """Return the entities of a crate by their ids."""
    contents = Contents(records.uses, FileNames(execution))
    present = {each.number: ro_crate.place_of(each) for each in contents} if with_contents else {}
    document = ro_crate.metadata(execution, records.uses, contents, present, b"name: chain", START + 99)
    assert document["@context"] == "https://w3id.org/ro/crate/1.3/context"
    found = {each["@id"]: each for each in document["@graph"]}
    assert len(found) == len(document["@graph"])
    check(found)
    return found


def check(found: dict[str, Any]) -> None:
    """Ask for what RO-Crate 1.3 and the three profiles say that a crate MUST have."""
    descriptor, root = found["ro-crate-metadata.json"], found["./"]
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.3"}
    assert all(root[name] for name in ("name", "description", "datePublished", "license", "mainEntity"))
    for profile in root["conformsTo"]:
        assert found[profile["@id"]]["@type"] == ["CreativeWork", "Profile"]
    main = found[root["mainEntity"]["@id"]]
    assert {"File", "SoftwareSourceCode", "ComputationalWorkflow"} == set(main["@type"])
    language = found[main["programmingLanguage"]["@id"]]
    assert language["@type"] == "ComputerLanguage"
    assert all(language[name] for name in ("name", "url", "version"))
    parts = set(links(root["hasPart"]))
    for id, entity in found.items():
        if "File" in entity["@type"] and not id.startswith("#command"):
            assert id in parts
        if entity["@type"] == "CreateAction":
            assert id in links(root["mentions"])
            assert entity["instrument"]["@id"] in found
    for link in links(list(found.values())):
        assert link in found or link.startswith("http"), link


def links(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["@id"]] if set(value) == {"@id"} else []
        return own + [each for inner in value.values() for each in links(inner)]
    return [each for inner in value for each in links(inner)] if isinstance(value, list) else []


def test_a_run_is_a_workflow_run_crate_with_an_action_for_the_run_and_each_activity() -> None:
    found = crate(*chain())

    actions = [each for each in found.values() if each["@type"] == "CreateAction"]
    assert [each["name"] for each in actions] == ["Run 1001 of chain", "a", "b b", "c"]
    whole = actions[0]
    assert whole["instrument"] == {"@id": "workflow.yaml"}
    assert links(whole["object"]) == ["files/given"]
    assert links(whole["result"]) == ["files/x", "files/sub%20dir/y"]
    assert actions[2]["startTime"] == "2023-11-14T22:13:21+00:00"
    assert found["#command-1003"]["text"].strip() == "change x"


def test_a_file_that_was_changed_in_turn_is_there_with_both_hashes() -> None:
    found = crate(*chain())

    earlier, later = found["earlier/2/x"], found["files/x"]
    assert (earlier["sha256"], earlier["alternateName"]) == (digest("1"), "x")
    assert later["sha256"] == digest("2")
    actions = {each["name"]: each for each in found.values() if each["@type"] == "CreateAction"}
    assert actions["a"]["result"] == {"@id": "earlier/2/x"}
    assert (actions["b b"]["object"], actions["b b"]["result"]) == (
        {"@id": "earlier/2/x"},
        {"@id": "files/x"},
    )


def test_without_contents_files_are_told_by_hash_and_path() -> None:
    found = crate(*chain(), with_contents=False)

    assert found["#file-3"] == {
        "@id": "#file-3",
        "@type": "File",
        "name": "x",
        "contentSize": "10",
        "sha256": digest("2"),
        "encodingFormat": "application/octet-stream",
        "localPath": "x",
        "description": "A file as it was found or left last.",
    }


def test_a_failed_activity_says_why() -> None:
    found = crate(rehearsed(CHAIN, {"b b": Result.failed()}), Records())

    failed = next(each for each in found.values() if each.get("name") == "b b")
    assert failed["actionStatus"] == "http://schema.org/FailedActionStatus"
    assert failed["error"] == "It failed: failed."
    assert not any(each.get("name") == "c" for each in found.values())
