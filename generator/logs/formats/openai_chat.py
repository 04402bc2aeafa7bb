"""OpenAI Chat Completions: a request and its response side by side, nested or flat, also stored as JSON text.

`{"request": {"messages": [...]}, "response": {"choices": [...]}}`, `{"messages": [...], "model": ...,
"response": ...}`, the Batch API's `body`.
"""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.conversation import answer_of, messages_of, text_of, trace_of, unwrapped
from generator.logs.formats.raw import Format, RawTrace

REQUESTS = ("request", "request_body", "body", "kwargs")
RESPONSES = ("response", "response_body", "completion", "output")


def request_of(value: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    """Where the object that was sent to the model lies in a record, and that object."""
    for key in REQUESTS:
        inner = unwrapped(value.get(key))
        if isinstance(inner, dict) and "messages" in inner:
            return f"{key}.", inner
    return ("", value) if "messages" in value else None


def response_of(value: Mapping[str, Any]) -> Any:
    """What the model sent back, where a record has it."""
    return next((unwrapped(value[key]) for key in RESPONSES if value.get(key) is not None), None)


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    found = request_of(value)
    if found is None:
        return None
    place, request = found
    response = response_of(value)
    if isinstance(response, dict) and "choices" in response:
        return f"{place}messages with response.choices"
    if place:
        return f"{place}messages"
    return "messages with a model and a response" if "model" in request and _has_answer(value) else None


def _has_answer(value: Mapping[str, Any]) -> bool:
    return "choices" in value or response_of(value) is not None


def read(value: Any) -> RawTrace:
    """The trace of a request and its response."""
    value = value if isinstance(value, dict) else {}
    _, request = request_of(value) or ("", {})
    response = response_of(value)
    body = response if isinstance(response, dict) else value
    choice = _first_choice(body)
    answer = text_of(response) if isinstance(response, str) else _answer(choice)
    holders = (value, *((body,) if body is not value else ()), choice, request)
    return trace_of(messages_of(unwrapped(request.get("messages")), request.get("system")), answer, *holders)


def _first_choice(body: Mapping[str, Any]) -> Mapping[str, Any]:
    choices = unwrapped(body.get("choices"))
    first = choices[0] if isinstance(choices, list) and choices else None
    return first if isinstance(first, dict) else {}


def _answer(choice: Mapping[str, Any]) -> str | None:
    message = choice.get("message")
    if isinstance(message, dict):
        return answer_of(messages_of([{"role": "assistant", **message}]))
    text = choice.get("text")
    return text if isinstance(text, str) else None


FORMAT = Format(
    "openai",
    _recognise,
    read,
    paths={
        "input": "request.messages[] (also body, kwargs or none around it)",
        "answer": "response.choices[0].message",
        "time": "response.created, timestamp",
        "user": "request.user, user_id",
        "outcome": "finish_reason, error, feedback",
    },
    folds=True,
)
