"""From item results to what they say of production: one number with an interval, and what it cannot say.

Only random draws enter the estimate, because only they stand for other traffic; typical and drafted items
find failures and are counted apart. The estimate is a post-stratified mean: strata are pieces of the tree,
each with its share of traffic as weight.

Interval (figures: `tests/evidence/intervals.py`). The variance of a stratum is its own where it has two
results. A lone result says nothing of its stratum; it gets the mean of the pooled variance within strata
and of that between it and its neighbours in the tree, or of all items where the tree is not known. That
gives a design effect against a simple random sample (Kish 1965), which is drawn to 1 as if by one item
that fails more, because few failures cannot show that the strata help. The sample size divided by that
effect takes the place of n in Wilson's interval (1927), with Student's t for the normal quantile, as Korn
and Graubard (1998) do for that of Clopper and Pearson.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from generator.records import Cluster, Merge, Sample

DifferenceVerdict = Literal["A better", "B better", "cannot tell"]

_LEVEL = 0.95
_DOUBT = 1.0
"""Failures (or passes, if those are fewer) that the belief in a design effect of 1 weighs."""
_FEW = 30
"""Below this many random items the score says that it is rough."""

_NOTHING = 1e-9
_NO_RANDOM_ITEM = "No random item has a result, so nothing can be said of production; accept random items and run them."

_Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Drawn:
    """A random draw of the frame, whether or not it was accepted or has a result."""

    id: str
    """Id of the draft, which is that of its sample."""
    stratum: str
    weight: float
    """Share of traffic it stands for."""


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
class _Design:
    """Items in their strata, every stratum with at least one item; drawn in two frames, an item is in both."""

    ids: tuple[str, ...]
    stratum: npt.NDArray[np.int64]
    """Of each item, as an index into `weights`."""
    weights: _Values
    """Share of traffic of each stratum; the sum is 1."""
    ordered: bool
    """Whether strata that follow one another lie near one another in the tree."""
    tested_share: float
    """Of all traffic, in strata with a result of their own."""

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        return np.bincount(self.stratum, minlength=len(self.weights))

    def item_weights(self) -> _Values:
        """Share of traffic each item stands for."""
        return np.asarray((self.weights / self.sizes)[self.stratum], dtype=np.float64)

    def values(self, results: Mapping[str, float]) -> _Values:
        return np.array([results[each] for each in self.ids], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Mean:
    """A post-stratified mean, and how many items of a simple random sample it is worth."""

    estimate: float
    second_moment: float
    size: float
    """Effective number of items."""
    quantile: float


def score(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    results: Mapping[str, float],
    clusters: Sequence[Cluster] = (),
    order: Sequence[str] = (),
) -> Score:
    """What the results of an evaluation say of production.

    Args:
        samples: The accepted items.
        frame: Every random draw, also those rejected or without a result: they say what share of traffic
            each stratum has. Several frames of one project may be given together.
        results: Item id -> score, 0 to 1. Ids of no sample are ignored.
        clusters: For the rows by cluster.
        order: Strata as they lie in the tree (`order_of_strata`). A stratum without a result then lends its
            weight to the nearest one with a result; without an order the estimate leaves it out.
    """
    scored = [sample for sample in samples if sample.id in results]
    speaking = _speaking(scored, frame)
    found = [sample for sample in scored if sample.id not in speaking]
    kinds = _by_kind(found, results)
    if not speaking:
        rows = _by_cluster(clusters, scored, None, results)
        return Score(None, 0.0, 1.0, 0, 0.0, 1.0, (0.0, 1.0), rows, kinds, _NO_RANDOM_ITEM)
    tested, design = _design(frame, speaking, ()), _design(frame, speaking, order)
    mean, low, high = _share(design, design.values(results))
    return Score(
        estimate=mean.estimate,
        low=low,
        high=high,
        items=len(speaking),
        effective_n=mean.size,
        untested_share=1.0 - tested.tested_share,
        bounds=_bounds(tested, tested.values(results)),
        clusters=_by_cluster(clusters, scored, tested, results),
        edge_cases=kinds,
        note=_note(len(speaking), len(found), 1.0 - tested.tested_share),
    )


def difference(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    first: Mapping[str, float],
    second: Mapping[str, float],
    order: Sequence[str] = (),
) -> Difference:
    """Whether production would be better served by B (`second`) than by A (`first`).

    The mean over production of B less A on the same items, with the interval of Bonett and Price (2012)
    for paired proportions (one item added that only A passes and one that only B does), carried over to
    scores and to strata by the effective number of items.

    Args:
        samples: As in `score`.
        frame: As in `score`.
        first: Results of A.
        second: Results of B.
        order: As in `score`.
    """
    speaking = _speaking([sample for sample in samples if sample.id in first and sample.id in second], frame)
    if not speaking:
        return Difference(None, -1.0, 1.0, 0, "cannot tell", None)
    design = _design(frame, speaking, order)
    change = design.values(second) - design.values(first)
    changed = change[change != 0.0]
    mean = _mean(design, change, len(changed))
    added = float(np.mean(changed**2)) if len(changed) else 1.0  # as large as a change is in these results
    size = mean.size + 2.0
    centre = mean.estimate * mean.size / size
    spread = (mean.second_moment * mean.size + 2.0 * added) / size - centre**2
    reach = mean.quantile * math.sqrt(spread / size)
    # Drawn to 0 by the two added items, the interval of a large difference must still hold the estimate.
    low = max(min(centre - reach, mean.estimate), -1.0)
    high = min(max(centre + reach, mean.estimate), 1.0)
    verdict = _verdict(low, high)
    more = _more_items(mean, spread, len(speaking)) if verdict == "cannot tell" else 0
    return Difference(mean.estimate, low, high, len(speaking), verdict, more)


def _verdict(low: float, high: float) -> DifferenceVerdict:
    if low > 0.0:
        return "B better"
    return "A better" if high < 0.0 else "cannot tell"


def _more_items(mean: _Mean, spread: float, items: int) -> int | None:
    if abs(mean.estimate) < _NOTHING:
        return None
    needed = mean.quantile**2 * spread / mean.estimate**2
    return max(math.ceil((needed - mean.size) * items / mean.size), 1)


def order_of_strata(frame: Iterable[Drawn], cell_of: Mapping[str, int], merges: Sequence[Merge]) -> list[str]:
    """The strata as they lie along the leaves of the tree, so that near ones come together.

    Args:
        frame: The random draws.
        cell_of: Cell of a draw's trace, by the id of the draw; draws without one are passed over.
        merges: The tree.
    """
    place = {cell: number for number, cell in enumerate(_leaves(merges))}
    first: dict[str, int] = {}
    for drawn in frame:
        if (cell := cell_of.get(drawn.id)) in place:
            first[drawn.stratum] = min(place[cell], first.get(drawn.stratum, len(place)))
    return sorted(first, key=lambda stratum: (first[stratum], stratum))


def _leaves(merges: Sequence[Merge]) -> list[int]:
    cells = len(merges) + 1
    waiting, found = [cells + len(merges) - 1], []
    while waiting:
        node = waiting.pop()
        if node < cells:
            found.append(node)
        else:
            waiting += [merges[node - cells].right, merges[node - cells].left]
    return found


def _speaking(scored: Iterable[Sample], frame: Sequence[Drawn]) -> frozenset[str]:
    """Ids of the items that speak for production: random draws as production sent them."""
    drawn = {each.id for each in frame if each.weight > 0.0}
    return frozenset(each.id for each in scored if each.origin == "random" and each.weight > 0.0 and each.id in drawn)


def _design(frame: Sequence[Drawn], speaking: frozenset[str], order: Sequence[str]) -> _Design:
    traffic: defaultdict[str, float] = defaultdict(float)
    for drawn in frame:
        traffic[drawn.stratum] += drawn.weight
    draws = sorted({(drawn.id, drawn.stratum) for drawn in frame if drawn.id in speaking})
    tested = {stratum for _, stratum in draws}
    tested_share = sum(traffic[stratum] for stratum in tested) / sum(traffic.values())
    lent: defaultdict[str, float] = defaultdict(float)
    for stratum, share in traffic.items():
        if (heir := _heir(stratum, tested, order)) is not None:
            lent[heir] += share
    place = {stratum: number for number, stratum in enumerate(order)}
    ranked = sorted(tested, key=lambda stratum: (place.get(stratum, len(place)), stratum))
    names = {stratum: number for number, stratum in enumerate(ranked)}
    weights = np.array([lent[stratum] for stratum in names])
    ids = tuple(each for each, _ in draws)
    index = np.array([names[stratum] for _, stratum in draws], dtype=np.int64)
    return _Design(ids, index, weights / weights.sum(), bool(order), min(tested_share, 1.0))


def _heir(stratum: str, tested: set[str], order: Sequence[str]) -> str | None:
    """The stratum itself where it has results, else the nearest in the tree that has."""
    if stratum in tested or stratum not in order:
        return stratum if stratum in tested else None
    place = order.index(stratum)
    near = [(abs(other - place), other) for other, name in enumerate(order) if name in tested]
    return order[min(near)[1]] if near else None


def _mean(design: _Design, values: _Values, rarer: float) -> _Mean:
    """The mean, and its effective number of items.

    Args:
        design: Items in their strata.
        values: One of each item.
        rarer: How many items differ from what most do; the fewer, the less they can say of the design.
    """
    from scipy.special import stdtrit

    means = np.bincount(design.stratum, values) / design.sizes
    squares = np.bincount(design.stratum, values**2) / design.sizes
    estimate, second_moment = float(design.weights @ means), float(design.weights @ squares)
    total = second_moment - estimate**2
    shares = design.weights**2 / design.sizes
    effect = 1.0
    if total > _NOTHING:
        variances = _variances(design, means, squares, total)
        effect = float(shares @ variances / (shares.sum() * total))
    effect = (rarer * effect + _DOUBT) / (rarer + _DOUBT)
    quantile = float(stdtrit(max(len(values) - 1, 1), 0.5 + _LEVEL / 2))
    return _Mean(estimate, second_moment, 1.0 / (float(shares.sum()) * effect), quantile)


def _variances(design: _Design, means: _Values, squares: _Values, total: float) -> _Values:
    """Variance of one item in each stratum."""
    sizes, free = design.sizes, design.sizes - 1
    own = np.maximum(sizes * (squares - means**2), 0.0)
    lone = _neighbour_variances(sizes, means) if design.ordered and len(sizes) > 1 else np.full(len(sizes), total)
    if free.any():
        lone = (lone + own.sum() / free.sum()) / 2
    return np.where(free > 0, own / np.maximum(free, 1), lone)


def _neighbour_variances(sizes: npt.NDArray[np.int64], means: _Values) -> _Values:
    """Variance of one item from the differences to the strata on both sides (Wolter 2007, successive differences)."""
    steps = np.diff(means) ** 2 / (1 / sizes[1:] + 1 / sizes[:-1])
    return (np.concatenate((steps[:1], steps)) + np.concatenate((steps, steps[-1:]))) / 2


def _share(design: _Design, values: _Values) -> tuple[_Mean, float, float]:
    """A mean of scores between 0 and 1, with the ends of its interval."""
    plain = float(design.item_weights() @ values)
    mean = _mean(design, values, len(values) * max(min(plain, 1.0 - plain), 0.0))
    total, binary = mean.second_moment - mean.estimate**2, mean.estimate * (1.0 - mean.estimate)
    # Wilson's interval takes every item for a pass or a failure; graded scores spread less.
    graded = total / binary if total > _NOTHING and binary > _NOTHING else 1.0
    return mean, *_wilson(min(max(mean.estimate, 0.0), 1.0), mean.size / graded, mean.quantile)


def _wilson(share: float, size: float, quantile: float) -> tuple[float, float]:
    square = quantile**2 / size
    centre = (share + square / 2) / (1 + square)
    reach = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(min(centre - reach, share), 0.0), min(max(centre + reach, share), 1.0)


def _bounds(tested: _Design, values: _Values) -> tuple[float, float]:
    _, low, high = _share(tested, values)
    return tested.tested_share * low, 1.0 - tested.tested_share * (1.0 - high)


def _by_cluster(
    clusters: Sequence[Cluster], scored: Sequence[Sample], design: _Design | None, results: Mapping[str, float]
) -> tuple[ClusterScore, ...]:
    stands_for: defaultdict[str, float] = defaultdict(float)
    if design:
        for each, weight in zip(design.ids, design.item_weights().tolist(), strict=True):
            stands_for[each] += weight
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


def _note(speaking: int, found: int, untested: float) -> str:
    parts = [f"Estimated from {speaking} random items, which stand for production."]
    if found:
        parts.append(f"The other {found} (typical, drafted or edited) find failures and are counted apart.")
    if speaking < _FEW:
        parts.append(f"Fewer than {_FEW} random items: the interval is rough.")
    if untested > _NOTHING:
        parts.append(f"{100 * untested:.1f} % of traffic is in strata without a result.")
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
