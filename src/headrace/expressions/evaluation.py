"""One evaluation on its way: the scope that it reads and the steps that it has left.

Whatever can grow or walk pays before it does so; nothing here knows which function or operator is paying.
"""

from __future__ import annotations

from headrace.definition.templates import FileRef, Json, ValueRef
from headrace.expressions.errors import NeedsValue, TooExpensive, WrongType
from headrace.expressions.scope import Lazy, Scope

STEPS = 100_000
"""What one expression may cost: a visited node, a list element and 64 characters of text cost one each."""

LARGEST_VALUE = 1 << 20
"""Bytes of compact JSON that the value of one expression may have."""

DEEPEST_VALUE = 64
"""Levels of lists and objects that text may be decoded to."""

_PLAIN = frozenset({str, int, float, bool, type(None), list, dict, FileRef})


class Budget:
    """Steps that may still be taken; may be shared by several evaluations."""

    __slots__ = ("left",)

    def __init__(self, steps: int = STEPS) -> None:
        self.left = steps


class Evaluation:
    """The scope and the budget of one evaluation."""

    __slots__ = ("budget", "scope")

    def __init__(self, scope: Scope, budget: Budget) -> None:
        self.scope = scope
        self.budget = budget

    def spend(self, steps: int) -> None:
        """Pay for some steps; raise TooExpensive when there are not enough left."""
        self.budget.left -= steps
        if self.budget.left < 0:
            raise TooExpensive(f"{STEPS} steps")

    def look(self, value: Json) -> Json:
        """Return the value that a reference or a lazy object stands for; what is inside it stays as it is."""
        if type(value) in _PLAIN:
            return value
        if isinstance(value, Lazy):
            return value.whole()
        if isinstance(value, ValueRef):
            loaded = self.scope.load(value)
            if loaded is None:
                raise NeedsValue((value,))
            return loaded
        raise WrongType(f"{type(value).__name__} is no JSON value")

    def contents(self, value: Json) -> Json:
        """Return the value with everything inside it loaded, paying for all of it; files are refused.

        Raise NeedsValue with all references that are not loaded.
        """
        needed: dict[ValueRef, None] = {}
        whole = self._contents(value, needed)
        if needed:
            raise NeedsValue(tuple(needed))
        return whole

    def _contents(self, value: Json, needed: dict[ValueRef, None]) -> Json:
        try:
            value = self.look(value)
        except NeedsValue as question:
            needed.update(dict.fromkeys(question.refs))
            return None
        kind = type(value)
        if kind is str:
            self.spend(len(value) >> 6)
        elif kind is list:
            self.spend(len(value))
            return [self._contents(item, needed) for item in value]
        elif kind is dict:
            self.spend(len(value))
            return {key: self._contents(item, needed) for key, item in value.items()}
        elif kind is FileRef:
            raise WrongType(f"the file '{value.name}' has no text")
        return value


def check_size(value: Json) -> None:
    """Raise TooExpensive when a value would take more than LARGEST_VALUE bytes; visit no more than that."""
    left = LARGEST_VALUE
    waiting = [value]
    while waiting:
        current = waiting.pop()
        kind = type(current)
        if kind is str:
            left -= _bytes(current)
        elif kind is list:
            left -= 2 * len(current)
            if left >= 0:
                waiting.extend(current)
        elif kind is dict:
            left -= sum(4 + _bytes(key) for key in current)
            if left >= 0:
                waiting.extend(current.values())
        if left < 0:
            raise TooExpensive(f"{LARGEST_VALUE} bytes of value")


def check_depth(value: Json) -> None:
    """Raise WrongType when lists and objects are nested in more than DEEPEST_VALUE levels."""
    level = [value]
    for _ in range(DEEPEST_VALUE + 1):
        level = [inner for outer in level for inner in _inside(outer)]
        if not level:
            return
    raise WrongType(f"more than {DEEPEST_VALUE} levels of lists and objects")


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _inside(value: Json) -> list[Json]:
    kind = type(value)
    if kind is dict:
        return list(value.values())
    return value if kind is list else []
