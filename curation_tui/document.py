"""A pane of text in blocks: headings, paragraphs with a hanging label, bullets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from curation_tui.safe_text import NOTHING, blank, joined, stacked


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


class _Page(Widget):
    """The blocks, laid out for the width there is."""

    DEFAULT_CSS = "_Page { height: auto; text-wrap: nowrap; text-overflow: clip; }"

    blocks: reactive[Sequence[Block]] = reactive(tuple, layout=True)

    def __init__(self) -> None:
        super().__init__()
        self._laid_out: dict[int, list[Content]] = {}

    def watch_blocks(self) -> None:
        self._laid_out.clear()

    def lines(self, width: int) -> list[Content]:
        # Asked for twice or three times a frame: for the height, with and without a scrollbar, and to draw.
        if width not in self._laid_out:
            self._laid_out[width] = [line for block in self.blocks for line in block.lines(width)]
        return self._laid_out[width]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return max(len(self.lines(width)), 1)

    def render(self) -> Content:
        width = self.content_size.width
        return stacked(self.lines(width)) if width else NOTHING


class Document(VerticalScroll, can_focus=False):
    """Blocks of text in a pane that scrolls."""

    DEFAULT_CSS = """
    Document { scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    """

    def compose(self) -> ComposeResult:
        """The one page inside."""
        yield _Page()

    def show(self, blocks: Iterable[Block]) -> None:
        """Show other blocks, from their beginning."""
        self.query_one(_Page).blocks = tuple(blocks)
        self.scroll_home(animate=False, force=True)

    def line_of(self, block_index: int) -> int:
        """The line on which a block starts."""
        page = self.query_one(_Page)
        width = page.content_size.width
        return sum(len(block.lines(width)) for block in page.blocks[:block_index]) if width else 0
