"""Texts with markup, read as words and lines: HTML, entities, Markdown's backslashes.

Only words and lines are wanted here, no tree. So each tag that is recognised becomes one of a few
empty elements, nothing is ever nested, and lxml's parser, which hands over events and builds
nothing, reads attributes, declarations and entities in time that grows with the text's length
alone (a tree as HTML builds it grows with the square, in time and in memory).

What is recognised, and why not more: postings also say ``List<String>``, ``<your name>``,
``a < b``, ``R&D`` and ``AT&T``, and those are words. A start tag is one of the elements that
everyone writes (:data:`_USUAL`), or one that the text closes again, or one with attributes. An
entity is a known one that ends with its semicolon, or one of the five that everyone knows.
"""

from __future__ import annotations

import re
import threading
from html import unescape
from html.entities import html5

from jobstore.intake.unseen import without_unseen

# Texts that were escaped again on their way are decoded as often as this.
_LEVELS = 3

# What an element does to the text around it, as a character: other controls are gone by then.
_LINE, _BREAK, _PARAGRAPH, _ITEM, _ITEM_END, _CELL = "\x01\x02\x03\x04\x05\x06"
# ... and the element without content that stands for it in front of the parser
# (https://html.spec.whatwg.org/multipage/syntax.html#void-elements).
_MARKS = {
    "hr": _LINE,
    "br": _BREAK,
    "area": _PARAGRAPH,
    "col": _ITEM,
    "img": _ITEM_END,
    "input": _CELL,
}
_ELEMENTS: dict[str | None, str] = {
    None: "wbr",
    **{mark: element for element, mark in _MARKS.items()},
}

# What a tag does to the text, by its name. Any other leaves the words around it as they stand.
# fmt: off
_EFFECTS = {
    **dict.fromkeys((
        "article", "aside", "blockquote", "body", "center", "dl", "fieldset", "figure", "footer",
        "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html", "main", "menu", "nav",
        "ol", "p", "plaintext", "pre", "section", "table", "ul", "xmp",
    ), _PARAGRAPH),
    **dict.fromkeys((
        "address", "caption", "dd", "details", "dialog", "div", "dt", "figcaption", "hgroup",
        "legend", "optgroup", "option", "search", "select", "summary", "tbody", "tfoot", "thead",
        "tr",
    ), _LINE),
    "br": _BREAK, "li": _ITEM, "td": _CELL, "th": _CELL,
}
# Elements whose content is no text of the page.
_HIDDEN = frozenset((
    "audio", "canvas", "head", "iframe", "math", "noembed", "noframes", "noscript", "object",
    "script", "style", "svg", "template", "title", "video",
))
# Start tags that are taken as such also where nothing closes them.
_USUAL = frozenset((
    "b", "blockquote", "body", "br", "center", "dd", "div", "dl", "dt", "em", "font", "h1", "h2",
    "h3", "h4", "h5", "h6", "hr", "html", "i", "img", "li", "nobr", "ol", "p", "pre", "span",
    "strong", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "wbr",
))
# fmt: on
# ... but for these behind a word, as in List<B>.
_PARAMETERS = frozenset(("b", "i", "u", "B", "I", "U"))

# What becomes of the tags that most are: no question is open about them.
_SIMPLE = {
    f"<{name}{rest}": (f"<{_ELEMENTS[mark]}{rest}", mark)
    for name in _USUAL - _PARAMETERS - {"pre"}
    for mark in (_EFFECTS.get(name),)
    for rest in (">", "/>")
} | {
    f"</{name}": (f"<{_ELEMENTS[mark]}", mark)
    for name in _USUAL - {"pre"}
    for mark in (_ITEM_END if name == "li" else _EFFECTS.get(name),)
}

_NAME = r"[A-Za-z][\w:.-]{0,60}"
_TAG = re.compile(
    rf"</(?P<end>{_NAME})(?=\s{{0,9}}>)"
    # What follows the name: the end, attributes, or neither.
    rf"|<(?P<start>{_NAME})(?:(?P<bare>\s{{0,9}}>)|(?P<rich>\s{{0,9}}/>"
    r"|/?\s{1,99}(?:[\w:@.*-]{1,99}\s{0,9}="
    r"|(?:async|compact|defer|disabled|hidden|itemscope|nowrap|open|reversed)[\s/>])))?"
    r"|<!--|<!\[CDATA\[|\]\]>"
    r"|<(?P<declared>!doctype\s[^<>]{0,999}>|\?(?:xml|mso|php)[^<>]{0,999}>|!\[[^<>]{0,99}\]>)",
    re.ASCII | re.IGNORECASE,
)
_CLOSED = re.compile(rf"</({_NAME})\s{{0,9}}>", re.ASCII)
# An ampersand and, where there is one, the entity that it begins.
_ENTITY = re.compile(
    r"&(?P<known>#(?:[0-9]{1,7}|[xX][0-9a-fA-F]{1,6});|(?:nbsp|amp|lt|gt|quot)(?![\w=;]))?"
    r"(?P<name>[A-Za-z][A-Za-z0-9]{1,31};)?",
    re.ASCII,
)
# A text that was decoded once holds tags only with one of these; else it speaks of tags.
_SURELY = re.compile(
    r"</[a-z][a-z0-9]{0,9}\s{0,9}>|<br\s{0,9}/?>|<[a-z][a-z0-9]{0,9}\s{1,9}[\w-]{1,50}=",
    re.IGNORECASE,
)
_BEGINNING = re.compile(r"\s*<[a-z][a-z0-9]{0,9}>", re.IGNORECASE)

# What follows the first backslash of a word, and what no Markdown has: a backslash before anything
# but punctuation, and those of paths of Windows. Some sources escape twice.
_BACKSLASHES = re.compile(r"\\\S*")
_NOT_MARKDOWN = re.compile(r"\\(?![!-/:-@\[-`{-~])")
_ESCAPED = re.compile(r"\\+([!-/:-@\[\]-`{-~])")
_DRIVE = re.compile(r"\b[A-Za-z]:$", re.ASCII)
_SHARE = re.compile(r"\\\\[\w.]", re.ASCII)

_PARTING = frozenset((_LINE, _PARAGRAPH, _ITEM))
_MARK = re.compile(f"[{_LINE}-{_CELL}]")
_BREAKS = re.compile(f"{_BREAK}[ \t]*\r?\n?")
_RUN = re.compile(f"[{_LINE}-{_ITEM_END}][{_LINE}-{_CELL} ]*")
_CELLS = re.compile(f" ?{_CELL}[{_CELL} ]*")
_ANY_TAG = re.compile("<[^<>]{0,999}>?")


def bare(text: str) -> str:
    """Return a text without whatever looks like a tag."""
    return unescape(_ANY_TAG.sub(" ", without_unseen(text))).strip()


def decoded(text: str, in_lines: bool = True) -> str:
    """Return a text without its markup, in lines where its markup makes some."""
    for level in range(_LEVELS):
        before, tags = text, False
        # As JSON that was escaped twice has end tags.
        text = text.replace("<\\/", "</")
        if "<" in text and (level == 0 or _SURELY.search(text) or _BEGINNING.match(text)):
            flat, tags, parted = _flattened(text)
            if tags:
                text = _read(flat, parted, in_lines)
        if not tags and "&" in text:
            text = _ENTITY.sub(_character, text)
        if text == before:
            break
        # Entities may stand for them.
        text = without_unseen(text)
    if "\\" in text:
        text = _BACKSLASHES.sub(_unescaped, text)
    return text


def _character(found: re.Match[str]) -> str:
    if not _is_entity(found):
        return found[0]
    return " " if found[0] in ("&nbsp;", "&nbsp") else unescape(found[0])


def _escaped(found: re.Match[str]) -> str:
    return found[0] if _is_entity(found) else f"&amp;{found[0][1:]}"


def _is_entity(found: re.Match[str]) -> bool:
    return found["known"] is not None or found["name"] in html5


def _unescaped(word: re.Match[str]) -> str:
    told, before = word[0], word.string[max(word.start() - 3, 0) : word.start()]
    if _DRIVE.search(before) or (_SHARE.match(told) and not before[-1:].isalnum()):
        return told
    if _NOT_MARKDOWN.search(told):
        return told
    return _ESCAPED.sub(r"\1", told)


def _flattened(text: str) -> tuple[str, bool, bool]:
    """Return a text with an empty element in place of each tag, whether there are any, and
    whether they part it into paragraphs, lines or items.

    What only looks like a tag or an entity is escaped, so that it stays. Content that is not
    shown is left out, provided that it ends.
    """
    ends = {match[1].lower(): match.start() for match in _CLOSED.finditer(text)}
    last_comment = text.rfind("-->")
    out: list[str] = []
    done = 0
    hidden = None
    tags = parted = in_cdata = preformatted = False
    for match in _TAG.finditer(text):
        at = match.start()
        if at < done:
            continue
        if hidden is None and (simple := _SIMPLE.get(match[0])) is not None:
            out += _kept(text[done:at], preformatted), simple[0]
            parted = parted or simple[1] in _PARTING
            tags, done = True, match.end()
            continue
        start, end = (match["start"] or "").lower(), (match["end"] or "").lower()
        if hidden is not None:
            if end == hidden:
                hidden, done = None, text.index(">", match.end()) + 1
            continue
        after, mark = match.end(), None
        if start:
            if not _is_tag(match, ends.get(start, -1)):
                continue
            if start in _HIDDEN and ends.get(start, -1) > at:
                hidden = start
            after, mark = match.end("start"), _EFFECTS.get(start)
        elif end:
            mark = _ITEM_END if end == "li" else _EFFECTS.get(end)
        elif match[0] == "<!--":
            # Its dashes may be those of its end.
            if last_comment < at + 2:
                continue
            after = text.index("-->", at + 2) + 3
        elif match[0] == "]]>":
            if not in_cdata:
                continue
            in_cdata = False
        else:
            in_cdata = in_cdata or match["declared"] is None
        out.append(_kept(text[done:at], preformatted))
        if (start or end) and hidden is None:
            out.append(f"<{_ELEMENTS[mark]}")
            preformatted = bool(start) if "pre" in (start, end) else preformatted
            parted = parted or mark in _PARTING
        tags, done = True, after
    if hidden is None:
        out.append(_kept(text[done:], preformatted))
    return "".join(out), tags, parted


def _is_tag(match: re.Match[str], end: int) -> bool:
    """Tell whether what looks like a start tag is one; ``end`` is where its name is closed last."""
    if match["rich"] is not None or (match["bare"] is not None and end > match.start()):
        return True
    if match["bare"] is None or match["start"].lower() not in _USUAL:
        return False
    before = match.string[match.start() - 1 : match.start()]
    return match["start"] not in _PARAMETERS or not before.isalnum()


def _kept(text: str, preformatted: bool) -> str:
    if "&" in text:
        text = _ENTITY.sub(_escaped, text)
    text = text.replace("<", "&lt;")
    return text.replace("\n", "<br>") if preformatted else text


def _lines(run: re.Match[str]) -> str:
    """Return what stands between two texts for the marks that do."""
    marks = run[0]
    if run.end() == len(run.string):
        return ""
    blank = _PARAGRAPH in marks or marks.count(_BREAK) > 1
    item = marks.rfind(_ITEM) > marks.rfind(_ITEM_END)
    return ("\n\n" if blank and not item else "\n") + ("- " if item else "")


class _Words:
    """Takes what lxml's parser reads, and keeps texts and marks."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.data = self.parts.append

    def start(self, element: str, _attributes: object) -> None:
        """Keep the mark that an element stands for."""
        if (mark := _MARKS.get(element)) is not None:
            self.parts.append(mark)

    def close(self) -> str:
        """Return all of it, and let go of it for the next text."""
        text = "".join(self.parts)
        self.parts.clear()
        return text


_kept_by_thread = threading.local()


def _read(flat: str, parted: bool, in_lines: bool) -> str:
    # One for each thread: making one takes as long as reading a short text.
    parser = getattr(_kept_by_thread, "parser", None)
    if parser is None:
        from lxml import etree  # most texts have no markup, and it takes 20 ms

        parser = etree.HTMLParser(target=_Words(), huge_tree=True)
        _kept_by_thread.parser = parser
    parser.feed(flat)
    text: str = parser.close()
    if not in_lines:
        return _MARK.sub(" ", text)
    text = text.replace("\xa0", " ")
    # A text that its markup does not part has lines of its own.
    text = _RUN.sub(_lines, " ".join(text.split())) if parted else _BREAKS.sub("\n", text)
    if _CELL in text:
        text = _CELLS.sub(" ", text)
    return text.replace(" \n", "\n").strip()
