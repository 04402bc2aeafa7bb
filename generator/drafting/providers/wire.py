"""Reading JSON that a stranger sent, without ever raising."""

import json
from typing import Any


def read_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in these bytes, or None."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), parse_constant=lambda name: None)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def dig(value: object, *path: str | int) -> Any:
    """What lies at a path of keys and positions, or None."""
    for step in path:
        if isinstance(value, dict) and isinstance(step, str):
            value = value.get(step)
        elif isinstance(value, list) and isinstance(step, int) and step < len(value):
            value = value[step]
        else:
            return None
    return value


def text_of(value: object) -> str:
    """Text that may come as a string, as null, or as a list of parts."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(part["text"] for part in value if isinstance(part, dict) and isinstance(part.get("text"), str))
    return ""


def count_of(value: object) -> int:
    """A number of tokens; 0 for anything that cannot be one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9 else 0
