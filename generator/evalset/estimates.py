"""The arithmetic of scores: a mean over production from stratified draws, and the interval that it has.

The estimate is a stratified mean: strata are slices of equal traffic in the order of the tree, with about one
draw in each (`selection.draw_in_slices`).

One draw says nothing of the variance within its slice, but neighbours do (`variance_within`); against that of
all results it gives a design effect (Kish 1965). The sample size divided by it takes the place of n in Wilson's
interval (1927), with Student's t for the normal quantile, as Korn and Graubard (1998) do for that of Clopper
and Pearson. Few failures cannot show that slices help or that grades spread little: the fewer, the more is
taken for a simple random sample of passes and failures. Figures: `tests/evidence/intervals.py`.
"""

import math
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

CONFIDENCE = 0.95
NOTHING = 1e-9
_ADDED = 1.5
"""Changes added to a paired difference; Bonett and Price add 2, which holds the truth more often than it says.

Where hardly any item changes, this does so too, and must: to hold the truth in 93 % of cases whatever the models,
one that has seen none of 50 items change has to reach to .052 (1 - .07^(1/50)), and two models that hardly differ
are nearer than that. With 1 added it would hold the truth in 87 % where 2 of 100 items change and all for the better;
the score interval of Tango (1998) is wider in every such case that we tried."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A random draw of the frame, whether or not it was accepted or has a result."""

    id: str
    """Id of the draft, which is that of its sample."""
    stratum: str
    """Strata that follow one another by name lie near one another in the tree."""
    weight: float
    """Share of traffic it stands for."""
    rejected: bool = False
    """Whether a person rejected it."""


@dataclass(frozen=True, slots=True)
class Line:
    """The items that speak for production, as they lie along the tree."""

    ids: tuple[str, ...]
    own: Values
    """Share of traffic each stands for in its stratum."""
    lent: Values
    """That, and its part of neighbouring strata without a result; the sum is 1."""

    @property
    def tested(self) -> float:
        """Share of traffic in strata with a result of their own."""
        return min(float(self.own.sum()), 1.0)

    def values(self, results: Mapping[str, float]) -> Values:
        """The results of its items, in its order."""
        return np.array([results[each] for each in self.ids], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Mean:
    """A stratified mean, and what its variance is beside that of a simple random sample."""

    estimate: float
    second_moment: float
    size: float
    """How many items of equal weight would say as much."""
    effect: float
    """Variance of the mean of these items, against that of a simple random sample of `size`."""
    quantile: float

    @property
    def variance(self) -> float:
        """Of one item."""
        return self.second_moment - self.estimate**2


@dataclass(frozen=True, slots=True)
class Share:
    """A mean of scores between 0 and 1, with the ends of its interval and its effective number of items."""

    estimate: float
    low: float
    high: float
    size: float


def line_of(frame: Sequence[Drawn], speaking: AbstractSet[str]) -> Line:
    """The draws of a frame that speak; a stratum without any lends its weight to the nearest on both sides.

    Args:
        frame: Every random draw: they say what share of traffic each stratum has.
        speaking: Ids of at least one of them.
    """
    draws = sorted(frame, key=lambda drawn: (drawn.stratum, drawn.id))
    stratum = np.unique([drawn.stratum for drawn in draws], return_inverse=True)[1]
    speaks = np.array([drawn.id in speaking for drawn in draws])
    weights = np.array([drawn.weight for drawn in draws]) / sum(drawn.weight for drawn in draws)
    share, heard = (np.asarray(np.bincount(stratum, each), dtype=np.float64) for each in (weights, weights * speaks))
    of_item = stratum[speaks]
    part = weights[speaks] / heard[of_item]
    ids = tuple(drawn.id for drawn in draws if drawn.id in speaking)
    return Line(ids, part * share[of_item], part * _lent(share, heard > 0.0)[of_item])


def _lent(share: Values, tested: npt.NDArray[np.bool_]) -> Values:
    """The shares of strata in a row when each without a result lends half of its own to the nearest on either side."""
    heirs, lenders = np.flatnonzero(tested), np.flatnonzero(~tested)
    after = np.searchsorted(heirs, lenders)
    lent = share.copy()
    for heir in (np.maximum(after - 1, 0), np.minimum(after, len(heirs) - 1)):
        np.add.at(lent, heirs[heir], share[lenders] / 2)
    return lent


def stratified_mean(weights: Values, values: Values, tested: float, confidence: float = CONFIDENCE) -> Mean:
    """The mean of values in the order of the tree, by weights whose sum is 1.

    Args:
        weights: share of traffic that each stands for.
        values: one of each draw.
        tested: share of traffic that they were drawn from; for the rest they stand in.
        confidence: of the intervals to come.
    """
    estimate, second_moment = (float(np.average(each, weights=weights)) for each in (values, values**2))
    lumped = float(weights @ weights)
    total = second_moment - estimate**2
    effect = 1.0
    if total > NOTHING and len(values) > 2:
        effect = variance_within(weights, values, tested) * (1.0 - lumped) / total
    return Mean(estimate, second_moment, 1.0 / lumped, effect, quantile(1.0 / lumped - 1.0, confidence))


def quantile(freedom: float, confidence: float) -> float:
    """Student's t for an interval, by degrees of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(max(freedom, 1.0), 0.5 + confidence / 2))


def variance_within(weights: Values, values: Values, tested: float) -> float:
    """Variance of one draw in its slice, from the differences to the next draw and to the one after.

    Successive differences (Wolter 2007) alone count in that neighbouring slices differ. What two draws differ by
    grows with their distance: those of neighbours are one slice apart, those of the next but one two, two of
    the same slice a third. That is read off a straight line, but for draws that stand in for a neighbour, which
    are one slice from what they stand for. Scores of 0 and 1 never come out below a third of the successive
    differences; graded ones are held to that.

    Args:
        weights: a draw that stands for more counts for more.
        values: at least three, one of each draw in the order of the tree.
        tested: as in `stratified_mean`.
    """
    next_one, next_but_one = (_half_square_difference(weights, values, lag) for lag in (1, 2))
    return max(next_one - tested * 2 / 3 * (next_but_one - next_one), next_one / 3)


def _half_square_difference(weights: Values, values: Values, lag: int) -> float:
    squares = weights**2
    return float(np.average((values[lag:] - values[:-lag]) ** 2, weights=squares[lag:] + squares[:-lag])) / 2


def _drawn_to_one(effect: float, seen: float) -> float:
    """A ratio of variances as far as so many items that differ from the others can show it."""
    return (seen**2 * effect + 1.0) / (seen**2 + 1.0)


def share_of(mean: Mean) -> Share:
    """A mean of scores with its interval."""
    estimate = min(max(mean.estimate, 0.0), 1.0)
    rarer = mean.size * min(estimate, 1.0 - estimate)
    binary = estimate * (1.0 - estimate)
    # Wilson's interval takes every item for a pass or a failure; graded scores spread less.
    graded = mean.variance / binary if mean.variance > NOTHING and binary > NOTHING else 1.0
    low, high = wilson(estimate, mean.size / _drawn_to_one(mean.effect * graded, rarer), mean.quantile)
    return Share(estimate, low, high, mean.size / _drawn_to_one(mean.effect, rarer))


def change_of(mean: Mean, change: Values, times: float = 1.0) -> tuple[float, float]:
    """The interval of a mean change, or what it would be with so many times the items.

    That of Bonett and Price (2012) for paired proportions (changes in both directions are added to those seen),
    carried over to scores and to strata by the effective number of items.
    """
    changed = change[change != 0.0]
    added = float(np.mean(changed**2)) if len(changed) else 1.0  # as large as a change is in these results
    size = times * mean.size / _drawn_to_one(mean.effect, len(changed))
    weight = size / (size + _ADDED)
    centre = weight * mean.estimate
    spread = weight * mean.second_moment + (1.0 - weight) * added - centre**2
    reach = mean.quantile * math.sqrt(spread / (size + _ADDED))
    # Drawn to 0 by what was added, the interval of a large difference must still hold the estimate.
    return max(min(centre - reach, mean.estimate), -1.0), min(max(centre + reach, mean.estimate), 1.0)


def wilson(share: float, size: float, quantile: float) -> tuple[float, float]:
    """Wilson's interval of a share among so many items."""
    square = quantile**2 / size
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(min(centre - reach, share), 0.0), min(max(centre + reach, share), 1.0)
