"""From item results to what they say of production: one number with an interval, and what it cannot say.

Only random draws enter the estimate, because only they stand for other traffic; typical and drafted items
find failures and are counted apart. The estimate is a stratified mean: strata are slices of equal traffic in
the order of the tree, with about one draw in each (`selection.draw_in_slices`).

One draw says nothing of the variance within its slice, but neighbours do (`_variance_within`); against that of
all results it gives a design effect (Kish 1965). The sample size divided by it takes the place of n in Wilson's
interval (1927), with Student's t for the normal quantile, as Korn and Graubard (1998) do for that of Clopper
and Pearson. Few failures cannot show that slices help or that grades spread little: the fewer, the more is
taken for a simple random sample of passes and failures. Figures: `tests/evidence/intervals.py`.
"""

import math
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from generator.records import Cluster, Sample

DifferenceVerdict = Literal["A better", "B better", "cannot tell"]

_LEVEL = 0.95
_ADDED = 1.5
"""Changes added to a paired difference; Bonett and Price add 2, which holds the truth more often than it says."""
_FEW = 30
"""Below this many random items the score says that it is rough."""

_NOTHING = 1e-9
_MOST_ITEMS = 10**7
"""More items than this would settle no difference that matters."""
_NO_RANDOM_ITEM = "No random item has a result, so nothing can be said of production; accept random items and run them."

_Values = npt.NDArray[np.float64]


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
class Rate:
    """A share of passes among some items, with its interval."""

    items: int
    estimate: float | None
    """None without items."""
    low: float = 0.0
    high: float = 1.0

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"items": self.items, "estimate": self.estimate, "low": self.low, "high": self.high}


@dataclass(frozen=True, slots=True)
class ClusterScore:
    """What the results say of one cluster."""

    id: str
    name: str
    share: float
    """Of traffic."""
    production: Rate
    """From random items: an estimate for the cluster's traffic."""
    discovery: Rate
    """From typical and drafted items: what was found, no estimate of traffic."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        row = {"id": self.id, "name": self.name, "share": self.share}
        return row | self.production.as_json() | {"discovery": self.discovery.as_json()}


@dataclass(frozen=True, slots=True)
class KindScore:
    """What was found with one kind of item of the discovery frame."""

    origin: str
    kind: str
    rate: Rate

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {"origin": self.origin, "kind": self.kind} | self.rate.as_json()


@dataclass(frozen=True, slots=True)
class Score:
    """The production-weighted score."""

    estimate: float | None
    """None where no random item has a result: then nothing can be said of production (exit code 3)."""
    low: float
    high: float
    """The 95 % interval; 0 to 1 without an estimate."""
    items: int
    """Random items with a result."""
    effective_n: float
    """How many items of a simple random sample would say as much."""
    untested_share: float
    """Share of traffic in strata without any result of their own."""
    bounds: tuple[float, float]
    """The interval over tested strata, with all untested traffic failing and with all of it passing."""
    rejected: int
    """Random draws that people rejected; nobody draws others for them, which would favour what people accept."""
    rejected_share: float
    """Share of traffic these stand for."""
    clusters: tuple[ClusterScore, ...]
    """Every cluster, by traffic."""
    edge_cases: tuple[KindScore, ...]
    note: str

    def as_json(self) -> dict[str, Any]:
        """The contract of `score --json`."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "items": self.items,
            "effective_n": self.effective_n,
            "untested_share": self.untested_share,
            "bounds": {"low": self.bounds[0], "high": self.bounds[1]},
            "rejected": self.rejected,
            "rejected_share": self.rejected_share,
            "clusters": [row.as_json() for row in self.clusters],
            "edge_cases": [row.as_json() for row in self.edge_cases],
            "note": self.note,
        }


@dataclass(frozen=True, slots=True)
class Difference:
    """Two result files on the same random items."""

    estimate: float | None
    """B less A, so above 0 where B is better; None where no random item has both results."""
    low: float
    high: float
    items: int
    """Random items with both results."""
    verdict: DifferenceVerdict
    more_items: int | None
    """About how many more random items would settle it if the difference stays; None if none would."""

    def as_json(self) -> dict[str, Any]:
        """The contract of `difference` in `score --json`."""
        return {
            "estimate": self.estimate,
            "low": self.low,
            "high": self.high,
            "items": self.items,
            "verdict": self.verdict,
            "more_items": self.more_items,
        }


@dataclass(frozen=True, slots=True)
class _Line:
    """The items that speak for production, as they lie along the tree."""

    ids: tuple[str, ...]
    own: _Values
    """Share of traffic each stands for in its stratum."""
    lent: _Values
    """That, and its part of neighbouring strata without a result; the sum is 1."""

    @property
    def tested(self) -> float:
        """Share of traffic in strata with a result of their own."""
        return min(float(self.own.sum()), 1.0)

    def values(self, results: Mapping[str, float]) -> _Values:
        return np.array([results[each] for each in self.ids], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Mean:
    """A stratified mean, and what its variance is beside that of a simple random sample."""

    estimate: float
    second_moment: float
    size: float
    """How many items of equal weight would say as much."""
    effect: float
    """Variance of the mean of these items, against that of a simple random sample of `size`."""
    quantile: float


def score(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    results: Mapping[str, float],
    clusters: Sequence[Cluster] = (),
) -> Score:
    """What the results of an evaluation say of production.

    Args:
        samples: The accepted items.
        frame: Every random draw, also those rejected or without a result: they say what share of traffic
            each stratum has. A stratum without a result lends its weight to the nearest on both sides.
        results: Item id -> score, 0 to 1. Ids of no sample are ignored.
        clusters: For the rows by cluster.
    """
    scored = [sample for sample in samples if sample.id in results]
    speaking = _speaking(scored, frame)
    found = [sample for sample in scored if sample.id not in speaking]
    kinds = _by_kind(found, results)
    rejected, rejected_share = _rejected(frame)
    if not speaking:
        rows = _by_cluster(clusters, scored, {}, results)
        return Score(None, 0.0, 1.0, 0, 0.0, 1.0, (0.0, 1.0), rejected, rejected_share, rows, kinds, _NO_RANDOM_ITEM)
    line = _line(frame, speaking)
    values = line.values(results)
    tested = line.tested
    share, alone = _share(line.lent, values, tested), _share(line.own / line.own.sum(), values, 1.0)
    return Score(
        estimate=share.estimate,
        low=share.low,
        high=share.high,
        items=len(speaking),
        effective_n=share.size,
        untested_share=1.0 - tested,
        bounds=(tested * alone.low, 1.0 - tested * (1.0 - alone.high)),
        rejected=rejected,
        rejected_share=rejected_share,
        clusters=_by_cluster(clusters, scored, dict(zip(line.ids, line.own.tolist(), strict=True)), results),
        edge_cases=kinds,
        note=_note(len(speaking), len(found), 1.0 - tested, rejected, rejected_share),
    )


def difference(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    first: Mapping[str, float],
    second: Mapping[str, float],
) -> Difference:
    """Whether production would be better served by B (`second`) than by A (`first`).

    The mean over production of B less A on the same items, with the interval of Bonett and Price (2012)
    for paired proportions (changes in both directions are added to those seen), carried over to scores and to
    strata by the effective number of items.

    Args:
        samples: As in `score`.
        frame: As in `score`.
        first: Results of A.
        second: Results of B.
    """
    speaking = _speaking([sample for sample in samples if sample.id in first and sample.id in second], frame)
    if not speaking:
        return Difference(None, -1.0, 1.0, 0, "cannot tell", None)
    line = _line(frame, speaking)
    change = line.values(second) - line.values(first)
    mean = _mean(line.lent, change, line.tested)
    low, high = _change(mean, change)
    verdict = _verdict(low, high)
    more = _more_items(mean, change) if verdict == "cannot tell" else 0
    return Difference(mean.estimate, low, high, len(speaking), verdict, more)


def _change(mean: _Mean, change: _Values, times: float = 1.0) -> tuple[float, float]:
    """The interval of a mean change, or what it would be with so many times the items."""
    changed = change[change != 0.0]
    added = float(np.mean(changed**2)) if len(changed) else 1.0  # as large as a change is in these results
    size = times * mean.size / _drawn_to_one(mean.effect, len(changed))
    weight = size / (size + _ADDED)
    centre = weight * mean.estimate
    spread = weight * mean.second_moment + (1.0 - weight) * added - centre**2
    reach = mean.quantile * math.sqrt(spread / (size + _ADDED))
    # Drawn to 0 by what was added, the interval of a large difference must still hold the estimate.
    return max(min(centre - reach, mean.estimate), -1.0), min(max(centre + reach, mean.estimate), 1.0)


def _verdict(low: float, high: float) -> DifferenceVerdict:
    if low > 0.0:
        return "B better"
    return "A better" if high < 0.0 else "cannot tell"


def _more_items(mean: _Mean, change: _Values) -> int | None:
    if abs(mean.estimate) < _NOTHING:
        return None
    more = bisect_left(
        range(1, _MOST_ITEMS),
        True,
        key=lambda more: _verdict(*_change(mean, change, 1 + more / len(change))) != "cannot tell",
    )
    return more + 1 if more + 1 < _MOST_ITEMS else None


def _speaking(scored: Iterable[Sample], frame: Sequence[Drawn]) -> frozenset[str]:
    """Ids of the items that speak for production: random draws as production sent them."""
    drawn = {each.id for each in frame if each.weight > 0.0}
    return frozenset(each.id for each in scored if each.origin == "random" and each.weight > 0.0 and each.id in drawn)


def _rejected(frame: Sequence[Drawn]) -> tuple[int, float]:
    """How many draws were rejected, and the share of traffic they stand for."""
    weights = [drawn.weight for drawn in frame if drawn.rejected]
    return len(weights), sum(weights) / (sum(drawn.weight for drawn in frame) or 1.0)


def _line(frame: Sequence[Drawn], speaking: frozenset[str]) -> _Line:
    draws = sorted(frame, key=lambda drawn: (drawn.stratum, drawn.id))
    stratum = np.unique([drawn.stratum for drawn in draws], return_inverse=True)[1]
    speaks = np.array([drawn.id in speaking for drawn in draws])
    weights = np.array([drawn.weight for drawn in draws]) / sum(drawn.weight for drawn in draws)
    share, heard = (np.asarray(np.bincount(stratum, each), dtype=np.float64) for each in (weights, weights * speaks))
    of_item = stratum[speaks]
    part = weights[speaks] / heard[of_item]
    ids = tuple(drawn.id for drawn in draws if drawn.id in speaking)
    return _Line(ids, part * share[of_item], part * _lent(share, heard > 0.0)[of_item])


def _lent(share: _Values, tested: npt.NDArray[np.bool_]) -> _Values:
    """The shares of strata in a row when each without a result lends half of its own to the nearest on either side."""
    heirs, lenders = np.flatnonzero(tested), np.flatnonzero(~tested)
    after = np.searchsorted(heirs, lenders)
    lent = share.copy()
    for heir in (np.maximum(after - 1, 0), np.minimum(after, len(heirs) - 1)):
        np.add.at(lent, heirs[heir], share[lenders] / 2)
    return lent


def _mean(weights: _Values, values: _Values, tested: float) -> _Mean:
    """The mean of values in the order of the tree, by weights whose sum is 1.

    Args:
        weights: share of traffic that each stands for.
        values: one of each draw.
        tested: share of traffic that they were drawn from; for the rest they stand in.
    """
    from scipy.special import stdtrit

    estimate, second_moment = (float(np.average(each, weights=weights)) for each in (values, values**2))
    lumped = float(weights @ weights)
    total = second_moment - estimate**2
    effect = 1.0
    if total > _NOTHING and len(values) > 2:
        effect = _variance_within(weights, values, tested) * (1.0 - lumped) / total
    quantile = float(stdtrit(max(1.0 / lumped - 1.0, 1.0), 0.5 + _LEVEL / 2))
    return _Mean(estimate, second_moment, 1.0 / lumped, effect, quantile)


def _variance_within(weights: _Values, values: _Values, tested: float) -> float:
    """Variance of one draw in its slice, from the differences to the next draw and to the one after.

    Successive differences (Wolter 2007) alone count in that neighbouring slices differ. What two draws differ by
    grows with their distance: those of neighbours are one slice apart, those of the next but one two, two of
    the same slice a third. That is read off a straight line, but for draws that stand in for a neighbour, which
    are one slice from what they stand for. Scores of 0 and 1 never come out below a third of the successive
    differences; graded ones are held to that.

    Args:
        weights: a draw that stands for more counts for more.
        values: at least three, one of each draw in the order of the tree.
        tested: as in `_mean`.
    """
    next_one, next_but_one = (_half_square_difference(weights, values, lag) for lag in (1, 2))
    return max(next_one - tested * 2 / 3 * (next_but_one - next_one), next_one / 3)


def _half_square_difference(weights: _Values, values: _Values, lag: int) -> float:
    squares = weights**2
    return float(np.average((values[lag:] - values[:-lag]) ** 2, weights=squares[lag:] + squares[:-lag])) / 2


def _drawn_to_one(effect: float, seen: float) -> float:
    """A ratio of variances as far as so many items that differ from the others can show it."""
    return (seen**2 * effect + 1.0) / (seen**2 + 1.0)


@dataclass(frozen=True, slots=True)
class _Share:
    """A mean of scores between 0 and 1, with the ends of its interval and its effective number of items."""

    estimate: float
    low: float
    high: float
    size: float


def _share(weights: _Values, values: _Values, tested: float) -> _Share:
    mean = _mean(weights, values, tested)
    estimate = min(max(mean.estimate, 0.0), 1.0)
    rarer = mean.size * min(estimate, 1.0 - estimate)
    total, binary = mean.second_moment - mean.estimate**2, estimate * (1.0 - estimate)
    # Wilson's interval takes every item for a pass or a failure; graded scores spread less.
    graded = total / binary if total > _NOTHING and binary > _NOTHING else 1.0
    low, high = _wilson(estimate, mean.size / _drawn_to_one(mean.effect * graded, rarer), mean.quantile)
    return _Share(estimate, low, high, mean.size / _drawn_to_one(mean.effect, rarer))


def _wilson(share: float, size: float, quantile: float) -> tuple[float, float]:
    square = quantile**2 / size
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(min(centre - reach, share), 0.0), min(max(centre + reach, share), 1.0)


def _by_cluster(
    clusters: Sequence[Cluster], scored: Sequence[Sample], stands_for: Mapping[str, float], results: Mapping[str, float]
) -> tuple[ClusterScore, ...]:
    members: defaultdict[str, list[Sample]] = defaultdict(list)
    for sample in scored:
        members[sample.cluster_id].append(sample)
    rows = []
    for cluster in sorted(clusters, key=lambda each: (-each.weight, each.id)):
        own = members[cluster.id]
        production = [(results[each.id], stands_for[each.id]) for each in own if each.id in stands_for]
        discovery = [(results[each.id], 1.0) for each in own if each.id not in stands_for]
        rows.append(ClusterScore(cluster.id, cluster.name, cluster.weight, _rate(production), _rate(discovery)))
    return tuple(rows)


def _by_kind(found: Iterable[Sample], results: Mapping[str, float]) -> tuple[KindScore, ...]:
    kinds: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for sample in found:
        kinds[sample.origin, sample.kind].append((results[sample.id], 1.0))
    return tuple(KindScore(origin, kind, _rate(values)) for (origin, kind), values in sorted(kinds.items()))


def _rate(values: Sequence[tuple[float, float]]) -> Rate:
    """Weighted mean and Wilson interval of scores with their weights."""
    if not values:
        return Rate(0, None)
    scores, weights = np.array(values, dtype=np.float64).T
    share = min(max(float(scores @ weights / weights.sum()), 0.0), 1.0)
    size = float(weights.sum() ** 2 / (weights**2).sum())
    return Rate(len(values), share, *_wilson(share, size, NormalDist().inv_cdf(0.5 + _LEVEL / 2)))


def _note(speaking: int, found: int, untested: float, rejected: int, rejected_share: float) -> str:
    parts = [f"Estimated from {speaking} random items, which stand for production."]
    if found:
        parts.append(f"The other {found} (typical, drafted or edited) find failures and are counted apart.")
    if speaking < _FEW:
        parts.append(f"Fewer than {_FEW} random items: the interval is rough.")
    if untested > _NOTHING:
        parts.append(f"{100 * untested:.1f} % of traffic is in strata without a result.")
    if rejected:
        many = "random draws were rejected; they stand" if rejected > 1 else "random draw was rejected; it stands"
        parts.append(f"{rejected} {many} for {100 * rejected_share:.1f} % of traffic.")
    return " ".join(parts)


_FAMILIES = {
    "claude": r"claude",
    "gpt": r"gpt|chatgpt|o[1-9]",
    "gemini": r"gemini|gemma",
    "llama": r"llama|codellama",
    "mistral": r"mistral|mixtral|ministral|codestral|magistral|devstral|pixtral",
    "qwen": r"qwen|qwq",
    "deepseek": r"deepseek",
    "command": r"command|aya",
    "phi": r"phi",
    "grok": r"grok",
    "nova": r"nova",
    "glm": r"glm|chatglm",
    "kimi": r"kimi",
    "granite": r"granite",
    "nemotron": r"nemotron",
}
"""Names by which one maker's models go, at the start of a word."""


def same_family(drafting_model: str, judged_model: str) -> bool:
    """Whether two models come of one family, so that items drafted by one may flatter the other.

    Read from the model's name first, since an `openai/` server may serve any model, then from the whole.
    """
    first, second = _family(drafting_model), _family(judged_model)
    return first is not None and first == second


def _family(model: str) -> str | None:
    name = model.casefold().strip()
    if not name or name.startswith("offline"):
        return None
    # A distilled model names its teacher as well; the last name is that of the weights.
    found = [
        (match.start(), family)
        for family, pattern in _FAMILIES.items()
        for match in re.finditer(rf"(?<![a-z0-9])(?:{pattern})", name)
    ]
    return max(found)[1] if found else name.rpartition("/")[2]
