"""OpenAI Responses: a text or items as `input`, the system prompt as `instructions`, items as `output`.

A request that goes on from `previous_response_id` does not repeat what came before: it is a part of the
conversation that the first response began, and is told so by the ids of the responses.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from generator.logs.formats.content import unwrapped
from generator.logs.formats.conversation import answer_of, messages_of, trace_of
from generator.logs.formats.openai_chat import REQUESTS, response_of
from generator.logs.formats.raw import Format, RawTrace, UnusableError

_MARKS = ("instructions", "previous_response_id", "max_output_tokens", "reasoning", "tools", "model", "store")


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    found = _request(value)
    response = response_of(value)
    if isinstance(response, dict) and response.get("object") == "response" and found:
        return f"{found[0]}input with response.output"
    if found and found[0] and isinstance(unwrapped(found[1]["input"]), str | list) and _is_marked(found[1]):
        return f"{found[0]}input with {next(mark for mark in _MARKS if mark in found[1])}"
    return None


def _is_marked(request: Mapping[str, Any]) -> bool:
    return "messages" not in request and any(mark in request for mark in _MARKS)


def _request(value: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]] | None:
    for key in REQUESTS:
        inner = unwrapped(value.get(key))
        if isinstance(inner, dict) and "input" in inner:
            return f"{key}.", inner
    return ("", value) if "input" in value else None


def _read(value: Any) -> RawTrace:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    _, request = _request(value) or ("", {})
    came_in = unwrapped(request.get("input"))
    rows = [{"role": "user", "content": came_in}] if isinstance(came_in, str) else came_in
    response = response_of(value)
    body = response if isinstance(response, dict) else {}
    out = unwrapped(body.get("output"))
    answer = answer_of(messages_of(out)) if isinstance(out, list) and out else None
    if isinstance(response, str):
        answer = response
    messages = messages_of(rows, request.get("instructions"))
    status = body.get("status")
    failed = {"status": status} if isinstance(status, str) and status != "completed" else {}
    incomplete = {key: each for key, each in body.items() if key not in ("status", "user", "instructions")}
    trace = trace_of(messages, answer, value, incomplete, failed, request, {"user": body.get("user")})
    return replace(trace, reply=_id(body.get("id")), follows=_id(request.get("previous_response_id")))


def _id(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


FORMAT = Format(
    "openai-responses",
    _recognise,
    _read,
    paths={
        "input": "request.input (text, or items of role user), request.instructions",
        "answer": "response.output[] of type message, function_call",
        "time": "response.created_at",
        "user": "request.user, safety_identifier",
        "outcome": "response.error, status unless completed",
    },
    folds=True,
)
