"""LangSmith: runs as its API, its bulk export and its SDKs write them (`post[]` and `patch[]` of one id)."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.content import unwrapped
from generator.logs.formats.conversation import trace_of
from generator.logs.formats.payload import answer_from, said_in
from generator.logs.formats.raw import Format, Part, UnusableError

_ASIDE_TYPES = ("tool", "retriever", "embedding", "parser", "prompt")


def _recognise(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("post"), list) and isinstance(value.get("patch"), list):
        return "runs under post and patch"
    if "run_type" in value and ("inputs" in value or "dotted_order" in value):
        return "runs with run_type and inputs"
    return None


def _parts(value: Any) -> list[Part]:
    if not isinstance(value, dict):
        raise UnusableError("not an object")
    runs: dict[str, dict[str, Any]] = {}
    for row in _rows(value):
        run = runs.setdefault(str(row.get("id") or row.get("trace_id") or len(runs)), {})
        # A patch says what has changed since the post; what it leaves empty stays.
        run.update({key: each for key, each in row.items() if each not in (None, {}, []) or key not in run})
    if not runs:
        raise UnusableError("no runs")
    return [part for run in runs.values() for part in _run_parts(run)]


def _rows(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    batch = [each for key in ("post", "patch") if isinstance(value.get(key), list) for each in value[key]]
    return [each for each in batch or [value] if isinstance(each, dict)]


def _run_parts(run: Mapping[str, Any]) -> list[Part]:
    group = str(run.get("trace_id") or run.get("id") or "")
    children = run.get("child_runs")
    inner = [part for each in (children if isinstance(children, list) else ())[:1000] for part in _child(each, group)]
    return [_part(run, group), *inner]


def _child(run: Any, group: str) -> list[Part]:
    return [_part({"parent_run_id": group, **run}, group)] if isinstance(run, dict) else []


def _part(run: Mapping[str, Any], group: str) -> Part:
    said = None if run.get("run_type") in _ASIDE_TYPES else said_in(run.get("inputs"))
    if said is None:
        return Part(group, "aside")
    extra = unwrapped(run.get("extra"))
    metadata = extra.get("metadata") if isinstance(extra, dict) else None
    # `session_id` names the project in LangSmith, not a conversation.
    holder = {key: each for key, each in run.items() if key not in ("session_id", "inputs", "outputs")}
    feedback = unwrapped(run.get("feedback_stats"))
    try:
        trace = trace_of(said.messages, answer_from(run.get("outputs")), holder, metadata, _scores(feedback))
    except UnusableError:
        return Part(group, "aside")
    if run.get("parent_run_id"):
        return Part(group, "call" if run.get("run_type") == "llm" else "aside", trace)
    return Part(group, "call" if run.get("run_type") == "llm" else "root", trace, whole=said.whole)


def _scores(feedback: Any) -> dict[str, Any]:
    """Means of feedback by key, `{"helpful": {"n": 3, "avg": 0.7}}`, under the names that outcomes have."""
    found = {}
    for name, each in feedback.items() if isinstance(feedback, dict) else ():
        if isinstance(each, dict) and isinstance(each.get("avg"), int | float):
            found[name] = each["avg"]
    return {"scores": found}


FORMAT = Format(
    "langsmith",
    _recognise,
    parts=_parts,
    paths={
        "input": "inputs.messages[] or inputs.* of the root run",
        "answer": "outputs",
        "conversation": "trace_id; extra.metadata.thread_id, session_id or conversation_id",
        "time": "start_time",
        "outcome": "error, status, feedback_stats",
    },
    folds=True,
    threads=True,
)
