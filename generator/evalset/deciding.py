"""The decisions of the app without the app: `groundset accept` and `groundset reject`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from generator.errors import StageError
from generator.evalset.queue import Queue
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
    verb: Literal["accept", "reject"],
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
    queue = Queue.of(store)
    before = queue.coverage
    wanted = [_only_match(store, draft) for draft in drafts]
    if best is not None:
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
    return Decided(tuple(wanted), before, Queue.of(store).coverage)


def _only_match(store: Store, prefix: str) -> str:
    matches = store.matching_draft_ids(prefix)
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise StageError(f"No draft is called {prefix}; the ids are in: groundset curate {store.path}")
    raise StageError(
        f"{prefix} fits {len(matches)} drafts, {matches[0]} and {matches[1]} among them; give more of the id."
    )
