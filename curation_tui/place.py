"""What the screens behind the keys share: where they are, how to leave, help, palette, undo."""

from typing import ClassVar

from textual.screen import Screen

from curation_tui.actions import Where
from curation_tui.looks import Glyphs
from curation_tui.places import place_of
from curation_tui.session import Session
from curation_tui.sheet import help_sheet


class PlaceScreen(Screen[str | None]):
    """One of the places; its result is the draft that Review should show, if any.

    A subclass says its `WHERE` and `BINDINGS = bindings(WHERE)`; the table of actions does footer, help and palette.
    Review lies below all others, so that esc leads back to it.
    """

    WHERE: ClassVar[Where]
    AUTO_FOCUS = None

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__()
        self._session = session
        self._glyphs = glyphs

    def action_open(self, name: str) -> None:
        """Go to another place, by way of Review."""
        if name == self.WHERE:
            self.app.bell()
            return
        self.open_place(name)

    def open_place(self, name: str, first: str = "") -> None:
        """Go to another place, and do one of its actions at once if `first` names it."""
        with self.app.batch_update():
            if self.WHERE != "review":
                self.dismiss(None)
            below = next(each for each in reversed(self.app.screen_stack) if getattr(each, "WHERE", "") == "review")
            assert isinstance(below, PlaceScreen)  # noqa: S101 - Review is one
            screen = place_of(name).load()(self._session, self._glyphs)
            self.app.push_screen(screen, below.show_draft)
            if first:
                screen.call_after_refresh(getattr(screen, f"action_{first}"))

    def show_draft(self, draft_id: str | None) -> None:
        """Show a draft that was picked in another place, or look again."""

    def action_back(self) -> None:
        """Back to Review."""
        self.dismiss(None)

    def action_help(self) -> None:
        """Show all keys."""
        self.app.push_screen(help_sheet(self.WHERE))

    def action_palette(self) -> None:
        """Open the palette."""
        self.app.action_command_palette()

    def action_quit(self) -> None:
        """Leave."""
        self.app.exit()
