"""The demonstration as somebody sees it who has just arrived."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx2

COMMAND = [sys.executable, "-m", "headrace.cli", "demo"]


def environment(directory: Path, **settings: str) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
    own = {"DATA_DIR": str(directory / "data"), "PORT": "0"} | settings
    return clean | {"COLUMNS": "160"} | {f"HEADRACE_{name}": value for name, value in own.items()}


def shown(directory: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(directory, **settings),
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def test_once_it_shows_a_real_run_and_ends_with_its_status(tmp_path: Path) -> None:
    said = shown(tmp_path, "--once")

    assert said.returncode == 0, said.stderr
    assert said.stdout.startswith("http://127.0.0.1:")
    assert "The Declaration of Independence" in said.stdout
    assert "When in the Course of human events" in said.stdout
    assert "newsletter" not in said.stdout
    assert "✓ Report on a page  succeeded" in said.stderr


def test_for_programs_it_is_one_document(tmp_path: Path) -> None:
    said = shown(tmp_path, "--once", "--json")

    document = json.loads(said.stdout)
    assert document["status"] == "COMPLETED"
    assert "Characters: 6704" in document["outputs"]["report"]


def test_a_page_that_cannot_be_had_fails_the_run_and_the_command(tmp_path: Path) -> None:
    said = shown(tmp_path, "--once", "--url", "http://127.0.0.1:9/")

    assert said.returncode == 1
    assert "not on the public internet" in said.stderr
    assert "Traceback" not in said.stderr


def test_another_port_is_taken_when_the_first_is_in_use(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        said = shown(tmp_path, "--once", PORT=str(port))

    assert said.returncode == 0
    assert f"Port {port} is in use" in said.stderr
    assert f":{port}\n" not in said.stdout


def test_it_serves_on_until_it_is_interrupted(tmp_path: Path) -> None:
    with subprocess.Popen(
        COMMAND, env=environment(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as demo:
        assert demo.stdout is not None
        assert demo.stderr is not None
        url = demo.stdout.readline().strip()
        said = []
        for line in demo.stderr:
            said.append(line)
            if "Serving until Ctrl-C" in line:
                break
        curl = next(line for line in said if "curl -s" in line).split()
        user, password = curl[3].split(":")
        answer = httpx2.get(curl[4], auth=(user, password), trust_env=False)
        demo.send_signal(signal.SIGINT)
        demo.communicate(timeout=30)

    assert curl[4].startswith(url)
    assert answer.json()["status"] == "COMPLETED"
    assert demo.returncode == 0


def test_without_the_extra_it_says_what_to_install(tmp_path: Path) -> None:
    hidden = "import sys; sys.modules['trafilatura'] = None"
    command = f"{hidden}; from headrace import cli; sys.exit(cli.run(['demo', '--once']))"

    said = subprocess.run(
        [sys.executable, "-c", command],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert said.returncode == 1
    assert "headrace[web]" in said.stderr
