"""Counts the values of a large YAML text before any is made, so that too many cost neither time nor memory.

What an alias stands for is counted where values are made (`yaml_source`): a text with few values of its own
is soon read.
"""

from __future__ import annotations

from yaml import CSafeLoader, YAMLError, events

_OPENING = "[{:-?"
"""Each mapping and each sequence has at least one of these of its own."""
_STRUCTURE = f"{_OPENING},\n"
_MOST_AT_ONE = 3
"""Values that begin at one of those: a mapping, its first key and the value of that."""
_AROUND = 4
"""Events that begin and end the stream and a document."""


def has_more(text: str, most: int) -> bool:
    """Tell whether a text holds more than `most` scalars, keys, containers and aliases of its own.

    True is certain; False also stands for a text that cannot be read.
    Texts with few signs are not looked at twice; others are counted by libyaml alone, 0.08 µs for a value,
    and by its Python binding, 0.6 µs, where that is not enough: it tells no beginnings from ends.
    """
    if _signs(text, _STRUCTURE) * _MOST_AT_ONE < most:
        return False
    try:
        parts = CSafeLoader(text).raw_parse() - _AROUND
    except (YAMLError, UnicodeEncodeError):
        return _has_more_before_it_breaks(text, most)
    if parts <= most:
        return False
    ends = min(parts // 2, _signs(text, _OPENING))
    return parts - ends > most or _has_more_before_it_breaks(text, most)


def _signs(text: str, signs: str) -> int:
    return sum(text.count(sign) for sign in signs)


def _has_more_before_it_breaks(text: str, most: int) -> bool:
    count = 0
    try:
        parser = CSafeLoader(text)
        while (event := parser.get_event()) is not None:
            if isinstance(event, events.NodeEvent):
                count += 1
                if count > most:
                    return True
    except (YAMLError, UnicodeEncodeError):
        pass
    return False
