"""Ship rules: what must hold between two candidates, or of one, and whether the evidence says that it does.

    A >= B - 0.02        A > B        "claude haiku" >= 80 %        anthropic/claude-haiku-5-5 <= openai/gpt-5 + 1 %

A rule is met where the whole interval fulfils it, not met where all of the interval breaks it; anything else is not
enough evidence. The interval is the two-sided one that the report shows, so that a rule is wrongly called met in half
of the cases that its confidence leaves open.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Literal

from generator.errors import ConfigError

Comparison = Literal[">=", ">", "<=", "<"]
RuleVerdict = Literal["met", "not met", "not enough evidence"]

_SIGNS: dict[str, Comparison] = {">=": ">=", ">": ">", "<=": "<=", "<": "<", "≥": ">=", "≤": "<="}
_NUMBER = r"(?:\d+(?:\.\d*)?|\.\d+)\s*%?"
_MARGIN = re.compile(rf"(?P<name>.+?)\s*(?P<sign>(?<=[\s\"'])[+-])\s*(?P<number>{_NUMBER})")
_EXAMPLES = 'such as "A >= B - 0.02" or "A >= 0.8"'


@dataclass(frozen=True, slots=True)
class ShipRule:
    """`left comparison right + margin`, or `left comparison margin` where there is no `right`."""

    left: str
    comparison: Comparison
    right: str | None
    margin: float

    @property
    def names(self) -> tuple[str, ...]:
        """The candidates that it is about."""
        return (self.left,) if self.right is None else (self.left, self.right)

    def verdict(self, low: float, high: float) -> RuleVerdict:
        """What an interval says of the rule.

        Args:
            low: Of the interval of `left`, or of `left` less `right`.
            high: The other end.
        """
        if self.comparison in {"<=", "<"}:
            low, high = -high, -low
        bound = -self.margin if self.comparison in {"<=", "<"} else self.margin
        strict = self.comparison in {">", "<"}
        if low > bound or (low == bound and not strict):
            return "met"
        return "not met" if high < bound or (high == bound and strict) else "not enough evidence"

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"left": self.left, "comparison": self.comparison, "right": self.right, "margin": self.margin}

    def __str__(self) -> str:
        if self.right is None:
            return f"{self.left} {self.comparison} {self.margin:g}"
        margin = f" {'-' if self.margin < 0 else '+'} {abs(self.margin):g}" if self.margin else ""
        return f"{self.left} {self.comparison} {self.right}{margin}"


def ship_rule(text: str, names: Sequence[str]) -> ShipRule:
    """Read a rule.

    Args:
        text: A name, >= or > or <= or <, then a number or another name, which may have `- NUMBER` or `+ NUMBER`
            after it, with a space before the sign. Numbers are shares of 0 to 1, or have a %. Names may be quoted,
            and must be where they hold a comparison sign or look like a number.
        names: The candidates that there are.

    Raises:
        ConfigError: It is no such rule, or names a candidate that there is not.
    """
    left, comparison, rest = _parts(text)
    known = _Names(text, names)
    if re.fullmatch(rf"[+-]?\s*{_NUMBER}", rest):
        bound = _number(rest)
        if not 0.0 <= bound <= 1.0:
            raise ConfigError(f"The rule «{text}» compares with {rest}; a pass rate is a share from 0 to 1, or in %.")
        return ShipRule(known(left), comparison, None, bound)
    found = None if rest in names else _MARGIN.fullmatch(rest)
    right, margin = (found["name"], _number(found["sign"] + found["number"])) if found else (rest, 0.0)
    rule = ShipRule(known(left), comparison, known(right), margin)
    if rule.left == rule.right:
        raise ConfigError(f"The rule «{text}» compares {rule.left} with itself; name two candidates.")
    if abs(margin) > 1.0:
        raise ConfigError(f"The rule «{text}» allows for more than everything; write 2 points as 0.02 or as 2 %.")
    return rule


@dataclass(frozen=True, slots=True)
class _Names:
    rule: str
    names: Sequence[str]

    def __call__(self, written: str) -> str:
        """The candidate that is meant.

        Raises:
            ConfigError: There is none of that name.
        """
        name = _unquoted(written)
        if name in self.names:
            return name
        likely = get_close_matches(name, self.names, 1)
        hint = f"; did you mean {likely[0]}?" if likely else f"; there are {', '.join(self.names) or 'none'}."
        raise ConfigError(f"The rule «{self.rule}» names «{name}», which is no candidate here{hint}")


def _parts(text: str) -> tuple[str, Comparison, str]:
    found = [each for each in re.finditer(r"\"[^\"]*\"|'[^']*'|>=|<=|[<>≥≤]", text) if each[0] in _SIGNS]
    if len(found) != 1:
        many = "more than one comparison" if found else "no comparison"
        raise ConfigError(f"The rule «{text}» has {many}; write one, {_EXAMPLES}.")
    left, rest = text[: found[0].start()].strip(), text[found[0].end() :].strip()
    if not left or not rest:
        side = "before" if not left else "after"
        raise ConfigError(f"The rule «{text}» has nothing {side} {found[0][0]}; write one {_EXAMPLES}.")
    return left, _SIGNS[found[0][0]], rest


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] and name[0] in "\"'" else name


def _number(text: str) -> float:
    plain = text.replace(" ", "")
    return float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain)
