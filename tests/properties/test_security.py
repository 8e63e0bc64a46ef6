"""Laws of the security room that hold for any input."""

from __future__ import annotations

import base64
import contextlib
import json
from ipaddress import IPv4Address, IPv6Address, ip_address
from itertools import pairwise
from typing import Any
from urllib.parse import quote

import yaml
from hypothesis import given, strategies as st

from headrace.errors import InvalidDefinition
from headrace.security import addresses, documents, origin, tokens
from headrace.security.documents import Scalar
from headrace.security.egress import Egress
from headrace.security.redaction import Redactor

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(texts, inner, max_size=5),
    max_leaves=25,
)
yaml_like = st.text("ab01-:?!&*#|>%@{}[],'\"\\ \n\t<~.é\x00\u2028", max_size=60)


def pointers(value: Any, path: str = "") -> list[tuple[str, Any]]:
    """Return the pointer of each part of a value, with the key or the element that stands at its place."""
    found: list[tuple[str, Any]] = []
    if isinstance(value, dict):
        for key, child in value.items():
            pointer = f"{path}/{key.replace('~', '~0').replace('/', '~1')}"
            found += [(pointer, key), *pointers(child, pointer)]
    if isinstance(value, list):
        for index, child in enumerate(value):
            found += [(f"{path}/{index}", child), *pointers(child, f"{path}/{index}")]
    return found


def rest_at(text: str, place: documents.Place) -> str:
    return "\n".join(text.split("\n")[place.line - 1 :])[place.column - 1 :]


@given(st.binary(max_size=80) | yaml_like.map(str.encode) | json_values.map(lambda v: json.dumps(v).encode()))
def test_a_reader_gives_a_document_or_the_problems(data: bytes) -> None:
    for read in (documents.read_json, documents.read_yaml, documents.read_yaml_texts):
        problems: Any = ()
        place: documents.Place | None = None
        try:
            place = read(data).locate("/a/0")
        except InvalidDefinition as refusal:
            problems = refusal.problems or "none were told"

        assert isinstance(problems, tuple)
        assert place is None or (place.line >= 1 and place.column >= 1)


@given(st.binary(max_size=80) | yaml_like.map(str.encode))
def test_what_is_read_can_be_written_as_json(data: bytes) -> None:
    for read in (documents.read_json, documents.read_yaml):
        with contextlib.suppress(InvalidDefinition):
            value = read(data).value

            assert json.loads(json.dumps(value, allow_nan=False, ensure_ascii=False).encode()) == value


@given(json_values, st.sampled_from([None, 1]))
def test_json_is_read_back_and_every_part_is_found_where_it_stands(value: Any, indent: int | None) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=False)
    document = documents.read_json(text.encode())

    assert document.value == value
    for pointer, part in [("", value), *pointers(value)]:
        place = document.locate(pointer)
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


secrets = st.text(st.sampled_from('abc+/="\\é '), min_size=4, max_size=9)


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(edges)]


@given(st.lists(secrets, min_size=1, max_size=4), st.data(), st.lists(st.integers(0, 999)))
def test_no_split_of_a_stream_lets_a_secret_through(
    known: list[str], data: st.DataObject, cuts: list[int]
) -> None:
    filling = st.text(st.sampled_from("abc+/ é"), max_size=6)
    parts = data.draw(st.lists(st.sampled_from(known) | filling, max_size=8))
    text = "".join(parts).encode()
    redactor = Redactor(known, mask="#")
    stream = redactor.stream()

    shown = b"".join(stream.feed(piece) for piece in pieces(text, cuts)) + stream.finish()

    assert shown == redactor.octets(text)
    assert not any(secret.encode() in shown for secret in known)


@given(secrets, st.lists(st.integers(0, 999)))
def test_a_stream_holds_back_less_than_the_longest_form(secret: str, cuts: list[int]) -> None:
    redactor = Redactor([secret])
    stream, text = redactor.stream(), (secret * 5).encode()[:-1]
    taken = given_back = 0

    for piece in pieces(text, cuts):
        taken += len(piece)
        given_back += len(stream.feed(piece))

        assert len(stream._held) < redactor.longest


@given(secrets, st.binary(max_size=5), st.binary(max_size=5))
def test_encodings_do_not_hide_a_secret(secret: str, before: bytes, after: bytes) -> None:
    redactor, whole = Redactor([secret]), before + secret.encode() + after

    for written in (
        base64.b64encode(whole).decode(),
        base64.urlsafe_b64encode(whole).decode(),
        quote(whole),
        quote(whole, safe=""),
        json.dumps(f"<{secret}>"),
    ):
        assert "***" in redactor.text(written)


@given(json_values, secrets)
def test_a_masked_json_value_has_the_same_shape_and_no_secret(value: Any, secret: str) -> None:
    shown = Redactor([secret], mask="#").json({"value": value, "text": f"x{secret}x"})

    assert secret not in shown["text"]
    assert type(shown["value"]) is type(value) or shown["value"] == "#"


@given(st.ip_addresses())
def test_what_the_standard_library_calls_private_is_blocked(address: IPv4Address | IPv6Address) -> None:
    problem = Egress().check_address(str(address), "x", 80)

    inner = addresses.carried(address)
    if inner.is_private or inner.is_multicast or inner.is_reserved or inner.is_link_local:
        assert problem is not None


@given(st.integers(0, 2**32 - 1), st.sampled_from(["{}", "0x{:x}", "0{:o}"]))
def test_a_number_is_judged_as_the_address_that_it_spells(number: int, spelling: str) -> None:
    spelled = Egress().check_url(f"http://{spelling.format(number)}/")
    usual = Egress().check_url(f"http://{ip_address(number)}/")

    assert (spelled is None) is (usual is None)


@given(st.text(max_size=40) | st.text("htps:/@[]%.\\?#0123456789abcdefx", max_size=40).map("http://".__add__))
def test_any_text_gets_a_verdict(text: str) -> None:
    problem = Egress(["10.0.0.0/8"]).check_url(text)
    verdict = origin.judge(text, text, origin.Rules(public_url="https://x.example"))

    assert problem is None or problem.code in ("invalid_url", "egress_blocked")
    assert verdict in origin.Verdict
    assert tokens.presented({"authorization": text}) != ""
