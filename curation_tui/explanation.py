"""What the numbers that steer a review mean, with the figures of the item shown."""

from collections.abc import Iterator

from textual.content import Content

from curation_tui.document import Block
from curation_tui.figures import counted, percent, points
from curation_tui.header import to_goal
from curation_tui.item import Item, Progress
from curation_tui.safe_text import label
from generator.evalset.queue import RANDOM_EVERY
from generator.records import NEAR_COPY

_CELLS = 8
TITLE = "What the numbers mean"


def explanation(item: Item, progress: Progress) -> Iterator[Block]:
    """Gain, coverage, goal and novelty of an item, explained."""
    coverage = progress.coverage
    yield Block(_heading(f"Gain {points(item.gain)} points"))
    yield Block(
        label(
            "Traffic is split into cells: inputs that ask about the same in other words. The item tests each cell "
            "near it to some degree. Its gain is the traffic of those cells times what the degree rises by, over "
            "what accepted samples test already."
        )
    )
    for cell in item.reached[:_CELLS]:
        yield Block(
            label(
                f"{percent(cell.weight):>7} of traffic x ({cell.depth:.2f} - {min(cell.depth_so_far, cell.depth):.2f})"
                f" = {points(cell.gain)}"
            )
        )
    if len(item.reached) > _CELLS:
        rest = item.reached[_CELLS:]
        yield Block(label(f"{counted(len(rest), 'more cell')} = {points(sum(each.gain for each in rest))}"))
    if not item.reached:
        yield Block(label("This item tests no cell of the traffic."))
    yield Block(_heading(f"Coverage {percent(coverage.estimate)}"), space_before=True)
    yield Block(
        label(
            "The share of traffic that the accepted samples test, each cell as surely as the sample that tests it "
            f"best. With the traffic seen, between {percent(coverage.low)} and {percent(coverage.high)} (95 %)."
        )
    )
    yield Block(_heading(f"Goal {progress.goal:.0%}: {to_goal(progress)}"), space_before=True)
    yield Block(label("Counts accepts in queue order. In the queue, each gain assumes that those above are accepted."))
    yield Block(_heading(f"Novelty {item.novelty:.2f}"), space_before=True)
    yield Block(
        label(
            "1 less the similarity to the nearest item that was decided on, as far as one is near. From a similarity "
            f"of {NEAR_COPY:.2f} two items count as the same test, and the later one moves down the queue."
        )
    )
    yield Block(_heading("The order"), space_before=True)
    yield Block(
        label(
            f"Greatest gain first. Every {RANDOM_EVERY}th place is drawn at random, so that the order cannot hide "
            "what its measure misses."
        )
    )


def _heading(words: str) -> Content:
    return label(words, "bold $secondary")
