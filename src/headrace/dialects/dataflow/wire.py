"""The words of this dialect: which keys an object may have, how types are spelled, what names look like.

Plain tables and values; nothing here reads a document or knows the engine.
"""

from __future__ import annotations

import re
from typing import Literal as OneOf

from msgspec import Struct

from headrace.definition.types import TypeName
from headrace.dialects.dataflow.names import fold

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}\Z")
"""Names of inputs, tasks and outputs."""

WORKFLOW_ID = re.compile(r"wf-[a-z0-9]{8}\Z")
EXECUTION_ID = re.compile(r"(we|ex)-([a-z0-9]{8})\Z")
FILE_ID = re.compile(r"file-[a-z0-9]{8}\Z")

LARGEST_TITLE = 200
MOST_TASKS = 10_000
MOST_PROBLEMS = 100
"""Problems shown in one answer, before `more_problems`; and warnings, before `more_warnings`."""

LONGEST_TIMEOUT = 86_400
"""Seconds; also the longest delay between two tries."""

FILE_MEMBERS = frozenset(("file_id", "url", "name", "content_type", "content_base64", "size", "sha256"))
"""What a file that is given as an object may have; our own answers add the last two."""

VOICES = ("alloy", "echo", "fable", "onyx", "nova", "shimmer")
"""The documented ones; another is passed on with a warning."""

TYPE_WORDS: dict[str, TypeName] = {
    "text": "text",
    "string": "text",
    "str": "text",
    "number": "number",
    "integer": "number",
    "int": "number",
    "float": "number",
    "double": "number",
    "boolean": "boolean",
    "bool": "boolean",
    "object": "object",
    "json": "object",
    "dict": "object",
    "array": "object",
    "list": "object",
    "file": "file",
    "binary": "file",
}
"""Spelling in lower case to our name."""

Family = OneOf["A", "B"]


class Style(Struct, frozen=True, kw_only=True):
    """How the answers about one document are spelled (section 1 of the specification)."""

    family: Family = "A"
    """A says `workflow_execution_id` and `we-`, B `execution_id` and `ex-`."""
    label: OneOf["name", "ref"] = "name"
    """Key of a task's name."""
    camel_case: bool = False
    """Keys as in `workflowId`; always with family B."""


class Shape:
    """Which fields an object of the page has, under all their spellings."""

    __slots__ = ("fields", "ignored", "spellings", "what")

    def __init__(self, what: str, ignored: tuple[str, ...] = (), **fields: tuple[str, ...]) -> None:
        self.what = what
        """What the object is called in sentences."""
        self.fields = {
            fold(spelling): field for field, others in fields.items() for spelling in (field, *others)
        }
        """Folded spelling to the field's own name."""
        self.spellings = {
            fold(spelling): spelling for f, others in fields.items() for spelling in (f, *others)
        }
        self.ignored = frozenset(map(fold, ignored))
        """Keys that our own answers add, accepted back without a word."""


WORKFLOW = Shape(
    "The workflow",
    ("workflow_id", "workflow_version", "created_at", "updated_at"),
    title=("name",),
    description=(),
    inputs=("input",),
    tasks=("steps",),
    outputs=("output",),
    sequential=(),
)
INPUT = Shape("An input", name=(), type=(), required=(), default=(), description=())
TASK = Shape(
    "A task",
    name=("ref", "id"),
    type=(),
    inputs=("input",),
    outputs=("output",),
    condition=(),
    retry=(),
    fallback=(),
    depends_on=(),
    timeout=(),
)
OUTPUT = Shape("An output", name=(), value=(), type=(), description=())
NAMED_VALUE = Shape("An entry", name=(), value=())
RETRY = Shape("A retry", attempts=(), delay=(), multiplier=(), max_delay=())
FALLBACK = Shape("A fallback", task=(), inputs=("input",))
START = Shape("A start", inputs=("input",), monitoring=(), webhook_url=(), workflow_id=())
RERUN = Shape("A rerun", ("inputs", "input", "monitoring", "webhook_url"), **{"from": (), "workflow_id": ()})
"""What only a start has is told with its reason, by whoever reads the body."""
MONITORING = Shape("'monitoring'", webhook_url=(), webhook=(), webhook_secret=())
WEBHOOK = Shape("A webhook", url=(), events=(), secret=())
