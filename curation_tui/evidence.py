"""The evidence for and against an item, in sections: all below one another, or one at a time."""

import difflib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from textual.content import Content

from curation_tui.document import Block, Document
from curation_tui.figures import counted, percent, points
from curation_tui.item import Item, Progress, short_id
from curation_tui.looks import Glyphs, bar
from curation_tui.safe_text import NOTHING, joined, label, line, passage, separated, underlined
from generator.records import NEAR_COPY, user_text

_NEAR_WIDTH = 76  # cells: about three lines in the column
_BAR = 24
_SAYS = 4  # letters from which a word says more than "the"
_REASON_WIDTH = 300
_CORNERS = 6  # cells of an edge that a title leaves free
_COMPARED = 6_000  # characters of two texts: the comparison takes the product of their words


@dataclass(frozen=True, slots=True)
class Section:
    """One part of the evidence."""

    name: str
    heading: str
    columns: str
    """What the figures at the right are."""
    blocks: tuple[Block, ...]


class EvidenceView(Document):
    """The pane with the evidence."""

    sections: Sequence[Section] = ()
    chosen = 0
    stacked = True
    """Whether all sections are shown below one another."""

    def show_sections(self, sections: Sequence[Section], *, stacked: bool) -> None:
        """Show the evidence of another item; the chosen section stays chosen."""
        self.sections, self.stacked = sections, stacked
        self.chosen = min(self.chosen, max(len(sections) - 1, 0))
        self._draw()

    def turn(self, step: int) -> None:
        """Go to the next section, or back."""
        if self.sections:
            self.chosen = (self.chosen + step) % len(self.sections)
            self._draw()

    def clear(self) -> None:
        """Show nothing."""
        self.sections = ()
        self.border_title = label("Evidence")
        self.show([])

    def _draw(self) -> None:
        if not self.sections:
            self.clear()
            return
        self.border_title = self._title()
        if not self.stacked:
            self.show(self.sections[self.chosen].blocks)
            return
        blocks: list[Block] = []
        start = 0
        for number, section in enumerate(self.sections):
            if number == self.chosen:
                start = len(blocks)
            style = "bold $primary" if number == self.chosen else "bold $secondary"
            blocks.append(
                Block(label(section.heading, style), NOTHING, label(section.columns, "$muted"), space_before=number > 0)
            )
            blocks += section.blocks
        self.show(blocks)
        if start:
            self.scroll_to_line(self.line_of(start))

    def on_resize(self) -> None:
        """Name the sections as far as there is room."""
        if self.sections:
            self.border_title = self._title()

    def _title(self) -> Content:
        number = f"{self.chosen + 1}/{len(self.sections)}"
        if self.stacked:
            return label(f"Evidence {number}")
        names = [
            label(f"[{section.name}]" if number == self.chosen else section.name, "bold" * (number == self.chosen))
            for number, section in enumerate(self.sections)
        ]
        tabs = separated(names, " ")
        room = self.outer_size.width - _CORNERS
        whole = separated([label("Evidence"), tabs], " ")
        shown = next((each for each in (whole, tabs) if each.cell_length <= room), None)
        return shown or label(f"Evidence {number}: {self.sections[self.chosen].name}")


def sections(item: Item, progress: Progress, why: str, glyphs: Glyphs, *, brief: bool) -> tuple[Section, ...]:
    """The evidence of an item; `brief` for a pane of a few lines."""
    near = _near_brief(item, why, glyphs) if brief else _near(item, glyphs)
    return (
        Section("real", "NEAREST PRODUCTION", "like seen", near),
        Section("accepted", "NEAREST ACCEPTED", "like", _twin(item, glyphs)),
        Section("cluster", "CLUSTER", "by traffic", _cluster(item, glyphs)),
        Section("coverage", "COVERAGE IF ACCEPTED", "", _coverage(item, progress, glyphs)),
        Section("safety", "PROVENANCE AND SAFETY", "", _safety(item, glyphs)),
    )


def _words_of(item: Item) -> frozenset[str]:
    """The words of the item's input that say something, in lower case."""
    asked = user_text(item.messages)[:_COMPARED].lower()
    return frozenset(word for word in re.findall(r"\w+", asked) if len(word) >= _SAYS)


def _near(item: Item, glyphs: Glyphs) -> tuple[Block, ...]:
    blocks, shared = [], _words_of(item)
    for near in item.near[:3]:
        figures = label(f"{near.similarity:.2f} {near.count:>4}{glyphs.times}", "$muted")
        blocks.append(
            Block(underlined(line(near.text, _NEAR_WIDTH), shared), label(f"{glyphs.mark} ", "$primary"), figures)
        )
        seen = [f"last seen {near.seen_at[:10]}"] if near.seen_at is not None else []
        seen += [near.outcome] if near.outcome else []
        if seen:
            blocks.append(Block(line(f" {glyphs.dot} ".join(seen), _NEAR_WIDTH, "$muted"), label("  ")))
    return tuple(blocks) or (Block(label("None was found near it.", "$muted")),)


def _near_brief(item: Item, why: str, glyphs: Glyphs) -> tuple[Block, ...]:
    shared = _words_of(item)
    blocks = [
        Block(
            underlined(line(near.text, 400), shared),
            label(f"{near.similarity:.2f} {near.count:>4}{glyphs.times} ", "$muted"),
            cut=True,
        )
        for near in item.near[:3]
    ]
    if item.twin is not None:
        figures = label(f"{item.twin.similarity:.2f}  acc. ", "$muted")
        blocks.append(Block(line(item.twin.text, 400), figures, cut=True))
    blocks.append(Block(label(why, "$muted"), label("why next: ", "$muted")))
    return tuple(blocks)


def _twin(item: Item, glyphs: Glyphs) -> tuple[Block, ...]:
    novelty = f"novelty {item.novelty:.2f} (i explains)"
    if item.twin is None:
        rejected = f"A rejected draft is: {1 - item.novelty:.2f}." if item.novelty < 1 else ""
        return (Block(label(f"No accepted sample is near it. {rejected}")), Block(label(novelty, "$muted")))
    filled, empty = bar(item.twin.similarity, _BAR, glyphs)
    limit = round(NEAR_COPY * _BAR)
    row = filled + empty
    row = row[:limit] + glyphs.tick + row[limit + 1 :]
    return (
        Block(
            line(item.twin.text, _NEAR_WIDTH),
            label(f"{short_id(item.twin.draft_id)} ", "$muted"),
            label(f"{item.twin.similarity:.2f}", "$muted"),
        ),
        Block(label(row, "$warning" if item.twin.similarity >= NEAR_COPY else "$secondary")),
        Block(label(f"same test from {NEAR_COPY:.2f} {glyphs.dot} D compares", "$muted")),
        Block(label(novelty, "$muted")),
    )


def _cluster(item: Item, glyphs: Glyphs) -> tuple[Block, ...]:
    cluster = item.cluster
    if cluster is None:
        return (Block(label("The cluster it was drafted for is no longer there.", "$muted")),)
    place, of = item.place_in_cluster
    rows = [
        f"{percent(cluster.share)} of traffic, {counted(cluster.traces, 'request')}",
        f"{counted(cluster.samples, 'sample')}, {counted(cluster.waiting, 'draft')} waiting",
    ]
    if place:
        rows.append(f"this is draft {place} of {of}")
    named = "its most frequent phrases" if cluster.named_by == "phrases" else cluster.named_by[:60]
    return (
        Block(line(cluster.name, 120, "bold"), NOTHING, label(f"#{cluster.rank} of {cluster.of}", "$muted")),
        *(Block(label(row)) for row in rows),
        Block(label(f"named by {named}", "$muted")),
    )


def _coverage(item: Item, progress: Progress, glyphs: Glyphs) -> tuple[Block, ...]:
    total = progress.coverage.estimate
    rows = [("total", total, total + item.gain)]
    if item.cluster is not None:
        rows.insert(0, ("cluster", item.cluster.covered, item.cluster.covered_after))
    blocks = [
        Block(
            joined(
                label(f"{name:<8}", "$muted"),
                label(f"{percent(before):>7} {glyphs.arrow} {percent(after):>7}"),
            )
        )
        for name, before, after in rows
    ]
    blocks.append(Block(label(f"{points(item.gain)} points (i explains)", "$muted")))
    return tuple(blocks)


def _safety(item: Item, glyphs: Glyphs) -> tuple[Block, ...]:
    """What verification says, and where the item comes from."""
    draft = item.draft
    blocks = [
        Block(line(each.reason, _REASON_WIDTH, "$warning"), label(f"{glyphs.warning} ", "bold $warning"))
        for each in item.marks
    ] or [Block(label("Verification holds nothing against it."))]
    rows = [
        f"drafted by {draft.model[:60]}" if draft.model else "a real input",
        f"prompt {draft.prompt_hash[:12]}" if draft.prompt_hash else "",
        f"built on {counted(len(draft.source_ids), 'real input')}, masked" if draft.source_ids else "",
        f"{counted(len(draft.invented), 'thing')} added by the drafter"
        if draft.invented
        else "nothing was added to it",
    ]
    return (*blocks, *(Block(label(row, "$muted")) for row in rows if row))


def difference(mine: str, theirs: str) -> Iterator[Block]:
    """Two texts word by word: what only the first has, what only the second has, what both have."""
    before, after = mine[:_COMPARED].split(), theirs[:_COMPARED].split()
    parts: list[Content] = []
    for tag, a, b, c, d in difflib.SequenceMatcher(a=before, b=after, autojunk=False).get_opcodes():
        if tag == "equal":
            parts.append(passage(" ".join(before[a:b]), "$muted"))
            continue
        if a < b:
            parts.append(joined(label("[-", "bold $error"), passage(" ".join(before[a:b]), "$error"), label("-]")))
        if c < d:
            parts.append(joined(label("{+", "bold $success"), passage(" ".join(after[c:d]), "$success"), label("+}")))
    yield Block(separated(parts, " "))
    yield Block(label("[-only this item-]  {+only the accepted one+}", "$muted"), space_before=True)


def why_next(item: Item) -> str:
    """Why the item is where it is in the queue, in words."""
    if item.state.verdict == "later":
        return "You put it off; it is back because the rest is done."
    if item.drawn:
        return "Drawn at random, as every 20th place is, so that the order cannot hide what its measure misses."
    if item.gain < 0.00005:
        return "It adds next to nothing to coverage; accept it only for its own sake."
    start = "It adds the most of what is left." if item.first else f"It would add {points(item.gain)} points."
    cluster = item.cluster
    if cluster is None:
        return start
    tested = counted(cluster.samples, "sample") if cluster.samples else "no sample of its own yet"
    reached = f", tested to {percent(cluster.covered)}" if cluster.covered else ""
    return f"{start} Its cluster is {percent(cluster.share)} of traffic and has {tested}{reached}."
