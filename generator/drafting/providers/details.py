"""Details in a text (numbers, dates, amounts, references, placeholders), and other values for them."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

DetailKind = Literal["placeholder", "date", "time", "amount", "reference", "number"]

# Addresses, paths and code are matched too, so that no digit in them is taken for a detail.
_DETAIL = re.compile(
    r"""(?P<placeholder>⟦[A-Z_]+-\d+⟧)
    |(?P<date>\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})\b(?![./]\w))
    |(?P<skip>https?://\S+|(?<!\S)[^\s@]{1,200}@\S+|`[^`]*`|(?<![\w.-])[\w.-]{0,200}[/\\][\w./\\-]+|\{[^{}]{0,400}\})
    |(?P<time>\b\d{1,2}:\d{2}\b(?!:))
    |(?P<amount>[$€£¥]\s?\d[\d.,]{0,12}\d|[$€£¥]\s?\d|\b\d[\d.,]{0,12}\s?(?:€|£|EUR\b|USD\b|GBP\b|CHF\b|euros?\b|dollars?\b))
    |(?P<reference>(?<![A-Za-z0-9-])[A-Z]{1,6}-?\d{3,12}\b|\#\d{3,12}\b)
    |(?P<number>(?<![A-Za-z0-9_.,:@-])\d{1,9}(?:[.,]\d{1,3})?(?![A-Za-z0-9_:-]|[.,]\d))""",
    re.VERBOSE,
)
_MAX_YEAR, _MIN_YEAR = 2100, 1900


@dataclass(frozen=True, slots=True)
class Detail:
    """One detail, where it stands."""

    kind: DetailKind
    start: int
    end: int
    text: str

    @property
    def described(self) -> str:
        """What kind of thing it is, in words."""
        if self.kind == "placeholder":
            return self.text.strip("⟦⟧").rpartition("-")[0].replace("_", " ").lower()
        return {"reference": "reference number", "amount": "amount"}.get(self.kind, self.kind)


def details(text: str) -> list[Detail]:
    """The details of a text, in order."""
    return list(_details(text))


def _details(text: str) -> Iterator[Detail]:
    for match in _DETAIL.finditer(text):
        kind = match.lastgroup
        if kind is not None and kind != "skip":
            yield Detail(_KINDS[kind], match.start(), match.end(), match.group())


_KINDS: dict[str, DetailKind] = {
    "placeholder": "placeholder",
    "date": "date",
    "time": "time",
    "amount": "amount",
    "reference": "reference",
    "number": "number",
}


def replaced(text: str, detail: Detail, value: str) -> str:
    """The text with another value in place of a detail."""
    return text[: detail.start] + value + text[detail.end :]


def another(detail: Detail, rng: random.Random) -> str | None:
    """A plausible other value of the same kind, or None."""
    match detail.kind:
        case "placeholder":
            return None
        case "date":
            return _other_date(detail.text, rng)
        case "time":
            hour, minute = detail.text.split(":")
            return f"{rng.choice([h for h in range(8, 19) if h != int(hour)])}:{minute}"
        case "reference":
            kept, changed = detail.text[:-2], detail.text[-2:]
            return kept + f"{(int(changed) + rng.randint(1, 98)) % 100:02d}"
        case "amount" | "number":
            return _with_other_number(detail.text, rng)


def past_the_edge(detail: Detail, rng: random.Random) -> str | None:
    """A value at or past the edge of what is possible, or None."""
    match detail.kind:
        case "placeholder":
            return None
        case "date":
            value = _no_such_date(detail.text)
        case "time":
            value = "25:00"
        case "reference":
            value = re.sub(r"\d", "0", detail.text)
        case "amount":
            edge = rng.choice(["0", "0.01", "-50", "99999999"])
            value = re.sub(r"\d[\d.,]*", edge, detail.text, count=1)
        case _:
            value = rng.choice(["0", "-1", "1000000", "0.5"])
    return value if value != detail.text else None


def _other_date(text: str, rng: random.Random) -> str | None:
    if "-" in text:
        try:
            return (date.fromisoformat(text) + timedelta(rng.randint(2, 25))).isoformat()
        except (ValueError, OverflowError):
            return None
    mark = _mark(text)
    first, _, rest = text.partition(mark)
    # Which of the two numbers is the day is anybody's guess: up to 12 both readings are a date.
    other = rng.choice([day for day in range(1, 13) if day != int(first)])
    return f"{other:0{len(first)}d}{mark}{rest}"


def _no_such_date(text: str) -> str:
    if "-" in text:
        return f"{text[:4]}-02-30"
    mark = _mark(text)
    return f"30{mark}02{mark}{text.rpartition(mark)[2]}"


def _mark(text: str) -> str:
    return "." if "." in text else "/"


def _with_other_number(text: str, rng: random.Random) -> str | None:
    match = re.search(r"\d+", text)
    if match is None:
        return None
    digits = match.group()
    value = int(digits)
    if len(digits) == 4 and _MIN_YEAR <= value <= _MAX_YEAR:
        other = value + rng.choice([-1, 1])
    else:
        spread = max(2, value // 3)
        other = value + rng.choice([step for step in range(-min(spread, 50), min(spread, 50) + 1) if step])
    other = other if other > 0 else value + 1
    return text[: match.start()] + str(other).zfill(len(digits) if digits.startswith("0") else 0) + text[match.end() :]
