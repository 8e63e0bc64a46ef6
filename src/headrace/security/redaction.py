"""Masking of secret values wherever text leaves the server: logs, events, errors, webhooks, previews.

A value is found as it is, in small letters, JSON-escaped, as Python's repr, URL-encoded, as HTML has it, and
inside base64 at any alignment (there up to one character at each end may be left over).
Values of fewer than four characters are not masked: they would black out half of every text and hide nothing.
The cost is linear in the text: one compiled alternation, nested by first bytes, for all secrets together.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from headrace.security.secret_forms import LEAST_SECRET, forms_of

__all__ = ["LEAST_SECRET", "Redactor", "SecretsInUse", "StreamRedactor", "without_query"]

MASK = "***"

_HEAD = 4
"""Bytes of a form by which most places are ruled out at once; no form is shorter."""


class Redactor:
    """Masks one set of secret values; a value of its own, so that sinks may share it between threads."""

    def __init__(self, secrets: Iterable[str] = (), mask: str = MASK) -> None:
        self._mask = mask.encode()
        self.forms: list[bytes] = sorted({form for secret in secrets for form in forms_of(secret)})
        """All byte sequences to mask, in byte order."""
        self.longest = max(map(len, self.forms), default=0)
        """Length of the longest of them."""
        self._any = re.compile(_alternation(self.forms, 0)) if self.forms else None
        self._heads = frozenset(form[:length] for form in self.forms for length in range(1, _HEAD + 1))

    def octets(self, data: bytes) -> bytes:
        """Mask whole bytes; for a stream in pieces use `stream`."""
        spans = self.spans(data)
        return self.masked(data, spans) if spans else data

    def text(self, text: str) -> str:
        """Mask a text."""
        if self._any is None:
            return text
        data = text.encode("utf-8", "surrogatepass")
        spans = self.spans(data)
        return self.masked(data, spans).decode("utf-8", "surrogatepass") if spans else text

    def beginning(self, text: str, characters: int) -> str:
        """Return the first characters of a text that is masked, without a part of what the cut goes through.

        Only as much of the text is looked at as that takes.
        """
        if self._any is None:
            return text[:characters]
        stream, shown = self.stream(), b""
        step = characters + self.longest
        for start in range(0, len(text), step):
            shown += stream.feed(text[start : start + step].encode("utf-8", "surrogatepass"))
            begun = shown.decode("utf-8", "ignore")  # the stream may hold back a part of a character
            if len(begun) >= characters:
                return begun[:characters]
        return (shown + stream.finish()).decode("utf-8", "surrogatepass")[:characters]

    def json(self, value: Any) -> Any:
        """Mask a JSON value: texts and keys in part, numbers as a whole; what is no JSON stays as it is."""
        if self._any is None:
            return value
        match value:
            case str():
                return self.text(value)
            case dict():
                return {self.json(key): self.json(child) for key, child in value.items()}
            case list() | tuple():
                return [self.json(child) for child in value]
            case bool():
                return value
            case int() | float():
                written = repr(value)
                return value if self.text(written) == written else self._mask.decode()
            case _:
                return value

    def stream(self) -> StreamRedactor:
        """Begin a stream that arrives in pieces."""
        return StreamRedactor(self)

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """Find what to mask, as disjoint spans in order; occurrences that overlap are one span."""
        found: list[tuple[int, int]] = []
        match = self._any.search(data) if self._any else None
        while match is not None and self._any is not None:
            start, end = match.span()
            if found and start < found[-1][1]:
                found[-1] = (found[-1][0], max(end, found[-1][1]))
            else:
                found.append((start, end))
            match = self._any.search(data, start + 1)
        return found

    def masked(self, data: bytes, spans: list[tuple[int, int]]) -> bytes:
        """Put the mask in place of each span."""
        parts, at = [], 0
        for start, end in spans:
            parts += [data[at:start], self._mask]
            at = end
        return b"".join([*parts, data[at:]])

    def unfinished(self, data: bytes) -> int:
        """Find the earliest place from which the rest of the data may be the beginning of a longer form."""
        for start in range(max(0, len(data) - self.longest + 1), len(data)):
            if data[start : start + _HEAD] in self._heads:
                rest = data[start:]
                after = bisect_right(self.forms, rest)
                if after < len(self.forms) and self.forms[after].startswith(rest):
                    return start
        return len(data)


class StreamRedactor:
    """Masks a stream that arrives in pieces, holding back less than the longest form."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""
        self._covered = 0
        """How many of the held bytes belong to an occurrence whose mask was already given."""

    def feed(self, data: bytes) -> bytes:
        """Take the next piece; return what can be shown now."""
        if not self._redactor.longest:
            return data
        held = self._held + data
        return self._show(held, self._redactor.unfinished(held))

    def finish(self) -> bytes:
        """Return what was held back: no more will come."""
        return self._show(self._held, len(self._held))

    def _show(self, held: bytes, until: int) -> bytes:
        covered = self._covered
        spans = self._redactor.spans(held)
        if covered:
            while spans and spans[0][0] < covered:
                covered = max(covered, spans.pop(0)[1])
        begun = [(start, end) for start, end in spans if start < until]
        last = max([covered, *(end for _, end in begun)])
        self._held, self._covered = held[until:], max(0, last - until)
        shown = [(start - covered, min(end, until) - covered) for start, end in begun]
        return self._redactor.masked(held[covered:until], shown)


class SecretsInUse:
    """The secrets that run at the moment, counted, with a redactor that is rebuilt when the set changes."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._redactor: Redactor | None = Redactor()

    @property
    def redactor(self) -> Redactor:
        """The redactor of the present set."""
        if self._redactor is None:
            self._redactor = Redactor(self._counts)
        return self._redactor

    def learn(self, secrets: Iterable[str]) -> None:
        """Mask these from now on; each call wants one `forget`."""
        for secret in secrets:
            self._counts[secret] += 1
            if self._counts[secret] == 1:
                self._redactor = None

    def forget(self, secrets: Iterable[str]) -> None:
        """Take back one `learn` of each."""
        for secret in secrets:
            self._counts[secret] -= 1
            if self._counts[secret] <= 0:
                del self._counts[secret]
                self._redactor = None


def without_query(url: str) -> str:
    """Return a URL with its query masked: some put a token there."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc, parts.path, "***" if parts.query else "", ""))


def _alternation(forms: list[bytes], depth: int) -> bytes:
    """Nest by the first two bytes, so that a place in the text is tried against few forms; longest first."""
    if depth == 2 or len(forms) == 1:
        return b"|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    groups: dict[bytes, list[bytes]] = {}
    for form in forms:
        groups.setdefault(form[:1], []).append(form[1:])
    return b"|".join(
        re.escape(first) + b"(?:" + _alternation(rests, depth + 1) + b")" for first, rests in groups.items()
    )
