"""The Review screen: one item, one decision, one key."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import ClassVar, Literal, cast

from textual import events, on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from curation_tui.actions import Where, bindings
from curation_tui.document import Block, Document
from curation_tui.draft_view import DraftView
from curation_tui.evidence import EvidenceView, difference, sections, why_next
from curation_tui.explanation import TITLE, explanation
from curation_tui.figures import counted
from curation_tui.footer import hint, key_line, last_line, said
from curation_tui.header import coverage_line, top_line, who_decides
from curation_tui.item import Done, Item, short_id
from curation_tui.line import Line
from curation_tui.looks import Glyphs
from curation_tui.panels import broken_blocks, finished_blocks, session_blocks, why_blocks
from curation_tui.place import PlaceScreen
from curation_tui.queue import QueueList
from curation_tui.safe_text import label
from curation_tui.session import Session
from curation_tui.sheet import Sheet
from curation_tui.words import step_line, tags_of
from generator.errors import ProjectError
from generator.evalset.queue import QueueEntry
from generator.records import user_text

Shape = Literal["wide", "medium", "small", "tiny"]
_REMARKS = {"tagged", "noted", "flagged", "unflagged"}
_POLL = 1.0  # seconds between looks for what other processes wrote
_QUIET = 0.15  # seconds without a decision
_LOW = 22  # rows: below, the evidence leaves more of them to the item
# What a row that some other program wrote can raise while it is read.
BROKEN = (ValueError, LookupError, TypeError, AttributeError, RecursionError)


def shape_of(width: int, height: int) -> Shape:
    """How the screen is laid out at a size."""
    if width < 40 or height < 8:
        return "tiny"
    if width < 60 or height < 16:
        return "small"
    return "wide" if width >= 110 and height >= 30 else "medium"


class ReviewScreen(PlaceScreen):
    """Shows the item, takes the keys, and says what was saved."""

    WHERE: ClassVar[Where] = "review"
    BINDINGS = bindings(WHERE)

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._shape: Shape = "medium"
        self._item: Item | None = None
        self._saved_at: datetime | None = None
        self._failed = False
        self._may_give_reason = False
        self._ranking = False
        self._rank_again = False
        self._rank_timer: Timer | None = None
        self._shows_hidden = False

    def compose(self) -> ComposeResult:
        """Queue, item and evidence between two lines above and two below."""
        yield Line(id="top")
        yield Line(id="coverage")
        with Horizontal(id="columns"):
            with Vertical(id="left"):
                yield QueueList(id="queue")
                yield Document(id="why")
                yield Document(id="session")
            yield DraftView(id="draft")
            yield EvidenceView(id="evidence")
        yield Line(id="last")
        yield Line(id="keys")
        yield Document(id="too-small")

    def on_mount(self) -> None:
        """Fill the screen, and begin to look for what others write."""
        queue = self.query_one(QueueList)
        queue.glyphs = self._glyphs
        queue.border_title = label(f"Queue {self._glyphs.dot} best next")
        self.query_one("#why").border_title = label("Why this is next")
        self.query_one("#session").border_title = label("Session")
        self.query_one("#keys", Line).variants = key_line(self.WHERE)
        self.query_one("#last", Line).variants = hint("Nothing decided yet in this session.")
        self.query_one("#too-small", Document).show([Block(label("Too small: the app needs 40 x 8."))])
        self._show()
        self._rank_soon()
        self.set_interval(_POLL, self._poll)

    def on_key(self) -> None:
        """Count the keys, for the session's figures."""
        self._session.keys += 1

    def on_resize(self, event: events.Resize) -> None:
        """Lay out for the new size."""
        self._shape = shape_of(event.size.width, event.size.height)
        for name in ("wide", "medium", "small", "tiny"):
            self.set_class(name == self._shape, f"-{name}")
        self.set_class(event.size.height < _LOW, "-low")
        self._lay_out_item()

    # Showing ------------------------------------------------------------------------------------

    def _show(self) -> None:
        """Show the item at the cursor."""
        self._item = None
        draft_id = self._session.current
        try:
            self._item = self._session.item(draft_id) if draft_id is not None else None
        except ProjectError as error:
            self._complain(error)
        except BROKEN:
            self._item = None
        self._lay_out_item()
        self._show_figures()

    def _lay_out_item(self) -> None:
        """Lay out item and evidence; an item that cannot be shown must not end the review of the others."""
        if self._item is not None:
            try:
                self._show_item(self._item)
            except BROKEN:
                self._item = None
        if self._item is None:
            self._show_no_item()

    def _show_item(self, item: Item) -> None:
        wide, why = self._shape == "wide", why_next(item)
        evidence = sections(item, self._session.progress(), why, self._glyphs, brief=not wide)
        self.query_one(DraftView).show_item(item, self._glyphs, brief=not wide)
        self.query_one(EvidenceView).show_sections(evidence, stacked=wide)
        self.query_one("#why", Document).show(why_blocks(why))

    def _show_no_item(self) -> None:
        draft_id, session = self._session.current, self._session
        words = broken_blocks(draft_id) if draft_id is not None else finished_blocks(session.progress(), session.path)
        self.query_one(DraftView).show_words(words)
        self.query_one(EvidenceView).clear()
        self.query_one("#why", Document).show([])

    def _show_figures(self) -> None:
        """All that changes with a decision, or with what others write, besides the item."""
        session, glyphs = self._session, self._glyphs
        progress, tally = session.progress(), session.tally()
        self.query_one("#top", Line).variants = top_line(
            session.path.stem, who_decides(session), "Review", self._saved_at, glyphs, failed=self._failed
        )
        self.query_one("#coverage", Line).variants = coverage_line(progress, self._item, tally, glyphs)
        queue = self.query_one(QueueList)
        queue.places, queue.cursor = session.places(), session.cursor
        queue.border_subtitle = label(f"{progress.left:,} left")
        whole = None if session.store.blind and not self._shows_hidden else progress
        self.query_one("#session", Document).show(session_blocks(whole, tally, session.spent, glyphs))

    def _say(self, text: str, style: str = "$muted") -> None:
        self.query_one("#last", Line).variants = said(text, style)

    def _complain(self, error: ProjectError) -> None:
        path = self._session.path
        self._say(str(error).replace(str(path), path.name), "bold $error")

    # Deciding -----------------------------------------------------------------------------------

    def _act(self, act: Callable[[], Done | None]) -> None:
        """Do what is to be saved; say so after it is, or say why it is not."""
        try:
            done = act()
        except ProjectError as error:
            self._failed = True
            self._complain(error)
            self._show_figures()
            self.app.bell()
            return
        if done is None:
            self.app.bell()
            return
        self._took(done)

    def _took(self, done: Done) -> None:
        self._failed = False
        if done.verb != "nothing":
            self._saved_at = done.at
        if done.verb not in _REMARKS:
            self._may_give_reason = done.verb in {"rejected", "reason"}
        self.query_one("#last", Line).variants = last_line(done, self._glyphs)
        if done.verb in {"reason", "nothing"}:
            self._show_figures()
            return
        self._show()
        if done.verb not in _REMARKS:
            self._rank_soon()

    def action_accept(self) -> None:
        """Accept the item."""
        if self._item is None:
            self.app.bell()  # what cannot be read cannot be accepted
            return
        self._act(partial(self._session.decide, "accept"))

    def action_reject(self) -> None:
        """Reject the item."""
        self._act(partial(self._session.decide, "reject"))

    def action_later(self) -> None:
        """Put the item off."""
        self._act(partial(self._session.decide, "later"))

    def action_reason(self, key: str) -> None:
        """Say why the last item was rejected."""
        if self._may_give_reason:
            self._act(partial(self._session.give_reason, key))
        else:
            self.app.bell()

    def action_undo(self) -> None:
        """Take back the last decision."""
        self._act(self._session.undo)

    def action_redo(self) -> None:
        """Take back the last undo."""
        self._act(self._session.redo)

    def action_edit(self) -> None:
        """Open the editor on the item."""
        if self._item is None:
            self.app.bell()
            return
        # The editor's text areas cost 60 ms to import, and most items are decided without them.
        from curation_tui.edit import EditScreen

        editor = EditScreen(self._item, self._glyphs, self._session, self._session.accept_edited)
        self.app.push_screen(editor, self._edited)

    def _edited(self, done: Done | None) -> None:
        if done is not None:
            self._took(done)

    def action_duplicate(self) -> None:
        """Reject the item as a duplicate of the nearest accepted one."""
        self._act(self._session.reject_as_duplicate)

    def action_pin(self) -> None:
        """Accept the nearest real input in place of the item."""
        if self._item is None:
            self.app.bell()
            return
        self._act(partial(self._session.pin, self._item))

    # Remarks ------------------------------------------------------------------------------------

    def _remark(self, remark: Callable[[str], Done | None]) -> None:
        """Say something about the item shown."""
        if self._item is None:
            self.app.bell()
            return
        self._act(partial(remark, self._item.draft.id))

    def action_flag(self) -> None:
        """Flag the item, or take its flag away."""
        self._remark(self._session.flag)

    def action_repeat(self) -> None:
        """Give the item the last tags or note again."""
        self._remark(self._session.repeat_remark)

    def action_tag(self) -> None:
        """Ask for the tags of the item."""
        if self._item is None:
            self.app.bell()
            return
        from curation_tui.prompt import Prompt

        def take(typed: str | None) -> None:
            if typed is not None:
                self._remark(lambda draft_id: self._session.tag([draft_id], tags_of(typed)))

        tags = self._item.state.tags
        prompt = Prompt("Tags", "".join(f"{tag} " for tag in tags), words=self._session.tags_in_use())
        self.app.push_screen(prompt, take)

    def action_note(self) -> None:
        """Ask for a note to the item."""
        if self._item is None:
            self.app.bell()
            return
        from curation_tui.prompt import Prompt

        def take(typed: str | None) -> None:
            if typed is not None:
                self._remark(lambda draft_id: self._session.note(draft_id, typed))

        self.app.push_screen(Prompt("Note", self._item.state.note or ""), take)

    def action_history(self) -> None:
        """Show the last steps, to go back to one."""
        from curation_tui.prompt import Choice

        steps = self._session.history()

        def take(number: int | None) -> None:
            if number is not None:
                self._act(partial(self._session.undo_to, number + 1))

        rows = [label(step_line(step)) for step in steps]
        title = "Take back this and all above it" if steps else "Nothing to take back"
        self.app.push_screen(Choice(title, rows, self._glyphs), take)

    def action_copy(self) -> None:
        """Copy the item's id."""
        if self._item is None:
            self.app.bell()
            return
        self.app.copy_to_clipboard(self._item.draft.id)
        self._say(f"Copied {self._item.draft.id}; not every terminal passes it on.")

    # The order ----------------------------------------------------------------------------------

    def _rank_soon(self) -> None:
        """Bring the order up to date when the keys are quiet: ranking would slow them down."""
        if self._rank_timer is None:
            self._rank_timer = self.set_timer(_QUIET, self._rank)
        else:
            self._rank_timer.reset()

    def _rank(self) -> None:
        """Bring the order up to date in a thread, one at a time."""
        self._rank_timer = None
        if self._ranking:
            self._rank_again = True
            return
        self._ranking, self._rank_again = True, False
        self.run_worker(self._session.ranking(), name="rank", thread=True)

    @on(Worker.StateChanged)
    def _ranked(self, event: Worker.StateChanged) -> None:
        if event.worker.name != "rank" or event.state not in {WorkerState.SUCCESS, WorkerState.ERROR}:
            return
        self._ranking = False
        if event.state is WorkerState.SUCCESS:
            self._session.apply(cast("list[QueueEntry]", event.worker.result))
            if self._item is None and self._session.current is not None:
                self._show()
            else:
                self._show_figures()
        if self._rank_again:
            self._rank_soon()

    def _poll(self) -> None:
        try:
            self._session.hold()
            news = self._session.refresh()
        except ProjectError as error:
            self._complain(error)
            return
        if news is None:
            return
        if not self._may_give_reason:  # the question for a reason stays until the next decision
            self._say(f"From another process: {news}.")
        self._rank_soon()

    # Looking ------------------------------------------------------------------------------------

    def action_leave_tour(self) -> None:
        """The app hears of it, and the tour is over."""

    def action_reveal(self) -> None:
        """Show what blind review hides of this item and of the project, or hide it again."""
        store, shown = self._session.store, self._session.current
        if not store.blind or shown is None:
            self._say("Nothing is hidden; blind review hides what others decided: groundset curate --blind.")
            return
        self._shows_hidden = shown not in store.revealed
        (store.revealed.add if self._shows_hidden else store.revealed.discard)(shown)
        self._say("Shown; your decision on this item will say so." if self._shows_hidden else "Hidden again.")
        self._show()

    def _move(self, step: int) -> None:
        if self._session.move(step):
            self._show()
        else:
            self.app.bell()

    def action_next_item(self) -> None:
        """Look at the next item."""
        self._move(1)

    def action_previous_item(self) -> None:
        """Look at the item before."""
        self._move(-1)

    def show_draft(self, draft_id: str | None) -> None:
        """Show a draft that was picked in another place; what was decided there is taken in."""
        if draft_id is not None:
            self._session.go_to(draft_id)
        self._show()
        self._rank_soon()

    def action_next_cluster(self) -> None:
        """Go to the next item of another cluster."""
        self._move_to_cluster(1)

    def action_previous_cluster(self) -> None:
        """Go back to an item of another cluster."""
        self._move_to_cluster(-1)

    def _move_to_cluster(self, step: int) -> None:
        if self._session.next_cluster(step):
            self._show()
        else:
            self.app.bell()

    def action_unfold(self) -> None:
        """Show the drafts that are folded under the item."""
        shown = self._session.unfold()
        if shown:
            self._show()
            self._say(f"{counted(shown, 'draft')} about the same, now next in the queue.")
        else:
            self.app.bell()

    def action_difference(self) -> None:
        """Compare the item with the nearest accepted one."""
        item = self._item
        if item is None or item.twin is None:
            self.app.bell()
            return
        blocks = list(difference(user_text(item.messages), item.twin.text))
        self.app.push_screen(Sheet(label(f"This item and {short_id(item.twin.draft_id)}"), blocks))

    def action_find(self) -> None:
        """Search all drafts."""
        self.open_place("list", "find")

    @on(QueueList.Picked)
    def _go_to(self, event: QueueList.Picked) -> None:
        self._session.go_to(event.draft_id)
        self._show()

    def action_next_evidence(self) -> None:
        """Show the next part of the evidence."""
        self._turn_evidence(1)

    def action_previous_evidence(self) -> None:
        """Show the part before."""
        self._turn_evidence(-1)

    def _turn_evidence(self, step: int) -> None:
        """On a small screen the item is one of the parts."""
        view = self.query_one(EvidenceView)
        if self._shape != "small":
            view.turn(step)
            return
        parts = len(view.sections) + 1
        now = view.chosen + 1 if self.has_class("-evidence") else 0
        then = (now + step) % parts
        self.set_class(then > 0, "-evidence")
        if then > 0:
            view.turn(then - 1 - view.chosen)

    def action_page_down(self) -> None:
        """Scroll the item down."""
        self.query_one(DraftView).turn_page(1)

    def action_page_up(self) -> None:
        """Scroll the item up."""
        self.query_one(DraftView).turn_page(-1)

    def action_evidence_down(self) -> None:
        """Scroll the evidence down."""
        self.query_one(EvidenceView).scroll_lines(3)

    def action_evidence_up(self) -> None:
        """Scroll the evidence up."""
        self.query_one(EvidenceView).scroll_lines(-3)

    def action_explain(self) -> None:
        """Explain the figures of the item."""
        if self._item is not None:
            blocks = list(explanation(self._item, self._session.progress()))
            self.app.push_screen(Sheet(label(TITLE), blocks))
