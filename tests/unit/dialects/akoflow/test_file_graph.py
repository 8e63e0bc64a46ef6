"""The graph of files and activities, and what leads to a file."""

from __future__ import annotations

from typing import Any

from tests.unit.dialects.akoflow.recorded_runs import CHAIN, Records, chain, digest, rehearsed

from headrace.dialects.akoflow.file_graph import FileGraph
from headrace.dialects.akoflow.file_names import FileNames

NAMES = ("a", "b b", "c")


def graph() -> FileGraph:
    execution, records = chain()
    return FileGraph(records.uses, FileNames(execution))


def nodes(answer: Any) -> dict[str, Any]:
    return {each["id"]: each for each in answer["nodes"]}


def edges(answer: Any) -> list[tuple[str, str, str, str]]:
    return [(each["from"], each["label"], each["to"], (each["sha256"] or "-")[0]) for each in answer["edges"]]


def test_the_graph_names_every_hand_that_touched_a_file() -> None:
    found = graph().whole(NAMES)

    assert edges(found) == [
        ("file:given", "used", "activity:a", "0"),
        ("activity:a", "wasGeneratedBy", "file:x", "1"),
        ("file:x", "used", "activity:b b", "1"),
        ("activity:b b", "wasGeneratedBy", "file:x", "2"),
        ("file:x", "used", "activity:c", "2"),
        ("activity:c", "wasGeneratedBy", "file:sub dir/y", "3"),
    ]
    assert nodes(found)["activity:b b"] == {"id": "activity:b b", "label": "b b", "type": "activity"}
    assert nodes(found)["file:x"] == {
        "id": "file:x",
        "label": "x",
        "type": "file",
        "sha256": digest("2"),
        "sizeBytes": 10,
    }
    assert nodes(found)["file:given"]["type"] == "preExisting"


def test_activities_without_files_stand_in_the_graph() -> None:
    execution, _ = chain()

    found = FileGraph([], FileNames(execution)).whole(NAMES)

    assert (list(nodes(found)), found["edges"]) == (["activity:a", "activity:b b", "activity:c"], [])


def test_what_leads_to_a_file_is_followed_from_version_to_version() -> None:
    found = graph().part("sub dir/y", "upstream", None)

    assert found is not None
    assert set(nodes(found)) == {
        "file:sub dir/y",
        "activity:c",
        "file:x",
        "activity:b b",
        "activity:a",
        "file:given",
    }
    assert len(found["edges"]) == 6


def test_who_changed_a_file_later_is_not_behind_an_earlier_reader() -> None:
    execution, records = rehearsed(CHAIN), Records()
    first = records.created("a", "x", "1")
    records.read("c", first)
    records.created("c", "y", "2")
    records.modified("b b", first, "3")

    found = FileGraph(records.uses, FileNames(execution)).part("y", "upstream", None)

    assert found is not None
    assert "activity:b b" not in nodes(found)
    assert ("activity:a", "wasGeneratedBy", "file:x", "1") in edges(found)


def test_what_follows_from_a_file_ends_at_the_depth() -> None:
    found = graph().part("given", "downstream", 2)

    assert found is not None
    assert edges(found) == [
        ("file:given", "used", "activity:a", "0"),
        ("activity:a", "wasGeneratedBy", "file:x", "1"),
    ]

    nearest = graph().part("given", "downstream", 1)

    assert nearest is not None
    assert set(nodes(nearest)) == {"file:given", "activity:a"}


def test_nothing_is_known_of_a_file_that_nobody_touched() -> None:
    assert graph().part("elsewhere", "upstream", None) is None


def test_a_long_chain_is_followed_without_recursion() -> None:
    count = 20_000
    records = Records()
    version = records.created("a", "0", "1")
    for place in range(1, count):
        records.read(f"t{place}", version)
        version = records.created(f"t{place}", str(place), "1")

    found = FileGraph(records.uses, FileNames(rehearsed(CHAIN))).part(str(count - 1), "upstream", None)

    assert found is not None
    assert len(found["nodes"]) == 2 * count


def test_a_deleted_file_and_one_without_a_hash_are_told_as_such() -> None:
    records = Records()
    gone = records.created("a", "gone", "1")
    records.created("a", "changing", None, is_superseded=True, is_certain=False)
    records.deleted("c", gone)

    found = FileGraph(records.uses, FileNames(rehearsed(CHAIN))).whole(NAMES)

    changing = nodes(found)["file:changing"]
    assert nodes(found)["file:gone"]["deleted"] is True
    assert (changing["sha256"], changing["superseded"]) == (None, True)
    assert [each["certain"] for each in found["edges"]] == [True, False]


def test_standalone_files_are_named_by_their_directory() -> None:
    text = CHAIN.replace("mountPath: /m", "mountPath: /m\n  storagePolicy: {type: standalone}")
    names = FileNames(rehearsed(text))
    records = Records()

    assert names.of(records.version("x", "1", directory="/m/a")) == "a/x"


def test_files_of_another_mount_path_are_called_by_the_whole_path() -> None:
    names = FileNames(rehearsed(CHAIN.replace("run: read x", "run: read x, mountPath: /other")))
    records = Records()

    assert names.of(records.version("x", "1")) == "x"
    assert names.of(records.version("x", "1", directory="/other")) == "/other/x"


def test_files_of_a_private_directory_do_not_show_where_it_is() -> None:
    names = FileNames(rehearsed(CHAIN.replace("mountPath: /m", "image: none")))

    assert names.of(Records("/private").version("x", "1")) == "x"


def test_a_name_that_is_no_utf_8_can_be_told() -> None:
    names = FileNames(rehearsed(CHAIN))

    assert names.of(Records().version("a\udcff", "1")) == "a\\xff"


def test_a_file_in_nested_directories_has_one_name() -> None:
    names = FileNames(rehearsed(CHAIN.replace("run: read x", "run: read x, mountPath: /m/sub")))
    records = Records()

    assert names.of(records.version("sub/x", "1")) == "sub/x"
    assert names.of(records.version("x", "1", directory="/m/sub")) == "sub/x"


def test_who_reads_an_earlier_version_late_says_nothing_of_the_file_as_it_is_now() -> None:
    execution, _ = chain()
    records = Records()
    first = records.created("a", "x", "1")
    gone = records.created("a", "y", "2")
    records.modified("b b", first, "3")
    records.deleted("b b", gone)
    records.read("c", first)
    records.read("c", gone)

    found = nodes(FileGraph(records.uses, FileNames(execution)).whole(NAMES))

    assert found["file:x"]["sha256"] == digest("3")
    assert found["file:y"]["deleted"]
