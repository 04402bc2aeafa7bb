"""What became of the traffic, and of what is tested of it, since the last logs came in."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from generator.errors import StageError
from generator.evalset.listing import changes_of, vanished_rows
from generator.records import Decision, fold
from generator.store import QueueRow, Store
from generator.traffic.trends import Change

_MATTERS = 0.005
"""Points of coverage, as a share of traffic, below which nothing is said of it."""


@dataclass(frozen=True, slots=True)
class CoverageDrift:
    """Coverage before the last logs and now, on the cells of now; what moved it adds up to the difference."""

    then: float
    now: float
    by_traffic: float
    """What the traffic did to it: other shares, the samples of then."""
    by_samples: float
    """What people did to it: other samples, the traffic of now."""
    samples_gone: tuple[str, ...]
    """Ids of items that were samples then and are none now."""
    samples_new: int

    @property
    def reason(self) -> str:
        """Why coverage fell or rose, in words."""
        moved = {"traffic moved": self.by_traffic, "samples went": self.by_samples}
        if self.now >= self.then - _MATTERS:
            rose = self.now > self.then + _MATTERS
            return "it rose" if rose else "it is as it was"
        falls = [why for why, change in moved.items() if change < -_MATTERS]
        return "it fell because " + " and ".join(falls or ["traffic moved and samples went, a little each"])


@dataclass(frozen=True, slots=True)
class Drift:
    """What changed since the last logs."""

    since: str
    """When they were grouped, ISO 8601 in UTC."""
    share: float
    """Share of all traffic that has come in since."""
    clusters: Mapping[str, Change]
    """By id; those that stayed the same as well."""
    names: Mapping[str, str]
    vanished: tuple[Mapping[str, Any], ...]
    coverage: CoverageDrift

    def of_word(self, word: str) -> list[tuple[str, Change]]:
        """The clusters of one kind of change, the largest share first."""
        found = [(cluster, each) for cluster, each in self.clusters.items() if each.word == word]
        return sorted(found, key=lambda pair: -max(pair[1].since, pair[1].before))

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        return {
            "since": self.since,
            "share": self.share,
            "clusters": [
                {"id": cluster, "name": self.names[cluster], **asdict(change)}
                for word in ("new", "grown", "shrunk", "same")
                for cluster, change in self.of_word(word)
            ],
            "vanished": list(self.vanished),
            "coverage": asdict(self.coverage) | {"reason": self.coverage.reason},
        }


def drift(store: Store) -> Drift:
    """What became of a project's traffic and coverage since the last logs were grouped.

    Raises:
        StageError: there are no clusters, or no logs came in after the first.
    """
    if not store.clusters():
        raise StageError(f"{store.path} has no clusters yet; make them with: groundset cluster {store.path}")
    since, changed = store.meta("grown_at"), changes_of(store)
    if since is None or not changed:
        raise StageError(
            f"{store.path} holds logs of one time only; add later ones with: groundset run {store.path} LOGS..."
        )
    counts = store.cluster_counts().values()
    fresh, known = sum(after for _, after in counts), sum(before for before, _ in counts)
    return Drift(
        since=since,
        share=fresh / (known + fresh),
        clusters=changed,
        names={each.id: each.name for each in store.clusters()},
        vanished=tuple(vanished_rows(store)),
        coverage=_coverage(store, since),
    )


def _coverage(store: Store, since: str) -> CoverageDrift:
    reach = {row.draft_id: row for row in store.queue_rows()}
    planted = store.plants()
    now = {each for each in store.states(verdict="accepted") if each not in planted}
    then = {each for each in _accepted_at(store.decisions(), since) if each not in planted}
    weights_then, weights_now = _weights(store.cell_counts())
    both = {samples: _depths(reach, samples) for samples in (frozenset(then), frozenset(now))}
    was, moved, is_now = (
        _covered(weights, both[frozenset(samples)])
        for weights, samples in ((weights_then, then), (weights_now, then), (weights_now, now))
    )
    return CoverageDrift(was, is_now, moved - was, is_now - moved, tuple(sorted(then - now)), len(now - then))


def _accepted_at(decisions: Iterable[Decision], moment: str) -> set[str]:
    """The drafts that were samples then: their events up to that time, folded."""
    of_draft: defaultdict[str, list[Decision]] = defaultdict(list)
    for each in decisions:
        if each.at <= moment:
            of_draft[each.draft_id].append(each)
    return {draft for draft, own in of_draft.items() if fold(draft, own).verdict == "accepted"}


def _weights(counts: Mapping[int, tuple[int, int]]) -> tuple[dict[int, float], dict[int, float]]:
    """Share of traffic of each cell, before the last logs and with them."""
    known, total = sum(before for before, _ in counts.values()), sum(sum(each) for each in counts.values())
    return (
        {cell: before / max(known, 1) for cell, (before, _) in counts.items()},
        {cell: (before + after) / max(total, 1) for cell, (before, after) in counts.items()},
    )


def _depths(reach: Mapping[str, QueueRow], samples: Iterable[str]) -> dict[int, float]:
    depths: dict[int, float] = {}
    for sample in samples:
        for cell, depth in reach[sample].reach if sample in reach else ():
            depths[cell] = max(depth, depths.get(cell, 0.0))
    return depths


def _covered(weights: Mapping[int, float], depths: Mapping[int, float]) -> float:
    return sum(weights.get(cell, 0.0) * depth for cell, depth in depths.items())
