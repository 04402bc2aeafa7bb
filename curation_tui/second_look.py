"""The Second look: items that two people decide on without knowing of one another, and those on which they differ."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content

from curation_tui.actions import Where, bindings
from curation_tui.document import Block, Document
from curation_tui.draft_view import DraftView
from curation_tui.figures import counted
from curation_tui.framed import FramedScreen
from curation_tui.item import Done, Item, short_id
from curation_tui.looks import Glyphs
from curation_tui.panels import agreement_blocks, broken_blocks
from curation_tui.review import BROKEN
from curation_tui.safe_text import joined, label, line
from curation_tui.session import Session
from curation_tui.sheet import Sheet
from generator.errors import ProjectError
from generator.evalset.agreement import Report, report, second_looks
from generator.records import REASONS, Decision, DraftState, Message, fold, opinions, standing_acts

_NOBODY = "Nothing waits for a second look, and nobody differs. Two people look at one draft in ten: curate --as NAME."


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person decided."""

    actor: str
    decision: Decision
    state: DraftState
    """What their decisions alone amount to."""


class SecondScreen(FramedScreen):
    """One item at a time, with both verdicts where people differ."""

    WHERE: ClassVar[Where] = "second"
    BINDINGS = bindings(WHERE)
    GREETING = "All verdicts stay in the log; settling adds one."
    CSS = """
    SecondScreen #columns { layout: vertical; }
    SecondScreen #draft { width: 100%; height: 1fr; }
    SecondScreen #opinions { height: 7; max-height: 40%; }
    SecondScreen .opinion { width: 1fr; height: 100%; border: round $rule; padding: 0 0 0 1; }
    SecondScreen.-ascii .opinion { border: ascii $rule; }
    SecondScreen.-small #opinions { height: 1; }
    SecondScreen.-small .opinion { border: none; }
    SecondScreen.-single #other { display: none; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._waiting: list[str] = []
        self._disputed: list[str] = []
        self._place = 0
        self._shown: str | None = None
        self._names = False
        self._rejected: str | None = None

    def body(self) -> ComposeResult:
        """The item above what people said of it."""
        with Vertical():
            yield DraftView(id="draft")
            with Horizontal(id="opinions"):
                yield Document(id="one", classes="opinion")
                yield Document(id="other", classes="opinion")

    # Showing ------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read what waits; the item shown stays, if it still does."""
        store, actor = self._session.store, self._session.actor
        taken = store.looked_at_by_others(actor)
        self._waiting = [each for each in second_looks(store, actor) if each not in taken]
        self._disputed = [each for each in store.states(verdict="disputed") if each not in taken]
        tasks = self._tasks
        if self._shown in tasks:
            self._place = tasks.index(self._shown)
        self._place = min(self._place, max(len(tasks) - 1, 0))

    @property
    def _tasks(self) -> list[str]:
        return [*self._waiting, *self._disputed]

    def show(self) -> None:
        """Show the item, and what may be known of it."""
        tasks = self._tasks
        self._shown = tasks[self._place] if tasks else None
        one, other = self.query_one("#one", Document), self.query_one("#other", Document)
        view = self.query_one(DraftView)
        if self._shown is None:
            view.show_words([Block(label(_NOBODY))])
            self.set_class(True, "-single")
            one.border_title = label("Several people")
            one.show([])
            return
        with contextlib.suppress(ProjectError):  # a project that cannot be written can be looked at all the same
            self._session.keep(self._shown)
        item = self._item(self._shown)
        if item is None:
            view.show_words(broken_blocks(self._shown))
        else:
            view.show_item(item, self._glyphs, brief=True)
        two = self._opinions(self._shown) if self._shown in self._disputed else []
        self.set_class(len(two) < 2, "-single")
        if len(two) < 2:
            view.border_subtitle = label(f"Second look {self._place + 1} of {len(self._waiting)}")
            one.border_title = label("First look")
            one.show([Block(label("Somebody has decided on this item. What they said is hidden until you have."))])
            return
        for number, (pane, opinion) in enumerate(zip((one, other), two, strict=False), start=1):
            pane.border_title = joined(label(f"{number} "), self._name_of(opinion.actor, number))
            pane.show(self._opinion_blocks(opinion))
        number = self._place + 1 - len(self._waiting)
        view.border_subtitle = label(f"differing {number} of {len(self._disputed)}")

    def _item(self, draft_id: str) -> Item | None:
        """The item as it was drafted: an edit would say what somebody decided."""
        try:
            found = self._session.item(draft_id)
            return None if found is None else found.undecided
        except BROKEN:
            return None

    def _opinions(self, draft_id: str) -> list[Opinion]:
        decisions = self._session.store.decisions(draft_id)
        standing = opinions(standing_acts(decisions))
        return [
            Opinion(each.actor, each, fold(draft_id, [own for own in decisions if own.actor == each.actor]))
            for each in sorted(standing, key=lambda each: (each.at, each.uuid))
        ][:2]

    def _name_of(self, actor: str, number: int) -> Content:
        return line(actor, 30, "bold") if self._names else label(f"Reviewer {number}", "bold")

    def _opinion_blocks(self, opinion: Opinion) -> Iterator[Block]:
        state = opinion.state
        accepted = opinion.decision.verb == "accept"
        mark = self._glyphs.edited if accepted and state.edited else self._glyphs.accepted
        words = ("accepted as edited" if state.edited else "accepted") if accepted else "rejected"
        style = "bold $success" if accepted else "bold $error"
        yield Block(label(words, style), label(f"{mark if accepted else self._glyphs.rejected} ", style))
        if state.reason is not None:
            yield Block(line(state.reason, 200), label("why: ", "$muted"))
        if state.note is not None:
            yield Block(line(state.note, 200), label("note: ", "$muted"))
        if accepted and state.edited:
            for text in state.edited_criteria or ():
                yield Block(line(text, 200), label("+ ", "$success"))
            for message in state.edited_messages or ():
                if message.role == "user":
                    yield Block(line(message.content, 200), label("user ", "$primary"))

    # Deciding -----------------------------------------------------------------------------------

    def action_accept(self) -> None:
        """Accept the item."""
        self._decide("accept")

    def action_reject(self) -> None:
        """Reject it."""
        self._decide("reject")

    def _decide(self, verb: Literal["accept", "reject"], reason: str | None = None) -> None:
        draft_id = self._shown
        if draft_id is None:
            self.app.bell()
            return
        store = self._session.store
        # A second look knows nothing of the first; who settles has both verdicts before them.
        (store.hidden if draft_id in self._waiting else store.revealed).add(draft_id)
        try:
            store.decide([draft_id], verb, self._session.actor, **({} if reason is None else {"reason": reason}))
        except ProjectError as error:
            self.complain(error)
            return
        finally:
            store.hidden.discard(draft_id)
        self._rejected = draft_id if verb == "reject" else None
        self._took(draft_id, "accepted" if verb == "accept" else "rejected; 1-7 says why")

    def _took(self, draft_id: str, what: str) -> None:
        self._session.follow(draft_id)
        differs = self._session.store.state(draft_id).verdict == "disputed"
        more = "; the other one differs, and a third person settles it" if differs else ""
        style = "$warning" if differs else "$success"
        self.say(f"{self._glyphs.accepted} saved: {short_id(draft_id)} {what}{more}", style)
        self.reload()

    def action_number(self, key: str) -> None:
        """Take one of two verdicts, or say why the last item was rejected."""
        if self._rejected is not None:
            self._reason(self._rejected, key)
        elif self._shown in self._disputed and key in {"1", "2"}:
            self._take_opinion(self._opinions(self._shown)[int(key) - 1])
        else:
            self.app.bell()

    def _reason(self, draft_id: str, key: str) -> None:
        try:
            self._session.store.decide([draft_id], "reason", self._session.actor, reason=REASONS[key])
        except ProjectError as error:
            self.complain(error)
            return
        self._rejected = None
        self.say(f"{self._glyphs.accepted} saved: {short_id(draft_id)} rejected: {REASONS[key]}", "$success")

    def _take_opinion(self, opinion: Opinion) -> None:
        state, draft_id = opinion.state, opinion.decision.draft_id
        if opinion.decision.verb == "reject" or not state.edited:
            self._decide("accept" if opinion.decision.verb == "accept" else "reject", state.reason)
            self._rejected = None
            return
        item = self._item(draft_id)
        if item is None:
            self.app.bell()
            return
        self._accept_edited(
            draft_id,
            item.messages if state.edited_messages is None else state.edited_messages,
            item.criteria if state.edited_criteria is None else state.edited_criteria,
            item.must_not if state.edited_must_not is None else state.edited_must_not,
        )

    def _accept_edited(
        self, draft_id: str, messages: Sequence[Message], criteria: Sequence[str], must_not: Sequence[str]
    ) -> Done:
        store = self._session.store
        (store.hidden if draft_id in self._waiting else store.revealed).add(draft_id)
        try:
            done = self._session.accept_edited(draft_id, messages, criteria, must_not)
        finally:
            store.hidden.discard(draft_id)
        self._took(draft_id, "accepted as edited")
        return done

    def action_edit(self) -> None:
        """Change the item, then accept it."""
        item = self._item(self._shown) if self._shown is not None else None
        if item is None:
            self.app.bell()
            return
        from curation_tui.edit import EditScreen  # its text areas cost 60 ms to import

        self.app.push_screen(EditScreen(item, self._glyphs, self._session, self._accept_edited))

    def action_note(self) -> None:
        """Ask for a note to the item."""
        shown = self._shown
        if shown is None:
            self.app.bell()
            return
        from curation_tui.prompt import Prompt

        self.app.push_screen(Prompt("Note"), lambda typed: self._write_note(shown, typed) if typed else None)

    def _write_note(self, draft_id: str, text: str) -> None:
        try:
            self._session.note(draft_id, text)
        except ProjectError as error:
            self.complain(error)
            return
        self.say(f"{self._glyphs.accepted} saved: {short_id(draft_id)} noted", "$success")
        self.reload()

    def action_undo(self) -> None:
        """Take back the last decision."""
        try:
            done = self._session.undo()
        except ProjectError as error:
            self.complain(error)
            return
        self._rejected = None
        self.say("Nothing to undo." if done.verb == "nothing" else f"undone: {done.detail}")
        self.reload()

    # Looking ------------------------------------------------------------------------------------

    def action_next_row(self) -> None:
        """The next one."""
        self._go(1)

    def action_previous_row(self) -> None:
        """The one before."""
        self._go(-1)

    def _go(self, step: int) -> None:
        then = self._place + step
        if not 0 <= then < len(self._tasks):
            self.app.bell()
            return
        self._place, self._rejected = then, None
        self.show()

    def action_page_down(self) -> None:
        """Scroll the item down."""
        self.query_one(DraftView).turn_page(1)

    def action_page_up(self) -> None:
        """Scroll it up."""
        self.query_one(DraftView).turn_page(-1)

    def action_reveal(self) -> None:
        """Show names, or hide them again."""
        self._names = not self._names
        self.say("Names are shown." if self._names else "Names are hidden.")
        self.show()

    def action_report(self) -> None:
        """What the decisions say of the people who made them."""
        found = report(self._session.store)
        self.app.push_screen(Sheet(label("Session report"), list(self._report_blocks(found))))

    def _report_blocks(self, found: Report) -> Iterator[Block]:
        names = {each.actor: self._name_in(each.actor, number) for number, each in enumerate(found.looks, start=1)}
        for each in found.looks:
            pace = "" if each.median_seconds is None else f", {each.median_seconds:.1f} s each"
            words = f": {each.decided:,} decided, {each.accepted:,} accepted{pace}"
            yield Block(joined(line(names[each.actor], 30, "bold"), label(words)))
            if each.planted:
                yield Block(label(f"planted drafts noticed: {each.caught} of {each.planted}", "$muted"), label("  "))
            if each.hasty is not None and each.actor == self._session.actor:
                yield Block(
                    label(f"You accepted a planted wrong draft ({short_id(each.hasty)}) in passing. Look again? u"),
                    label("  ! ", "bold $warning"),
                )
        for pair in found.agreements:
            yield from agreement_blocks(pair, names[pair.first], names[pair.second], space_before=True)
        if not found.agreements:
            yield Block(label("No item was decided by two people who did not know of one another.", "$muted"))
        yield Block(label(f"people differ on {counted(found.disputed, 'item')}", "$muted"), space_before=True)

    def _name_in(self, actor: str, number: int) -> str:
        hidden = self._session.store.blind and not self._names and actor != self._session.actor
        return f"reviewer {number}" if hidden else actor
