"""Heavy users damped: what traffic looks like when nobody counts for much more than others.

A user's weight grows as the root of how much they ask, spread over what they ask. It changes no other figure;
it is shown beside the share of traffic, so that one script that asks a thousand times is seen for what it is.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from generator.evalset.queue import Queue
from generator.store import Store


@dataclass(frozen=True, slots=True)
class Damped:
    """Shares of traffic with heavy users damped, by cluster."""

    shares: Mapping[str, float]
    users: Mapping[str, int]
    """How many users ask for each cluster; traffic whose user is not known counts for one each."""
    coverage: float
    """As traffic came."""
    damped_coverage: float
    unknown: int
    """Inputs whose user is not known."""


def damp(store: Store) -> Damped:
    """The clusters of a project with heavy users damped."""
    rows = store.user_counts()
    asked: Counter[str] = Counter()
    for _, user, count in rows:
        if user is not None:
            asked[user] += count
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    weights: defaultdict[int, float] = defaultdict(float)
    known: defaultdict[str, set[str]] = defaultdict(set)
    unknown: Counter[str] = Counter()
    for cell, user, count in rows:
        weights[cell] += count if user is None else count / math.sqrt(asked[user])
        if user is None:
            unknown[cluster_of_cell[cell]] += count
        else:
            known[cluster_of_cell[cell]].add(user)
    total = sum(weights.values()) or 1.0
    shares: dict[str, float] = dict.fromkeys(cluster_of_cell.values(), 0.0)
    for cell, weight in weights.items():
        shares[cluster_of_cell[cell]] += weight / total
    queue = Queue.of(store)
    depths = queue.coverage_by_cell()
    return Damped(
        shares=shares,
        users={cluster: len(known[cluster]) + unknown[cluster] for cluster in shares},
        coverage=queue.coverage,
        damped_coverage=sum(weights[cell] / total * depth for cell, depth in depths.items()),
        unknown=unknown.total(),
    )
