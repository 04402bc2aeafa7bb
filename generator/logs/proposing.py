"""Which field of records in an unknown format most likely holds what a user wrote, with examples to judge by."""

import re
import secrets
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from generator.logs.formats.content import unwrapped
from generator.printable import one_line

_DEEPEST = 5
_LIST_LOOKED_AT = 1
_SHOWN = 60
_EXAMPLES = 2
_NOT_SAID = re.compile(r"https?://\S*|[0-9a-fA-F-]{16,}|[\w.+/=-]{24,}|[\d\s.,:TZ+-]+|/?(?:[\w.-]+/)+[\w.-]*", re.ASCII)
"""Links, ids, keys, numbers, times and paths."""
_MACHINE_KEYS = re.compile(
    r"(?:^|[._\[\]])(?:id|uuid|url|path|model|version|level|logger|host|system|response|output|answer)"
)


class Proposal(NamedTuple):
    """A field that may hold the user's words."""

    path: str
    records: int
    """How many records have a text there."""
    examples: tuple[str, ...]
    """Texts from it, on one line each, redacted."""


def propose(values: Sequence[Any], limit: int = 3) -> list[Proposal]:
    """The fields that most likely hold what a user wrote, the likeliest first."""
    texts: dict[str, list[str]] = defaultdict(list)
    for value in values:
        for path, text in _texts(value, "", _DEEPEST):
            texts[path].append(text)
    scored = sorted(((_score(path, found, len(values)), path) for path, found in texts.items()), key=_by_score)
    return [Proposal(path, len(texts[path]), _examples(texts[path])) for score, path in scored[:limit] if score > 0]


def _by_score(scored: tuple[float, str]) -> tuple[float, str]:
    return -scored[0], scored[1]


def _texts(value: Any, path: str, depth: int) -> Iterator[tuple[str, str]]:
    value = unwrapped(value)
    if isinstance(value, str):
        if path and value.strip():
            yield path, value
    elif depth and isinstance(value, dict):
        for key, each in list(value.items())[:200]:
            yield from _texts(each, f"{path}.{key}" if path else key, depth - 1)
    elif depth and isinstance(value, list):
        for number, each in enumerate(value[:_LIST_LOOKED_AT]):
            yield from _texts(each, f"{path}[{number}]", depth - 1)


def _score(path: str, texts: Sequence[str], records: int) -> float:
    """How much a field reads like what people write: words, in most records, and not always the same."""
    said = [text for text in texts if not _NOT_SAID.fullmatch(text.strip())]
    if not said:
        return 0.0
    words = sum(min(len(text.split()), 12) for text in said) / len(said)
    distinct = len(set(said)) / len(said)
    common = min(len(said) / records, 1.0)
    machine = 0.3 if _MACHINE_KEYS.search(path.lower()) else 1.0
    return words * distinct * common * machine / (1 + 0.1 * path.count("."))


def _examples(texts: Sequence[str]) -> tuple[str, ...]:
    from generator.logs.redaction import Redactor  # which knows the formats, and these know what is proposed

    redact = Redactor(secrets.token_bytes(32), {}).redact
    return tuple(one_line(redact(text[:2000]), _SHOWN) for text in dict.fromkeys(texts[:50]))[:_EXAMPLES]
