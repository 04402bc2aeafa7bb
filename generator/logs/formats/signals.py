"""Outcome signals of a record: what went wrong, and what users or graders thought of it."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.raw import Scalar

# Never "label": where a data set is used to measure Groundset itself, that is the hidden truth.
KEYS = frozenset(
    (
        *("error", "error_code", "error_type", "error_message", "error_str", "exception", "refusal", "blocked"),
        *("status", "status_code", "http_status", "finish_reason", "stop_reason", "flagged", "escalated"),
        *("handed_over", "resolved", "success", "passed", "failed", "correct", "rating", "stars", "satisfaction"),
        *("feedback", "feedback_score", "feedback_comment", "user_rating", "user_feedback", "csat", "nps"),
        *("thumb", "thumbs", "thumbs_up", "thumbs_down", "liked", "disliked", "vote", "upvote", "downvote"),
        *("score", "scores", "reward"),
    )
)
"""Names of keys that hold an outcome."""
INSIDE = ("metadata", "feedback", "scores", "score", "outcome", "signals", "evaluation")
"""Objects in which outcomes lie one level down."""
_LONGEST = 300
_NAME = 60
_VALUES = ("value", "stringValue", "score")


def signals_of(*holders: Any) -> dict[str, Scalar]:
    """Outcome signals of these objects and one level into them; of two with one name, the first counts."""
    found: dict[str, Scalar] = {}
    for holder in holders:
        if isinstance(holder, dict):
            _collect(holder, found)
            for name in INSIDE:
                if isinstance(inner := holder.get(name), dict):
                    _collect(inner, found)
            if isinstance(error := holder.get("error"), dict):
                _collect({"error": error.get("code") or error.get("type") or error.get("message")}, found)
    return found


def scores_of(scores: Any) -> dict[str, Scalar]:
    """The scores of a list of `{"name", "value"}`, as graders leave them beside a trace."""
    found: dict[str, Scalar] = {}
    for score in scores if isinstance(scores, list) else []:
        if isinstance(score, dict) and isinstance(name := score.get("name"), str) and "label" not in name.lower():
            value = next((score[key] for key in _VALUES if score.get(key) is not None), None)
            if isinstance(value, str | int | float | bool):
                found.setdefault(f"score.{name[:_NAME]}", value[:_LONGEST] if isinstance(value, str) else value)
    return found


def _collect(holder: Mapping[str, Any], found: dict[str, Scalar]) -> None:
    for key in sorted(KEYS & holder.keys()):
        value = holder[key]
        if isinstance(value, str | int | float | bool) and value != "":
            found.setdefault(key, value[:_LONGEST] if isinstance(value, str) else value)
