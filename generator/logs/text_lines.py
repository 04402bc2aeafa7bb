"""Bytes to lines of UTF-8, split on the newline only, in bounded memory."""

import codecs
from collections.abc import Iterator
from typing import NamedTuple

LINE_LIMIT = 16 * 1024 * 1024
"""Bytes; a longer line is rejected with its size, and never held in memory."""

_BOMS = (
    # UTF-32 first: its little-endian mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF8, "utf-8"),
)


class Line(NamedTuple):
    """One line without its end."""

    number: int
    """From 1, blank lines included, as an editor counts."""
    data: bytes | None
    """None where the line is longer than we hold."""
    size: int


def as_utf8(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same text in UTF-8 without a byte-order mark. Text that is in UTF-8 passes as it is."""
    head = b""
    for piece in pieces:
        head += piece
        if len(head) >= 64:
            break
    encoding, mark = _encoding(head)
    if encoding == "utf-8":
        if head[mark:]:
            yield head[mark:]
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    yield decoder.decode(head[mark:]).encode()
    for piece in pieces:
        yield decoder.decode(piece).encode()
    yield decoder.decode(b"", True).encode()


def _encoding(head: bytes) -> tuple[str, int]:
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name, len(mark)
    # UTF-16 without a mark: ASCII text has a NUL in every other byte.
    even, odd = head[0:64:2], head[1:64:2]
    if len(head) >= 4 and not even.count(0) and odd.count(0) >= 0.8 * len(odd):
        return "utf-16-le", 0
    if len(head) >= 4 and not odd.count(0) and even.count(0) >= 0.8 * len(even):
        return "utf-16-be", 0
    return "utf-8", 0


def lines(pieces: Iterator[bytes]) -> Iterator[Line]:
    """Every line, blank ones too. The last one counts without its newline; a last empty one does not."""
    number = 0
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        first, *others = piece.split(b"\n")
        size += len(first)
        if size <= LINE_LIMIT:
            parts.append(first)
        else:
            parts.clear()
        for following in others:
            number += 1
            yield _line(number, parts, size)
            parts = [following]
            size = len(following)
    if size:
        yield _line(number + 1, parts, size)


def _line(number: int, parts: list[bytes], size: int) -> Line:
    if size > LINE_LIMIT:
        return Line(number, None, size)
    return Line(number, b"".join(parts).removesuffix(b"\r"), size)


def decoded(data: bytes) -> str:
    """Text of any bytes: UTF-8, else the code page that Windows programs write, else Latin-1."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return data.decode("latin-1")
