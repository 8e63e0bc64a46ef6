"""YAML texts: one pass over libyaml's events builds the value, counts what could blow up, keeps places.

Nothing is built from a tag, nothing recurses, and an alias costs what it stands for.
The scalar rules are in `yaml_scalars`; what a key means is for the dialects.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from yaml import CSafeLoader, YAMLError, events
from yaml.error import MarkedYAMLError
from yaml.reader import ReaderError

from headrace.errors import InvalidDefinition, Problem
from headrace.security import yaml_breaks, yaml_counting
from headrace.security.yaml_counting import Limits
from headrace.security.yaml_scalars import WrongTag

_MOST_PROBLEMS = 100
_MAPPING_TAGS = frozenset({None, "!", "tag:yaml.org,2002:map"})
_SEQUENCE_TAGS = frozenset({None, "!", "tag:yaml.org,2002:seq"})

_NO_MERGING = "Merge keys (<<) are not part of YAML 1.2; write the keys out"

_CLEARER = {
    "found invalid Unicode character escape code": (
        "found an escape that is no Unicode character (YAML writes those beyond \\uFFFF as in \\U0001F600)"
    )
}
"""Words of libyaml that leave open what to do, and ours."""

ReadScalar = Callable[[str, str], Any]
"""Text and tag to value; raises WrongTag. Without a tag of its own a plain scalar has `?`, a quoted `!`."""


class _Anchored(NamedTuple):
    """What an alias may stand for, and what it costs."""

    value: Any
    nodes: int
    characters: int
    height: int


class _Open:
    """A mapping or sequence whose end has not been seen."""

    __slots__ = ("anchor", "characters", "deepest", "key", "nodes", "places", "value", "wants_key")

    def __init__(self, value: Any, anchor: str | None, nodes: int, characters: int, depth: int) -> None:
        self.value = value
        self.anchor = anchor
        self.nodes = nodes
        self.characters = characters
        self.deepest = depth
        self.key = ""
        self.wants_key = type(value) is dict
        self.places: array[int] = array("Q")


class YamlSource:
    """Finds places: for each container the packed places of its keys or elements, in their order."""

    def __init__(self) -> None:
        self.root: Any = None
        self.root_place = _pack(0, 0)
        self.places: dict[int, array[int]] = {}
        """By the identity of the container, which lives as long as the document does."""

    def key(self, tokens: list[str]) -> tuple[int, int] | None:
        """Find line and column of the key of a member, or of an element."""
        value, place = self.root, self.root_place
        for token in tokens:
            places = self.places.get(id(value))
            if places is None:
                return None
            if isinstance(value, dict):
                if token not in value:
                    return None
                place = places[list(value).index(token)]
                value = value[token]
            else:
                if not (token.isascii() and token.isdigit() and int(token) < len(value)):
                    return None
                place, value = places[int(token)], value[int(token)]
        return _unpack(place)


def _pack(line: int, column: int) -> int:
    return (line + 1) << 32 | (column + 1)


def _unpack(place: int) -> tuple[int, int]:
    return place >> 32, place & 0xFFFFFFFF


def read(text: str, limits: Limits, read_scalar: ReadScalar) -> tuple[Any, YamlSource]:
    """Return the value of the text and its places.

    Raises InvalidDefinition with the problems up to the first that makes reading on pointless: at most 100 of
    them, and how many there are.
    """
    text, hidden = yaml_breaks.hide(text)
    reading = _Reading(limits, read_scalar, hidden)
    yaml_counting.check(text, limits)
    try:
        parser = CSafeLoader(text)
        while (event := parser.get_event()) is not None:
            reading.take(event)
    except YAMLError as error:
        reading.fail(_syntax_problem(error, text))
    except UnicodeEncodeError:
        reading.fail(Problem(path="", code="yaml_syntax", message="A lone surrogate is not a character."))
    if reading.problems:
        raise InvalidDefinition(reading.problems, total=reading.total)
    return reading.source.root, reading.source


def _syntax_problem(error: YAMLError, text: str) -> Problem:
    if isinstance(error, ReaderError):
        before = text.encode()[: error.position].decode(errors="ignore")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        reason = f"character U+{error.character:04X} is not allowed"
    elif isinstance(error, MarkedYAMLError) and error.problem_mark is not None:
        line, column = error.problem_mark.line + 1, error.problem_mark.column + 1
        what = _CLEARER.get(str(error.problem), error.problem)
        reason = f"{error.context}, {what}" if error.context else str(what)
    else:
        return Problem(path="", code="yaml_syntax", message=f"This is not YAML: {error}.")
    message = f"This is not YAML: {reason} at line {line}, column {column}."
    return Problem(path="", code="yaml_syntax", message=message, line=line, column=column)


class _Reading:
    """The state of one pass: open containers, anchors, and what has been counted."""

    def __init__(self, limits: Limits, read_scalar: ReadScalar, hidden: dict[int, str]) -> None:
        self.source = YamlSource()
        self.problems: list[Problem] = []
        self.total = 0
        """Problems altogether, of which the first hundred are kept."""
        self._limits = limits
        self._read_scalar = read_scalar
        self._hidden = hidden
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Anchored | None] = {}
        self._documents = 0
        self._nodes = 0
        self._characters = 0
        self._at = 0

    def take(self, event: Any) -> None:
        """Take the next event of the parser."""
        mark = event.start_mark
        self._at = _pack(mark.line, mark.column)
        kind = type(event)
        if kind is events.ScalarEvent:
            self._scalar(event)
        elif kind is events.MappingStartEvent:
            self._open({}, event, _MAPPING_TAGS)
        elif kind is events.SequenceStartEvent:
            self._open([], event, _SEQUENCE_TAGS)
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            self._close()
        elif kind is events.AliasEvent:
            self._alias(event.anchor)
        elif kind is events.DocumentStartEvent:
            self._documents += 1
            if self._documents > 1:
                self.fail(
                    self._problem("yaml_many_documents", "A second document begins here; one is wanted")
                )

    def fail(self, problem: Problem) -> NoReturn:
        """Stop with this problem and all before it."""
        raise InvalidDefinition([*self.problems, problem][:_MOST_PROBLEMS], total=self.total + 1)

    def _scalar(self, event: events.ScalarEvent) -> None:
        if self._hidden:
            event.value = event.value.translate(self._hidden)
        text = event.value
        self._count(1, len(text) + len(event.tag or ""))
        if self._stack and self._stack[-1].wants_key:
            self._key(event)
            return
        value = self._read(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, 1, len(text), 0)
        self._add(value)

    def _read(self, event: events.ScalarEvent) -> Any:
        try:
            return self._read_scalar(event.value, event.tag or ("?" if event.implicit[0] else "!"))
        except WrongTag as wrong:
            why = str(wrong)
            self._report("yaml_tag", lambda: why)
            return None

    def _key(self, event: events.ScalarEvent) -> None:
        frame, text = self._stack[-1], event.value
        frame.key, frame.wants_key = text, False
        if event.tag is not None:
            self._read(event)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(self._read(event), 1, len(text), 0)
        if text == "<<" and event.implicit[0]:
            self._report("yaml_merge_key", lambda: _NO_MERGING)
        if text in frame.value:
            self._report("duplicate_key", lambda: self._twice(frame, text))
        else:
            frame.places.append(self._at)

    def _twice(self, frame: _Open, key: str) -> str:
        first, _ = _unpack(frame.places[list(frame.value).index(key)])
        again, _ = _unpack(self._at)
        return f"The key {key[:80]!r} stands twice in one mapping (lines {first} and {again})"

    def _open(self, value: Any, event: Any, tags: frozenset[str | None]) -> None:
        self._count(1, len(event.tag or ""))
        depth = len(self._stack) + 1
        if depth > self._limits.depth:
            self._refuse(self._limits.too_deep())
        if self._stack and self._stack[-1].wants_key:
            self.fail(
                self._problem("yaml_syntax", "A key must be a single value, not a mapping or a sequence")
            )
        if event.tag not in tags:
            shown = event.tag.replace("tag:yaml.org,2002:", "!!", 1)[:80]
            self._report("yaml_tag", lambda: f"The tag {shown} is not one that suits here")
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._add(value)
        frame = _Open(value, event.anchor, self._nodes - 1, self._characters, depth)
        self.source.places[id(value)] = frame.places
        self._stack.append(frame)

    def _close(self) -> None:
        frame = self._stack.pop()
        height = frame.deepest - len(self._stack)
        if self._stack and self._stack[-1].deepest < frame.deepest:
            self._stack[-1].deepest = frame.deepest
        if frame.anchor is not None:
            nodes, characters = self._nodes - frame.nodes, self._characters - frame.characters
            self._anchors[frame.anchor] = _Anchored(frame.value, nodes, characters, height)

    def _alias(self, name: str) -> None:
        if name not in self._anchors:
            self.fail(self._problem("yaml_syntax", f"The alias *{name[:80]} has no anchor before it"))
        anchored = self._anchors[name]
        if anchored is None:
            self._refuse(f"The alias *{name[:80]} stands inside what it names")
        self._count(anchored.nodes, anchored.characters)
        frame = self._stack[-1]
        deepest = len(self._stack) + anchored.height
        if deepest > self._limits.depth:
            self._refuse(self._limits.too_deep())
        frame.deepest = max(frame.deepest, deepest)
        if frame.wants_key:
            self.fail(self._problem("yaml_syntax", "An alias cannot be a key"))
        self._add(anchored.value)

    def _add(self, value: Any) -> None:
        if not self._stack:
            self.source.root, self.source.root_place = value, self._at
            return
        frame = self._stack[-1]
        if type(frame.value) is list:
            frame.value.append(value)
            frame.places.append(self._at)
            return
        if frame.key not in frame.value:
            frame.value[frame.key] = value
        frame.wants_key = True

    def _count(self, nodes: int, characters: int) -> None:
        self._nodes += nodes
        self._characters += characters
        if self._nodes > self._limits.nodes:
            self._refuse(self._limits.too_many_nodes())
        if self._characters > self._limits.characters:
            self._refuse(self._limits.too_many_characters())

    def _refuse(self, message: str) -> NoReturn:
        self.fail(self._problem("yaml_too_complex", message))

    def _report(self, code: str, say: Callable[[], str]) -> None:
        """Count a problem and go on; the words are only made for those that are told."""
        self.total += 1
        if len(self.problems) < _MOST_PROBLEMS:
            self.problems.append(self._problem(code, say()))

    def _problem(self, code: str, message: str) -> Problem:
        line, column = _unpack(self._at)
        return Problem(path=self._pointer(), code=code, message=f"{message}.", line=line, column=column)

    def _pointer(self) -> str:
        tokens = []
        for frame in self._stack:
            if type(frame.value) is list:
                tokens.append(str(len(frame.value) - (frame is not self._stack[-1])))
            elif not frame.wants_key or frame is not self._stack[-1]:
                tokens.append(frame.key)
        return "".join("/" + token.replace("~", "~0").replace("/", "~1") for token in tokens)
