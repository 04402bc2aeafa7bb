"""Published conversations: WildChat and LMSYS-Chat with their moderation, tau-bench's runs with their reward."""

from typing import Any

from generator.logs.formats.conversation import are_turns, messages_of, trace_of
from generator.logs.formats.raw import Format, RawTrace, UnusableError

_CHAT_MARKS = ("openai_moderation", "conversation_hash", "toxic", "redacted", "turn")


def _recognise_chats(value: Any) -> str | None:
    if not isinstance(value, dict) or not are_turns(_rows(value, "conversation")):
        return None
    marks = [mark for mark in _CHAT_MARKS if mark in value]
    return f"conversation with {marks[0]} and {marks[1]}" if len(marks) > 1 else None


def _rows(value: dict[str, Any], key: str) -> Any:
    rows = value.get(key)
    return list(rows) if isinstance(rows, list) else None


def _read_chat(value: Any) -> RawTrace:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    flagged = {"flagged": True} if value.get("toxic") is True or _is_flagged(value.get("openai_moderation")) else {}
    return trace_of(messages_of(_rows(value, "conversation")), None, value, flagged)


def _is_flagged(moderation: Any) -> bool:
    rows = moderation if isinstance(moderation, list) else []
    return any(isinstance(each, dict) and each.get("flagged") is True for each in rows)


def _recognise_runs(value: Any) -> str | None:
    if not isinstance(value, dict) or "reward" not in value:
        return None
    for key in ("messages", "traj"):
        if are_turns(_rows(value, key)):
            return f"{key} with a reward"
    return None


def _read_run(value: Any) -> RawTrace:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    return trace_of(messages_of(_rows(value, "messages") or _rows(value, "traj")), None, value)


CHATS = Format(
    "wildchat",
    _recognise_chats,
    _read_chat,
    paths={
        "input": "conversation[] of role user",
        "answer": "conversation[] of role assistant",
        "conversation": "conversation_hash, conversation_id",
        "user": "hashed_ip",
        "time": "timestamp",
        "outcome": "toxic, openai_moderation[].flagged",
    },
)
RUNS = Format(
    "tau-bench",
    _recognise_runs,
    _read_run,
    paths={"input": "messages[] (traj[]) of role user", "answer": "role assistant", "outcome": "reward"},
)
