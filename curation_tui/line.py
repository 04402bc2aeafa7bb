"""One line of the screen that never cuts a word: it shows the longest of its variants that fits."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.geometry import Size
from textual.reactive import reactive
from textual.widget import Widget

from curation_tui.safe_text import NOTHING, blank, joined, stacked


@dataclass(frozen=True, slots=True)
class Variant:
    """What a line may show: text at its left and at its right edge."""

    left: Content
    right: Content = NOTHING
    wraps: bool = False
    """Whether it may take more lines than one; for sentences that must be read to their end."""

    @property
    def width(self) -> int:
        """The cells it needs."""
        return self.left.cell_length + (self.right.cell_length + 1 if self.right else 0)

    def laid_out(self, width: int) -> Content:
        """Both parts at their edges; what does not fit is cut from the left part."""
        if self.wraps:
            first, *rest = self.left.wrap(max(width - 1, 1)) or [NOTHING]
            return stacked([first, *(joined(blank(1), each) for each in rest)])
        if not self.right:
            return self.left.truncate(width, ellipsis=True)
        left = self.left.truncate(max(width - self.right.cell_length - 1, 1), ellipsis=True)
        gap = blank(max(width - left.cell_length - self.right.cell_length, 0))
        return joined(left, gap, self.right).truncate(width)


class Line(Widget):
    """One line of the screen."""

    DEFAULT_CSS = "Line { height: 1; }"

    variants: reactive[Sequence[Variant]] = reactive(tuple)
    """Longest first."""

    def watch_variants(self) -> None:
        """Lay the screen out again only where the line may take more rows, or fewer."""
        if self.styles.is_auto_height and self._rows(self.size.width) != self.size.height:
            self.refresh(layout=True)

    def render(self) -> Content:
        """The longest variant that fits; the last one is cut where none does."""
        return self._at(self.size.width)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """The rows it takes at this width, which it may not have yet."""
        return self._rows(width)

    def _rows(self, width: int) -> int:
        return max(self._at(width).get_height({}, width), 1)

    def _at(self, width: int) -> Content:
        if not self.variants or not width:
            return blank(1)
        fitting = (variant for variant in self.variants if variant.width <= width)
        return next(fitting, self.variants[-1]).laid_out(width)
