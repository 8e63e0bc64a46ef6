"""Runs of AkoFlow workflows, with real shells."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.acceptance.akoflow.client import API, Client, by_name, document, states

from headrace.testing.running_server import RunningServer


@pytest.mark.parametrize("slash", ["", "/"])
def test_activities_run_in_their_mount_path(client: Client, tmp_path: Path, slash: str) -> None:
    place = tmp_path / "work"
    text = document(
        "name: a, run: 'pwd; touch x; echo $ACTIVITY_MOUNT_PATH'", spec=f"mountPath: {place}{slash}"
    )
    workflow = client.submit(text)
    found = client.ended(workflow)

    [activity] = found["spec"]["activities"]
    assert activity["state"] == "succeeded"
    assert client.log(workflow, activity["id"]) == f"{place}\n{place}\n"
    assert (place / "x").exists()
    assert activity["exitCode"] == 0
    assert activity["procId"]


def test_activities_without_a_mount_path_share_a_private_directory(client: Client) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'echo 1 > a'",
            "name: b, run: 'echo 2 > b'",
            "name: c, run: 'echo 3 > c'",
            "name: d, run: 'cat a b c', dependsOn: [a, b, c]",
            spec="storagePolicy: {type: distributed}",
        )
    )
    found = client.ended(workflow)

    assert found["state"] == "succeeded"
    assert client.log(workflow, by_name(found)["d"]["id"]) == "1\n2\n3\n"


def test_an_activity_knows_who_it_is(client: Client) -> None:
    script = "echo $WORKFLOW_NAME-$WORKFLOW_ID-$WORKFLOW_NAMESPACE-$ACTIVITY_NAME-$ACTIVITY_ID"
    workflow = client.submit(document(f"name: an activity, run: '{script}'", spec="namespace: mine"))
    found = client.ended(workflow)

    [activity] = found["spec"]["activities"]
    assert client.log(workflow, activity["id"]) == f"w-{workflow}-mine-an activity-{activity['id']}\n"


def test_a_failure_in_the_middle_of_a_chain(client: Client) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'true'",
            "name: b, run: 'echo nearly >&2; exit 3', dependsOn: a",
            "name: c, run: 'true', dependsOn: b",
            "name: d, run: 'true', dependsOn: c",
            "name: side, run: 'sleep 0.3; true', dependsOn: a",
        )
    )
    found = client.ended(workflow)

    assert (found["state"], found["status"]) == ("failed", 3)
    assert "'b'" in found["reason"]
    assert states(found) == {
        "a": "succeeded",
        "b": "failed",
        "c": "skipped",
        "d": "skipped",
        "side": "succeeded",
    }
    shown = by_name(found)
    assert shown["b"]["exitCode"] == 3
    assert "nearly" in shown["b"]["reason"]
    assert "'b'" in shown["d"]["reason"]
    assert found["counts"] == {
        "created": 0,
        "running": 0,
        "finished": 2,
        "failed": 1,
        "cancelled": 0,
        "skipped": 2,
    }


def test_a_large_script_arrives_byte_for_byte(client: Client, tmp_path: Path) -> None:
    payload = "é\"'$%\\`{{x}} ü" * 70_000
    script = f"cat > out <<'END'\n{payload}\nEND\n"
    text = json.dumps(
        {
            "name": "w",
            "spec": {
                "runtime": "local",
                "mountPath": str(tmp_path),
                "activities": [{"name": "a", "run": script}],
            },
        },
        ensure_ascii=False,
    )
    workflow = client.submit(text)

    assert client.ended(workflow)["state"] == "succeeded"
    assert (tmp_path / "out").read_text() == f"{payload}\n"


def test_overrides_stay_with_their_activity_and_names_may_have_spaces(client: Client, tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    workflow = client.submit(
        document(
            f"name: one two, run: 'pwd', mountPath: {first}, image: other",
            "name: b, run: 'pwd', dependsOn: one two",
            spec=f"runtime: local\nimage: mine\nmountPath: {second}",
        )
    )
    shown = by_name(client.ended(workflow))

    assert client.log(workflow, shown["one two"]["id"]) == f"{first}\n"
    assert client.log(workflow, shown["b"]["id"]) == f"{second}\n"
    assert (shown["one two"]["image"], shown["b"]["image"]) == ("other", "mine")
    assert shown["b"]["dependsOn"] == ["one two"]


def test_cancelling_ends_whole_process_groups(client: Client, tmp_path: Path) -> None:
    script = "sleep 300 & echo $! > pid; wait"
    workflow = client.submit(
        document(
            f"name: a, run: '{script}'", "name: b, run: 'true', dependsOn: a", spec=f"mountPath: {tmp_path}"
        )
    )
    client.until((tmp_path / "pid").exists, bool)
    client.until(lambda: (tmp_path / "pid").read_text().strip(), bool)
    answer = client.http.post(f"{API}/{workflow}/cancel/")
    found = client.ended(workflow)

    assert answer.status_code == 202
    assert (found["state"], found["status"]) == ("cancelled", 4)
    assert states(found) == {"a": "cancelled", "b": "cancelled"}
    pid = (tmp_path / "pid").read_text().strip()
    client.until(lambda: Path(f"/proc/{pid}").exists(), lambda exists: not exists)
    assert client.http.post(f"{API}/{workflow}/cancel/").status_code == 409


def test_cancelling_ends_what_does_not_listen_within_fifteen_seconds(client: Client, tmp_path: Path) -> None:
    deaf = "trap true TERM; while :; do sleep 0.1; done"
    script = f"({deaf}) & touch ready; {deaf}"
    workflow = client.submit(document(f"name: a, run: '{script}'", spec=f"mountPath: {tmp_path}"))
    client.until((tmp_path / "ready").exists, bool)
    [pid] = [each["procId"] for each in client.get(f"{workflow}/activities/")]
    began = time.monotonic()
    client.http.post(f"{API}/{workflow}/cancel/")
    found = client.ended(workflow)
    took = time.monotonic() - began

    assert found["state"] == "cancelled"
    assert took < 15
    left = [group for each in Path("/proc").glob("[0-9]*/stat") if (group := group_of(each)) == pid]
    assert left == []


def group_of(stat: Path) -> str:
    """Return the process group that the file speaks of; empty when the process is gone."""
    try:
        state, _, group = stat.read_text().rpartition(") ")[2].split()[:3]
    except OSError:
        return ""
    return "" if state == "Z" else group


@pytest.mark.parametrize("body", [{"dry_run": "yes"}, {"dry_run": 1}, {"from": "end"}, {"activities": []}])
def test_a_rerun_that_is_not_understood_starts_nothing(client: Client, body: dict[str, object]) -> None:
    workflow = client.submit(document("name: a, run: 'true'"))
    client.ended(workflow)
    answer = client.http.post(f"{API}/{workflow}/rerun/", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "wrong_type")
    assert client.get("")[0]["id"] == workflow


@pytest.mark.parametrize(
    ("body", "pointer", "suggestion"),
    [
        ({"form": "start"}, "/form", "from"),
        ({"From": "start"}, "/From", "from"),
        ({"from": "start", "dryRun": True}, "/dryRun", "dry_run"),
        ({"from": "start", "activity": ["a"]}, "/activity", "activities"),
        ({"tasks": ["a"]}, "/tasks", "from"),
    ],
)
def test_a_slip_in_a_rerun_starts_nothing(
    client: Client, body: dict[str, object], pointer: str, suggestion: str
) -> None:
    workflow = client.submit(document("name: a, run: 'true'"))
    client.ended(workflow)
    answer = client.http.post(f"{API}/{workflow}/rerun/", json=body)
    [told] = answer.json()["errors"]

    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_key")
    assert (told["pointer"], told["suggestion"], told["line"]) == (pointer, suggestion, 1)
    assert client.get("")[0]["id"] == workflow


def test_a_member_that_means_nothing_in_a_rerun_is_told(client: Client) -> None:
    workflow = client.submit(document("name: a, run: 'true'", spec="runtime: local\nsurprise: 1"))
    client.ended(workflow)
    where = f"{API}/{workflow}/rerun/"
    shown = client.http.post(where, json={"from": "start", "note": "x", "dry_run": True}).json()["data"]
    begun = client.http.post(where, json={"from": "start", "note": "x"}).json()
    again = client.ended(begun["id"])

    assert [each["pointer"] for each in shown["warnings"]] == ["/note"]
    assert [(each["code"], each["pointer"]) for each in begun["warnings"]] == [
        ("unknown_key", "/spec/surprise"),
        ("unknown_key", "/note"),
    ]
    assert [each["pointer"] for each in again["warnings"]] == ["/spec/surprise"]


def test_a_rerun_reuses_what_succeeded(client: Client, tmp_path: Path) -> None:
    workflow = client.submit(
        document(
            "name: a, run: 'echo x >> runs'",
            "name: b, run: 'test -e good', dependsOn: a",
            spec=f"mountPath: {tmp_path}",
        )
    )
    client.ended(workflow)
    (tmp_path / "good").touch()
    planned = client.http.post(f"{API}/{workflow}/rerun/", json={"dry_run": True}).json()["data"]
    again = client.http.post(f"{API}/{workflow}/rerun/").json()
    found = client.ended(again["workflow_id"])

    assert [(each["name"], each["mode"]) for each in planned["activities"]] == [("a", "reuse"), ("b", "run")]
    assert again["workflow_id"] != workflow
    assert found["state"] == "succeeded"
    assert found["rerunOf"] == workflow
    assert (tmp_path / "runs").read_text() == "x\n"


def test_an_unknown_runtime_is_tried_out_where_the_operator_says_so(
    start_server: Callable[..., RunningServer], tmp_path: Path
) -> None:
    with start_server(AKOFLOW__UNKNOWN_RUNTIME="local").client() as http:
        client = Client(http)
        text = document(
            "name: a, run: 'touch x; pwd'", spec="runtime: sdumont\nimage: a.sif\nmountPath: /proc/none/here"
        )
        answer = client.post(text).json()
        [activity] = client.ended(answer["id"])["spec"]["activities"]

        codes = {each["code"] for each in answer["warnings"]}
        assert {"unknown_runtime_local", "mount_path_moved", "image_ignored"} <= codes
        assert (activity["runtime"], activity["effectiveRuntime"]) == ("sdumont", "local")
        assert activity["state"] == "succeeded"
        assert activity["directory"].endswith("/proc/none/here")


def test_what_was_moved_to_try_it_out_is_told_with_its_place(
    start_server: Callable[..., RunningServer],
) -> None:
    with start_server(AKOFLOW__UNKNOWN_RUNTIME="local").client() as http:
        text = document(
            "name: a, run: 'true'",
            "name: b, run: 'true', mountPath: /proc/none/b",
            spec="runtime: sdumont\nvolumes: ['/proc/none/c:/proc/none/d:out']\nmountPath: /proc/none/a",
        )
        warnings = Client(http).post(text).json()["warnings"]

    moved = [each for each in warnings if each["code"] == "mount_path_moved"]
    assert [
        (each["pointer"], text.splitlines()[each["line"] - 1].split(":")[0].strip()) for each in moved
    ] == [
        ("/spec/volumes/0", "volumes"),
        ("/spec/mountPath", "mountPath"),
        ("/spec/activities/1/mountPath", "- {name"),
    ]


def test_time_limits_missing_outputs_and_commands(client: Client, tmp_path: Path) -> None:
    words = ["-c", 'printf "%s|" "$@"; echo "$X"', "sh", "a b", "$HOME", "*"]
    command = json.dumps({"entrypoint": "sh", "arguments": words, "environment": {"X": 1}})
    workflow = client.submit(
        document(
            "name: slow, run: 'sleep 60', policy: {timeout: 0.3}",
            "name: forgetful, run: 'true', outputs: [result.txt]",
            "name: tidy, run: 'touch result-1.txt', outputs: ['result-*.txt']",
            f"name: words, command: {command}",
            "name: nothing, dependsOn: words",
            spec=f"mountPath: {tmp_path}",
        )
    )
    shown = by_name(client.ended(workflow))

    assert {name: each["state"] for name, each in shown.items()} == {
        "slow": "timed_out",
        "forgetful": "failed",
        "tidy": "succeeded",
        "words": "succeeded",
        "nothing": "succeeded",
    }
    assert (shown["forgetful"]["reasonCode"], shown["forgetful"]["exitCode"]) == ("output_missing", 0)
    assert shown["slow"]["status"] == 3
    assert client.log(workflow, shown["words"]["id"]) == "a b|$HOME|*|1\n"
    assert (shown["nothing"]["exitCode"], shown["nothing"]["procId"]) == (None, None)


@pytest.mark.parametrize("path", ["file/inside", "file"])
def test_a_mount_path_that_cannot_be_made_fails_its_activity(
    client: Client, tmp_path: Path, path: str
) -> None:
    (tmp_path / "file").touch()
    workflow = client.submit(document("name: a, run: 'true'", spec=f"mountPath: {tmp_path}/{path}"))
    [activity] = client.ended(workflow)["spec"]["activities"]

    assert (activity["state"], activity["reasonCode"]) == ("failed", "mount_path_unavailable")
    assert "Not a directory" in activity["reason"]
