"""Where the server's own log goes: standard error, one line per entry, without the secrets that are in use.

Lines for people on a terminal, JSON everywhere else; standard output belongs to the address alone.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

import msgspec
import structlog

from headrace.security.redaction import SecretsInUse


def configure(secrets: SecretsInUse, level: int = logging.INFO) -> None:
    """Send all logging to standard error, each line without the secrets that are in use then."""
    for_people = sys.stderr.isatty()
    renderers: list[Any] = (
        [structlog.dev.ConsoleRenderer()]
        if for_people
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]
    )

    def without_secrets(_: Any, __: str, line: Any) -> str:
        return secrets.redactor.text(line)

    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *renderers,
            without_secrets,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)


def _json(entry: Any, **_: Any) -> str:
    return msgspec.json.encode(entry, enc_hook=repr).decode()
