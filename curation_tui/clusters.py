"""The Clusters: what is planned for each, what is there, and the acts that shape them."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from curation_tui.actions import Where, bindings
from curation_tui.beside import BesideScreen
from curation_tui.document import Block, Document
from curation_tui.figures import counted, percent
from curation_tui.line import Line, Variant
from curation_tui.looks import ASCII, Glyphs, bar
from curation_tui.prompt import Prompt
from curation_tui.rows import Rows
from curation_tui.safe_text import joined, label, line
from curation_tui.session import Session
from curation_tui.standing import Standing, standings
from generator.errors import ProjectError
from generator.records import Trace

_FIGURES = 7 + 8 + 8 + 3
_BAR = 12
_ABOUT = 40  # cells of the pane beside the list
_NARROW = 70
_TYPICAL = 3
_NAMED_BY = {"phrases": "named by its phrases; L names it", "model": "named by a model; L names it"}
_RULE = "planned: the root of 400 times its share, from 1 to 6"

Order = Literal["gap", "traffic"]


class ClustersScreen(BesideScreen):
    """Lists the clusters; each act on one is a command that runs beside the app."""

    WHERE: ClassVar[Where] = "clusters"
    BINDINGS = bindings(WHERE)
    GREETING = "Every act here has a command: groundset split, join, rename, draft --only."
    CSS = """
    ClustersScreen #list { width: 1fr; }
    ClustersScreen #head { background: $background; }
    ClustersScreen #rows { height: 1fr; text-wrap: nowrap; }
    ClustersScreen #about { width: 40; border: round $rule; padding: 0 0 0 1; }
    ClustersScreen.-ascii #about { border: ascii $rule; }
    ClustersScreen.-medium #columns, ClustersScreen.-small #columns { layout: vertical; }
    ClustersScreen.-medium #list, ClustersScreen.-small #list { width: 100%; height: 1fr; }
    ClustersScreen.-medium #about { width: 100%; height: 9; max-height: 50%; }
    ClustersScreen.-small #about { display: none; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._found: list[Standing] = []
        self._marked: set[str] = set()
        self._order: Order = "gap"
        self._undo: list[tuple[str, Callable[[], object]]] = []

    def body(self) -> ComposeResult:
        """The list, and what is known of the cluster at the cursor."""
        with Vertical(id="list"):
            yield Line(id="head")
            yield Rows("rows")
        yield Document(id="about")

    @property
    def _here(self) -> Standing | None:
        row = self.query_one(Rows).cursor
        return self._found[row] if row < len(self._found) else None

    # Showing ------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read how the clusters stand; the cursor stays on its cluster."""
        here = self._here
        self._found = standings(self._session)
        if self._order == "traffic":
            self._found.sort(key=lambda each: (-each.cluster.weight, each.cluster.id))
        ids = [each.cluster.id for each in self._found]
        self._marked &= set(ids)
        if here is not None and here.cluster.id in ids:
            self.query_one(Rows).cursor = ids.index(here.cluster.id)

    def show(self) -> None:
        """Show the list, and the cluster at the cursor."""
        rows = self.query_one(Rows)
        rows.show(len(self._found), self._row)
        self.query_one("#head", Line).variants = tuple(self._headings(self._has_bars))
        about = self.query_one("#about", Document)
        about.border_title = label(f"Cluster {rows.cursor + 1} of {len(self._found)}")
        about.show(self._about())

    @property
    def _has_bars(self) -> bool:
        """Whether there is room for them; asked of the screen, whose size is known before that of the list."""
        return self.size.width - (_ABOUT if self._shape == "wide" else 0) >= _NARROW

    def _headings(self, with_bar: bool) -> Iterator[Variant]:
        order = "untested traffic" if self._order == "gap" else "traffic"
        text = f"  traffic samples  drafts   {'tested':<{_BAR + 1}}" if with_bar else "  traffic samples  drafts   "
        for name in (f"name (by {order}, o changes)", f"name (by {order})", "name"):
            yield Variant(label(f"{text}{name}", "$muted"))

    def _row(self, row: int, width: int, here: bool) -> Content:
        standing, glyphs = self._found[row], self._glyphs
        out = standing.aim.excluded is not None
        mark = glyphs.mark if standing.cluster.id in self._marked else " "
        planned = f"{standing.samples}/{standing.aim.target}"
        style = "$muted" if out else "bold" if here else ""
        cells = [
            label(f"{glyphs.cursor if here else ' '}{mark}", "$primary bold"),
            label(f"{percent(standing.cluster.weight):>7}", style),
            label(f"{planned:>8}", "$success" if standing.samples >= standing.aim.target else "$warning"),
            label(f"{standing.waiting:>8} ", "$muted"),
            label(f"{self._trend(standing)} ", "$accent"),
        ]
        used = _FIGURES + 3
        if self._has_bars:
            full, empty = bar(standing.covered, _BAR, glyphs)
            cells += [label(full, "$primary"), label(f"{empty} ", "$muted")]
            used += _BAR + 1
        name = line(standing.cluster.name or "(no name)", max(width - used, 4), style)
        return joined(*cells, name)

    def _trend(self, standing: Standing) -> str:
        up, down, same = ("^", "v", "=") if self._glyphs == ASCII else ("▲", "▼", "=")
        return {1: up, -1: down, 0: same, None: " "}[standing.trend]

    def _about(self) -> Iterator[Block]:
        standing = self._here
        if standing is None:
            yield Block(label("There are no clusters yet; make them with: groundset cluster"))
            return
        cluster = standing.cluster
        yield Block(line(cluster.name, 200, "bold"))
        yield Block(label(_NAMED_BY.get(cluster.named_by, "named by a person"), "$muted"))
        if standing.aim.excluded is not None:
            yield Block(line(standing.aim.excluded, 300), label("out of the goal: ", "bold $warning"))
        words = (
            f"{percent(cluster.weight)} of traffic, {counted(cluster.traces, 'request')}, {percent(standing.covered)} "
            f"tested; {counted(standing.samples, 'sample')} of {standing.aim.target}, "
            f"{counted(standing.waiting, 'draft')} waiting, {standing.rejected} rejected"
        )
        yield Block(label(words))
        yield from self._inputs(standing)
        yield Block(label(_RULE, "$muted"), space_before=True)

    def _inputs(self, standing: Standing) -> Iterator[Block]:
        """What people ask there: most typical first, then the oddest."""
        store = self._session.store
        own = [cell for cell in store.cells() if cell.cluster_id == standing.cluster.id]
        odd = min(own, key=lambda cell: (cell.weight, cell.id)).exemplar_id if own else None
        typical = list(standing.cluster.exemplar_ids[:_TYPICAL])
        for trace in store.traces(typical):
            yield self._input("typical", trace)
        for trace in store.traces([odd] if odd is not None and odd not in typical else []):
            yield self._input("rare", trace)

    def _input(self, what: str, trace: Trace) -> Block:
        return Block(
            line(trace.text, 140), label(f"{what:<8}", "$muted"), label(f"{trace.count}{self._glyphs.times}", "$muted")
        )

    # Looking ------------------------------------------------------------------------------------

    def _moved(self, moved: bool) -> None:
        if not moved:
            self.app.bell()
        self.show()

    def action_next_row(self) -> None:
        """The next cluster."""
        self._moved(self.query_one(Rows).move(1))

    def action_previous_row(self) -> None:
        """The one before."""
        self._moved(self.query_one(Rows).move(-1))

    def action_page_down(self) -> None:
        """A screen further."""
        self._moved(self.query_one(Rows).page(1))

    def action_page_up(self) -> None:
        """A screen back."""
        self._moved(self.query_one(Rows).page(-1))

    @on(Rows.Picked)
    def _picked(self, event: Rows.Picked) -> None:
        self.query_one(Rows).cursor = event.row
        self.show()

    def action_order(self) -> None:
        """By untested traffic, or by traffic."""
        self._order = "traffic" if self._order == "gap" else "gap"
        self.reload()

    def action_review(self) -> None:
        """Review the drafts of the cluster."""
        standing = self._here
        draft = self._session.store.best_waiting(standing.cluster.id) if standing is not None else None
        if draft is None:
            self.say("No draft of this cluster waits. g drafts more.", "$warning")
            self.app.bell()
            return
        self.dismiss(draft)

    # Aims ---------------------------------------------------------------------------------------

    def action_more(self) -> None:
        """Plan one more sample."""
        self._aim(1)

    def action_fewer(self) -> None:
        """Plan one less."""
        self._aim(-1)

    def _aim(self, step: int) -> None:
        standing = self._here
        if standing is None or standing.aim.target + step < 0:
            self.app.bell()
            return
        before = standing.aim.target
        if self._plan(standing.cluster.id, before + step):
            self._undo.append(
                (f"{counted(before + step, 'sample')} planned", partial(self._plan, standing.cluster.id, before))
            )

    def _plan(self, cluster_id: str, target: int) -> bool:
        try:
            self._session.store.set_target(cluster_id, target, self._session.actor)
        except ProjectError as error:
            self.complain(error)
            return False
        self.say(f"{self._glyphs.accepted} saved: {counted(target, 'sample')} planned", "$success")
        self.reload()
        return True

    def action_exclude(self) -> None:
        """Take the cluster out of the goal, or back in."""
        standing = self._here
        if standing is None:
            return
        cluster, reason = standing.cluster.id, standing.aim.excluded

        def take(why: str | None) -> None:
            if self._exclude(cluster, why):
                said = "back in the goal" if why is None else "out of the goal"
                self._undo.append((said, partial(self._exclude, cluster, reason)))

        if reason is not None:
            take(None)
        else:
            self.app.push_screen(Prompt("Out of the goal: why?"), lambda why: take(why) if why else None)

    def _exclude(self, cluster_id: str, reason: str | None) -> bool:
        store, actor = self._session.store, self._session.actor
        try:
            if reason is None:
                store.include_cluster(cluster_id, actor)
            else:
                store.exclude_cluster(cluster_id, reason, actor)
        except ProjectError as error:
            self.complain(error)
            return False
        said = "back in the goal" if reason is None else "out of the goal, x takes it back; its drafts come last"
        self.say(f"{self._glyphs.accepted} saved: {said}", "$success")
        self.reload()
        return True

    # Shapes: commands that run beside the app -----------------------------------------------------

    def action_rename(self) -> None:
        """Name the cluster."""
        standing = self._here
        if standing is None:
            return
        cluster, before = standing.cluster.id, standing.cluster.name

        def take(name: str | None) -> None:
            if name:
                back = (f"the name {name}", partial(self._rename, cluster, before))
                self._rename(cluster, name, then=lambda: self._undo.append(back))

        self.app.push_screen(Prompt("Name of the cluster", before), take)

    def _rename(self, cluster_id: str, name: str, then: Callable[[], None] = lambda: None) -> None:
        self.start("renamed", ("rename", *self._who, "--", cluster_id, name), then=then)

    def action_split(self) -> None:
        """Divide the cluster in two along the tree."""
        standing = self._here
        if standing is not None:
            self.start("split in two", ("split", *self._who, "--", standing.cluster.id), ("rank",))

    def action_mark(self) -> None:
        """Mark the cluster for joining, or no longer."""
        standing = self._here
        if standing is not None:
            self._marked ^= {standing.cluster.id}
            self.say(f"{counted(len(self._marked), 'cluster')} marked; M joins them.")
            self.query_one(Rows).move(1)
            self.show()

    def action_join(self) -> None:
        """Make the marked clusters one."""
        if len(self._marked) < 2:
            self.say("Mark two or more clusters with v, then M joins them.", "$warning")
            self.app.bell()
            return
        self.start("joined", ("join", *self._who, "--", *sorted(self._marked)), ("rank",), then=self._marked.clear)

    def action_draft_more(self) -> None:
        """Say what more drafts for the cluster cost, and draft them if that is fine."""
        standing = self._here
        if standing is not None:
            self.draft_more(standing.cluster.id, standing.cluster.name)

    @property
    def _who(self) -> tuple[str, str]:
        return "--as", self._session.actor

    def action_undo(self) -> None:
        """Take back the last plan, exclusion or name that was given here."""
        if not self._undo:
            self.say("Nothing to take back here; s divides what was joined, v and M join what was divided.")
            self.app.bell()
            return
        if self.is_free():
            what, take_back = self._undo.pop()
            take_back()
            self.say(f"taken back: {what}")
