"""A pane of text in blocks: headings, paragraphs with a hanging label, bullets."""

from collections.abc import Iterable
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from curation_tui.safe_text import NOTHING, blank, joined, label, stacked

_THUMB = "\N{RIGHT ONE EIGHTH BLOCK}"
_THUMB_ASCII = "|"
_NOTCH = 3  # lines of a turn of the mouse wheel


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph; its further lines are indented as far as its label is wide."""

    text: Content
    label: Content = NOTHING
    right: Content = NOTHING
    """Stands at the right edge of the first line."""
    space_before: bool = False
    cut: bool = False
    """Whether only one line is shown, whatever is longer cut off."""

    def lines(self, width: int) -> list[Content]:
        """The paragraph wrapped to a width."""
        if self.cut:
            return [joined(self.label, self.text.truncate(max(width - self.label.cell_length, 1), ellipsis=True))]
        indent = min(self.label.cell_length, max(width - 8, 0))
        room = max(width - indent - (self.right.cell_length + 1 if self.right else 0), 4)
        wrapped = self.text.wrap(room) or [NOTHING]
        first = joined(self.label, wrapped[0])
        if self.right:
            gap = blank(max(width - first.cell_length - self.right.cell_length, 1))
            first = joined(first, gap, self.right)
        rest = [joined(blank(indent), each) for each in wrapped[1:]]
        return [*([NOTHING] if self.space_before else []), first, *rest]


class Document(Widget):
    """Blocks of text in a pane that scrolls; it draws the lines that are seen.

    A container that scrolls would lay the whole screen out again for each text, twice where the scrollbar comes or
    goes, and that is most of what a key press costs.
    """

    DEFAULT_CSS = "Document { text-wrap: nowrap; text-overflow: clip; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._blocks: tuple[Block, ...] = ()
        self._lines: tuple[int, list[Content]] | None = None
        self._first = 0

    def show(self, blocks: Iterable[Block], *, stay: bool = False) -> None:
        """Show other blocks, from their beginning, or from the line that is on top where they only got more."""
        shown = tuple(blocks)
        first = self._first if stay else 0
        if shown == self._blocks and first == self._first:
            return
        self._blocks, self._lines, self._first = shown, None, first
        self.refresh(layout=self.styles.is_auto_height)

    def line_of(self, block_index: int) -> int:
        """The line on which a block starts."""
        width = self._text_width
        return sum(len(block.lines(width)) for block in self._blocks[:block_index]) if width > 0 else 0

    @property
    def at_end(self) -> bool:
        """Whether the last line is seen."""
        return self._top + self.content_size.height >= len(self._lines_at(self._text_width))

    def scroll_to_line(self, line: int) -> None:
        """Show a line at the top, or as near to it as the end of the text lets it come."""
        self._first = line
        self.refresh()

    def scroll_lines(self, lines: int) -> None:
        """Scroll down, or up."""
        self.scroll_to_line(self._top + lines)

    def turn_page(self, pages: int) -> None:
        """Scroll down by what is seen, or up."""
        self.scroll_lines(pages * max(self.content_size.height, 1))

    @property
    def _text_width(self) -> int:
        """The cells of a line; the last column is kept for the thumb."""
        return self.content_size.width - 1

    @property
    def _top(self) -> int:
        """The first line that is seen."""
        return min(max(self._first, 0), max(len(self._lines_at(self._text_width)) - self.content_size.height, 0))

    def _lines_at(self, width: int) -> list[Content]:
        # Asked for twice or three times a frame: for the height, for the place, and to draw.
        if self._lines is None or self._lines[0] != width:
            self._lines = width, [line for block in self._blocks for line in block.lines(width)]
        return self._lines[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As many rows as there are lines."""
        return max(len(self._lines_at(width - 1)), 1)

    def render(self) -> Content:
        """The lines that are seen, with a thumb at the right where there are more."""
        width, height = self._text_width, self.content_size.height
        if width < 1 or not height:
            return NOTHING
        lines, self._first = self._lines_at(width), self._top
        seen = lines[self._first : self._first + height]
        if len(lines) <= height:
            return stacked(seen)
        start, end = self._thumb(len(lines), height)
        return stacked(
            joined(line, blank(width - line.cell_length), self._mark) if start <= row < end else line
            for row, line in enumerate(seen)
        )

    @property
    def _mark(self) -> Content:
        return label(_THUMB_ASCII if self.app.has_class("-ascii") else _THUMB, "$rule")

    def _thumb(self, lines: int, height: int) -> tuple[int, int]:
        """The rows that the thumb takes, from one to before another."""
        length = max(height * height // lines, 1)
        start = round(self._first / (lines - height) * (height - length))
        return start, start + length

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Three lines down."""
        event.stop()
        self.scroll_lines(_NOTCH)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Three lines up."""
        event.stop()
        self.scroll_lines(-_NOTCH)
