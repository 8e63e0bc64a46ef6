"""Measuring and changing text, counted in Unicode code points.

The functions are async because they are done at once and shall cost no thread.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.tasks.core import Text
from headrace.tasks.library import task


class Size(Struct, frozen=True):
    """The length of a text.

    size: Number of Unicode code points. Example: 13
    """

    size: int


@task("text.size", repeatable=True)
async def size(text: str) -> Size:
    """Count the characters of a text.

    text: The text to measure. Example: "Hello, World!"
    """
    return Size(len(text))


class Truncated(Struct, frozen=True):
    """A text of limited length.

    truncated_text: The text, cut where it was too long. Example: "Hello..."
    """

    truncated_text: str


@task("text.truncate", repeatable=True)
async def truncate(text: str, length: Annotated[int, Meta(ge=0)]) -> Truncated:
    """Cut a text to a length and append three dots where something was cut.

    text: The text to cut. Example: "Hello, World!"
    length: Number of characters to keep. Example: 5
    """
    return Truncated(text if len(text) <= length else text[:length] + "...")


@task("text_operations.reverse", category="text", aliases=("text_operation.reverse",), repeatable=True)
async def reverse(text: str) -> Text:
    """Reverse the order of the characters of a text.

    text: The text to reverse. Example: "Hello, World!"
    """
    return Text(text[::-1])
