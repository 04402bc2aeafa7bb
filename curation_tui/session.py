"""A review session: the order of the queue, the place in it, and the acts, each saved when it returns.

Knows no screen. The order changes only from the second next item on, so that what a person reads, and what
they see coming, stays where it is.
"""

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from curation_tui.item import ClusterView, Done, Item, Near, Place, Progress, Reached, Tally, Twin, Verb
from generator.errors import ProjectError
from generator.evalset.agreement import with_plants
from generator.evalset.queue import Queue, QueueEntry, accepts_to_reach
from generator.records import (
    NEAR_COPY,
    REASONS,
    Cell,
    Cluster,
    Decision,
    DraftState,
    Landing,
    Message,
    Verdict,
    user_text,
)
from generator.store import QueueRow, Store

GOAL = 0.80
"""The share of traffic a set should test."""
LISTED = 500
"""How many places of the queue are kept in order; nobody reviews further in one go."""
_NEIGHBOURS = 4
_KEPT = 2  # the item shown and the one that the list shows as next
_OPEN: tuple[Verdict, ...] = ("new", "later")
_RELOAD_PAUSE = 20.0  # reloads may take at most a twentieth of the time
_HOLD_AGAIN = 60.0  # seconds after which the item shown is kept anew
_LONGEST_LOOK = 300.0  # seconds: longer is a coffee, and would spoil the median


class Session:
    """One person's review of a project."""

    def __init__(self, store: Store, actor: str) -> None:
        self._store = store
        self.actor = actor
        self.path = store.path
        self.order: list[QueueEntry] = []
        self.cursor = 0
        self._acts: dict[str, str] = {}  # draft id -> what this session did with it
        self._looks: list[float] = []
        self._shown_at = time.monotonic()
        self._rejected: str | None = None
        self._next_reload = 0.0
        self._held: tuple[str, float] = "", 0.0
        self._taken = store.looked_at_by_others(actor)
        self._version = store.data_version()
        self._take(store.cells(), store.clusters(), store.queue_rows())
        self.rank_now()

    @classmethod
    def open(cls, path: Path, actor: str) -> Self:
        """Open a project for review.

        Raises:
            ProjectError: it cannot be opened, or there is nothing in it to review yet.
        """
        store = Store.open(path)
        try:
            session = cls(store, actor)
            session.refuse_empty()
        except BaseException:
            store.close()
            raise
        return session

    @property
    def store(self) -> Store:
        """The project, for the screens that read what the review does not need."""
        return self._store

    def coverage_by_cell(self) -> Mapping[int, float]:
        """How surely accepted samples test each cell; cells that nothing reaches are left out."""
        return self._queue.coverage_by_cell()

    def close(self) -> None:
        """Give free what was kept for this person, and close the project."""
        if self._held[0]:
            with contextlib.suppress(ProjectError):  # it runs out by itself
                self._store.look_away(self.actor)
        self._store.close()

    def refuse_empty(self) -> None:
        """Say what to run first where there is nothing to review.

        Raises:
            ProjectError: there are no drafts, or they are not ranked.
        """
        if self._rows:
            return
        counts = self._store.counts()
        if not counts.traces:
            raise ProjectError(f"{self.path} is empty; fill it with: groundset run {self.path} LOGS...")
        if not counts.drafts:
            raise ProjectError(f"{self.path} has no drafts to review yet; make some with: groundset draft {self.path}")
        raise ProjectError(f"The drafts in {self.path} are not ranked yet; do it with: groundset rank {self.path}")

    # The data -----------------------------------------------------------------------------------

    def _take(self, cells: Sequence[Cell], clusters: Sequence[Cluster], rows: Sequence[QueueRow]) -> None:
        self._rows = {row.draft_id: row for row in rows}
        self._verdicts: dict[str, Verdict] = {row.draft_id: row.verdict for row in rows}
        self._totals = Counter(self._verdicts.values())
        self._by_cluster = Counter((row.cluster_id, row.verdict) for row in rows)
        self._members: dict[str, list[str]] = {}
        for row in rows:
            self._members.setdefault(row.cluster_id, []).append(row.draft_id)
        self._clusters = {cluster.id: (rank, cluster) for rank, cluster in enumerate(clusters, start=1)}
        self._traces = sum(cluster.traces for cluster in clusters)
        self._cells: dict[str, list[Cell]] = {}
        for cell in cells:
            self._cells.setdefault(cell.cluster_id, []).append(cell)
        self._weight = {cell.id: cell.weight for cell in cells}
        self._queue = Queue(cells, rows)
        self._spent = self._store.spending()[0]

    def _set(self, draft_id: str, verdict: Verdict) -> None:
        row = self._rows.get(draft_id)
        if row is None:
            return
        before, self._verdicts[draft_id] = self._verdicts[draft_id], verdict
        self._totals.update({before: -1, verdict: 1} if before != verdict else {})
        if before != verdict:
            self._by_cluster.update({(row.cluster_id, before): -1, (row.cluster_id, verdict): 1})
        self._queue.set_verdict(draft_id, verdict)

    def refresh(self) -> str | None:
        """Take in what another process wrote; says what is new, or None where nothing is.

        Raises:
            ProjectError: the project cannot be read.
        """
        started = time.monotonic()
        if started < self._next_reload or (version := self._store.data_version()) == self._version:
            return None
        rows = self._store.queue_rows()
        if not rows:  # another process is between clustering and ranking; what we have is still true
            return None
        before = self._verdicts
        self._take(self._store.cells(), self._store.clusters(), rows)
        self._version = version
        self._next_reload = time.monotonic() + _RELOAD_PAUSE * (time.monotonic() - started)
        added = sum(draft_id not in before for draft_id in self._verdicts)
        others = sum(before.get(each, verdict) != verdict for each, verdict in self._verdicts.items())
        said = [f"{added} new drafts"] * (added > 0) + [f"{others} decided elsewhere"] * (others > 0)
        return ", ".join(said) or None

    @property
    def spent(self) -> float:
        """What drafting has cost, in US dollars."""
        return self._spent

    # The order ----------------------------------------------------------------------------------

    @property
    def current(self) -> str | None:
        """The item shown."""
        return self.order[self.cursor].draft_id if self.order else None

    def snapshot(self) -> Queue:
        """The queue as it is now, for ranking in another thread."""
        return self._queue.copy()

    def rank_now(self) -> None:
        """Bring the order up to date."""
        self.apply(self._queue.best(LISTED))

    def apply(self, entries: Sequence[QueueEntry]) -> None:
        """Take over a new order, from the second next item on."""
        entries = with_plants(entries, [each for each in self._store.plants() if self._is_open(each)])
        fresh = {entry.draft_id: entry for entry in entries}
        shown = self.current
        kept = [
            fresh.get(entry.draft_id, entry)
            for entry in self.order[: self.cursor + _KEPT]
            if entry.draft_id == shown or self._is_open(entry.draft_id)
        ]
        names = {entry.draft_id for entry in kept}
        rest = [
            each
            for each in entries
            if each.draft_id not in names and self._is_open(each.draft_id) and each.draft_id not in self._taken
        ]
        self.order = (kept + rest)[:LISTED]
        places = [entry.draft_id for entry in self.order]
        self.cursor = places.index(shown) if shown in names and shown in places else 0
        self._gain_in_order()

    def _gain_in_order(self) -> None:
        """Set each gain to what the item adds once all those above it are accepted."""
        ahead = self._queue.copy()
        for number, entry in enumerate(self.order):
            self.order[number] = replace(entry, gain=ahead.gain(entry.draft_id))
            ahead.set_verdict(entry.draft_id, "accepted")

    def _is_open(self, draft_id: str) -> bool:
        return self._verdicts.get(draft_id) in _OPEN

    def hold(self) -> None:
        """Keep the item shown for this person, where others are at work too; called now and then, not at every key.

        Raises:
            ProjectError: it cannot be written.
        """
        self._taken = self._store.looked_at_by_others(self.actor)
        shown, moment = self.current, time.monotonic()
        before, since = self._held
        first = not before
        if shown is None or (shown == before and moment - since < _HOLD_AGAIN) or not (first or self._taken):
            return
        self._store.look_at(shown, self.actor)
        self._held = shown, moment

    def keep(self, draft_id: str) -> None:
        """Keep a draft for this person that is shown in another place of the app.

        Raises:
            ProjectError: it cannot be written.
        """
        self._store.look_at(draft_id, self.actor)
        self._held = draft_id, time.monotonic()

    def follow(self, draft_id: str) -> None:
        """Take in what was decided on a draft in another place of the app."""
        self._follow(draft_id, self._store.state(draft_id))

    def is_hidden(self, state: DraftState) -> bool:
        """Whether blind review hides what others decided on a draft."""
        others = state.actor is not None and state.actor != self.actor
        return self._store.blind and others and state.draft_id not in self._store.revealed

    def move(self, step: int) -> bool:
        """Go to another item without deciding; False at either end."""
        target = self.cursor + step
        if not 0 <= target < len(self.order):
            return False
        self._look_at(target)
        return True

    def go_to(self, draft_id: str) -> None:
        """Go to an item of the list."""
        for place, entry in enumerate(self.order):
            if entry.draft_id == draft_id:
                self._look_at(place)

    def _look_at(self, place: int) -> None:
        self.cursor = place
        self._shown_at = time.monotonic()

    def _leave(self, draft_id: str) -> None:
        """Take an item out of the order; the one after it is shown."""
        places = [entry.draft_id for entry in self.order]
        if draft_id in places:
            place = places.index(draft_id)
            del self.order[place]
            if place < self.cursor:
                self.cursor -= 1
        if self.cursor >= len(self.order):
            self.cursor = 0
        if not self.order:
            self.rank_now()
        self._shown_at = time.monotonic()

    def _come_back(self, draft_ids: Sequence[str]) -> None:
        """Put items where the cursor is; the first of them is shown."""
        back = set(draft_ids)
        self.cursor -= sum(entry.draft_id in back for entry in self.order[: self.cursor])
        left = [entry for entry in self.order if entry.draft_id not in back]
        entries = [self._queue.entry(each) for each in draft_ids]
        self.order = [*left[: self.cursor], *entries, *left[self.cursor :]]
        self._shown_at = time.monotonic()

    # The acts -----------------------------------------------------------------------------------

    def decide(self, verb: Literal["accept", "reject", "later"]) -> Done | None:
        """Decide on the item shown; None where there is none.

        Raises:
            ProjectError: it could not be saved; the item stays.
        """
        draft_id = self.current
        if draft_id is None:
            return None
        self._store.decide([draft_id], verb, self.actor)
        match verb:
            case "accept":
                return self._decided(draft_id, "accepted", "accepted")
            case "reject":
                return self._decided(draft_id, "rejected", "rejected")
            case "later":
                return self._decided(draft_id, "later", "later")

    def accept_edited(
        self, draft_id: str, messages: Sequence[Message], criteria: Sequence[str], must_not: Sequence[str]
    ) -> Done:
        """Accept an item as a person changed it.

        Raises:
            ProjectError: it could not be saved; the item stays.
        """
        self._store.accept_edited(draft_id, messages, criteria, must_not, self.actor)
        return self._decided(draft_id, "accepted", "edited")

    def _decided(self, draft_id: str, verdict: Verdict, act: Verb) -> Done:
        before = self._queue.coverage
        if draft_id == self.current:
            self._looks.append(min(time.monotonic() - self._shown_at, _LONGEST_LOOK))
        self._set(draft_id, verdict)
        self._acts[draft_id] = act
        self._rejected = draft_id if verdict == "rejected" else None
        self._leave(draft_id)
        return Done(act, _now(), draft_id, coverage=(before, self._queue.coverage))

    def give_reason(self, key: str) -> Done | None:
        """Say why the last item was rejected; None where none was.

        Raises:
            ProjectError: it could not be saved.
        """
        if self._rejected is None:
            return None
        self._store.decide([self._rejected], "reason", self.actor, reason=REASONS[key])
        return Done("reason", _now(), self._rejected, REASONS[key])

    def undo(self) -> Done:
        """Take back this person's last decision, and go to its item.

        Raises:
            ProjectError: it could not be saved.
        """
        return self._taken_back(self._store.undo(self.actor), "undone")

    def redo(self) -> Done:
        """Take back the last undo.

        Raises:
            ProjectError: it could not be saved.
        """
        return self._taken_back(self._store.redo(self.actor), "redone")

    def _taken_back(self, touched: Sequence[str], verb: Literal["undone", "redone"]) -> Done:
        if not touched:
            return Done("nothing", _now(), detail="to undo" if verb == "undone" else "to redo")
        before = self._queue.coverage
        self._rejected = None
        states = self._store.states(touched)
        for draft_id in touched:
            self._follow(draft_id, states.get(draft_id, DraftState(draft_id)))
        back = [each for each in touched if self._is_open(each)]
        if back and verb == "undone":
            self._come_back(back)
        what = _what_was_undone(self._store.decisions(touched[0]))
        if len(touched) > 1:
            what += f" and {len(touched) - 1} more"
        return Done(verb, _now(), touched[0], what, (before, self._queue.coverage))

    def _follow(self, draft_id: str, state: DraftState) -> None:
        was_open = self._is_open(draft_id)
        self._set(draft_id, state.verdict)
        if state.verdict == "new":
            self._acts.pop(draft_id, None)
        else:
            self._acts[draft_id] = "edited" if state.verdict == "accepted" and state.edited else state.verdict
        if was_open and state.verdict != "new":
            self._leave(draft_id)

    # What is shown ------------------------------------------------------------------------------

    def places(self) -> tuple[Place, ...]:
        """The rows of the queue."""
        return tuple(self._place(entry) for entry in self.order)

    def _place(self, entry: QueueEntry) -> Place:
        row = self._rows.get(entry.draft_id)
        name = self._name(row.cluster_id) if row is not None else None
        return Place(
            entry.draft_id,
            entry.gain,
            name or "",
            entry.drawn,
            self._verdicts.get(entry.draft_id) == "later",
            row is not None and row.off_traffic,
        )

    def _name(self, cluster_id: str) -> str | None:
        found = self._clusters.get(cluster_id)
        return found[1].name if found is not None else None

    def progress(self) -> Progress:
        """How far the set has come."""
        coverage = self._queue.coverage_interval(self._traces)
        return Progress(
            coverage,
            GOAL,
            accepts_to_reach(self.order, coverage.estimate, GOAL),
            len(self.order),
            sum(self._totals[verdict] for verdict in _OPEN),
            self._totals["accepted"],
            self._totals["rejected"],
            self._totals["later"],
        )

    def tally(self) -> Tally:
        """What was decided in this session."""
        acts = Counter(self._acts.values())
        median = statistics.median(self._looks) if self._looks else None
        return Tally(acts["accepted"], acts["edited"], acts["rejected"], acts["later"], median)

    def item(self, draft_id: str) -> Item | None:
        """A draft with all that is known of it; None where the project no longer has it.

        Raises:
            ProjectError: the project cannot be read.
        """
        drafts = self._store.drafts([draft_id])
        if not drafts:
            return None
        draft, row = drafts[0], self._rows.get(draft_id)
        entry = self._queue.entry(draft_id) if row is not None else QueueEntry(draft_id, 0.0, 1.0)
        landing = self._store.landing(draft_id)
        landed = row.cluster_id if row is not None else draft.cluster_id
        state = self._store.state(draft_id)
        return Item(
            draft,
            DraftState(draft_id) if self.is_hidden(state) else state,
            entry.gain,
            entry.novelty,
            any(each.drawn for each in self.order if each.draft_id == draft_id),
            entry.gain > 0.0 and all(self._queue.gain(each.draft_id) <= entry.gain for each in self.order),
            self._cluster(landed, landing),
            self._name(draft.cluster_id) if draft.cluster_id != landed else None,
            landing is not None and landing.off_traffic,
            self._store.marks(draft_id).get(draft_id, ()),
            self._near(landing),
            self._twin(draft_id),
            self._alike(row),
            self._reached(landing),
            self._place_in_cluster(draft_id, landed),
        )

    def _cluster(self, cluster_id: str, landing: Landing | None) -> ClusterView | None:
        if cluster_id not in self._clusters:
            return None
        rank, cluster = self._clusters[cluster_id]
        so_far = self._queue.coverage_by_cell()
        after = dict(so_far)
        for cell, depth in landing.reach if landing is not None else ():
            after[cell] = max(after.get(cell, 0.0), depth)
        cells = self._cells.get(cluster_id, [])
        weight = sum(cell.weight for cell in cells) or 1.0
        return ClusterView(
            cluster.id,
            cluster.name,
            cluster.named_by,
            rank,
            len(self._clusters),
            cluster.weight,
            cluster.traces,
            self._by_cluster[cluster_id, "accepted"],
            sum(self._by_cluster[cluster_id, verdict] for verdict in _OPEN),
            sum(cell.weight * so_far.get(cell.id, 0.0) for cell in cells) / weight,
            sum(cell.weight * after.get(cell.id, 0.0) for cell in cells) / weight,
        )

    def _near(self, landing: Landing | None) -> tuple[Near, ...]:
        if landing is None:
            return ()
        similarity = {each.trace_id: each.similarity for each in landing.neighbours[:_NEIGHBOURS]}
        return tuple(Near(trace.text, similarity[trace.id], trace.count) for trace in self._store.traces(similarity))

    def _twin(self, draft_id: str) -> Twin | None:
        near = self._queue.nearest_decided(draft_id, "accepted") if draft_id in self._rows else None
        drafts = self._store.drafts([near[0]]) if near is not None else []
        if near is None or not drafts:
            return None
        edited = self._store.state(near[0]).edited_messages
        return Twin(near[0], drafts[0].text if edited is None else user_text(edited), near[1])

    def _alike(self, row: QueueRow | None) -> int:
        alike = row.alike if row is not None else ()
        return sum(similarity >= NEAR_COPY and self._is_open(other) for other, similarity in alike)

    def _reached(self, landing: Landing | None) -> tuple[Reached, ...]:
        so_far = self._queue.coverage_by_cell()
        reach = landing.reach if landing is not None else ()
        cells = [Reached(self._weight.get(cell, 0.0), depth, so_far.get(cell, 0.0)) for cell, depth in reach]
        return tuple(sorted(cells, key=lambda each: each.gain, reverse=True))

    def _place_in_cluster(self, draft_id: str, cluster_id: str) -> tuple[int, int]:
        members = self._members.get(cluster_id, [])
        return (members.index(draft_id) + 1 if draft_id in members else 0), len(members)


def _what_was_undone(decisions: Sequence[Decision]) -> str:
    """The verb of the step that the last undo or redo of a draft took back, in words."""
    steps: dict[str, set[str]] = {}
    target: dict[str, str] = {}
    for decision in decisions:
        steps.setdefault(decision.step, set()).add(decision.verb)
        if decision.verb in {"undo", "redo"}:
            target[decision.step] = str(decision.payload["step"])
    step = decisions[-1].step
    while step in target:
        step = target[step]
    verbs = steps.get(step, set())
    if "edit" in verbs:
        return "accept of the edited item"
    return next((verb for verb in ("accept", "reject", "later", "reason") if verb in verbs), "decision")


def _now() -> datetime:
    return datetime.now().astimezone()
