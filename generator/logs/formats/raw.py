"""What a format makes of a record: traces that are not redacted yet, or parts of one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

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
    user: str | None = None
    """Who asked, as the log names them. It is never stored, only a keyed digest of it."""
    conversation: str | None = None
    """The conversation or session it belongs to, as the log names it."""
    reply: str | None = None
    """The id of the answer, where a later request may go on from it."""
    follows: str | None = None
    """The id of the answer that this goes on from, without repeating what came before."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one span, row or observation holds of a conversation."""

    group: str
    """What the parts of one conversation have in common: the id of a trace or a session."""
    kind: Literal["turn", "root", "call", "aside"]
    """A message of the conversation; what the application was asked; what a model was asked on the way; neither."""
    trace: RawTrace | None = None
    """What it holds; a "turn" may be an assistant's. None for what is neither."""
    whole: bool = False
    """Whether a root holds the conversation as the application sees it, not only what was asked last."""
    signals: Mapping[str, Scalar] = field(default_factory=dict)
    """Outcomes that stand beside what was said."""
    answer: str | None = None
    """An answer that was written apart from its question."""


@dataclass(frozen=True, slots=True)
class Format:
    """A family of log formats. It reads whole conversations from records, or parts of them.

    Attributes:
        name: What a person calls it on the command line.
        recognise: Why a record looks like one of this format, or None where it does not.
        read: The trace in a record. Raises `UnusableError` where there is none.
        parts: The parts of conversations in a record. Raises `UnusableError` where it cannot be understood.
        paths: What is read and where it lies, for people.
        folds: Whether a later record may hold an earlier one again and go on, as requests of a chat do.
        threads: Whether traces of one conversation id follow one another without repeating what came before.
    """

    name: str
    recognise: Callable[[Any], str | None]
    read: Callable[[Any], RawTrace] | None = None
    parts: Callable[[Any], Sequence[Part]] | None = None
    paths: Mapping[str, str] = field(default_factory=dict)
    folds: bool = False
    threads: bool = False
