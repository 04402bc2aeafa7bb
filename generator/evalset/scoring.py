"""From item results to what they say of production: one number with an interval, and what it cannot say.

Only random draws enter the estimate, because only they stand for other traffic; typical and drafted items
find failures and are counted apart. How an interval is made: `estimates`.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np

from generator.evalset.estimates import (
    CONFIDENCE,
    NOTHING,
    Mean,
    Values,
    change_of,
    line_of,
    share_of,
    stratified_mean,
    wilson,
)
from generator.evalset.estimates import Drawn as Drawn
from generator.records import Cluster, Sample

DifferenceVerdict = Literal["A better", "B better", "cannot tell"]

_FEW = 30
"""Below this many random items the score says that it is rough."""

_MOST_ITEMS = 10**7
"""More items than this would settle no difference that matters."""
_NO_RANDOM_ITEM = "No random item has a result, so nothing can be said of production; accept random items and run them."


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
    """The interval; 0 to 1 without an estimate."""
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


def score(
    samples: Sequence[Sample],
    frame: Sequence[Drawn],
    results: Mapping[str, float],
    clusters: Sequence[Cluster] = (),
    confidence: float = CONFIDENCE,
) -> Score:
    """What the results of an evaluation say of production.

    Args:
        samples: The accepted items.
        frame: Every random draw, also those rejected or without a result: they say what share of traffic
            each stratum has. A stratum without a result lends its weight to the nearest on both sides.
        results: Item id -> score, 0 to 1. Ids of no sample are ignored.
        clusters: For the rows by cluster.
        confidence: Of the interval of the whole; those of clusters and kinds stay at 95 %.
    """
    scored = [sample for sample in samples if sample.id in results]
    speaking = speaking_of(scored, frame)
    found = [sample for sample in scored if sample.id not in speaking]
    kinds = _by_kind(found, results)
    rejected, rejected_share = _rejected(frame)
    if not speaking:
        rows = _by_cluster(clusters, scored, {}, results)
        return Score(None, 0.0, 1.0, 0, 0.0, 1.0, (0.0, 1.0), rejected, rejected_share, rows, kinds, _NO_RANDOM_ITEM)
    line = line_of(frame, speaking)
    values = line.values(results)
    tested = line.tested
    share = share_of(stratified_mean(line.lent, values, tested, confidence))
    alone = share_of(stratified_mean(line.own / line.own.sum(), values, 1.0, confidence))
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
    confidence: float = CONFIDENCE,
) -> Difference:
    """Whether production would be better served by B (`second`) than by A (`first`).

    The mean over production of B less A on the same items.

    Args:
        samples: As in `score`.
        frame: As in `score`.
        first: Results of A.
        second: Results of B.
        confidence: Of the interval, and so of the verdict.
    """
    speaking = speaking_of([sample for sample in samples if sample.id in first and sample.id in second], frame)
    if not speaking:
        return Difference(None, -1.0, 1.0, 0, "cannot tell", None)
    line = line_of(frame, speaking)
    change = line.values(second) - line.values(first)
    mean = stratified_mean(line.lent, change, line.tested, confidence)
    low, high = change_of(mean, change)
    verdict = _verdict(low, high)
    more = _more_items(mean, change) if verdict == "cannot tell" else 0
    return Difference(mean.estimate, low, high, len(speaking), verdict, more)


def _verdict(low: float, high: float) -> DifferenceVerdict:
    if low > 0.0:
        return "B better"
    return "A better" if high < 0.0 else "cannot tell"


def _more_items(mean: Mean, change: Values) -> int | None:
    if abs(mean.estimate) < NOTHING:
        return None
    more = bisect_left(
        range(1, _MOST_ITEMS),
        True,
        key=lambda more: _verdict(*change_of(mean, change, 1 + more / len(change))) != "cannot tell",
    )
    return more + 1 if more + 1 < _MOST_ITEMS else None


def speaking_of(scored: Iterable[Sample], frame: Sequence[Drawn]) -> frozenset[str]:
    """Ids of the items that speak for production: random draws as production sent them."""
    drawn = {each.id for each in frame if each.weight > 0.0}
    return frozenset(each.id for each in scored if each.origin == "random" and each.weight > 0.0 and each.id in drawn)


def _rejected(frame: Sequence[Drawn]) -> tuple[int, float]:
    """How many draws were rejected, and the share of traffic they stand for."""
    weights = [drawn.weight for drawn in frame if drawn.rejected]
    return len(weights), sum(weights) / (sum(drawn.weight for drawn in frame) or 1.0)


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
    return Rate(len(values), share, *wilson(share, size, NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)))


def _note(speaking: int, found: int, untested: float, rejected: int, rejected_share: float) -> str:
    parts = [f"Estimated from {speaking} random items, which stand for production."]
    if found:
        parts.append(f"The other {found} (typical, drafted or edited) find failures and are counted apart.")
    if speaking < _FEW:
        parts.append(f"Fewer than {_FEW} random items: the interval is rough.")
    if untested > NOTHING:
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
