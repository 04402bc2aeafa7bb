"""The review queue: which draft to look at next, and what accepting it adds.

Plain arithmetic over the `reach` table, no numpy: the terminal app imports this module and recomputes
after every decision. Coverage of a set of samples is the traffic-weighted share of cells they test; a cell
is tested as surely as the sample that tests it best (max of depths), which makes coverage a monotone
submodular function of the set, so that a lazy greedy order is the greedy order (Minoux 1978).
"""

import functools
import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from generator.reach import lot
from generator.records import NEAR_COPY, Cell, Interval, Verdict
from generator.store import QueueRow, Store

RANDOM_EVERY = 20
"""Every so many places one is given to a random draft, so that the order cannot hide what its measure misses."""
COPY_WORTH = 0.1
"""A near-copy of what was decided is worth little, however much of a cell it would still add."""


@dataclass(frozen=True, slots=True)
class QueueEntry:
    """One place in the queue."""

    draft_id: str
    gain: float
    """Share of traffic that accepting it would add to coverage, given what was accepted."""
    novelty: float
    """1 - similarity to the nearest draft already decided on."""
    drawn: bool = False
    """Whether chance put it here rather than gain."""


class Queue:
    """Coverage so far and the order of what is left; follows decisions one at a time."""

    def __init__(self, cells: Iterable[Cell], rows: Sequence[QueueRow]) -> None:
        self._weight: Mapping[int, float] = {cell.id: cell.weight for cell in cells}
        self._rows = {row.draft_id: row for row in rows}
        self._verdict = {row.draft_id: row.verdict for row in rows}
        self._depth: dict[int, float] = {}
        self._rebuild()

    @classmethod
    def of(cls, store: Store) -> "Queue":
        """The queue of a project."""
        return cls(store.cells(), store.queue_rows())

    def copy(self) -> "Queue":
        """The same queue, which decisions on this one no longer change: to look ahead, or to rank in a thread."""
        twin = Queue.__new__(Queue)
        twin._weight, twin._rows = self._weight, self._rows
        twin._verdict, twin._depth = dict(self._verdict), dict(self._depth)
        return twin

    def _rebuild(self) -> None:
        self._depth = {}
        for draft_id, verdict in self._verdict.items():
            if verdict == "accepted":
                self._add(draft_id)

    def _add(self, draft_id: str) -> None:
        for cell, depth in self._rows[draft_id].reach:
            if depth > self._depth.get(cell, 0.0):
                self._depth[cell] = depth

    def set_verdict(self, draft_id: str, verdict: Verdict) -> None:
        """Follow a decision."""
        if draft_id not in self._rows:
            return
        before, self._verdict[draft_id] = self._verdict[draft_id], verdict
        if verdict == "accepted":
            self._add(draft_id)
        elif before == "accepted":
            self._rebuild()

    @property
    def coverage(self) -> float:
        """Share of traffic that accepted samples test, 0 to 1."""
        return sum(self._weight.get(cell, 0.0) * depth for cell, depth in self._depth.items())

    def coverage_interval(self, traces: int) -> Interval:
        """Coverage with its interval, see `interval_of`."""
        estimate = self.coverage
        square = sum(self._weight.get(cell, 0.0) * depth**2 for cell, depth in self._depth.items())
        return interval_of(estimate, square, traces)

    def coverage_by_cell(self) -> Mapping[int, float]:
        """How surely each cell is tested; cells that nothing reaches are left out."""
        return dict(self._depth)

    def gain(self, draft_id: str) -> float:
        """Share of traffic that accepting the draft would add to coverage."""
        return sum(
            self._weight.get(cell, 0.0) * max(0.0, depth - self._depth.get(cell, 0.0))
            for cell, depth in self._rows[draft_id].reach
        )

    def nearest_decided(self, draft_id: str, verdict: Verdict | None = None) -> tuple[str, float] | None:
        """The most alike draft that was decided on (or has this verdict), and the similarity."""
        for other, similarity in self._rows[draft_id].alike:
            decided = self._verdict.get(other, "new")
            if decided == verdict or (verdict is None and decided in {"accepted", "rejected"}):
                return other, similarity
        return None

    def _novelty(self, draft_id: str) -> float:
        near = self.nearest_decided(draft_id)
        return 1.0 if near is None else max(0.0, 1.0 - near[1])

    def _score(self, draft_id: str) -> float:
        near = self.nearest_decided(draft_id)
        penalty = COPY_WORTH if near is not None and near[1] >= NEAR_COPY else 1.0
        return self.gain(draft_id) * penalty

    def entry(self, draft_id: str) -> QueueEntry:
        """One draft's place, whatever its verdict."""
        return QueueEntry(draft_id, self.gain(draft_id), self._novelty(draft_id))

    @property
    def potential(self) -> "Queue":
        """The queue if every draft that nothing speaks against, and that nobody rejected, were accepted."""
        ahead = self.copy()
        for draft_id, verdict in self._verdict.items():
            if verdict in {"new", "later"} and not self._rows[draft_id].marked:
                ahead.set_verdict(draft_id, "accepted")
        return ahead

    def best(self, limit: int, *, with_marked: bool = True) -> list[QueueEntry]:
        """The first places of the queue, greedily: each gain assumes that those before it are accepted.

        What verification has marked comes below the rest, but for the random places; or not at all.
        """
        waiting = self._of_verdict("new", with_marked=with_marked)
        picked = self._greedy(waiting, limit)
        ahead = {entry.draft_id for entry in picked[: RANDOM_EVERY - 1]}
        pool = sorted(set(waiting) - ahead, key=_lot)
        picked = with_random_places(picked, pool, self.entry, limit)
        if len(picked) < limit:
            later = self._of_verdict("later", with_marked=with_marked)
            picked += [self.entry(each) for each in later[: limit - len(picked)]]
        return picked

    def _of_verdict(self, verdict: Verdict, *, with_marked: bool) -> list[str]:
        found = (draft_id for draft_id, own in self._verdict.items() if own == verdict)
        return [each for each in found if with_marked or not self._rows[each].marked]

    def _greedy(self, waiting: Sequence[str], limit: int) -> list[QueueEntry]:
        ahead = self.copy()
        heap = [
            (self._rows[draft_id].marked, -ahead._score(draft_id), place, draft_id)
            for place, draft_id in enumerate(waiting)
        ]
        heapq.heapify(heap)
        picked: list[QueueEntry] = []
        while heap and len(picked) < limit:
            marked, bound, place, draft_id = heapq.heappop(heap)
            score = ahead._score(draft_id)
            if heap and (marked, -score) > heap[0][:2] and score < -bound:
                heapq.heappush(heap, (marked, -score, place, draft_id))
                continue
            picked.append(ahead.entry(draft_id))
            ahead.set_verdict(draft_id, "accepted")
        return picked


def with_random_places(
    picked: Sequence[QueueEntry], pool: Sequence[str], entry_of: Callable[[str], QueueEntry], limit: int
) -> list[QueueEntry]:
    """Give every `RANDOM_EVERY`th place to the first of a pool in random order that is not above it already."""
    ordered = list(picked)
    for place in range(RANDOM_EVERY - 1, min(limit, len(picked)), RANDOM_EVERY):
        above = {entry.draft_id for entry in ordered[:place]}
        drawn = next((draft_id for draft_id in pool if draft_id not in above), None)
        if drawn is None:
            break
        ordered = [entry for entry in ordered if entry.draft_id != drawn]
        entry = entry_of(drawn)
        ordered.insert(place, QueueEntry(drawn, entry.gain, entry.novelty, drawn=True))
    return ordered[:limit]


def interval_of(coverage: float, square: float, traces: int) -> Interval:
    """Coverage with the 95 % interval that a traffic of so many traces leaves (normal approximation).

    It speaks of the draw of the traffic, and takes the depths, whose mean square is `square`, as they are.
    """
    error = 1.96 * math.sqrt(max(square - coverage**2, 0.0) / max(traces, 1))
    return Interval(coverage, max(coverage - error, 0.0), min(coverage + error, 1.0))


_lot = functools.cache(lot)


def accepts_to_reach(entries: Iterable[QueueEntry], coverage: float, goal: float) -> int | None:
    """How many accepts, in queue order, take coverage to the goal; None if these do not."""
    for number, entry in enumerate(entries, start=1):
        coverage += entry.gain
        if coverage >= goal:
            return number
    return None
