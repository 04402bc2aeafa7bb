"""The list of what comes next. Draws only the rows that fit, so its length costs nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from curation_tui.item import Place
from curation_tui.looks import UNICODE, Glyphs
from curation_tui.safe_text import blank, joined, label, line, stacked

_GAIN = 6  # cells of a gain
_BEFORE_NAME = 2 + _GAIN + 1


class QueueList(Widget):
    """The rows around the cursor."""

    @dataclass
    class Picked(Message):
        """A row was clicked."""

        draft_id: str

    glyphs: Glyphs = UNICODE
    places: reactive[Sequence[Place]] = reactive(tuple)
    cursor: reactive[int] = reactive(0)

    def render(self) -> Content:
        """The rows that fit, the cursor among them."""
        width, height = self.content_size
        if not width or not self.places:
            return blank(1)
        start = self._start(height)
        shown = self.places[start : start + height]
        return stacked(self._row(start + row, place, width) for row, place in enumerate(shown))

    def _start(self, height: int) -> int:
        """The first row shown: the cursor stays in the upper third, where what comes next is seen."""
        return max(0, min(self.cursor - height // 3, len(self.places) - height))

    def _row(self, number: int, place: Place, width: int) -> Content:
        here = number == self.cursor
        mark = self.glyphs.cursor if here else self._mark(place)
        gain = f"+{100 * place.gain:.2f}"
        style = "bold" if here else ""
        return joined(
            label(f"{mark} ", "$primary bold" if here else "$warning"),
            label(f"{gain:>{_GAIN}} ", "$success" if here else "$muted"),
            self._cluster(place, max(width - _BEFORE_NAME, 1), style),
        )

    def _cluster(self, place: Place, width: int, style: str) -> Content:
        name = place.cluster or "(no cluster)"
        if not place.folded:
            return line(name, width, style)
        folded = label(f" {self.glyphs.alike}{place.folded}", "$muted")
        return joined(line(name, max(width - folded.cell_length, 1), style), folded)

    def _mark(self, place: Place) -> str:
        if place.off_traffic:
            return self.glyphs.elsewhere
        if place.later:
            return self.glyphs.later
        return self.glyphs.drawn if place.drawn else " "

    def on_click(self, event: events.Click) -> None:
        """Go to the row under the mouse."""
        offset = event.get_content_offset(self)
        if offset is None:
            return
        row = self._start(self.content_size.height) + offset.y
        if row < len(self.places):
            self.post_message(self.Picked(self.places[row].draft_id))
