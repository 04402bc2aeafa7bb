"""What a benchmark reaches of the traffic, and what that is worth in random traces of the traffic itself.

A share of traffic depends on how the encoder, the curve of `generator.traffic.coverage` and the number of logs
happen to be; a number of the traffic's own traces that reach as much does not, as long as both are measured
alike. So the traffic is parted at random, several times: one part is the *panel*, of a fixed size, that items
are held against; from the other come the traces that are drawn. Benchmarks and own traces are held against the
same panels. A trace that production sent several times may be in both parts, since it will be sent again.

How stable worth is when there are fewer logs or the curve is another: `tests/evidence/mirage.py`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import Cell, Interval
from generator.traffic.coverage import Traffic, test_against
from generator.traffic.encoders import Vectors
from generator.traffic.gaps import ClusterGap, by_cluster, coverage_of
from generator.traffic.landscape import Floats

_SIZES = (1, 2, 5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""Numbers of own traces that are drawn, as far as there are as many."""
_PANEL = 3_500
"""Traces of a panel at most: as many as the traffic's scale is measured on."""
_FEWEST_PANELS, _MOST_PANELS = 8, 32
"""Many small panels cost as little as a few large ones, and need to be many."""
_DRAWS = 16
"""Draws of one trace on each panel; of larger sizes there are fewer, by the square root, since they differ less."""
_SINGLE_REACH = np.append(np.geomspace(1e-4, 0.7, 40), 1.0)
"""How probable it may be that a random trace tests another: what a curve is mixed of."""
_SUREST = 200.0
"""Size times draws beyond which a point of the curve is fitted no closer."""
_STEPS = 400
"""Points at which a curve is read backwards."""

_LEAST = 1e-3
"""Traces below which worth is not told apart."""

_Points = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Panel:
    """Traffic that items are held against, and traces beside it to draw from."""

    traffic: Traffic
    drawn: Vectors
    """Vectors of other traces, one as often as it was sent, in random order."""

    def reach(self, items: Vectors) -> Interval:
        """Share of the panel that the items test."""
        return coverage_of(
            test_against(self.traffic.placed, items, self.traffic.landscape).covered, self.traffic.counts
        )


def panels(traffic: Traffic, random_state: int = 0) -> list[Panel]:
    """The traffic parted at random, several times.

    Args:
        traffic: the distinct traces; sent at least twice in all.
        random_state: the same number gives the same panels.
    """
    ends = np.cumsum(traffic.counts)
    size = min(int(ends[-1]), 2 * _PANEL)
    made = []
    for number in range(min(max(4 * _PANEL // size, _FEWEST_PANELS), _MOST_PANELS)):
        sent = np.random.default_rng((random_state, number)).choice(int(ends[-1]), size, replace=False)
        row_of = np.searchsorted(ends, sent, side="right")
        rows, counts = np.unique(row_of[: size // 2], return_counts=True)
        made.append(Panel(traffic.part(rows, counts), traffic.vectors[row_of[size // 2 :]]))
    return made


@dataclass(frozen=True, slots=True)
class Curve:
    """Share of traffic that so many random traces of its own reach.

    The expected largest of n draws is a mixture of 1 - (1 - q)^n over q, so that is what is fitted: the curve
    never falls and rises ever more slowly, whatever the noise of the draws.
    """

    mixture: _Points
    """Weight of each of `_SINGLE_REACH`."""
    largest: int
    """The largest number of traces that was drawn."""

    def share(self, traces: float) -> float:
        """Share of traffic that this many traces reach, up to the largest number that was drawn."""
        return float(self._shares(np.array([min(traces, self.largest)]))[0])

    def worth(self, share: float) -> float:
        """How many random traces reach this share; at most the largest number that was drawn.

        Less than one trace is a chance of one: what reaches half as much as one trace is worth half a trace.
        """
        if share <= 0.0:
            return 0.0
        sizes = np.geomspace(1.0, self.largest, _STEPS)
        shares = self._shares(sizes)
        if share < shares[0]:
            return share / float(shares[0])
        if share >= shares[-1]:
            return float(self.largest)
        return float(np.exp(np.interp(share, shares, np.log(sizes))))

    def _shares(self, sizes: _Points) -> _Points:
        return np.asarray((1.0 - (1.0 - _SINGLE_REACH) ** sizes[:, np.newaxis]) @ self.mixture, dtype=np.float64)


def _fitted(sizes: _Points, draws: _Points, shares: _Points) -> Curve:
    """The curve through mean shares of so many draws of each size, by least squares of the relative error."""
    from scipy.optimize import nnls

    if not shares.any():
        return Curve(np.zeros(len(_SINGLE_REACH)), int(sizes[-1]))
    weights = np.sqrt(np.minimum(sizes * draws, _SUREST)) / np.maximum(shares, 1e-9)
    parts = 1.0 - (1.0 - _SINGLE_REACH) ** sizes[:, np.newaxis]
    return Curve(nnls(parts * weights[:, np.newaxis], shares * weights)[0], int(sizes[-1]))


@dataclass(frozen=True, slots=True)
class Yardstick:
    """What random traces of the traffic reach of it: the measure of what other items are worth."""

    panels: Sequence[Panel]
    sizes: tuple[int, ...]
    curve: Curve
    low: Curve
    """The same at the low ends of coverage's interval..."""
    high: Curve
    """... and at the high ends."""
    without: tuple[Curve, ...]
    """The curve without each of the panels, for its error (jackknife, Quenouille 1956; Tukey 1958)."""

    @property
    def longest(self) -> Interval:
        """Share of traffic that the most traces that were drawn reach."""
        return Interval(*(curve.share(curve.largest) for curve in (self.curve, self.low, self.high)))

    @property
    def still_rising(self) -> float:
        """Share of traffic that the second half of the most traces that were drawn added."""
        return self.curve.share(self.curve.largest) - self.curve.share(self.curve.largest / 2)


def own_curve(traffic: Traffic, random_state: int = 0) -> Yardstick:
    """What random traces of the traffic reach of it.

    Args:
        traffic: the distinct traces; sent at least twice in all.
        random_state: the same number gives the same draws.
    """
    parted = panels(traffic, random_state)
    available = len(parted[0].drawn)
    most = min(available, _SIZES[-1])
    sizes = (*(size for size in _SIZES if size < most), most)
    plan = _plan(sizes, available)
    draws = np.array([len(each) * len(parted) for each in plan], dtype=np.float64)
    found = np.array([[_mean_reach(panel, each) for each in plan] for panel in parted])

    def fitted(points: _Points) -> Curve:
        return _fitted(np.array(sizes, dtype=np.float64), draws, points.mean(axis=0))

    curve, low, high = (fitted(found[:, :, end]) for end in range(3))
    without = tuple(fitted(np.delete(found[:, :, 0], each, axis=0)) for each in range(len(parted)))
    return Yardstick(parted, sizes, curve, low, high, without)


def _plan(sizes: Sequence[int], available: int) -> list[list[slice]]:
    """Which of the available traces make the draws of each size: other ones for every size, as far as they go."""
    plan, start = [], 0
    for size in sizes:
        draws = min(max(round(_DRAWS / math.sqrt(size)), 1), available // size)
        if start + draws * size > available:
            start = 0
        plan.append([slice(start + draw * size, start + (draw + 1) * size) for draw in range(draws)])
        start += draws * size
    return plan


def _mean_reach(panel: Panel, draws: Sequence[slice]) -> _Points:
    """Mean share of the panel that draws reach: estimate, low and high, shape (3,)."""
    reached = np.array([_ends(panel.reach(panel.drawn[draw])) for draw in draws])
    return np.asarray(reached.mean(axis=0), dtype=np.float64)


def _ends(found: Interval) -> tuple[float, float, float]:
    return found.estimate, found.low, found.high


@dataclass(frozen=True, slots=True)
class Worth:
    """How many random traces of the traffic reach as much; with its 95 % interval."""

    estimate: float
    low: float
    high: float
    beyond: bool
    """The items reach more than the most traces that were drawn; `estimate` is their number."""


@dataclass(frozen=True, slots=True)
class Reach:
    """What a benchmark reaches of the traffic."""

    share: Interval
    worth: Worth
    clusters: tuple[ClusterGap, ...]
    covered: Floats
    """Probability for each distinct trace that some item asks the same, shape (n,)."""


def reach_of(traffic: Traffic, cells: Sequence[Cell], items: Vectors, own: Yardstick) -> Reach:
    """Share of traffic that a benchmark reaches, overall and by cluster, and what it is worth.

    Args:
        traffic: the distinct traces.
        cells: all cells; cell ids number them from 0.
        items: unit vectors, shape (items, d); may be empty.
        own: what random traces of the same traffic reach.
    """
    tested = test_against(traffic.placed, items, traffic.landscape)
    share = coverage_of(tested.covered, traffic.counts)
    sent = max(int(traffic.counts.sum()), 1)
    spread = float(np.average((tested.covered - share.estimate) ** 2, weights=traffic.counts))
    worth = _worth(own, items, math.sqrt(spread / sent))
    return Reach(share, worth, by_cluster(tested, traffic, cells), tested.covered)


def _worth(own: Yardstick, items: Vectors, error: float) -> Worth:
    """What items are worth, with an interval in log space.

    The interval joins the draw of the panels and of the traces on them, the draw of the traffic (`error`, the
    standard error of the share), and how far worth moves where coverage, of the items and of the traces alike,
    is at its low or its high end.
    """
    found = np.array([_ends(panel.reach(items)) for panel in own.panels])
    share, low_share, high_share = (float(end) for end in found.mean(axis=0))
    estimate = own.curve.worth(share)
    drawn = 1.96 * _drawn_error(own, found[:, 0])
    sent = [_log_ratio(own.curve.worth(share + sign * 1.96 * error), estimate) for sign in (-1.0, 1.0)]
    shifted = [_log_ratio(own.low.worth(low_share), estimate), _log_ratio(own.high.worth(high_share), estimate)]
    below = math.hypot(drawn, sent[0], min(*shifted, 0.0))
    above = math.hypot(drawn, sent[1], max(*shifted, 0.0))
    return Worth(
        estimate=estimate,
        low=estimate * math.exp(-below),
        high=min(estimate * math.exp(above), float(own.curve.largest)),
        beyond=share > own.longest.estimate,
    )


def _drawn_error(own: Yardstick, shares: _Points) -> float:
    """Standard error of the log of worth, from the panels and the draws: jackknife over panels."""
    count = len(own.panels)
    left = (float(np.delete(shares, panel).mean()) for panel in range(count))
    logs = [_log_ratio(curve.worth(share), 1.0) for curve, share in zip(own.without, left, strict=True)]
    return math.sqrt((count - 1) * float(np.var(logs)))


def _log_ratio(worth: float, other: float) -> float:
    return math.log(max(worth, _LEAST) / max(other, _LEAST))


def credits_of(reaches: Sequence[Reach], traffic: Traffic) -> tuple[list[Interval], Interval]:
    """Shares of traffic that are each benchmark's own, and the share that none of them reaches.

    A trace is reached as surely as the benchmark that comes nearest reaches it, and is shared out among all of
    them in proportion. Shares of one benchmark move with the ends of its reach.
    """
    covered = np.array([reach.covered for reach in reaches], dtype=np.float64)
    most = covered.max(axis=0)
    parts = covered * (most / np.maximum(covered.sum(axis=0), 1e-12))
    shares = parts @ traffic.counts / traffic.counts.sum()
    found = [_scaled(float(share), reach.share) for share, reach in zip(shares, reaches, strict=True)]
    any_of_them = coverage_of(most.astype(np.float32), traffic.counts)
    return found, Interval(1.0 - any_of_them.estimate, 1.0 - any_of_them.high, 1.0 - any_of_them.low)


def _scaled(share: float, reach: Interval) -> Interval:
    scale = share / max(reach.estimate, 1e-12)
    return Interval(share, scale * reach.low, scale * reach.high)
