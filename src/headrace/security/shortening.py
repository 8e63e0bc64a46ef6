"""Texts that are shortened where nobody knows the secrets, and masked where somebody does.

A mask looks for whole values, so a cut that goes through one would leave nearly all of it to be seen.
Whoever shortens such a text therefore marks the place, and whoever masks it masks beside each mark also what
a cut may have left: the beginning of a value right before it, the end of one right behind it.
A part of fewer than four bytes stays, as a value of so few does: masking it would hide nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from headrace.security.redaction import Redactor
from headrace.security.secret_forms import LEAST_SECRET

CUT = "…"
"""Stands where something was left out."""

MARK = CUT.encode()


def beginning(text: str, characters: int) -> str:
    """Return at most so many first characters, and a mark where there are more."""
    return text if len(text) <= characters else text[:characters] + CUT


def end(text: str, characters: int) -> str:
    """Return at most so many last characters, behind a mark where there are more."""
    return text if len(text) <= characters else CUT + text[-characters:]


def masked(text: str, redactor: Redactor) -> str:
    """Mask a text that was shortened, maybe in several places."""
    data = text.encode("utf-8", "surrogatepass")
    return redactor.masked(data, spans(data, redactor)).decode("utf-8", "surrogatepass")


def spans(data: bytes, redactor: Redactor) -> list[tuple[int, int]]:
    """Find what to mask, as disjoint spans in order: whole values, and parts of values beside a mark."""
    found: list[tuple[int, int]] = []
    for start, stop in sorted([*redactor.spans(data), *_parts(data, redactor)]):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(stop, found[-1][1]))
        else:
            found.append((start, stop))
    return found


def _parts(data: bytes, redactor: Redactor) -> Iterator[tuple[int, int]]:
    at = data.find(MARK)
    while at >= 0:
        behind = at + len(MARK)
        before = max((_ends(data, at, form) for form in redactor.forms), default=0)
        after = max((_begins(data, behind, form) for form in redactor.forms), default=0)
        yield from ((at - before, at),) if before else ()
        yield from ((behind, behind + after),) if after else ()
        at = data.find(MARK, behind)


def _ends(data: bytes, at: int, form: bytes) -> int:
    """Return how many bytes right before a place are the beginning of a form."""
    start = data.find(form[:LEAST_SECRET], max(0, at - len(form)), at)
    while start >= 0 and not form.startswith(data[start:at]):
        start = data.find(form[:LEAST_SECRET], start + 1, at)
    return at - start if start >= 0 else 0


def _begins(data: bytes, at: int, form: bytes) -> int:
    """Return how many bytes right behind a place are the end of a form."""
    head = data[at : at + LEAST_SECRET]
    start = form.find(head) if len(head) == LEAST_SECRET else -1
    while start >= 0 and not data.startswith(form[start:], at):
        start = form.find(head, start + 1)
    return len(form) - start if start >= 0 else 0
