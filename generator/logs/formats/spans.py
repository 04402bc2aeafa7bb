"""Spans of OpenTelemetry: in OTLP's envelope, as Phoenix gives them out, and as the AI SDK's exporter writes them.

The spans of one trace are parts of one conversation: outer and inner spans often both hold the prompt.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from generator.logs.formats.attributes import flattened, spoken_in
from generator.logs.formats.conversation import trace_of
from generator.logs.formats.raw import Format, Part, UnusableError

_ANY_VALUE = ("stringValue", "intValue", "boolValue", "doubleValue", "bytesValue")
_DEEPEST = 20
_ERRORS = (2, "2", "STATUS_CODE_ERROR", "ERROR")


def _otlp_spans(value: Any) -> Iterator[Mapping[str, Any]]:
    """The spans of an export request, of one resource in it, or a span by itself."""
    if not isinstance(value, dict):
        return
    if _has_otlp_attributes(value):
        yield value
    for key in ("resourceSpans", "resource_spans", "scopeSpans", "scope_spans", "instrumentationLibrarySpans", "spans"):
        for inner in value[key] if isinstance(value.get(key), list) else ():
            yield from _otlp_spans(inner) if key != "spans" else (inner,) if isinstance(inner, dict) else ()


def _has_otlp_attributes(value: Mapping[str, Any]) -> bool:
    return ("traceId" in value or "trace_id" in value) and isinstance(value.get("attributes"), list)


def _otlp_attributes(rows: Any) -> dict[str, Any]:
    found = {}
    for row in rows if isinstance(rows, list) else ():
        if isinstance(row, dict) and isinstance(row.get("key"), str):
            found[row["key"]] = _any_value(row.get("value"), _DEEPEST)
    return found


def _any_value(value: Any, depth: int) -> Any:
    if not isinstance(value, dict) or not depth:
        return value
    for key in _ANY_VALUE:
        if key in value:
            return value[key]
    if isinstance(array := value.get("arrayValue"), dict):
        rows = array.get("values")
        return [_any_value(each, depth - 1) for each in rows] if isinstance(rows, list) else []
    if isinstance(pairs := value.get("kvlistValue"), dict):
        rows = pairs.get("values")
        rows = rows if isinstance(rows, list) else []
        return {
            str(each.get("key")): _any_value(each.get("value"), depth - 1) for each in rows if isinstance(each, dict)
        }
    return None


def _recognise_otlp(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("resourceSpans") or value.get("resource_spans"), list):
        return "resourceSpans" + _convention(_otlp_spans(value))
    if _has_otlp_attributes(value):
        return "a span with traceId and a list of attributes" + _convention(iter((value,)))
    return None


def _convention(spans: Iterator[Mapping[str, Any]]) -> str:
    for number, span in enumerate(spans):
        if number > 50:
            break
        spoken = spoken_in(_otlp_attributes(span.get("attributes")), _otlp_events(span))
        if spoken:
            return f" with {spoken.convention}"
    return ""


def _otlp_events(span: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    rows = span.get("events")
    return [
        (str(each.get("name")), _otlp_attributes(each.get("attributes")))
        for each in (rows if isinstance(rows, list) else ())
        if isinstance(each, dict)
    ]


def _otlp_parts(value: Any) -> list[Part]:
    spans = list(_otlp_spans(value))
    if not spans:
        raise UnusableError("no spans")
    return [
        _part(
            span,
            span.get("traceId", span.get("trace_id")),
            span.get("parentSpanId", span.get("parent_span_id")),
            _otlp_attributes(span.get("attributes")),
            _otlp_events(span),
        )
        for span in spans
    ]


def _part(
    span: Mapping[str, Any],
    trace_id: Any,
    parent: Any,
    attributes: Mapping[str, Any],
    events: Sequence[tuple[str, Mapping[str, Any]]],
) -> Part:
    group = str(trace_id or "")
    spoken = spoken_in(attributes, events)
    if spoken is None:
        return Part(group, "aside")
    about = {key: each for key, each in span.items() if key not in ("status", "status_code", "attributes")}
    try:
        trace = trace_of(spoken.said.messages, spoken.answer, about, {**attributes, "error": _error(span)})
    except UnusableError:
        return Part(group, "aside")
    if spoken.by_model or parent:
        return Part(group, "call", trace)
    return Part(group, "root", trace, whole=spoken.said.whole)


def _error(span: Mapping[str, Any]) -> str | None:
    status = span.get("status")
    inside = (
        status if isinstance(status, dict) else {"code": span.get("status_code"), "message": span.get("status_message")}
    )
    return str(inside.get("message") or "error") if inside.get("code") in _ERRORS else None


def _recognise_openinference(value: Any) -> str | None:
    if _is_exported_span(value) and any(
        key.startswith(("llm.", "input.", "output.", "openinference.", "gen_ai."))
        for key in flattened(value["attributes"])
    ):
        return "spans with context.trace_id and attributes"
    return None


def _is_exported_span(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("attributes"), dict):
        return False
    context = value.get("context")
    return (isinstance(context, dict) and "trace_id" in context) or "context.trace_id" in value or "trace_id" in value


def _openinference_parts(value: Any) -> list[Part]:
    if not isinstance(value, dict):
        raise UnusableError("not a span")
    context = value.get("context")
    trace_id = (
        context.get("trace_id") if isinstance(context, dict) else value.get("context.trace_id", value.get("trace_id"))
    )
    kind = {"openinference.span.kind": value["span_kind"]} if isinstance(value.get("span_kind"), str) else {}
    attributes = kind | flattened(value.get("attributes") or {})
    return [_part(value, trace_id, value.get("parent_id"), attributes, _plain_events(value))]


def _plain_events(span: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    rows = span.get("events")
    return [
        (str(each.get("name")), inside if isinstance(inside := each.get("attributes"), dict) else {})
        for each in (rows if isinstance(rows, list) else ())
        if isinstance(each, dict)
    ]


def _recognise_vercel(value: Any) -> str | None:
    attributes = value.get("attributes") if isinstance(value, dict) else None
    if isinstance(attributes, dict) and any(key.startswith("ai.") for key in attributes) and _vercel_trace_id(value):
        return "spans with ai.* attributes"
    return None


def _vercel_trace_id(value: Mapping[str, Any]) -> Any:
    context = value.get("spanContext") or value.get("_spanContext")
    return context.get("traceId") if isinstance(context, dict) else value.get("traceId")


def _vercel_parts(value: Any) -> list[Part]:
    if not isinstance(value, dict) or not isinstance(value.get("attributes"), dict):
        raise UnusableError("not a span")
    parent = value.get("parentSpanId") or value.get("parentSpanContext")
    return [_part(value, _vercel_trace_id(value), parent, value["attributes"], _plain_events(value))]


OTLP = Format(
    "otlp",
    _recognise_otlp,
    parts=_otlp_parts,
    paths={
        "input": "gen_ai.input.messages, gen_ai.*.message events, llm.input_messages.N, gen_ai.prompt.N, ai.prompt, "
        "traceloop.entity.input or input.value of resourceSpans[].scopeSpans[].spans[]",
        "conversation": "traceId; gen_ai.conversation.id, session.id",
        "time": "startTimeUnixNano",
    },
    folds=True,
    threads=True,
)
OPENINFERENCE = Format(
    "openinference",
    _recognise_openinference,
    parts=_openinference_parts,
    paths={
        "input": "attributes: llm.input_messages.N.message of LLM spans, input.value of the root span",
        "conversation": "context.trace_id; session.id",
        "time": "start_time",
    },
    folds=True,
    threads=True,
)
VERCEL = Format(
    "vercel",
    _recognise_vercel,
    parts=_vercel_parts,
    paths={
        "input": "attributes: ai.prompt.messages of inner spans, ai.prompt of the outer one",
        "conversation": "spanContext.traceId; ai.telemetry.metadata.sessionId",
        "time": "startTime",
    },
    folds=True,
    threads=True,
)
