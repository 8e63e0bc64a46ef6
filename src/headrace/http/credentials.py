"""Credentials that come with a request: kept in memory for one execution, and never written anywhere."""

from __future__ import annotations

from starlette.requests import Request

from headrace.http.repeating import InvalidHeader

HEADER = "X-OpenAI-Key"
OPENAI_KEY = "openai_api_key"
"""What task types call the credential, and the secret that is taken where no header came."""


def given_with(request: Request) -> dict[str, str]:
    """Return the credentials of a request by name; raises `InvalidHeader` for one that cannot be sent on."""
    key = request.headers.get(HEADER)
    if key and not (key.isascii() and key.isprintable()):
        raise InvalidHeader(f"{HEADER} has characters that no key has.")
    return {OPENAI_KEY: key} if key else {}
