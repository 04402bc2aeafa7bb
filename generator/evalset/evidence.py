"""What people's judgements say of production, alone or with a judge that they correct.

A frame is drawn twice: its items at random from production (`selection.draw_in_slices`), and those that people
judge at random from its strata (`next_judgement`). A judge, or automatic checks, may have an opinion of every item
of the frame. The estimate is the mean opinion over the frame plus the weighted mean of what people say beyond it,

    power * mean(opinion) + mean(outcome - power * opinion),

prediction-powered inference (Angelopoulos et al. 2023) in a frame that holds the judged items too, which is the
regression estimator of two-phase sampling (Cochran 1977, 12.6). A judge may be biased: what he is wrong by is
measured on what people judged and taken off. The power is tuned (PPI++, Angelopoulos, Duchi and Zrnic 2023) and drawn
to 0 by as much as it may be luck, so that a useless judge changes next to nothing. Opinions make strata, too.

The variance has two parts. That of the second draw is what outcomes less opinions vary by within strata, in the
part of each that nobody judged. Few disagreements do not prove that a judge is good: two judgements in which he is no
better than none are added, and what he explains counts as far as it cannot be luck. That of the first draw stays
however many are judged. Both go as an effective number of items into the intervals of `estimates`. How often they
hold the truth: `tests/evidence/decisions.py`.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Literal

import numpy as np

from generator.evalset.estimates import (
    CONFIDENCE,
    NOTHING,
    Drawn,
    Line,
    Mean,
    Values,
    change_of,
    line_of,
    quantile,
    share_of,
    stratified_mean,
    variance_within,
)
from generator.evalset.next_judgement import strata_of
from generator.evalset.scoring import speaking_of
from generator.records import Sample

Judgement = Literal["win", "tie", "loss", "both bad"]
Side = Literal["above", "below", "cannot tell"]

WORTH: Mapping[Judgement, float] = {"win": 1.0, "tie": 0.5, "loss": 0.0, "both bad": 0.5}
"""What a blind judgement of a pair counts for the answer that it is about."""
_DOUBT = 2.0
"""Judgements in which the judge is taken to be no better than none, added to those made."""
_FEWEST = 3
"""Judgements below which nothing is read off them but their mean."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure about production, with its interval."""

    estimate: float | None
    """None where nothing was judged."""
    low: float
    high: float
    judged: int
    """Random items that people judged."""
    opinions: int = 0
    """Random items of which the judge has an opinion."""
    power: float = 0.0
    """How far opinions are followed, 0 to 1."""
    alone: float = 0.0
    """Width of the interval that the same judgements have without the judge."""
    stays: float = 0.0
    """Share of the variance that stays when the whole frame is judged: that of the draw of the frame."""

    @property
    def width(self) -> float:
        """Of the interval."""
        return self.high - self.low

    @property
    def gain(self) -> float:
        """How much narrower the judge makes the interval, as a share of its width without him."""
        return 1.0 - self.width / self.alone if self.alone > 0.0 else 0.0

    def side(self, bound: float) -> Side:
        """On which side of a bound production lies."""
        if self.low > bound:
            return "above"
        return "below" if self.high < bound else "cannot tell"

    def more(self, bound: float = 0.0) -> int | None:
        """About how many more judgements would tell on which side of a bound it lies, if the estimate stays.

        More than the frame has left means that more random items are needed first; None, that judging more of
        this frame would not do, or that the estimate lies on the bound.
        """
        if self.side(bound) != "cannot tell":
            return 0
        if self.estimate is None or abs(self.estimate - bound) < NOTHING:
            return None
        reach = self.estimate - self.low if self.estimate > bound else self.high - self.estimate
        wanted = ((self.estimate - bound) / max(reach, NOTHING)) ** 2  # of the variance
        if wanted <= self.stays:
            return None
        return max(math.ceil(self.judged * ((1.0 - self.stays) / (wanted - self.stays) - 1.0)), 1)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "judged": self.judged,
            "opinions": self.opinions,
            "power": self.power,
            "alone": self.alone,
            "gain": self.gain,
        }


@dataclass(frozen=True, slots=True)
class WinRate:
    """Blind judgements of pairs, seen from one of the two."""

    rate: Estimate
    """Wins and half of the ties; both bad is a tie."""
    both_bad: Estimate
    counts: Mapping[Judgement, int]

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return self.rate.as_json() | {"both_bad": self.both_bad.as_json(), "counts": dict(self.counts)}


@dataclass(frozen=True, slots=True)
class _Scale:
    lowest: float
    """The highest is 1."""
    interval: Callable[[Mean, Values], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Judged:
    """What people judged of a frame."""

    frame: Line
    """All that could be judged, as it lies along the tree."""
    line: Line
    """What was judged, stratum by stratum."""
    left: Values
    """Share of the stratum of each that was not judged."""

    def alone(self, outcomes: Values, confidence: float) -> Mean:
        """The mean of what people said, with the variance that it has without a judge."""
        place = {each: number for number, each in enumerate(self.frame.ids)}
        places = np.array([place[each] for each in self.line.ids])
        order = np.argsort(places)
        tested = min(float(self.frame.lent[places].sum()), 1.0)
        return stratified_mean(self.line.lent[order], outcomes[order], tested, confidence)


@dataclass(frozen=True, slots=True)
class _Corrected:
    """The mean with a judge's help."""

    mean: Mean
    power: float
    stays: float


def pass_rate(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    people: Mapping[str, float],
    judge: Mapping[str, float] | None = None,
    ordered_by: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """The share of production that one candidate handles.

    Args:
        samples: The accepted items.
        frame: Every random draw, as in `scoring.score`.
        people: Item id -> 0 to 1, what people said. They must have judged in the order of `next_up`, or at
            random, or all.
        judge: Item id -> 0 to 1, what a judge or the automatic checks say; also of items that people judged.
        ordered_by: The opinions that `next_up` was given, where those are not the judge's.
        confidence: Of the interval.
    """
    return _estimate(samples, frame, people, judge, ordered_by, _SHARE, confidence)


def difference(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    first: Mapping[str, float],
    second: Mapping[str, float],
    judge: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
    ordered_by: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> Estimate:
    """What B (`second`) handles more of production than A (`first`), from items of which both were judged.

    Args:
        samples: As in `pass_rate`.
        frame: As in `pass_rate`.
        first: What people said of A.
        second: What people said of B.
        judge: What the judge says of A, and of B.
        ordered_by: As in `pass_rate`; the judge's opinion of a pair is that of B less that of A.
        confidence: Of the interval.
    """
    opinions = _less(judge[1], judge[0]) if judge else None
    return _estimate(samples, frame, _less(second, first), opinions, ordered_by, _CHANGE, confidence)


def win_rate(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    judgements: Mapping[str, Judgement],
    judge: Mapping[str, float] | None = None,
    ordered_by: Mapping[str, float] | None = None,
    confidence: float = CONFIDENCE,
) -> WinRate:
    """How often one answer beats the other in production.

    Args:
        samples: As in `pass_rate`.
        frame: As in `pass_rate`.
        judgements: Item id -> what people said, seen from the one.
        judge: Item id -> 1 win, .5 tie, 0 loss or between, what a judge or the automatic checks say.
        ordered_by: As in `pass_rate`.
        confidence: Of the intervals.
    """
    speaking = speaking_of(samples, frame)
    heard = {each: said for each, said in judgements.items() if each in speaking}
    worth = {each: WORTH[said] for each, said in heard.items()}
    both_bad = {each: float(said == "both bad") for each, said in heard.items()}
    return WinRate(
        _estimate(samples, frame, worth, judge, ordered_by, _SHARE, confidence),
        _estimate(samples, frame, both_bad, judge, ordered_by, _SHARE, confidence),
        {kind: sum(said == kind for said in heard.values()) for kind in WORTH},
    )


def _less(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    return {each: value - other[each] for each, value in one.items() if each in other}


def _share_interval(mean: Mean, _: Values) -> tuple[float, float]:
    found = share_of(mean)
    return found.low, found.high


_SHARE = _Scale(0.0, _share_interval)
_CHANGE = _Scale(-1.0, change_of)


def _estimate(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    people: Mapping[str, float],
    judge: Mapping[str, float] | None,
    ordered_by: Mapping[str, float] | None,
    scale: _Scale,
    confidence: float,
) -> Estimate:
    speaking = speaking_of(samples, frame)
    opinions = {each: opinion for each, opinion in (judge or {}).items() if each in speaking}
    heard = speaking & people.keys()
    if not heard:
        return Estimate(None, scale.lowest, 1.0, 0, len(opinions), alone=1.0 - scale.lowest)
    judged = _judged(frame, speaking, heard, opinions if ordered_by is None else ordered_by)
    outcomes = judged.line.values(people)
    # Where the judge says nothing, what he says on average says as little.
    usual = fmean(opinions.values()) if opinions else 0.0
    everywhere = defaultdict(lambda: usual, opinions)
    found = _corrected(judged, outcomes, everywhere, confidence)
    low, high = scale.interval(found.mean, outcomes)
    alone = scale.interval(judged.alone(outcomes, confidence), outcomes) if opinions else (low, high)
    estimate = min(max(found.mean.estimate, scale.lowest), 1.0)
    return Estimate(estimate, low, high, len(heard), len(opinions), found.power, alone[1] - alone[0], found.stays)


def _judged(
    frame: Sequence[Drawn], speaking: frozenset[str], heard: frozenset[str], ordered_by: Mapping[str, float]
) -> _Judged:
    whole = line_of(frame, speaking)
    opinions = {each: opinion for each, opinion in ordered_by.items() if each in speaking}
    of_item = strata_of([each for each in frame if each.id in speaking], opinions)
    drawn = [Drawn(each, of_item[each], weight) for each, weight in zip(whole.ids, whole.lent.tolist(), strict=True)]
    line = line_of(drawn, heard)
    size, done = Counter(of_item.values()), Counter(of_item[each] for each in heard)
    left = np.array([1.0 - done[of_item[each]] / size[of_item[each]] for each in line.ids])
    return _Judged(whole, line, left)


def _corrected(judged: _Judged, outcomes: Values, opinions: Mapping[str, float], confidence: float) -> _Corrected:
    weights, plain = judged.line.lent, judged.alone(outcomes, confidence)
    said = judged.line.values(opinions)
    power, proved = _power(weights, outcomes, said)
    rest = outcomes - power * said
    estimate = power * float(judged.frame.lent @ judged.frame.values(opinions)) + float(weights @ rest)
    effect, stays = 1.0, 0.0
    if plain.variance > NOTHING and len(outcomes) >= _FEWEST:
        without = plain.effect * plain.variance / max(1.0 - 1.0 / plain.size, NOTHING)
        within = variance_within(weights * np.sqrt(judged.left + NOTHING), rest, judged.line.tested)
        within *= len(rest) / max(len(rest) - 2.0, 1.0)  # mean and power were fitted to the same judgements
        within = (len(rest) * within + _DOUBT * without) / (len(rest) + _DOUBT)
        within = proved * within + (1.0 - proved) * without
        of_each = float(judged.frame.lent @ judged.frame.lent)
        variance = of_each * without + within * float(weights**2 @ judged.left)
        effect = variance * (plain.size - 1.0) / plain.variance
        stays = max(of_each * (without - within), 0.0) / variance
    freedom = plain.size - 1.0 - (power > 0.0)
    mean = Mean(estimate, plain.variance + estimate**2, plain.size, effect, quantile(freedom, confidence))
    return _Corrected(mean, power, stays)


def _power(weights: Values, outcomes: Values, opinions: Values) -> tuple[float, float]:
    """How far to follow the judge, and which part of his worth is no luck; both from 0 to 1.

    The slope of outcomes on opinions, drawn to 0 by what of it would be seen without any connection.
    """
    outcomes, opinions = outcomes - weights @ outcomes, opinions - weights @ opinions
    spread, total, shared = (float(weights @ each) for each in (opinions**2, outcomes**2, opinions * outcomes))
    if spread < NOTHING or total < NOTHING or len(outcomes) < _FEWEST or shared <= 0.0:
        return 0.0, 0.0
    explained = min(shared**2 / (spread * total), 1.0)
    proved = max(1.0 - (1.0 - explained) / (explained * (len(outcomes) - 2)), 0.0)
    return min(shared / spread * proved, 1.0), proved
