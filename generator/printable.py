"""Foreign text made safe to show: visible, one code point for one, and no control bytes.

Logs and model answers may hold escape sequences that set the window title, write the clipboard or clear
the screen, and bidirectional marks that reorder what a reader sees. Both front ends, the command line and
the terminal app, pass every foreign text through `printable` on its way out. Data is stored as it came.
"""

# C0 controls have their own pictures (ESC -> ␛); newline and tab are layout that the caller decides on.
_TABLE: dict[int, str] = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\n\t"}
_TABLE[0x7F] = "\u2421"
_TABLE.update(dict.fromkeys(range(0x80, 0xA0), "\ufffd"))  # C1: U+009B alone starts a control sequence
_TABLE.update(dict.fromkeys(range(0xD800, 0xE000), "\ufffd"))  # lone surrogates cannot be encoded
# Bidirectional controls, line and paragraph separators, byte-order mark, invisible tag characters.
_HIDDEN = (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C)
_TABLE.update(dict.fromkeys((*_HIDDEN, 0x2028, 0x2029, 0xFEFF, *range(0xE0000, 0xE0080)), "·"))


def printable(text: str) -> str:
    """Text with every control, surrogate and reordering character replaced by something visible."""
    return text.translate(_TABLE)


def one_line(text: str, width: int) -> str:
    """Printable text on one line, white space folded, cut to `width` characters with an ellipsis."""
    # Far more than any line shows is enough to fold: a 3 MB text must not cost 3 MB of work.
    folded = " ".join(printable(text[: 8 * width + 64]).split())
    return folded if len(folded) <= width else folded[: max(width - 1, 0)].rstrip() + "…"
