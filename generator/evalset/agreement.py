"""What several people's decisions say of one another, and of how closely they looked.

Plain arithmetic over the events, no numpy: the terminal app shows it too.
"""

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import combinations
from typing import Any

from generator.evalset.queue import QueueEntry
from generator.records import Decision, Interval, content_id, standing_acts, verdicts
from generator.store import Store

OVERLAP = 0.1
"""Share of the drafts that two people look at."""
PLANT_EVERY = 25
"""In so many places of the queue lies one planted draft, where there are any."""
_HASTY_S = 1.5
_LAST = 20
_PAUSE_S = 300.0
"""Longer between two decisions is a break, not a look."""

Table = tuple[int, ...]
"""How often two people said what, row by row: the first's word by the second's. Of accepts: (both accepted, only the
first, only the second, neither)."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far two people agree, on drafts that both decided on without knowing what the other had decided."""

    first: str
    second: str
    items: int
    agreed: int
    kappa: Interval | None
    """Cohen's kappa (1960); None where one of them never differed."""
    ac1: Interval | None
    """Gwet's AC1 (2008), which does not fall when nearly everything is accepted; None without items."""


@dataclass(frozen=True, slots=True)
class Look:
    """How one person worked."""

    actor: str
    decided: int
    accepted: int
    median_seconds: float | None
    """Between one decision and the next, breaks left out."""
    planted: int
    """Planted drafts that they decided on."""
    caught: int
    """Of these, the ones that they did not accept."""
    reasons: Mapping[str, int]
    hasty: str | None
    """A planted draft that they passed while their last accepts took hardly any time."""


@dataclass(frozen=True, slots=True)
class Report:
    """All of it."""

    looks: tuple[Look, ...]
    agreements: tuple[Agreement, ...]
    disputed: int

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def report(store: Store) -> Report:
    """What the decisions of a project say of the people who made them."""
    by_draft: defaultdict[str, list[Decision]] = defaultdict(list)
    decisions = store.decisions()
    for each in decisions:
        by_draft[each.draft_id].append(each)
    last = {draft: verdicts(standing_acts(own)) for draft, own in by_draft.items()}
    people = sorted({actor for own in last.values() for actor in own})
    plants = store.plants()
    pairs = (_agreement(*pair, last.values()) for pair in combinations(people, 2))
    return Report(
        tuple(_look(actor, last, decisions, plants) for actor in people),
        tuple(pair for pair in pairs if pair.items),
        len(store.states(verdict="disputed")),
    )


def _look(
    actor: str, last: Mapping[str, Mapping[str, Decision]], decisions: Sequence[Decision], plants: Mapping[str, str]
) -> Look:
    own = {draft: found[actor] for draft, found in last.items() if actor in found}
    planted = [draft for draft in own if draft in plants]
    passed = [draft for draft in planted if own[draft].verb == "accept"]
    seconds = _seconds([each for each in decisions if each.actor == actor and each.verb in {"accept", "reject"}])
    accepts = [second for verb, second in seconds if verb == "accept"][-_LAST:]
    hurried = len(accepts) == _LAST and statistics.median(accepts) < _HASTY_S
    return Look(
        actor,
        len(own),
        sum(each.verb == "accept" for each in own.values()),
        statistics.median(second for _, second in seconds) if seconds else None,
        len(planted),
        len(planted) - len(passed),
        Counter(str(each.payload["reason"]) for each in own.values() if each.payload.get("reason")),
        passed[-1] if hurried and passed else None,
    )


def _seconds(decisions: Sequence[Decision]) -> list[tuple[str, float]]:
    """(verb, seconds since the step before) of the steps of one person, breaks left out."""
    steps = list({each.step: each for each in decisions}.values())
    moments = [datetime.fromisoformat(each.at) for each in steps]
    found = [
        (each.verb, (after - before).total_seconds())
        for each, before, after in zip(steps[1:], moments, moments[1:], strict=False)
    ]
    return [(verb, second) for verb, second in found if second <= _PAUSE_S]


def _agreement(first: str, second: str, last: Iterable[Mapping[str, Decision]]) -> Agreement:
    pairs = [(own[first], own[second]) for own in last if first in own and second in own]
    blind = [(one, other) for one, other in pairs if not _knew(one, other) and not _knew(other, one)]
    return agreement_of(first, second, ((one.verb == "accept", other.verb == "accept") for one, other in blind))


def agreement_of(
    first: str, second: str, pairs: Iterable[tuple[Hashable, Hashable]], words: Sequence[Hashable] = (True, False)
) -> Agreement:
    """How far two people agree.

    Args:
        first: Who.
        second: And who.
        pairs: What both said of each item, without knowing what the other had said.
        words: All that can be said.
    """
    table = table_of(pairs, words)
    return Agreement(
        first, second, sum(table), _agreed(table), _with_interval(kappa, table), _with_interval(ac1, table)
    )


def _knew(one: Decision, other: Decision) -> bool:
    return other.uuid in one.payload.get("seen", ())


def table_of(pairs: Iterable[tuple[Hashable, Hashable]], words: Sequence[Hashable] = (True, False)) -> Table:
    """How often two people said what."""
    counts = Counter(pairs)
    return tuple(counts[one, other] for one in words for other in words)


def _rows(table: Table) -> list[Table]:
    side = math.isqrt(len(table))
    return [table[start : start + side] for start in range(0, len(table), side)]


def _agreed(table: Table) -> int:
    return sum(table[:: math.isqrt(len(table)) + 1])


def kappa(table: Table) -> float | None:
    """Cohen's kappa, or None where it is not defined."""
    count, rows = sum(table), _rows(table)
    if not count:
        return None
    chance = sum(sum(row) * sum(column) for row, column in zip(rows, zip(*rows, strict=True), strict=True))
    return _beyond(_agreed(table), count, chance / count**2)


def ac1(table: Table) -> float | None:
    """Gwet's AC1, or None without items."""
    count, rows = sum(table), _rows(table)
    if not count:
        return None
    columns = zip(*rows, strict=True)
    means = [(sum(row) + sum(column)) / (2 * count) for row, column in zip(rows, columns, strict=True)]
    return _beyond(_agreed(table), count, sum(mean * (1 - mean) for mean in means) / (len(rows) - 1))


def _beyond(agreed: int, count: int, chance: float) -> float | None:
    return None if chance >= 1.0 else (agreed / count - chance) / (1.0 - chance)


def _with_interval(measure: Callable[[Table], float | None], table: Table) -> Interval | None:
    """With its 95 % interval by the jackknife: each item left out once; alike items at once."""
    count, estimate = sum(table), measure(table)
    if estimate is None:
        return None
    left_out = [
        (times, measure((*table[:place], times - 1, *table[place + 1 :]))) for place, times in enumerate(table) if times
    ]
    known = [(times, value) for times, value in left_out if value is not None]
    if count < 3 or len(known) < len(left_out):
        return Interval(estimate, -1.0, 1.0)
    mean = sum(times * value for times, value in known) / count
    error = 1.96 * math.sqrt((count - 1) / count * sum(times * (value - mean) ** 2 for times, value in known))
    return Interval(estimate, max(estimate - error, -1.0), min(estimate + error, 1.0))


def for_two(draft_id: str, share: float = OVERLAP) -> bool:
    """Whether two people are to look at a draft: by lot, the same in every copy."""
    return int(content_id("overlap", draft_id)[:8], 16) / 2**32 < share


def with_plants(entries: Sequence[QueueEntry], plants: Sequence[str]) -> list[QueueEntry]:
    """The queue with a planted draft in every `PLANT_EVERY` places, marked as drawn by chance, as others are."""
    waiting = sorted(plants, key=lambda each: content_id("plant", each))
    planted = set(plants)
    ordered = [entry for entry in entries if entry.draft_id not in planted]
    for block, draft_id in enumerate(waiting):
        place = block * PLANT_EVERY + int(content_id("place", draft_id)[:8], 16) % PLANT_EVERY
        if place > len(ordered):
            break
        ordered.insert(place, QueueEntry(draft_id, 0.0, 1.0, drawn=True))
    return ordered


def second_looks(store: Store, actor: str, share: float = OVERLAP) -> list[str]:
    """Drafts that one other person has decided on, and that this one should look at without knowing what they said."""
    by_draft: defaultdict[str, list[Decision]] = defaultdict(list)
    for each in store.decisions():
        if for_two(each.draft_id, share):
            by_draft[each.draft_id].append(each)
    found = []
    for draft, own in by_draft.items():
        people = verdicts(standing_acts(own)).keys()
        if len(people) == 1 and actor not in people:
            found.append(draft)
    return found
