"""Braintrust: rows of logs, spans of one `root_span_id` together."""

from typing import Any

from generator.logs.formats.conversation import trace_of
from generator.logs.formats.payload import answer_from, said_in
from generator.logs.formats.raw import Format, Part, UnusableError

_ASIDE_TYPES = ("tool", "score", "facet", "automation", "preprocessor")
_MARKS = ("span_attributes", "root_span_id", "span_parents", "_is_merge", "_xact_id")


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if any(key in value for key in _MARKS) and ("input" in value or "span_id" in value or "id" in value):
        return "rows with span_attributes or root_span_id"
    if {"metrics", "metadata", "name", "type"} <= value.keys():
        return "rows with metrics, metadata and type"
    return None


def _parts(value: Any) -> list[Part]:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    attributes = value.get("span_attributes")
    kind = (attributes if isinstance(attributes, dict) else value).get("type")
    group = str(value.get("root_span_id") or value.get("id") or "")
    said = None if kind in _ASIDE_TYPES else said_in(value.get("input"))
    answer = answer_from(value.get("output"))
    if said is None:
        return [Part(group, "aside", answer=answer if kind not in _ASIDE_TYPES else None)]
    metrics = value.get("metrics")
    started = {"start_time": metrics.get("start")} if isinstance(metrics, dict) else {}
    try:
        trace = trace_of(said.messages, answer, value, value.get("metadata"), value.get("scores"), started)
    except UnusableError:
        return [Part(group, "aside")]
    if kind == "llm" or value.get("span_parents"):
        return [Part(group, "call", trace)]
    return [Part(group, "root", trace, whole=said.whole)]


FORMAT = Format(
    "braintrust",
    _recognise,
    parts=_parts,
    paths={
        "input": "input of spans of type llm or task (any JSON: turns, LangChain's constructors, text)",
        "answer": "output",
        "conversation": "root_span_id; metadata.session_id or conversation_id",
        "time": "created, metrics.start",
        "outcome": "scores, error",
    },
    folds=True,
    threads=True,
)
