"""What a set of items tests of the traffic, and what it leaves untested: the gaps.

Arrays in, frozen results out; nothing here reads a project or a file.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import NEAR_COPY, Cell, Interval
from generator.traffic.coverage import COVERED, Tested, Traffic, test_against
from generator.traffic.encoders import Vectors
from generator.traffic.landscape import Floats

_CALIBRATION = 1.0
"""How far, in log odds, coverage may be off on traffic that the curve was not fitted on: as far as it was off, at
most, where whole needs were held out of the items (`tests/evidence/gaps.py`)."""
FEWEST = 50
"""Distinct traces below which nothing can be said of traffic."""
_BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class ClusterGap:
    """What is untested of one cluster."""

    cluster_id: str
    share: float
    uncovered: float
    """Share of all traffic that is in this cluster and untested."""
    nearest_item: int
    """Row of the item that comes nearest to its middle trace, by similarity; -1 without items."""
    nearest_similarity: float
    same_need: float
    """Probability that it asks what its middle trace asks: why it does, or does not, count."""


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a set of items leaves untested."""

    coverage: Interval
    gap_share: Interval
    """Share of traffic in cells that do not count as tested."""
    unseen_mass: Interval
    """Share of traffic in needs that these logs do not hold (Good 1953, interval by Esty 1983)."""
    clusters: tuple[ClusterGap, ...]
    off_traffic: tuple[int, ...]
    """Rows of items like which production sends nothing."""
    near_copies: tuple[tuple[int, int, float], ...]
    """Pairs of items that are as good as the same, with their similarity."""
    tested: Tested
    """What it was made from, trace by trace."""
    enough: bool
    """Whether there is enough traffic to say anything."""

    def verdict(self, most: float) -> str:
        """Whether more than `most` of the traffic is untested: "gaps" if so, "covered" if not, else "unsure"."""
        if not self.enough:
            return "unsure"
        if self.gap_share.high <= most:
            return "covered"
        return "gaps" if self.gap_share.low > most else "unsure"


def find_gaps(traffic: Traffic, cells: Sequence[Cell], items: Vectors) -> Gaps:
    """What the items leave untested, by cluster, with the items that nobody asks for.

    Args:
        traffic: the distinct traces.
        cells: all cells; cell ids number them from 0.
        items: unit vectors, shape (items, d); may be empty.
    """
    tested = test_against(traffic.placed, items, traffic.landscape)
    return Gaps(
        coverage=coverage_of(tested.covered, traffic.counts),
        gap_share=_gap_share(tested.covered, traffic, cells),
        unseen_mass=_unseen_mass(traffic, cells),
        clusters=by_cluster(tested, traffic, cells),
        off_traffic=tuple(np.flatnonzero(~traffic.landscape.is_asked(items)).tolist()),
        near_copies=_near_copies(items),
        tested=tested,
        enough=len(traffic.ids) >= FEWEST,
    )


def _shifted(covered: Floats, log_odds: float) -> Floats:
    """Probabilities with their log odds moved; 0 stays 0, since where there is no item nothing is tested."""
    odds = covered / np.maximum(1.0 - covered, 1e-9) * math.exp(log_odds)
    return np.asarray(odds / (1.0 + odds), dtype=np.float32)


def coverage_of(covered: Floats, counts: npt.NDArray[np.int64]) -> Interval:
    """Share of traffic that is tested; the interval joins the draw of the traffic and the curve's own error."""
    estimate = _share(covered, counts)
    total = int(counts.sum())
    variance = _share((covered - estimate) ** 2, counts) / max(total, 1)
    low, high = (_share(_shifted(covered, sign * _CALIBRATION), counts) for sign in (-1.0, 1.0))
    below = math.hypot(1.96 * math.sqrt(variance), estimate - low)
    above = math.hypot(1.96 * math.sqrt(variance), high - estimate)
    return Interval(estimate, max(estimate - below, 0.0), min(estimate + above, 1.0))


def _share(values: Floats, counts: npt.NDArray[np.int64]) -> float:
    return float(np.average(values, weights=counts)) if len(values) else 0.0


def _gap_share(covered: Floats, traffic: Traffic, cells: Sequence[Cell]) -> Interval:
    def share(log_odds: float) -> float:
        sums = np.bincount(traffic.cell_of, weights=_shifted(covered, log_odds) * traffic.counts, minlength=len(cells))
        sizes = np.bincount(traffic.cell_of, weights=traffic.counts, minlength=len(cells))
        return float(sizes[sums < COVERED * sizes].sum() / sizes.sum())

    estimate = share(0.0)
    error = 1.96 * math.sqrt(estimate * (1 - estimate) / max(int(traffic.counts.sum()), 1))
    return Interval(estimate, max(share(_CALIBRATION) - error, 0.0), min(share(-_CALIBRATION) + error, 1.0))


def _unseen_mass(traffic: Traffic, cells: Sequence[Cell]) -> Interval:
    cluster_of_cell = {cell.id: cell.cluster_id for cell in cells}
    seen: dict[str, int] = {}
    for cell, count in zip(traffic.cell_of.tolist(), traffic.counts.tolist(), strict=True):
        cluster = cluster_of_cell[cell]
        seen[cluster] = seen.get(cluster, 0) + count
    total = max(sum(seen.values()), 1)
    once = sum(count == 1 for count in seen.values())
    twice = sum(count == 2 for count in seen.values())
    mass = once / total
    variance = max(once + 2 * twice - once**2 / total, 0.0) / total**2
    error = 1.96 * math.sqrt(variance)
    return Interval(mass, max(mass - error, 0.0), min(mass + error, 1.0))


def by_cluster(tested: Tested, traffic: Traffic, cells: Sequence[Cell]) -> tuple[ClusterGap, ...]:
    """What is untested of every cluster, the most untested first."""
    cluster_of_cell = [cell.cluster_id for cell in cells]
    total = float(traffic.counts.sum())
    rows_of: dict[str, list[int]] = {}
    for row, cell in enumerate(traffic.cell_of.tolist()):
        rows_of.setdefault(cluster_of_cell[cell], []).append(row)
    found = []
    for cluster, rows in rows_of.items():
        counts = traffic.counts[rows]
        # The middle one speaks for the cluster: what comes nearest to any of its traces is often one exemplar.
        middle = rows[int(np.argsort(tested.similarity[rows], kind="stable")[len(rows) // 2])]
        found.append(
            ClusterGap(
                cluster_id=cluster,
                share=float(counts.sum()) / total,
                uncovered=float(((1.0 - tested.covered[rows]) * counts).sum()) / total,
                nearest_item=int(tested.nearest[middle]),
                nearest_similarity=round(float(tested.similarity[middle]), 4),
                same_need=round(float(tested.covered[middle]), 4),
            )
        )
    return tuple(sorted(found, key=lambda gap: (-gap.uncovered, gap.cluster_id)))


def _near_copies(items: Vectors) -> tuple[tuple[int, int, float], ...]:
    pairs = []
    for start in range(0, len(items), _BLOCK):
        block = items[start : start + _BLOCK] @ items.T
        for row, other in np.argwhere(block >= NEAR_COPY).tolist():
            if start + row < other:
                pairs.append((start + row, other, round(float(block[row, other]), 4)))
    return tuple(pairs)
