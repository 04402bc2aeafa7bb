"""A window in which a person says which criteria an answer meets, or each of two."""

from collections.abc import Iterator, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from curation_tui.actions import Where, bindings
from curation_tui.document import Block, Document
from curation_tui.footer import key_line
from curation_tui.line import Line
from curation_tui.looks import Glyphs
from curation_tui.safe_text import joined, label, line

Marks = tuple[dict[str, bool], ...]
"""For each answer, criterion -> whether it is met; those of which nothing was said are left out."""

_WIDTH = 200
_TURN: dict[bool | None, bool | None] = {None: True, True: False, False: None}


class Ticks(ModalScreen[Marks | None]):
    """Criteria in rows, answers in columns; None where the person left it."""

    WHERE: ClassVar[Where] = "ticks"
    BINDINGS = bindings(WHERE)

    def __init__(self, criteria: Sequence[tuple[str, bool]], marks: Marks, glyphs: Glyphs) -> None:
        """`criteria` are texts, and whether it is something that must not happen."""
        super().__init__()
        self._criteria, self._glyphs = criteria, glyphs
        self._marks = tuple(dict(each) for each in marks)
        self._cursor = 0

    def compose(self) -> ComposeResult:
        """The rows in a frame, the keys below."""
        with Vertical(id="sheet"):
            yield Document(id="sheet-text")
            yield Line(id="ticks-keys")

    def on_mount(self) -> None:
        """Say what is asked for."""
        self.query_one("#sheet").border_title = label("Which criteria are met?")
        self.query_one("#ticks-keys", Line).variants = key_line(self.WHERE)
        self._show()

    def _show(self) -> None:
        pane = self.query_one(Document)
        pane.show(self._rows())
        pane.scroll_to_line(pane.line_of(self._cursor))

    def _rows(self) -> Iterator[Block]:
        for number, (criterion, forbidden) in enumerate(self._criteria):
            here = number == self._cursor
            cursor = label(f"{self._glyphs.cursor if here else ' '} ", "bold $primary")
            marks = [mark(each.get(criterion), self._glyphs) for each in self._marks]
            kept = label("must not: " if forbidden else "", "$error")
            text = joined(kept, line(criterion, _WIDTH, "bold" if here else ""))
            yield Block(text, joined(cursor, *marks, label(" ")))

    def action_down(self) -> None:
        """Go to the next criterion."""
        self._go(1)

    def action_up(self) -> None:
        """Go to the one before."""
        self._go(-1)

    def _go(self, step: int) -> None:
        self._cursor = min(max(self._cursor + step, 0), len(self._criteria) - 1)
        self._show()

    def action_mark(self, column: str) -> None:
        """Turn the mark of an answer at the cursor."""
        if int(column) >= len(self._marks):
            self.app.bell()
            return
        criterion, _ = self._criteria[self._cursor]
        own = self._marks[int(column)]
        then = _TURN[own.pop(criterion, None)]
        if then is not None:
            own[criterion] = then
        self._show()

    def action_take(self) -> None:
        """Keep the marks."""
        self.dismiss(self._marks)

    def action_cancel(self) -> None:
        """Leave them as they were."""
        self.dismiss(None)


def mark(met: bool | None, glyphs: Glyphs) -> Content:
    """Whether a criterion is met, in one cell."""
    if met is None:
        return label(glyphs.empty, "$muted")
    return label(glyphs.accepted, "$success") if met else label(glyphs.rejected, "$error")
