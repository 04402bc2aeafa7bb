"""The editor: change an item, then accept it as changed, or go back and go on typing another time."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.screen import Screen
from textual.timer import Timer
from textual.widgets import TextArea

from curation_tui.actions import Where, bindings
from curation_tui.footer import key_line, said
from curation_tui.item import Done, Item, short_id
from curation_tui.line import Line, Variant
from curation_tui.looks import Glyphs
from curation_tui.safe_text import editable, joined, label
from curation_tui.session import Session
from generator.errors import ProjectError
from generator.records import Message

Save = Callable[[str, Sequence[Message], Sequence[str], Sequence[str]], Done]

LONGEST = 40_000
"""Characters of a field that a text area still lays out at once."""
_USUAL = "Gain and evidence are of the text before the edit."
_QUIET = 0.3  # seconds without a key until what was typed is kept


class Field(TextArea):
    """One part of an item as text; what is not touched is saved as it came."""

    def __init__(self, text: str, title: str, field_id: str) -> None:
        shown = editable(text)
        fits = len(shown) <= LONGEST and shown.count("\n") < LONGEST // 20
        super().__init__(shown if fits else shown[:1_000], id=field_id, soft_wrap=True, tab_behavior="focus")
        self._original, self._shown = text, self.text
        self.read_only = not fits
        self.cursor_blink = False
        self.border_title = label(title if fits else f"{title} (too long to edit here; kept as it is)")

    @property
    def changed(self) -> bool:
        """Whether a person typed into it."""
        return self.text != self._shown

    @property
    def value(self) -> str:
        """The text to save."""
        return self.text if self.changed else self._original

    def type_again(self, text: str) -> None:
        """Bring back what was typed before."""
        if not self.read_only:
            self.load_text(editable(text))

    def start_over(self) -> None:
        """Bring back the item's own text; the field's own undo takes that back."""
        if not self.read_only:
            self.replace(self._shown, (0, 0), self.document.end)


class EditScreen(Screen[Done | None]):
    """Input, criteria and must-nots of one item, each in a text area."""

    WHERE: ClassVar[Where] = "edit"
    BINDINGS = bindings(WHERE)
    AUTO_FOCUS = "#edit-criteria"

    def __init__(self, item: Item, glyphs: Glyphs, session: Session, save: Save) -> None:
        super().__init__()
        self._item, self._glyphs, self._session, self._save = item, glyphs, session, save
        self._kept: dict[str, str] = {}
        self._keep_timer: Timer | None = None
        self._told = False  # that what was typed cannot be kept

    def compose(self) -> ComposeResult:
        """The fields between a heading and the keys."""
        yield Line(id="edit-head")
        place = self._user_turn()
        if place is not None:
            turns = len(self._item.messages)
            kept = f" {self._glyphs.dot} last of {turns} turns" if turns > 1 else ""
            yield Field(self._item.messages[place].content, f"1 Input{kept}", "edit-input")
        yield Field("\n".join(self._item.criteria), "2 Expected behaviour, one a line", "edit-criteria")
        yield Field("\n".join(self._item.must_not), "3 Must not, one a line", "edit-must-not")
        yield Line(id="edit-note")
        yield Line(id="edit-keys")

    def on_mount(self) -> None:
        """Fill the lines."""
        head = label(f" Edit {short_id(self._item.draft.id)}", "bold $primary")
        self.query_one("#edit-head", Line).variants = (
            Variant(joined(head, label("  every keystroke is kept; nothing is in the set until you accept", "$muted"))),
            Variant(head),
        )
        self.query_one("#edit-keys", Line).variants = key_line(self.WHERE)
        self._bring_back()
        note = "What you typed before is here again; ctrl+r starts over." if self._kept else _USUAL
        self.query_one("#edit-note", Line).variants = said(note)

    def _bring_back(self) -> None:
        try:
            self._kept = self._session.typed(self._item.draft.id)
        except ProjectError as error:
            self._note(str(error))
        for field in self.query(Field):
            if field.id in self._kept:
                field.type_again(self._kept[field.id])

    @on(TextArea.Changed)
    def _keep_soon(self) -> None:
        if self._keep_timer is None:
            self._keep_timer = self.set_timer(_QUIET, self._keep)
        else:
            self._keep_timer.reset()

    def _keep(self) -> bool:
        """Keep what was typed; False where that fails."""
        if self._keep_timer is not None:
            self._keep_timer.stop()
            self._keep_timer = None
        typed = {field.id or "": field.text for field in self.query(Field) if field.changed}
        if typed == self._kept:
            return True
        try:
            self._session.keep_typed(self._item.draft.id, typed)
        except ProjectError as error:
            self._note(f"NOT KEPT {self._glyphs.rejected} {error} (esc twice goes back without it)")
            return False
        self._kept = typed
        return True

    def _user_turn(self) -> int | None:
        """The place of the last turn of the user, which is what the item asks."""
        places = [place for place, message in enumerate(self._item.messages) if message.role == "user"]
        return places[-1] if places else None

    def _messages(self) -> tuple[Message, ...]:
        place = self._user_turn()
        if place is None:
            return self._item.messages
        messages = list(self._item.messages)
        messages[place] = replace(messages[place], content=self.query_one("#edit-input", Field).value)
        return tuple(messages)

    def _lines(self, name: str, original: tuple[str, ...]) -> tuple[str, ...]:
        field = self.query_one(name, Field)
        if not field.changed:
            return original
        return tuple(line.strip() for line in field.text.splitlines() if line.strip())

    def action_save(self) -> None:
        """Accept the item as edited; where that cannot be saved, what was typed stays here."""
        messages = self._messages()
        if not any(message.content.strip() or message.tool_calls for message in messages if message.role != "system"):
            self._note("An item needs an input; esc goes back.")
            return
        criteria = self._lines("#edit-criteria", self._item.criteria)
        must_not = self._lines("#edit-must-not", self._item.must_not)
        try:
            done = self._save(self._item.draft.id, messages, criteria, must_not)
        except ProjectError as error:
            self._note(f"NOT SAVED {self._glyphs.rejected} {error}")
            self.app.bell()
            return
        self.dismiss(done)

    def _note(self, text: str) -> None:
        self.query_one("#edit-note", Line).variants = said(text, "bold $error")

    def action_back(self) -> None:
        """Go back; the item stays as it was, and what was typed is there when it is edited again."""
        if self._keep() or self._told:
            self.dismiss(None)
        else:
            self._told = True

    def action_start_over(self) -> None:
        """Forget what was typed."""
        for field in self.query(Field):
            field.start_over()
        self.query_one("#edit-note", Line).variants = said("The item's own text is back; ctrl+z brings back yours.")

    def action_next_field(self) -> None:
        """Go to the next field."""
        self.focus_next()

    def action_previous_field(self) -> None:
        """Go to the field before."""
        self.focus_previous()
