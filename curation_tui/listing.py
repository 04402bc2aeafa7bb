"""The List screen: all drafts in rows; search, filter, and acts on several as one step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from curation_tui.actions import Where, bindings
from curation_tui.document import Block
from curation_tui.figures import counted, points
from curation_tui.footer import hint, key_line, last_line, said
from curation_tui.header import top_line, who_decides
from curation_tui.item import Done, short_id
from curation_tui.line import Line, Variant
from curation_tui.looks import UNICODE, Glyphs
from curation_tui.place import PlaceScreen
from curation_tui.prompt import Confirm, Prompt
from curation_tui.safe_text import blank, joined, label, line, stacked
from curation_tui.session import HELD, Bulk, BulkVerb, Listing, Session
from curation_tui.words import tags_of
from generator.errors import ConfigError, ProjectError
from generator.lists import FIELDS, ORDERS, Filter, Order, Row

ASKED_FROM = 20
"""An act on more drafts than this asks first."""
_POLL = 1.0  # seconds between looks for what other processes wrote
_CLUSTER = 20  # cells
_WITH_CLUSTER, _WITH_ID = 64, 44  # cells of a screen from which the column is shown
_WOULD: dict[BulkVerb, str] = {"accept": "add", "reject": "have added"}
_NAMED = 6  # drafts that a question names
_VERDICT = {
    "accepted": "$success",
    "rejected": "$error",
    "later": "$warning",
    "disputed": "$warning",
    "new": "$muted",
}


@dataclass(frozen=True, slots=True)
class _Page:
    """Rows that were read."""

    first: int
    rows: Sequence[Row]
    gains: Sequence[float]
    generation: int


class DraftTable(Widget):
    """The rows around the cursor; reads no others, so the length of the list costs nothing."""

    DEFAULT_CSS = "DraftTable { height: 1fr; text-wrap: nowrap; }"

    def __init__(self, session: Session, glyphs: Glyphs = UNICODE) -> None:
        super().__init__()
        self._session, self._glyphs = session, glyphs
        self.listing: Listing = session.listing(Filter(), "traffic")
        self.cursor = 0
        self._start = 0
        self._page = _Page(0, (), (), -1)
        self.marked: dict[str, None] = {}
        self.range_from: int | None = None

    def show(self, listing: Listing) -> None:
        """Show another list, from its beginning."""
        self.listing, self.cursor, self._start, self.range_from = listing, 0, 0, None
        self.forget()

    def forget(self) -> None:
        """Read the rows again."""
        self._page = _Page(0, (), (), -1)
        self.refresh()

    def move(self, step: int) -> bool:
        """Move the cursor, as far as there are rows; False where it stays."""
        target = min(max(self.cursor + step, 0), max(len(self.listing) - 1, 0))
        moved, self.cursor = target != self.cursor, target
        self.refresh()
        return moved

    @property
    def current(self) -> Row | None:
        """The row under the cursor."""
        return next((row for row, _ in self._rows(self.cursor, 1)), None)

    def ids(self, first: int, last: int) -> list[str]:
        """Ids of the rows from one to another, both included."""
        return self.listing.ids(first, last - first + 1)

    def _rows(self, first: int, count: int) -> list[tuple[Row, float]]:
        page = self._page
        inside = page.first <= first and first + count <= page.first + len(page.rows)
        if not inside or page.generation != self._session.generation:
            start = max(first - count // 2, 0)
            rows = self.listing.rows(start, 2 * count)
            page = self._page = _Page(start, rows, self._session.gains(rows), self._session.generation)
        offset = first - page.first
        return list(zip(page.rows[offset : offset + count], page.gains[offset : offset + count], strict=True))

    def render(self) -> Content:
        """The rows that fit, below their headings."""
        width, height = self.content_size
        if not width or height < 2:
            return blank(1)
        room = height - 1
        self._start = max(min(self._start, self.cursor), self.cursor - room + 1, 0)
        rows = self._rows(self._start, min(room, max(len(self.listing) - self._start, 0)))
        self._session.seen.update(row.draft_id for row, _ in rows)
        lines = [self._headings(width)]
        lines += [self._row(self._start + place, row, gain, width) for place, (row, gain) in enumerate(rows)]
        if not rows:
            lines.append(label(f"0 of {self._session.ranked:,} shown. esc clears the filter."))
        return stacked(lines)

    def _headings(self, width: int) -> Content:
        parts = ["      "]
        parts += ["id       "] if width >= _WITH_ID else []
        parts += ["  gain "]
        parts += [f"{'cluster':<{_CLUSTER}} "] if width >= _WITH_CLUSTER else []
        return label("".join(parts) + "input", "$muted").truncate(width)

    def _row(self, place: int, row: Row, gain: float, width: int) -> Content:
        glyphs, here = self._glyphs, place == self.cursor
        bold = "bold" if here else ""
        is_marked = row.draft_id in self.marked
        parts = [
            label(f"{glyphs.cursor if here else ' '} ", "bold $primary"),
            label(f"{glyphs.marked if is_marked else glyphs.unmarked} ", "$primary" if is_marked else "$muted"),
            label(f"{state_glyph(row, glyphs)} ", _VERDICT[row.verdict]),
        ]
        if width >= _WITH_ID:
            parts.append(label(f"{short_id(row.draft_id)} ", bold or "$muted"))
        parts.append(label(f"{points(gain):>6} ", "$success" if gain >= 0.00005 else "$muted"))
        if width >= _WITH_CLUSTER:
            name = line(row.cluster or "(no cluster)", _CLUSTER, "$secondary")
            parts += [name, blank(_CLUSTER - name.cell_length + 1)]
        signs = "".join(
            [f"{glyphs.flag} "] * row.flagged
            + [f"{glyphs.warning} "] * bool(row.marks)
            + [f"{glyphs.elsewhere} "] * row.off_traffic
        )
        parts.append(label(signs, "$warning"))
        used = sum(part.cell_length for part in parts)
        if width > used:
            parts.append(line(row.text, width - used, bold))
        return joined(*parts).truncate(width)

    def on_click(self, event: events.Click) -> None:
        """Go to the row under the mouse."""
        offset = event.get_content_offset(self)
        if offset is not None and offset.y > 0:
            self.move(self._start + offset.y - 1 - self.cursor)

    def on_mouse_scroll_down(self) -> None:
        """Go three rows down."""
        self.move(3)

    def on_mouse_scroll_up(self) -> None:
        """Go three rows up."""
        self.move(-3)


def state_glyph(row: Row, glyphs: Glyphs) -> str:
    """The sign of a draft's state."""
    match row.verdict:
        case "accepted":
            return glyphs.pinned if row.pinned else glyphs.edited if row.edited else glyphs.accepted
        case "rejected":
            return glyphs.rejected
        case "later":
            return glyphs.later
        case "disputed":
            return glyphs.disputed
        case "new":
            return glyphs.dot


class ListScreen(PlaceScreen):
    """Rows, marks, and what is done with them."""

    WHERE: ClassVar[Where] = "list"
    BINDINGS = bindings(WHERE)

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._filter = Filter()
        self._order: Order = "traffic"
        self._saved_at: datetime | None = None
        self._failed = False
        self._may_give_reason = False

    def compose(self) -> ComposeResult:
        """The rows between two lines above and two below."""
        yield Line(id="top")
        yield Line(id="filter")
        yield DraftTable(self._session, self._glyphs)
        yield Line(id="last")
        yield Line(id="keys")

    def on_mount(self) -> None:
        """Fill the lines, and begin to look for what others write."""
        self.query_one("#keys", Line).variants = key_line(self.WHERE)
        self.query_one("#last", Line).variants = hint("v marks a row; A and X act on all that are marked.")
        self._show_lines()
        self.set_interval(_POLL, self._poll)

    @property
    def _table(self) -> DraftTable:
        return self.query_one(DraftTable)

    def _show_lines(self) -> None:
        session, table, glyphs = self._session, self._table, self._glyphs
        self.query_one("#top", Line).variants = top_line(
            session.path.stem, who_decides(session), "List", self._saved_at, glyphs, failed=self._failed
        )
        shown = f"{table.listing.shown} of {session.ranked:,}" if self._filter else f"{session.ranked:,} drafts"
        marked = f" {glyphs.dot} {len(table.marked):,} marked" if table.marked else ""
        what = joined(label(f" {shown}{marked} {glyphs.dot} by {self._order}", "$muted"))
        if self._filter:
            asked = line(str(self._filter), 200, "$primary")
            self.query_one("#filter", Line).variants = (Variant(joined(what, label("  "), asked)),)
        else:
            self.query_one("#filter", Line).variants = (Variant(what),)
        table.refresh()

    def _poll(self) -> None:
        try:
            if self._session.refresh() is not None:
                self._show_lines()
        except ProjectError as error:
            self._say(str(error), "bold $error")

    def _say(self, text: str, style: str = "$muted") -> None:
        self.query_one("#last", Line).variants = said(text, style)

    # What is shown ------------------------------------------------------------------------------

    def _select(self, wanted: Filter) -> None:
        self._filter = wanted
        self._table.show(self._session.listing(wanted, self._order))
        self._show_lines()

    def action_find(self) -> None:
        """Search as the person types; leaving the prompt brings back what was shown."""
        before = self._filter

        def changed(typed: str) -> None:
            self._select(before.with_words(typed))

        def take(typed: str | None) -> None:
            self._select(before if typed is None else before.with_words(typed))

        self.app.push_screen(Prompt("Search", before.words, changed=changed), take)

    def action_filter(self) -> None:
        """Ask for a filter."""
        words = [f"{field}>" if field == "gain" else f"{field}:" for field in FIELDS]

        def changed(typed: str) -> str | None:
            try:
                Filter.parsed(typed)
            except ConfigError as error:
                return str(error)
            return None

        def take(typed: str | None) -> None:
            if typed is None:
                return
            try:
                self._select(Filter.parsed(typed))
            except ConfigError as error:
                self._say(str(error), "bold $error")

        self.app.push_screen(
            Prompt("Filter", str(self._filter), words=words, changed=changed, hint=" ".join(words)), take
        )

    def action_order(self) -> None:
        """Go on to the next order."""
        orders = list(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        self._select(self._filter)

    def action_back(self) -> None:
        """Clear the filter, or go back where there is none."""
        if self._filter:
            self._select(Filter())
        else:
            self.dismiss(None)

    def action_next_row(self) -> None:
        """Go one row down."""
        self._move(1)

    def action_previous_row(self) -> None:
        """Go one row up."""
        self._move(-1)

    def action_page_down(self) -> None:
        """Go a screen down."""
        self._move(max(self._table.size.height - 2, 1))

    def action_page_up(self) -> None:
        """Go a screen up."""
        self._move(-max(self._table.size.height - 2, 1))

    def action_first(self) -> None:
        """Go to the first row."""
        self._move(-len(self._table.listing))

    def action_last(self) -> None:
        """Go to the last row."""
        self._move(len(self._table.listing))

    def _move(self, step: int) -> None:
        if not self._table.move(step):
            self.app.bell()

    def action_look(self) -> None:
        """Show the row's draft in Review."""
        row = self._table.current
        if row is not None:
            self.dismiss(row.draft_id)

    # Marks --------------------------------------------------------------------------------------

    def action_mark(self) -> None:
        """Mark the row, or take its mark away, and go one row down."""
        table, row = self._table, self._table.current
        if row is None:
            self.app.bell()
            return
        if row.draft_id in table.marked:
            del table.marked[row.draft_id]
        else:
            table.marked[row.draft_id] = None
        table.range_from = table.cursor
        table.move(1)
        self._show_lines()

    def action_mark_range(self) -> None:
        """Mark the rows from the last mark to the cursor."""
        table = self._table
        if table.range_from is None:
            self.action_mark()
            return
        first, last = sorted((table.range_from, table.cursor))
        table.marked |= dict.fromkeys(table.ids(first, last))
        self._show_lines()

    def action_mark_all(self) -> None:
        """Mark all that the filter shows."""
        if not self._filter:
            self._say("Filter or search first: all drafts are never meant at once.")
            self.app.bell()
            return
        self._table.marked |= dict.fromkeys(self._table.listing.ids(0, len(self._table.listing)))
        self._show_lines()

    def action_mark_none(self) -> None:
        """Take all marks away."""
        self._table.marked.clear()
        self._show_lines()

    # Acts ---------------------------------------------------------------------------------------

    def _chosen(self) -> list[str]:
        if self._table.marked:
            return list(self._table.marked)
        row = self._table.current
        return [row.draft_id] if row is not None else []

    def action_accept(self) -> None:
        """Accept what is marked, or the row."""
        self._act_on_several("accept")

    def action_reject(self) -> None:
        """Reject what is marked, or the row."""
        self._act_on_several("reject")

    def _act_on_several(self, verb: BulkVerb) -> None:
        bulk = self._session.bulk(verb, self._chosen())
        if bulk.refusal or not bulk.draft_ids:
            self._say(bulk.refusal or f"Nothing to {verb}{_skipped(bulk)}.", "bold $warning")
            self.app.bell()
            return
        act = partial(self._do, partial(self._session.do_bulk, bulk), _skipped(bulk))
        if len(bulk.draft_ids) <= ASKED_FROM:
            act()
            return
        question = f"{verb.capitalize()} {len(bulk.draft_ids):,} drafts?"
        self.app.push_screen(Confirm(question, list(_question(bulk))), lambda yes: act() if yes else None)

    def action_keep_best(self) -> None:
        """Reject all drafts like the row's but the one that adds the most, as duplicates of it."""
        row = self._table.current
        bulk = self._session.alike_but_best(row.draft_id) if row is not None else None
        if bulk is None:
            self._say("No undecided draft is about the same.")
            self.app.bell()
            return
        self._do(partial(self._session.do_bulk, bulk), _skipped(bulk))

    def action_reason(self, key: str) -> None:
        """Say why the last drafts were rejected."""
        if self._may_give_reason:
            self._do(partial(self._session.give_reason, key))
        else:
            self.app.bell()

    def action_tag(self) -> None:
        """Give what is marked, or the row, tags."""
        chosen = self._chosen()
        if not chosen:
            self.app.bell()
            return

        def take(typed: str | None) -> None:
            if typed:
                self._do(partial(self._session.tag, chosen, tags_of(typed)))

        prompt = Prompt(f"Tags for {counted(len(chosen), 'draft')}", words=self._session.tags_in_use())
        self.app.push_screen(prompt, take)

    def action_undo(self) -> None:
        """Take back the last step."""
        self._do(self._session.undo)

    def action_redo(self) -> None:
        """Take back the last undo."""
        self._do(self._session.redo)

    def _do(self, act: Callable[[], Done | None], skipped: str = "") -> None:
        try:
            done = act()
        except ProjectError as error:
            self._failed = True
            path = self._session.path
            self._say(str(error).replace(str(path), path.name), "bold $error")
            self._show_lines()
            self.app.bell()
            return
        if done is None:
            self.app.bell()
            return
        self._failed = False
        if done.verb != "nothing":
            self._saved_at = done.at
        self._may_give_reason = done.verb in {"rejected", "reason"}
        if done.verb in {"accepted", "rejected"}:
            self._table.marked.clear()
        shown = last_line(done, self._glyphs)
        if skipped:
            shown = (Variant(joined(shown[0].left, label(f" {self._glyphs.dot}{skipped}", "$warning"))), *shown)
        self.query_one("#last", Line).variants = shown
        self._show_lines()


def _skipped(bulk: Bulk) -> str:
    said = [f"{count:,} {why}" for why, count in bulk.skipped.items() if count]
    return f" left out: {', '.join(said)}" if said else ""


def _question(bulk: Bulk) -> Sequence[Block]:
    """What an act on many drafts would do, before it does."""
    names = ", ".join(short_id(each) for each in bulk.draft_ids[:_NAMED])
    more = len(bulk.draft_ids) - _NAMED
    held = f"Those with a mark of {' or '.join(sorted(HELD)).replace('_', ' ')} are read one by one."
    return (
        Block(label(names + (f" and {more:,} more" if more > 0 else ""))),
        Block(label(f"Together they would {_WOULD[bulk.verb]} {points(bulk.worth)} points of coverage.")),
        *([Block(label(f"{_skipped(bulk).strip().capitalize()}. {held}"))] if any(bulk.skipped.values()) else []),
        Block(label("It is one step: u takes all of it back.", "$muted"), space_before=True),
    )
