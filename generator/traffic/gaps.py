"""What a set of items tests of the traffic: gaps, and what a benchmark reaches and is worth.

Arrays in, frozen results out; nothing here reads a project or a file. A trace counts as tested to the degree
that it and its next neighbours lie near some item: one trace's odd words say little of its need. Averaging
over neighbours lifts the AUROC of "tested" by .03 to .04 over the nearest item alone and leaves coverage
where it is (`tests/evidence/gaps.py`).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from generator.records import Cell, Interval
from generator.traffic.coverage import Floats, Traffic, depth
from generator.traffic.encoders import Vectors
from generator.traffic.tree import Labels

_CALIBRATION = 1.0
"""How far, in log odds, coverage may be off on traffic that the curve was not fitted on: as far as it was off, at
most, where whole needs were held out of the items (`tests/evidence/gaps.py`)."""
_NEIGHBOURS = 10
_FULL = 3_500
"""Texts from which on that many neighbours count; on less traffic fewer do, in proportion."""
_LONELY = 0.98
"""A text is like nothing production sends when it lies farther from the next trace than so many of the traces do..."""
_HALF_WAY = 0.5
"""... and more than this share of the way from near to far, so that very dense traffic does not call all else odd."""
_NEAR_COPY = 0.93
_FEWEST = 50
"""Distinct traces below which nothing can be said of traffic."""
_CURVE = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280)
_DRAWS = 5
_BLOCK = 2_000


@dataclass(frozen=True, slots=True)
class Tested:
    """What a set of items tests, trace by trace; arrays over the distinct traces."""

    covered: Floats
    """Probability that some item asks the trace's own need."""
    nearest: Labels
    """Row of the nearest item; -1 without items."""
    similarity: Floats


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


@dataclass(frozen=True, slots=True)
class Gaps:
    """What a set of items leaves untested."""

    coverage: Interval
    gap_share: Interval
    """Share of traffic in cells that are more likely untested than tested."""
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


def neighbourhoods(vectors: Vectors) -> Labels:
    """Each text and its next neighbours, shape (n, 1 + neighbours)."""
    import faiss

    wanted = min(round(_NEIGHBOURS * min(len(vectors) / _FULL, 1.0)), len(vectors) - 1)
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return np.asarray(index.search(vectors, wanted + 1)[1], dtype=np.int64)


def _covered(similarity: Floats, traffic: Traffic, near: Labels) -> Floats:
    return np.asarray(depth(similarity, traffic.scale)[near].mean(axis=1), dtype=np.float32)


def test_against(traffic: Traffic, near: Labels, items: Vectors) -> Tested:
    """Which item comes nearest to each trace, and how surely some item asks the same.

    Args:
        traffic: the distinct traces.
        near: their `neighbourhoods`.
        items: unit vectors, shape (items, d); may be empty.
    """
    count = len(traffic.ids)
    if not len(items):
        return Tested(np.zeros(count, np.float32), np.full(count, -1), np.full(count, -1.0, np.float32))
    nearest = np.empty(count, dtype=np.int64)
    similarity = np.empty(count, dtype=np.float32)
    for start in range(0, count, _BLOCK):
        block = traffic.vectors[start : start + _BLOCK] @ items.T
        nearest[start : start + _BLOCK] = block.argmax(axis=1)
        similarity[start : start + _BLOCK] = block.max(axis=1)
    return Tested(_covered(similarity, traffic, near), nearest, similarity)


def find_gaps(traffic: Traffic, near: Labels, cells: Sequence[Cell], items: Vectors) -> Gaps:
    """What the items leave untested, by cluster, with the items that nobody asks for.

    Args:
        traffic: the distinct traces.
        near: their `neighbourhoods`.
        cells: all cells; cell ids number them from 0.
        items: unit vectors, shape (items, d); may be empty.
    """
    tested = test_against(traffic, near, items)
    return Gaps(
        coverage=coverage_of(tested.covered, traffic.counts),
        gap_share=_gap_share(tested.covered, traffic, cells),
        unseen_mass=_unseen_mass(traffic, cells),
        clusters=_by_cluster(tested, traffic, cells),
        off_traffic=_off_traffic(traffic, near, items),
        near_copies=_near_copies(items),
        tested=tested,
        enough=len(traffic.ids) >= _FEWEST,
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
        return float(sizes[sums < 0.5 * sizes].sum() / sizes.sum())

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


def _by_cluster(tested: Tested, traffic: Traffic, cells: Sequence[Cell]) -> tuple[ClusterGap, ...]:
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
            )
        )
    return tuple(sorted(found, key=lambda gap: (-gap.uncovered, gap.cluster_id)))


def off_traffic_limit(traffic: Traffic, near: Labels) -> float:
    """The similarity to the nearest trace below which a text is like nothing production sends."""
    half_way = 1.0 - traffic.scale.between(_HALF_WAY)
    if near.shape[1] < 2:
        return half_way
    to_next = np.einsum("ij,ij->i", traffic.vectors, traffic.vectors[near[:, 1]])
    return min(float(np.quantile(to_next, 1.0 - _LONELY)), half_way)


def _off_traffic(traffic: Traffic, near: Labels, items: Vectors) -> tuple[int, ...]:
    limit = off_traffic_limit(traffic, near)
    blocks = [items[start : start + _BLOCK] @ traffic.vectors.T for start in range(0, len(items), _BLOCK)]
    nearest = (float(row.max()) for block in blocks for row in block)
    return tuple(row for row, similarity in enumerate(nearest) if similarity < limit)


def _near_copies(items: Vectors) -> tuple[tuple[int, int, float], ...]:
    pairs = []
    for start in range(0, len(items), _BLOCK):
        block = items[start : start + _BLOCK] @ items.T
        for row, other in np.argwhere(block >= _NEAR_COPY).tolist():
            if start + row < other:
                pairs.append((start + row, other, round(float(block[row, other]), 4)))
    return tuple(pairs)


@dataclass(frozen=True, slots=True)
class Curve:
    """How much of the traffic random traces of its own reach: the scale on which items are worth something."""

    sizes: tuple[int, ...]
    shares: tuple[float, ...]
    """Mean over draws; never falls."""

    def worth(self, share: float) -> float:
        """How many random traces reach this share; at most the largest size that was drawn."""
        return float(np.interp(share, (0.0, *self.shares), (0, *self.sizes)))


def own_curve(traffic: Traffic, near: Labels, random_state: int = 0) -> Curve:
    """Coverage by so many random traces of the same traffic, measured on the rest of it.

    Traces are drawn as production sends them: a frequent one is drawn more often.
    """
    count = len(traffic.ids)
    sizes = [size for size in _CURVE if 2 * size <= count] or [1]
    sums = np.zeros(len(sizes))
    for draw in range(_DRAWS):
        generator = np.random.default_rng((random_state, draw))
        order = generator.choice(count, size=sizes[-1], replace=False, p=traffic.counts / traffic.counts.sum())
        best = np.full(count, -1.0, dtype=np.float32)
        left = np.ones(count, dtype=bool)
        done = 0
        for place, size in enumerate(sizes):
            chosen = order[done:size]
            for start in range(0, count, _BLOCK):
                block = traffic.vectors[start : start + _BLOCK] @ traffic.vectors[chosen].T
                best[start : start + _BLOCK] = np.maximum(best[start : start + _BLOCK], block.max(axis=1))
            left[chosen] = False
            done = size
            rest = left if left.any() else ~left
            sums[place] += _share(_covered(best, traffic, near)[rest], traffic.counts[rest])
    shares = np.maximum.accumulate(sums / _DRAWS)
    return Curve(tuple(sizes), tuple(float(share) for share in shares))


@dataclass(frozen=True, slots=True)
class Reach:
    """What a benchmark reaches of the traffic."""

    share: Interval
    worth: Interval
    """In random traces of the same traffic."""
    clusters: tuple[ClusterGap, ...]


def reach_of(traffic: Traffic, near: Labels, cells: Sequence[Cell], items: Vectors, curve: Curve) -> Reach:
    """Share of traffic that a benchmark reaches, overall and by cluster, and what it is worth.

    The curve's own error moves the share and the scale alike, so worth's interval holds the draw of the traffic
    and the spread of the curve between neighbouring sizes only.
    """
    tested = test_against(traffic, near, items)
    share = coverage_of(tested.covered, traffic.counts)
    total = int(traffic.counts.sum())
    error = 1.96 * math.sqrt(_share((tested.covered - share.estimate) ** 2, traffic.counts) / max(total, 1))
    worth = Interval(*(curve.worth(share.estimate + sign * error) for sign in (0.0, -1.0, 1.0)))
    return Reach(share, replace(worth, low=max(worth.low, 0.0)), _by_cluster(tested, traffic, cells))
