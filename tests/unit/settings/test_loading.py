from __future__ import annotations

import re
from datetime import timedelta
from operator import attrgetter
from pathlib import Path

import pytest

from headrace import settings
from headrace.errors import InvalidSettings, Problem
from headrace.settings.catalogue import as_written

TOKEN = "a" * 32


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting in settings.catalogue().values():
        monkeypatch.delenv(setting.variable, raising=False)


def written(folder: Path, text: str) -> Path:
    path = folder / "headrace.toml"
    path.write_text(text, encoding="utf-8")
    return path


def problems(options: dict[str, object] | None = None, config: Path | None = None) -> dict[str, Problem]:
    with pytest.raises(InvalidSettings) as caught:
        settings.load(options, config)
    return {problem.path: problem for problem in caught.value.problems}


def test_without_anything_the_defaults_count() -> None:
    loaded = settings.load()

    assert loaded.host == "127.0.0.1"
    assert loaded.port == 8080
    assert loaded.data_dir == Path(".headrace")
    assert loaded.dataflow.max_body == 16 * 1024**2
    assert loaded.local.grace == timedelta(seconds=10)
    assert loaded.local.cpus > 0
    assert loaded.local.memory > 0


def test_an_option_is_stronger_than_a_variable_and_a_variable_than_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path, "port = 1\nhost = '::1'\n[dataflow]\nmax_body = '1KiB'\nmax_file = '5KiB'\n")
    monkeypatch.setenv("HEADRACE_PORT", "2")
    monkeypatch.setenv("HEADRACE_DATAFLOW__MAX_BODY", "2KiB")

    of_file_and_variables = settings.load(config=config)
    of_all = settings.load({"port": 3, "dataflow.max_body": "3KiB", "host": None}, config)

    assert (of_file_and_variables.port, of_file_and_variables.dataflow.max_body) == (2, 2048)
    assert (of_all.port, of_all.dataflow.max_body) == (3, 3072)
    assert (of_all.host, of_all.dataflow.max_file) == ("::1", 5120)


def test_lists_are_separated_by_commas_in_variables_and_are_lists_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path, 'allowed_hosts = ["a.example.org", "*.b.example.org"]\n')
    monkeypatch.setenv("HEADRACE_EGRESS_ALLOW", "127.0.0.1:9000, 10.0.0.0/8,[::1]:80 ,example.org,fd00::/8")

    loaded = settings.load(config=config)

    assert loaded.allowed_hosts == ("a.example.org", "*.b.example.org")
    assert loaded.egress_allow == ("127.0.0.1:9000", "10.0.0.0/8", "[::1]:80", "example.org", "fd00::/8")


def test_an_empty_variable_counts_as_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_ADMIN_TOKEN", "")

    assert settings.load().admin_token is None


def test_an_empty_variable_counts_where_it_means_something(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_AKOFLOW__DEFAULT_RUNTIME", "")
    monkeypatch.setenv("HEADRACE_AKOFLOW__UNKNOWN_RUNTIME", "local")

    akoflow = settings.load().akoflow
    assert (akoflow.default_runtime, akoflow.unknown_runtime) == ("", "local")


def test_a_wrong_value_is_told_with_its_name_its_origin_and_what_is_accepted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = written(tmp_path, "[local]\ngrace = 'soon'\n")
    monkeypatch.setenv("HEADRACE_DATAFLOW__MAX_BODY", "16 parsecs")

    found = problems({"port": "99999"}, config)

    assert {path: problem.message for path, problem in found.items()} == {
        "port": "'99999' is not accepted for port (from the command line); "
        "give a whole number from 0 to 65535.",
        "dataflow.max_body": "'16 parsecs' is not accepted for dataflow.max_body "
        "(from HEADRACE_DATAFLOW__MAX_BODY); "
        "give a size such as `64KiB`, `16MiB` or `2GiB`, or a number of bytes.",
        "local.grace": f"'soon' is not accepted for local.grace (from {config}); "
        "give a duration above 0 such as `500ms`, `90s`, `15m` or `1h30m`, or a number of seconds.",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "-1"),
        ("port", "http"),
        ("auth", "none"),
        ("url", "ftp://example.org"),
        ("public_url", "example.org"),
        ("allowed_hosts", "http://example.org"),
        ("allowed_origins", "https://example.org/path"),
        ("trusted_proxies", "10.0.0.1/8"),
        ("egress_allow", "example.org:99999"),
        ("egress_allow", "http://example.org"),
        ("max_tasks", "0"),
        ("tls_cert", "/nowhere/cert.pem"),
        ("dataflow.max_body", "0"),
        ("rate_limit", "0/1m"),
        ("dataflow.rate_limit", "0/1m"),
        ("dataflow.rate_limit", "fast"),
        ("dataflow.file_retention", "0s"),
        ("dataflow.file_retention", "always"),
        ("openai.key_required", "perhaps"),
        ("local.cpus", "inf"),
        ("local.grace", "0s"),
    ],
)
def test_a_value_that_is_not_accepted_is_refused(name: str, value: str) -> None:
    found = problems({name: value})

    assert list(found) == [name]
    assert value in found[name].message


@pytest.mark.parametrize("name", ["admin_token", "secret_key"])
def test_a_weak_secret_is_refused_and_never_shown(name: str) -> None:
    found = problems({name: "short-and-secret"})

    assert "32 characters" in found[name].message
    assert "short-and-secret" not in found[name].message


def test_secrets_stay_out_of_the_text_of_the_settings() -> None:
    loaded = settings.load({"admin_token": TOKEN, "token": "hush-hush"})

    assert TOKEN not in repr(loaded)
    assert "hush-hush" not in repr(loaded)
    assert loaded.admin_token is not None
    assert loaded.admin_token.get_secret_value() == TOKEN


def test_an_unknown_variable_is_an_error_with_the_nearest_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATAFLOW__MAXBODY", "1MiB")

    found = problems()

    assert found["HEADRACE_DATAFLOW__MAXBODY"].suggestion == "HEADRACE_DATAFLOW__MAX_BODY"


def test_a_whole_room_in_one_variable_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_DATAFLOW", '{"max_body": 1}')

    assert list(problems()) == ["HEADRACE_DATAFLOW"]


def test_unknown_names_in_the_file_are_told_all_at_once(tmp_path: Path) -> None:
    config = written(tmp_path, "prot = 1\nlocal = 4\n[dataflow]\nmax_bodi = 1\n[nowhere]\nx = 1\n")

    found = problems(config=config)

    assert set(found) == {"prot", "local", "dataflow.max_bodi", "nowhere.x"}
    assert found["prot"].suggestion == "port"
    assert found["dataflow.max_bodi"].suggestion == "dataflow.max_body"
    assert found["nowhere.x"].suggestion is None


def test_a_file_that_is_absent_or_broken_is_told_with_its_place(tmp_path: Path) -> None:
    absent = problems(config=tmp_path / "absent.toml")[""]
    broken = problems(config=written(tmp_path, "port = \n"))[""]

    assert "absent.toml cannot be read: No such file or directory." in absent.message
    assert "line 1" in broken.message


def test_switching_tokens_off_is_for_loopback_only() -> None:
    found = problems({"auth": "off", "host": "0.0.0.0"})

    assert (
        found["auth"].message == "auth is off, which is for loopback only, but host is 0.0.0.0; give `token`."
    )
    for host in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert settings.load({"auth": "off", "host": host}).auth == "off"


def test_a_certificate_needs_its_key(tmp_path: Path) -> None:
    pem = tmp_path / "pem"
    pem.write_text("a certificate", encoding="ascii")

    assert "tls_key" in problems({"tls_cert": str(pem)})
    assert settings.load({"tls_cert": str(pem), "tls_key": str(pem)}).tls_key == pem


def test_every_setting_says_what_it_does_and_what_it_accepts() -> None:
    for setting in settings.catalogue().values():
        assert setting.sentence.endswith("."), setting.name
        assert setting.accepts, setting.name
        assert setting.variable == "HEADRACE_" + setting.name.upper().replace(".", "__")
    assert {setting.name for setting in settings.catalogue().values() if setting.is_secret} == {
        "token",
        "admin_token",
        "secret_key",
        "webhook_secret",
    }


@pytest.mark.parametrize("name", settings.catalogue())
def test_what_a_setting_gives_as_examples_it_accepts(name: str) -> None:
    setting = settings.catalogue()[name]
    value_of = attrgetter(name)

    for example in re.findall(r"`([^`]+)`", setting.accepts):
        value = value_of(settings.load({name: example}))
        told = as_written(value)
        assert told or example in ("off", "never")
        assert value_of(settings.load({name: told or example})) == value
