"""The readable text of a web page: the only file that knows trafilatura and lxml.

It runs in a process of its own: parsing what strangers wrote may break the parser, never the server.
One line per heading, paragraph and list item; spaces collapsed; no blank first or last line.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Final

from msgspec import Struct

from headrace.tasks.library import task
from headrace.tasks.needs import Package
from headrace.tasks.ports import Note

if TYPE_CHECKING:
    from lxml.etree import _Element  # type: ignore[import-untyped, import-not-found, unused-ignore]
    from lxml.html import HtmlElement  # type: ignore[import-untyped, import-not-found, unused-ignore]

_BREAK: Final = "\0"
"""Ends a line; no page has it, because it is taken out before parsing."""
_INVISIBLE: Final = frozenset(("head", "noscript", "script", "style", "svg", "template"))
_SURROUNDING: Final = frozenset(("aside", "footer", "header", "nav"))
_BLOCKS: Final = frozenset(
    (
        "address", "article", "aside", "blockquote", "body", "button", "caption", "dd", "details",
        "dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form",
        "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "legend",
        "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary",
        "table", "tbody", "tfoot", "thead", "tr", "ul", "head", "list", "item",
        "quote", "row", "ab",
    )
)  # fmt: skip
"""HTML's, then the names that trafilatura gives to what it found."""
_SPACES: Final = frozenset(("br", "cell", "lb", "td", "th"))
_AROUND: Final = (
    "//nav",
    "//aside",
    "//header[not(ancestor::article or ancestor::main)]",
    "//footer[not(ancestor::article or ancestor::main)]",
    "//body//*[@hidden or contains(translate(@style, 'DISPLAYNOE ', 'displaynoe'), 'display:none')]",
)
"""What stands around the content or is not shown, taken away before the content is sought.

A whole body that is not shown waits for a script that shows it.
"""
_CONTAINERS: Final = (
    "//main|//article|//*[self::div or self::section]"
    "[starts-with(@id, 'main') or starts-with(@class, 'main') or starts-with(@role, 'main')]"
)
"""Where trafilatura looks for the content when nothing says so more clearly (the last of its BODY_XPATH)."""
_OWN_LINES: Final = ".//h1|.//h2|.//h3|.//h4|.//h5|.//h6|.//li|.//p"
_CELLS: Final = "./tr/*|./tbody/tr/*|./thead/tr/*|./tfoot/tr/*"
_ROWS: Final = "./tr|./tbody|./thead|./tfoot|./tbody/tr|./thead/tr|./tfoot/tr"
_GAVE_UP: Final = frozenset(("ERR_RESOURCE_LIMIT", "ERR_INTERNAL_ERROR"))
"""What libxml2 says when it stops in the middle; the second one before version 2.13."""
_BELIEVABLE: Final = 250
"""Characters from which trafilatura trusts its own finding (its MIN_EXTRACTED_SIZE)."""


class Extract(Struct, frozen=True):
    """The text of a page.

    text: The main content, one line per heading, paragraph and list item. Example: "Hello, World!"
    """

    text: str


@task(
    "web.extract_text",
    runtime="process",
    repeatable=True,
    needs=(Package("trafilatura", "web"), Package("lxml_html_clean", "web")),
)
def extract_text(html: Annotated[str, Note(aliases=("html_content",))]) -> Extract:
    """Extract the main text of a web page, without navigation, scripts and advertisements.

    html: The page. Example: "<h1>Hello, World!</h1>"
    """
    page = html.replace("\0", "")
    if not page.strip():
        return Extract("")
    if _is_beyond_trees(page):
        return Extract(_streamed(page, _INVISIBLE | _SURROUNDING) or _streamed(page, _INVISIBLE))
    main = _main_lines(page)
    return Extract(main if len(main) >= _BELIEVABLE else _checked(main, page))


def _is_beyond_trees(page: str) -> bool:
    """Tell whether the parser would give up half-way, as with more than 256 elements inside each other.

    What is then made a tree lacks the rest of the page, and nothing says so but the parser's log.
    """
    from lxml import etree  # type: ignore[import-untyped, import-not-found, unused-ignore]

    parser = etree.HTMLParser(encoding="utf-8")
    etree.fromstring(page.encode(errors="replace"), parser)
    return any(entry.type_name in _GAVE_UP for entry in parser.error_log)


def _streamed(page: str, left_out: frozenset[str]) -> str:
    """Return one line per block of a page as it passes by, without any tree."""
    from lxml import etree

    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, target=_Passing(left_out))
    return str(etree.fromstring(page.encode(errors="replace"), parser))


class _Passing:
    """Gathers lines from the events of a parser."""

    def __init__(self, left_out: frozenset[str]) -> None:
        self._left_out = left_out
        self._pieces: list[str] = []
        self._open: list[bool] = []
        """Of each element that is open, whether it is left out by itself."""
        self._inside = 0

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._open.append(tag in self._left_out or _is_hidden(attributes))
        self._inside += self._open[-1]
        self._pieces += _edge(tag)

    def end(self, tag: str) -> None:
        self._inside -= self._open.pop()
        self._pieces += _edge(tag)

    def data(self, text: str) -> None:
        if not self._inside:
            self._pieces.append(text)

    def comment(self, _: str) -> None:
        """Leave comments out."""

    def close(self) -> str:
        return _tidied(self._pieces)


def _main_lines(page: str) -> str:
    """Return the main content as trafilatura sees it, `""` when it sees none."""
    import trafilatura  # type: ignore[import-not-found, unused-ignore]

    config = copy.deepcopy(trafilatura.settings.DEFAULT_CONFIG)
    # else short pages are replaced by a cruder extraction that loses headings and lists
    config["DEFAULT"]["MIN_EXTRACTED_SIZE"] = "1"
    found = trafilatura.bare_extraction(
        _document(page), include_comments=False, prune_xpath=list(_AROUND), config=config
    )
    return _lines(found.body) if isinstance(found, trafilatura.settings.Document) else ""


def _document(page: str) -> HtmlElement | str:
    """Return a page as a tree in which trafilatura loses no heading and no list item.

    Where it finds no container of the content it gathers paragraphs from everywhere, and nothing else,
    so the body of a page that names no container is made one; what is dropped as navigation stays dropped.
    """
    from lxml import etree, html

    try:
        # a whole document: in a part of one, trafilatura overlooks an outermost <article>
        tree = html.document_fromstring(page.encode(errors="replace"), html.HTMLParser(encoding="utf-8"))
    except etree.ParserError:
        return page
    for table in tree.iter("table"):
        if table.xpath(_OWN_LINES):
            _unfold(table)
    body = tree.find("body")
    if body is not None and tree.xpath(_OWN_LINES) and not tree.xpath(_CONTAINERS):
        main = html.Element("main")
        main.text, body.text = body.text, None
        main.extend(list(body))
        body.append(main)
    return tree


def _unfold(table: HtmlElement) -> None:
    """Make a table that only lays out headings, paragraphs and lists what it means: one thing after another.

    trafilatura makes one text of a cell, without the list in it.
    """
    cells, rows = table.xpath(_CELLS), table.xpath(_ROWS)
    for cell in cells:
        cell.tag = "div" if cell.xpath(f"{_OWN_LINES}|.//table|.//div") else "p"
    for part in (table, *rows):
        part.tag = "div"


def _checked(main: str, page: str) -> str:
    """Return short main content, or all visible text where it lacks the title or most of the page.

    Visible text is without what surrounds the content, unless there is nothing else.
    """
    from lxml import etree  # type: ignore[import-untyped, import-not-found, unused-ignore]

    tree = etree.fromstring(page.encode(errors="replace"), etree.HTMLParser(encoding="utf-8", huge_tree=True))
    if tree is None:
        return main
    visible = _lines(tree, _INVISIBLE | _SURROUNDING) or _lines(tree, _INVISIBLE)
    titles = [" ".join("".join(title.itertext()).split()) for title in tree.iter("h1")]
    lacks_title = any(title in visible and title not in main for title in titles)
    return visible if lacks_title or 2 * len(main) < len(visible) else main


def _lines(tree: _Element, left_out: frozenset[str] = frozenset()) -> str:
    """Return one line per block of a tree, without the subtrees of these tags."""
    from lxml import etree

    pieces: list[str] = []
    inside = 0
    for event, element in etree.iterwalk(tree, events=("start", "end")):
        tag = element.tag if isinstance(element.tag, str) else "!"
        if event == "start":
            inside += tag in left_out or tag == "!" or _is_hidden(element)
            pieces += _edge(tag)
            if element.text and not inside:
                pieces.append(element.text)
        else:
            inside -= tag in left_out or tag == "!" or _is_hidden(element)
            pieces += _edge(tag)
            if element.tail and not inside and element is not tree:
                pieces.append(element.tail)
    return _tidied(pieces)


def _edge(tag: str) -> list[str]:
    if tag in _BLOCKS:
        return [_BREAK]
    return [" "] if tag in _SPACES else []


def _is_hidden(element: _Element | Mapping[str, str]) -> bool:
    style = element.get("style", "").replace(" ", "").lower()
    return element.get("hidden") is not None or "display:none" in style


def _tidied(pieces: list[str]) -> str:
    lines = (" ".join(line.split()) for line in "".join(pieces).split(_BREAK))
    return "\n".join(line for line in lines if line)
