"""JSON text to values that everything after can hold: bounded depth, finite numbers, clean text."""

import json
import math
import re
from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

DEPTH_LIMIT = 200
"""Brackets within brackets; deeper records are rejected."""

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


class UnreadableError(Exception):
    """A record cannot be read. The message is a short, stable reason without content of the log."""


def parse(text: str) -> Any:
    """The value of one JSON text.

    Integers beyond 64 bits and numbers beyond a double stay text, NaN and Infinity become None, lone
    surrogates become U+FFFD, and of duplicate keys the last one wins.

    Raises:
        UnreadableError: it is not JSON, or nested too deeply.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise UnreadableError("nested too deeply") from None
    except ValueError:
        raise UnreadableError("not valid JSON") from None
    return checked(value, text)


def parse_from(text: str, start: int) -> tuple[Any, int]:
    """The unchecked value that begins at `start`, and where it ends.

    Raises:
        ValueError: no whole value begins there.
        RecursionError: it is nested far too deeply.
    """
    return _DECODER.raw_decode(text, start)


def checked(value: Any, text: str) -> Any:
    """A value that was parsed from `text`, with clean strings.

    Raises:
        UnreadableError: it is nested too deeply.
    """
    # Counting brackets is cheap and clears nearly every record of suspicion.
    if text.count("{") + text.count("[") > DEPTH_LIMIT and _too_deep(value):
        raise UnreadableError("nested too deeply")
    # Decoded UTF-8 holds no surrogates, so only an escape can have brought one.
    return plain(value) if "\\ud" in text or "\\uD" in text else value


def plain(value: Any) -> Any:
    """The value in JSON's own types: what Parquet adds (times, decimals, bytes) as text, strings clean."""
    match value:
        case str():
            return clean(value)
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {clean(str(key)): plain(each) for key, each in value.items()}
        case list() | tuple():
            return [plain(each) for each in value]
        case datetime() | date() | time():
            return value.isoformat()
        case Decimal():
            return float(value) if value.is_finite() else None
        case bytes():
            return value.decode("utf-8", "replace")
        case _:
            return clean(str(value))


def clean(text: str) -> str:
    """Text that any encoder takes: lone surrogates become U+FFFD."""
    return _LONE_SURROGATE.sub("\ufffd", text)


def _too_deep(value: Any) -> bool:
    level: list[Any] = [value]
    for _ in range(DEPTH_LIMIT):
        level = [child for node in level for child in _children(node)]
        if not level:
            return False
    return any(isinstance(node, dict | list) for node in level)


def _children(node: Any) -> Iterable[Any]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _integer(digits: str) -> int | str:
    if len(digits) > 20:  # int() of 5,000 digits raises, and SQLite holds 64 bits
        return digits
    number = int(digits)
    return number if -(2**63) <= number < 2**63 else digits


def _real(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


# Not strict: raw control characters in strings are common in logs and harm nobody.
_DECODER = json.JSONDecoder(parse_int=_integer, parse_float=_real, parse_constant=lambda _: None, strict=False)
