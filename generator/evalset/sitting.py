"""A blind sitting: what a person is given to judge, in which order, and what came of it once names are shown.

Two candidates are compared, or one is graded. Names are no part of what is put before the person, nor is what
programs or a judge said of the answers: a verdict that follows them would agree with them, and could no longer
correct them. A sitting goes on over restarts of the app, until its names are revealed.

Plain arithmetic, no numpy: the app and the command line share it.
"""

import itertools
import statistics
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any, Literal

from generator.errors import StageError
from generator.evalset.agreement import Agreement, agreement_of, for_two
from generator.evalset.next_judgement import Work, next_up
from generator.evalset.opinions import opinions_of, order_of_work
from generator.judging import Choice, Flaw, Grade, Judgement, Opinion, PlantedPair
from generator.printable import one_line
from generator.records import Content, Draft, DraftState, Interval, content_id, standing_acts
from generator.store import Store

PLANT_EVERY = 25
"""In so many places lies one planted pair."""
SECOND_EVERY = 10
"""In so many places lies one item that somebody else has judged, where there are any: people are held against one
another from the start."""
DISCOVERY_EVERY = 5
"""In so many places lies one item that stands for no traffic, as edge cases do."""
AHEAD = 6
"""How many tasks are drawn up at a time: what was judged since changes those after them."""
_FLAWS: tuple[Flaw, ...] = ("same twice", "another question")
_LONGEST_S = 300.0
_NAME = 40
"""Characters of a name in an error."""
_EMPTY = content_id("answer", "")
_WORTH: Mapping[str, float] = {"pass": 1.0, "unsure": 0.5, "fail": 0.0}

Key = tuple[str, str]
"""Of an answer: the item and the candidate."""


@dataclass(frozen=True, slots=True)
class Task:
    """What is put before a person: an item with one answer, or with two from left to right."""

    draft_id: str
    answers: tuple[Key, ...]
    plant: PlantedPair | None = None

    @property
    def subject(self) -> tuple[str, str | None]:
        """What it is about; two tasks with the same subject ask the same."""
        return self.draft_id, None if self.plant is None else self.plant.id

    @property
    def candidates(self) -> tuple[str, ...]:
        """Who answered, from left to right."""
        return tuple(candidate for _, candidate in self.answers)


@dataclass(frozen=True, slots=True)
class _Item:
    weight: float
    stratum: str
    stands_for: bool
    """Whether it is a random draw, as production sent it."""
    asked: str
    """Digest of its input."""
    expected: str
    """Digest of its target."""


@dataclass(frozen=True, slots=True)
class Noticed:
    """How one person dealt with planted pairs."""

    actor: str
    planted: int
    noticed: int
    missed: tuple[str, ...]
    """The items of the others."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is shown when names are."""

    candidates: tuple[str, ...]
    said: Mapping[str, int]
    """Judgements by what was said: the name of the candidate that was preferred, or the verb."""
    items: int
    rate: Interval | None
    """Of the items judged, the share that the first candidate won (half for no difference and for both bad), or that
    passed (unsure left out); not weighted by traffic."""
    people: Mapping[str, int]
    """Who judged how many items."""
    median_seconds: float | None
    """Of the judgements made in the app."""
    left_preferred: tuple[int, int]
    """How often the answer on the left was preferred, and how often either was: far from half is a habit."""
    noticed: tuple[Noticed, ...]
    agreements: tuple[Agreement, ...]
    against_programs: tuple[str, ...]
    """Items on which what people said and what programs or a file say of the answers differ."""
    left: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


class Sitting:
    """One person's work on the answers of a candidate, or of two."""

    def __init__(self, store: Store, actor: str, candidates: Sequence[str]) -> None:
        self._store, self._actor = store, actor
        self.candidates = tuple(sorted(set(candidates)))
        self._plants: dict[str, PlantedPair] = {}
        self._put_off: dict[tuple[str, str | None], None] = {}
        self._coming: list[Task] = []
        self.take()

    # What there is ------------------------------------------------------------------------------

    def take(self) -> None:
        """Read what there is to judge and what was judged, here and by others; the next task stays the next.

        Raises:
            ProjectError: the project cannot be read.
        """
        self._items = self._read_items()
        self._plants = {each.id: each for each in self._store.planted_pairs() if self._is_ours(each)}
        self._opinion = self._read_opinions()
        self._mine: dict[tuple[str, str | None], str] = {}
        self._judged_by: defaultdict[str, dict[str, str]] = defaultdict(dict)
        for each in self._store.opinions():
            if each.said is None or each.stale:
                continue
            if each.plant in self._plants and each.actor == self._actor:
                self._mine[each.draft_id, each.plant] = each.said
            elif each.plant is None and each.candidates == self.candidates and each.draft_id in self._items:
                self._judged_by[each.draft_id][each.actor] = each.said
                if each.actor == self._actor:
                    self._mine[each.draft_id, None] = each.said
        shown, self._coming = self._coming[:1], []
        self._coming = [each for each in shown if self._is_open(each)]

    def _read_items(self) -> dict[str, _Item]:
        answered, store = self._store.answered(), self._store
        ids = {draft_id for draft_id, candidate in answered if candidate in self.candidates}
        ids = {each for each in ids if all((each, candidate) in answered for candidate in self.candidates)}
        states, planted = store.states(ids), store.plants()
        found = {}
        for draft in store.drafts(sorted(ids)):
            state = states.get(draft.id, DraftState(draft.id))
            content = Content.of(draft, state)
            fresh = all(answered[draft.id, candidate][1] == content.asked for candidate in self.candidates)
            if fresh and state.verdict != "rejected" and draft.id not in planted:
                found[draft.id] = _item(draft, content)
        return found

    def _read_opinions(self) -> dict[str, float]:
        digests = {each: (item.asked, item.expected) for each, item in self._items.items()}
        return order_of_work({each: opinions_of(self._store, each, digests) for each in self.candidates})

    def _is_ours(self, pair: PlantedPair) -> bool:
        return len(self.candidates) == 2 and {pair.candidate, pair.other_candidate} <= set(self.candidates)

    @property
    def size(self) -> int:
        """How many items there are, judged or not."""
        return len(self._items)

    @property
    def judged(self) -> int:
        """How many items this person has judged, planted pairs among them."""
        return len(self._mine)

    @property
    def left(self) -> int:
        """About how many wait for this person."""
        return len(self._waiting()) + len(self._second_looks()) + len(self._plants.keys() - {p for _, p in self._mine})

    @property
    def with_others(self) -> bool:
        """Whether some of what waits is before somebody else just now."""
        taken = self._store.looked_at_by_others(self._actor)
        return any(each in taken for each in (*self._waiting(), *self._second_looks()))

    def share(self, task: Task) -> float | None:
        """The share of traffic that its item stands for; None where that is none."""
        item = self._items.get(task.draft_id)
        return item.weight if item is not None and item.stands_for else None

    def said(self, task: Task) -> str | None:
        """What this person said of it: "left", "right" or the verb; None where nothing."""
        word = self._mine.get(task.subject)
        if word is None:
            return None
        return dict(zip(_sides(task), ("left", "right"), strict=False)).get(word, word)

    # The order ----------------------------------------------------------------------------------

    def coming(self, count: int = 1) -> list[Task]:
        """The next tasks; the first of them stays, whatever others judge meanwhile."""
        taken = self._store.looked_at_by_others(self._actor)
        self._coming = [each for each in self._coming if each.draft_id not in taken]
        if len(self._coming) < count:
            self._draw_up(max(count, AHEAD), taken)
        return self._coming[:count]

    def _draw_up(self, count: int, taken: Mapping[str, str]) -> None:
        subjects = {each.subject for each in self._coming}
        for task in self._order(taken):
            if len(self._coming) >= count:
                return
            if task.subject not in subjects and task.subject not in self._put_off:
                self._coming.append(task)
                subjects.add(task.subject)
        for subject in self._put_off:
            task = self._task(subject)
            if len(self._coming) < count and subject not in subjects and self._is_open(task):
                self._coming.append(task)

    def _order(self, taken: Mapping[str, str]) -> Iterator[Task]:
        """What waits for this person, planted pairs, second looks and edge cases mixed in."""
        waiting = [each for each in self._waiting() if each not in taken]
        production = self._by_worth([each for each in waiting if self._items[each].stands_for])
        discovery = self._by_worth([each for each in waiting if not self._items[each].stands_for])
        second = iter(sorted((each for each in self._second_looks() if each not in taken), key=_lot))
        plants = iter(self._waiting_plants())
        place = self.judged + len(self._coming)
        planted = sum(plant is not None for _, plant in self._mine) + sum(
            each.plant is not None for each in self._coming
        )
        while True:
            turn = [production, discovery, second]
            if place % DISCOVERY_EVERY == DISCOVERY_EVERY - 1:
                turn = [discovery, production, second]
            if place % SECOND_EVERY == SECOND_EVERY - 1:
                turn = [second, *turn[:2]]
            chosen = next((each for kind in turn for each in kind), None)
            if chosen is None:
                return
            if planted < self._plants_due(place) and (plant := next(plants, None)) is not None:
                yield self._task((plant.draft_id, plant.id))
                place, planted = place + 1, planted + 1
            yield self._task((chosen, None))
            place += 1

    def _plants_due(self, place: int) -> int:
        """How many planted pairs come up to a place: one in each block, at a place drawn by lot."""
        block, within = divmod(place, PLANT_EVERY)
        drawn = int(content_id("place of plant", self._actor, str(block))[:8], 16) % PLANT_EVERY
        return block + (within >= drawn)

    def _by_worth(self, waiting: Sequence[str]) -> Iterator[str]:
        """Items in the order in which one more judgement says most."""
        if not waiting:
            return iter(())
        stands_for = self._items[waiting[0]].stands_for
        work = [
            Work(each, item.stratum, item.weight, self._outcome(each), self._opinion.get(each))
            for each, item in self._items.items()
            if item.stands_for == stands_for
        ]
        # Who has met the item of a planted pair is not to meet it again soon. These are the last by lot of all, so
        # of their strata too: what is judged before them is still drawn at random.
        last = {plant.draft_id for plant in self._plants.values()}.intersection(waiting)
        first = set(waiting) - last
        order, rest = next_up(work), next_up(work)
        return itertools.chain((each for each in order if each in first), (each for each in rest if each in last))

    def _outcome(self, draft_id: str) -> float | None:
        """What people said of it so far, on the scale of the opinions."""
        words = list(self._judged_by[draft_id].values()) if draft_id in self._judged_by else []
        sure = [each for each in words if each != "unsure"]
        return statistics.fmean(map(self._worth, sure or words)) if words else None

    def _worth(self, word: str) -> float:
        if len(self.candidates) == 1:
            return _WORTH[word]
        return {self.candidates[0]: 1.0, self.candidates[1]: 0.0}.get(word, 0.5)

    def _waiting(self) -> list[str]:
        return [each for each in self._items if each not in self._judged_by]

    def _second_looks(self) -> list[str]:
        """Items that one other person has judged, and that this one should judge without knowing what they said."""
        return [
            each
            for each, people in self._judged_by.items()
            if len(people) == 1 and self._actor not in people and for_two(each)
        ]

    def _waiting_plants(self) -> list[PlantedPair]:
        waiting = [each for each in self._plants.values() if (each.draft_id, each.id) not in self._mine]
        return sorted(waiting, key=lambda each: content_id("order of plants", self._actor, each.id))

    def _is_open(self, task: Task) -> bool:
        return task.subject not in self._mine and (task.plant is not None or task.draft_id in self._items)

    def _task(self, subject: tuple[str, str | None]) -> Task:
        """The task, with the sides drawn by lot: for one person always the same, for another maybe not."""
        draft_id, plant_id = subject
        if plant_id is not None:
            plant = self._plants[plant_id]
            answers = [(plant.draft_id, plant.candidate), (plant.other_draft_id, plant.other_candidate)]
        else:
            plant = None
            answers = [(draft_id, candidate) for candidate in self.candidates]
        turned = int(content_id("side", self._actor, draft_id, plant_id or "", *self.candidates)[:8], 16) % 2
        return Task(draft_id, tuple(reversed(answers)) if turned else tuple(answers), plant)

    def put_off(self, task: Task) -> None:
        """Let a task come after all others."""
        self._put_off.pop(task.subject, None)
        self._put_off[task.subject] = None
        self._coming = [each for each in self._coming if each.subject != task.subject]

    # Judging ------------------------------------------------------------------------------------

    def compare(self, task: Task, choice: Choice, seconds: float, ticks: Sequence[Mapping[str, bool]] = ()) -> None:
        """Record which of two answers is better; on disk when this returns.

        Args:
            task: what was judged.
            choice: the verdict.
            seconds: how long it took.
            ticks: criterion -> whether it is met, of the left answer and of the right, where it was said.

        Raises:
            ProjectError: it could not be saved, or one of the answers is no longer there.
        """
        more = self._circumstances(seconds)
        left, right = _sides(task)
        if task.plant is not None:
            self._store.judge_planted(task.plant, left == "own", choice, self._actor, ticked=list(ticks), **more)
        else:
            own = {who: each for who, each in zip(task.candidates, ticks, strict=False) if each}
            self._store.judge_pair(task.draft_id, left, right, choice, self._actor, own, **more)
        said: Mapping[str, str] = {"left": left, "right": right}
        self._took(task, said.get(choice, choice))

    def grade(self, task: Task, grade: Grade, seconds: float, ticks: Mapping[str, bool] | None = None) -> None:
        """Record whether an answer passes; on disk when this returns.

        Raises:
            ProjectError: as for `compare`.
        """
        more = self._circumstances(seconds)
        self._store.grade(task.draft_id, task.candidates[0], grade, self._actor, ticks, **more)
        self._took(task, grade)

    def _circumstances(self, seconds: float) -> dict[str, Any]:
        return {"between": self.candidates, "blind": True, "seconds": round(min(seconds, _LONGEST_S), 1)}

    def _took(self, task: Task, said: str) -> None:
        self._mine[task.subject] = said
        if task.plant is None:
            self._judged_by[task.draft_id][self._actor] = said
        self._put_off.pop(task.subject, None)
        self._coming = [each for each in self._coming if each.subject != task.subject]

    def take_back(self, verb: Literal["undo", "redo"]) -> tuple[bool, Task | None]:
        """Take back this person's last judgement, or their last undo.

        Returns:
            Whether there was one, and its task if it is of this sitting.

        Raises:
            ProjectError: it could not be saved.
        """
        store = self._store
        touched = store.undo_judgement(self._actor) if verb == "undo" else store.redo_judgement(self._actor)
        if not touched:
            return False, None
        self.take()
        about = touched[0]
        ours = about.plant in self._plants or (about.plant is None and about.candidates == self.candidates)
        if not ours or about.draft_id not in self._items:
            return True, None
        task = self._task((about.draft_id, about.plant))
        if verb == "undo":
            self._coming = [task, *(each for each in self._coming if each.subject != task.subject)]
        return True, task

    # Planted pairs ------------------------------------------------------------------------------

    def plant(self) -> int:
        """Put pairs among the others of which it is known how they compare; returns how many are new.

        They are made of the items that come last, so that nobody sees an item twice before the end.

        Raises:
            ProjectError: they could not be saved.
        """
        if len(self.candidates) != 2:
            return 0
        wanted = -(-len(self._items) // PLANT_EVERY) if len(self._items) > PLANT_EVERY // 3 else 0
        made = list(self._new_plants(wanted))[: max(wanted - len(self._plants), 0)]
        self._plants |= {each.id: each for each in made}
        return self._store.add_planted_pairs(made) if made else 0

    def _new_plants(self, wanted: int) -> Iterator[PlantedPair]:
        answered = self._store.answered()
        failed = {key for key, verdict in self._store.check_verdicts().items() if verdict == "fail"}
        used = {each.draft_id for each in self._plants.values()}
        last = sorted(self._items.keys() - used, key=_lot, reverse=True)
        made = len(self._plants)
        for place, draft_id in enumerate(last):
            if made >= wanted:
                return
            own = (draft_id, self.candidates[made % 4 // 2])
            if own in failed or answered[own][0] == _EMPTY:
                continue  # both may well look bad
            other = own if made % 2 == 0 else self._another(own, last[place + 1 :] + last[:place], answered)
            if other is not None:
                yield PlantedPair.of(_FLAWS[made % 2], own, other)
                made += 1

    def _another(self, own: Key, others: Iterable[str], answered: Mapping[Key, tuple[str, str]]) -> Key | None:
        """An answer of the other candidate to an item from elsewhere in the traffic."""
        candidate = next(each for each in self.candidates if each != own[1])
        for each in others:
            digest = answered[each, candidate][0]
            far = self._items[each].stratum != self._items[own[0]].stratum
            if far and digest not in {_EMPTY, answered[own][0], answered[own[0], candidate][0]}:
                return each, candidate
        return None

    # The end ------------------------------------------------------------------------------------

    def reveal(self) -> Outcome:
        """Show names, which is recorded and ends the sitting.

        Raises:
            ProjectError: it could not be saved; names stay hidden.
        """
        self._store.reveal(self.candidates, self._actor, judged=self.judged)
        self.take()
        return self.outcome()

    def outcome(self) -> Outcome:
        """What was judged by everybody, with names."""
        acts = [each for each in standing_acts(self._store.judgements()) if self._is_about(each)]
        seconds = [each.payload["seconds"] for each in acts if each.payload.get("seconds")]
        blind = [each.payload for each in acts if each.verb == "prefer" and each.payload.get("blind")]
        left = [each["preferred"] == each["left"] for each in blind]
        opinions = [each for each in self._store.opinions() if each.plant in self._plants]
        words = [word for people in self._judged_by.values() for word in people.values()]
        known = [*self.candidates, "same", "both_bad"] if len(self.candidates) == 2 else list(_WORTH)
        people = sorted({actor for each in self._judged_by.values() for actor in each})
        return Outcome(
            self.candidates,
            {word: words.count(word) for word in known},
            len(self._judged_by),
            self._rate(),
            {each: sum(each in own for own in self._judged_by.values()) for each in people},
            statistics.median(seconds) if seconds else None,
            (sum(left), len(left)),
            tuple(self._noticed(actor, opinions) for actor in sorted({each.actor for each in opinions})),
            tuple(self._agreements(people, known)),
            tuple(each for each in self._judged_by if self._differs(each)),
            self.left,
        )

    def _is_about(self, act: Judgement) -> bool:
        return act.plant in self._plants or (act.plant is None and act.candidates == self.candidates)

    def _rate(self) -> Interval | None:
        sure = [each for each, people in self._judged_by.items() if set(people.values()) != {"unsure"}]
        values = [outcome for each in sure if (outcome := self._outcome(each)) is not None]
        return Interval.of_share(sum(values), len(values)) if values else None

    def _noticed(self, actor: str, opinions: Sequence[Opinion]) -> Noticed:
        own = [each for each in opinions if each.actor == actor and each.verb is not None]
        missed = [each for each in own if not self._plants[str(each.plant)].noticed(each)]
        return Noticed(actor, len(own), len(own) - len(missed), tuple(each.draft_id for each in missed))

    def _agreements(self, people: Sequence[str], known: Sequence[str]) -> Iterator[Agreement]:
        for one, other in combinations(people, 2):
            both = [(own[one], own[other]) for own in self._judged_by.values() if one in own and other in own]
            if both:
                yield agreement_of(one, other, both, known)

    def _differs(self, draft_id: str) -> bool:
        """Whether people and programs stand on different sides of the middle."""
        outcome, opinion = self._outcome(draft_id), self._opinion.get(draft_id)
        return outcome is not None and opinion is not None and (outcome - 0.5) * (opinion - 0.5) < 0


def chosen_candidates(store: Store, names: Sequence[str]) -> tuple[str, ...]:
    """Names of candidates that have answers.

    Raises:
        StageError: one has none, or the same is named twice.
    """
    known = store.candidates()
    for name in names:
        if name not in known:
            there = ", ".join(one_line(each, _NAME) for each in known) or "none yet"
            raise StageError(
                f"There are no answers of {one_line(name, _NAME)} (there are: {there}); take some in with: "
                f"groundset answers {store.path} NAME=FILE"
            )
    if len(set(names)) < len(names):
        raise StageError(f"{one_line(names[0], _NAME)} cannot be compared with itself; name two candidates.")
    return tuple(names)


def choices_of(store: Store, actor: str, count: int) -> list[tuple[str, ...]]:
    """Candidates that can be judged, so many at a time, in an order that says nothing of their names."""
    found = combinations(sorted(store.candidates()), count)
    return sorted(found, key=lambda names: content_id("choice", actor, *names))


def _item(draft: Draft, content: Content) -> _Item:
    stands_for = draft.origin == "random" and draft.weight > 0.0 and content.messages == draft.messages
    if stands_for:
        return _Item(draft.weight, draft.stratum or draft.cluster_id, True, content.asked, content.expected)
    return _Item(1.0, draft.cluster_id, False, content.asked, content.expected)


def _sides(task: Task) -> tuple[str, ...]:
    """What a preference for the left and for the right is kept as."""
    if task.plant is None:
        return task.candidates
    own = (task.plant.draft_id, task.plant.candidate)
    return ("own", "other") if task.answers[0] == own else ("other", "own")


def _lot(draft_id: str) -> str:
    """As `next_up` draws."""
    return content_id("judgement", "0", draft_id)
