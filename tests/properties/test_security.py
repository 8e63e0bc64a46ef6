"""Laws of the security room that hold for any input."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import yaml
from hypothesis import given, strategies as st

from headrace.errors import InvalidDefinition
from headrace.security import documents
from headrace.security.documents import Scalar

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)
yaml_like = st.text("ab01-:?!&*#|>%@{}[],'\"\\ \n\t<~.é\x00\u2028", max_size=60)


def pointers(value: Any, path: str = "") -> list[tuple[str, Any]]:
    found = [(path, value)]
    if isinstance(value, dict):
        for key, child in value.items():
            found += pointers(child, f"{path}/{key.replace('~', '~0').replace('/', '~1')}")
    if isinstance(value, list):
        for index, child in enumerate(value):
            found += pointers(child, f"{path}/{index}")
    return found


def rest_at(text: str, place: documents.Place) -> str:
    return "\n".join(text.split("\n")[place.line - 1 :])[place.column - 1 :]


@given(st.binary(max_size=80) | yaml_like.map(str.encode) | json_values.map(lambda v: json.dumps(v).encode()))
def test_a_reader_gives_a_document_or_the_problems(data: bytes) -> None:
    for read in (documents.read_json, documents.read_yaml, documents.read_yaml_texts):
        with contextlib.suppress(InvalidDefinition):
            read(data).locate("/a/0")


@given(st.binary(max_size=80) | yaml_like.map(str.encode))
def test_what_is_read_can_be_written_as_json(data: bytes) -> None:
    for read in (documents.read_json, documents.read_yaml):
        with contextlib.suppress(InvalidDefinition):
            json.dumps(read(data).value, allow_nan=False, ensure_ascii=False).encode()


@given(json_values, st.sampled_from([None, 1]))
def test_json_is_read_back_and_every_part_is_found_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    document = documents.read_json(text.encode())

    assert document.value == value
    for pointer, part in pointers(value):
        place = document.locate_value(pointer)
        assert place is not None
        assert json.JSONDecoder().raw_decode(rest_at(text, place))[0] == part


@given(json_values)
def test_yaml_is_read_back_as_it_was_dumped(value: Any) -> None:
    text = yaml.safe_dump(value, allow_unicode=False, default_style='"')

    read = documents.read_yaml_texts(text.encode()).value

    assert shape(read) == shape(value)


@given(json_values)
def test_every_part_of_a_yaml_document_has_a_place(value: Any) -> None:
    document = documents.read_yaml(yaml.safe_dump(value, default_style='"').encode())
    lines = yaml.safe_dump(value, default_style='"').count("\n") + 1

    for pointer, _ in pointers(document.value):
        place, nearest = document.locate(pointer), document.locate_nearest(f"{pointer}/no such part")
        assert place is not None
        assert 1 <= place.line <= lines
        assert nearest == place


def shape(value: Any) -> Any:
    """Containers and keys as they are, scalars as nothing."""
    if isinstance(value, dict):
        return {key: shape(child) for key, child in value.items()}
    if isinstance(value, list):
        return [shape(child) for child in value]
    assert value is None or isinstance(value, (Scalar, str, bool, int, float))
    return None
