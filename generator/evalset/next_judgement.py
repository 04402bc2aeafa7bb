"""Which item or pair a person should judge next: where one more judgement narrows the interval most.

The strata are runs of neighbours along the tree, apart by what a judge or the automatic checks say of them. They
are made from the frame and the opinions alone, never from what people said, and in each the items are taken in an
order drawn by lot. All that earlier judgements decide is which stratum comes next, so that in every stratum the
judged items are a random sample of it however the order came about, and means by stratum, weighted by traffic,
stand for all of it (Neyman 1934; on shares of work that are learned on the way, Etore and Jourdain 2010, who show
that estimate and interval hold as the number of judgements grows). Two things are given up for that: the item in
a stratum on which opinions clash most is not taken first, and a stratum that looked dull early keeps its few
judgements for longer. Against the second, the variance of a stratum is drawn to that of all by a few judgements
that were never made, and every fifth place goes to the item first by lot in the whole frame.

What one more judgement is worth is what it takes from the variance of the estimate, weight^2 variance / (n (n + 1)):
strata with large weight and wide intervals come first. The variance is that of what people said less what the judge
said, so strata in which people and the judge disagree come next.

Standard library only: the app calls it after every judgement. Figures: `tests/evidence/decisions.py`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import fmean

from generator.records import content_id

RANDOM_EVERY = 5
"""Every so many places one goes to the item that is first by lot, so that nothing is left out for long."""
STRATA = 12
"""About how many strata there are; a class of opinions has at least one."""
_OPINIONS = 5
"""More different opinions than this are grades, and parted in thirds of their range."""
_NEVER_MADE = 2.0
"""Judgements' worth of what is known of all strata, added to those of one."""
_UNKNOWN = 0.25
"""Variance before anything was judged; only ratios matter."""


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
    waiting: list[Work] = field(default_factory=list)
    surprises: list[float] = field(default_factory=list)
    """What people said, less the opinion where there is one."""
    variance: float = _UNKNOWN
    judged: int = 0

    @property
    def worth(self) -> float:
        """What one more judgement takes from the variance of the estimate."""
        if not self.waiting:
            return -1.0
        return self.weight**2 * self.variance / ((self.judged + 0.5) * (self.judged + 1.5))


def next_up(work: Sequence[Work], seed: int = 0) -> Iterator[str]:
    """Ids of what nobody has judged, in the order in which it should be.

    Only the first few are to be used before asking again: the order follows from what was judged so far.

    Args:
        work: The whole frame, judged or not.
        seed: Another number gives other lots. The same one must be used from the first judgement to the last.
    """
    strata = _strata(work, seed)
    everything = sorted((each for each in work if each.outcome is None), key=lambda each: _lot(each.id, seed))
    by_lot = iter(everything)
    taken: set[str] = set()
    of_item = strata_of(work)
    for place in count(len(work) - len(everything)):
        if len(taken) == len(everything):
            return
        if place % RANDOM_EVERY == RANDOM_EVERY - 1:
            stratum = strata[of_item[next(each.id for each in by_lot if each.id not in taken)]]
        else:
            stratum = max(strata.values(), key=lambda each: each.worth)
        chosen = stratum.waiting.pop()
        stratum.judged += 1
        taken.add(chosen.id)
        yield chosen.id


def strata_of(work: Sequence[Work], wanted: int = STRATA) -> Mapping[str, str]:
    """The stratum of each item, by id: a class of opinions and a run of neighbours in it."""
    classes: defaultdict[str, list[Work]] = defaultdict(list)
    class_of = _classes({each.opinion for each in work if each.opinion is not None})
    for each in sorted(work, key=lambda each: (each.stratum, each.id)):
        classes[class_of[each.opinion] if each.opinion is not None else "none"].append(each)
    total = sum(each.weight for each in work)
    found: dict[str, str] = {}
    for name, members in classes.items():
        own = sum(each.weight for each in members)
        runs = max(round(wanted * own / total), 1)
        before = 0.0
        for each in members:
            found[each.id] = f"{name}-{min(int(runs * (before + each.weight / 2) / own), runs - 1):03}"
            before += each.weight
    return found


def _classes(opinions: set[float]) -> Mapping[float, str]:
    """The class of each opinion: its own where they are few, else a third of their range."""
    if len(opinions) <= _OPINIONS:
        return {opinion: f"{number}" for number, opinion in enumerate(sorted(opinions))}
    low, high = min(opinions), max(opinions)
    return {each: f"{min(int(3 * (each - low) / (high - low)), 2)}" for each in opinions}


def _strata(work: Sequence[Work], seed: int) -> dict[str, _Stratum]:
    strata: defaultdict[str, _Stratum] = defaultdict(_Stratum)
    of_item = strata_of(work)
    for each in sorted(work, key=lambda each: _lot(each.id, seed), reverse=True):
        stratum = strata[of_item[each.id]]
        stratum.weight += each.weight
        if each.outcome is None:
            stratum.waiting.append(each)
        else:
            stratum.surprises.append(each.outcome - (each.opinion or 0.0))
            stratum.judged += 1
    _learn(strata)
    return dict(strata)


def _learn(strata: Mapping[str, _Stratum]) -> None:
    """Give each stratum its variance, drawn to that of its class of opinions, and that to the variance of all."""
    classes: defaultdict[str, list[_Stratum]] = defaultdict(list)
    for name, stratum in strata.items():
        classes[name.partition("-")[0]].append(stratum)
    overall = _variance(list(strata.values()), _UNKNOWN)
    for members in classes.values():
        of_class = _variance(members, overall)
        for stratum in members:
            stratum.variance = _variance([stratum], of_class)


def _variance(strata: Sequence[_Stratum], prior: float) -> float:
    """Variance within strata, drawn to what was known before."""
    squares, freedom = 0.0, 0
    for stratum in strata:
        if stratum.surprises:
            mean = fmean(stratum.surprises)
            squares += sum((each - mean) ** 2 for each in stratum.surprises)
            freedom += len(stratum.surprises) - 1
    return (squares + _NEVER_MADE * prior) / (freedom + _NEVER_MADE)


def _lot(item_id: str, seed: int) -> str:
    return content_id("judgement", str(seed), item_id)
