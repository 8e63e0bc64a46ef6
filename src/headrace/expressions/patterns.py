"""Searches texts by patterns in time linear in the text: the only file that knows RE2.

RE2 has no look-around and no back-references, and so no pattern can make it walk back.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # it ships no types

from headrace.expressions.errors import WrongType
from headrace.expressions.evaluation import Evaluation

_MEMORY = 1 << 19
"""Bytes that one compiled pattern may take; some hundred of them are kept."""


def found(work: Evaluation, pattern: str, text: str) -> bool:
    """Say whether the pattern is found anywhere in the text.

    RE2's slow way takes time in proportion to text times program (0.6 ns per character and instruction was
    measured), so the price is the text's for every 64 instructions.
    """
    compiled = _compiled(pattern)
    work.spend((len(text) >> 6) * (1 + (compiled.programsize >> 6)))
    try:
        return compiled.search(text) is not None
    except UnicodeEncodeError:
        raise WrongType("a text holds half of a character") from None


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        return re2.compile(pattern, options)
    except UnicodeEncodeError:
        raise WrongType("a pattern holds half of a character") from None
    except re2.error as error:
        reason = error.args[0]
        raise WrongType(
            f"invalid pattern: {reason.decode() if isinstance(reason, bytes) else reason}"
        ) from None
