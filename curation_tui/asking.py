"""Small questions over the screen: a line of text, or yes or no."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input

from curation_tui.actions import Where, bindings
from curation_tui.document import Block, Document
from curation_tui.footer import keys
from curation_tui.safe_text import editable, label

_LONGEST = 200


class AskText(ModalScreen[str | None]):
    """A question that is answered with a line of text; None where it is not."""

    WHERE: ClassVar[Where] = "ask"
    BINDINGS = bindings(WHERE)
    AUTO_FOCUS = "#answer"
    CSS = """
    AskText { align: center middle; background: $background 60%; }
    AskText #question {
        width: 70; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; border: round $primary;
        background: $background;
    }
    .-ascii AskText #question { border: ascii $primary; }
    AskText Input { border: none; height: 1; padding: 0; background: $panel; }
    """

    def __init__(self, question: Content, answer: str = "") -> None:
        super().__init__()
        self._question, self._answer = question, answer

    def compose(self) -> ComposeResult:
        """The question as a title, and the line."""
        with Vertical(id="question"):
            # One line: a name with a line break in it would be cut off in silence otherwise.
            field = Input(" ".join(editable(self._answer).split()), id="answer", max_length=_LONGEST)
            field.cursor_blink = False
            yield field

    def on_mount(self) -> None:
        """Show the question."""
        self.query_one("#question").border_title = self._question
        self.query_one("#question").border_subtitle = keys(self.WHERE)

    def action_answer(self) -> None:
        """Give the answer; an empty one is none."""
        self.dismiss(self.query_one("#answer", Input).value.strip() or None)

    def action_close(self) -> None:
        """Give none."""
        self.dismiss(None)


class Confirm(ModalScreen[bool]):
    """A question that only `y` answers with yes."""

    WHERE: ClassVar[Where] = "confirm"
    BINDINGS = bindings(WHERE)
    CSS = """
    Confirm { align: center middle; background: $background 60%; }
    Confirm #question {
        width: 70; max-width: 100%; height: auto; max-height: 100%; padding: 0 1; border: round $warning;
        background: $background;
    }
    .-ascii Confirm #question { border: ascii $warning; }
    Confirm #text { height: auto; }
    """

    def __init__(self, question: Content, blocks: list[Block]) -> None:
        super().__init__()
        self._question, self._blocks = question, blocks

    def compose(self) -> ComposeResult:
        """The question as a title, and what it is about."""
        with Vertical(id="question"):
            yield Document(id="text")

    def on_mount(self) -> None:
        """Show the question."""
        self.query_one("#question").border_title = self._question
        self.query_one("#question").border_subtitle = keys(self.WHERE)
        self.query_one(Document).show(self._blocks)

    def action_yes(self) -> None:
        """Yes."""
        self.dismiss(True)

    def action_close(self) -> None:
        """No."""
        self.dismiss(False)


def question(text: str) -> Content:
    """A question in the border."""
    return label(f" {text} ", "bold")
