"""What a set of items tests, cluster by cluster: for the card of an export and for the report. No numpy."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from generator.evalset.queue import Queue
from generator.records import Cluster, Interval
from generator.store import Store


@dataclass(frozen=True, slots=True)
class ClusterTested:
    """How much of a cluster is tested."""

    cluster: Cluster
    tested: float
    """Share of the cluster's traffic, 0 to 1."""
    items: int
    """Items that lie in it."""

    @property
    def untested(self) -> float:
        """Share of all traffic that is in this cluster and untested."""
        return self.cluster.weight * (1.0 - self.tested)


@dataclass(frozen=True, slots=True)
class Tested:
    """What a set of items tests."""

    coverage: Interval
    clusters: tuple[ClusterTested, ...]
    """By traffic, the largest first."""

    @property
    def gaps(self) -> list[ClusterTested]:
        """The clusters that hold untested traffic, those with most of it first."""
        return sorted((each for each in self.clusters if each.untested > 0), key=lambda each: -each.untested)


def what_is_tested(store: Store, ids: Collection[str]) -> Tested:
    """What these drafts test, cell by cell, as the review queue counts it."""
    cells = store.cells()
    rows = store.queue_rows()
    chosen = [replace(row, verdict="accepted") for row in rows if row.draft_id in ids]
    queue = Queue(cells, chosen)
    depth = queue.coverage_by_cell()
    clusters = store.clusters()
    tested = dict.fromkeys((each.id for each in clusters), 0.0)
    for cell in cells:
        tested[cell.cluster_id] += cell.weight * depth.get(cell.id, 0.0)
    items = [row.cluster_id for row in chosen]
    return Tested(
        coverage=queue.coverage_interval(store.counts().traces),
        clusters=tuple(
            ClusterTested(each, tested[each.id] / each.weight if each.weight else 0.0, items.count(each.id))
            for each in clusters
        ),
    )
