"""The command line as a process against a real server: what it says, and how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from tests.acceptance.command_line import Ask, environment, submitted, written

from headrace.client import Client
from headrace.testing.running_server import RunningServer

MEASURE = {
    "title": "Measure",
    "inputs": [{"name": "text", "type": "text"}],
    "tasks": [
        {"name": "size", "type": "text.size", "inputs": {"text": "{{inputs.text}}"}},
        {"name": "say", "type": "core.shell", "inputs": {"script": "echo said; echo oops >&2"}},
    ],
    "outputs": [{"name": "size", "value": "{{tasks.size.outputs.size}}"}],
}
FAILS = {
    "title": "Fail",
    "tasks": [
        {"name": "no", "type": "core.shell", "inputs": {"script": "exit 3"}},
        {"name": "after", "type": "echo", "inputs": {"text": "{{tasks.no.outputs.stdout}}"}},
    ],
}
SLEEPS = {
    "title": "Sleep",
    "inputs": [{"name": "begun", "type": "text"}],
    "tasks": [
        {
            "name": "nap",
            "type": "core.shell",
            "inputs": {"script": 'echo $$ > "$BEGUN"; exec sleep 60', "env": {"BEGUN": "{{inputs.begun}}"}},
        }
    ],
}


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def test_a_document_is_submitted_watched_and_looked_at(ask: Ask, tmp_path: Path) -> None:
    watched = ask("submit", written(tmp_path, MEASURE), "--input", "text=Hello", "--watch")
    listed = ask("list", "--json")
    number = str(json.loads(listed.stdout)["items"][0]["number"])

    assert (watched.returncode, watched.stdout) == (0, "size: 5\n")
    assert "✓ Measure  succeeded" in watched.stderr
    assert number in ask("list", "--state", "succeeded").stdout
    assert "size: 5" in ask("show", number).stdout
    assert "text: Hello" in ask("show", number, "size").stdout
    assert "All that had to be done was done." in ask("explain", number).stdout
    assert ask("watch").stdout == "size: 5\n"


def test_a_graph_is_drawn_as_a_tree_as_json_and_for_graphviz(ask: Ask, tmp_path: Path) -> None:
    text = """
name: mosaic
spec:
  runtime: local
  activities:
    - {name: project one, run: "true"}
    - {name: project two, run: "true"}
    - {name: add, run: "exit 3", dependsOn: [project one, project two]}
    - {name: show, run: "true", dependsOn: add}
"""
    (tmp_path / "w.yaml").write_text(text)
    ask("submit", str(tmp_path / "w.yaml"), "--dialect", "akoflow", "--watch")
    drawn = ask("graph").stdout
    told = json.loads(ask("graph", "--json").stdout)
    dot = ask("graph", "--dot").stdout

    assert drawn.splitlines() == [
        "mosaic  failed",
        "├─ ✓ project one",
        "└─ ✓ project two",
        "   └─ ✗ add  (also after project one)",
        "      └─ – show",
    ]
    assert [(node["name"], node["state"]) for node in told["nodes"]][-2:] == [
        ("add", "failed"),
        ("show", "skipped"),
    ]
    assert {"from": "add", "to": "show"} in told["edges"]
    assert dot.startswith('digraph "mosaic" {')
    assert '  "project two" -> "add";' in dot


def test_a_task_may_be_called_like_a_path(ask: Ask, tmp_path: Path) -> None:
    text = """
name: paths
spec:
  runtime: local
  activities:
    - {name: x/y, run: echo slash}
    - {name: .., run: echo dots}
    - {name: a/outputs/b/logs, run: echo long}
"""
    (tmp_path / "w.yaml").write_text(text)
    ask("submit", str(tmp_path / "w.yaml"), "--dialect", "akoflow", "--watch")
    number = str(json.loads(ask("show", "--json").stdout)["number"])

    assert [ask("logs", number, name).stdout for name in ("x/y", "..", "a/outputs/b/logs")] == [
        "slash\n",
        "dots\n",
        "long\n",
    ]
    assert "exit_code: 0" in ask("show", number, "x/y").stdout


def test_logs_go_where_the_task_sent_them(ask: Ask, tmp_path: Path) -> None:
    number = submitted(ask, written(tmp_path, MEASURE), "-i", "text=a")

    followed = ask("logs", number, "--follow")
    one = ask("logs", number, "say")

    assert (followed.stdout, followed.stderr) == ("say | said\n", "say | oops\n")
    assert (one.stdout, one.stderr) == ("said\n", "oops\n")
    assert json.loads(ask("logs", number, "say", "--json").stdout)[0]["stderr"] == "oops\n"
    assert ask("logs").stdout == ask("logs", number).stdout


def test_a_failed_run_is_a_failed_command_and_can_be_run_again(ask: Ask, tmp_path: Path) -> None:
    number = submitted(ask, written(tmp_path, FAILS))
    watched = ask("watch", number)

    planned = ask("rerun", number, "--dry-run", "--json")
    again = ask("rerun", number, "--from", "no", "--watch")

    assert watched.returncode == 1
    assert "exit code 3" in watched.stderr
    assert [task["mode"] for task in json.loads(planned.stdout)["tasks"]] == ["run", "run"]
    assert again.returncode == 1
    assert ask("rerun", number, "--from", "nothing").returncode == 2


def test_an_execution_is_paused_resumed_and_cancelled(ask: Ask, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    number = submitted(ask, written(tmp_path, SLEEPS), "-i", f"begun={begun}")

    assert "is paused" in ask("pause", number).stdout
    assert "is running" in ask("resume", number).stdout
    assert ask("signal", number, "ready", "--payload", '{"a": 1}').returncode == 0
    assert ask("cancel", number, "--reason", "Enough.").returncode == 0
    assert ask("watch", number).returncode == 1
    assert "Enough." in ask("show", number).stdout
    assert ask("cancel", number).returncode == 1
    assert ask("respond", number, "nap").returncode == 1


def test_tokens_open_what_they_are_made_for(ask: Ask, tmp_path: Path) -> None:
    made = json.loads(ask("token", "create", "reader", "--expires", "1h", "--json").stdout)

    assert ask("list", TOKEN=made["token"]).returncode == 0
    assert ask("submit", written(tmp_path, FAILS), TOKEN=made["token"]).returncode == 4
    assert ask("token", "revoke", str(made["number"])).returncode == 0
    assert ask("list", TOKEN=made["token"]).returncode == 4
    assert "reader" in ask("token", "list").stdout
    assert made["token"] not in ask("token", "list", "--json").stdout


def test_a_start_that_is_refused_leaves_no_workflow_behind(
    ask: Ask, running_server: RunningServer, tmp_path: Path
) -> None:
    file = written(tmp_path, {**MEASURE, "title": "Nobody wants this"})
    refused = [
        ask("submit", file),
        ask("submit", file, "-i", "txt=x"),
        ask("submit", file, "-i", "text=@gone"),
    ]
    with Client(running_server.url, running_server.token) as client:
        names = [each.name for each in client.workflows(limit=1000).items]

    assert [each.returncode for each in refused] == [2, 2, 2]
    assert "Nobody wants this" not in names


def test_secrets_are_kept_without_standing_in_the_command_line(ask: Ask) -> None:
    value = "sesame, open yourself"
    kept = ask("secret", "set", "door-key", typed=f"{value}\n")
    nothing = ask("secret", "set", "door-key", typed="")
    listed = ask("secret", "list")
    as_json = ask("secret", "list", "--json")
    deleted = ask("secret", "delete", "door-key")
    again = ask("secret", "delete", "door-key")

    assert (kept.returncode, nothing.returncode, deleted.returncode, again.returncode) == (0, 2, 0, 3)
    assert "door-key" in listed.stdout
    assert "door-key" in [each["name"] for each in json.loads(as_json.stdout)["items"]]
    assert value not in "".join(each.stdout + each.stderr for each in (kept, listed, as_json, deleted))
    assert ask("secret", "set", "door-key", value).returncode == 2


def test_what_webhooks_were_told_is_listed_and_told_again(ask: Ask, running_server: RunningServer) -> None:
    with Client(running_server.url, running_server.token) as client, running_server.client() as http:
        workflow = client.create_workflow({"title": "Tell", "tasks": MEASURE["tasks"][1:]})
        path = f"/workflows/{workflow.alias}/executions"
        answer = http.post(path, json={"monitoring": {"webhook_url": "https://nobody.invalid/hook?key=1"}})
        execution = answer.json()["workflow_execution_id"]
        client.execution(execution, wait=20)
        number = client.deliveries(execution).items[0].number
        other = client.start(workflow.number)
    listed = ask("deliveries", execution)
    as_json = json.loads(ask("deliveries", execution, "--json").stdout)["items"]
    again = ask("deliveries", execution, "--redeliver", str(number), "--json")
    foreign = ask("deliveries", str(other.number), "--redeliver", str(number))

    assert "execution.running" in listed.stdout
    assert "key=1" not in listed.stdout
    assert as_json[0]["event"] == "execution.running"
    assert json.loads(again.stdout)["items"][0]["number"] == number
    assert (listed.returncode, again.returncode, foreign.returncode) == (0, 0, 3)


def test_versions_are_listed_and_compared(ask: Ask, running_server: RunningServer) -> None:
    with Client(running_server.url, running_server.token) as client:
        workflow = client.create_workflow(MEASURE).alias or ""
        first = ask("diff", workflow)
        client.update_workflow(workflow, {**MEASURE, "title": "Measure again"})
    listed = json.loads(ask("versions", workflow, "--json").stdout)
    shown = ask("diff", workflow)
    same = ask("diff", workflow, "2", "2")
    unknown = ask("diff", "wf-nobody0")

    assert [each["version"] for each in listed["items"]] == [2, 1]
    assert '+  "title": "Measure again"' in shown.stdout
    assert shown.returncode == 0
    assert "are the same" in same.stdout
    assert json.loads(ask("diff", workflow, "1", "2", "--json").stdout)["to_version"] == 2
    assert (first.returncode, unknown.returncode) == (2, 3)
    assert "none before it" in first.stderr


def test_a_task_type_is_tried(ask: Ask) -> None:
    tried = ask("task", "run", "text.size", "--input", "text=abc")

    assert (tried.returncode, tried.stdout) == (0, "size: 3\n")
    assert "text.size" in ask("task", "list").stdout
    assert "The text to measure." in ask("task", "show", "text.size").stdout
    assert "did you mean 'text.size'?" in ask("task", "show", "text.sice").stderr


def test_what_is_wrong_has_its_status_and_no_traceback(ask: Ask, tmp_path: Path) -> None:
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(MEASURE, indent=1).replace("text.size", "text.sice"))
    statuses = {
        1: ("submit", str(broken)),
        2: ("submit", written(tmp_path, MEASURE)),
        3: ("show", "999999999"),
        5: ("list", "--url", "http://127.0.0.1:9"),
    }

    for status, arguments in statuses.items():
        said = ask(*arguments)
        told = ask(*arguments, "--json")

        assert (said.returncode, told.returncode) == (status, status), said.stderr
        assert "Traceback" not in said.stderr + told.stderr
        assert json.loads(told.stdout)["error"]["message"]
    assert f"{broken}:12:4:" in ask("submit", str(broken)).stdout


def test_the_doctor_finds_the_server_and_hides_secrets(ask: Ask, running_server: RunningServer) -> None:
    said = ask("doctor", "--json", DATAFLOW__MAX_BODY="1MiB")

    found = json.loads(said.stdout)
    states = {check["name"]: check["state"] for check in found["checks"]}
    settings = {setting["name"]: setting for setting in found["settings"]}
    assert said.returncode == 0
    assert (states["server"], states["data directory"]) == ("good", "good")
    assert settings["dataflow.max_body"] == {
        "name": "dataflow.max_body",
        "value": "1MiB",
        "source": "HEADRACE_DATAFLOW__MAX_BODY",
    }
    assert running_server.token not in said.stdout
    assert ask("doctor", DATAFLOW__MAX_BODY="much").returncode == 2


def test_a_run_leaves_a_server_that_has_the_data_alone(
    ask: Ask, running_server: RunningServer, tmp_path: Path
) -> None:
    said = ask(
        "run",
        written(tmp_path, MEASURE),
        "-i",
        "text=Hello",
        DATA_DIR=str(running_server.directory / "data"),
    )

    assert (said.returncode, said.stdout) == (0, "size: 5\n")
    assert "is in use by" in said.stderr


def test_an_interrupted_run_leaves_nothing_running(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    command = [sys.executable, "-m", "headrace.cli", "run", written(tmp_path, SLEEPS), "-i", f"begun={begun}"]
    with subprocess.Popen(
        command,
        env=environment(),
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - ignored behind `&`
    ) as run:
        until(lambda: begun.exists() and begun.read_text().endswith("\n"), "the step did not begin")
        run.send_signal(signal.SIGINT)
        _, told = run.communicate(timeout=30)

    assert run.returncode == 130
    assert "Traceback" not in told
    assert not Path("/proc", begun.read_text().strip()).exists()


def test_whoever_reads_may_leave() -> None:
    said = subprocess.run(
        f"{sys.executable} -m headrace.cli doctor | head -c 1",
        shell=True,
        env=environment(),
        capture_output=True,
        check=False,
    )

    assert said.stderr == b""
