"""What changes in the traffic: a cluster's share in one stretch of it against its share in another.

Both questions, drift since the last logs and trend over the logged time, compare two shares of separate
requests. A bare ratio would call noise a change (one request against three is threefold), so a change needs
both: a factor that matters, and an interval that does not hold "no change". With hundreds of clusters, one in
twenty would pass a 95 % interval by chance: the level is divided by the number of clusters (Bonferroni), so
that in nineteen of twenty tables no word is wrong by chance. Requests that come in bursts vary more than this
assumes.
"""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

from generator.records import Interval

_MATTERS = 1.5
"""Factor from which a change is worth a word."""
_AT_MOST = 2.0
"""Steady is what has surely changed by less than this factor."""
_LATEST = 4
"""The latest stretch of the logged time is one in so many of its days."""
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Change:
    """What became of a cluster since the clustering before the last logs."""

    word: Literal["new", "grown", "shrunk", "same"]
    before: float
    """Share of the traffic that was there then, 0 to 1."""
    since: float
    """Share of the traffic that came in since."""
    factor: Interval
    """`since` over `before`; half a request is added to every count, so that there is always one."""


@dataclass(frozen=True, slots=True)
class Trend:
    """Where a cluster's share of the traffic is going."""

    word: Literal["rising", "falling", "steady"]
    factor: Interval
    """Share in the latest quarter of the logged time over the share before."""


def changes(counts: Mapping[str, tuple[int, int]], earlier: Collection[str]) -> dict[str, Change]:
    """What became of each cluster.

    The same cut is laid over the requests that an earlier clustering knew and over those that came in since.
    Shares of the earlier clusters themselves would also change where only a border between two of them moved.

    Args:
        counts: requests in each cluster, (then, since).
        earlier: ids of the earlier clusters; one that is not among them is "new" when it has grown.

    Returns:
        Nothing where there was no traffic then, or none has come in since.
    """
    then, since = (sum(each[part] for each in counts.values()) for part in (0, 1))
    if not then or not since:
        return {}
    found = {}
    for cluster, (before, after) in counts.items():
        word = _direction(before, then, after, since, len(counts))
        found[cluster] = Change(
            word="same" if word is None else "shrunk" if word < 0 else "grown" if cluster in earlier else "new",
            before=before / then,
            since=after / since,
            factor=_factor(before, then, after, since),
        )
    return found


def trends(days: Iterable[tuple[str, int, int]]) -> dict[str, Trend]:
    """The trend of each cluster over the logged time.

    Args:
        days: (cluster, number of the day, requests that day); requests without a time are left out.

    Returns:
        Clusters of which something can be said. One that has surely neither risen nor fallen, nor surely stayed,
        is left out, and where less than four days were logged, all are.
    """
    rows = list(days)
    if not rows:
        return {}
    first, last = min(day for _, day, _ in rows), max(day for _, day, _ in rows)
    before: Counter[str] = Counter()
    latest: Counter[str] = Counter()
    for cluster, day, requests in rows:
        (latest if day > last - (last - first + 1) // _LATEST else before)[cluster] += requests
    clusters = before.keys() | latest.keys()
    totals = before.total(), latest.total()
    found = {}
    for cluster in clusters if all(totals) else ():
        shares = before[cluster], totals[0], latest[cluster], totals[1]
        word, factor = _direction(*shares, len(clusters)), _factor(*shares)
        if word is not None:
            found[cluster] = Trend("rising" if word > 0 else "falling", factor)
        elif factor.low > 1.0 / _AT_MOST and factor.high < _AT_MOST:
            found[cluster] = Trend("steady", factor)
    return found


def _direction(before: int, then: int, after: int, since: int, clusters: int) -> int | None:
    """1 for more, -1 for less, None where nothing says so; each of `clusters` is asked the same."""
    factor = _factor(before, then, after, since, 1.0 - _LEVEL / clusters)
    if factor.low > 1.0 and factor.estimate >= _MATTERS:
        return 1
    return -1 if factor.high < 1.0 and factor.estimate <= 1.0 / _MATTERS else None


def _factor(before: int, then: int, after: int, since: int, level: float = 1.0 - _LEVEL) -> Interval:
    """How many times the share `before / then` the share `after / since` is: log interval (Katz et al. 1978)."""
    one, other, all_one, all_other = before + 0.5, after + 0.5, then + 0.5, since + 0.5
    estimate = (other / all_other) / (one / all_one)
    variance = 1 / one - 1 / all_one + 1 / other - 1 / all_other
    width = math.exp(NormalDist().inv_cdf(0.5 + level / 2) * math.sqrt(variance))
    return Interval(estimate, estimate / width, estimate * width)
