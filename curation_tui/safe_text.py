"""The one door for text: everything the app shows is made into `Content` here, and nowhere else.

Logs and drafts hold text that no one vouched for. Textual passes escape sequences on to the terminal, reads
markup in any plain string, and takes seconds to lay out a long one. So no widget is handed a `str`: the
functions here cut a text to a window, make every character visible and of a width that terminals agree on,
and give back `Content`, in which nothing is markup. A test over the syntax trees holds the rest of the app
to it.
"""

import re
import unicodedata
from collections.abc import Collection, Iterable

from textual.content import Content

from generator.printable import one_line, printable

WINDOW_CHARACTERS = 4_000
WINDOW_LINES = 200
NOTHING = Content("")
_TAB = 4
_MARKS_PER_LETTER = 2

# Terminals disagree on the width of joined emoji, flags and variation selectors, and a row that is one cell
# longer than we think moves the border. Shown in parts, every terminal draws them alike.
_PARTS: dict[int, str | None] = {
    0x200D: None,  # the joiner of emoji
    0x20E3: None,  # keycap
    **dict.fromkeys(range(0xFE00, 0xFE10)),  # variation selectors
    **dict.fromkeys(range(0x1F3FB, 0x1F400)),  # skin tones
    **{0x1F1E6 + place: chr(ord("A") + place) for place in range(26)},  # flags are pairs of these letters
}
_SHOWN_AS_DOT = {"Cf", "Co"}
_WORD = re.compile(r"\w+")
_NON_JOINER = "\u200c"


def passage(text: str, style: str = "", *, characters: int = WINDOW_CHARACTERS, lines: int = WINDOW_LINES) -> Content:
    """A text of several lines, cut to a window that says how much it leaves out."""
    shown = text[:characters]
    cut = shown.split("\n", lines)
    if len(cut) > lines:
        shown = "\n".join(cut[:lines])
    hidden = len(text) - len(shown)
    content = Content.styled(visible(shown).rstrip("\n"), style)
    if hidden <= 0:
        return content
    return stacked([content, Content.styled(f"▾ {hidden:,} more characters", "dim")])


def line(text: str, width: int, style: str = "") -> Content:
    """A text on one line, at most `width` cells wide."""
    # A cell holds at least one character, bar marks: twice the width is enough to cut from.
    return Content.styled(visible(one_line(text, 2 * width)), style).truncate(max(width, 1), ellipsis=True)


def underlined(content: Content, words: Collection[str]) -> Content:
    """The same with every one of these words (in lower case) underlined."""
    for found in _WORD.finditer(content.plain):
        if found[0].lower() in words:
            content = content.stylize("underline", found.start(), found.end())
    return content


def label(text: str, style: str = "") -> Content:
    """Words of our own on one line; what data they carry is made safe all the same."""
    return Content.styled(visible(" ".join(text.split("\n"))), style)


def joined(*parts: Content) -> Content:
    """Contents one after the other."""
    return Content.assemble(*parts)


def separated(parts: Iterable[Content], by: str) -> Content:
    """Contents one after the other with some of our own text between."""
    return Content(by).join(parts)


def stacked(lines: Iterable[Content]) -> Content:
    """Contents one below the other."""
    return Content("\n").join(lines)


def blank(width: int) -> Content:
    """So many spaces."""
    return Content(" " * width)


def visible(text: str) -> str:
    """Text of which every character can be seen and has the width that terminals give it."""
    text = printable(text)
    if "\t" in text:
        text = "\n".join(row.expandtabs(_TAB) for row in text.split("\n"))
    if text.isascii():
        return text
    return _even_width(unicodedata.normalize("NFC", text).translate(_PARTS))


def editable(text: str) -> str:
    """Text for an input field: no control bytes; tabs, joiners and line breaks stay, for they are saved."""
    return printable(re.sub(r"\r\n?", "\n", text))


def _even_width(text: str) -> str:
    shown: list[str] = []
    marks = _MARKS_PER_LETTER  # a mark at the start has no letter to sit on
    for character in text:
        if character.isascii():
            marks = 0 if character > " " else _MARKS_PER_LETTER
            shown.append(character)
            continue
        category = unicodedata.category(character)
        if category in {"Mn", "Me"}:
            marks += 1
            if marks > _MARKS_PER_LETTER:
                continue
        else:
            marks = 0
            if category == "Cn":
                character = "\ufffd"
            elif category in _SHOWN_AS_DOT and character != _NON_JOINER:
                character = "·"
        shown.append(character)
    return "".join(shown)
