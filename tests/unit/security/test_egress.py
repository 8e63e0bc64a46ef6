"""The egress guard's verdicts on URLs and addresses."""

from __future__ import annotations

import pytest

from headrace.security.egress import Egress

PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2606:2800:220:1::1", "2a00::1"]

HOSTILE = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.7",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::7f00:1",
    "100::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "3fff::1",
    "4000::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "5f00::1",
]

HOSTILE_HOSTS = [
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7f.1",
    "127.1",
    "127.0.1",
    "0177.0.0.1",
    "0x7f.0x0.0x0.0x1",
    "127.0.0.1.",
    "0",
    "3232235777",
    "2852039166",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "db.localhost",
    "１２７.０.０.１",
    "①②⑦.⓪.⓪.①",
    "127。0。0。1",
    "ｌｏｃａｌｈｏｓｔ",
]


def codes(egress: Egress, url: str) -> str | None:
    problem = egress.check_url(url, "/webhook_url")
    assert problem is None or problem.path == "/webhook_url"
    return None if problem is None else problem.code


@pytest.mark.parametrize("ip", PUBLIC)
def test_public_addresses_pass(ip: str) -> None:
    egress = Egress()
    literal = f"[{ip}]" if ":" in ip else ip

    assert egress.check_address(ip, "example.org", 443) is None
    assert codes(egress, f"https://{literal}/") is None


@pytest.mark.parametrize("ip", HOSTILE)
def test_hostile_addresses_are_blocked(ip: str) -> None:
    egress = Egress()
    literal = f"[{ip}]" if ":" in ip else ip
    problem = egress.check_address(ip, "innocent.example", 80)

    assert problem is not None
    assert problem.code == "egress_blocked"
    assert "innocent.example" in problem.message
    assert codes(egress, f"http://{literal}:8080/x?y#z") in {"egress_blocked", "invalid_url"}


@pytest.mark.parametrize("host", HOSTILE_HOSTS)
def test_odd_spellings_of_hostile_addresses_are_blocked(host: str) -> None:
    assert codes(Egress(), f"http://{host}/") == "egress_blocked"


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org",
        "http://example.org:8080/path?q=1#f",
        "HTTPS://Example.ORG/",
        "https://bücher.example/",
        "https://xn--bcher-kva.example/",
        "https://127.0.0.1.example.org/",
        "https://localhost.example.org/",
        "https://example.org/@path:with/[odd]",
    ],
)
def test_ordinary_urls_pass(url: str) -> None:
    assert codes(Egress(), url) is None


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.org",
        "//example.org",
        "http:example.org",
        "http:/example.org",
        "http://",
        "http:///path",
        "http://:80/",
        "ftp://example.org",
        "file:///etc/passwd",
        "gopher://example.org",
        "javascript:alert(1)",
        "http://user@example.org/",
        "http://user:password@example.org/",
        "http://@example.org/",
        "http://example.org:port/",
        "http://example.org:99999/",
        "http://exam ple.org/",
        " http://example.org/",
        "http://example.org/\n",
        "http://example.org\\@127.0.0.1/",
        "http://example.org%00.evil/",
        "http://127.0.0.1%2f@example.org/",
        "http://[::1",
        "http://[::g]/",
        "http://[127.0.0.1]/",
        "http://\u3000/",
        "http://exa\u00admple\x00.org",
        "http://a..example.org/",
        "http://.example.org/",
        f"http://{'a' * 64}.example.org/",
    ],
)
def test_what_is_no_plain_http_url_is_invalid(url: str) -> None:
    assert codes(Egress(), url) == "invalid_url"


@pytest.mark.parametrize("url", ["http://example.org:99999/?key=k", "http://example.org:0/?key=k"])
def test_a_port_that_none_can_be_is_told_with_the_url(url: str) -> None:
    problem = Egress().check_url(url)

    assert problem is not None
    shown = url.partition("?")[0]
    assert problem.message == f"'{shown}' has a port that is no number from 1 to 65535."


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@example.org/",
        "ftp://user:hunter2@example.org/",
        "http://user:hunter2@exam ple.org/",
        "http://user:hunter2@[::1/",
        "http://user:hunter2@\u2100/",
        "ftp://example.org/?key=hunter2",
    ],
)
def test_a_password_is_not_repeated_in_the_problem(url: str) -> None:
    problem = Egress().check_url(url)

    assert problem is not None
    assert "hunter2" not in problem.message


@pytest.mark.parametrize(
    ("entry", "ip", "host", "port", "passes"),
    [
        ("10.0.0.0/8", "10.1.2.3", "x", 80, True),
        ("10.0.0.0/8", "11.0.0.1", "x", 80, True),
        ("10.0.0.0/8", "192.168.0.1", "x", 80, False),
        ("10.0.0.0/8:8443", "10.1.2.3", "x", 8443, True),
        ("10.0.0.0/8:8443", "10.1.2.3", "x", 443, False),
        ("127.0.0.1", "127.0.0.1", "x", 9, True),
        ("127.0.0.1:9000", "127.0.0.1", "x", 9000, True),
        ("127.0.0.1:9000", "127.0.0.1", "x", 9001, False),
        ("127.0.0.1:9000", "::ffff:127.0.0.1", "x", 9000, True),
        ("::1", "::1", "x", 80, True),
        ("[::1]:9000", "::1", "x", 9000, True),
        ("[::1]:9000", "::1", "x", 80, False),
        ("[fd00::/8]:443", "fd12::1", "x", 443, True),
        ("fd00::/8", "fd12::1", "x", 1, True),
        ("wiki.corp", "10.1.2.3", "wiki.corp", 80, True),
        ("wiki.corp", "10.1.2.3", "WIKI.corp.", 80, True),
        ("wiki.corp", "10.1.2.3", "x.wiki.corp", 80, False),
        ("wiki.corp:8080", "10.1.2.3", "wiki.corp", 8080, True),
        ("wiki.corp:8080", "10.1.2.3", "wiki.corp", 80, False),
    ],
)
def test_the_operator_allows_networks_and_hosts(
    entry: str, ip: str, host: str, port: int, passes: bool
) -> None:
    assert (Egress([entry]).check_address(ip, host, port) is None) is passes


def test_an_allowed_name_passes_as_url_too() -> None:
    assert codes(Egress(["localhost:9000"]), "http://localhost:9000/") is None
    assert codes(Egress(["localhost:9000"]), "http://localhost:9001/") == "egress_blocked"
    assert codes(Egress(["127.0.0.0/8"]), "http://127.1:9001/") is None


@pytest.mark.parametrize(
    "entry", ["", "10.0.0.0/33", "host:0", "host:65536", "host:x", "a b", "http://x", "0x7f.1", "[::1"]
)
def test_an_entry_that_is_none_of_these_is_refused(entry: str) -> None:
    with pytest.raises(ValueError, match=r"port|CIDR"):
        Egress([entry])


EVERYTHING = ["0.0.0.0/0", "::/0", "localhost", "flows.example.org"]


@pytest.mark.parametrize("ip", ["127.0.0.1", "::ffff:127.0.0.1", "0.0.0.0", "::", "64:ff9b::7f00:1"])
def test_the_server_itself_is_refused_whatever_is_allowed(ip: str) -> None:
    egress = Egress(EVERYTHING, own_addresses=[("127.0.0.1", 8080)])
    problem = egress.check_address(ip, "innocent.example", 8080)

    assert problem is not None
    assert "this server itself" in problem.message
    assert problem.suggestion is None
    assert egress.check_address(ip, "innocent.example", 8081) is None


def test_a_server_on_all_addresses_is_refused_on_each() -> None:
    egress = Egress(EVERYTHING, own_addresses=[("0.0.0.0", 8080), ("::", 8080)])

    for ip in ("127.0.0.1", "127.3.2.1", "::1", "0.0.0.0"):
        assert egress.check_address(ip, "x", 8080) is not None
    assert egress.check_address("127.0.0.1", "x", 80) is None


def test_the_servers_own_names_are_refused() -> None:
    egress = Egress(EVERYTHING, own_addresses=[("localhost", 8080), ("flows.example.org", 443)])

    assert codes(egress, "https://flows.example.org/hook") == "egress_blocked"
    assert codes(egress, "https://flows.example.org:8443/hook") is None
    assert codes(egress, "http://127.0.0.1:8080/") == "egress_blocked"
    assert codes(egress, "http://localhost:8080/") == "egress_blocked"
    assert egress.check_address("93.184.216.34", "flows.example.org", 443) is not None
    assert egress.check_address("::1", "x", 8080) is not None


def test_what_is_no_address_is_blocked() -> None:
    assert Egress(EVERYTHING).check_address("not an address", "x", 80) is not None
