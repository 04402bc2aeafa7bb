"""What was said in a span of OpenTelemetry, by whichever convention its attributes and events follow.

GenAI semantic conventions (messages as JSON, and the events before them), OpenInference, OpenLLMetry, Vercel's
AI SDK, Langfuse's and Logfire's own keys. Lists of messages come before bare values: they hold the roles.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.logs.formats.content import unwrapped
from generator.logs.formats.conversation import messages_of
from generator.logs.formats.payload import Said, answer_from, said_in
from generator.logs.formats.raw import UnusableError

_DEEPEST = 12
_EVENT_ROLES = {
    "gen_ai.system.message": "system",
    "gen_ai.user.message": "user",
    "gen_ai.assistant.message": "assistant",
    "gen_ai.tool.message": "tool",
}
_DETAILS = "gen_ai.client.inference.operation.details"
_ASIDE_KINDS = ("TOOL", "RETRIEVER", "EMBEDDING", "RERANKER", "GUARDRAIL", "EVALUATOR", "EVENT")
_ASIDE_OPERATIONS = ("execute_tool", "embeddings", "retrieval")
_KIND_KEYS = ("openinference.span.kind", "traceloop.span.kind", "langwatch.span.type", "langfuse.observation.type")
_OPERATION_KEYS = ("gen_ai.operation.name", "ai.operationId")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said in a span."""

    convention: str
    said: Said
    answer: str | None
    by_model: bool
    """Whether it is what a model was given, rather than what the application was."""


def spoken_in(attributes: Mapping[str, Any], events: Sequence[tuple[str, Mapping[str, Any]]] = ()) -> Spoken | None:
    """What was said in a span; None where nobody speaks in it."""
    if _is_aside(attributes):
        return None
    merged = {**attributes}
    for name, inside in events:
        if name == _DETAILS:
            merged.update(inside)
    for convention, find, by_model in _CONVENTIONS:
        found = find(merged, events)
        if found is not None and any(message.role == "user" for message in found[0].messages):
            return Spoken(convention, *found, by_model)
    return None


def flattened(attributes: Any) -> dict[str, Any]:
    """Attributes under dotted keys, however deep an exporter has nested them."""
    flat: dict[str, Any] = {}
    stack: list[tuple[str, Any, int]] = [("", attributes, 0)]
    while stack:
        prefix, value, depth = stack.pop()
        if isinstance(value, dict) and depth < _DEEPEST:
            stack.extend((f"{prefix}.{key}" if prefix else str(key), each, depth + 1) for key, each in value.items())
        else:
            flat[prefix] = value
    return flat


def _is_aside(attributes: Mapping[str, Any]) -> bool:
    kinds = {str(attributes[key]).upper() for key in _KIND_KEYS if key in attributes}
    operations = {str(attributes[key]).split(".")[-1] for key in _OPERATION_KEYS if key in attributes}
    return bool(kinds & set(_ASIDE_KINDS)) or bool(operations & {*_ASIDE_OPERATIONS, "toolCall", "doEmbed", "embed"})


_Found = tuple[Said, str | None] | None
_Events = Sequence[tuple[str, Mapping[str, Any]]]


def _numbered(attributes: Mapping[str, Any], prefix: str) -> list[Any]:
    """What lies under `prefix.0.…`, `prefix.1.…` as a list, whether it was flattened or not."""
    whole = unwrapped(attributes.get(prefix))
    if isinstance(whole, list):
        return whole
    tree: dict[str, Any] = {}
    for key, value in attributes.items():
        steps = key[len(prefix) + 1 :].split(".") if key.startswith(f"{prefix}.") else []
        if not 0 < len(steps) <= _DEEPEST:
            continue
        node = tree
        for step in steps[:-1]:
            inner = node.setdefault(step, {})
            node = inner if isinstance(inner, dict) else {}
        node[steps[-1]] = value
    listed = _listed(tree)
    return listed if isinstance(listed, list) else []


def _listed(node: Any) -> Any:
    if not isinstance(node, dict):
        return node
    if node and all(key.isascii() and key.isdigit() and len(key) < 10 for key in node):
        return [_listed(node[key]) for key in sorted(node, key=int)]
    return {key: _listed(value) for key, value in node.items()}


def _said(rows: Sequence[Any], system: Any = None) -> Said | None:
    try:
        messages = messages_of(list(rows), system)
    except UnusableError:
        return None
    return Said(tuple(messages), whole=True)


def _genai(attributes: Mapping[str, Any], events: _Events) -> _Found:
    rows = unwrapped(attributes.get("gen_ai.input.messages"))
    if not isinstance(rows, list):
        return None
    said = _said(rows, _system(attributes))
    return (said, answer_from(attributes.get("gen_ai.output.messages"))) if said else None


def _system(attributes: Mapping[str, Any]) -> Any:
    return unwrapped(attributes.get("gen_ai.system_instructions") or attributes.get("system_prompt"))


def _genai_events(attributes: Mapping[str, Any], events: _Events) -> _Found:
    rows = [_event_turn(_EVENT_ROLES[name], inside) for name, inside in events if name in _EVENT_ROLES]
    said = _said(rows, _system(attributes)) if rows else None
    choices = [inside for name, inside in events if name == "gen_ai.choice"]
    answer = next((inside["message"] for inside in choices if inside.get("message")), None)
    return (said, _event_answer(answer)) if said else None


def _event_turn(role: str, inside: Mapping[str, Any]) -> dict[str, Any]:
    content = unwrapped(inside.get("content", inside.get("body")))
    calls = unwrapped(inside.get("tool_calls"))
    return {"role": role, "content": content, "tool_calls": calls, "tool_call_id": inside.get("id")}


def _event_answer(message: Any) -> str | None:
    value = unwrapped(message)
    if isinstance(value, list):
        value = {"role": "assistant", "content": value}
    return answer_from(value)


def _openinference(attributes: Mapping[str, Any], events: _Events) -> _Found:
    rows = [_openinference_turn(each) for each in _numbered(attributes, "llm.input_messages")]
    said = _said(rows) if rows else None
    out = [_openinference_turn(each) for each in _numbered(attributes, "llm.output_messages")]
    return (said, answer_from(out) or answer_from(attributes.get("output.value"))) if said else None


def _openinference_turn(row: Any) -> Any:
    message = row.get("message", row) if isinstance(row, dict) else row
    if not isinstance(message, dict):
        return message
    turn = {"content": None, **message}
    if isinstance(parts := message.get("contents"), list):
        turn["content"] = [part.get("message_content", part) if isinstance(part, dict) else part for part in parts]
    if isinstance(calls := message.get("tool_calls"), list):
        turn["tool_calls"] = [call.get("tool_call", call) if isinstance(call, dict) else call for call in calls]
    return turn


def _openllmetry(attributes: Mapping[str, Any], events: _Events) -> _Found:
    rows = [_with_parts(each) for each in _numbered(attributes, "gen_ai.prompt")]
    said = _said(rows) if rows else None
    out = [_with_parts(each) for each in _numbered(attributes, "gen_ai.completion")]
    return (
        (said, answer_from([{"role": "assistant", **each} for each in out if isinstance(each, dict)])) if said else None
    )


def _with_parts(row: Any) -> Any:
    return {**row, "content": unwrapped(row.get("content"))} if isinstance(row, dict) else row


def _vercel_call(attributes: Mapping[str, Any], events: _Events) -> _Found:
    rows = unwrapped(attributes.get("ai.prompt.messages"))
    said = _said(rows) if isinstance(rows, list) else None
    return (said, _vercel_answer(attributes)) if said else None


def _vercel_answer(attributes: Mapping[str, Any]) -> str | None:
    keys = ("ai.response.text", "ai.response.object", "ai.response.toolCalls", "ai.result.text")
    return next((found for key in keys if (found := answer_from(attributes.get(key)))), None)


def _value(came_in: Sequence[str], went_out: Sequence[str]) -> Callable[..., _Found]:
    """What reads a bare value, of any shape, under the first of these keys."""

    def find(attributes: Mapping[str, Any], events: _Events) -> _Found:
        for key in came_in:
            said = said_in(attributes[key]) if attributes.get(key) is not None else None
            if said is not None:
                out = (answer_from(attributes.get(each)) for each in went_out)
                return said, next((each for each in out if each), None)
        return None

    return find


_CONVENTIONS: tuple[tuple[str, Callable[..., _Found], bool], ...] = (
    ("gen_ai.input.messages", _genai, True),
    ("gen_ai.*.message events", _genai_events, True),
    ("llm.input_messages.N (OpenInference)", _openinference, True),
    ("ai.prompt.messages (Vercel)", _vercel_call, True),
    ("gen_ai.prompt.N (OpenLLMetry)", _openllmetry, True),
    *(
        (came_in[0], _value(came_in, went_out), False)
        for came_in, went_out in (
            (
                ("langfuse.observation.input", "langfuse.trace.input"),
                ("langfuse.observation.output", "langfuse.trace.output"),
            ),
            (("ai.prompt",), ("ai.response.text", "ai.response.object", "ai.response.toolCalls")),
            (("gcp.vertex.agent.llm_request",), ("gcp.vertex.agent.llm_response",)),
            (("pydantic_ai.all_messages", "all_messages_events", "prompt"), ("final_result", "response")),
            (("lk.user_input", "lk.chat_ctx"), ("lk.response.text",)),
            (("mlflow.spanInputs",), ("mlflow.spanOutputs",)),
            (("traceloop.entity.input",), ("traceloop.entity.output",)),
            (("langwatch.input",), ("langwatch.output",)),
            (("input.value",), ("output.value",)),
        )
    ),
)
