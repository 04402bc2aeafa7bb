"""ShareGPT: `{"conversations": [{"from": "human", "value": ...}, {"from": "gpt", "value": ...}]}`."""

from typing import Any

from generator.logs.formats.conversation import messages_of, trace_of, unwrapped
from generator.logs.formats.raw import Format, RawTrace

_KEYS = ("conversations", "conversation", "messages")


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    for key in _KEYS:
        rows = unwrapped(value.get(key))
        first = rows[0] if isinstance(rows, list) and rows else None
        if isinstance(first, dict) and "from" in first and "value" in first:
            return f"{key} has turns with from and value"
    return None


def _read(value: Any) -> RawTrace:
    value = value if isinstance(value, dict) else {}
    rows = unwrapped(next((value[key] for key in _KEYS if key in value), None))
    return trace_of(messages_of(rows, value.get("system")), None, value)


FORMAT = Format(
    "sharegpt",
    _recognise,
    _read,
    paths={"input": "conversations[] with from human: value", "answer": "from gpt: value"},
)
