"""`groundset decide`: which of two candidates production would be better served by, or that the evidence cannot tell.

People's judgements come first. Where there are some, what programs and files say of the other items is corrected by
them; where there are none, results are taken as they are, and the answer says that nobody has looked. Only random
items speak for production; typical and drafted ones find failures and are shown apart.
"""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from generator import assessment
from generator.assessment import MirageAnswer, frame_of
from generator.config import Config
from generator.errors import StageError
from generator.evalset import evidence, scoring
from generator.evalset.estimates import CONFIDENCE, Drawn, line_of
from generator.evalset.evidence import WinRate
from generator.evalset.listing import changes_of
from generator.evalset.scoring import Rate, rate_of, speaking_of
from generator.evalset.selection import answerable
from generator.evalset.ship_rule import RuleVerdict, ShipRule, ship_rule
from generator.evalset.sitting import chosen_candidates
from generator.evalset.voices import Reviewers, Voices, reviewers, voices
from generator.judging import Answer
from generator.pipeline import Narrator
from generator.printable import one_line
from generator.records import Sample
from generator.store import Store

Basis = Literal["people", "people and opinions", "results", "nothing"]
Verdict = Literal["A better", "B better", "cannot tell"]
_EXAMPLES = 2
_EXAMPLE = 160


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure about production, and what it rests on."""

    estimate: float | None
    low: float
    high: float
    basis: Basis
    judged: int
    """Random items that people judged."""
    opinions: int
    """Random items of which there is a result or a check that decides."""
    power: float = 0.0
    """How far opinions are followed, 0 to 1; 0 where they are no help or are all there is."""
    gain: float = 0.0
    """How much narrower opinions make the interval, as a share of its width from people alone."""
    more: int | None = None
    """About how many more would settle it: judgements, or random items where nobody judges; None if none would."""
    left: int = 0
    """Random items that could be judged and are not."""

    @property
    def verdict(self) -> Verdict:
        """Of a difference, which is B less A."""
        if self.estimate is None or self.low <= 0.0 <= self.high:
            return "cannot tell"
        return "B better" if self.low > 0.0 else "A better"


@dataclass(frozen=True, slots=True)
class Spread:
    """Costs or times of answers."""

    answers: int
    """Of which it is known."""
    median: float
    p95: float
    total: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread | None":
        """Of these, or None where there are none."""
        if not values:
            return None
        ordered = sorted(values)
        last = ordered[min(int(0.95 * len(ordered)), len(ordered) - 1)]
        return cls(len(ordered), statistics.median(ordered), last, sum(ordered))


@dataclass(frozen=True, slots=True)
class Contender:
    """One of the two."""

    name: str
    answers: int
    stale: int
    """Answers to an input that has changed since; they count for nothing."""
    pass_rate: Figure
    results: Figure | None
    """What results alone would say, where people correct them."""
    cost_usd: Spread | None
    latency_s: Spread | None


@dataclass(frozen=True, slots=True)
class Example:
    """An item to open."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class ClusterSides:
    """How the two fare in one cluster."""

    id: str
    name: str
    share: float
    """Of traffic."""
    random: tuple[Rate, Rate]
    """From random items of which both are known: A, B."""
    found: tuple[Rate, Rate]
    """From typical and drafted items, the same."""
    preferred: tuple[int, int, int]
    """Blind comparisons that A won, that B won, and the others."""
    a_better: tuple[Example, ...]
    b_better: tuple[Example, ...]

    @property
    def has_evidence(self) -> bool:
        """Whether anything is known of both here."""
        return any((self.random[0].items, self.found[0].items, *self.preferred))

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        sides = {
            name: {"a": both[0].as_json(), "b": both[1].as_json()}
            for name, both in (("random", self.random), ("found", self.found))
        }
        wins = {"preferred": dict(zip(("a", "b", "neither"), self.preferred, strict=True))}
        examples = {"a_better": [asdict(e) for e in self.a_better], "b_better": [asdict(e) for e in self.b_better]}
        return {"id": self.id, "name": self.name, "share": self.share} | sides | wins | examples


@dataclass(frozen=True, slots=True)
class KindSides:
    """How the two fare in one kind of edge case."""

    origin: str
    kind: str
    a: Rate
    b: Rate


@dataclass(frozen=True, slots=True)
class NoEvidence:
    """What of production nothing is known of."""

    strata: float
    """Share of traffic in strata of the random frame of which no item was judged or has a result for both."""
    clusters: float
    """Share of traffic in clusters without any such item, random or not."""
    rejected: float
    """Share of traffic for which random draws stand that people rejected."""
    names: tuple[str, ...]
    """Of these clusters, the largest."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the traffic is, and what has changed in it."""

    newest: str | None
    """Day of the latest trace whose time is known."""
    days_old: int | None
    answered: str | None
    """Day of the first answer of the two that is still in use."""
    changed: Mapping[str, tuple[str, float, bool]]
    """Name of a cluster that is new, grown or shrunk since the last logs -> (what, share since, has evidence)."""


@dataclass(frozen=True, slots=True)
class Decision:
    """All that the evidence says."""

    a: Contender
    b: Contender
    confidence: float
    difference: Figure
    """B less A, on items of which both are known."""
    wins: WinRate | None
    """Of B in blind comparisons; None where there are none."""
    wins_more: int | None
    """About how many more comparisons would tell who is preferred; None if none would."""
    wins_left: int
    """Random items that could be compared and are not."""
    rule: ShipRule | None
    rule_figure: Figure | None
    rule_verdict: RuleVerdict | None
    clusters: tuple[ClusterSides, ...]
    kinds: tuple[KindSides, ...]
    no_evidence: NoEvidence
    reviewers: Reviewers
    freshness: Freshness
    benchmarks: MirageAnswer | None

    @property
    def exit_code(self) -> int:
        """0 where the rule is met, 1 where it is not, 3 for not enough evidence, or for none at all."""
        if self.rule_verdict is not None:
            return {"met": 0, "not met": 1, "not enough evidence": 3}[self.rule_verdict]
        known = self.a.pass_rate.estimate is not None or self.b.pass_rate.estimate is not None or self.wins is not None
        return 0 if known else 3

    def next_command(self, project: Path) -> str:
        """What would add to the evidence."""
        if self.difference.verdict == "cannot tell" or self.difference.basis == "results":
            return f"groundset curate {project}"
        return f"groundset report {project} {project.stem}.html"

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        return {
            "candidates": [asdict(self.a), asdict(self.b)],
            "confidence": self.confidence,
            "difference": asdict(self.difference) | {"verdict": self.difference.verdict},
            "win_rate": None
            if self.wins is None
            else self.wins.as_json() | {"more": self.wins_more, "left": self.wins_left},
            "rule": None
            if self.rule is None or self.rule_figure is None
            else self.rule.as_json() | {"verdict": self.rule_verdict, "figure": asdict(self.rule_figure)},
            "clusters": [each.as_json() for each in self.clusters],
            "edge_cases": [
                {"origin": each.origin, "kind": each.kind, "a": each.a.as_json(), "b": each.b.as_json()}
                for each in self.kinds
            ],
            "no_evidence": asdict(self.no_evidence),
            "reviewers": self.reviewers.as_json(),
            "freshness": asdict(self.freshness),
            "benchmarks": [] if self.benchmarks is None else self.benchmarks.as_json()["benchmarks"],
        }


@dataclass(frozen=True)
class _World:
    """The items, the frame, and what is said of both candidates."""

    items: Sequence[Sample]
    frame: Sequence[Drawn]
    voices: Voices
    answered: tuple[frozenset[str], frozenset[str]]
    """Items that each has answered as they are now."""
    confidence: float

    def pass_rate(self, which: int, bound: float | None = None) -> Figure:
        """The share of production that one of them handles; `bound` is what it is held against."""
        people, opinions = self.voices.people[which], self.voices.opinions[which]
        if self._heard(people):
            said = evidence.pass_rate(
                self.answered_by(which),
                self.frame,
                people,
                opinions,
                confidence=self.confidence,
            )
            return self._figure(said, bound, which)
        return self.results(which)

    def results(self, which: int) -> Figure:
        """What results and checks say by themselves."""
        opinions = self.voices.opinions[which]
        found = scoring.score(self.items, self.frame, opinions, confidence=self.confidence)
        basis: Basis = "nothing" if found.estimate is None else "results"
        return Figure(found.estimate, found.low, found.high, basis, 0, found.items)

    def difference(self, less: int, of: int, bound: float = 0.0) -> Figure:
        """What one handles more of production than the other."""
        people, opinions = self.voices.people, self.voices.opinions
        if self._heard(people[0].keys() & people[1].keys()):
            found = evidence.difference(
                self.answered_by(0, 1),
                self.frame,
                people[less],
                people[of],
                (opinions[less], opinions[of]),
                self.voices.order,
                confidence=self.confidence,
            )
            return self._figure(found, bound, less, of)
        plain = scoring.difference(self.items, self.frame, opinions[less], opinions[of], self.confidence)
        basis: Basis = "nothing" if plain.estimate is None else "results"
        return Figure(plain.estimate, plain.low, plain.high, basis, 0, plain.items, more=plain.more_items)

    def wins(self) -> WinRate | None:
        """Blind comparisons, seen from the second."""
        if not self._heard(self.voices.pairs):
            return None
        pairs, opinions, order = self.voices.pairs, self.voices.pair_opinions(), self.voices.order
        items = self.answered_by(0, 1)
        return evidence.win_rate(items, self.frame, pairs, opinions, order, confidence=self.confidence)

    def answered_by(self, *of: int) -> list[Sample]:
        """Items that these have answered: those among which people were given what to judge."""
        return [item for item in self.items if all(item.id in self.answered[which] for which in of)]

    def left(self, judged: int, *of: int) -> int:
        """Random items that these have answered and people have not judged."""
        return len(speaking_of(self.answered_by(*of), self.frame)) - judged

    def _figure(self, found: evidence.Estimate, bound: float | None, *of: int) -> Figure:
        return Figure(
            found.estimate,
            found.low,
            found.high,
            "people and opinions" if found.power > 0.0 else "people",
            found.judged,
            found.opinions,
            found.power,
            found.gain,
            None if bound is None else found.more(bound),
            self.left(found.judged, *of),
        )

    def _heard(self, ids: Any) -> bool:
        return not self.speaking.isdisjoint(ids)

    @cached_property
    def speaking(self) -> frozenset[str]:
        """Items that speak for production."""
        return speaking_of(self.items, self.frame)

    @cached_property
    def both(self) -> tuple[dict[str, float], dict[str, float]]:
        """The best that is known of both answers to the same items."""
        first, second = self.voices.of(0), self.voices.of(1)
        return {k: v for k, v in first.items() if k in second}, {k: v for k, v in second.items() if k in first}


def decide(
    store: Store,
    config: Config,
    narrator: Narrator,
    names: tuple[str, str],
    *,
    require: str | None = None,
    confidence: float = CONFIDENCE,
    benchmarks: Sequence[tuple[str, str]] = (),
) -> Decision:
    """What the evidence of a project says of two candidates.

    Args:
        store: the project.
        config: its settings; they matter for benchmarks only.
        narrator: told of progress with benchmarks.
        names: the two candidates, A and B.
        require: a ship rule.
        confidence: of all intervals.
        benchmarks: name and file of each, to be set beside the evidence.

    Raises:
        ConfigError: the rule cannot be read.
        StageError: a candidate has no answers, or there are no items.
        LogError: a benchmark cannot be read.
    """
    chosen_candidates(store, names)
    rule = ship_rule(require, names) if require is not None else None
    items = answerable(store)
    if not items:
        raise StageError(f"{store.path} has no items; accept some with: groundset curate {store.path}")
    stale = store.stale_answers()
    fresh = [key for key in store.answered() if key not in stale]
    answered = tuple(frozenset(item for item, who in fresh if who == name) for name in names)
    facts = (store.answer_facts(names[0]), store.answer_facts(names[1]))
    world = _World(items, frame_of(store), voices(store, items, *names), (answered[0], answered[1]), confidence)
    clusters = _clusters(store, world)
    ruled = None if rule is None else _ruled(rule, world, names)
    wins = world.wins()
    return Decision(
        a=_contender(world, names[0], facts[0], 0),
        b=_contender(world, names[1], facts[1], 1),
        confidence=confidence,
        difference=world.difference(0, 1),
        wins=wins,
        wins_more=None if wins is None else wins.rate.more(0.5),
        wins_left=0 if wins is None else world.left(wins.rate.judged, 0, 1),
        rule=rule,
        rule_figure=ruled,
        rule_verdict=_verdict_of(rule, ruled),
        clusters=clusters,
        kinds=_kinds(world),
        no_evidence=_no_evidence(store, world, clusters),
        reviewers=reviewers(store, world.voices, names),
        freshness=_freshness(store, [*facts[0], *facts[1]], clusters),
        benchmarks=assessment.mirage(store, config, narrator, benchmarks) if benchmarks else None,
    )


def _contender(world: _World, name: str, facts: Sequence[Answer], which: int) -> Contender:
    fresh = [each for each in facts if each.draft_id in world.answered[which]]
    found, results = world.pass_rate(which), world.results(which)
    return Contender(
        name,
        len(facts),
        len(facts) - len(fresh),
        found,
        results if found.judged and results.estimate is not None else None,
        Spread.of([each.cost_usd for each in fresh if each.cost_usd is not None]),
        Spread.of([each.latency_s for each in fresh if each.latency_s is not None]),
    )


def _ruled(rule: ShipRule, world: _World, names: tuple[str, str]) -> Figure:
    left = names.index(rule.left)
    if rule.right is None:
        return world.pass_rate(left, rule.margin)
    return world.difference(names.index(rule.right), left, rule.margin)


def _verdict_of(rule: ShipRule | None, figure: Figure | None) -> RuleVerdict | None:
    if rule is None or figure is None:
        return None
    return "not enough evidence" if figure.estimate is None else rule.verdict(figure.low, figure.high)


def _clusters(store: Store, world: _World) -> tuple[ClusterSides, ...]:
    first, second = world.both
    weight = {each.id: each.weight for each in world.frame}
    rows = []
    for cluster in store.clusters():
        own = [item for item in world.items if item.cluster_id == cluster.id]
        known = [item for item in own if item.id in first]
        random = [item.id for item in known if item.id in world.speaking]
        found = [item.id for item in known if item.id not in world.speaking]
        said = Counter(world.voices.pairs[item.id] for item in own if item.id in world.voices.pairs)
        rows.append(
            ClusterSides(
                cluster.id,
                cluster.name,
                cluster.weight,
                _rates(random, first, second, weight),
                _rates(found, first, second, {}),
                (said["loss"], said["win"], said["tie"] + said["both bad"]),
                _examples(known, first, second),
                _examples(known, second, first),
            )
        )
    return tuple(rows)


def _rates(
    ids: Sequence[str], first: Mapping[str, float], second: Mapping[str, float], weight: Mapping[str, float]
) -> tuple[Rate, Rate]:
    a, b = (rate_of([(values[each], weight.get(each, 1.0)) for each in ids]) for values in (first, second))
    return a, b


def _examples(items: Sequence[Sample], better: Mapping[str, float], worse: Mapping[str, float]) -> tuple[Example, ...]:
    apart = sorted((worse[item.id] - better[item.id], item.id) for item in items)
    text = {item.id: next((m.content for m in reversed(item.input) if m.role == "user"), "") for item in items}
    return tuple(Example(own, one_line(text[own], _EXAMPLE)) for lead, own in apart[:_EXAMPLES] if lead < 0.0)


def _kinds(world: _World) -> tuple[KindSides, ...]:
    first, second = world.both
    kinds: dict[tuple[str, str], list[str]] = {}
    for item in world.items:
        if item.id in first and item.id not in world.speaking:
            kinds.setdefault((item.origin, item.kind), []).append(item.id)
    return tuple(KindSides(*kind, *_rates(ids, first, second, {})) for kind, ids in sorted(kinds.items()))


def _no_evidence(store: Store, world: _World, clusters: Sequence[ClusterSides]) -> NoEvidence:
    first, _ = world.both
    heard = speaking_of(
        [item for item in world.items if item.id in first or item.id in world.voices.pairs], world.frame
    )
    total = sum(each.weight for each in world.frame) or 1.0
    silent = [each for each in clusters if not each.has_evidence]
    return NoEvidence(
        strata=1.0 - line_of(world.frame, heard).tested if heard else 1.0,
        clusters=sum(each.share for each in silent),
        rejected=sum(each.weight for each in world.frame if each.rejected) / total,
        names=tuple(each.name for each in silent[:5]),
    )


def _freshness(store: Store, facts: Sequence[Answer], clusters: Sequence[ClusterSides]) -> Freshness:
    days = store.cluster_days()
    newest = date.fromordinal(max(day for _, day, _ in days)) if days else None
    answered = min((each.at for each in facts), default=None)
    has_evidence = {each.id: each.has_evidence for each in clusters}
    name_of = {each.id: each.name for each in clusters}
    return Freshness(
        newest=None if newest is None else newest.isoformat(),
        days_old=None if newest is None else (datetime.now(UTC).date() - newest).days,
        answered=None if answered is None else answered[:10],
        changed={
            name_of[cluster]: (change.word, change.since, has_evidence[cluster])
            for cluster, change in changes_of(store).items()
            if change.word != "same" and cluster in name_of
        },
    )
