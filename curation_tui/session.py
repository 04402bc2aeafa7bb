"""A review session: the order of the queue, the place in it, and the acts, each saved when it returns.

Knows no screen. The order changes only from the second next item on, so that what a person reads, and what
they see coming, stays where it is.
"""

import contextlib
import statistics
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, Self

from curation_tui.item import ClusterView, Done, Item, Near, Place, Progress, Reached, Tally, Twin, Verb, short_id
from generator.errors import ProjectError
from generator.evalset.agreement import with_plants
from generator.evalset.long_queue import LongQueue
from generator.evalset.queue import QueueEntry, accepts_to_reach
from generator.lists import LONGEST, SEARCHED, Filter, Order, Row, StandingStep
from generator.records import (
    REASONS,
    Cell,
    Decision,
    DraftState,
    Landing,
    Message,
    Trace,
    Verdict,
    user_text,
)
from generator.store import Store

GOAL = 0.80
"""The share of traffic a set should test."""
LISTED = 200
"""How many places of the queue are kept in order; nobody reviews further in one go."""
FIRST_LISTED = 40
"""How many are put in order before the first paint."""
HISTORY = 200
"""How many steps can be looked back on."""
HELD: frozenset[str] = frozenset({"private_data", "injection"})
"""Marks for which nothing is decided in bulk: each is read by a person."""
PRACTICE = 50
"""Decisions in a project before drafts are accepted in bulk."""
_NEIGHBOURS = 4
_KEPT = 2  # the item shown and the one that the list shows as next
_OPEN: tuple[Verdict, ...] = ("new", "later")
_RELOAD_PAUSE = 20.0  # reloads may take at most a twentieth of the time
_HOLD_AGAIN = 60.0  # seconds after which the item shown is kept anew
_LEADING = 40  # places that may hold a greater gain than the item shown
_OUTCOME_CHARACTERS = 60
_LONGEST_LOOK = 300.0  # seconds: longer is a coffee, and would spoil the median


BulkVerb = Literal["accept", "reject"]


@dataclass(frozen=True, slots=True)
class Bulk:
    """An act on several drafts, weighed and not yet done."""

    verb: BulkVerb
    draft_ids: tuple[str, ...]
    skipped: Mapping[str, int]
    """How many are left out, by the reason in words."""
    worth: float
    """What they would add to coverage together."""
    refusal: str = ""
    """Why it cannot be done at all."""
    reason: str | None = None


class Listing:
    """A list of drafts; reads the parts of it that are asked for."""

    def __init__(self, store: Store, actor: str, order: Order, ids: list[str] | None, ranked: int) -> None:
        self._store, self._actor, self._order, self._ids, self._ranked = store, actor, order, ids, ranked

    def __len__(self) -> int:
        return self._ranked if self._ids is None else len(self._ids)

    @property
    def shown(self) -> str:
        """How many there are, in words."""
        capped = self._ids is not None and len(self) in {SEARCHED, LONGEST}
        return f"{len(self):,}{'+' * capped}"

    def ids(self, first: int, count: int) -> list[str]:
        """Ids of the drafts at some places."""
        if self._ids is not None:
            return self._ids[first : first + count]
        return self._store.list_window(self._order, first, count, self._actor if self._store.blind else None)

    def rows(self, first: int, count: int) -> list[Row]:
        """The drafts at some places; in blind review without what others decided."""
        return [
            replace(row, verdict="new", edited=False, pinned=False)
            if is_hidden(self._store, row.draft_id, row.actor, self._actor)
            else row
            for row in self._store.list_rows(self.ids(first, count))
        ]


def is_hidden(store: Store, draft_id: str, decided: str | None, actor: str) -> bool:
    """Whether blind review hides what somebody decided on a draft."""
    return store.blind and decided not in {None, actor} and draft_id not in store.revealed


class Session:
    """One person's review of a project."""

    def __init__(self, store: Store, actor: str) -> None:
        self._store = store
        self.actor = actor
        self.path = store.path
        self.order: list[QueueEntry] = []
        self.cursor = 0
        self.keys = 0
        self.unfolded: set[str] = set()
        self.candidates: tuple[str, ...] = ()
        """Whose answers are judged, where it was said on the command line."""
        self.judged = 0
        """Answers, or pairs of them, judged in this session."""
        self.seen: set[str] = set()
        """Drafts whose text was on the screen in this session."""
        self._last_remark: tuple[Literal["tag", "note"], tuple[str, ...]] | None = None
        self._acts: dict[str, str] = {}  # draft id -> what this session did with it
        self._looks: list[float] = []
        self._shown_at = time.monotonic()
        self._rejected: tuple[str, ...] = ()
        self.generation = 0
        """Changes whenever something is decided, here or elsewhere."""
        self._next_reload = 0.0
        self._held: tuple[str, float] = "", 0.0
        self._taken = store.looked_at_by_others(actor)
        self._version = store.data_version()
        self._take()
        self.apply(self._queue.best(FIRST_LISTED))

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
        if self._ranked:
            return
        counts = self._store.counts()
        if not counts.traces:
            raise ProjectError(f"{self.path} is empty; fill it with: groundset run {self.path} LOGS...")
        if not counts.drafts:
            raise ProjectError(f"{self.path} has no drafts to review yet; make some with: groundset draft {self.path}")
        raise ProjectError(f"The drafts in {self.path} are not ranked yet; do it with: groundset rank {self.path}")

    # The data -----------------------------------------------------------------------------------

    def _take(self) -> None:
        store = self._store
        cells, clusters = store.cells(), store.clusters()
        self._ranking = store.meta("ranked")
        self._ranked = store.ranked()
        self._clusters = {cluster.id: (rank, cluster) for rank, cluster in enumerate(clusters, start=1)}
        self._traces = sum(cluster.traces for cluster in clusters)
        self._cells: dict[str, list[Cell]] = {}
        for cell in cells:
            self._cells.setdefault(cell.cluster_id, []).append(cell)
        self._weight = {cell.id: cell.weight for cell in cells}
        self._queue = LongQueue(cells, store)
        self._count()

    def _count(self) -> None:
        self._totals = Counter(self._queue.verdicts.values())
        self._by_cluster: dict[str, Counter[Verdict]] = {}
        self._spent = self._store.spending()[0]

    def _verdict(self, draft_id: str) -> Verdict:
        return self._queue.verdicts.get(draft_id, "new")

    def _set(self, draft_id: str, verdict: Verdict) -> None:
        row = self._queue.row(draft_id)
        if row is None:
            return
        before = self._verdict(draft_id)
        self.generation += 1
        self._queue.set_verdict(draft_id, verdict)
        for counter in (self._totals, self._by_cluster.get(row.cluster_id)):
            if counter is not None and before != verdict:
                counter[before] -= 1
                counter[verdict] += 1

    def refresh(self) -> str | None:
        """Take in what another process wrote; says what is new, or None where nothing is.

        Raises:
            ProjectError: the project cannot be read.
        """
        started = time.monotonic()
        if started < self._next_reload or (version := self._store.data_version()) == self._version:
            return None
        ranked = self._store.ranked()
        if not ranked:  # another process is between clustering and ranking; what we have is still true
            return None
        before, added = dict(self._queue.verdicts), ranked - self._ranked
        if self._store.meta("ranked") != self._ranking or added:
            self._take()
        else:
            self._queue.reload()
            self._count()
        self._version = version
        self.generation += 1
        self._next_reload = time.monotonic() + _RELOAD_PAUSE * (time.monotonic() - started)
        after = self._queue.verdicts
        others = sum(before.get(each, "new") != after.get(each, "new") for each in before.keys() | after.keys())
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

    def ranking(self) -> Callable[[], list[QueueEntry]]:
        """What brings the order up to date in another thread, from the queue as it is now."""
        queue, path = self._queue, self.path
        as_it_is = queue.snapshot(self._store)

        def rank() -> list[QueueEntry]:
            with Store.open(path) as store:
                return as_it_is.snapshot(store).best(LISTED)

        return rank

    def rank_now(self) -> None:
        """Bring the order up to date."""
        self.apply(self._queue.best(LISTED))

    def apply(self, entries: Sequence[QueueEntry]) -> None:
        """Take over a new order, from the second next item on; drafts like one above them are folded under it."""
        plants = [each for each in self._store.plants() if self._is_open(each)]
        fresh = {entry.draft_id: entry for entry in entries}
        shown = self.current
        kept = [
            fresh.get(entry.draft_id, entry)
            for entry in self.order[: self.cursor + _KEPT]
            if entry.draft_id == shown or self._is_open(entry.draft_id)
        ]
        names = {entry.draft_id for entry in kept}
        folded = self._folded_under(names)
        order = list(kept)
        for entry in with_plants(entries, plants):
            draft_id = entry.draft_id
            if draft_id in names or draft_id in self._taken or not self._is_open(draft_id):
                continue
            if draft_id in plants:  # it is like the draft that it was made from, on purpose
                order.append(entry)
            elif draft_id not in folded:
                order.append(entry)
                folded |= self._folded_under({draft_id})
            names.add(draft_id)
        self.order = self._queue.in_order(order[:LISTED])
        places = [entry.draft_id for entry in self.order]
        self.cursor = places.index(shown) if shown in places else 0

    def _folded_under(self, draft_ids: set[str]) -> set[str]:
        leaders = draft_ids - self.unfolded
        return {other for each in leaders for other in self._queue.copies(each)} - draft_ids

    def _is_open(self, draft_id: str) -> bool:
        return self._verdict(draft_id) in _OPEN

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
        return is_hidden(self._store, state.draft_id, state.actor, self.actor)

    def move(self, step: int) -> bool:
        """Go to another item without deciding; False at either end."""
        target = self.cursor + step
        if not 0 <= target < len(self.order):
            return False
        self._look_at(target)
        return True

    def go_to(self, draft_id: str) -> None:
        """Go to any draft; one that is not in the order is put where the cursor is."""
        places = [entry.draft_id for entry in self.order]
        if draft_id in places:
            self._look_at(places.index(draft_id))
        elif self._queue.row(draft_id) is not None:
            self._come_back([draft_id])

    def next_cluster(self, step: int) -> bool:
        """Go to the next item of another cluster, or back to the one before; False where there is none."""
        clusters = [row.cluster_id if (row := self._queue.row(each.draft_id)) else "" for each in self.order]
        place = self.cursor
        while 0 <= place + step < len(clusters):
            place += step
            if clusters[place] != clusters[self.cursor]:
                self._look_at(place)
                return True
        return False

    def unfold(self) -> int:
        """Put the drafts folded under the item shown after it; returns how many."""
        shown = self.current
        if shown is None or shown in self.unfolded:
            return 0
        self.unfolded.add(shown)
        listed = {entry.draft_id for entry in self.order}
        new = [self._queue.entry(each) for each in self._queue.copies(shown) if each not in listed]
        self.order[self.cursor + 1 : self.cursor + 1] = new
        return len(new)

    def _look_at(self, place: int) -> None:
        self.cursor = place
        self._shown_at = time.monotonic()

    def _leave(self, draft_id: str) -> None:
        """Take an item out of the order; the one after it is shown."""
        self._leave_all({draft_id})

    def _leave_all(self, draft_ids: set[str]) -> None:
        self.cursor -= sum(entry.draft_id in draft_ids for entry in self.order[: self.cursor])
        self.order = [entry for entry in self.order if entry.draft_id not in draft_ids]
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
        self.seen.add(draft_id)
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

    def typed(self, draft_id: str) -> dict[str, str]:
        """What this person typed into the editor of an item and did not accept yet: field -> text.

        Raises:
            ProjectError: it cannot be read.
        """
        return self._store.typed(draft_id, self.actor)

    def keep_typed(self, draft_id: str, fields: Mapping[str, str]) -> None:
        """Keep what was typed so far, so that not even a kill loses it.

        Raises:
            ProjectError: it could not be saved.
        """
        self._store.keep_typed(draft_id, fields, self.actor)

    def reject_as_duplicate(self) -> Done | None:
        """Reject the item shown as a duplicate of the accepted one nearest to it; None where none is near.

        Raises:
            ProjectError: it could not be saved; the item stays.
        """
        draft_id = self.current
        near = self._queue.nearest_decided(draft_id, "accepted") if draft_id is not None else None
        if draft_id is None or near is None:
            return None
        self._store.decide([draft_id], "reject", self.actor, reason=REASONS["1"], of=near[0])
        return replace(self._decided(draft_id, "rejected", "rejected"), detail=f"{REASONS['1']} of {short_id(near[0])}")

    def pin(self, item: Item) -> Done | None:
        """Accept the real input nearest to an item in its place; None where none is near, or it is a real one.

        Raises:
            ProjectError: it could not be saved; the item stays.
        """
        traces = self._store.traces([item.near[0].trace_id]) if item.near and item.draft.kind != "real" else []
        if not traces:
            return None
        self._store.pin(item.draft.id, traces[0], self.actor)
        return self._decided(item.draft.id, "accepted", "pinned")

    def _decided(self, draft_id: str, verdict: Verdict, act: Verb) -> Done:
        before = self._queue.coverage
        if draft_id == self.current:
            self._looks.append(min(time.monotonic() - self._shown_at, _LONGEST_LOOK))
        self._set(draft_id, verdict)
        self._acts[draft_id] = act
        self._rejected = (draft_id,) if verdict == "rejected" else ()
        self._leave(draft_id)
        return Done(act, _now(), draft_id, coverage=(before, self._queue.coverage))

    def give_reason(self, key: str) -> Done | None:
        """Say why the last item was rejected; None where none was.

        Raises:
            ProjectError: it could not be saved.
        """
        if not self._rejected:
            return None
        self._store.decide(self._rejected, "reason", self.actor, reason=REASONS[key])
        return Done("reason", _now(), self._rejected[0], REASONS[key], others=len(self._rejected) - 1)

    # Several at once ----------------------------------------------------------------------------

    @property
    def ranked(self) -> int:
        """How many drafts there are to list."""
        return self._ranked

    def listing(self, wanted: Filter, order: Order) -> Listing:
        """The drafts that a filter leaves, in an order."""
        of = self.actor if self._store.blind else None
        ids = self._store.list_filtered(wanted, order, self._queue.depths(), of) if wanted else None
        return Listing(self._store, self.actor, order, ids, self._ranked)

    def gains(self, rows: Sequence[Row]) -> list[float]:
        """What each of these drafts would add to coverage."""
        return self._queue.gains([row.draft_id for row in rows])

    def bulk(self, verb: BulkVerb, draft_ids: Sequence[str]) -> Bulk:
        """Weigh an act on several drafts: what must be read by a person first is left out."""
        verdict = "accepted" if verb == "accept" else "rejected"
        skipped = Counter[str]()
        taken: list[str] = []
        for row in self._store.list_rows(draft_ids):
            if row.verdict == verdict:
                skipped[f"{verdict} already"] += 1
            elif HELD & set(row.marks):
                skipped["held"] += 1
            elif verb == "accept" and row.draft_id not in self.seen:
                skipped["unread"] += 1
            else:
                taken.append(row.draft_id)
        made = self._store.decisions_made()
        refusal = ""
        if verb == "accept" and len(taken) > 1 and made < PRACTICE:
            refusal = f"Accept one at a time until {PRACTICE} drafts are decided in this project; so far {made}."
        worth = self._queue.coverage_with(taken) - self._queue.coverage
        return Bulk(verb, tuple(taken), skipped, worth, refusal)

    def alike_but_best(self, draft_id: str) -> Bulk | None:
        """Weigh to reject all drafts like this one but the one that adds the most; None where there are none."""
        group = [draft_id, *self._queue.copies(draft_id)]
        best = max(group, key=self._queue.gain)
        rest = [each for each in group if each != best and self._is_open(each)]
        if not rest:
            return None
        return replace(self.bulk("reject", rest), reason=REASONS["1"])

    def do_bulk(self, bulk: Bulk) -> Done | None:
        """Do what was weighed, as one step; None where nothing is left of it.

        Raises:
            ProjectError: it could not be saved; nothing of it is done.
        """
        if not bulk.draft_ids:
            return None
        payload = {} if bulk.reason is None else {"reason": bulk.reason}
        before = self._queue.coverage
        self._store.decide(bulk.draft_ids, bulk.verb, self.actor, **payload)
        act: Literal["accepted", "rejected"] = "accepted" if bulk.verb == "accept" else "rejected"
        for draft_id in bulk.draft_ids:
            self._set(draft_id, act)
            self._acts[draft_id] = act
        self._leave_all(set(bulk.draft_ids))
        self._rejected = bulk.draft_ids if act == "rejected" else ()
        detail, others = bulk.reason or "", len(bulk.draft_ids) - 1
        return Done(act, _now(), bulk.draft_ids[0], detail, (before, self._queue.coverage), others)

    # Remarks: they stay with a draft whatever its verdict --------------------------------------

    def flag(self, draft_id: str) -> Done:
        """Flag a draft, or take its flag away.

        Raises:
            ProjectError: it could not be saved.
        """
        on = not self._store.state(draft_id).flagged
        self._store.flag([draft_id], on, self.actor)
        self.generation += 1
        return Done("flagged" if on else "unflagged", _now(), draft_id)

    def tag(self, draft_ids: Sequence[str], tags: Sequence[str]) -> Done:
        """Give drafts these tags; of one draft, take away those that are not named.

        Raises:
            ProjectError: it could not be saved.
        """
        gone = set(self._store.state(draft_ids[0]).tags) - set(tags) if len(draft_ids) == 1 else set()
        self._store.tag(draft_ids, tags, sorted(gone), self.actor)
        self._last_remark = ("tag", tuple(tags))
        self.generation += 1
        said = ", ".join(tags) or "no tags"
        return Done("tagged", _now(), draft_ids[0], said, others=len(draft_ids) - 1)

    def note(self, draft_id: str, text: str) -> Done:
        """Write a note to a draft in place of the one it has.

        Raises:
            ProjectError: it could not be saved.
        """
        self._store.note([draft_id], text, self.actor)
        self._last_remark = ("note", (text,))
        return Done("noted", _now(), draft_id, text)

    def repeat_remark(self, draft_id: str) -> Done | None:
        """Give a draft the last tags or note that were typed; None where none were.

        Raises:
            ProjectError: it could not be saved.
        """
        if self._last_remark is None:
            return None
        kind, said = self._last_remark
        if kind == "note":
            return self.note(draft_id, said[0])
        return self.tag([draft_id], tuple(dict.fromkeys([*self._store.state(draft_id).tags, *said])))

    def tags_in_use(self) -> list[str]:
        """All tags of the project, the most used first."""
        return self._store.tags_in_use()

    # Taking back --------------------------------------------------------------------------------

    def history(self) -> list[StandingStep]:
        """This person's last steps that stand, the last first."""
        return self._store.standing_steps(self.actor, HISTORY)

    def undo_to(self, steps: int) -> Done:
        """Take back the last so many steps.

        Raises:
            ProjectError: it could not be saved; those before are taken back.
        """
        done = Done("nothing", _now(), detail="to undo")
        for _ in range(steps):
            done = self.undo()
        return replace(done, detail=f"{steps} steps, the first of them {done.detail}") if steps > 1 else done

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
        self._rejected = ()
        states = self._store.states(touched)
        for draft_id in touched:
            self._follow(draft_id, states.get(draft_id, DraftState(draft_id)))
        back = [each for each in touched if self._is_open(each)]
        if back and verb == "undone":
            self._come_back(back)
        what = _what_was_undone(self._store.decisions(touched[0]))
        return Done(verb, _now(), touched[0], what, (before, self._queue.coverage), len(touched) - 1)

    def _follow(self, draft_id: str, state: DraftState) -> None:
        was_open, before = self._is_open(draft_id), self._verdict(draft_id)
        self._set(draft_id, state.verdict)
        if state.verdict == "new":
            self._acts.pop(draft_id, None)
        else:
            self._acts[draft_id] = "edited" if state.verdict == "accepted" and state.edited else state.verdict
        if was_open and not (state.verdict == "new" or (state.verdict == "later" and before == "later")):
            self._leave(draft_id)

    # What is shown ------------------------------------------------------------------------------

    def places(self) -> tuple[Place, ...]:
        """The rows of the queue."""
        return tuple(self._place(entry) for entry in self.order)

    def _place(self, entry: QueueEntry) -> Place:
        row = self._queue.row(entry.draft_id)
        name = self._name(row.cluster_id) if row is not None else None
        return Place(
            entry.draft_id,
            entry.gain,
            name or "",
            entry.drawn,
            self._verdict(entry.draft_id) == "later",
            row is not None and row.off_traffic,
            0 if entry.draft_id in self.unfolded else len(self._queue.copies(entry.draft_id)),
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
            self._ranked - self._totals["accepted"] - self._totals["rejected"],
            self._totals["accepted"],
            self._totals["rejected"],
            self._totals["later"],
        )

    def tally(self) -> Tally:
        """What was decided in this session."""
        acts = Counter(self._acts.values())
        median = statistics.median(self._looks) if self._looks else None
        edited = acts["edited"] + acts["pinned"]
        return Tally(acts["accepted"], edited, acts["rejected"], acts["later"], median, self.keys)

    def item(self, draft_id: str) -> Item | None:
        """A draft with all that is known of it; None where the project no longer has it.

        Raises:
            ProjectError: the project cannot be read.
        """
        drafts = self._store.drafts([draft_id])
        if not drafts:
            return None
        draft, row = drafts[0], self._queue.row(draft_id)
        entry = self._queue.entry(draft_id)
        landing = self._store.landing(draft_id)
        landed = row.cluster_id if row is not None else draft.cluster_id
        state = self._store.state(draft_id)
        self.seen.add(draft_id)
        return Item(
            draft,
            DraftState(draft_id) if self.is_hidden(state) else state,
            entry.gain,
            entry.novelty,
            any(each.drawn for each in self.order if each.draft_id == draft_id),
            entry.gain > 0.0 and all(self._queue.gain(each.draft_id) <= entry.gain for each in self.order[:_LEADING]),
            self._cluster(landed, landing),
            self._name(draft.cluster_id) if draft.cluster_id != landed else None,
            landing is not None and landing.off_traffic,
            self._store.marks(draft_id).get(draft_id, ()),
            self._near(landing),
            self._twin(draft_id),
            tuple(self._queue.copies(draft_id)),
            draft_id in self.unfolded,
            self._reached(landing),
            self._store.place_in_cluster(draft_id, landed),
        )

    def _verdicts_in(self, cluster_id: str) -> Counter[Verdict]:
        if cluster_id not in self._by_cluster:
            self._by_cluster[cluster_id] = Counter(self._store.cluster_verdicts(cluster_id))
        return self._by_cluster[cluster_id]

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
        verdicts = self._verdicts_in(cluster_id)
        return ClusterView(
            cluster.id,
            cluster.name,
            cluster.named_by,
            rank,
            len(self._clusters),
            cluster.weight,
            cluster.traces,
            verdicts["accepted"],
            sum(verdicts[verdict] for verdict in _OPEN),
            sum(cell.weight * so_far.get(cell.id, 0.0) for cell in cells) / weight,
            sum(cell.weight * after.get(cell.id, 0.0) for cell in cells) / weight,
        )

    def _near(self, landing: Landing | None) -> tuple[Near, ...]:
        if landing is None:
            return ()
        similarity = {each.trace_id: each.similarity for each in landing.neighbours[:_NEIGHBOURS]}
        return tuple(
            Near(each.id, each.text, similarity[each.id], each.count, each.seen_at, _outcome(each))
            for each in self._store.traces(similarity)
        )

    def _twin(self, draft_id: str) -> Twin | None:
        near = self._queue.nearest_decided(draft_id, "accepted")
        drafts = self._store.drafts([near[0]]) if near is not None else []
        if near is None or not drafts:
            return None
        edited = self._store.state(near[0]).edited_messages
        return Twin(near[0], drafts[0].text if edited is None else user_text(edited), near[1])

    def _reached(self, landing: Landing | None) -> tuple[Reached, ...]:
        so_far = self._queue.coverage_by_cell()
        reach = landing.reach if landing is not None else ()
        cells = [Reached(self._weight.get(cell, 0.0), depth, so_far.get(cell, 0.0)) for cell, depth in reach]
        return tuple(sorted(cells, key=lambda each: each.gain, reverse=True))


def _outcome(trace: Trace) -> str:
    """What the logs say came of an input, in a few words."""
    said = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in trace.signals.items()
        if isinstance(value, bool | int | float | str) and (name, value) != ("finish_reason", "stop")
    ]
    return ", ".join(said)[:_OUTCOME_CHARACTERS]


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
    if "pin" in verbs:
        return "accept of the real input"
    known = ("accept", "reject", "later", "reason", "tag", "note", "flag")
    return next((verb for verb in known if verb in verbs), "decision")


def _now() -> datetime:
    return datetime.now().astimezone()
