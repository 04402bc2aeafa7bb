"""What is said of the answers of two candidates: by people, by programs, and by whoever graded them elsewhere.

People's word on an answer is a grade; several people's, their mean. A program's or a file's word is an opinion: it may
be biased, and people's grades of a random part of the items say how much. What has become stale says nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from statistics import fmean
from typing import Any

from generator.evalset.agreement import agreement_of
from generator.evalset.evidence import Judgement
from generator.evalset.opinions import opinions_of, order_of_work
from generator.judging import Opinion
from generator.records import Interval, Sample
from generator.store import Store

_WORTH = {"pass": 1.0, "fail": 0.0}


@dataclass(frozen=True, slots=True)
class Voices:
    """What is said of two candidates, by item."""

    people: tuple[Mapping[str, float], Mapping[str, float]]
    """What people said of the answers of each, 0 to 1; unsure is left out."""
    opinions: tuple[Mapping[str, float], Mapping[str, float]]
    """What programs or files say of the answers of each."""
    pairs: Mapping[str, Judgement]
    """What people said of both side by side, seen from the second."""
    order: Mapping[str, float]
    """By what pairs were put in order."""

    def pair_opinions(self) -> dict[str, float]:
        """What opinions say of each pair, 1 where the second is better, 0 where the first is."""
        first, second = self.opinions
        return {each: 0.5 + (value - first[each]) / 2 for each, value in second.items() if each in first}

    def of(self, which: int) -> dict[str, float]:
        """The best that is known of each item's answer: what people said, else an opinion."""
        return {**self.opinions[which], **self.people[which]}


def voices(store: Store, items: Sequence[Sample], first: str, second: str) -> Voices:
    """What is said of the answers of two candidates to these items as they are now."""
    digests = {item.id: (item.content.asked, item.content.expected) for item in items}
    said = [each for each in store.opinions() if each.plant is None and not each.stale and each.draft_id in digests]
    opinions = {name: opinions_of(store, name, digests) for name in (first, second)}
    return Voices(
        (_grades(said, first), _grades(said, second)),
        (opinions[first], opinions[second]),
        _pairs(said, first, second),
        order_of_work(opinions),
    )


def _grades(opinions: Sequence[Opinion], candidate: str) -> dict[str, float]:
    said: defaultdict[str, list[float]] = defaultdict(list)
    for each in opinions:
        if each.candidates == (candidate,) and each.verb in _WORTH:
            said[each.draft_id].append(_WORTH[each.verb])
    return {item: fmean(values) for item, values in said.items()}


def _pairs(opinions: Sequence[Opinion], first: str, second: str) -> dict[str, Judgement]:
    pair = tuple(sorted((first, second)))
    said: defaultdict[str, list[Opinion]] = defaultdict(list)
    for each in opinions:
        if each.candidates == pair and each.verb is not None:
            said[each.draft_id].append(each)
    return {item: _together(own, second) for item, own in said.items()}


def _together(opinions: Sequence[Opinion], second: str) -> Judgement:
    """What several people said of one pair: where as many prefer one as the other, it is a tie."""
    preferred = [each.preferred for each in opinions if each.verb == "prefer"]
    lead = 2 * preferred.count(second) - len(preferred)
    if lead:
        return "win" if lead > 0 else "loss"
    return "both bad" if all(each.verb == "both_bad" for each in opinions) else "tie"


@dataclass(frozen=True, slots=True)
class Alike:
    """How far two agree on the same answers."""

    one: str
    other: str
    about: str
    """"grades" or "pairs"."""
    items: int
    agreed: int
    share: Interval
    """Of the items on which they agree."""
    kappa: Interval | None
    """Cohen's, of grades; None where it says nothing."""
    ac1: Interval | None
    """Gwet's, of grades."""


@dataclass(frozen=True, slots=True)
class Attention:
    """How closely one person looked."""

    actor: str
    judged: int
    """Grades and comparisons."""
    planted: int
    """Pairs of which it was known how they compare."""
    caught: int


@dataclass(frozen=True, slots=True)
class Reviewers:
    """How far people agree with one another, and opinions with people."""

    people: tuple[Attention, ...]
    alike: tuple[Alike, ...]
    judge: tuple[Alike, ...]
    """Opinions of programs and files beside people's grades, for each candidate."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def reviewers(store: Store, found: Voices, names: tuple[str, str]) -> Reviewers:
    """What the judgements of two candidates say of those who made them."""
    said = [each for each in store.opinions() if not each.stale and each.said not in {None, "unsure"}]
    own = [each for each in said if each.plant is None and set(each.candidates) <= set(names)]
    plants = {pair.id: pair for pair in store.planted_pairs()}
    planted = [each for each in said if each.plant in plants]
    people = sorted({each.actor for each in (*own, *planted)})
    judged, shown = Counter(each.actor for each in own), Counter(each.actor for each in planted)
    caught = Counter(each.actor for each in planted if each.plant and plants[each.plant].noticed(each))
    return Reviewers(
        tuple(Attention(who, judged[who], shown[who], caught[who]) for who in people),
        tuple(each for pair in combinations(people, 2) for each in _alike(*pair, own) if each.items),
        tuple(
            _graded("opinions", f"people on {name}", _sides(found.opinions[which], found.people[which]))
            for which, name in enumerate(names)
            if found.opinions[which].keys() & found.people[which].keys()
        ),
    )


def _sides(one: Mapping[str, float], other: Mapping[str, float]) -> list[tuple[bool, bool]]:
    return [(value >= 0.5, other[item] >= 0.5) for item, value in one.items() if item in other]


def _alike(one: str, other: str, own: Sequence[Opinion]) -> list[Alike]:
    said = {(each.actor, each.draft_id, each.candidates): str(each.said) for each in own}
    shared = [key for key in said if key[0] == one and (other, *key[1:]) in said]
    grades = [(said[key], said[other, key[1], key[2]]) for key in shared if len(key[2]) == 1]
    pairs = [(said[key], said[other, key[1], key[2]]) for key in shared if len(key[2]) == 2]
    agreed = sum(first == second for first, second in pairs)
    found = [_graded(one, other, [(first == "pass", second == "pass") for first, second in grades])]
    if pairs:
        share = Interval.of_share(agreed, len(pairs))
        found.append(Alike(one, other, "pairs", len(pairs), agreed, share, None, None))
    return found


def _graded(one: str, other: str, pairs: Sequence[tuple[bool, bool]]) -> Alike:
    found = agreement_of(one, other, pairs)
    share = Interval.of_share(found.agreed, found.items) if found.items else Interval(0.0, 0.0, 1.0)
    return Alike(one, other, "grades", found.items, found.agreed, share, found.kappa, found.ac1)
