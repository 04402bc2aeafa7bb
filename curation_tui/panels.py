"""The small panes: why the item is next, this session, and what stands in place of an item."""

from collections.abc import Iterator
from pathlib import Path

from curation_tui.document import Block
from curation_tui.figures import counted, percent
from curation_tui.item import Progress, Tally, short_id
from curation_tui.looks import Glyphs
from curation_tui.places import place_of
from curation_tui.safe_text import joined, label, line
from generator.evalset.agreement import Agreement


def why_blocks(why: str) -> Iterator[Block]:
    """Why the item is next."""
    yield Block(label(why))


def finished_blocks(progress: Progress, path: Path) -> Iterator[Block]:
    """What was reached, and what to do next, when the queue is empty."""
    reached, goal = percent(progress.coverage.estimate), f"{progress.goal:.0%}"
    against = "at the goal of" if progress.coverage.estimate >= progress.goal else "below the goal of"
    yield Block(label("Every draft is decided.", "bold"))
    yield Block(label(f"{counted(progress.samples, 'sample')}, coverage {reached} of traffic, {against} {goal}."))
    for number, (place, what, command) in enumerate(
        (
            ("export", "checks the set and writes it", f"groundset export {path} OUT --format inspect"),
            ("clusters", "drafts more for a cluster, with g there", f"groundset draft {path}"),
            ("map", "shows what is left", f"groundset gaps {path}"),
        )
    ):
        yield Block(label(what), label(f"{place_of(place).key} ", "bold $primary"), space_before=number == 0)
        yield Block(label(command, "$muted"), label("  "))


def broken_blocks(draft_id: str) -> Iterator[Block]:
    """What can be done with an item that cannot be shown."""
    yield Block(label(f"This item cannot be shown ({short_id(draft_id)}). x rejects it, j skips it."))


def session_blocks(progress: Progress | None, tally: Tally, spent: float, glyphs: Glyphs) -> Iterator[Block]:
    """This session, then the project; that is left out where it would say what others decided."""
    yield Block(
        label(
            f"{tally.decided} decided  {glyphs.accepted}{tally.accepted} {glyphs.edited}{tally.edited} "
            f"{glyphs.rejected}{tally.rejected} {glyphs.later}{tally.later}"
        )
    )
    if tally.median_seconds is not None:
        each = f" {glyphs.dot} {tally.keys_each:.1f} keys each" if tally.keys_each is not None else ""
        yield Block(label(f"median {tally.median_seconds:.1f} s{each}", "$muted"))
    if progress is None:
        yield Block(label("blind: what others decided is hidden, b shows it", "$muted"))
    else:
        yield Block(label(f"{counted(progress.samples, 'sample')} in the set", "$muted"))
        yield Block(label(f"{progress.rejected:,} rejected, {progress.later:,} put off", "$muted"))
    if spent:
        yield Block(label(f"drafting cost ${spent:,.2f}", "$muted"))


def agreement_blocks(pair: Agreement, first: str, second: str, *, space_before: bool = False) -> Iterator[Block]:
    """How far two people agree, by the names under which they are shown."""
    who = joined(line(first, 30, "bold"), label(" and "), line(second, 30, "bold"))
    alike = label(f": {pair.agreed} of {counted(pair.items, 'item')} alike")
    yield Block(joined(who, alike), space_before=space_before)
    for name, value in (("kappa", pair.kappa), ("AC1", pair.ac1)):
        if value is not None:
            figures = f"{value.estimate:.2f} ({value.low:.2f} to {value.high:.2f})"
            yield Block(label(f"{name} {figures}", "$muted"), label("  "))
