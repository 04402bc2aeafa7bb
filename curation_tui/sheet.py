"""A sheet of text over the screen: help, and explanations."""

from collections.abc import Iterator, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from curation_tui.actions import Action, Where, bindings, offered
from curation_tui.document import Block, Document
from curation_tui.footer import keys
from curation_tui.safe_text import label
from generator.records import REASONS

_KEYS = 15  # cells of the widest keys
_CORNERS = 6  # cells of an edge that a title leaves free

_Answer = TypeVar("_Answer")


class Frame(Vertical):
    """A frame with the keys in its lower edge, as many as fit."""

    def __init__(self, where: Where, *, id: str) -> None:
        super().__init__(id=id)
        self._where: Where = where

    def on_resize(self) -> None:
        """Name the keys for which there is room."""
        self.border_subtitle = keys(self._where, self.outer_size.width - _CORNERS)


class TextWindow(ModalScreen[_Answer]):
    """A titled text over the screen, with its keys below; a subclass says its `WHERE` and `BINDINGS`."""

    WHERE: ClassVar[Where]

    def __init__(self, title: Content, blocks: Sequence[Block]) -> None:
        super().__init__()
        self._heading, self._blocks = title, blocks

    def compose(self) -> ComposeResult:
        """A pane that scrolls."""
        with Frame(self.WHERE, id="sheet"):
            yield Document(id="sheet-text")

    def on_mount(self) -> None:
        """Fill the pane."""
        self.query_one("#sheet").border_title = self._heading
        self.query_one(Document).show(self._blocks)


class Sheet(TextWindow[None]):
    """A titled text that closes by the key that opened it."""

    WHERE: ClassVar[Where] = "sheet"
    BINDINGS = bindings(WHERE)

    def action_close(self) -> None:
        """Back to the screen below."""
        self.dismiss()

    def action_page_down(self) -> None:
        """Scroll down."""
        self.query_one(Document).turn_page(1)

    def action_page_up(self) -> None:
        """Scroll up."""
        self.query_one(Document).turn_page(-1)


def help_sheet(where: Where) -> Sheet:
    """All keys of a screen."""
    return Sheet(label("Keys"), list(_help(where)))


def _help(where: Where) -> Iterator[Block]:
    for action in offered(where):
        yield Block(label(action.help), label(f"{action.shown:<{_KEYS}}", "bold $primary"))
        if action.takes_key:
            yield from _reasons(action)
    yield Block(
        label("Every act is saved before the screen says so. Pasted text never decides anything."),
        space_before=True,
    )


def _reasons(action: Action) -> Iterator[Block]:
    for key in action.keys:
        yield Block(label(REASONS[key], "$muted"), label(f"{'':<{_KEYS}}{key} ", "$muted"))
