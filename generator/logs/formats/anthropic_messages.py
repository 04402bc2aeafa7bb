"""Anthropic Messages: the system prompt beside the messages, content in blocks, tool results in users' turns."""

from typing import Any

from generator.logs.formats.conversation import answer_of, messages_of, trace_of, unwrapped
from generator.logs.formats.openai_chat import request_of, response_of
from generator.logs.formats.raw import Format, RawTrace

_BLOCKS = ("tool_use", "tool_result")


def recognise(value: Any) -> str | None:
    """Why a record looks like an exchange with the Messages API."""
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


def read(value: Any) -> RawTrace:
    """The trace of a request and its response."""
    value = value if isinstance(value, dict) else {}
    _, request = request_of(value) or ("", {})
    response = response_of(value)
    body = response if isinstance(response, dict) else None
    said: Any = {"content": response} if isinstance(response, str) else body
    answer = answer_of(messages_of([{**said, "role": "assistant"}])) if said else None
    messages = messages_of(unwrapped(request.get("messages")), unwrapped(request.get("system")))
    return trace_of(messages, answer, value, body, request)


FORMAT = Format(
    "anthropic",
    recognise,
    read,
    paths={
        "input": "request.messages[] and request.system",
        "answer": "response.content[] of type text",
        "user": "request.metadata.user_id",
        "outcome": "stop_reason, error, feedback",
    },
    folds=True,
)
