"""Answers of candidate models to items, and what programs and people say of them.

A part of the store. An answer may always be made or read again; a judgement may not, so judgements are events like
the decisions of curation: only ever added, undone by another event, brought together between copies by their uuid.
Preferences are kept by the name of the candidate, never by the side of the screen on which its answer stood.
"""

import json
import sqlite3
import uuid
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any, Literal

from generator.errors import ProjectError
from generator.records import Content, Draft, DraftState, content_id, now, standing_acts, step_to_take_back

Choice = Literal["left", "right", "same", "both_bad"]
Grade = Literal["pass", "fail", "unsure"]
Flaw = Literal["same twice", "another question"]
CheckOutcome = Literal["passed", "failed", "cannot say"]
OpinionVerb = Literal["prefer", "same", "both_bad", "pass", "fail", "unsure"]
JudgementVerb = Literal["prefer", "same", "both_bad", "pass", "fail", "unsure", "tick", "reveal", "undo", "redo"]
CHOICES: tuple[Choice, ...] = ("left", "right", "same", "both_bad")
GRADES: tuple[Grade, ...] = ("pass", "fail", "unsure")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a candidate answered to an item."""

    draft_id: str
    """The item: an accepted one, or a random draw that nobody has decided on yet."""
    candidate: str
    """Name of the model, prompt or version that answered."""
    output: str
    asked: str
    """Digest of the input that it answered, see `Content.asked`."""
    expected: str
    """Digest of the target that `passed` was held against."""
    origin: Literal["shadow", "file"]
    source: str
    """Key of the paid call, or name and digest of the file."""
    passed: float | None = None
    """0 to 1, as the file has it; None where it says nothing."""
    latency_s: float | None = None
    cost_usd: float | None = None
    at: str = ""
    """When it came in; set by the store."""

    @property
    def digest(self) -> str:
        """What judgements hold on to, so that one of another text is known to be stale."""
        return content_id("answer", self.output)


@dataclass(frozen=True, slots=True)
class PutReport:
    """What became of answers that came in."""

    new: int
    same: int
    """There already, word for word; what else the file says of them was taken over."""
    replaced: int
    """In place of an answer to an earlier version of the item, or of any other because that was asked for."""
    differing: int
    """Left out: the candidate has another answer to the same version of the item."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What a program says of one criterion of one answer."""

    draft_id: str
    candidate: str
    place: int
    """Of the criterion among those of its item, what must not be after what is expected."""
    criterion: str
    outcome: CheckOutcome
    why: str
    """One line."""


@dataclass(frozen=True, slots=True)
class PlantedPair:
    """Two answers of which it is known how they compare, to see whether people look."""

    id: str
    flaw: Flaw
    draft_id: str
    candidate: str
    """Whose own answer to the item is on one side."""
    other_draft_id: str
    other_candidate: str
    """What is on the other: the same again, or somebody's answer to another item."""

    @classmethod
    def of(cls, flaw: Flaw, own: tuple[str, str], other: tuple[str, str]) -> "PlantedPair":
        """A planted pair of two answers, each as (item, candidate)."""
        return cls(f"p-{content_id('planted pair', flaw, *own, *other)}", flaw, *own, *other)

    def noticed(self, opinion: "Opinion") -> bool:
        """Whether somebody who thinks so has looked: both bad is never wrong."""
        if opinion.verb == "both_bad":
            return True
        return opinion.verb == "same" if self.flaw == "same twice" else opinion.preferred == "own"


@dataclass(frozen=True, slots=True)
class Judgement:
    """One act of a person on answers: an event, never changed once written."""

    uuid: str
    step: str
    """Acts made by one key press share a step, which is what undo undoes."""
    seq: int
    draft_id: str
    candidates: tuple[str, ...]
    """One for a grade or ticks, two in the order of the alphabet for a comparison; none for undo and redo. Of `reveal`,
    which is about no item, those whose names were shown."""
    plant: str | None
    """The planted pair that was judged, if it was one."""
    actor: str
    verb: JudgementVerb
    payload: Mapping[str, Any]
    """`preferred`: a candidate (of a planted pair "own" or "other"); `left` and `right`: who stood where; `answers`
    and `expected`: digests of what was seen; `ticks`: criterion -> whether it is met; `step`: what is taken back."""
    at: str


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one person's judgements of one subject amount to."""

    draft_id: str
    candidates: tuple[str, ...]
    plant: str | None
    actor: str
    verb: OpinionVerb | None
    """None where only criteria were ticked."""
    preferred: str | None
    ticks: Mapping[str, bool]
    at: str
    stale: bool
    """Whether an answer or what is expected of it has changed since."""

    @property
    def said(self) -> str | None:
        """The verb, or who was preferred: opinions that say the same agree."""
        return self.preferred if self.verb == "prefer" else self.verb


_Act = tuple[tuple[str, ...], JudgementVerb, Mapping[str, Any]]
"""Candidates, verb and payload of a judgement."""


class Judging(ABC):
    """The part of an open project file that is about answers and judgements."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    @abstractmethod
    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @staticmethod
    @abstractmethod
    def _next_moment(db: sqlite3.Connection) -> str: ...

    @abstractmethod
    def drafts(self, ids: Iterable[str] | None = None) -> list[Draft]:
        """The drafts of these ids."""

    @abstractmethod
    def states(self, ids: Iterable[str] | None = None) -> dict[str, DraftState]:
        """States of drafts that somebody acted on."""

    def contents(self, draft_ids: Iterable[str]) -> dict[str, Content]:
        """What items ask and expect, as people left them."""
        drafts = self.drafts(draft_ids)
        states = self.states([draft.id for draft in drafts])
        return {draft.id: Content.of(draft, states.get(draft.id, DraftState(draft.id))) for draft in drafts}

    # Answers ------------------------------------------------------------------------------------

    def put_answers(self, answers: Sequence[Answer], *, replace: bool = False) -> PutReport:
        """Keep answers, one for each candidate and item.

        Another answer to the same version of an item is left out unless `replace`; one to an earlier version gives
        way by itself. What a program said of an answer that goes, goes with it.
        """
        became = {"new": 0, "same": 0, "replaced": 0, "differing": 0}
        with self._transaction() as db:
            for answer in answers:
                became[_put(db, answer, replace)] += 1
        return PutReport(**became)

    def answers(self, candidate: str | None = None, draft_ids: Iterable[str] | None = None) -> list[Answer]:
        """Answers by candidate and item: of one candidate, to these items, or all."""
        where, parameters = ("WHERE candidate = ?", [candidate]) if candidate is not None else ("", [])
        if draft_ids is not None:
            where += f"{' AND' if where else 'WHERE'} draft_id IN (SELECT value FROM json_each(?))"
            parameters.append(json.dumps(list(draft_ids)))
        rows = self._rows(
            "SELECT draft_id, candidate, output, asked, expected, origin, source, passed, latency_s, cost_usd, at "
            f"FROM answer {where} ORDER BY candidate, draft_id",
            parameters,
        )
        return [Answer(*row) for row in rows]

    def answer_facts(self, candidate: str) -> list[Answer]:
        """The answers of a candidate without their texts, which may be large."""
        rows = self._rows(
            "SELECT draft_id, candidate, '', asked, expected, origin, source, passed, latency_s, cost_usd, at "
            "FROM answer WHERE candidate = ? ORDER BY draft_id",
            (candidate,),
        )
        return [Answer(*row) for row in rows]

    def answered(self) -> dict[tuple[str, str], tuple[str, str]]:
        """(item, candidate) -> digests of the answer and of the input that it answered, without reading the texts."""
        rows = self._rows("SELECT draft_id, candidate, digest, asked FROM answer ORDER BY candidate, draft_id")
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    def candidates(self) -> dict[str, int]:
        """Who answered, by name, and how many items."""
        return dict(self._rows("SELECT candidate, count(*) FROM answer GROUP BY candidate ORDER BY candidate"))

    def stale_answers(self) -> frozenset[tuple[str, str]]:
        """(item, candidate) of answers to an input that has changed since."""
        found = self.answered()
        contents = self.contents({draft_id for draft_id, _ in found})
        return frozenset(
            (draft_id, candidate)
            for (draft_id, candidate), (_, asked) in found.items()
            if draft_id not in contents or contents[draft_id].asked != asked
        )

    # What programs say --------------------------------------------------------------------------

    def replace_checks(self, results: Iterable[CheckResult]) -> None:
        """Put what programs say of all answers in place of what they said before."""
        with self._transaction() as db:
            db.execute("DELETE FROM check_result")
            db.executemany(
                "INSERT INTO check_result VALUES (?, ?, ?, ?, ?, ?)",
                [(r.candidate, r.draft_id, r.place, r.criterion, r.outcome, r.why) for r in results],
            )

    def checks(self, draft_id: str | None = None) -> dict[tuple[str, str], tuple[CheckResult, ...]]:
        """(item, candidate) -> what programs say of the answer, criterion by criterion: of one item, or of all."""
        where, parameters = ("WHERE draft_id = ?", (draft_id,)) if draft_id is not None else ("", ())
        found: defaultdict[tuple[str, str], list[CheckResult]] = defaultdict(list)
        for row in self._rows(
            "SELECT draft_id, candidate, place, criterion, outcome, why FROM check_result "
            f"{where} ORDER BY candidate, draft_id, place",
            parameters,
        ):
            found[row[0], row[1]].append(CheckResult(*row))
        return {key: tuple(results) for key, results in found.items()}

    def check_verdicts(self) -> dict[tuple[str, str], Literal["pass", "fail"]]:
        """(item, candidate) -> what the checks come to, where they decide.

        One failure fails an answer; it passes only where nothing is left to people.
        """
        found: dict[tuple[str, str], Literal["pass", "fail"]] = {}
        for key, results in self.checks().items():
            outcomes = {each.outcome for each in results}
            if "failed" in outcomes:
                found[key] = "fail"
            elif outcomes == {"passed"}:
                found[key] = "pass"
        return found

    # People judge -------------------------------------------------------------------------------

    def judge_pair(
        self,
        draft_id: str,
        left: str,
        right: str,
        choice: Choice,
        actor: str,
        ticks: Mapping[str, Mapping[str, bool]] | None = None,
        **more: Any,
    ) -> str:
        """Record which of two answers a person prefers, on disk when this returns; returns the step.

        Args:
            draft_id: the item.
            left: the candidate whose answer stood on the left.
            right: the other.
            choice: what was chosen; kept as the name of the candidate.
            actor: who chose.
            ticks: candidate -> criterion -> whether its answer meets it, where they were asked for.
            more: what else to keep with it, such as the session or the seconds it took.

        Raises:
            ProjectError: one of the two has no answer to the item.
        """
        seen = {"left": left, "right": right, **self._seen(draft_id, (left, right)), **more}
        pair = (left, right) if left < right else (right, left)
        return self._judge(draft_id, actor, [_act(pair, choice, seen), *self._ticked(draft_id, ticks)])

    def judge_planted(self, pair: PlantedPair, own_on_left: bool, choice: Choice, actor: str, **more: Any) -> str:
        """Record what a person chose of a planted pair; it is never counted as a preference. Returns the step."""
        sides = ("own", "other") if own_on_left else ("other", "own")
        seen = {"left": sides[0], "right": sides[1], **more}
        return self._judge(pair.draft_id, actor, [_act((), choice, seen)], pair.id)

    def grade(
        self,
        draft_id: str,
        candidate: str,
        grade: Grade,
        actor: str,
        ticks: Mapping[str, bool] | None = None,
        **more: Any,
    ) -> str:
        """Record whether an answer passes, on disk when this returns; returns the step.

        Raises:
            ProjectError: the candidate has no answer to the item.
        """
        graded: _Act = ((candidate,), grade, {**self._seen(draft_id, (candidate,)), **more})
        return self._judge(draft_id, actor, [graded, *self._ticked(draft_id, {candidate: ticks} if ticks else None)])

    def tick(self, draft_id: str, candidate: str, ticks: Mapping[str, bool], actor: str) -> str:
        """Record which criteria an answer meets; those not named stay as they were. Returns the step."""
        return self._judge(draft_id, actor, self._ticked(draft_id, {candidate: ticks}))

    def reveal(self, candidates: Sequence[str], actor: str, **more: Any) -> str:
        """Record that a person was shown whose answers they judged; returns the step.

        Nothing takes this back, nor what was judged before it: an undo would be made in the knowledge of the names.
        """
        return self._judge("", actor, [(tuple(sorted(candidates)), "reveal", more)])

    def undo_judgement(self, actor: str) -> tuple[Judgement, ...]:
        """Take back this person's last step that still stands; returns what it was (nothing: none is left)."""
        return self._take_back_judgement(actor, "undo")

    def redo_judgement(self, actor: str) -> tuple[Judgement, ...]:
        """Take back this person's last undo, unless something was judged since; returns what stands again."""
        return self._take_back_judgement(actor, "redo")

    def judgements(self, draft_id: str | None = None) -> list[Judgement]:
        """The events in order, of one item or of all."""
        where, parameters = ("WHERE draft_id = ?", (draft_id,)) if draft_id is not None else ("", ())
        rows = self._rows(f"{_SELECT_JUDGEMENT} {where} ORDER BY at, step, seq", parameters)
        return [_judgement(row) for row in rows]

    def opinions(self, draft_id: str | None = None) -> list[Opinion]:
        """What each person thinks of each subject as it stands, planted pairs among them, in the order of the last act.

        A subject is an item with one candidate (a grade), with two (a comparison), or a planted pair.
        """
        events = self.judgements(draft_id)
        answered = self.answered()
        contents = self.contents({each.draft_id for each in events})
        found: dict[tuple[str, str, tuple[str, ...], str | None], Opinion] = {}
        for act in standing_acts(events):
            if act.verb == "reveal":
                continue
            key = (act.actor, act.draft_id, act.candidates, act.plant)
            now_expected = contents[act.draft_id].expected if act.draft_id in contents else None
            stale = act.plant is None and (
                act.payload["expected"] != now_expected
                or any(answered.get((act.draft_id, who), ("",))[0] != seen for who, seen in act.payload["answers"])
            )
            found[key] = _opinion(act, stale, found.pop(key, None))
        return list(found.values())

    def _seen(self, draft_id: str, candidates: Sequence[str]) -> dict[str, Any]:
        """Digests of what a person looked at."""
        rows = dict(self._rows("SELECT candidate, digest FROM answer WHERE draft_id = ?", (draft_id,)))
        contents = self.contents([draft_id])
        missing = [each for each in candidates if each not in rows]
        if missing or draft_id not in contents:
            raise ProjectError(f"{missing[0] if missing else 'Nobody'} has no answer to {draft_id}; look again.")
        return {"answers": [(each, rows[each]) for each in candidates], "expected": contents[draft_id].expected}

    def _ticked(self, draft_id: str, ticks: Mapping[str, Mapping[str, bool]] | None) -> list[_Act]:
        return [
            ((candidate,), "tick", {**self._seen(draft_id, (candidate,)), "ticks": dict(own)})
            for candidate, own in (ticks or {}).items()
        ]

    def _judge(self, draft_id: str, actor: str, acts: Sequence[_Act], plant: str | None = None) -> str:
        with self._transaction() as db:
            step, at = uuid.uuid4().hex, self._next_moment(db)
            for candidates, verb, payload in acts:
                act = Judgement(uuid.uuid4().hex, step, 0, draft_id, candidates, plant, actor, verb, payload, at)
                _insert(db, act)
        return step

    def _take_back_judgement(self, actor: str, verb: Literal["undo", "redo"]) -> tuple[Judgement, ...]:
        with self._transaction() as db:
            acts = db.execute(
                "SELECT step, verb, json_extract(payload, '$.step') FROM judgement WHERE actor = :actor AND at > "
                "coalesce((SELECT max(at) FROM judgement WHERE actor = :actor AND verb = 'reveal'), '') "
                "ORDER BY at DESC, step DESC, seq DESC",
                {"actor": actor},
            )
            step = step_to_take_back(acts, verb)
            if step is None:
                return ()
            touched = self._of_step(db, step)
            _insert(
                db,
                Judgement(
                    uuid.uuid4().hex,
                    uuid.uuid4().hex,
                    0,
                    touched[0].draft_id,
                    (),
                    None,
                    actor,
                    verb,
                    {"step": step},
                    self._next_moment(db),
                ),
            )
            return touched if verb == "undo" else self._of_step(db, touched[0].payload["step"])

    @staticmethod
    def _of_step(db: sqlite3.Connection, step: str) -> tuple[Judgement, ...]:
        rows = db.execute(f"{_SELECT_JUDGEMENT} WHERE step = ? ORDER BY seq", (step,))
        return tuple(_judgement(row) for row in rows)

    # Planted pairs, and other copies ------------------------------------------------------------

    def planted_pairs(self) -> list[PlantedPair]:
        """Pairs of which it is known how they compare."""
        rows = self._rows(
            "SELECT id, flaw, draft_id, candidate, other_draft_id, other_candidate FROM planted_pair ORDER BY id"
        )
        return [PlantedPair(*row) for row in rows]

    def add_planted_pairs(self, pairs: Iterable[PlantedPair]) -> int:
        """Keep pairs of which it is known how they compare; returns how many were new."""
        with self._transaction() as db:
            return sum(
                db.execute(
                    "INSERT OR IGNORE INTO planted_pair VALUES (?, ?, ?, ?, ?, ?)",
                    (p.id, p.flaw, p.draft_id, p.candidate, p.other_draft_id, p.other_candidate),
                ).rowcount
                for p in pairs
            )

    def take_in_judgements(self, judgements: Sequence[Judgement]) -> int:
        """Keep what people judged in another copy of the project; returns how much of it was new.

        Raises:
            ProjectError: a judgement is there already and says something else.
        """
        added = 0
        with self._transaction() as db:
            for each in judgements:
                row = db.execute(f"{_SELECT_JUDGEMENT} WHERE uuid = ?", (each.uuid,)).fetchone()
                if row is None:
                    _insert(db, each)
                    added += 1
                elif replace(_judgement(row), seq=0) != replace(each, seq=0):
                    raise ProjectError(
                        f"The project and the other copy tell judgement {each.uuid} differently; one of them was "
                        "changed by hand. Nothing was merged from it."
                    )
        return added


_SELECT_JUDGEMENT = "SELECT uuid, step, seq, draft_id, candidates, plant, actor, verb, payload, at FROM judgement"


def _judgement(row: Sequence[Any]) -> Judgement:
    named, payload = tuple(json.loads(row[4])), json.loads(row[8])
    return Judgement(row[0], row[1], row[2], row[3], named, row[5], row[6], row[7], payload, row[9])


def _insert(db: sqlite3.Connection, act: Judgement) -> None:
    db.execute(
        "INSERT INTO judgement (uuid, step, draft_id, candidates, plant, actor, verb, payload, at) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            act.uuid,
            act.step,
            act.draft_id,
            _json(act.candidates),
            act.plant,
            act.actor,
            act.verb,
            _json(act.payload),
            act.at,
        ),
    )


def _act(pair: tuple[str, ...], choice: Choice, seen: Mapping[str, Any]) -> _Act:
    match choice:
        case "left" | "right":
            return pair, "prefer", {**seen, "preferred": seen[choice]}
        case "same" | "both_bad":
            return pair, choice, seen


def _opinion(act: Judgement, stale: bool, before: Opinion | None) -> Opinion:
    """One more act of a person on a subject: a verdict replaces the last one, ticks are added to those there are."""
    verb = before.verb if before else None
    match act.verb:
        case "tick" | "reveal" | "undo" | "redo":
            stale = stale or (before is not None and verb is not None and before.stale)
        case _:
            verb = act.verb
    ticks = before.ticks if before and not before.stale else {}
    return Opinion(
        act.draft_id,
        act.candidates,
        act.plant,
        act.actor,
        verb,
        act.payload.get("preferred"),
        {**ticks, **act.payload.get("ticks", {})},
        act.at,
        stale,
    )


def _put(db: sqlite3.Connection, answer: Answer, replace: bool) -> Literal["new", "same", "replaced", "differing"]:
    key = (answer.candidate, answer.draft_id)
    row = db.execute("SELECT digest, asked FROM answer WHERE candidate = ? AND draft_id = ?", key).fetchone()
    if row == (answer.digest, answer.asked):
        db.execute(
            "UPDATE answer SET passed = coalesce(?, passed), expected = iif(? IS NULL, expected, ?), "
            "latency_s = coalesce(?, latency_s), cost_usd = coalesce(?, cost_usd) "
            "WHERE candidate = ? AND draft_id = ?",
            (answer.passed, answer.passed, answer.expected, answer.latency_s, answer.cost_usd, *key),
        )
        return "same"
    if row is not None and row[1] == answer.asked and not replace:
        return "differing"
    db.execute("DELETE FROM check_result WHERE candidate = ? AND draft_id = ?", key)
    db.execute(
        "INSERT OR REPLACE INTO answer (candidate, draft_id, digest, asked, expected, passed, latency_s, cost_usd, "
        "origin, source, at, output) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *key,
            answer.digest,
            answer.asked,
            answer.expected,
            answer.passed,
            answer.latency_s,
            answer.cost_usd,
            answer.origin,
            answer.source,
            answer.at or now(),
            answer.output,
        ),
    )
    return "new" if row is None else "replaced"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
