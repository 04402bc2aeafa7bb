"""Drafts that are known to be bad, among the others: to see whether people still look.

Three flaws that happen: what is expected belongs to another need; the item is there already; what is expected names
a fact that nobody gave. All are made of real inputs and of what other drafts say, so that they look like these. They
never count for coverage, and are never exported.
"""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from generator.errors import StageError
from generator.records import Draft, Message, Trace
from generator.store import Store

SHARE = 0.04
"""Planted drafts, as a share of those that wait for review."""
_MOST = 60
WRONG, DUPLICATE, INVENTED = "wrong expected behaviour", "duplicate", "invented fact"
_FLAWS = (WRONG, DUPLICATE, INVENTED)
_PER_CLUSTER = 40


@dataclass(frozen=True, slots=True)
class Plant:
    """A draft that is known to be bad."""

    draft: Draft
    flaw: str


def plant(store: Store, share: float = SHARE, random_state: int = 0) -> list[Plant]:
    """Put planted drafts into a project, up to a share of those that wait; returns the new ones.

    Raises:
        StageError: there are too few drafts to plant among.
    """
    there = store.plants()
    decided = store.states()
    peers = [each for each in store.drafts() if each.kind != "real" and each.id not in there]
    waiting = [each for each in peers if each.id not in decided]
    wanted = min(max(round(share * len(waiting)), 1), _MOST) - len(there.keys() - decided.keys())
    if len(waiting) < 1 / share:
        raise StageError(
            f"{store.path} has {len(waiting)} drafts that wait for review; {round(1 / share)} are needed to plant one."
        )
    made = list(_Nursery(store, peers, random_state).make(wanted, len(there)))
    store.add_drafts([each.draft for each in made])
    store.add_plants({each.draft.id: each.flaw for each in made})
    return made


class _Nursery:
    """Makes planted drafts of what a project holds."""

    def __init__(self, store: Store, peers: Sequence[Draft], random_state: int) -> None:
        self._store, self._peers = store, peers
        self._random_state = random_state
        self._known = {each.id for each in store.drafts()}
        self._by_cluster: defaultdict[str, list[Draft]] = defaultdict(list)
        for each in peers:
            self._by_cluster[each.cluster_id].append(each)
        self._used = {trace for each in store.drafts() for trace in each.source_ids}

    def make(self, wanted: int, before: int) -> Iterator[Plant]:
        """So many, the flaws in turn; `before` is how many there were."""
        number, tries = 0, 0
        while number < wanted and tries < 20 * max(wanted, 1):
            tries += 1
            draw = random.Random(f"{self._random_state}:{before}:{tries}")
            made = self._one(_FLAWS[(before + number) % len(_FLAWS)], draw)
            if made is not None and made.draft.id not in self._known:
                self._known.add(made.draft.id)
                number += 1
                yield made

    def _one(self, flaw: str, draw: random.Random) -> Plant | None:
        peer = draw.choice(self._peers)
        if flaw == DUPLICATE:
            return Plant(_as(peer, _reworded(peer.messages, draw)), flaw)
        trace = self._fresh_trace(peer.cluster_id, draw)
        if trace is None:
            return None
        if flaw == INVENTED:
            fact = f"Says that {draw.randint(11, 240)}.{draw.randint(10, 99)} EUR arrive by {draw.randint(2, 28)} March"
            told = replace(peer, criteria=(*peer.criteria, fact))
        else:
            others = [each for each in self._peers if each.cluster_id != peer.cluster_id]
            if not others:
                return None
            other = draw.choice(others)
            told = replace(peer, criteria=other.criteria, must_not=other.must_not)
        return Plant(replace(_as(told, trace.messages), source_ids=(trace.id,)), flaw)

    def _fresh_trace(self, cluster_id: str, draw: random.Random) -> Trace | None:
        """A real input of the cluster that nothing was made of yet."""
        found = [each for each in self._store.traces_of_cluster(cluster_id, _PER_CLUSTER) if each.id not in self._used]
        if not found:
            return None
        chosen = draw.choice(found)
        self._used.add(chosen.id)
        return chosen


def _as(peer: Draft, messages: tuple[Message, ...]) -> Draft:
    """A draft like its peer, with another input."""
    made = replace(peer, messages=messages, invented=(), reference=None, call_key=None, weight=0.0, stratum=None)
    return replace(made, id=Draft.id_of(peer.origin, messages))


def _reworded(messages: tuple[Message, ...], draw: random.Random) -> tuple[Message, ...]:
    """The same request, said as well as the same."""
    places = [place for place, each in enumerate(messages) if each.role == "user" and each.content.strip()]
    if not places:
        return messages
    said = messages[places[-1]].content.strip()
    start = said[:1].lower() + said[1:] if said[1:2].islower() else said
    text = draw.choice((f"Hi, {start}", f"Hello! {said}", f"{said} Thanks!", f"Quick question: {start}"))
    changed = list(messages)
    changed[places[-1]] = replace(messages[places[-1]], content=text)
    return tuple(changed)
