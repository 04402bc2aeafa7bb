"""The review queue of a project of any length: reads only the drafts that can come next.

The order is that of `Queue`, greedy by gain, with two differences that keep it fast where drafts are many. A cell
offers the few most worthwhile of the undecided drafts that landed in it, and one more for each that is picked;
`Queue` weighs all of them (tests hold what that costs in coverage). And bounds stand in for gains: what is tested
only grows while drafts are accepted, so a gain once weighed bounds the gain for ever after (Minoux 1978), and the
crest of a cell (the deepest that any draft which landed there reaches) bounds all of its drafts before one is read.
Where an accept is taken back, the bounds start again from what was written when the drafts were ranked.
"""

import bisect
import heapq
import itertools
import json
import math
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from generator.evalset.queue import COPY_WORTH, RANDOM_EVERY, QueueEntry, interval_of, with_random_places
from generator.lists import DraftLists, Waiting
from generator.reach import DEPTH, Reach
from generator.records import NEAR_COPY, Cell, Interval, Verdict

OFFERED = 8
"""Drafts of a cell that are weighed against those of others at a time."""
_LONGEST_READ = 64
_HAIR = 1e-12


class _Known:
    """A draft that was read."""

    __slots__ = ("bound", "copies", "epoch", "row")

    def __init__(self, row: Waiting) -> None:
        self.row = row
        self.bound = row.worth
        self.epoch = -1  # in which stretch without a taken-back accept the bound was weighed
        self.copies = tuple(other for other, similarity in json.loads(row.alike) if similarity >= NEAR_COPY)


@dataclass(slots=True)
class _Home:
    """A cell and the drafts that landed in it, as far as they were read."""

    cell_id: int
    worth: float
    crest: Reach
    known: list[_Known] = field(default_factory=list)
    after: tuple[float, str] = (math.inf, "")
    """The last draft that was read."""
    complete: bool = False

    def drafts(self, lists: DraftLists) -> Iterator[_Known]:
        """Its drafts, greatest worth first; reads on as they are asked for."""
        place = 0
        while place < len(self.known) or self._read_on(lists):
            yield self.known[place]
            place += 1

    def _read_on(self, lists: DraftLists) -> bool:
        if self.complete:
            return False
        count = min(max(2 * len(self.known), OFFERED), _LONGEST_READ)
        rows = lists.waiting_in_cell(self.cell_id, self.after, count)
        self.complete = len(rows) < count
        if rows:
            self.after = (rows[-1].worth, rows[-1].draft_id)
        self.known += [_Known(row) for row in rows]
        return bool(rows)

    def bring_back(self, draft: _Known) -> None:
        """Put a draft in its place that was decided when it would have been read."""
        if (-draft.row.worth, draft.row.draft_id) > (-self.after[0], self.after[1]):
            return  # it will be read
        if all(each.row.draft_id != draft.row.draft_id for each in self.known):
            bisect.insort(self.known, draft, key=lambda each: (-each.row.worth, each.row.draft_id))


class _Ahead:
    """What is tested if some more drafts are accepted."""

    def __init__(self, weights: Sequence[float], depths: Sequence[int], verdicts: Mapping[str, Verdict]) -> None:
        self.weights, self.depths, self._verdicts = weights, list(depths), verdicts
        self.accepted: set[str] = set()

    def accept(self, draft_id: str, reach: Reach) -> None:
        self.accepted.add(draft_id)
        for cell, depth in zip(reach.cells, reach.depths, strict=True):
            if depth > self.depths[cell]:
                self.depths[cell] = depth

    def is_decided(self, draft_id: str) -> bool:
        return draft_id in self.accepted or self._verdicts.get(draft_id) in {"accepted", "rejected"}

    def gain_and_score(self, draft: _Known) -> tuple[float, float]:
        gain = draft.row.reach.gain(self.weights, self.depths)
        return gain, gain * (COPY_WORTH if any(map(self.is_decided, draft.copies)) else 1.0)

    def novelty(self, alike: str) -> float:
        near = (similarity for other, similarity in json.loads(alike) if self.is_decided(other))
        return max(0.0, 1.0 - next(near, 0.0))


class LongQueue:
    """Coverage so far and the order of what is left; follows decisions one at a time."""

    def __init__(self, cells: Iterable[Cell], lists: DraftLists) -> None:
        found = list(cells)
        crests = lists.crests()
        reaches = {cell_id: Reach.unpacked(reach) for cell_id, _, _, reach in crests}
        most = max([-1, *(cell.id for cell in found), *(cell for each in reaches.values() for cell in each.cells)])
        self._weights = [0.0] * (most + 1)
        for cell in found:
            self._weights[cell.id] = cell.weight
        self._homes = {cell_id: _Home(cell_id, worth, reaches[cell_id]) for cell_id, _, worth, _ in crests}
        self._known: dict[str, _Known] = {}
        self._lists = lists
        self._lock = threading.Lock()
        self._epoch = 0
        self._depths: list[int] = []
        self.verdicts: dict[str, Verdict] = {}
        self.reload()

    def reload(self) -> None:
        """Take in what was decided elsewhere."""
        before = self.verdicts
        self.verdicts = self._lists.verdicts()
        if any(verdict == "accepted" and self.verdicts.get(each) != "accepted" for each, verdict in before.items()):
            self._epoch += 1
        # What others took back may be below what was read: those cells are read again.
        back = [each for each in before if each not in self.verdicts]
        self._reopen(back)
        self._rebuild()

    def _rebuild(self) -> None:
        self._depths = [0] * len(self._weights)
        accepted = [each for each, verdict in self.verdicts.items() if verdict == "accepted"]
        for known in self._read(accepted).values():
            self._add(known.row.reach)

    def _add(self, reach: Reach) -> None:
        for cell, depth in zip(reach.cells, reach.depths, strict=True):
            if depth > self._depths[cell]:
                self._depths[cell] = depth

    def _read(self, draft_ids: Sequence[str]) -> dict[str, _Known]:
        """Drafts by id, read where they are not known yet; those that are not ranked are left out."""
        missing = [each for each in draft_ids if each not in self._known]
        for draft_id, row in self._lists.waiting(missing).items() if missing else ():
            self._known[draft_id] = _Known(row)
        return {each: self._known[each] for each in draft_ids if each in self._known}

    def _reopen(self, draft_ids: Sequence[str]) -> None:
        """Put drafts that were decided when their cell was read among what is known of it."""
        for known in self._read(draft_ids).values():
            self._homes[known.row.cell_id].bring_back(known)

    def row(self, draft_id: str) -> Waiting | None:
        """What ordering needs to know of a draft; None where it is not ranked."""
        found = self._read([draft_id])
        return found[draft_id].row if found else None

    def set_verdict(self, draft_id: str, verdict: Verdict) -> None:
        """Follow a decision."""
        known = self._read([draft_id]).get(draft_id)
        if known is None:
            return
        before = self.verdicts.get(draft_id, "new")
        if verdict == "new":
            self.verdicts.pop(draft_id, None)
            self._reopen([draft_id])
        else:
            self.verdicts[draft_id] = verdict
        if verdict == "accepted":
            self._add(known.row.reach)
        elif before == "accepted":
            self._epoch += 1
            self._rebuild()

    @property
    def coverage(self) -> float:
        """Share of traffic that accepted samples test, 0 to 1."""
        return sum(weight * depth for weight, depth in zip(self._weights, self._depths, strict=True)) / DEPTH

    def coverage_interval(self, traces: int) -> Interval:
        """Coverage with its interval, see `interval_of`."""
        estimate = self.coverage
        square = sum(w * (d / DEPTH) ** 2 for w, d in zip(self._weights, self._depths, strict=True))
        return interval_of(estimate, square, traces)

    def coverage_by_cell(self) -> dict[int, float]:
        """How surely each cell is tested; cells that nothing reaches are left out."""
        return {cell: depth / DEPTH for cell, depth in enumerate(self._depths) if depth}

    def depths(self) -> dict[int, int]:
        """The same in steps of 1 / `DEPTH`."""
        return {cell: depth for cell, depth in enumerate(self._depths) if depth}

    def gain(self, draft_id: str) -> float:
        """Share of traffic that accepting the draft would add to coverage; 0 where it is not ranked."""
        found = self._read([draft_id])
        return found[draft_id].row.reach.gain(self._weights, self._depths) if found else 0.0

    def gains(self, draft_ids: Sequence[str]) -> list[float]:
        """The gain of each; nothing is kept of those that are looked at in passing."""
        rows = self._lists.waiting(draft_ids)
        return [rows[each].reach.gain(self._weights, self._depths) if each in rows else 0.0 for each in draft_ids]

    def coverage_with(self, draft_ids: Sequence[str]) -> float:
        """Coverage if these drafts were accepted too."""
        ahead = self._ahead()
        for draft_id, row in self._lists.waiting(draft_ids).items():
            ahead.accept(draft_id, row.reach)
        return sum(weight * depth for weight, depth in zip(self._weights, ahead.depths, strict=True)) / DEPTH

    def nearest_decided(self, draft_id: str, verdict: Verdict | None = None) -> tuple[str, float] | None:
        """The most alike draft that was decided on (or has this verdict), and the similarity."""
        row = self.row(draft_id)
        for other, similarity in json.loads(row.alike) if row is not None else ():
            decided = self.verdicts.get(other, "new")
            if decided == verdict or (verdict is None and decided in {"accepted", "rejected"}):
                return other, similarity
        return None

    def copies(self, draft_id: str) -> list[str]:
        """Undecided drafts that count as the same test."""
        found = self._read([draft_id])
        every = found[draft_id].copies if found else ()
        return [each for each in every if self.verdicts.get(each, "new") in {"new", "later"}]

    def entry(self, draft_id: str) -> QueueEntry:
        """One draft's place, whatever its verdict."""
        row = self.row(draft_id)
        return QueueEntry(draft_id, self.gain(draft_id), 1.0 if row is None else self._ahead().novelty(row.alike))

    def in_order(self, entries: Iterable[QueueEntry]) -> list[QueueEntry]:
        """The same entries, each gain assuming that those before it are accepted."""
        ahead, made = self._ahead(), []
        wanted = list(entries)
        known = self._read([each.draft_id for each in wanted])
        for entry in wanted:
            gain = 0.0
            if entry.draft_id in known:
                reach = known[entry.draft_id].row.reach
                gain = reach.gain(self._weights, ahead.depths)
                ahead.accept(entry.draft_id, reach)
            made.append(QueueEntry(entry.draft_id, gain, entry.novelty, entry.drawn))
        return made

    def _ahead(self) -> _Ahead:
        return _Ahead(self._weights, self._depths, self.verdicts)

    def snapshot(self, lists: DraftLists) -> "LongQueue":
        """The queue as it is now, for ranking in a thread that reads by a connection of its own.

        What either of them reads, both know.
        """
        twin = LongQueue.__new__(LongQueue)
        twin.__dict__.update(self.__dict__)
        twin._lists, twin._depths, twin.verdicts = lists, list(self._depths), dict(self.verdicts)
        return twin

    def best(self, limit: int) -> list[QueueEntry]:
        """The first places of the queue, greedily: each gain assumes that those before it are accepted.

        What verification has marked comes below the rest, but for the random places.
        """
        with self._lock:
            ahead = self._ahead()
            picked = self._greedy(ahead, limit, marked=False)
            if len(picked) < limit:
                picked += self._greedy(ahead, limit - len(picked), marked=True)
        picked = self._with_random_places(picked, limit)
        if len(picked) < limit:
            picked += [self.entry(each) for each in self._lists.put_off(limit - len(picked))]
        return picked

    def _greedy(self, ahead: _Ahead, limit: int, *, marked: bool) -> list[QueueEntry]:
        # (bound, number, what it bounds); a home stands for all of its drafts until it is opened.
        heap: list[tuple[float, int, _Known | _Home]] = [
            (-home.worth, -1 - place, home) for place, home in enumerate(self._homes.values())
        ]
        heapq.heapify(heap)
        supplies: dict[int, Iterator[_Known]] = {}
        picked: list[QueueEntry] = []
        while heap and len(picked) < limit:
            bound, number, what = heapq.heappop(heap)
            if isinstance(what, _Home):
                now = min(what.worth, what.crest.gain(ahead.weights, ahead.depths))
                if now < -bound and heap and -now > heap[0][0]:
                    heapq.heappush(heap, (-now, number, what))
                    continue
                supplies[what.cell_id] = self._open_drafts(what, marked=marked)
                self._offer(heap, supplies[what.cell_id], OFFERED)
                continue
            gain, score = ahead.gain_and_score(what)
            if not ahead.accepted:
                what.bound, what.epoch = gain, self._epoch
            if heap and -score > heap[0][0] + _HAIR and score < -bound:
                heapq.heappush(heap, (-score, number, what))
                continue
            picked.append(QueueEntry(what.row.draft_id, gain, ahead.novelty(what.row.alike)))
            ahead.accept(what.row.draft_id, what.row.reach)
            self._offer(heap, supplies[what.row.cell_id], 1)
        return picked

    def _open_drafts(self, home: _Home, *, marked: bool) -> Iterator[_Known]:
        for draft in home.drafts(self._lists):
            known = self._known.setdefault(draft.row.draft_id, draft)
            if draft.row.marked == marked and draft.row.draft_id not in self.verdicts:
                yield known

    def _offer(self, heap: list[tuple[float, int, _Known | _Home]], supply: Iterator[_Known], count: int) -> None:
        for draft in itertools.islice(supply, count):
            bound = draft.bound if draft.epoch == self._epoch else draft.row.worth
            heapq.heappush(heap, (-bound, draft.row.number, draft))

    def _with_random_places(self, picked: Sequence[QueueEntry], limit: int) -> list[QueueEntry]:
        """With every `RANDOM_EVERY`th place for a draft drawn at random; the same project draws the same ones."""
        if limit < RANDOM_EVERY:
            return list(picked)
        ahead = {entry.draft_id for entry in picked[: RANDOM_EVERY - 1]}
        pool = [each for each in self._lists.drawn(2 * limit) if each not in ahead and each not in self.verdicts]
        return with_random_places(picked, pool, self.entry, limit)
