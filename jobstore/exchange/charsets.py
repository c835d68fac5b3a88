"""Which encoding text has that is no good UTF-8; nothing is read here.

Good UTF-8 is never taken for anything else: only bytes that are none are looked at.
"""

from __future__ import annotations

import codecs
import re

# Bytes that are no UTF-8, in text that was decoded with ``surrogateescape``.
UNDECODABLE = re.compile("[\udc80-\udcff]")

# Control characters that text files hardly have; NUL is looked for apart.
CONTROLS = bytes(set(range(1, 32)) - set(b"\t\n\v\f\r\x1b\x1e"))

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    # Before UTF-16, whose mark is the beginning of this one.
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# Encodings that files are written in today; of two that read alike, the first is meant.
_CANDIDATES = [
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257"),
    *("cp932", "euc_jp", "gb18030", "big5", "cp949", "koi8_r", "tis_620"),
    *("mac_roman", "cp850", "cp437"),
]
# Fewer bytes than these tell nothing about an encoding.
_EVIDENCE = 6
# What a page or a document says of itself, in its first bytes.
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]+)""", re.IGNORECASE)
_DECLARED_WITHIN = 2048
# By https://encoding.spec.whatwg.org/#names-and-labels these names mean Windows-1252.
_WESTERN_NAMES = {"ascii", "iso8859-1"}
# The letters of Western European languages and the punctuation of Windows.
_LETTERS = "äöüßéèêëàâáãåæçîïíìñôóòõøœúùûÄÖÜÉÈÊËÀÂÁÃÅÆÇÎÏÍÌÑÔÓÒÕØŒÚÙÛ"
_PUNCTUATION = "€\u2018\u2019\u201c\u201d\u201e\u2013\u2014…•«»°£§©®™´·²³½ªº¿¡\xa0\xad×"
_BEYOND_ASCII = re.compile("[^\x00-\x7f]+")
_WESTERN_RUN = re.compile(
    f"[{_LETTERS}]{{1,2}}|[{_PUNCTUATION}]+[{_LETTERS}]?|[{_LETTERS}][{_PUNCTUATION}]+"
)
# A text that was cut within a character of UTF-8 ends with one of these, read as Windows-1252.
_CUT_OFF = re.compile("[\u00c2-\u00c5\u00e2\u00f0](?![A-Za-z])")
# A sign that stands between two letters is none; it was a letter in another encoding.
_INSIDE = re.compile(f"[A-Za-z][^\x00-\x7f{_LETTERS}\u2019\u2018´·\xad\u2013\u2014][a-z]")
_NEAR = 48
_ENOUGH = 16 * 1024


def marked(head: bytes) -> str | None:
    """Return the encoding that the first bytes of a file tell: by a mark, or as UTF-16."""
    for mark, encoding in _MARKS.items():
        if head.startswith(mark):
            return encoding
    # In UTF-16, ASCII has NUL at one place of each pair, and other text has no NUL.
    pairs = len(head) // 2
    low, high = head[: pairs * 2 : 2].count(0), head[1 : pairs * 2 : 2].count(0)
    few, many = sorted((low, high))
    encoding = "utf-16-be" if low > high else "utf-16-le"
    if few * 50 <= many and many > pairs // 8:
        return encoding
    # Where there is little ASCII, it must be no other text.
    if few * 8 <= many and many > pairs // 50 and not _is_text(head):
        try:
            codecs.getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            return None
        return encoding
    return None


def _is_text(head: bytes) -> bool:
    return is_utf_8(head) and len(head) - len(head.translate(None, CONTROLS)) <= len(head) // 20


def is_utf_8(data: bytes) -> bool:
    """Tell whether bytes are UTF-8, of whose last character some may be missing."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason == "unexpected end of data"
    return True


def detect(sample: bytes, head: bytes) -> str | None:
    """Return the encoding of a sample that is no UTF-8; ``None`` if UTF-8 was meant nevertheless.

    ``head`` is the beginning of the file, which may name its encoding. The work is bounded by
    the length of the sample.
    """
    text = sample.decode("utf-8", "surrogateescape")
    broken = len(UNDECODABLE.findall(text))
    if sum(map(len, _BEYOND_ASCII.findall(text))) - broken > broken:
        return None
    sample = _telling(sample)
    if _is_western(sample):
        return "cp1252"
    if declared := _declared(head, sample):
        return declared
    if len(sample) - len(sample.decode("ascii", "ignore")) < _EVIDENCE:
        return None
    # Takes a tenth of a second to import.
    import charset_normalizer

    best = charset_normalizer.from_bytes(sample, cp_isolation=_CANDIDATES).best()
    return None if best is None or best.encoding in ("utf_8", "ascii") else best.encoding


def _declared(head: bytes, sample: bytes) -> str | None:
    found = _DECLARED.search(head[:_DECLARED_WITHIN]) if head.lstrip()[:1] == b"<" else None
    if found is None:
        return None
    try:
        name = codecs.lookup(found[1].decode()).name
        name = "cp1252" if name in _WESTERN_NAMES else name
        sample.decode(name)
    except (LookupError, UnicodeDecodeError, ValueError):
        return None
    return None if name == "utf-8" else name


def _telling(sample: bytes) -> bytes:
    """Return the lines of a sample that are no ASCII, or what is near their first such byte."""
    lines: list[bytes] = []
    size = 0
    for line in sample.splitlines(keepends=True):
        if line.isascii():
            continue
        lines.append(line if len(line) < _ENOUGH else _nearby(line))
        size += len(lines[-1])
        if size >= _ENOUGH:
            break
    return b"".join(lines)


def _nearby(line: bytes) -> bytes:
    at = next(at for at, byte in enumerate(line) if byte > 127)
    return line[max(0, at - _NEAR) : at + _ENOUGH]


def _is_western(sample: bytes) -> bool:
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    runs = _BEYOND_ASCII.findall(text)
    return all(map(_WESTERN_RUN.fullmatch, runs)) and not _INSIDE.search(text)


def mended(data: bytes) -> str | None:
    """Return a row of a UTF-8 file that is no UTF-8, if it surely is Windows-1252.

    A row that holds good UTF-8 as well, or may have been cut within a character, is not sure.
    """
    loose = data.decode("utf-8", "surrogateescape")
    if all(map(UNDECODABLE.match, "".join(_BEYOND_ASCII.findall(loose)))) and _is_western(data):
        text = data.decode("cp1252")
        return None if _CUT_OFF.search(text) else text
    return None
