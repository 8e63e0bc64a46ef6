"""Where the files of AkoFlow activities lie: storage policies and volumes, with a real server."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from headrace.runtimes import binding
from headrace.testing.running_server import RunningServer

needs_bubblewrap = pytest.mark.skipif(
    binding.bubblewrap() is None, reason="needs the Debian package bubblewrap, and leave to use it"
)

API = "/akoflow-api/workflows"
GOLDEN = Path(__file__).parents[2] / "corpus" / "akoflow" / "golden.yaml"
PATIENCE = 60.0

StartServer = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def http(start_server: StartServer) -> Iterator[httpx2.Client]:
    with start_server().client() as client:
        yield client


def ran(http: httpx2.Client, text: str) -> Any:
    """Submit a document, wait for its end and return it."""
    answer = http.post("/workflows", json={"workflow": base64.b64encode(text.encode()).decode()})
    assert answer.status_code == 200, answer.text
    return ended(http, answer.json()["id"])


def ended(http: httpx2.Client, workflow: int) -> Any:
    """Wait for the end of a workflow and return it."""
    until = time.monotonic() + PATIENCE
    while (found := http.get(f"{API}/{workflow}/").json()["data"])["status"] < 2:
        assert time.monotonic() < until, found
        time.sleep(0.05)
    return found


def logs(http: httpx2.Client, workflow: Any) -> dict[str, str]:
    return {
        each["name"]: http.get(f"{API}/{workflow['id']}/activities/{each['id']}/logs/").json()["data"][
            "stdout"
        ]["text"]
        for each in workflow["spec"]["activities"]
    }


CAT = """
name: cat
spec:
  runtime: local
  storagePolicy: {{type: {policy}}}
  mountPath: {place}
  activities:
    - {{name: a, run: "echo 1 > a; echo from-a > same"}}
    - {{name: b, run: "echo 2 > b; echo from-b > same"}}
    - {{name: c, run: "echo 3 > c"}}
    - {{name: d d, run: "cat a b c; pwd", dependsOn: [a, b, c]}}
    - {{name: only a, run: "ls", dependsOn: a}}
"""


@pytest.mark.parametrize("policy", ["default", "distributed"])
def test_shared_policies_have_one_directory(http: httpx2.Client, tmp_path: Path, policy: str) -> None:
    found = ran(http, CAT.format(policy=policy, place=tmp_path / "w"))

    assert found["state"] == "succeeded"
    assert logs(http, found)["d d"] == f"1\n2\n3\n{tmp_path}/w\n"


def test_standalone_brings_the_files_of_direct_dependencies(http: httpx2.Client, tmp_path: Path) -> None:
    found = ran(http, CAT.format(policy="standalone", place=tmp_path / "w"))
    shown = {each["name"]: each for each in found["spec"]["activities"]}
    text = logs(http, found)

    assert found["state"] == "succeeded"
    assert list(shown) == ["a", "b", "c", "d d", "only a"]
    assert text["d d"] == f"1\n2\n3\n{tmp_path}/w/d-d-{shown['d d']['id']}\n"
    assert text["only a"] == "a\nsame\n"
    assert shown["d d"]["clashes"] == ["same"]
    assert Path(shown["d d"]["directory"], "same").read_text() == "from-b\n"
    assert shown["a"]["directory"] == f"{tmp_path}/w/a"
    assert found["counts"]["finished"] == 5


IN_THE_WAY = """
name: in the way
spec:
  runtime: local
  storagePolicy: {{type: standalone}}
  mountPath: {place}
  activities:
    - {{name: a, run: echo 1 > x}}
    - {{name: b b, run: ls, dependsOn: a}}
    - {{name: c, run: ls, dependsOn: a}}
    - {{name: d, run: ls, dependsOn: [c, a]}}
    - {{name: e, run: ls, dependsOn: d}}
    - {{name: f, run: ls, dependsOn: a}}
"""


def test_an_activity_whose_files_cannot_be_brought_has_failed(http: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "c" / "x").mkdir(parents=True)
    (tmp_path / "f").write_text("a file is in the way")
    found = ran(http, IN_THE_WAY.format(place=tmp_path))
    shown = {each["name"]: each for each in found["spec"]["activities"]}
    listed = http.get(f"{API}/{found['id']}/activities/?state=failed").json()["data"]

    assert {name: (each["state"], each["reasonCode"]) for name, each in shown.items()} == {
        "a": ("succeeded", ""),
        "b b": ("succeeded", ""),
        "c": ("failed", "stage_in_failed"),
        "d": ("skipped", "upstream_failed"),
        "e": ("skipped", "upstream_failed"),
        "f": ("failed", "mount_path_unavailable"),
    }
    assert f"'{tmp_path}/c/./x'" in shown["c"]["reason"]
    assert f"{tmp_path}/f" in shown["f"]["reason"]
    assert "'c'" in shown["e"]["reason"]
    assert (found["state"], found["reasonCode"]) == ("failed", "activities_failed")
    assert found["reason"] == "Failed because of 'c', 'f'."
    assert (found["counts"]["failed"], found["counts"]["skipped"]) == (2, 2)
    assert [each["name"] for each in listed] == ["c", "f"]


@pytest.mark.parametrize("asked", [{"from": "failed"}, {"activities": ["c", "f"]}])
def test_a_rerun_brings_the_files_that_could_not_be_brought(
    http: httpx2.Client, tmp_path: Path, asked: dict[str, Any]
) -> None:
    (tmp_path / "c" / "x").mkdir(parents=True)
    (tmp_path / "f").write_text("a file is in the way")
    found = ran(http, IN_THE_WAY.format(place=tmp_path))
    (tmp_path / "c" / "x").rmdir()
    (tmp_path / "f").unlink()
    answer = http.post(f"{API}/{found['id']}/rerun/", json=asked)
    again = ended(http, answer.json()["id"])

    assert again["state"] == "succeeded", again["reason"]
    assert logs(http, again)["f"] == "x\n"


def test_what_the_directories_of_a_workflow_hold_is_told(http: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "before").write_bytes(b"x" * 500_000)
    text = CAT.format(policy="standalone", place=tmp_path).replace(
        "echo 1 > a", "head -c 2000000 /dev/zero > a"
    )
    found = ran(http, text)

    # Where it was made, and the copies of both dependents; what lies beside them does not count.
    assert float(found["spec"]["diskUsage"]) == 6.0
    assert usage_in_list(http, found) == found["spec"]["diskUsage"]


def usage_in_list(http: httpx2.Client, workflow: Any) -> str:
    [usage] = [
        each["spec"]["diskUsage"]
        for each in http.get(f"{API}/").json()["data"]
        if each["id"] == workflow["id"]
    ]
    return str(usage)


def test_a_file_in_a_directory_of_two_activities_counts_once(http: httpx2.Client, tmp_path: Path) -> None:
    activities = [
        f"{{name: inside, mountPath: {tmp_path}/in/side, run: 'head -c 1000000 /dev/zero > a'}}",
        f"{{name: around, mountPath: {tmp_path}, run: 'head -c 500000 /dev/zero > b', dependsOn: inside}}",
        f"{{name: z, mountPath: {tmp_path}, run: 'rm b; head -c 200000 in/side/a > c', dependsOn: around}}",
        f"{{name: not yet, mountPath: {tmp_path}/x, run: 'exit 1', dependsOn: z}}",
    ]
    found = ran(http, f"name: w\nspec: {{runtime: local, activities: [{', '.join(activities)}]}}")
    nothing = ran(http, "name: w\nspec: {runtime: local, activities: [{name: a, run: ''}]}")

    assert (found["spec"]["diskUsage"], usage_in_list(http, found)) == ("1.20", "1.20")
    assert (nothing["spec"]["diskUsage"], usage_in_list(http, nothing)) == ("", "")


VOLUMES = """
name: volumes
spec:
  runtime: local
  mountPath: {place}/work
  volumes:
    - {place}/in:{place}/work/in:ro
    - {place}/both/:{place}/work/both
    - {place}/results:{place}/work/out:out
  activities:
    - {{name: a, run: "cat in/x both/y; echo changed > both/y; mkdir out; echo result > out/z; exit {code}"}}
"""


@pytest.mark.parametrize("code", [0, 3])
def test_volumes_are_brought_in_and_back(http: httpx2.Client, tmp_path: Path, code: int) -> None:
    for name, file in (("in", "x"), ("both", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(f"{file}\n")
    found = ran(http, VOLUMES.format(place=tmp_path, code=code))

    assert found["state"] == ("failed" if code else "succeeded")
    assert logs(http, found)["a"] == "x\ny\n"
    assert (tmp_path / "both" / "y").read_text() == "changed\n"
    assert (tmp_path / "results" / "z").read_text() == "result\n"


def test_a_volume_that_is_only_brought_out_begins_empty(http: httpx2.Client, tmp_path: Path) -> None:
    found = ran(
        http,
        f"""
name: out
spec:
  runtime: local
  volumes: [{tmp_path}/results:{tmp_path}/far/away:out]
  activities:
    - {{name: a, run: "echo result > {tmp_path}/far/away/z"}}
""",
    )

    assert found["state"] == "succeeded", found["reason"]
    assert (tmp_path / "results" / "z").read_text() == "result\n"


@pytest.mark.parametrize("others", [[], ["in"]])
def test_missing_volumes_fail_the_workflow_before_any_activity(
    http: httpx2.Client, tmp_path: Path, others: list[str]
) -> None:
    for name in others:
        (tmp_path / name).mkdir()
    found = ran(http, VOLUMES.format(place=tmp_path, code=0))

    assert (found["state"], found["reasonCode"]) == ("failed", "volume_source_missing")
    assert found["reason"].startswith("Volumes need directories that do not exist:")
    missing = [f"'{tmp_path}/{name}'" for name in ("in", "both") if name not in others]
    assert ", ".join(missing) in found["reason"]
    assert sorted(each.name for each in tmp_path.iterdir()) == others
    [activity] = found["spec"]["activities"]
    assert (activity["state"], activity["reasonCode"]) == ("skipped", "volume_source_missing")
    assert f"{tmp_path}/both" in activity["reason"]


def test_a_volume_that_could_not_be_brought_in_is_not_brought_back(
    http: httpx2.Client, tmp_path: Path
) -> None:
    for name in ("in", "both"):
        (tmp_path / name).mkdir()
    (tmp_path / "both" / "y").write_text("y\n")
    (tmp_path / "both" / "directory").mkdir()
    (tmp_path / "work" / "both").mkdir(parents=True)
    (tmp_path / "work" / "both" / "y").write_text("of an earlier run\n")
    (tmp_path / "in" / "x").write_text("x\n")
    (tmp_path / "work" / "in" / "x").mkdir(parents=True)
    found = ran(http, VOLUMES.format(place=tmp_path, code=0))

    assert (found["state"], found["reasonCode"]) == ("failed", "stage_in_failed")
    assert f"{tmp_path}/work/in/x" in found["reason"]
    assert (tmp_path / "both" / "y").read_text() == "y\n"
    assert not (tmp_path / "results").exists()


def test_a_failed_way_back_fails_the_workflow_and_no_activity(http: httpx2.Client, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x").write_text("x\n")
    (tmp_path / "both").mkdir()
    (tmp_path / "both" / "y").write_text("y\n")
    (tmp_path / "results").write_text("a file is in the way")
    text = VOLUMES.format(place=tmp_path, code=0)
    results = next(line for line in text.splitlines(keepends=True) if ":out" in line)
    found = ran(http, text.replace(results, "").replace("  volumes:\n", f"  volumes:\n{results}"))

    assert (found["state"], found["reasonCode"]) == ("failed", "stage_out_failed")
    assert f"'{tmp_path}/results'" in found["reason"]
    assert (tmp_path / "both" / "y").read_text() == "changed\n"
    assert [each["state"] for each in found["spec"]["activities"]] == ["succeeded"]


def test_a_rerun_brings_back_what_could_not_be_brought_back(http: httpx2.Client, tmp_path: Path) -> None:
    for name, file in (("in", "x"), ("both", "y")):
        (tmp_path / name).mkdir()
        (tmp_path / name / file).write_text(f"{file}\n")
    (tmp_path / "results").write_text("a file is in the way")
    found = ran(http, VOLUMES.format(place=tmp_path, code=0))
    (tmp_path / "results").unlink()
    answer = http.post(f"{API}/{found['id']}/rerun/", json={"from": "failed"})
    again = ended(http, answer.json()["id"])

    assert (found["state"], again["state"]) == ("failed", "succeeded")
    assert (tmp_path / "results" / "z").read_text() == "result\n"


def test_the_golden_document_can_be_tried_out(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    conda = tmp_path / "bin" / "conda"
    conda.parent.mkdir()
    conda.write_text('#!/bin/sh\necho "conda $*"\n')
    conda.chmod(0o755)
    monkeypatch.setenv("PATH", str(conda.parent), prepend=":")
    text = GOLDEN.read_text().replace("https://myhost.com/", "http://127.0.0.1:9/")
    text = text.replace("/scratch/", f"{tmp_path}/scratch/").replace("/data-akoflow", f"{tmp_path}/data")
    with start_server(AKOFLOW__UNKNOWN_RUNTIME="local").client() as client:
        found = ran(client, text)
        log = logs(client, found)

    assert found["state"] == "succeeded"
    said = "Running inference-examples\nconda run -n tutorial mlflow run . --env-manager=local\n"
    assert log == {"inference-examples": said}
    codes = {each["code"] for each in found["warnings"]}
    assert {"unknown_runtime_local", "volume_source_missing", "image_ignored"} <= codes


SEEN = """
name: seen
spec:
  runtime: local
  storagePolicy: {{type: {policy}}}
  mountPath: {scratch}/me
  volumes: ["{place}/in:{scratch}/in:ro", "{place}/out:{scratch}/out:out"]
  activities:
    - name: a
      run: "pwd; echo $ACTIVITY_MOUNT_PATH; cat {scratch}/in/x; echo y > {scratch}/out/y; echo z > z"
    - {{name: b, command: {{entrypoint: cat, arguments: [z]}}, dependsOn: a}}
"""


def seen(start_server: StartServer, place: Path, policy: str) -> tuple[Any, dict[str, str]]:
    """Run what names paths below a mapped one; return the workflow and its logs."""
    (place / "in").mkdir()
    (place / "in" / "x").write_text("x\n")
    scratch = f"{place}/scratch"
    with start_server(AKOFLOW__PATH_MAP=f'{{"{scratch}": "{place}/s"}}').client() as client:
        found = ran(client, SEEN.format(policy=policy, scratch=scratch, place=place))
        return found, logs(client, found)


@needs_bubblewrap
@pytest.mark.parametrize(("policy", "own"), [("default", ""), ("standalone", "/a")])
def test_mapped_paths_are_seen_where_the_document_says(
    start_server: StartServer, tmp_path: Path, policy: str, own: str
) -> None:
    found, log = seen(start_server, tmp_path, policy)

    assert found["state"] == "succeeded", found
    assert found["warnings"] == []
    assert log == {"a": 2 * f"{tmp_path}/scratch/me{own}\n" + "x\n", "b": "z\n"}
    assert found["spec"]["activities"][0]["directory"] == f"{tmp_path}/s/me{own}"
    assert (tmp_path / "s" / f"me{own}" / "z").read_text() == "z\n"
    assert (tmp_path / "out" / "y").read_text() == "y\n"


def test_who_cannot_show_mapped_paths_elsewhere_says_so(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = tmp_path / "bin" / "bwrap"
    forbidden.parent.mkdir()
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", str(forbidden.parent), prepend=":")
    found, log = seen(start_server, tmp_path, "default")
    told = [(each["code"], each["pointer"]) for each in found["warnings"]]

    assert sorted(told) == [
        ("mount_path_not_bound", "/spec/mountPath"),
        ("mount_path_not_bound", "/spec/volumes/0"),
        ("mount_path_not_bound", "/spec/volumes/1"),
    ]
    assert all(each["line"] and each["column"] for each in found["warnings"])
    assert found["spec"]["activities"][0]["warnings"] == ["mount_path_not_bound"]
    assert log["a"] == 2 * f"{tmp_path}/s/me\n"


def test_paths_of_a_cluster_are_mapped_and_links_may_be_hard(
    start_server: StartServer, tmp_path: Path
) -> None:
    settings = {"AKOFLOW__PATH_MAP": f'{{"/scratch": "{tmp_path}/s"}}', "AKOFLOW__STANDALONE_LINK": "hard"}
    with start_server(**settings).client() as client:
        found = ran(client, CAT.format(policy="standalone", place="/scratch/me"))
        shown = {each["name"]: each for each in found["spec"]["activities"]}

    assert found["state"] == "succeeded"
    assert shown["a"]["directory"] == f"{tmp_path}/s/me/a"
    assert shown["a"]["mountPath"] == "/scratch/me"
    assert (
        Path(shown["d d"]["directory"], "a").stat().st_ino == Path(shown["a"]["directory"], "a").stat().st_ino
    )
