"""A list of which only the rows around the cursor are drawn, so its length costs nothing."""

from collections.abc import Callable
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from curation_tui.safe_text import blank, stacked

Draw = Callable[[int, int, bool], Content]
"""Draws a row: (its number, the cells there are, whether the cursor is on it)."""


class Rows(Widget):
    """The rows around the cursor."""

    @dataclass
    class Picked(Message):
        """A row was clicked."""

        row: int

    cursor: reactive[int] = reactive(0)

    def __init__(self, name: str) -> None:
        super().__init__(id=name)
        self._count = 0
        self._draw: Draw = lambda row, width, here: blank(1)

    def show(self, count: int, draw: Draw) -> None:
        """Show so many rows; the cursor stays where it is, if it can."""
        self._count, self._draw = count, draw
        self.cursor = min(self.cursor, max(count - 1, 0))
        self.refresh()

    def move(self, step: int) -> bool:
        """Move the cursor; False where it is at an end."""
        then = min(max(self.cursor + step, 0), max(self._count - 1, 0))
        moved, self.cursor = then != self.cursor, then
        return moved

    def page(self, pages: int) -> bool:
        """Move the cursor by so many screens."""
        return self.move(pages * max(self.content_size.height - 1, 1))

    def render(self) -> Content:
        """The rows that fit, the cursor among them."""
        width, height = self.content_size
        if not width or not self._count:
            return blank(1)
        start = self._start(height)
        shown = range(start, min(start + height, self._count))
        return stacked(self._draw(row, width, row == self.cursor) for row in shown)

    def _start(self, height: int) -> int:
        return max(0, min(self.cursor - height // 3, self._count - height))

    def on_click(self, event: events.Click) -> None:
        """Say which row is under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and (row := self._start(self.content_size.height) + offset.y) < self._count:
            self.post_message(self.Picked(row))
