"""What lies in the content of a message: text, tools that were asked for, what they gave back.

A content is a text, a list of parts, or an object around either. Parts are written as OpenAI, Anthropic,
Google, Amazon, Vercel and OpenTelemetry write them; the shapes do not contradict one another.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from generator.logs.values import UnreadableError, parse
from generator.records import Message, ToolCall

_TEXT_PARTS = ("text", "input_text", "output_text", "refusal")
_IMAGES = ("image", "image_url", "input_image")
_CALLS = ("tool_use", "tool_call", "tool-call", "toolUse", "functionCall", "function_call", "server_tool_use")
_RESULTS = (
    *("tool_result", "tool-result", "tool_call_response", "toolResult", "functionResponse", "function_call_output"),
    *("web_search_tool_result", "mcp_tool_result"),
)
_BOXED = ("toolUse", "toolResult", "functionCall", "functionResponse")
"""Amazon and Google name the kind of a part by its only key."""
_PART_NAME = re.compile(r"[a-z][a-z_]{0,30}")
_ANSWERED = ("tool_use_id", "toolUseId", "toolCallId", "call_id", "tool_call_id", "id")
_RESULT = ("content", "result", "output", "response")


class Content(NamedTuple):
    """What a content holds."""

    text: str
    calls: tuple[ToolCall, ...] = ()
    results: tuple[Message, ...] = ()


def unwrapped(value: Any) -> Any:
    """A value that a log stored as JSON text inside JSON, as the value it is."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        try:
            return parse(value)
        except UnreadableError:
            return value
    return value


def text_of(content: Any) -> str:
    """The text in a content: a string, a list of parts, or an object around either."""
    return read_content(content).text


def read_content(content: Any) -> Content:
    """Text, tool calls and tool results of a content."""
    if content is None:
        return Content("")
    if isinstance(content, str):
        return Content(content)
    if isinstance(content, dict):
        inner = next((content[key] for key in ("parts", "content") if isinstance(content.get(key), list | str)), None)
        return read_content(inner if inner is not None and "type" not in content else [content])
    if not isinstance(content, list):
        return Content(str(content))
    texts: list[str] = []
    calls: list[ToolCall] = []
    results: list[Message] = []
    for part in content:
        kind = kind_of(part)
        inside = part[kind] if kind in _BOXED and isinstance(part.get(kind), dict) else part
        if kind in _CALLS:
            calls.append(call_of(inside))
        elif kind in _RESULTS:
            results.append(result_of(inside))
        else:
            texts.append(_part_text(part, kind))
    return Content("\n".join(text for text in texts if text), tuple(calls), tuple(results))


def kind_of(part: Any) -> str:
    """What a part of a content says it is; nothing where it does not say."""
    if not isinstance(part, dict):
        return ""
    kind = part.get("type") or part.get("content_type")
    if isinstance(kind, str):
        return kind
    return next((name for name in _BOXED if name in part), "")


def call_of(part: Mapping[str, Any]) -> ToolCall:
    """The tool that a part asks for."""
    called = part.get("id") or part.get("toolCallId") or part.get("toolUseId") or part.get("call_id")
    name = part.get("name") or part.get("toolName")
    arguments: Any = next((part[key] for key in ("input", "args", "arguments") if part.get(key) is not None), {})
    return ToolCall(str(called or ""), str(name or ""), _json(arguments))


def result_of(part: Mapping[str, Any]) -> Message:
    """What a tool gave back, as a message."""
    answered = next((part[key] for key in _ANSWERED if part.get(key) is not None), None)
    result = next((part[key] for key in _RESULT if part.get(key) is not None), None)
    if isinstance(result, dict) and result.get("type") in ("text", "json", "error-text") and "value" in result:
        result = result["value"]  # Vercel
    text = text_of(result) if _is_said(result) else _json(result)
    return Message("tool", text, tool_call_id=None if answered is None else str(answered))


def _is_said(result: Any) -> bool:
    """Whether a result is text or parts of a content, not data of the tool's own."""
    if isinstance(result, list):
        return all(
            isinstance(each, str) or kind_of(each) or (isinstance(each, dict) and "text" in each) for each in result
        )
    return result is None or isinstance(result, str) or bool(kind_of(result))


def calls_in(asked: Any) -> list[ToolCall]:
    """The tools of a `tool_calls` list or a `function_call`, as OpenAI and LangChain write them."""
    calls = []
    for call in asked if isinstance(asked, list) else [asked]:
        if isinstance(call, dict):
            inner = call.get("function")
            function = inner if isinstance(inner, dict) else call
            arguments = function.get("arguments", function.get("args", {}))
            calls.append(ToolCall(str(call.get("id") or ""), str(function.get("name") or ""), _json(arguments)))
    return calls


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


def _json(arguments: Any) -> str:
    if isinstance(arguments, str):
        return arguments
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))
