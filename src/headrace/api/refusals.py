"""What is refused before any door is asked, in the words of the door that the path leads to."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from headrace.api.doors import Prefixes
from headrace.api.problems import MEDIA_TYPE, document
from headrace.dialects.protocol import Dialect, Refusing, Scope, Send, ToldRefusal


class Refusals:
    """Tells a refusal in the dialect of its path, and natively where no dialect is."""

    def __init__(self, dialects: Iterable[Dialect]) -> None:
        self._dialects: Prefixes[Refusing] = Prefixes(
            {prefix: each for each in dialects if isinstance(each, Refusing) for prefix in each.prefixes}
        )

    def told(self, path: str, status: int, code: str, message: str) -> ToldRefusal:
        """Return the answer at a path."""
        dialect = self._dialects.find(path)
        if dialect is not None:
            return dialect.refusal(status, code, message)
        return ToldRefusal(msgspec.json.encode(document(status, code, message)), MEDIA_TYPE)

    async def send(self, scope: Scope, send: Send, status: int, code: str, message: str) -> None:
        """Answer a request; HEAD gets the headers alone."""
        told = self.told(scope["path"], status, code, message)
        headers = [
            (b"content-type", told.media_type.encode()),
            (b"content-length", str(len(told.content)).encode()),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else told.content})
