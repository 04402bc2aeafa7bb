"""Which item or pair a person should judge next: where one more judgement narrows the interval most.

The strata are runs of neighbours along the tree, apart by what a judge or the automatic checks say of them. They
are made from the frame and the opinions alone, never from what people said, and in each the items are taken in an
order drawn by lot. All that earlier judgements decide is which stratum comes next, so that in every stratum the
judged items are a random sample of it, however the order came about, and means by stratum, weighted by traffic, stand
for all of it: stratified sampling (Neyman 1934) with shares of work learned on the way, where estimate and interval
hold as judgements add up (Etore and Jourdain 2010). For that, the item in a stratum on which opinions clash most is
not taken first.

What one more judgement is worth is what it takes from the variance of the estimate, weight^2 variance / (n (n + 1)):
strata with large weight and few judgements come first. The variance is that of what people said less what the judge
said, so strata in which people and the judge disagree come next. It is learned by class of opinions, not by stratum:
a stratum that happens to look dull after three judgements would keep them, which draws a difference to 0, and in our
trials its narrower intervals held the truth less often and its estimates were no nearer. Every fifth place goes to
the item that is first by lot in the whole frame.

Standard library only: the app calls it after every judgement. Figures: `tests/evidence/decisions.py`.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter
from statistics import fmean
from typing import Protocol

from generator.records import content_id

RANDOM_EVERY = 5
"""Every so many places one goes to the item that is first by lot, so that nothing is left out for long."""
STRATA = 12
"""About how many strata there are; a class of opinions has at least one."""
_OPINIONS = 5
"""More different opinions than this are grades, and parted in thirds of their range."""
_NEVER_MADE = 2.0
"""Judgements' worth of what is known of all strata, added to those of one class."""
_UNKNOWN = 0.25
"""Variance before anything was judged; only ratios matter."""
_worth = attrgetter("worth")


class Placed(Protocol):
    """What lies along the tree and stands for traffic."""

    @property
    def id(self) -> str: ...  # noqa: D102
    @property
    def stratum(self) -> str: ...  # noqa: D102
    @property
    def weight(self) -> float: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class Work:
    """An item, or a pair of answers to one, that people judge."""

    id: str
    stratum: str
    """Where it lies along the tree: those that follow one another by name lie near one another."""
    weight: float
    """Share of traffic it stands for."""
    outcome: float | None = None
    """What people said; None as long as nobody has judged it."""
    opinion: float | None = None
    """What a judge or the automatic checks say, on the same scale; None where they say nothing."""


@dataclass(slots=True)
class _Stratum:
    weight: float = 0.0
    waiting: list[str] = field(default_factory=list)
    """Ids, the first by lot last."""
    surprises: list[float] = field(default_factory=list)
    """What people said, less the opinion where there is one."""
    variance: float = _UNKNOWN
    judged: int = 0
    worth: float = 0.0
    """What one more judgement takes from the variance of the estimate; below 0 if none is left."""

    def weigh(self) -> None:
        """Set its worth."""
        worth = self.weight**2 * self.variance / ((self.judged + 0.5) * (self.judged + 1.5))
        self.worth = worth if self.waiting else -1.0


def next_up(work: Sequence[Work], seed: int = 0) -> Iterator[str]:
    """Ids of what nobody has judged, in the order in which it should be.

    Only the first few are to be used before asking again: the order follows from what was judged so far.

    Args:
        work: The whole frame, judged or not.
        seed: Another number gives other lots. The same one must be used from the first judgement to the last.
    """
    by_lot = sorted(work, key=lambda each: _lot(each.id, seed))
    of_item = strata_of(work, {each.id: each.opinion for each in work if each.opinion is not None})
    strata = _strata(by_lot, of_item)
    taken = {each.id for each in work if each.outcome is not None}
    everything = iter(by_lot)
    for place in range(len(taken), len(work)):
        if place % RANDOM_EVERY == RANDOM_EVERY - 1:
            stratum = strata[of_item[next(each.id for each in everything if each.id not in taken)]]
        else:
            stratum = max(strata.values(), key=_worth)
        chosen = stratum.waiting.pop()
        stratum.judged += 1
        stratum.weigh()
        taken.add(chosen)
        yield chosen


def strata_of(work: Iterable[Placed], opinions: Mapping[str, float], wanted: int = STRATA) -> Mapping[str, str]:
    """The stratum of each item, by id: a class of opinions and a run of neighbours in it."""
    classes: defaultdict[str, list[Placed]] = defaultdict(list)
    class_of = _classes(set(opinions.values()))
    for each in sorted(work, key=lambda each: (each.stratum, each.id)):
        classes[class_of[opinions[each.id]] if each.id in opinions else "none"].append(each)
    total = sum(each.weight for members in classes.values() for each in members)
    found: dict[str, str] = {}
    for name, members in classes.items():
        own = sum(each.weight for each in members)
        runs = [f"{name}-{number:03}" for number in range(max(round(wanted * own / total), 1))]
        before = 0.0
        for each in members:
            found[each.id] = runs[min(int(len(runs) * (before + each.weight / 2) / own), len(runs) - 1)]
            before += each.weight
    return found


def _classes(opinions: set[float]) -> Mapping[float, str]:
    """The class of each opinion: its own where they are few, else a third of their range."""
    if len(opinions) <= _OPINIONS:
        return {opinion: f"{number}" for number, opinion in enumerate(sorted(opinions))}
    low, high = min(opinions), max(opinions)
    return {each: f"{min(int(3 * (each - low) / (high - low)), 2)}" for each in opinions}


def _strata(by_lot: Sequence[Work], of_item: Mapping[str, str]) -> dict[str, _Stratum]:
    strata: defaultdict[str, _Stratum] = defaultdict(_Stratum)
    for each in reversed(by_lot):
        stratum = strata[of_item[each.id]]
        stratum.weight += each.weight
        if each.outcome is None:
            stratum.waiting.append(each.id)
        else:
            stratum.surprises.append(each.outcome - (each.opinion or 0.0))
            stratum.judged += 1
    _learn(strata)
    return dict(strata)


def _learn(strata: Mapping[str, _Stratum]) -> None:
    """Give each stratum the variance of its class of opinions, drawn to that of all."""
    classes: defaultdict[str, list[_Stratum]] = defaultdict(list)
    for name, stratum in strata.items():
        classes[name.partition("-")[0]].append(stratum)
    overall = _variance(strata.values(), _UNKNOWN)
    for members in classes.values():
        of_class = _variance(members, overall)
        for stratum in members:
            stratum.variance = of_class
            stratum.weigh()


def _variance(strata: Iterable[_Stratum], prior: float) -> float:
    """Variance within strata, drawn to what was known before."""
    squares, freedom = 0.0, 0
    for stratum in strata:
        if stratum.surprises:
            mean = fmean(stratum.surprises)
            squares += sum((each - mean) ** 2 for each in stratum.surprises)
            freedom += len(stratum.surprises) - 1
    return (squares + _NEVER_MADE * prior) / (freedom + _NEVER_MADE)


@lru_cache(maxsize=1 << 14)  # asked for again after every judgement
def _lot(item_id: str, seed: int) -> str:
    return content_id("judgement", str(seed), item_id)
