"""How each cluster stands: what is planned for it, what is there, what is still untested."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from curation_tui.session import Session
from generator.records import Aim, Cell, Cluster

TESTED = 0.5
"""Share of a cluster's traffic that is tested, from which it is no gap any more."""
_TRENDS = {"new": 1, "grown": 1, "rising": 1, "same": 0, "steady": 0, "shrunk": -1, "falling": -1}


@dataclass(frozen=True, slots=True)
class Standing:
    """One cluster, and how far the set has come with it."""

    cluster: Cluster
    aim: Aim
    samples: int
    waiting: int
    """Drafts that nobody has decided on."""
    rejected: int
    covered: float
    """How surely its traffic is tested, 0 to 1."""
    trend: int | None
    """1 where its share of the traffic is growing, -1 where it shrinks, 0 where it stays; None where nobody knows."""

    @property
    def untested(self) -> float:
        """Share of all traffic that is in it and that no sample tests."""
        return self.cluster.weight * (1.0 - self.covered)

    @property
    def is_gap(self) -> bool:
        """Whether most of it is untested, and it is part of the goal."""
        return self.aim.excluded is None and self.covered < TESTED


def standings(session: Session) -> list[Standing]:
    """All clusters, those with the most untested traffic first; those out of the goal come last.

    Raises:
        ProjectError: the project cannot be read.
    """
    store = session.store
    aims, verdicts = store.aims(), store.verdicts_by_cluster()
    covered = covered_by_cluster(store.cells(), session.coverage_by_cell())
    trends = json.loads(store.meta("trends") or "{}")
    found = [
        Standing(
            each,
            aims[each.id],
            verdicts.get((each.id, "accepted"), 0),
            verdicts.get((each.id, "new"), 0) + verdicts.get((each.id, "later"), 0),
            verdicts.get((each.id, "rejected"), 0),
            covered.get(each.id, 0.0),
            _TRENDS.get(trends.get(each.id)),
        )
        for each in store.clusters()
    ]
    return sorted(found, key=lambda each: (each.aim.excluded is not None, -each.untested, each.cluster.id))


def covered_by_cluster(cells: Sequence[Cell], depth: Mapping[int, float]) -> dict[str, float]:
    """How surely the traffic of each cluster is tested, from how surely each cell is."""
    weight: defaultdict[str, float] = defaultdict(float)
    tested: defaultdict[str, float] = defaultdict(float)
    for cell in cells:
        weight[cell.cluster_id] += cell.weight
        tested[cell.cluster_id] += cell.weight * depth.get(cell.id, 0.0)
    return {cluster: tested[cluster] / weight[cluster] for cluster in weight if weight[cluster]}
