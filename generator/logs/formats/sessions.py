"""Conversations that lie in a file one message a row: Claude Code's sessions, and tables with a speaker."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.conversation import has_words, is_turn, messages_of
from generator.logs.formats.identity import conversation_of, user_of
from generator.logs.formats.raw import Format, Part, RawTrace, UnusableError
from generator.logs.formats.signals import signals_of
from generator.logs.formats.times import seen_at
from generator.records import Message

_NOT_TYPED = (
    "<command-name>",
    "<command-message>",
    "<local-command-",
    "Caveat:",
    "<system-reminder>",
    "[Request interrupted",
)
"""How texts begin that Claude Code writes in a user's name."""


def _recognise_claude_code(value: Any) -> str | None:
    if not isinstance(value, dict) or "sessionId" not in value:
        return None
    if value.get("type") in ("user", "assistant") and ("message" in value and "uuid" in value):
        return "rows of sessionId, uuid and message"
    return None


def _claude_code_parts(value: Any) -> list[Part]:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    group = value.get("sessionId")
    if not isinstance(group, str) or not group:
        raise UnusableError("no message of a session")
    message = value.get("message")
    if value.get("isSidechain") or value.get("isMeta") or value.get("type") not in ("user", "assistant"):
        return [Part(group, "aside")]
    if not is_turn(message):
        return [Part(group, "aside")]
    return _turn(group, messages_of([message]), value, {"conversation_id": group})


def _turn(group: str, messages: list[Message], *holders: Any) -> list[Part]:
    kept = tuple(
        each for each in messages if not (each.role == "user" and each.content.lstrip().startswith(_NOT_TYPED))
    )
    if not any(has_words(each.content) or each.tool_calls for each in kept):
        return [Part(group, "aside")]
    trace = RawTrace(kept, None, seen_at(*holders), signals_of(*holders), user_of(*holders), conversation_of(*holders))
    return [Part(group, "turn", trace)]


def _recognise_rows(value: Any) -> str | None:
    if is_turn(value) and "messages" not in value and (conversation := _id_of(value)):
        return f"one message a row, with a speaker and {conversation[0]}"
    return None


_IDS = (
    *("conversation_id", "conversationId", "session_id", "sessionId", "thread_id", "threadId", "chat_id", "chatId"),
    *("dialogue_id", "dialog_id", "ticket_id", "conversation", "session", "thread"),
)


def _id_of(value: Mapping[str, Any]) -> tuple[str, str] | None:
    for key in _IDS:
        found = value.get(key)
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return key, str(found)
    return None


def _row_parts(value: Any) -> list[Part]:
    if not isinstance(value, dict) or not (found := _id_of(value)):
        raise UnusableError("no conversation is named")
    # What tables say under `from` or `sender` may be a name; only known roles are turns.
    return _turn(found[1], messages_of([value]), value, {"conversation_id": found[1]})


CLAUDE_CODE = Format(
    "claude-code",
    _recognise_claude_code,
    parts=_claude_code_parts,
    paths={
        "input": "message.content of rows with type user, without sidechains, commands and tool results",
        "answer": "message.content of rows with type assistant",
        "conversation": "sessionId",
        "time": "timestamp",
    },
)
ROWS = Format(
    "rows",
    _recognise_rows,
    parts=_row_parts,
    paths={
        "input": "content, text or message of rows whose role, speaker or sender is a user",
        "conversation": "conversation_id, session_id, thread_id and the like",
        "time": "timestamp, created_at and the like",
    },
)
