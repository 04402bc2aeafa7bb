"""What a format makes of a record: a trace that is not redacted yet."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from generator.records import Message

Scalar = str | int | float | bool


class UnusableError(Exception):
    """A record is readable but holds no trace. The message is a short, stable reason without its content."""


@dataclass(frozen=True, slots=True)
class RawTrace:
    """One conversation as the log has it. It must pass the redactor before it is stored."""

    messages: tuple[Message, ...]
    """System prompt and turns up to the last user or tool message: what the model was given."""
    answer: str | None = None
    """What the application answered, where the log has it."""
    seen_at: str | None = None
    """ISO 8601 in UTC, where the log's time could be read."""
    signals: Mapping[str, Scalar] = field(default_factory=dict)
    """Outcome signals of the log: errors, thumbs, reward, scores."""


@dataclass(frozen=True, slots=True)
class Format:
    """A family of log formats.

    Attributes:
        name: What a person calls it on the command line.
        recognise: Why a record looks like one of this format, or None where it does not.
        read: The trace in a record. Raises `UnusableError` where there is none.
    """

    name: str
    recognise: Callable[[Any], str | None]
    read: Callable[[Any], RawTrace]
