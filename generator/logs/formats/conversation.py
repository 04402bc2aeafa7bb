"""Turns of a conversation, in any of the shapes in which logs write them, to messages.

Who said it stands under `role`, `from` or `author`, what was said under `content`, `value`, `text` or
`parts`, as text or as a list of parts. The shapes do not contradict one another, so one reader knows all.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from generator.logs.formats.raw import RawTrace, Scalar, UnusableError
from generator.logs.values import UnreadableError, parse
from generator.records import Message, Role, ToolCall

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
_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_IMAGES = ("image", "image_url", "input_image")
_PART_NAME = re.compile(r"[a-z][a-z_]{0,30}")
_MARKERS = re.compile(r"\[[a-z][a-z_]{0,30}\]")


def unwrapped(value: Any) -> Any:
    """A value that a log stored as JSON text inside JSON, as the value it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse(value)
        except UnreadableError:
            return value
    return value


def is_turn(value: Any) -> bool:
    """Whether a value says who spoke and what."""
    return isinstance(value, dict) and _role(value) is not None and any(key in value for key in (*_SAID, "tool_calls"))


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


def trace_of(
    messages: Sequence[Message],
    answer: str | None = None,
    seen_at: str | None = None,
    signals: Mapping[str, Scalar] | None = None,
) -> RawTrace:
    """The trace of a conversation: what the model was given, and what came after as the answer.

    Raises:
        UnusableError: the user says nothing.
    """
    if not any(message.role == "user" and _has_words(message.content) for message in messages):
        raise UnusableError("no user text")
    last = max(number for number, message in enumerate(messages) if message.role in ("user", "tool"))
    return RawTrace(
        messages=tuple(messages[: last + 1]),
        answer=answer or answer_of(messages[last + 1 :]),
        seen_at=seen_at,
        signals=signals or {},
    )


def answer_of(messages: Sequence[Message]) -> str | None:
    """What assistants said and which tools they asked for, as text."""
    lines: list[str] = []
    for message in messages:
        if message.role == "assistant":
            lines += [message.content] if message.content.strip() else []
            lines += [f"{call.name}({call.arguments})" for call in message.tool_calls]
    return "\n".join(lines) or None


def text_of(content: Any) -> str:
    """The text in a content: a string, a list of parts, or an object around either."""
    return _read(content)[0]


def _has_words(content: str) -> bool:
    text = content.strip()
    if not text.startswith("["):
        return bool(text)
    return bool(_MARKERS.sub("", text).strip())


def _role(row: Mapping[str, Any]) -> Role | None:
    for key in _SPEAKER:
        speaker = row.get(key)
        if isinstance(speaker, dict):
            speaker = speaker.get("role")
        if isinstance(speaker, str):
            return _ROLES.get(speaker) or _ROLES.get(speaker.strip().lower())
    return None


def _turn(row: Any) -> list[Message]:
    if not isinstance(row, dict):
        raise UnusableError("a message is not an object")
    role = _role(row)
    if role is None:
        raise UnusableError("a message of an unknown role")
    content = next((row[key] for key in _SAID if row.get(key) is not None), None)
    text, calls, results = _read(content)
    if role == "assistant" and (asked := row.get("tool_calls") or row.get("function_call")):
        calls = (*calls, *_tool_calls(asked))
    if not results:
        answered = row.get("tool_call_id") if role == "tool" else None
        return [Message(role, text, calls, None if answered is None else str(answered))]
    # Anthropic's tool results travel as a user's turn, but no user wrote them.
    return [*results, *([Message(role, text, calls)] if text.strip() or calls else [])]


_Read = tuple[str, tuple[ToolCall, ...], tuple[Message, ...]]


def _read(content: Any) -> _Read:
    """Text, tool calls and tool results of a content."""
    if content is None:
        return "", (), ()
    if isinstance(content, str):
        return content, (), ()
    if isinstance(content, dict):
        inner = next((content[key] for key in ("parts", "content") if isinstance(content.get(key), list | str)), None)
        return _read(inner if inner is not None and "type" not in content else [content])
    if not isinstance(content, list):
        return str(content), (), ()
    texts: list[str] = []
    calls: list[ToolCall] = []
    results: list[Message] = []
    for part in content:
        kind = _kind(part)
        if kind in ("tool_use", "tool_call", "tool-call"):
            calls.append(_tool_use(part))
        elif kind in ("tool_result", "tool-result"):
            answered = part.get("tool_use_id") or part.get("toolCallId")
            result = text_of(part.get("content", part.get("result")))
            results.append(Message("tool", result, tool_call_id=None if answered is None else str(answered)))
        else:
            texts.append(_part_text(part, kind))
    return "\n".join(text for text in texts if text), tuple(calls), tuple(results)


def _kind(part: Any) -> str:
    if not isinstance(part, dict):
        return ""
    kind = part.get("type") or part.get("content_type")
    return kind if isinstance(kind, str) else ""


def _part_text(part: Any, kind: str) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, dict):
        if not kind or kind in _TEXT_PARTS:
            text = next((part[key] for key in ("text", "refusal", "content", "value") if key in part), None)
            if isinstance(text, str):
                return text
            if isinstance(text, dict) and isinstance(text.get("value"), str):
                return str(text["value"])  # the Assistants API
        if kind in _IMAGES:
            return "[image]"
        if _PART_NAME.fullmatch(kind):
            return f"[{kind}]"
    return "[part]"  # it cannot be shown, but must not vanish without a mark


def _tool_use(part: Mapping[str, Any]) -> ToolCall:
    called = str(part.get("id") or part.get("toolCallId") or "")
    name = str(part.get("name") or part.get("toolName") or "")
    return ToolCall(called, name, _json(part.get("input", part.get("args", {}))))


def _tool_calls(asked: Any) -> list[ToolCall]:
    calls = []
    for call in asked if isinstance(asked, list) else [asked]:
        if isinstance(call, dict):
            inner = call.get("function")
            function = inner if isinstance(inner, dict) else call
            arguments = function.get("arguments", function.get("args", {}))
            calls.append(ToolCall(str(call.get("id") or ""), str(function.get("name") or ""), _json(arguments)))
    return calls


def _json(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
