"""Personal data and secrets become stable placeholders before anything is stored.

The same value has the same placeholder in a whole project, so that clustering and people still see who is
who: `⟦EMAIL-3⟧`. Only a keyed digest of the value is kept, never the value. What has a structure is found
surely: keys, cards, IBANs, addresses. Names are found by a model where a person asks for it, and never all of
them; free text is not touched, and this does not claim to.
"""

import hmac
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from generator.errors import LogError
from generator.logs.formats import RawTrace
from generator.logs.names import name_finder
from generator.logs.secrets_and_persons import FINDERS, Find, Finder
from generator.printable import one_line
from generator.records import Message, ToolCall

_PLACEHOLDER = re.compile(r"(⟦[A-Z_]{1,20}-[0-9]{1,9}⟧)")
_DIGEST = 16


OTHER = "OTHER"
"""The kind of what a person's own pattern has found."""


@dataclass(frozen=True, slots=True)
class Masking:
    """What is to be masked.

    Attributes:
        structured: Personal data and secrets that have a structure.
        also: Patterns of a person's own, in RE2's syntax.
        names: Names of people, as a model finds them.
    """

    structured: bool = True
    also: tuple[str, ...] = ()
    names: bool = False

    def redactor(self, key: bytes, numbers: Mapping[tuple[str, str], int] | None) -> "Redactor | None":
        """What masks it, or None where nothing is to be masked; key and numbers are those that `Redactor` takes.

        Raises:
            LogError: a pattern cannot be used, or what finds names is not installed.
        """
        if not self.structured:
            if self.also or self.names:
                raise LogError("--no-redact keeps everything as it is; leave --redact-also and --redact-names out.")
            return None
        return Redactor(key, numbers, [*map(_own_finder, self.also), *([name_finder()] if self.names else [])])


STRUCTURED = Masking()
"""What is masked where nobody says otherwise."""


def _own_finder(pattern: str) -> Finder:
    """What finds a person's own pattern in linear time, whatever the pattern."""
    import re2

    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(pattern, options)
    except re2.error as error:
        raise LogError(
            f"--redact-also {one_line(pattern, 60)!r} is not a pattern ({one_line(str(error), 80)}); "
            r"write it as RE2 does, for example CUST-\d{6}"
        ) from None
    if compiled.search(""):
        raise LogError(f"--redact-also {one_line(pattern, 60)!r} fits an empty text; ask for a character at least.")
    return Finder(OTHER, lambda text: bool(text), lambda text: _own_finds(compiled, text))


def _own_finds(compiled: Any, text: str) -> Iterator[Find]:
    return (Find(match.start(), match.end(), match[0]) for match in compiled.finditer(text) if match[0])


@dataclass(frozen=True, slots=True)
class Redacted:
    """What was redacted since it was last asked."""

    placeholders: Mapping[tuple[str, str], int]
    """New ones: (kind, keyed digest of the value) -> number."""
    counts: Mapping[str, int]
    """How many values of each kind were masked."""


class Redactor:
    """Masks values and remembers their numbers. One per project and process."""

    def __init__(self, key: bytes, numbers: Mapping[tuple[str, str], int] | None, also: Sequence[Finder] = ()) -> None:
        """Go on from what a project knows.

        Args:
            key: The project's secret, without which a digest cannot be guessed back.
            numbers: (kind, keyed digest) -> number of the placeholders given so far. None where many redact at
                once and cannot agree on the next number: then it is made from the digest, and two values in 10^9
                pairs share one.
            also: What is masked besides structured kinds, in what these have left.
        """
        self._key = key
        self._also = also
        self._alone = numbers is not None
        self._numbers = dict(numbers or {})
        self._last: Counter[str] = Counter()
        for (kind, _), number in self._numbers.items():
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
        text = _between_placeholders(text, self._masked)
        for finder in self._also:
            text = _between_placeholders(text, lambda piece, finder=finder: self._masked_by(finder, piece))  # type: ignore[misc]
        return text

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
            text = self._masked_by(finder, text)
        return text

    def _masked_by(self, finder: Finder, text: str) -> str:
        return self._replaced(text, finder.kind, finder.find(text)) if finder.may_occur(text) else text

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
            number = self._last[kind] if self._alone else int(digest, 16) % 10**9
            self._numbers[kind, digest] = self.fresh[kind, digest] = number
        self.counts[kind] += 1
        return f"⟦{kind}-{number}⟧"


def _between_placeholders(text: str, mask: Callable[[str], str]) -> str:
    if "⟦" not in text:
        return mask(text)
    # Odd pieces are the placeholders that are there already.
    pieces = _PLACEHOLDER.split(text)
    return "".join(piece if number % 2 else mask(piece) for number, piece in enumerate(pieces))
