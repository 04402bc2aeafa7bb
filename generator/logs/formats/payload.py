"""What went into a step and what came out, as tracers keep it: any JSON, often stored as text in JSON.

Langfuse, LangSmith, Braintrust and OpenTelemetry keep what the application passed around. What a person said
in it is found by shape: turns, a text, or an object that has either under a usual name.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.logs.formats.content import text_of, unwrapped
from generator.logs.formats.conversation import answer_of, are_turns, is_turn, messages_of
from generator.logs.formats.raw import UnusableError
from generator.logs.values import UnreadableError, parse
from generator.records import Message

_TURNS = (
    "messages",
    "input_messages",
    "chat_history",
    "conversation",
    "history",
    "input",
    "prompt",
    "inputs",
    "new_message",
)
_TEXTS = (
    *(
        "input",
        "prompt",
        "question",
        "query",
        "user_input",
        "user_message",
        "user_prompt",
        "user_query",
        "text",
        "message",
    ),
    *("content", "request", "task", "topic", "instruction", "goal"),
)
_AROUND = ("inputs", "input", "args", "kwargs", "value", "data", "request", "body", "state", "message", "parameters")
_OUT = (
    *("output", "answer", "response", "result", "text", "content", "completion", "final_output", "value", "data"),
    *("generation", "message", "return_value", "outputs", "raw"),
)
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Said:
    """What a person, or the application for them, put into a step."""

    messages: tuple[Message, ...]
    whole: bool
    """Whether it is a conversation rather than only what was asked last."""


def decoded(value: Any) -> Any:
    """A value that was stored as JSON text up to twice, as the value it is."""
    for _ in range(2):
        if isinstance(value, str) and value[:1] == '"' == value[-1:] and len(value) > 1:
            try:
                value = parse(value)
            except UnreadableError:
                return value
        value = unwrapped(value)
    return value


def said_in(value: Any) -> Said | None:
    """What was said in the input of a step; None where nobody speaks in it."""
    return _said(decoded(value), _DEEPEST)


def answer_from(value: Any) -> str | None:
    """What a step answered, as text; None where it is not to be found."""
    return _answer(decoded(value), _DEEPEST)


def _said(value: Any, depth: int) -> Said | None:
    if isinstance(value, str):
        return Said((Message("user", value),), whole=False) if value.strip() else None
    if not depth:
        return None
    if isinstance(value, list):
        return _said_in_list(value, depth)
    return _said_in_object(value, depth) if isinstance(value, dict) else None


def _said_in_list(value: Sequence[Any], depth: int) -> Said | None:
    if are_turns(value):
        return _conversation(value)
    if any(isinstance(each, dict) and each.get("type") in ("text", "input_text") for each in value):
        return Said((Message("user", text_of(list(value))),), whole=False)
    # Arguments of a function, or LangChain's batch of one.
    return next((found for each in value[:3] if (found := _said(decoded(each), depth - 1))), None)


def _said_in_object(value: Mapping[str, Any], depth: int) -> Said | None:
    if is_turn(value):
        return _conversation([value])
    system = _text_at(value, ("system", "system_prompt", "system_instruction", "instructions"))
    for key in _TURNS:
        turns = unwrapped(value.get(key))
        if isinstance(turns, list) and turns and isinstance(turns[0], list):
            turns = turns[0]
        if are_turns(turns) and (found := _conversation(turns, system)):
            asked = _text_at(value, ("input", "question")) if key in ("chat_history", "history") else None
            return Said((*found.messages, Message("user", asked)), whole=True) if asked else found
    asked = _text_at(value, _TEXTS)
    if asked:
        before = (Message("system", system),) if system else ()
        return Said((*before, Message("user", asked)), whole=bool(system))
    return next((found for key in _AROUND if (found := _boxed(value.get(key), depth))), None)


def _boxed(value: Any, depth: int) -> Said | None:
    value = decoded(value)
    return None if isinstance(value, str) else _said(value, depth - 1)


def _conversation(turns: Sequence[Any], system: str | None = None) -> Said | None:
    try:
        messages = messages_of(list(turns), system)
    except UnusableError:
        return None
    return Said(tuple(messages), whole=True) if messages else None


def _text_at(value: Mapping[str, Any], keys: Sequence[str]) -> str | None:
    for key in keys:
        found = value.get(key)
        # Text that is JSON is looked into by those who look for objects.
        if isinstance(found, str) and found.strip() and not isinstance(unwrapped(found), dict | list):
            return found
        if isinstance(found, list) and any(isinstance(each, dict) and each.get("type") == "text" for each in found):
            return text_of(found) or None
    return None


def _answer(value: Any, depth: int) -> str | None:
    if isinstance(value, str):
        return value if value.strip() else None
    if not depth:
        return None
    if isinstance(value, list):
        return _answer_in_turns(value) or _answer_of_calls(value)
    if not isinstance(value, dict):
        return None
    return next((found for each in _ways_out(value) if (found := _answer(decoded(each), depth - 1))), None)


def _ways_out(value: Mapping[str, Any]) -> Iterator[Any]:
    if is_turn(value):
        yield [{**value, "role": value.get("role", "assistant")}]
    choices = value.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], dict):
        yield [{"role": "assistant", **choices[0]["message"]}] if isinstance(choices[0].get("message"), dict) else None
        yield choices[0].get("text")
    generations = value.get("generations")
    while isinstance(generations, list) and generations:
        generations = generations[0]
    yield generations
    yield value.get("messages")
    for key in _OUT:
        yield value.get(key)


def _answer_in_turns(rows: Sequence[Any]) -> str | None:
    if not are_turns(rows):
        return None
    try:
        messages = messages_of(list(rows))
    except UnusableError:
        return None
    last = max((number for number, each in enumerate(messages) if each.role in ("user", "tool")), default=-1)
    return answer_of(messages[last + 1 :])


def _answer_of_calls(rows: Sequence[Any]) -> str | None:
    """Vercel and the Responses API give a list of tool calls, or of output items, where an answer is due."""
    calls = [each for each in rows if isinstance(each, dict) and (each.get("toolName") or each.get("type"))]
    typed = [{"type": "tool-call", **each} if each.get("toolName") else each for each in calls]
    try:
        items = [
            each if is_turn(each) or _is_item(each) else {"role": "assistant", "content": [each]} for each in typed
        ]
        return answer_of(messages_of(items)) if items else None
    except UnusableError:
        return None


def _is_item(row: Mapping[str, Any]) -> bool:
    kind = row.get("type")
    return isinstance(kind, str) and kind.endswith("_call")
