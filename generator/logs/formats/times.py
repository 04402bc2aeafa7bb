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
    "startTimeUnixNano",
    "start_time_unix_nano",
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
        value = _number_in(value)
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


def _number_in(value: Any) -> Any:
    """A time in two parts as one number: [seconds, nanoseconds], or the halves of so many nanoseconds."""
    if isinstance(value, list) and len(value) == 2 and all(isinstance(each, int) for each in value):
        return value[0] + value[1] / 1e9
    if (
        isinstance(value, dict)
        and isinstance(low := value.get("low"), int)
        and isinstance(high := value.get("high"), int)
    ):
        number = (high << 32) + (low & 0xFFFFFFFF) if 0 <= high < 2**32 else 0
        return number if number >= _UNITS[-1][0] else None
    return value


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
