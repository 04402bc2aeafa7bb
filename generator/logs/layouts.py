"""From bytes to records, one reader per layout: lines of JSON, an array, one document, lines of text, Parquet.

A reader first splits (cheap, so that a resumed import skips without parsing) and then parses. Neither
raises for what a log holds: a record that cannot be read is a record with an error.
"""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any, NamedTuple

from generator.errors import LogError
from generator.logs.text_lines import LINE_LIMIT, Line, decoded, lines
from generator.logs.values import UnreadableError, checked, parse, parse_from, plain

DOCUMENT_LIMIT = 64 * 1024 * 1024
"""Bytes of a JSON file that is one object, which can only be read whole."""
WRAPPERS = ("data", "records", "items", "rows", "logs", "traces", "results", "examples", "conversations")
"""Where an object that is a whole file keeps its records."""
_OWN_TEXT = ("messages", "conversation", "request", "input", "prompt", "text")
_BATCH = 500
_BETWEEN = re.compile(r"[\s,]*")
_CUT_OFF = 64
"""Characters from the end within which a mistake may only be a text that was cut off."""
_STEP = 64 * 1024


class Record(NamedTuple):
    """One record of a log, or why it cannot be read."""

    position: int
    """Line, row or element number, from 1."""
    value: Any
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """How the records lie in a file."""

    name: str
    split: Callable[[Iterator[bytes]], Iterator[Record]]
    parse: Callable[[Record], Record] = lambda record: record


def _not_blank(pieces: Iterator[bytes]) -> Iterator[Record]:
    for line in lines(pieces):
        if line.data is None:
            yield Record(line.number, None, too_long(line))
        elif line.data and not line.data.isspace():
            yield Record(line.number, line.data)


def too_long(line: Line) -> str:
    """Why a line that was not held is rejected."""
    return f"line of {line.size:,} bytes is over the limit of {LINE_LIMIT // 2**20} MB"


def _parse_json_line(record: Record) -> Record:
    data: bytes = record.value
    try:
        return Record(record.position, parse(data.decode("utf-8")))
    except UnicodeDecodeError as error:
        return _parse_other_encoding(record, error.start)
    except UnreadableError as error:
        return Record(record.position, None, str(error))


def _parse_other_encoding(record: Record, first_bad: int) -> Record:
    data: bytes = record.value
    try:
        return Record(record.position, parse(data.decode("cp1252")))
    except (UnicodeDecodeError, UnreadableError):
        return Record(record.position, None, f"invalid UTF-8 at byte {first_bad}")


def _parse_text_line(record: Record) -> Record:
    return Record(record.position, {"text": decoded(record.value)})


def _document(pieces: Iterator[bytes]) -> Iterator[Record]:
    data = bytearray()
    for piece in pieces:
        data += piece
        if len(data) > DOCUMENT_LIMIT:
            reason = f"one JSON document of more than {DOCUMENT_LIMIT // 2**20} MB; write one record a line instead"
            yield Record(1, None, reason)
            return
    whole = _parse_json_line(Record(1, bytes(data)))
    wrapped = _wrapped(whole.value)
    if wrapped is None:
        yield whole
    else:
        yield from (Record(number, each) for number, each in enumerate(wrapped, 1))


def _wrapped(value: Any) -> list[Any] | None:
    if not isinstance(value, dict) or any(key in value for key in _OWN_TEXT):
        return None
    for key in WRAPPERS:
        found = value.get(key)
        # {"conversations": [{"from": ...}]} is one conversation, not a list of them.
        if isinstance(found, list) and found and not (isinstance(found[0], dict) and "from" in found[0]):
            return found
    return None


class _Window:
    """A part of a text that is read further on demand."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.text = ""
        self.start = 0

    def more(self) -> bool:
        """Read as much again as is not used yet, so that trying again and again stays linear."""
        kept = self.text[self.start :]
        wanted = max(len(kept), _STEP)
        parts = []
        while wanted > 0 and (piece := next(self._pieces, None)) is not None:
            parts.append(self._decoder.decode(piece))
            wanted -= len(piece)
        self.text, self.start = "".join([kept, *parts]), 0
        return bool(parts)

    def skip(self, pattern: re.Pattern[str]) -> str:
        """Pass over what matches; the character behind it, or nothing at the end."""
        while True:
            match = pattern.match(self.text, self.start)
            self.start = match.end() if match else self.start
            if self.start < len(self.text):
                return self.text[self.start]
            if not self.more():
                return ""


def _elements(pieces: Iterator[bytes]) -> Iterator[Record]:
    window = _Window(pieces)
    window.skip(_BETWEEN)
    window.start += 1  # the opening bracket
    position = 0
    while (following := window.skip(_BETWEEN)) != "]":
        position += 1
        if not following:
            yield Record(position, None, "the JSON array breaks off")
            return
        try:
            value, end = _element(window)
        except UnreadableError as error:
            yield Record(position, None, f"{error}; the rest of the array was not read")
            return
        text = window.text[window.start : end]
        window.start = end
        try:
            yield Record(position, checked(value, text))
        except UnreadableError as error:
            yield Record(position, None, str(error))
    window.start += 1
    if window.skip(_BETWEEN):
        yield Record(position + 1, None, "text after the end of the array")


def _element(window: _Window) -> tuple[Any, int]:
    while True:
        try:
            value, end = parse_from(window.text, window.start)
        except RecursionError:
            raise UnreadableError("nested too deeply") from None
        except ValueError as error:
            if _is_hopeless(error, window):
                raise UnreadableError("not valid JSON") from None
            if not window.more():
                raise UnreadableError("the JSON array breaks off") from None
        else:
            # A number at the very end may go on in what is not read yet.
            if end < len(window.text) or not window.more():
                return value, end


def _is_hopeless(error: ValueError, window: _Window) -> bool:
    """Whether more text cannot help: the element is too long, or wrong well before the end of what we have."""
    if len(window.text) - window.start > LINE_LIMIT:
        return True
    at = getattr(error, "pos", len(window.text))
    return at + _CUT_OFF < len(window.text) and "Unterminated string" not in str(error)


JSONL = Layout("jsonl", _not_blank, _parse_json_line)
JSON_ARRAY = Layout("json array", _elements)
JSON_DOCUMENT = Layout("json", _document)
TEXT = Layout("text", _not_blank, _parse_text_line)


def parquet_rows(file: IO[bytes], name: str) -> Iterator[Record]:
    """The rows of a Parquet file.

    Raises:
        LogError: pyarrow is not installed, or the file is damaged.
    """
    try:
        import pyarrow.parquet as parquet
    except ImportError:
        raise LogError(f"{name} is a Parquet file; to read it: pip install 'groundset[parquet]'") from None
    position = 0
    try:
        # pyarrow closes what it was given; the file is ours and is read again.
        with parquet.ParquetFile(file) as table:
            for batch in table.iter_batches(batch_size=_BATCH):
                for row in batch.to_pylist():
                    position += 1
                    yield Record(position, plain(row))
    except (OSError, ValueError) as error:  # pyarrow's own errors are of these kinds
        raise LogError(f"{name} is a damaged Parquet file; write it again: {type(error).__name__}.") from error
