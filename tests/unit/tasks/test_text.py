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


RIVER = "The river runs slowly through the wide valley and carries small boats down to the harbour. " * 2
BOATS = "Boats of wood and of iron have been built here for more than three hundred years by hand. " * 2
CONTENT = (
    f"<h1>Rivers</h1><p>{RIVER}</p><h2>What floats</h2><ul><li>ferry</li><li>barge</li></ul>"
    f"<h2>Boats</h2><p>{BOATS}</p>"
)
LINES = ["Rivers", RIVER.strip(), "What floats", "ferry", "barge", "Boats", BOATS.strip()]
MENU = "<div id=menu><ul><li><a href=/a>Home</a></li><li><a href=/b>Products</a></li></ul></div>"
BANNER = (
    "<div class=cookie-banner><h3>We use cookies</h3><ul><li>necessary ones</li></ul>"
    "<p>We and our partners use cookies to make this site better for you and for them.</p></div>"
)
RELATED = "<div class=related><h3>Related</h3><ul><li><a href=/1>How to build a boat</a></li></ul></div>"
FOOT = "<div class=footer><p>All rights reserved.</p><ul><li><a href=/p>Privacy</a></li></ul></div>"


@pytest.mark.parametrize(
    "page",
    [
        f"<html><body>{CONTENT}</body></html>",
        f"<html><body><main>{CONTENT}</main></body></html>",
        f"<article>{CONTENT}</article>",
        f"<div><h1>Rivers</h1></div><div>{CONTENT.removeprefix('<h1>Rivers</h1>')}</div>",
        f"<table><tr><td>{MENU}</td><td>{CONTENT}</td></tr></table>",
        f"<body>{MENU}{BANNER}{CONTENT}{RELATED}{FOOT}</body>",
        f"<div id=page>{MENU}{BANNER}<div class=wrap>{CONTENT}</div>{RELATED}{FOOT}</div>",
        f"<body>{MENU}{BANNER}<article>{CONTENT}</article>{RELATED}{FOOT}</body>",
        f"<body>{CONTENT}<div style='Display: none'>not<br>shown</div></body>",
        f"<body style='display: none'>{CONTENT}</body>",
    ],
)
def test_headings_and_list_items_are_kept_whatever_stands_around_the_content(page: str) -> None:
    assert web_text.extract_text(page).text.split("\n") == LINES


@pytest.mark.parametrize(
    ("page", "lines"),
    [
        ("<p>a b c</p><ul><li>x</li><li>y</li></ul>", ["a b c", "x", "y"]),
        (
            "<p>Please buy:</p><ul><li><b>milk</b></li><li><a href='/x'>bread</a></li></ul>",
            ["Please buy:", "milk", "bread"],
        ),
        (f"<p>{RIVER}{BOATS}</p><table><tr><td>a<td>b</table>", [(RIVER + BOATS).strip(), "a b"]),
        (
            f"<p>{RIVER}{BOATS}</p><table><tr><td>Tools<td><ul><li>saw<li>axe</ul></table>",
            [(RIVER + BOATS).strip(), "Tools", "saw", "axe"],
        ),
    ],
)
def test_lists_and_tables_are_kept_with_the_paragraph_before_them(page: str, lines: list[str]) -> None:
    assert web_text.extract_text(page).text.split("\n") == lines


def test_a_page_that_is_one_table_has_a_line_per_row() -> None:
    rows = [f"{number}. A title of some length for story number {number}" for number in range(20)]
    cells = "".join(f"<tr><td><a href=x>{row}</a></td></tr>" for row in rows)

    assert web_text.extract_text(f"<center><table>{cells}</table></center>").text.split("\n") == rows
