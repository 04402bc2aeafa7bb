"""What would be read from a file and how, without reading it in: for people who want to see before they believe."""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from generator.logs.ingestion import Reading, inputs_of, recognised
from generator.logs.reading import open_log
from generator.records import Message

LOOKED_AT = 5000
"""Records that are read to explain a file."""
EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Example:
    """An input as it would be stored."""

    position: int
    messages: tuple[Message, ...]
    answer: str | None
    seen_at: str | None
    signals: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Explanation:
    """How a file would be read."""

    name: str
    layout: str
    format: str
    why: str
    paths: Mapping[str, str]
    """What is read and where it lies."""
    records: int
    """Records that were looked at."""
    inputs: int
    joined: int
    rejected: Mapping[str, int]
    """Why records would be rejected, and how many."""
    examples: tuple[Example, ...]
    redactions: Mapping[str, int]
    """What would be masked in the examples, by kind."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "name": self.name,
            "layout": self.layout,
            "format": self.format,
            "why": self.why,
            "paths": dict(self.paths),
            "records": self.records,
            "inputs": self.inputs,
            "joined": self.joined,
            "rejected": dict(self.rejected),
            "examples": [
                {
                    "position": each.position,
                    "messages": [message.as_json() for message in each.messages],
                    "answer": each.answer,
                    "seen_at": each.seen_at,
                    "signals": dict(each.signals),
                }
                for each in self.examples
            ],
            "redactions": dict(self.redactions),
        }


def explain(path: str, reading: Reading) -> Explanation:
    """How a file would be read, by its first records.

    Raises:
        LogError: it cannot be opened or recognised.
    """
    # A key for this once: nothing of what is masked here is to be compared with anything.
    redactor = reading.masking.redactor(secrets.token_bytes(32), {})
    with open_log(path) as log:
        recognition = recognised(log, reading.format, reading.field)
        records = list(islice(log.records(), LOOKED_AT))
        found = list(inputs_of(iter(records), recognition, reading.unit or "conversation"))
    usable = [each for each in found if each.trace]
    examples = []
    for each in usable[:EXAMPLES]:
        trace = redactor.redact_trace(each.trace) if redactor and each.trace else each.trace
        if trace:
            examples.append(Example(each.position, trace.messages, trace.answer, trace.seen_at, trace.signals))
    return Explanation(
        name=log.name,
        layout=log.layout,
        format=recognition.format,
        why=recognition.why,
        paths=recognition.paths,
        records=len(records),
        inputs=len(usable),
        joined=sum(each.joined for each in found),
        rejected=dict(Counter(each.reason for each in found if each.trace is None)),
        examples=tuple(examples),
        redactions=dict(redactor.counts) if redactor else {},
    )
