"""How names are compared: folding, one typing slip, did-you-mean, and look-up by all spellings.

Knows nothing of what the names stand for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")

_UNMARKED = str.maketrans("", "", "_-")
_ALIKE = 0.8
"""Ratio of common letters from which one name is offered in place of another that is no typing slip."""


def fold(name: str) -> str:
    """Lower-case the name and drop `_` and `-`."""
    return name.lower().translate(_UNMARKED)


def is_slip(written: str, known: str) -> bool:
    """Tell whether one edit (insert, delete, replace) or one swap of neighbours makes one of the other."""
    if abs(len(written) - len(known)) > 1 or written == known:
        return False
    short, long = sorted((written, known), key=len)
    start = next((i for i, letter in enumerate(short) if letter != long[i]), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    if short[start + 1 :] == long[start + 1 :]:
        return True
    swapped = short[start : start + 2]
    return swapped == long[start : start + 2][::-1] and short[start + 2 :] == long[start + 2 :]


class Suggestions:
    """Finds near names, with a bound on the work for one document: ten thousand slips must cost no minute."""

    __slots__ = ("_comparisons",)

    def __init__(self, comparisons: int = 20_000) -> None:
        self._comparisons = comparisons

    def nearest(self, written: str, names: Iterable[str]) -> str | None:
        """Return the most similar name, or None when none is similar or the bound is reached."""
        folded = fold(written)
        matcher = SequenceMatcher(a="", b=folded, autojunk=False)
        best, best_ratio = None, _ALIKE
        for name in names:
            if self._comparisons <= 0:
                return best
            self._comparisons -= 1
            candidate = fold(name)
            if len(candidate) > 2 and is_slip(folded, candidate):
                return name
            matcher.set_seq1(candidate)
            if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < best_ratio:
                continue
            ratio = matcher.ratio()
            if ratio > best_ratio or (best is None and ratio == best_ratio):
                best, best_ratio = name, ratio
        return best


class Found(NamedTuple, Generic[T]):
    """A name that was found."""

    name: str
    """Its own spelling."""
    value: T
    is_exact: bool
    """It was written in its own spelling."""


class Ambiguous(NamedTuple):
    """Several names fold to what was written."""

    candidates: tuple[str, ...]


class NameTable(Generic[T]):
    """Things by name, found exactly, then by alias, then by folding (section 4 of the specification)."""

    __slots__ = ("_aliases", "_folded", "entries")

    def __init__(self, entries: Mapping[str, T], aliases: Mapping[str, str] | None = None) -> None:
        self.entries = entries
        self._aliases = aliases or {}
        """Alias to name."""
        self._folded: dict[str, list[str]] | None = None

    def find(self, written: str) -> Found[T] | Ambiguous | None:
        """Return what goes by that name."""
        if written in self.entries:
            return Found(written, self.entries[written], is_exact=True)
        if (name := self._aliases.get(written)) is not None:
            return Found(name, self.entries[name], is_exact=False)
        candidates = self._by_folding().get(fold(written), [])
        if len(candidates) > 1:
            return Ambiguous(tuple(candidates))
        return Found(candidates[0], self.entries[candidates[0]], is_exact=False) if candidates else None

    def _by_folding(self) -> dict[str, list[str]]:
        if self._folded is None:
            self._folded = {}
            spellings = [*((name, name) for name in self.entries), *self._aliases.items()]
            for spelling, name in spellings:
                names = self._folded.setdefault(fold(spelling), [])
                if name not in names:
                    names.append(name)
        return self._folded
