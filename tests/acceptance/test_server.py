"""The server as a process: its first line, its first token, its signals, its ports."""

from __future__ import annotations

import re
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx2
import pytest

from headrace.api import server
from headrace.security.egress import Egress
from headrace.settings import load
from headrace.testing.running_server import NoServer, RunningServer

StartServer = Callable[..., RunningServer]
NAPS = {"title": "Nap", "tasks": [{"name": "nap", "type": "core.shell", "inputs": {"script": "sleep 60"}}]}


def test_the_first_line_is_the_address_and_the_only_one(start_server: StartServer) -> None:
    running = start_server()

    assert re.fullmatch(r"http://127\.0\.0\.1:\d+", running.url)
    assert httpx2.get(f"{running.url}/healthz", trust_env=False).status_code == 200
    assert running.stop() == 0
    assert running.rest_of_output == ""


def test_the_first_start_prints_a_token_once(start_server: StartServer) -> None:
    running = start_server(ADMIN_TOKEN="")
    (token,) = re.findall(r"hr_[\w-]{43}", running.log)
    running.token = token

    with running.client() as client:
        assert client.get("/v1/tokens").status_code == 200
    running.stop()
    running.start_again()

    assert len(re.findall(r"hr_[\w-]{43}", running.log)) == 1
    with running.client() as client:
        assert client.get("/v1/tokens").status_code == 200
    files = [file for file in running.directory.rglob("*") if file.is_file() and file.name != "server.log"]
    assert [file for file in files if token.encode() in file.read_bytes()] == []


def test_the_open_mode_is_announced_at_the_start(start_server: StartServer) -> None:
    opened, closed = start_server(AUTH="off"), start_server()

    lines = [line for line in opened.log.splitlines() if "No token is needed" in line]
    assert len(lines) == 2
    assert lines[0].endswith("everybody on this machine can use this server.")
    assert "open_to_everybody_here" in lines[1]
    assert httpx2.get(f"{opened.url}/v1/tokens", trust_env=False).status_code == 200
    assert "No token is needed" not in closed.log


def test_a_new_administrators_token_replaces_the_former_one(start_server: StartServer) -> None:
    running = start_server()
    with running.client() as client:
        assert client.get("/v1/tokens").status_code == 200
    running.stop()
    running.settings["ADMIN_TOKEN"] = "another-token-of-more-than-thirty-two-characters"
    running.start_again()

    with running.client() as client:
        assert client.get("/v1/tokens").status_code == 401
        client.headers["authorization"] = "Bearer another-token-of-more-than-thirty-two-characters"
        assert client.get("/v1/tokens").status_code == 200


def test_tokens_can_be_switched_off_on_loopback(start_server: StartServer) -> None:
    running = start_server(AUTH="off", ADMIN_TOKEN="")

    assert httpx2.get(f"{running.url}/v1/tokens", trust_env=False).status_code == 200
    assert "hr_" not in running.log
    tricked = httpx2.get(
        f"{running.url}/v1/tokens", headers={"origin": "https://evil.example"}, trust_env=False
    )
    assert tricked.status_code == 403


@pytest.mark.parametrize("door", ["/v1", "/workflows/{workflow}"])
def test_streams_end_when_the_server_is_asked_to(start_server: StartServer, door: str) -> None:
    running = start_server()
    with running.client() as client:
        workflow = client.post("/v1/workflows", json=NAPS).json()["alias"]
        url = client.post(f"/v1/workflows/{workflow}/executions").json()["url"]
        path = f"{door.format(workflow=workflow)}/executions/{client.get(url).json()['alias']}/events"
        stopper = threading.Thread(target=running.stop)
        with client.stream("GET", path, headers={"accept": "text/event-stream"}) as answer:
            lines = answer.iter_lines()
            next(lines)
            began = time.monotonic()
            stopper.start()
            for _ in lines:
                pass
    stopper.join()
    assert time.monotonic() - began < server.GRACE

    running.start_again()
    with running.client() as client:
        assert client.get(url).json()["state"] == "running"
        client.post(f"{url}/cancel")
        assert client.get(url, params={"wait": 30}).json()["state"] == "cancelled"


def test_what_was_done_is_there_after_a_power_cut(start_server: StartServer) -> None:
    running = start_server()
    with running.client() as client:
        number = client.post("/v1/workflows", json=NAPS).json()["number"]
    running.kill()
    running.start_again()

    with running.client() as client:
        assert client.get(f"/v1/workflows/{number}").json()["name"] == "Nap"


def test_a_busy_port_is_told_with_what_to_do() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(server.CannotListen, match=f"Port {port} of 127.0.0.1 is in use") as refused:
            server.listen(load({"port": port}))
        free = server.listen(load({"port": port}), port=0)

    assert refused.value.is_busy
    assert free.port not in (0, port)
    free.socket.close()


def test_two_servers_that_start_at_once_do_not_share_a_port() -> None:
    first = server.listen(load({"port": 0}))
    with first.socket, pytest.raises(server.CannotListen) as refused:
        server.listen(load({"port": first.port}))

    assert refused.value.is_busy


def test_a_host_that_is_not_ours_cannot_be_listened_on() -> None:
    with pytest.raises(server.CannotListen, match=r"Cannot listen on 192\.0\.2\.1"):
        server.listen(load({"host": "192.0.2.1", "port": 0}))


@pytest.mark.parametrize(
    ("public_url", "same", "other"),
    [
        ("https://flows.example.org", "https://flows.example.org/hook", "https://flows.example.org:8443/"),
        ("http://flows.example.org.:81/x", "http://FLOWS.example.org:81/", "http://flows.example.org/"),
    ],
)
def test_the_public_address_is_no_receiver_either(public_url: str, same: str, other: str) -> None:
    listener = server.listen(load({"port": 0, "public_url": public_url}))
    listener.socket.close()
    egress = Egress(["flows.example.org"], listener.addresses)

    refused = egress.check_url(same)
    assert refused is not None
    assert "this server itself" in refused.message
    assert egress.check_url(f"http://127.0.0.1:{listener.port}/") is not None
    assert egress.check_url(other) is None


def test_a_bind_for_everybody_is_warned_of(start_server: StartServer) -> None:
    running = start_server(HOST="0.0.0.0")

    assert "tls_cert" in running.log
    assert httpx2.get(
        f"http://127.0.0.1:{running.url.rpartition(':')[2]}/healthz", trust_env=False
    ).is_success


def test_a_plug_in_that_is_left_out_is_told_at_the_start(
    start_server: StartServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    about = tmp_path / "plugins" / "torn-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: torn\nVersion: 1.0\n")
    groups = [
        f"[headrace.{group}]\ntorn_{group} = torn:nothing\n" for group in ("dialects", "runtimes", "tasks")
    ]
    (about / "entry_points.txt").write_text("".join(groups))
    monkeypatch.setenv("PYTHONPATH", str(about.parent))

    log = start_server().log

    for group in ("dialects", "runtimes", "tasks"):
        assert f"Plug-in 'torn_{group}' of torn 1.0" in log


def test_tls_is_spoken_where_a_certificate_is_set(start_server: StartServer, tmp_path: Path) -> None:
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-nodes", "-newkey", "rsa:2048"]
    command = ["openssl", "req", "-x509", *subject, "-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("there is no openssl program here")
    running = start_server(TLS_CERT=str(certificate), TLS_KEY=str(key))

    assert running.url.startswith("https://")
    answer = httpx2.get(f"{running.url}/healthz", verify=False, trust_env=False)
    assert answer.json() == {"status": "ok"}


def test_a_server_that_does_not_start_shows_its_log(start_server: StartServer) -> None:
    with pytest.raises(NoServer, match="token"):
        start_server(ADMIN_TOKEN="short")
