"""Answers on the screen: folded where they are long, and the words in which two of them differ."""

import difflib
import re
from collections.abc import Sequence

from textual.content import Content, Span

from curation_tui.safe_text import passage

LEVELS = ((1_200, 24), (4_000, 120), (16_000, 500), (64_000, 2_000))
"""(characters, lines) that are shown, folded first; more than the last are not shown at all."""
_WORDS = 800
"""Words up to which two answers are compared: a diff takes time with the square of them."""
_ALIKE = 0.25
"""Share of words in common below which differences say nothing: they would be nearly all."""
_DIFFERS = "underline $accent"


def folded(text: str, level: int) -> bool:
    """Whether there is more to show at the next level."""
    characters, lines = LEVELS[level]
    return level + 1 < len(LEVELS) and (len(text) > characters or text.count("\n", 0, characters) >= lines)


def shown(text: str, level: int) -> Content:
    """An answer, cut to what a level shows."""
    characters, lines = LEVELS[level]
    return passage(text, characters=characters, lines=lines)


def marked(one: Content, other: Content) -> tuple[Content, Content]:
    """Two answers with the words marked in which they differ; none where they have hardly a word in common."""
    words, others = _words(one), _words(other)
    matcher = difflib.SequenceMatcher(None, [each[0] for each in words], [each[0] for each in others])
    changes = [each for each in matcher.get_opcodes() if each[0] != "equal"]
    if not changes or matcher.ratio() < _ALIKE:
        return one, other
    return (
        one.add_spans(_spans(words, [(first, last) for _, first, last, _, _ in changes])),
        other.add_spans(_spans(others, [(first, last) for _, _, _, first, last in changes])),
    )


def _words(content: Content) -> list[tuple[str, int, int]]:
    """(word, where it begins, where it ends)."""
    found = re.finditer(r"\S+", content.plain)
    return [(each[0], each.start(), each.end()) for each, _ in zip(found, range(_WORDS), strict=False)]


def _spans(words: Sequence[tuple[str, int, int]], runs: Sequence[tuple[int, int]]) -> list[Span]:
    return [Span(words[first][1], words[last - 1][2], _DIFFERS) for first, last in runs if last > first]
