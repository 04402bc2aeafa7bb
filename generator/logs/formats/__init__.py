"""Log formats: which one a file has, and what it makes of a record."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.errors import LogError
from generator.logs.formats import (
    anthropic_messages,
    braintrust,
    chatgpt,
    corpora,
    flat,
    gateways,
    langfuse,
    langsmith,
    messages,
    openai_chat,
    openai_responses,
    sessions,
    sharegpt,
    spans,
)
from generator.logs.formats.parts import conversation_of_parts
from generator.logs.formats.raw import Format, Part, RawTrace, Scalar, UnusableError
from generator.printable import one_line

__all__ = ["FORMATS", "NAMES", "Format", "Part", "RawTrace", "Recognition", "Scalar", "UnusableError", "recognise"]

FORMATS: tuple[Format, ...] = (
    spans.OTLP,
    spans.VERCEL,
    spans.OPENINFERENCE,
    langfuse.FORMAT,
    langsmith.FORMAT,
    braintrust.FORMAT,
    sessions.CLAUDE_CODE,
    chatgpt.FORMAT,
    gateways.LITELLM,
    gateways.HELICONE,
    anthropic_messages.FORMAT,
    openai_chat.FORMAT,
    openai_responses.FORMAT,
    corpora.CHATS,
    corpora.RUNS,
    sharegpt.FORMAT,
    sessions.ROWS,
    messages.FORMAT,
)
"""From the most particular to the most general."""
NAMES = (*(each.name for each in FORMATS), flat.NAME)
_KEYS_SHOWN = 10
_PATH = 80


@dataclass(frozen=True, slots=True)
class Recognition:
    """The format of a file, and what reads its records."""

    format: str
    why: str
    field: str | None
    """Where the text lies, for flat records."""
    read: Callable[[Any], RawTrace]
    paths: Mapping[str, str]
    """What is read and where it lies, for people."""
    parts: Callable[[Any], Sequence[Part]] | None = None
    """For formats in which a record may hold a part of a conversation, or several conversations."""
    folds: bool = False
    threads: bool = False

    @property
    def whole(self) -> bool:
        """Whether every record is one conversation, whatever the others hold."""
        return self.parts is None and not self.folds


def recognise(values: Sequence[Any], source: str, *, format: str = "auto", field: str | None = None) -> Recognition:
    """The format of records, from some of them.

    Args:
        values: The first records of a file that could be read.
        source: The file, for messages.
        format: The name a person gave it, or "auto".
        field: The path of the text that a person gave.

    Raises:
        LogError: no format fits, or what the person gave cannot be.
    """
    if field is not None:
        return _named_field(values, source, format, field)
    if format == flat.NAME:
        return _flat(values) or _unknown(values, source)
    if format != "auto":
        return _named(format)
    return _structured(values) or _flat(values) or _unknown(values, source)


def _named(name: str) -> Recognition:
    for each in FORMATS:
        if each.name == name:
            return _of(each, "named by you")
    raise LogError(f"{one_line(name, 40)} is not a log format Groundset knows; it knows {', '.join(NAMES)}.")


def _named_field(values: Sequence[Any], source: str, format: str, field: str) -> Recognition:
    if format not in ("auto", flat.NAME):
        raise LogError(f"--field goes with --format {flat.NAME}; leave --format {one_line(format, 40)} out.")
    flat.check_path(field)
    found = sum(flat.resolve(value, field) is not None for value in values)
    if not found:
        raise LogError(
            f"--field {one_line(field, 60)} is in none of the first {len(values)} records of {source}, "
            f"which have {_keys(values)}."
        )
    return _at(field, f"{field} in {found} of {len(values)} records")


def _structured(values: Sequence[Any]) -> Recognition | None:
    best: tuple[int, str, Format] | None = None
    for each in FORMATS:
        whys = Counter(why for value in values if (why := each.recognise(value)))
        fits = whys.total()
        # A general format must fit more records than a particular one to win.
        if fits and (best is None or fits > best[0]):
            best = (fits, whys.most_common(1)[0][0], each)
    if best is None:
        return None
    fits, why, found = best
    return _of(found, f"{why}, in {fits} of {len(values)} records")


def _of(found: Format, why: str) -> Recognition:
    read = found.read or _alone(found.parts)
    return Recognition(found.name, why, None, read, found.paths, found.parts, found.folds, found.threads)


def _alone(parts: Callable[[Any], Sequence[Part]] | None) -> Callable[[Any], RawTrace]:
    """What reads a record of parts as if no other belonged to it."""
    return lambda value: conversation_of_parts(parts(value) if parts else ())


def _flat(values: Sequence[Any]) -> Recognition | None:
    if values and sum(isinstance(value, str) for value in values) * 2 > len(values):
        return _at(None, "each record is a text")
    field = flat.find_field(values)
    if field is None:
        return None
    return _at(field, f"the text is in {field}")


def _at(field: str | None, why: str) -> Recognition:
    return Recognition(flat.NAME, why, field, flat.reader(field), {"input": field or "the record itself", **flat.PATHS})


def _unknown(values: Sequence[Any], source: str) -> Recognition:
    from generator.logs.proposing import propose  # which masks its examples, and masking knows the formats

    found = propose(values)
    if not found:
        raise LogError(
            f"No user text was found in {source}, whose records have {_keys(values)}. "
            "Name the field that holds it, for example: --field request.text"
        )
    examples = ", ".join(f"“{each}”" for each in found[0].examples)
    others = "".join(f", or --field {one_line(each.path, _PATH)}" for each in found[1:])
    raise LogError(
        f"No user text was found in {source}, whose records have {_keys(values)}. "
        f"Name the field that holds it, most likely: --field {one_line(found[0].path, _PATH)} ({examples}){others}"
    )


def _keys(values: Sequence[Any]) -> str:
    counts = Counter(str(key) for value in values if isinstance(value, dict) for key in value)
    names = [one_line(name, 40) for name, _ in counts.most_common(_KEYS_SHOWN)]
    if not names:
        return "no keys"
    more = len(counts) - len(names)
    return "the keys " + ", ".join(names) + (f" and {more} more" if more > 0 else "")
