"""Where the server's own log goes: standard error, one line per entry, without the secrets that are in use.

Lines for people on a terminal, JSON everywhere else; standard output belongs to the address alone.
"""

from __future__ import annotations

import io
import logging
import sys
from typing import Any, TextIO, cast

import msgspec
import structlog

from headrace.security.redaction import SecretsInUse


class _StandardError(io.TextIOBase):
    """Standard error as it is when a line is written: who runs us inside of itself may exchange it."""

    def write(self, text: str) -> int:
        """Write the text."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Let it out."""
        sys.stderr.flush()


_STANDARD_ERROR = _StandardError()


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
        logger_factory=structlog.WriteLoggerFactory(cast("TextIO", _STANDARD_ERROR)),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(stream=_STANDARD_ERROR, level=logging.WARNING)


def _json(entry: Any, **_: Any) -> str:
    return msgspec.json.encode(entry, enc_hook=repr).decode()
