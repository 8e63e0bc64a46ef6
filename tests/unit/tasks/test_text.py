from __future__ import annotations

import pytest

from headrace.tasks import core, text, web_text


@pytest.mark.parametrize(("written", "size"), [("Hello, World!", 13), ("👍🏽", 2), ("", 0), ("wörld\n", 6)])
async def test_size_counts_code_points(written: str, size: int) -> None:
    assert (await text.size(written)).size == size


@pytest.mark.parametrize(
    ("written", "length", "cut"),
    [
        ("Hello, World!", 5, "Hello..."),
        ("Hello, World!", 13, "Hello, World!"),
        ("Hello, World!", 12, "Hello, World..."),
        ("Hello", 0, "..."),
        ("", 0, ""),
        ("👍🏽👍🏽", 1, "👍..."),
    ],
)
async def test_truncate_cuts_what_is_longer_and_says_so_with_dots(
    written: str, length: int, cut: str
) -> None:
    assert (await text.truncate(written, length)).truncated_text == cut


async def test_reverse_turns_the_order_of_code_points() -> None:
    assert (await text.reverse("abc")).text == "cba"


async def test_static_text_is_given_on() -> None:
    assert (await core.static_text_input("water")).text == "water"


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("<h1>Hello, World!</h1>", ["Hello, World!"]),
        ("", []),
        ("  \n ", []),
        ("plain text", ["plain text"]),
        ("<p>a<p>b<ul><li>c<li>d", ["a", "b", "c", "d"]),
        ("<h1>T</h1><p>one\n  two</p>tail", ["T", "one two", "tail"]),
        ("<nav>menu</nav><p>hi</p><footer>foot</footer>", ["hi"]),
        ("<nav>only a menu</nav>", ["only a menu"]),
        ("<script>var x", []),
        ("<style>p {}</style><p hidden>no</p><p style='display: none'>no</p>yes<!-- no -->", ["yes"]),
        ("<table><tr><td>a<td>b<tr><td>c</table>", ["a b", "c"]),
        ("<?xml version='1.0' encoding='utf-16'?><p>ä</p>", ["ä"]),
        ("\0\0<p>x\0y", ["xy"]),
        ("<p>a<br>b", ["a b"]),
        (
            "<div class=sidebar><a href=x>Link</a></div><article><h1>T</h1><p>hi there</article>",
            ["T", "hi there"],
        ),
        ("<p>&lt;b&gt; &amp; &#128077;", ["<b> & 👍"]),
        ("</p></div><<<>><p", ["<<<>>"]),
        ("<p>\ud800x", ["?x"]),
    ],
)
def test_a_page_without_main_content_gives_its_visible_text_line_by_line(page: str, lines: list[str]) -> None:
    assert web_text.extract_text(page).text.split("\n") == (lines or [""])


def test_absurd_nesting_does_no_harm() -> None:
    assert web_text.extract_text("<div>" * 100_000 + "deep").text == "deep"


@pytest.mark.parametrize("depth", [250, 260, 2_050, 20_000])
def test_a_page_that_is_nested_deeply_is_read_to_its_end(depth: int) -> None:
    inside = "<nav>menu</nav><!-- no --><p>Hello <br>deep</p><script>no</script><div hidden>no<br>no</div>"
    page = f"<p>{'first ' * 60}</p>{'<div>' * depth}{inside}{'</div>' * depth}<p>last</p>"

    assert web_text.extract_text(page).text.split("\n") == ["first " * 59 + "first", "Hello deep", "last"]


@pytest.mark.parametrize("page", ["<!-- a -->", "<", "&", "<?pi?>", "<div>" * 300, "<!--" + "<div>" * 300])
def test_a_page_without_a_word_has_no_text(page: str) -> None:
    assert web_text.extract_text(page).text in ("", page)
