"""The Map: the traffic as a picture, what tests it, and what nothing tests yet."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from curation_tui.actions import Where, bindings
from curation_tui.beside import BesideScreen
from curation_tui.document import Block, Document
from curation_tui.figures import counted, percent
from curation_tui.line import Line, Variant
from curation_tui.looks import ASCII, Glyphs
from curation_tui.plot import ASCII_SIGNS, UNICODE_SIGNS, Bins, Box, Drawing, Signs, Window, box_around
from curation_tui.safe_text import blank, joined, label, line, stacked
from curation_tui.session import Session
from curation_tui.standing import TESTED, Standing, standings
from generator.records import MAP_SIDE, Cell, Spot

LETTERS = "ABCDEFGH"
_TITLED = 60  # cells of a screen from which the title has words
_WORDY = 80  # cells of a screen from which the table has its figures in words
_HINT = "distances are only a hint"
_NO_MAP = "There is no map of this project yet; draw it with: groundset rank"
_SHADES = ("$muted", "$foreground", "$primary")


@dataclass(frozen=True, slots=True)
class Region:
    """An untested part of the traffic."""

    letter: str
    """Empty where it has none, since only the largest do."""
    standing: Standing
    box: Box
    heart: Spot

    @property
    def figures(self) -> str:
        """Its untested share of all traffic, and samples against those planned."""
        return f"{percent(self.standing.untested)} {self.standing.samples}/{self.standing.aim.target}"


@dataclass(frozen=True, slots=True)
class Scene:
    """All that a picture of the map is made from."""

    window: Window
    cursor: Spot
    regions: tuple[Region, ...]
    samples: tuple[Spot, ...]
    drafts: tuple[Spot, ...]
    by_coverage: bool


class MapPane(Widget):
    """The picture."""

    scene: reactive[Scene | None] = reactive(None)

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(id="map")
        self._store = session.store
        self._signs: Signs = ASCII_SIGNS if glyphs == ASCII else UNICODE_SIGNS
        self._bins: dict[tuple[int, int, int], Bins | None] = {}
        self.depth: dict[int, float] = {}
        """How surely each cell is tested."""

    def forget(self) -> None:
        """Read the tiles again: there is another map."""
        self._bins.clear()

    def _tile(self, zoom: int, row: int, column: int) -> Bins | None:
        key = zoom, row, column
        if key not in self._bins:
            tile = self._store.map_tile(zoom, row, column)
            self._bins[key] = None if tile is None else Bins.of(tile)
        return self._bins[key]

    def render(self) -> Content:
        """The picture of the scene at the size there is."""
        width, height = self.content_size
        scene = self.scene
        if scene is None or not width or not height:
            return blank(1)
        drawing = Drawing(scene.window, width, height, self._signs)
        drawing.traffic(self._tile)
        drawing.mark(scene.drafts, self._signs.draft, "$accent")
        drawing.mark(scene.samples, self._signs.sample, "bold $success")
        for region in reversed(scene.regions[: len(LETTERS)]):  # the largest last: its title is never covered
            drawing.box(Box(region.box.low, region.box.high, f"{region.letter} {region.figures}"), "$warning")
        drawing.mark([scene.cursor], self._signs.cursor, "bold $foreground on $primary 40%")
        busy = drawing.shades()

        def style(requests: int, cell: int) -> str:
            if scene.by_coverage:
                depth = self.depth.get(cell, 0.0)
                return "$success" if depth >= TESTED else "$warning"
            return _SHADES[(requests > busy[0]) + (requests > busy[1])]

        return stacked(drawing.lines(style))


class MapScreen(BesideScreen):
    """Looks for what is untested, and leads to the drafts for it."""

    WHERE: ClassVar[Where] = "map"
    BINDINGS = bindings(WHERE)
    GREETING = "Near is alike; only a hint."
    CSS = """
    MapScreen #map { width: 1fr; height: 1fr; border: round $rule; background: $background; text-wrap: nowrap; }
    MapScreen #side { width: 34; }
    MapScreen #regions, MapScreen #table { height: 1fr; border: round $rule; padding: 0 0 0 1; }
    MapScreen #here { height: 12; border: round $rule; padding: 0 0 0 1; }
    MapScreen #table, MapScreen #below { display: none; }
    MapScreen.-medium #columns, MapScreen.-small #columns { layout: vertical; }
    MapScreen.-medium #side, MapScreen.-small #side { display: none; }
    MapScreen.-medium #below, MapScreen.-small #below { display: block; height: auto; }
    MapScreen.-small #names { display: none; }
    MapScreen.-table #map, MapScreen.-small #map { display: none; }
    MapScreen.-table #table, MapScreen.-small #table { display: block; width: 1fr; }
    MapScreen.-small.-table #map { display: block; }
    MapScreen.-small.-table #table { display: none; }
    MapScreen.-ascii #map, MapScreen.-ascii #regions, MapScreen.-ascii #here, MapScreen.-ascii #table {
        border: ascii $rule;
    }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._pane = MapPane(session, glyphs)
        self._window = Window(0, 0, 0)
        self._cursor: Spot | None = None
        self._regions: list[Region] = []
        self._standings: dict[str, Standing] = {}
        self._cells: dict[int, tuple[Cell, Spot]] = {}
        self._samples: tuple[Spot, ...] = ()
        self._drafts: tuple[Spot, ...] = ()
        self._by_coverage = False
        self._covered = 0.0

    def body(self) -> ComposeResult:
        """The picture, or its table, beside what is untested and what lies under the cursor."""
        yield self._pane
        yield Document(id="table")
        with Vertical(id="side"):
            yield Document(id="regions")
            yield Document(id="here")
        with Vertical(id="below"):
            yield Line(id="names")
            yield Line(id="under")

    # Reading ------------------------------------------------------------------------------------

    def load(self) -> None:
        """Read the map and how the clusters stand."""
        store = self._session.store
        spots = store.cell_places()
        self._cells = {cell.id: (cell, spots[cell.id]) for cell in store.cells() if cell.id in spots}
        found = standings(self._session)
        self._standings = {each.cluster.id: each for each in found}
        self._pane.depth = dict(self._session.coverage_by_cell())
        self._pane.forget()
        self._covered = self._session.progress().coverage.estimate
        self._regions = list(self._found_regions([each for each in found if each.is_gap]))
        self._place_items()
        if self._cursor is None and self._cells:
            self._cursor = self._regions[0].heart if self._regions else next(iter(self._cells.values()))[1]

    def _found_regions(self, gaps: Sequence[Standing]) -> Iterator[Region]:
        depth = self._pane.depth
        cells_of: dict[str, list[Cell]] = {}
        for cell, _ in self._cells.values():
            if depth.get(cell.id, 0.0) < TESTED:
                cells_of.setdefault(cell.cluster_id, []).append(cell)
        for place, gap in enumerate(each for each in gaps if each.cluster.id in cells_of):
            cells = cells_of[gap.cluster.id]
            weights = {cell.id: cell.weight * (1.0 - depth.get(cell.id, 0.0)) for cell in cells}
            spots = {cell.id: self._cells[cell.id][1] for cell in cells}
            box = box_around(spots, weights, "")
            yield Region(LETTERS[place : place + 1], gap, box, spots[max(weights, key=lambda cell: weights[cell])])

    def _place_items(self) -> None:
        """Samples all over; drafts only where something is untested: elsewhere they would hide the traffic."""
        store = self._session.store
        shown = {region.standing.cluster.id for region in self._regions if region.letter}
        landed = store.landed_in()
        verdicts = {draft: state.verdict for draft, state in store.states().items()}
        spots = store.draft_places()
        self._samples = tuple(spot for draft, spot in spots.items() if verdicts.get(draft) == "accepted")
        self._drafts = tuple(
            spot
            for draft, spot in spots.items()
            if verdicts.get(draft, "new") in {"new", "later"} and landed.get(draft) in shown
        )

    # Showing ------------------------------------------------------------------------------------

    def show(self) -> None:
        """Show the picture, the list beside it and what lies under the cursor."""
        if self._cursor is None:
            self.say(_NO_MAP, "bold $warning")
            return
        signs = self._pane._signs
        self._pane.scene = Scene(
            self._window, self._cursor, tuple(self._regions), self._samples, self._drafts, self._by_coverage
        )
        traffic = sum(each.cluster.traces for each in self._standings.values())
        dot = self._glyphs.dot
        zoom = f"  zoom {2**self._window.zoom}x" if self._window.zoom else ""
        words = ("Production ", "samples ", "drafts ") if self.size.width >= _TITLED else ("", "", "")
        parts = (f"{traffic:,}", f"{signs.sample} {len(self._samples)}", f"{signs.draft}{zoom}")
        title = f" {dot} ".join(word + part for word, part in zip(words, parts, strict=True))
        self._pane.border_title = label(title)
        self._pane.border_subtitle = label(f"t-SNE, {_HINT}")
        self.query_one("#regions").border_title = label("Untested regions")
        self.query_one("#here").border_title = label("Under the cursor")
        self.query_one("#table").border_title = label("The map as a table")
        self.query_one("#regions", Document).show(self._region_blocks(28))
        self.query_one("#table", Document).show(self._table_blocks())
        self.query_one("#here", Document).show(self._here_blocks())
        self.query_one("#names", Line).variants = self._names()
        self.query_one("#under", Line).variants = (Variant(self._under()),)

    def _region_blocks(self, width: int) -> Iterator[Block]:
        for region in self._regions[: len(LETTERS)]:
            yield Block(
                joined(label(f"{region.figures} ", "$muted"), line(region.standing.cluster.name, width)),
                label(f"{region.letter} ", "bold $warning"),
                cut=True,
            )
        yield from self._rest_blocks(len(self._regions) - len(LETTERS))

    def _rest_blocks(self, more: int) -> Iterator[Block]:
        text = f"and {more:,} more; " if more > 0 else ""
        text += f"{percent(1 - self._covered)} of the traffic is untested"
        yield Block(label(text, "$muted"), space_before=True)
        if not self._regions:
            yield Block(label("No cluster is mostly untested.", "bold $success"))

    def _table_blocks(self) -> Iterator[Block]:
        """For screen readers, and whoever prefers figures: every untested region in a line."""
        for region in self._regions:
            standing = region.standing
            words = (
                f"{percent(standing.untested):>7} untested  {standing.samples} of {standing.aim.target} samples  "
                f"{counted(standing.waiting, 'draft')}  "
                if self._shape == "wide" or self.size.width >= _WORDY
                else f"{percent(standing.untested):>7} {standing.samples}/{standing.aim.target}  "
            )
            here = self._cluster_here() == standing.cluster.id
            yield Block(
                joined(label(words, "$muted"), line(standing.cluster.name, 60, "bold" if here else "")),
                label(f"{self._glyphs.cursor if here else ' '}{region.letter or ' '} ", "bold $warning"),
                cut=True,
            )
        yield from self._rest_blocks(0)

    def _names(self) -> tuple[Variant, ...]:
        """As many of the regions as fit, each whole."""
        shown = [
            joined(
                label(f" {region.letter} ", "bold $warning"),
                line(region.standing.cluster.name, 18),
                label(f" {region.figures} ", "$muted"),
            )
            for region in self._regions[:4]
        ]
        return tuple(Variant(joined(*shown[:count])) for count in range(len(shown), 0, -1)) or (Variant(blank(1)),)

    def _here(self) -> Cell | None:
        """The cell that lies nearest to the cursor."""
        at = self._cursor
        if at is None or not self._cells:
            return None
        return min(self._cells.values(), key=lambda each: (each[1].x - at.x) ** 2 + (each[1].y - at.y) ** 2)[0]

    def _cluster_here(self) -> str | None:
        cell = self._here()
        return None if cell is None else cell.cluster_id

    def _here_blocks(self) -> Iterator[Block]:
        cell = self._here()
        standing = self._standings.get(cell.cluster_id) if cell is not None else None
        if cell is None or standing is None:
            return
        yield Block(line(standing.cluster.name, 200, "bold"))
        yield Block(
            label(
                f"{percent(standing.cluster.weight)} of traffic, {percent(standing.covered)} of it tested; "
                f"{standing.samples} of {standing.aim.target} samples, {counted(standing.waiting, 'draft')} waiting",
                "$muted",
            )
        )
        for trace in self._session.store.traces([cell.exemplar_id]):
            yield Block(line(trace.text, 400), label(f"{self._glyphs.mark} ", "$muted"), space_before=True)

    def _under(self) -> Content:
        cell = self._here()
        standing = self._standings.get(cell.cluster_id) if cell is not None else None
        if cell is None or standing is None:
            return blank(1)
        texts = [trace.text for trace in self._session.store.traces([cell.exemplar_id])]
        return joined(
            label(f" {self._pane._signs.cursor} ", "bold $primary"),
            line(standing.cluster.name, 30, "bold"),
            label(f" {percent(standing.cluster.weight)}, {counted(standing.waiting, 'draft')}: ", "$muted"),
            line(texts[0] if texts else "", 120),
        )

    # Acts ---------------------------------------------------------------------------------------

    def action_move(self, key: str) -> None:
        """Move the cursor by one cell of the terminal; the window follows."""
        if self._cursor is None:
            return
        width, height = self._pane.content_size
        across, down = (self._window.side // max(size, 1) + 1 for size in (width, height))
        step = {"left": (-across, 0), "right": (across, 0), "up": (0, -down), "down": (0, down)}[key]
        x, y = (
            min(max(at + by, 0), MAP_SIDE - 1) for at, by in zip((self._cursor.x, self._cursor.y), step, strict=True)
        )
        self._go(Spot(x, y))

    def _go(self, spot: Spot) -> None:
        self._cursor = spot
        if not self._window.holds(spot):
            self._window = self._window.around(spot, self._window.zoom)
        self.show()

    def action_zoom_in(self) -> None:
        """Show half as much each way."""
        self._zoom(1)

    def action_zoom_out(self) -> None:
        """Show twice as much each way."""
        self._zoom(-1)

    def _zoom(self, step: int) -> None:
        if self._cursor is None:
            return
        then = self._window.around(self._cursor, self._window.zoom + step)
        if then.zoom == self._window.zoom:
            self.app.bell()
        self._window = then
        self.show()

    def action_next_gap(self) -> None:
        """Go to the next untested region."""
        self._turn(1)

    def action_previous_gap(self) -> None:
        """Go to the one before."""
        self._turn(-1)

    def _turn(self, step: int) -> None:
        if not self._regions:
            self.app.bell()
            return
        hearts = [region.heart for region in self._regions]
        place = hearts.index(self._cursor) if self._cursor in hearts else -1 if step > 0 else 0
        self._go(hearts[(place + step) % len(hearts)])

    def action_colour(self) -> None:
        """Colour by traffic, or by what is tested."""
        self._by_coverage = not self._by_coverage
        self.say("Coloured by what is tested." if self._by_coverage else "Coloured by traffic.")
        self.show()

    def action_table(self) -> None:
        """The same as a table, or the picture again."""
        self.toggle_class("-table")
        self.show()

    def action_review(self) -> None:
        """Review the drafts of the cluster under the cursor."""
        cluster = self._cluster_here()
        draft = self._session.store.best_waiting(cluster) if cluster is not None else None
        if draft is None:
            self.say("No draft waits here; g drafts more, after it has said the price.", "$warning")
            self.app.bell()
            return
        self.dismiss(draft)

    def action_draft_more(self) -> None:
        """Say what more drafts for the cluster under the cursor cost, and draft them if that is fine."""
        standing = self._standings.get(self._cluster_here() or "")
        if standing is not None:
            self.draft_more(standing.cluster.id, standing.cluster.name)
