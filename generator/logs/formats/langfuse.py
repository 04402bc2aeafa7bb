"""Langfuse: a trace with its observations (API), and rows of traces or observations (batch export of the UI)."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.content import unwrapped
from generator.logs.formats.conversation import trace_of
from generator.logs.formats.payload import answer_from, said_in
from generator.logs.formats.raw import Format, Part, UnusableError
from generator.logs.formats.signals import scores_of

_ASIDE_TYPES = ("TOOL", "EVENT", "RETRIEVER", "EMBEDDING", "EVALUATOR", "GUARDRAIL")
_TRACE_COLUMNS = {"input", "output", "timestamp", "sessionId", "userId"}
_OBSERVATION_COLUMNS = {"input", "output", "startTime", "traceId"}


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("trace"), dict) and isinstance(value.get("observations"), list):
        return "trace beside observations"
    if isinstance(value.get("observations"), list) and ("input" in value or "timestamp" in value):
        return "a trace with its observations"
    if value.keys() >= _OBSERVATION_COLUMNS and ("type" in value or "parentObservationId" in value):
        return "observations with traceId, input and output"
    if value.keys() >= _TRACE_COLUMNS or ("bookmarked" in value and "input" in value):
        return "traces with sessionId, userId, input and output"
    return None


def _parts(value: Any) -> list[Part]:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    inner = value.get("trace")
    trace = inner if isinstance(inner, dict) else value
    rows = value.get("observations") or trace.get("observations")
    observations = [each for each in rows if isinstance(each, dict)] if isinstance(rows, list) else []
    if "traceId" in value and not observations:
        return [_observation(value, str(value["traceId"]))]
    group = str(trace.get("id") or "")
    return [_root(trace, group), *(_observation(each, group) for each in observations)]


def _root(trace: Mapping[str, Any], group: str) -> Part:
    scores = scores_of(unwrapped(trace.get("scores")))
    return _part(trace, group, "root", scores)


def _observation(row: Mapping[str, Any], group: str) -> Part:
    if row.get("type") in _ASIDE_TYPES:
        return Part(group, "aside")
    if row.get("type") == "GENERATION":
        return _part(row, group, "call", {})
    # A span that holds what the application was asked stands in for a trace without input.
    return _part(row, group, "root", {}) if not row.get("parentObservationId") else Part(group, "aside")


def _part(row: Mapping[str, Any], group: str, kind: Any, scores: Mapping[str, Any]) -> Part:
    said = said_in(row.get("input"))
    if said is None:
        return Part(group, "aside", signals=scores)
    failed = {"error": row.get("statusMessage") or "error"} if row.get("level") == "ERROR" else {}
    began = {"timestamp": row.get("timestamp") or row.get("startTime")}
    try:
        trace = trace_of(said.messages, answer_from(row.get("output")), {**row, **failed, **began}, _metadata(row))
    except UnusableError:
        return Part(group, "aside", signals=scores)
    return Part(group, kind, trace, whole=said.whole, signals=scores)


def _metadata(row: Mapping[str, Any]) -> Any:
    return unwrapped(row.get("metadata"))


FORMAT = Format(
    "langfuse",
    _recognise,
    parts=_parts,
    paths={
        "input": "trace.input, else observations[].input of type GENERATION (JSON in text, up to twice)",
        "answer": "trace.output, observations[].output",
        "conversation": "trace.id, sessionId",
        "user": "userId",
        "time": "timestamp, startTime",
        "outcome": "scores[], level",
    },
    folds=True,
    threads=True,
)
