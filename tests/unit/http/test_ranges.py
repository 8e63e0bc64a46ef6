from __future__ import annotations

import pytest

from headrace.http.ranges import RangeNotSatisfiable, Span, span_of


@pytest.mark.parametrize(
    ("header", "span"),
    [
        (None, Span(0, 10, is_part=False)),
        ("bytes=0-3", Span(0, 4, is_part=True)),
        ("bytes=2-", Span(2, 10, is_part=True)),
        ("bytes=-3", Span(7, 10, is_part=True)),
        ("bytes=-30", Span(0, 10, is_part=True)),
        ("bytes=8-30", Span(8, 10, is_part=True)),
        ("Bytes=0-0", Span(0, 1, is_part=True)),
        ("bytes=0-1,4-5", Span(0, 10, is_part=False)),
        ("bytes=5-2", Span(0, 10, is_part=False)),
        ("bytes=-", Span(0, 10, is_part=False)),
        ("lines=1-2", Span(0, 10, is_part=False)),
        ("bytes=٣-", Span(0, 10, is_part=False)),
    ],
)
def test_a_range_is_read_as_the_standard_says(header: str | None, span: Span) -> None:
    assert span_of(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_outside_of_the_content_is_refused_with_its_size(header: str) -> None:
    with pytest.raises(RangeNotSatisfiable) as refused:
        span_of(header, 10)

    assert refused.value.size == 10


def test_nothing_is_in_the_range_of_an_empty_content() -> None:
    assert span_of(None, 0) == Span(0, 0, is_part=False)
    with pytest.raises(RangeNotSatisfiable):
        span_of("bytes=0-", 0)


def test_the_headers_say_which_part_of_what() -> None:
    assert Span(2, 5, is_part=True).headers(10) == {
        "content-length": "3",
        "accept-ranges": "bytes",
        "content-range": "bytes 2-4/10",
    }
    assert Span(2, 5, is_part=True).status == 206
