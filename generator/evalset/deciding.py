"""The acts of the app without the app: `groundset accept`, `reject`, `tag`, `note`, `flag`, `pin`, `undo`, `judge`."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from generator.errors import StageError
from generator.evalset.long_queue import LongQueue
from generator.evalset.queue import Queue
from generator.evalset.sitting import chosen_candidates
from generator.judging import Choice, Grade
from generator.records import REASONS
from generator.store import Store


@dataclass(frozen=True, slots=True)
class Decided:
    """What a command decided, and what it did to coverage."""

    draft_ids: tuple[str, ...]
    before: float
    after: float


def decide(
    store: Store,
    verb: Literal["accept", "reject", "later"],
    drafts: Sequence[str],
    *,
    best: int | None,
    reason: str | None,
    actor: str,
    marked: bool = False,
) -> Decided:
    """Record one decision on drafts named by id (or its beginning), or on the first `best` of the queue.

    All of them are one step, which one undo takes back. What verification has marked is accepted by name, or as one
    of the best where `marked` says so.

    Raises:
        StageError: no drafts are named, or a name fits none or several.
    """
    before = _coverage(store)
    wanted = named(store, drafts)
    if best is not None:
        # Of all drafts: who decides on many at once has the time to weigh them all.
        queue = Queue.of(store)
        listed = queue.best(best, with_marked=marked or verb == "reject")
        wanted += [entry.draft_id for entry in listed if entry.draft_id not in wanted]
        if not wanted and queue.best(1):
            raise StageError(
                "Something speaks against every draft that is left. Look at them with: "
                f"groundset curate {store.path}, or say --marked."
            )
    if not wanted:
        raise StageError("Name drafts by their ids, or say --best N for the first of the queue.")
    payload = {} if reason is None else {"reason": REASONS.get(reason, reason)}
    store.decide(wanted, verb, actor, **payload)
    return _decided(store, wanted, before)


def _coverage(store: Store) -> float:
    return LongQueue(store.cells(), store).coverage


def _decided(store: Store, draft_ids: Sequence[str], before: float) -> Decided:
    return Decided(tuple(draft_ids), before, _coverage(store))


def named(store: Store, drafts: Sequence[str]) -> list[str]:
    """The ids of drafts that are named by their beginnings, each once.

    Raises:
        StageError: a name fits none or several.
    """
    return list(dict.fromkeys(_only_match(store, draft) for draft in drafts))


def pin(store: Store, draft: str, trace: str | None, actor: str) -> Decided:
    """Accept a draft with a real input in its place: the one named, or the nearest.

    Raises:
        StageError: no draft or trace is called that, or none is near.
    """
    before = _coverage(store)
    draft_id = _only_match(store, draft)
    if trace is None:
        landing = store.landing(draft_id)
        if landing is None or not landing.neighbours:
            raise StageError(f"No real input is near {draft_id}; name one with --trace.")
        trace = landing.neighbours[0].trace_id
    found = store.traces([trace])
    if not found:
        raise StageError(
            f"No trace is called {trace}; the ids are in: groundset clusters {store.path} --per-trace FILE"
        )
    store.pin(draft_id, found[0], actor)
    return _decided(store, [draft_id], before)


def take_back(store: Store, verb: Literal["undo", "redo"], actor: str) -> Decided:
    """Take back the last step of a person, or the last undo.

    Raises:
        StageError: there is nothing to take back.
    """
    before = _coverage(store)
    touched = store.undo(actor) if verb == "undo" else store.redo(actor)
    if not touched:
        raise StageError(f"There is nothing of {actor} to {verb}.")
    return _decided(store, touched, before)


def edit(
    store: Store, draft: str, *, text: str | None, criteria: Sequence[str], must_not: Sequence[str], actor: str
) -> Decided:
    """Accept a draft as changed; what is not given stays as it is.

    Raises:
        StageError: no draft is called that, or it has no turn of a user to change.
    """
    before = _coverage(store)
    draft_id = _only_match(store, draft)
    (old,), state = store.drafts([draft_id]), store.state(draft_id)
    messages = list(state.edited_messages if state.edited_messages is not None else old.messages)
    if text is not None:
        turns = [place for place, message in enumerate(messages) if message.role == "user"]
        if not turns:
            raise StageError(f"{draft_id} has no turn of a user to change.")
        messages[turns[-1]] = replace(messages[turns[-1]], content=text)
    kept_criteria = old.criteria if state.edited_criteria is None else state.edited_criteria
    kept_must_not = old.must_not if state.edited_must_not is None else state.edited_must_not
    store.accept_edited(draft_id, messages, criteria or kept_criteria, must_not or kept_must_not, actor)
    return _decided(store, [draft_id], before)


def judge(
    store: Store,
    item: str,
    candidates: Sequence[str],
    said: Choice | Grade,
    marks: Sequence[tuple[str, str, bool]],
    actor: str,
) -> str:
    """Record what a person thinks of the answers to an item, in the knowledge of whose they are; returns its id.

    Args:
        store: the project.
        item: its id, or the beginning of it.
        candidates: one that is graded, or two that are compared, the one that "left" means first.
        said: the verdict.
        marks: (candidate, criterion or its number, whether it is met).
        actor: who thinks so.

    Raises:
        StageError: no item, candidate or criterion is called that.
    """
    draft_id, ticks = _only_match(store, item), dict[str, dict[str, bool]]()
    chosen = chosen_candidates(store, candidates)
    for candidate, criterion, met in marks:
        if candidate not in chosen:
            raise StageError(f"A criterion is said to be met by {candidate}, which is not judged here.")
        ticks.setdefault(candidate, {})[_criterion(store, draft_id, criterion)] = met
    if said == "pass" or said == "fail" or said == "unsure":
        store.grade(draft_id, chosen[0], said, actor, ticks.get(chosen[0]), blind=False)
    else:
        store.judge_pair(draft_id, chosen[0], chosen[1], said, actor, ticks or None, blind=False)
    return draft_id


def _criterion(store: Store, draft_id: str, named: str) -> str:
    content = store.contents([draft_id])[draft_id]
    criteria = (*content.criteria, *content.must_not)
    if named in criteria:
        return named
    if named.isascii() and named.isdigit() and 1 <= int(named) <= len(criteria):
        return criteria[int(named) - 1]
    raise StageError(f"{draft_id} has no criterion {named!r}; they are numbered from 1 to {len(criteria)}.")


def _only_match(store: Store, prefix: str) -> str:
    matches = store.matching_draft_ids(prefix)
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise StageError(f"No draft is called {prefix}; the ids are in: groundset curate {store.path}")
    raise StageError(
        f"{prefix} fits {len(matches)} drafts, {matches[0]} and {matches[1]} among them; give more of the id."
    )
