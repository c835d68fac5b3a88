"""What a text says once its markup is gone, and the characters that nobody sees.

Most texts have none of both, and are told from the others here, quickly; the others are read in
:mod:`jobstore.intake.tags`, which is imported for the first of them.
"""

from __future__ import annotations

from jobstore.intake.unseen import ODD, without_unseen

_ASCII_CONTROLS = bytes(sorted({*range(0x20), 0x7F} - set(b"\t\n\r")))


def plain_text(text: str) -> str:
    """Return a long text as it is read: without markup and invisible characters.

    Paragraphs and items of lists become lines, items with ``- `` before them; other tags leave
    no trace, and scripts, styles and comments neither. Entities are decoded, also where that was
    to be done twice. Line breaks of a text whose markup makes none stay. Markdown stays, but for
    the backslashes before punctuation. A text without any of that is returned as it is.

    Time and memory grow with the length of the text, whatever is in it.
    """
    if _is_plain(text):
        return text
    from jobstore.intake.tags import bare, decoded

    found = decoded(without_unseen(text))
    if not found.strip() and text.strip():
        found = bare(text)
    return text if found == text else found


def plain_line(text: str) -> str:
    """Return a text of one line as it is read: as :func:`plain_text`, with single spaces.

    What is left of a text with words in it is never empty: where all of them are in a script or
    the like, only the tags are taken out.
    """
    if text.isprintable() and "  " not in text and _is_plain(text):
        return text.strip()
    from jobstore.intake.tags import bare, decoded

    words = " ".join(decoded(without_unseen(text), in_lines=False).split())
    return words or " ".join(bare(text).split())


def _is_plain(text: str) -> bool:
    if "<" in text or "&" in text or "\\" in text:
        return False
    if text.isascii():
        octets = text.encode()
        return len(octets.translate(None, _ASCII_CONTROLS)) == len(octets)
    return ODD.search(text) is None
