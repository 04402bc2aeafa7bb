"""Which layout a file has, found by its content. The suffix is a hint at most: it is wrong too often."""

import csv
import re
from collections.abc import Sequence
from pathlib import PurePath
from typing import Any

from generator.errors import LogError
from generator.logs.delimited import NAMES, delimited
from generator.logs.formats.flat import FIELD_NAMES, folded
from generator.logs.layouts import JSON_ARRAY, JSON_DOCUMENT, JSONL, TEXT, Layout
from generator.logs.values import UnreadableError, parse, parse_from

HEAD = 256 * 1024
"""How much of a file is looked at."""
PARQUET_MAGIC = b"PAR1"
_LINES = 50
_FOREIGN = (
    (b"PK\x03\x04", "a zip archive", "unpack it and name the files in it"),
    (b"BZh", "compressed with bzip2", "unpack it with bunzip2 first"),
    (b"\xfd7zXZ\x00", "compressed with xz", "unpack it with unxz first"),
    (b"SQLite format 3\x00", "a SQLite database", "export the table as CSV or JSON Lines"),
    (b"%PDF", "a PDF document", "save its text as a .txt file"),
)
_JSON_START = re.compile(r'\{\s*(?:["}]|$)|\[\s*(?:["\[{\]]|$)')
_ARRAY_OF_RECORDS = re.compile(r"\[\s*\{")
_COLUMN = re.compile(r"[^\W\d][\w .:/()\[\]-]{0,60}")
_KNOWN_COLUMNS = frozenset(
    (*FIELD_NAMES, "id", "timestamp", "time", "date", "createdat", "user", "userid", "role", "answer", "response")
)


def refuse_foreign(head: bytes, name: str) -> None:
    """Stop at a file that holds no log.

    Raises:
        LogError: it begins like another kind of file.
    """
    for magic, what, remedy in _FOREIGN:
        if head.startswith(magic):
            raise LogError(f"{name} is {what}; {remedy}.")


def recognise(head: bytes, whole: bool, name: str) -> tuple[Layout, str]:
    """The layout of a text file by its first bytes, and why.

    Args:
        head: The first bytes as UTF-8.
        whole: Whether they are all there is.
        name: For messages, and for its suffix where the content leaves a doubt.

    Raises:
        LogError: the file is binary, or holds nothing.
    """
    _refuse_binary(head, name)
    text = head.decode("utf-8", "replace")  # the end of the sample may cut a character in two
    sample = [line for line in text.split("\n") if line.strip()]
    if not sample:
        raise LogError(f"{name} holds nothing but white space; name a file with records in it.")
    if not whole and len(sample) > 1:
        sample.pop()  # cut off by the end of the sample
    return _json(text, sample, whole) or _table(sample, name) or (TEXT, "no JSON and no table: one input per line")


def _refuse_binary(head: bytes, name: str) -> None:
    part = head[:8192]
    odd = sum(part.count(code) for code in range(32) if code not in b"\t\n\r\x0b\x0c\x1b")
    if odd > 0.1 * len(part):
        raise LogError(
            f"{name} is a binary file of a kind Groundset does not know; "
            "name a JSONL, JSON, CSV, TSV, text or Parquet file, as it is or packed with gzip or zstandard."
        )


def _json(text: str, sample: Sequence[str], whole: bool) -> tuple[Layout, str] | None:
    values = [_container(line) for line in sample[:_LINES]]
    good = sum(value is not None for value in values)
    said = f"{good} of the first {len(values)} lines are JSON"
    start = text.lstrip()
    if _begins_json(start):
        if len(sample) > 1 and good and (values[0] is not None or 2 * good >= len(values)):
            return JSONL, said
        if start[0] == "[":
            return _array(start, whole)
        # A document over several lines indents what is in it.
        objects = sum(line.startswith("{") for line in sample[:_LINES])
        return (JSONL, said) if 2 * objects > len(values) else (JSON_DOCUMENT, "one JSON object over several lines")
    if good and 2 * good >= len(values):
        return JSONL, said
    if all(line.startswith('"') and _is_json(line) for line in sample[:_LINES]):
        return JSONL, "every line is a JSON string"
    return None


def _begins_json(start: str) -> bool:
    if not _JSON_START.match(start):
        return False
    if start[0] == "{" or _ARRAY_OF_RECORDS.match(start):
        return True
    try:
        parse_from(start, 0)
    except ValueError as error:
        # Text such as "[[Help]] me" is wrong at once, JSON that is cut off only at its end.
        return getattr(error, "pos", 0) > 64 or getattr(error, "pos", 0) + 8 >= len(start)
    except RecursionError:
        return True
    return True


def _container(line: str) -> Any:
    if line.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return parse(line)
    except UnreadableError:
        return None


def _is_json(line: str) -> bool:
    try:
        parse(line)
    except UnreadableError:
        return False
    return True


def _array(start: str, whole: bool) -> tuple[Layout, str]:
    value = _container(start) if whole else None
    if isinstance(value, list) and value and all(_is_turn(each) for each in value):
        return JSON_DOCUMENT, "a JSON array of turns: one conversation"
    return JSON_ARRAY, "one JSON array"


def _is_turn(value: Any) -> bool:
    return isinstance(value, dict) and ("role" in value or "from" in value) and ("content" in value or "value" in value)


def _table(sample: Sequence[str], name: str) -> tuple[Layout, str] | None:
    suffix = PurePath(name.removesuffix(".gz").removesuffix(".zst")).suffix.lower()
    for delimiter in NAMES:
        rows = _rows(sample, delimiter)
        header = [column.strip() for column in rows[0]] if rows else []
        if not _are_names(header) or len(rows) < 2:
            continue
        same = sum(len(row) == len(header) for row in rows) / len(rows)
        known = any(folded(column) in _KNOWN_COLUMNS for column in header)
        called = suffix in (".csv", ".tsv")
        wide = len(header) > 1 and same >= 0.8
        if (known and called) or (wide and (known or called or len(header) > 2)):
            return delimited(delimiter), f"{len(header)} columns under a header"
    return None


def _rows(sample: Sequence[str], delimiter: str) -> list[list[str]]:
    csv.field_size_limit(HEAD)
    rows = csv.reader((line + "\n" for line in sample), delimiter=delimiter)
    found: list[list[str]] = []
    try:
        for row in rows:
            found.append(row)
            if len(found) == _LINES:
                break
    except csv.Error:
        return found
    # A quote that is still open at the end of the sample has swallowed the rest of it.
    return found[:-1] if len(found) > 2 else found


def _are_names(header: Sequence[str]) -> bool:
    return (
        bool(header)
        and len(set(header)) == len(header)
        and all(_COLUMN.fullmatch(column) and len(column.split()) <= 4 for column in header)
    )
