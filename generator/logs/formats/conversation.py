"""Turns of a conversation, in any of the shapes in which logs write them, to messages.

Who said it stands under `role`, `from` or `author`, or in the name of a class (LangChain); what was said
under `content`, `value`, `text` or `parts`. The shapes do not contradict one another, so one reader knows all.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from generator.logs.formats.content import call_of, calls_in, kind_of, read_content, result_of, text_of, unwrapped
from generator.logs.formats.identity import conversation_of, user_of
from generator.logs.formats.raw import RawTrace, UnusableError
from generator.logs.formats.signals import signals_of
from generator.logs.formats.times import seen_at
from generator.records import Message, Role

__all__ = ["answer_of", "are_turns", "is_turn", "messages_of", "text_of", "trace_of", "unwrapped"]

_ROLES: dict[str, Role] = {
    **dict.fromkeys(("system", "developer"), "system"),
    **dict.fromkeys(("user", "human", "customer", "client", "visitor", "end_user", "caller"), "user"),
    **dict.fromkeys(
        ("assistant", "ai", "gpt", "model", "chatgpt", "bot", "bing", "bard", "claude", "agent", "chatbot"), "assistant"
    ),
    **dict.fromkeys(("function_call", "tool_call"), "assistant"),
    **dict.fromkeys(("tool", "function", "observation", "tool_result", "tool_response", "ipython"), "tool"),
}
_SPEAKER = ("role", "from", "author", "speaker", "sender")
_SAID = ("content", "value", "text", "parts", "message")
_CLASSES: dict[str, Role] = {"human": "user", "ai": "assistant", "system": "system", "tool": "tool"}
"""LangChain's kinds of messages; the names of its classes begin with them."""
_ASKS = ("function_call", "custom_tool_call", "mcp_call")
_GIVES = ("function_call_output", "custom_tool_call_output")
_UNSAID = ("reasoning", "item_reference", "compaction")
"""Items of the Responses API that nobody says and no tool answers."""
_MARKERS = re.compile(r"\[[a-z][a-z_]{0,30}\]")


def is_turn(value: Any) -> bool:
    """Whether a value says who spoke and what."""
    if not isinstance(value, dict):
        return False
    value = _unboxed(value)
    return _role(value) is not None and any(key in value for key in (*_SAID, "tool_calls"))


def are_turns(value: Any) -> bool:
    """Whether a value is a list of turns."""
    return isinstance(value, list) and bool(value) and is_turn(value[0])


def messages_of(rows: Any, system: Any = None) -> list[Message]:
    """The messages of a list of turns.

    Args:
        rows: The turns, oldest first.
        system: A system prompt that stands beside the turns: text, or a list of parts.

    Raises:
        UnusableError: there are none, or one of them cannot be understood.
    """
    if not isinstance(rows, list) or not rows:
        raise UnusableError("no messages")
    prompt = text_of(system)
    messages = [Message("system", prompt)] if prompt.strip() else []
    for row in rows:
        messages.extend(_turn(row))
    return messages


def trace_of(messages: Sequence[Message], answer: str | None = None, *holders: Any) -> RawTrace:
    """The trace of a conversation: what the model was given, and what came after as the answer.

    Args:
        messages: All of the conversation.
        answer: The answer, where it stands beside the conversation.
        holders: Objects of the log that may say when it was, who asked and how it ended; the surest first.

    Raises:
        UnusableError: the user says nothing.
    """
    if not any(message.role == "user" and has_words(message.content) for message in messages):
        raise UnusableError("no user text")
    last = max(number for number, message in enumerate(messages) if message.role in ("user", "tool"))
    return RawTrace(
        messages=tuple(messages[: last + 1]),
        answer=answer or answer_of(messages[last + 1 :]),
        seen_at=seen_at(*holders),
        signals=signals_of(*holders),
        user=user_of(*holders),
        conversation=conversation_of(*holders),
    )


def answer_of(messages: Sequence[Message]) -> str | None:
    """What assistants said and which tools they asked for, as text."""
    lines: list[str] = []
    for message in messages:
        if message.role == "assistant":
            lines += [message.content] if message.content.strip() else []
            lines += [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(lines) or None


def has_words(content: str) -> bool:
    """Whether a content says anything besides marks of parts that cannot be shown."""
    text = content.strip()
    if not text.startswith("["):
        return bool(text)
    return bool(_MARKERS.sub("", text).strip())


def _unboxed(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A message of LangChain that was written as a constructor, or under `data`, as the message it is."""
    if row.get("type") == "constructor" and isinstance(inner := row.get("kwargs"), dict):
        path = row.get("id")
        name = str(path[-1]).lower() if isinstance(path, list) and path else ""
        said_by = next((each for each in _CLASSES if name.startswith(each)), None)
        return {**inner, "type": said_by} if said_by else inner
    kind = row.get("type")
    if (
        isinstance(kind, str)
        and kind in _CLASSES
        and "content" not in row
        and isinstance(inner := row.get("data"), dict)
    ):
        return {**inner, "type": kind}
    return row


def _role(row: Mapping[str, Any]) -> Role | None:
    for key in _SPEAKER:
        speaker = row.get(key)
        if isinstance(speaker, dict):
            speaker = speaker.get("role")
        if isinstance(speaker, str):
            return _ROLES.get(speaker) or _ROLES.get(speaker.strip().lower())
    kind = row.get("type")
    if isinstance(kind, str) and "content" in row:
        return _CLASSES.get(kind.removesuffix("MessageChunk").removesuffix("Message").lower())
    return None


def _turn(row: Any) -> list[Message]:
    if not isinstance(row, dict):
        raise UnusableError("a message is not an object")
    row = _unboxed(row)
    role = _role(row)
    if role is None:
        return _item(row)
    content = next((row[key] for key in _SAID if row.get(key) is not None), None)
    if role == "tool" and isinstance(content, dict) and kind_of(content) == "function" and "function" in content:
        return []  # the definition of a tool, which LangChain's tracer writes as a message
    text, calls, results = read_content(content)
    if role == "assistant" and (asked := _asked(row)):
        calls = (*calls, *calls_in(asked))
    if not results:
        answered = row.get("tool_call_id") if role == "tool" else None
        return [Message(role, text, calls, None if answered is None else str(answered))]
    # Anthropic's tool results travel as a user's turn, but no user wrote them.
    return [*results, *([Message(role, text, calls)] if text.strip() or calls else [])]


def _asked(row: Mapping[str, Any]) -> Any:
    extra = row.get("additional_kwargs")
    return row.get("tool_calls") or row.get("function_call") or (isinstance(extra, dict) and extra.get("tool_calls"))


def _item(row: Mapping[str, Any]) -> list[Message]:
    """An item of the Responses API that is no message."""
    kind = kind_of(row)
    if kind in _ASKS:
        return [Message("assistant", "", (call_of({**row, "id": row.get("call_id") or row.get("id")}),))]
    if kind in _GIVES:
        return [result_of(row)]
    if kind in _UNSAID:
        return []
    if kind.endswith("_call"):  # a tool that the provider runs itself, such as web_search_call
        return [Message("assistant", f"[{kind}]")]
    raise UnusableError("a message of an unknown role")
