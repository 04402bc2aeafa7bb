"""The many ways in which logs write a time."""

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

KEYS = (
    "timestamp",
    "@timestamp",
    "time",
    "ts",
    "created_at",
    "createdAt",
    "created",
    "seen_at",
    "start_time",
    "startTime",
    "request_created_at",
    "request_time",
    "logged_at",
    "create_time",
    "datetime",
    "date",
)
"""Where records keep the time of the request, the surest first."""

_UNITS = ((1e8, 1.0), (1e11, 1e3), (1e14, 1e6), (1e17, 1e9))
"""From this number on, a time since 1970 is in 1/this of a second: seconds, ms, µs, ns."""
_NUMBER = re.compile(r"\d{9,20}(?:\.\d{1,9})?")
_LONGEST = 40


def seen_at(*holders: Any) -> str | None:
    """The first time that can be read in any of these objects."""
    for holder in holders:
        if isinstance(holder, dict):
            for key in KEYS:
                if key in holder and (found := parse_time(holder[key])):
                    return found
    return None


def parse_time(value: Any) -> str | None:
    """A time as ISO 8601 in UTC, to the second where it has no fraction; None where it cannot be one."""
    try:
        if isinstance(value, bool):
            return None
        if isinstance(value, int | float):
            moment = _since_1970(float(value))
        elif isinstance(value, str) and len(value) <= _LONGEST:
            moment = _written(value.strip())
        else:
            return None
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z") if moment else None
    except (ValueError, OverflowError, OSError):
        return None


def _since_1970(number: float) -> datetime | None:
    for floor, per_second in reversed(_UNITS):
        if number >= floor:
            return datetime.fromtimestamp(number / per_second, UTC)
    return None


def _written(text: str) -> datetime | None:
    if _NUMBER.fullmatch(text):
        return _since_1970(float(text))
    if not text[:4].isdigit():
        return _aware(parsedate_to_datetime(text))  # "Sun, 07 Apr 2024 07:30:05 GMT"
    return _aware(datetime.fromisoformat(text.removesuffix(" UTC").replace("/", "-")))


def _aware(moment: datetime) -> datetime:
    # Servers that leave the zone out nearly always log in UTC.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
