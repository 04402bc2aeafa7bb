"""Log formats: which one a file has, and what it makes of a record."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from generator.errors import LogError
from generator.logs.formats import anthropic_messages, flat, messages, openai_chat, sharegpt
from generator.logs.formats.raw import Format, RawTrace, Scalar, UnusableError
from generator.printable import one_line

__all__ = ["FORMATS", "NAMES", "Format", "RawTrace", "Recognition", "Scalar", "UnusableError", "recognise"]

FORMATS: tuple[Format, ...] = (
    anthropic_messages.FORMAT,
    openai_chat.FORMAT,
    sharegpt.FORMAT,
    messages.FORMAT,
)
"""From the most particular to the most general."""
NAMES = (*(each.name for each in FORMATS), flat.NAME)
_KEYS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Recognition:
    """The format of a file, and what reads its records."""

    format: str
    why: str
    field: str | None
    """Where the text lies, for flat records."""
    read: Callable[[Any], RawTrace]


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
            return Recognition(name, "named by you", None, each.read)
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
    return Recognition(flat.NAME, f"{field} in {found} of {len(values)} records", field, flat.reader(field))


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
    return Recognition(found.name, f"{why}, in {fits} of {len(values)} records", None, found.read)


def _flat(values: Sequence[Any]) -> Recognition | None:
    if values and sum(isinstance(value, str) for value in values) * 2 > len(values):
        return Recognition(flat.NAME, "each record is a text", None, flat.reader(None))
    field = flat.find_field(values)
    if field is None:
        return None
    return Recognition(flat.NAME, f"the text is in {field}", field, flat.reader(field))


def _unknown(values: Sequence[Any], source: str) -> Recognition:
    example = _likely_field(values)
    raise LogError(
        f"No user text was found in {source}, whose records have {_keys(values)}. "
        f"Name the field that holds it, for example: --field {example}"
    )


def _keys(values: Sequence[Any]) -> str:
    counts = Counter(str(key) for value in values if isinstance(value, dict) for key in value)
    names = [one_line(name, 40) for name, _ in counts.most_common(_KEYS_SHOWN)]
    if not names:
        return "no keys"
    more = len(counts) - len(names)
    return "the keys " + ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _likely_field(values: Sequence[Any]) -> str:
    lengths: Counter[str] = Counter()
    for value in values:
        if isinstance(value, dict):
            lengths.update({str(key): min(len(each), 1000) for key, each in value.items() if isinstance(each, str)})
    return one_line(lengths.most_common(1)[0][0], 40) if lengths else "request.text"
