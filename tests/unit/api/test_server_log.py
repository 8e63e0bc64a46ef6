"""Where the server's log goes when whoever runs the server exchanges standard error."""

from __future__ import annotations

import io
import sys

import pytest
import structlog

from headrace.api import server_log
from headrace.security.redaction import SecretsInUse


def test_a_line_goes_to_standard_error_as_it_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    former = io.StringIO()
    monkeypatch.setattr(sys, "stderr", former)
    server_log.configure(SecretsInUse())
    log = structlog.get_logger("test")
    log.info("first")
    present = io.StringIO()
    monkeypatch.setattr(sys, "stderr", present)
    former.close()

    log.info("second")

    assert '"event":"second"' in present.getvalue()


def test_a_line_is_cleared_of_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    secrets = SecretsInUse()
    secrets.learn(["s3cret-value"])
    server_log.configure(secrets)

    structlog.get_logger("test").warning("failed", error="the key s3cret-value is wrong")

    assert "s3cret" not in out.getvalue()
    assert "the key *** is wrong" in out.getvalue()
