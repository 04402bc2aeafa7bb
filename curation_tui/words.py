"""What is typed and what is told, as plain text."""

from datetime import datetime

from curation_tui.item import short_id
from generator.lists import StandingStep

_TAGS = 20
_TAG = 40  # characters
_STEP_WIDTH = 70


def tags_of(typed: str) -> tuple[str, ...]:
    """Tags as typed: words apart by spaces or commas, each once."""
    return tuple(dict.fromkeys(word[:_TAG] for word in typed.replace(",", " ").split()))[:_TAGS]


def step_line(step: StandingStep) -> str:
    """A step of the past on one line."""
    at = datetime.fromisoformat(step.at).astimezone()
    more = f" and {len(step.draft_ids) - 1:,} more" if len(step.draft_ids) > 1 else ""
    return f"{at:%d %b %H:%M:%S}  {short_id(step.draft_ids[0])}  {' + '.join(step.verbs)}{more}"[:_STEP_WIDTH]
