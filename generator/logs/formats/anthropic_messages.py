"""Anthropic Messages: the system prompt beside the messages, content in blocks, tool results in users' turns."""

from typing import Any

from generator.logs.formats.conversation import answer_of, messages_of, trace_of, unwrapped
from generator.logs.formats.openai_chat import request_of, response_of
from generator.logs.formats.raw import Format, RawTrace
from generator.logs.formats.signals import signals_of
from generator.logs.formats.times import seen_at

_BLOCKS = ("tool_use", "tool_result")


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    found = request_of(value)
    if found is None:
        return None
    place, request = found
    response = response_of(value)
    if isinstance(response, dict):
        if response.get("type") == "message" and "content" in response:
            return f"{place}messages with response.content blocks"
        if "choices" in response:
            return None
    if "system" in request:
        return f"{place}system beside {place}messages"
    if _has_tool_blocks(request["messages"]):
        return f"tool blocks in {place}messages"
    return None


def _has_tool_blocks(messages: Any) -> bool:
    messages = unwrapped(messages)
    return isinstance(messages, list) and any(
        isinstance(block, dict) and block.get("type") in _BLOCKS
        for message in messages
        if isinstance(message, dict) and isinstance(message.get("content"), list)
        for block in message["content"]
    )


def _read(value: Any) -> RawTrace:
    value = value if isinstance(value, dict) else {}
    _, request = request_of(value) or ("", {})
    response = response_of(value)
    body = response if isinstance(response, dict) else None
    said: Any = {"content": response} if isinstance(response, str) else body
    answer = answer_of(messages_of([{**said, "role": "assistant"}])) if said else None
    return trace_of(
        messages_of(unwrapped(request.get("messages")), unwrapped(request.get("system"))),
        answer,
        seen_at(value, body),
        signals_of(value, body),
    )


FORMAT = Format("anthropic", _recognise, _read)
