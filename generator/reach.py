"""What a draft tests of the traffic, packed: cells and depths, and the bounds that follow from them.

The queue weighs thousands of drafts after every decision, in plain Python; a draft is read as one value and
never as forty rows.
"""

import struct
import sys
from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from generator.records import content_id

DEPTH = 10_000
"""Depths are kept in steps of one part in so many, as ranking rounds them."""
_CELL_AND_DEPTH = 6  # bytes


@dataclass(frozen=True, slots=True)
class Reach:
    """The cells that a draft tests, deepest first, and how surely, in steps of 1 / `DEPTH`."""

    cells: Sequence[int] = ()
    depths: Sequence[int] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[int, float]]) -> Self:
        """From (cell, depth of 0 to 1)."""
        found = list(pairs)
        return cls(tuple(cell for cell, _ in found), tuple(round(depth * DEPTH) for _, depth in found))

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """The inverse of `packed`."""
        # Arrays rather than tuples of numbers: the queue keeps thousands of these.
        count = len(data) // _CELL_AND_DEPTH
        cells, depths = array("I", data[: 4 * count]), array("H", data[4 * count :])
        if sys.byteorder == "big":
            cells.byteswap()
            depths.byteswap()
        return cls(cells, depths)

    def packed(self) -> bytes:
        """All cells as little-endian 32-bit numbers, then all depths as 16-bit numbers."""
        count = len(self.cells)
        return struct.pack(f"<{count}I{count}H", *self.cells, *self.depths)

    def pairs(self) -> tuple[tuple[int, float], ...]:
        """As (cell, depth of 0 to 1)."""
        return tuple((cell, depth / DEPTH) for cell, depth in zip(self.cells, self.depths, strict=True))

    def worth(self, weights: Mapping[int, float]) -> float:
        """The share of traffic it would test if nothing else did."""
        return sum(weights.get(cell, 0.0) * depth for cell, depth in zip(self.cells, self.depths, strict=True)) / DEPTH

    def gain(self, weights: Sequence[float], so_far: Sequence[int]) -> float:
        """The share of traffic it adds to what is tested; both by cell id."""
        total = 0.0
        for cell, depth in zip(self.cells, self.depths, strict=True):
            rest = depth - so_far[cell]
            if rest > 0:
                total += weights[cell] * rest
        return total / DEPTH


@dataclass(slots=True)
class Crest:
    """The deepest that any of some drafts reaches, cell by cell: none of them gains more than it does."""

    drafts: int = 0
    worth: float = 0.0
    """The greatest of one draft."""
    depths: dict[int, int] = field(default_factory=dict)

    def rise(self, reach: Reach, worth: float) -> None:
        """Take in one more draft."""
        self.drafts += 1
        self.worth = max(self.worth, worth)
        for cell, depth in zip(reach.cells, reach.depths, strict=True):
            if depth > self.depths.get(cell, 0):
                self.depths[cell] = depth

    def row(self) -> tuple[int, float, bytes]:
        """As it is stored."""
        return self.drafts, self.worth, Reach(tuple(self.depths), tuple(self.depths.values())).packed()


def lot(draft_id: str) -> int:
    """A draft's place in a random order, drawn from its id, so that it stays while others are decided on."""
    return int(content_id("lot", draft_id)[:13], 16)
