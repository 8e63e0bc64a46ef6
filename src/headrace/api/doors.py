"""The one table of doors: which application answers a path, by the longest prefix of whole segments.

A trailing slash is stripped and never redirected; HEAD is GET without the body; everything unknown is native.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, TypeVar

from headrace.dialects.protocol import Application, Message, Receive, Scope, Send

Behind = TypeVar("Behind")


class Prefixes(Generic[Behind]):
    """Finds what stands behind the longest prefix of a path, by whole segments."""

    def __init__(self, table: Mapping[str, Behind]) -> None:
        """Take prefixes such as `/workflows`."""
        self._table = dict(table)
        self._deepest = max((prefix.count("/") for prefix in table), default=0)

    def find(self, path: str) -> Behind | None:
        """Return what stands behind the longest prefix; None when no prefix matches."""
        segments = path.split("/", self._deepest + 1)
        for length in range(min(len(segments), self._deepest + 1), 1, -1):
            found = self._table.get("/".join(segments[:length]))
            if found is not None:
                return found
        return None


class Doors:
    """Picks the application of each request."""

    def __init__(self, table: Mapping[str, Application], otherwise: Application) -> None:
        """Take prefixes such as `/workflows` with their applications, and who answers everything else."""
        self._table = Prefixes(table)
        self._otherwise = otherwise

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path: str = scope["path"]
        if len(path) > 1 and path.endswith("/"):
            path = scope["path"] = path[:-1]
            scope["raw_path"] = scope.get("raw_path", b"").removesuffix(b"/")
        application = self.application_of(path)
        if scope["method"] == "HEAD":
            await _without_body(application, scope, receive, send)
        else:
            await application(scope, receive, send)

    def application_of(self, path: str) -> Application:
        """Return the application that answers a path."""
        return self._table.find(path) or self._otherwise


async def _without_body(application: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer HEAD by what GET would answer; the answer ends with its headers, however long the body is."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.start":
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    # The web server looks at its own scope to know that no body belongs to this answer.
    await application({**scope, "method": "GET"}, receive, send_head)
