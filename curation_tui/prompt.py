"""Small windows that ask for one thing: a line of text, a yes, or one of several."""

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from curation_tui.actions import Where, bindings
from curation_tui.document import Block
from curation_tui.footer import hint, said
from curation_tui.line import Line
from curation_tui.looks import Glyphs
from curation_tui.safe_text import blank, editable, joined, label, stacked
from curation_tui.sheet import Frame, TextWindow

LONGEST = 2_000
"""Characters of a line that is typed."""


class _LastWord(Suggester):
    """Completes the last word of a line from a list, the first that fits."""

    def __init__(self, words: Sequence[str]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._words = words

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line with its last word complete."""
        start, _, last = value.rpartition(" ")
        found = next((each for each in self._words if last and each.startswith(last) and each != last), None)
        return None if found is None else f"{start} {found}".lstrip(" ")


class _Field(Input):
    """A line of text; what is pasted becomes one line without controls."""

    def _on_paste(self, event: events.Paste) -> None:
        self.insert_text_at_cursor(" ".join(editable(event.text).split()))
        event.stop()
        event.prevent_default()


class Prompt(ModalScreen[str | None]):
    """A line of text at the bottom of the screen; None where the person left it."""

    WHERE: ClassVar[Where] = "prompt"
    BINDINGS = bindings(WHERE)

    def __init__(
        self,
        title: str,
        value: str = "",
        *,
        words: Sequence[str] = (),
        changed: Callable[[str], str | None] | None = None,
        hint: str = "",
    ) -> None:
        """`changed` is told of every change, and may answer with a sentence to show; `words` complete what is typed.

        `hint` stands below the line while there is nothing to say.
        """
        super().__init__()
        self._hint = hint
        self._heading, self._value, self._words, self._changed = title, value, words, changed

    def compose(self) -> ComposeResult:
        """A field above a line that says what is wrong with it."""
        with Frame(self.WHERE, id="prompt"):
            field = _Field(
                editable(self._value)[:LONGEST],
                max_length=LONGEST,
                suggester=_LastWord([editable(each) for each in self._words]) if self._words else None,
                select_on_focus=False,
                id="prompt-field",
            )
            field.cursor_blink = False
            yield field
            yield Line(id="prompt-note")

    def on_mount(self) -> None:
        """Say what is asked for."""
        self.query_one("#prompt").border_title = label(self._heading)
        self.query_one("#prompt-note", Line).variants = hint(self._hint)

    @on(Input.Changed)
    def _look(self, event: Input.Changed) -> None:
        if self._changed is not None:
            answer = self._changed(event.value)
            self.query_one("#prompt-note", Line).variants = said(answer) if answer else hint(self._hint)

    def action_submit(self) -> None:
        """Take the line as it is, once the field has had the keys that came before this one."""
        self.query_one(Input).call_later(self._take)

    def _take(self) -> None:
        self.dismiss(self.query_one(Input).value.strip())

    def action_cancel(self) -> None:
        """Leave everything as it was."""
        self.dismiss(None)

    def action_complete(self) -> None:
        """Take the word that is suggested."""
        self.query_one(Input).action_cursor_right()


class Confirm(TextWindow[bool]):
    """A question that only `y` answers with yes."""

    WHERE: ClassVar[Where] = "confirm"
    BINDINGS = bindings(WHERE)

    def __init__(self, title: str, blocks: Sequence[Block]) -> None:
        super().__init__(label(title), blocks)

    def action_yes(self) -> None:
        """Do it."""
        self.dismiss(True)

    def action_no(self) -> None:
        """Leave it."""
        self.dismiss(False)


class _Rows(Widget):
    """The rows around the cursor."""

    def __init__(self, rows: Sequence[Content], glyphs: Glyphs) -> None:
        super().__init__()
        self.rows, self.cursor, self._glyphs = rows, 0, glyphs
        self.styles.height = max(len(rows), 1)

    def render(self) -> Content:
        width, height = self.content_size
        if not width or not self.rows:
            return blank(1)
        start = max(0, min(self.cursor - height // 2, len(self.rows) - height))
        return stacked(self._row(start + row, width) for row in range(min(height, len(self.rows))))

    def _row(self, number: int, width: int) -> Content:
        here = number == self.cursor
        mark = label(f"{self._glyphs.cursor if here else ' '} ", "bold $primary")
        return joined(mark, self.rows[number].truncate(max(width - 2, 1), ellipsis=True))


class Choice(ModalScreen[int | None]):
    """One of several rows, by its number; None where the person left it."""

    WHERE: ClassVar[Where] = "choice"
    BINDINGS = bindings(WHERE)

    def __init__(self, title: str, rows: Sequence[Content], glyphs: Glyphs) -> None:
        super().__init__()
        self._heading = title
        self._list = _Rows(rows, glyphs)

    def compose(self) -> ComposeResult:
        """The rows in a frame."""
        with Frame(self.WHERE, id="sheet"):
            yield self._list

    def on_mount(self) -> None:
        """Say what is chosen."""
        self.query_one("#sheet").border_title = label(self._heading)

    def _move(self, step: int) -> None:
        self._list.cursor = min(max(self._list.cursor + step, 0), len(self._list.rows) - 1)
        self._list.refresh()

    def action_down(self) -> None:
        """Go one row down."""
        self._move(1)

    def action_up(self) -> None:
        """Go one row up."""
        self._move(-1)

    def action_page_down(self) -> None:
        """Go ten rows down."""
        self._move(10)

    def action_page_up(self) -> None:
        """Go ten rows up."""
        self._move(-10)

    def action_take(self) -> None:
        """Take the row under the cursor."""
        self.dismiss(self._list.cursor if self._list.rows else None)

    def action_cancel(self) -> None:
        """Take none."""
        self.dismiss(None)
