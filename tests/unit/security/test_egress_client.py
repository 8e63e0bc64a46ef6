"""Guarded clients against real servers on loopback."""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from headrace.security.egress import Egress, EgressBlocked
from headrace.security.egress_client import guarded_async_client, resolve


class Echo(BaseHTTPRequestHandler):
    """Answers with the Host that was asked for; redirects to what `/to?` names."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        _, _, target = self.path.partition("/to?")
        body = self.headers["Host"].encode()
        self.send_response(302 if target else 200)
        if target:
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Names:
    """A resolver that knows a few names and counts its answers."""

    def __init__(self, **known: Sequence[str]) -> None:
        self.known = {name.replace("_", "."): list(found) for name, found in known.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        if host.replace(".", "").isdigit():
            return [host]
        if host not in self.known:
            raise OSError("unknown name")
        return self.known[host]


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


async def fetch(egress: Egress, names: Names, url: str, max_redirects: int = 0) -> str:
    async with guarded_async_client(egress, resolver=names, max_redirects=max_redirects) as client:
        return (await client.get(url)).text


async def blocked(egress: Egress, names: Names, url: str, max_redirects: int = 0) -> str:
    """Return the code of the problem that getting the URL is refused for."""
    with pytest.raises(EgressBlocked) as caught:
        await fetch(egress, names, url, max_redirects)
    return caught.value.problem.code


async def test_an_allowed_server_is_reached_under_its_name_by_one_look_up(port: int) -> None:
    names = Names(wiki_corp=["127.0.0.1"])

    shown = await fetch(Egress([f"127.0.0.1:{port}"]), names, f"http://wiki.corp:{port}/")

    assert shown == f"wiki.corp:{port}"
    assert names.asked == ["wiki.corp"]


def test_a_name_that_no_resolver_can_be_asked_for_is_an_error_of_the_network() -> None:
    with pytest.raises(OSError, match="no host name"):
        resolve(f"{'a' * 64}.example", 80)


async def test_a_name_that_leads_inside_is_refused_at_connect_time(port: int) -> None:
    names = Names(innocent_example=["127.0.0.1"], mixed_example=["10.0.0.1", "169.254.169.254"])
    url = f"http://innocent.example:{port}/"

    assert Egress().check_url(url) is None
    assert await blocked(Egress(), names, url) == "egress_blocked"
    assert await blocked(Egress(), names, "http://mixed.example/") == "egress_blocked"


async def test_only_judged_addresses_of_a_name_are_connected_to(port: int) -> None:
    names = Names(mixed_example=["10.0.0.1", "127.0.0.1"])

    shown = await fetch(Egress([f"127.0.0.1:{port}"]), names, f"http://mixed.example:{port}/")

    assert shown == f"mixed.example:{port}"


async def test_a_rebound_name_is_judged_again_for_a_new_connection(port: int) -> None:
    names, egress = Names(rebind_example=["127.0.0.1"]), Egress([f"127.0.0.1:{port}"])
    url = f"http://rebind.example:{port}/"
    await fetch(egress, names, url)
    names.known["rebind.example"] = ["127.0.0.2"]

    assert await blocked(egress, names, url) == "egress_blocked"


async def test_the_next_address_is_tried_when_one_does_not_answer(port: int) -> None:
    names, egress = Names(two_example=["127.0.0.2", "127.0.0.1"]), Egress(["127.0.0.0/8"])

    assert await fetch(egress, names, f"http://two.example:{port}/") == f"two.example:{port}"


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("http://inside.example/", "egress_blocked"),
        ("http://127.0.0.1:1/", "egress_blocked"),
        ("http://169.254.169.254/latest/meta-data/", "egress_blocked"),
        ("http://user:password@wiki.corp/", "invalid_url"),
    ],
)
async def test_a_redirect_is_judged_like_a_first_request(port: int, target: str, code: str) -> None:
    names = Names(wiki_corp=["127.0.0.1"], inside_example=["10.0.0.1"])
    egress = Egress([f"wiki.corp:{port}"])

    assert await blocked(egress, names, f"http://wiki.corp:{port}/to?{target}", max_redirects=3) == code


async def test_redirects_are_followed_only_when_asked_for(port: int) -> None:
    names, egress = Names(wiki_corp=["127.0.0.1"]), Egress([f"wiki.corp:{port}"])
    url = f"http://wiki.corp:{port}/to?/end"

    assert await fetch(egress, names, url, max_redirects=1) == f"wiki.corp:{port}"
    async with guarded_async_client(egress, resolver=names) as client:
        assert (await client.get(url)).status_code == 302
    with pytest.raises(httpx2.TooManyRedirects):
        await fetch(egress, names, f"http://wiki.corp:{port}/to?/to?/to?/to?/end", max_redirects=2)


async def test_the_server_itself_is_refused_though_allowed(port: int) -> None:
    egress = Egress(["0.0.0.0/0", "::/0"], own_addresses=[("127.0.0.1", port)])

    assert await blocked(egress, Names(me_example=["127.0.0.1"]), f"http://me.example:{port}/") == (
        "egress_blocked"
    )


async def test_a_proxy_of_the_environment_is_not_used(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    names = Names(wiki_corp=["127.0.0.1"])

    assert await fetch(Egress(["127.0.0.1"]), names, f"http://wiki.corp:{port}/") == f"wiki.corp:{port}"


async def test_other_failures_are_told_as_httpx2_tells_them() -> None:
    names, egress = Names(closed_example=["127.0.0.1"], empty_example=[]), Egress(["127.0.0.1"])

    for url in ("http://unknown.example/", "http://closed.example:1/", "http://empty.example/"):
        with pytest.raises(httpx2.ConnectError):
            await fetch(egress, names, url)


async def test_tls_is_verified_for_the_name_and_not_for_the_address(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path, "secure.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    trust = ssl.create_default_context(cafile=str(certificate))
    names = Names(secure_example=["127.0.0.1"], other_example=["127.0.0.1"])
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            async with guarded_async_client(Egress(["127.0.0.1"]), resolver=names, verify=trust) as client:
                answer = await client.get(f"https://secure.example:{server.server_port}/")
                with pytest.raises(httpx2.ConnectError):
                    await client.get(f"https://other.example:{server.server_port}/")
        finally:
            server.shutdown()
            thread.join()

    assert answer.text == f"secure.example:{server.server_port}"


def make_certificate(directory: Path, host: str) -> Path:
    key, name = (
        ec.generate_private_key(ec.SECP256R1()),
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)]),
    )
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
