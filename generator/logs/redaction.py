"""Personal data and secrets become stable placeholders before anything is stored.

The same value has the same placeholder in a whole project, so that clustering and people still see who is
who: `⟦EMAIL-3⟧`. Only a keyed digest of the value is kept, never the value. What has a structure is found
surely: keys, cards, IBANs, addresses. Names and free text are not, and this does not claim to find them.
"""

import hmac
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from generator.logs.formats import RawTrace
from generator.logs.secrets_and_persons import FINDERS, Find
from generator.records import Message, ToolCall

_PLACEHOLDER = re.compile(r"(⟦[A-Z_]{1,20}-[0-9]{1,9}⟧)")
_DIGEST = 16


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was redacted since it was last asked."""

    placeholders: Mapping[tuple[str, str], int]
    """New ones: (kind, keyed digest of the value) -> number."""
    counts: Mapping[str, int]
    """How many values of each kind were masked."""


class Redactor:
    """Masks values and remembers their numbers. One per project and process."""

    def __init__(self, key: bytes, numbers: Mapping[tuple[str, str], int]) -> None:
        """Go on from what a project knows.

        Args:
            key: The project's secret, without which a digest cannot be guessed back.
            numbers: (kind, keyed digest) -> number of the placeholders given so far.
        """
        self._key = key
        self._numbers = dict(numbers)
        self._last: Counter[str] = Counter()
        for (kind, _), number in numbers.items():
            self._last[kind] = max(self._last[kind], number)
        self.fresh: dict[tuple[str, str], int] = {}
        """Placeholders that are new since the last `drain`."""
        self.counts: Counter[str] = Counter()
        """Values masked since the last `drain`, by kind."""

    def drain(self) -> Redacted:
        """What happened since the last call, to be stored with the batch it belongs to."""
        drained = Redacted(self.fresh, self.counts)
        self.fresh, self.counts = {}, Counter()
        return drained

    def redact(self, text: str) -> str:
        """The text with placeholders for what is personal or secret. Placeholders in it are left alone."""
        if "⟦" not in text:
            return self._masked(text)
        # Odd pieces are the placeholders that were there before.
        pieces = _PLACEHOLDER.split(text)
        return "".join(piece if number % 2 else self._masked(piece) for number, piece in enumerate(pieces))

    def redact_trace(self, raw: RawTrace) -> RawTrace:
        """The same trace with every text in it redacted: messages, tool arguments, answer, signals."""
        return replace(
            raw,
            messages=tuple(self._message(message) for message in raw.messages),
            answer=None if raw.answer is None else self.redact(raw.answer),
            signals={
                key: self.redact(value) if isinstance(value, str) else value for key, value in raw.signals.items()
            },
        )

    def _message(self, message: Message) -> Message:
        content = self.redact(message.content)
        if not message.tool_calls:
            return message if content is message.content else replace(message, content=content)
        calls = tuple(ToolCall(each.id, each.name, self.redact(each.arguments)) for each in message.tool_calls)
        return replace(message, content=content, tool_calls=calls)

    def _masked(self, text: str) -> str:
        for finder in FINDERS:
            if finder.may_occur(text):
                text = self._replaced(text, finder.kind, finder.find(text))
        return text

    def _replaced(self, text: str, kind: str, finds: Iterable[Find]) -> str:
        pieces: list[str] = []
        done = 0
        for find in sorted(finds, key=lambda each: (each.start, -each.end)):
            if find.start >= done:
                pieces += (text[done : find.start], self._placeholder(kind, find.value))
                done = find.end
        return text if not done else "".join([*pieces, text[done:]])

    def _placeholder(self, kind: str, value: str) -> str:
        digest = hmac.digest(self._key, value.encode("utf-8", "surrogatepass"), "sha256").hex()[:_DIGEST]
        number = self._numbers.get((kind, digest))
        if number is None:
            self._last[kind] += 1
            number = self._numbers[kind, digest] = self.fresh[kind, digest] = self._last[kind]
        self.counts[kind] += 1
        return f"⟦{kind}-{number}⟧"
