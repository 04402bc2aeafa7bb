"""CSV and TSV to records, with every damaged row named and none swallowed."""

import csv
from collections import deque
from collections.abc import Iterator

from generator.logs.layouts import Layout, Record, too_long
from generator.logs.text_lines import LINE_LIMIT, Line, decoded, lines

REPLAYS = 100
"""How often the lines behind a quote that never closes are read again; a bound on the work a file can cause."""
NAMES = {",": "csv", "\t": "tsv", ";": "csv", "|": "csv"}


class _BadRowError(Exception):
    """The row cannot be read; the message is the reason."""


class _Feed:
    """Lines for the csv module, which remembers those of the row at hand."""

    def __init__(self, source: Iterator[Line]) -> None:
        self._source = source
        self._again: deque[str] = deque()
        self._row: list[str] = []
        self._size = 0
        self._replays = REPLAYS

    def begin_row(self) -> None:
        """Forget the lines of the row before."""
        self._row.clear()
        self._size = 0

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        text = self._again.popleft() if self._again else self._following()
        self._row.append(text)
        self._size += len(text)
        if self._size > LINE_LIMIT:
            self._put_back()
            raise _BadRowError("a quote that never closes")
        return text

    def _following(self) -> str:
        try:
            line = next(self._source)
        except StopIteration:
            if not self._row:
                raise
            # The csv module would hand out all of it as one row.
            self._put_back()
            raise _BadRowError("a quote that never closes") from None
        if line.data is None:
            raise _BadRowError(too_long(line))
        return decoded(line.data) + "\n"

    def _put_back(self) -> None:
        """Only the first line is bad; those after it are rows of their own."""
        if self._replays:
            self._replays -= 1
            self._again.extendleft(reversed(self._row[1:]))
            self._row.clear()


def delimited(delimiter: str) -> Layout:
    """The layout of rows under a header."""
    return Layout(NAMES[delimiter], lambda pieces: _rows(pieces, delimiter))


def _rows(pieces: Iterator[bytes], delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(LINE_LIMIT)
    feed = _Feed(lines(pieces))
    rows = csv.reader(feed, delimiter=delimiter)
    header = _header(rows)
    position = 0
    while True:
        feed.begin_row()
        try:
            row = next(rows)
        except StopIteration:
            return
        except _BadRowError as error:
            position += 1
            yield Record(position, None, str(error))
        except csv.Error:
            position += 1
            yield Record(position, None, "not a readable row")
        else:
            if any(field.strip() for field in row):
                position += 1
                yield _record(position, header, row)


def _header(rows: Iterator[list[str]]) -> list[str]:
    for row in rows:
        if row:
            return [name.strip() for name in row]
    return []


def _record(position: int, header: list[str], row: list[str]) -> Record:
    if any(field.strip() for field in row[len(header) :]):
        return Record(position, None, "more fields than the header names")
    return Record(position, dict(zip(header, row, strict=False)))
