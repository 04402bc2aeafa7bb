"""Bare conversations: an object with a list of messages under a usual name, or the list itself."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.conversation import are_turns, messages_of, text_of, trace_of, unwrapped
from generator.logs.formats.raw import Format, RawTrace, UnusableError

KEYS = (
    "messages",
    "conversation",
    "conversations",
    "chat",
    "dialog",
    "dialogue",
    "turns",
    "history",
    "thread",
    "contents",
    "input",
    "prompt",
)
ANSWERS = ("answer", "response", "output", "completion", "reply", "assistant", "model_output")
"""Keys under which a record keeps what the application answered, as text."""


def _recognise(value: Any) -> str | None:
    if are_turns(value):
        return "a list of messages"
    found = _turns_in(value)
    return f"{found[0]} is a list of messages" if found else None


def _turns_in(value: Any) -> tuple[str, list[Any]] | None:
    if isinstance(value, dict):
        for key in KEYS:
            rows = unwrapped(value.get(key))
            if are_turns(rows):
                return key, rows
    return None


def _read(value: Any) -> RawTrace:
    if isinstance(value, list):
        return trace_of(messages_of(value))
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    found = _turns_in(value)
    rows = found[1] if found else unwrapped(next((value[key] for key in KEYS if key in value), None))
    first = rows[0] if isinstance(rows, list) and rows else None
    messages = messages_of(rows, value.get("system") or value.get("system_prompt"))
    when = {"timestamp": first["timestamp"]} if isinstance(first, dict) and "timestamp" in first else {}
    return trace_of(messages, answer_in(value), value, value.get("metadata"), when)


def answer_in(value: Mapping[str, Any]) -> str | None:
    """What the application answered, where a record has it under a usual name."""
    for key in ANSWERS:
        found = value.get(key)
        if isinstance(found, str) and found.strip():
            return found
        if isinstance(found, dict) and (text := text_of(found)).strip() and not text.startswith("["):
            return text
    return None


FORMAT = Format(
    "messages",
    _recognise,
    _read,
    paths={
        "input": "messages[] (also conversation, turns, history and the like, or the list itself)",
        "answer": "what follows the last user turn, or answer, response, output",
        "time": "timestamp, created_at and the like",
        "outcome": "reward, score, feedback, error and the like",
    },
    folds=True,
)
