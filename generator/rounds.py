"""The drafting loop: round after round, each asks only where coverage can still grow.

    rank -> what the good drafts together could reach -> ask about the rest -> rank -> ... until it is enough

What a round asks for is written down before it asks. Killed and started again, it makes the same prompts, and the
journal of calls knows those that were answered.
"""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Literal

from generator import pipeline
from generator.config import Config
from generator.drafting.briefing import Ask
from generator.drafting.drafting import InDoubt
from generator.drafting.prompting import prompt_version
from generator.drafting.providers import label
from generator.evalset.queue import Queue
from generator.narration import money, percent
from generator.pipeline import Narrator
from generator.records import Cell, Draft, content_id
from generator.store import Round, Store
from generator.traffic.coverage import COVERED
from generator.traffic.regrouping import find

MIN_GAIN = 1.0
"""Points of coverage per US dollar below which a round is not worth its price, when nothing else is said."""
_MIN_POINTS = 0.5
"""Points of coverage below which a round that costs nothing is not worth its time."""
_MOST_CALLS = 5
"""Calls about one cluster in a round; more of its traffic may be tested by then than was known before."""
_GAPS = 25
"""Gaps of a cluster that a round writes down, the heaviest first."""
_STANDSTILL = 0.98
"""A cluster that keeps so much of its open traffic after it was asked about is not asked about again."""
_SAME = 0.0005
"""Coverage that has changed by less since the last round is what that round left."""

Why = Literal["reached", "gain", "stopped", "nothing left"]


@dataclass(frozen=True, slots=True)
class RoundResult:
    """What one round brought."""

    number: int
    clusters: int
    drafts: int
    landed: int
    """Drafts in the cluster they were asked for."""
    marked: int
    """Drafts against which something speaks."""
    before: float
    """Coverage that accepting every good draft would reach, before the round."""
    after: float
    spent_usd: float

    @property
    def gain(self) -> float:
        """Coverage it made possible, a share of traffic."""
        return self.after - self.before

    @property
    def line(self) -> str:
        """For people."""
        return (
            f"round {self.number}: {self.drafts:,} drafts for {self.clusters:,} clusters, {self.landed:,} landed, "
            f"{self.marked:,} marked; all good drafts together reach {percent(self.before)} -> {percent(self.after)} "
            f"of the traffic; spent {money(self.spent_usd)}"
        )


@dataclass(frozen=True, slots=True)
class LoopReport:
    """What the loop did and why it stopped."""

    rounds: tuple[RoundResult, ...]
    potential: float
    """Coverage that accepting every good draft would reach."""
    why: Why
    stopped: str
    """The same as a sentence."""
    problems: tuple[str, ...]
    """Calls whose answers could not be used, in words."""
    in_doubt: tuple[InDoubt, ...]
    """In the whole project, after the last round."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a round asks for, and from where it counts."""

    asks: tuple[Ask, ...]
    open: Mapping[str, float]
    """Cluster -> share of traffic in it that no good draft tests."""
    drafts: int
    """How many were there before."""
    spent_usd: float

    def as_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "_Plan":
        row = json.loads(text)
        asks = tuple(Ask(**each | {"gaps": tuple(each["gaps"])}) for each in row["asks"])
        return cls(asks, row["open"], row["drafts"], row["spent_usd"])


def draft_until(
    store: Store,
    config: Config,
    narrator: Narrator,
    until: float,
    *,
    min_gain: float = MIN_GAIN,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    names: bool = True,
    tell: Callable[[RoundResult], None] = lambda result: None,
) -> LoopReport:
    """Draft in rounds until the good drafts together could cover enough, or more of them would not be worth it.

    Args:
        store: a clustered project.
        config: who drafts, how many for a cluster in each round, the cap on spending.
        narrator: told how far things have come.
        until: coverage to make possible, a share of traffic.
        min_gain: points of coverage per US dollar that the next round must promise.
        price: US dollars per million tokens, where it is not published.
        retry_in_doubt: send again what may have been billed without an answer.
        names: whether the model names the clusters before the first round.
        tell: told after every round.

    Raises:
        StageError: there are no clusters.
        BudgetError: the price is not known, or the cap allows nothing.
    """
    loop = _Loop(store, config, until, min_gain)
    results: list[RoundResult] = []
    problems: list[str] = []
    in_doubt: tuple[InDoubt, ...] = ()
    embedded = pipeline.embed(store, config, narrator)
    pipeline.rank(store, config, narrator, embedded)
    ended = loop.reason_to_stop()
    while ended is None:
        if names and not results:
            pipeline.name_first(store, config, narrator, price, retry_in_doubt=retry_in_doubt)
        this = loop.begin()
        asks = _Plan.from_json(this.plan).asks
        report = pipeline.draft(
            store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, asks=asks, names=False
        )
        pipeline.rank(store, config, narrator, embedded)
        results.append(loop.result(this))
        problems += report.problems
        in_doubt = report.in_doubt
        tell(results[-1])
        if report.stopped is None:
            store.end_round(this.number, asdict(results[-1]))
            ended = loop.reason_to_stop()
        else:  # the round stays open, and the next run goes on with it
            ended = ("stopped", report.stopped)
    why, stopped = ended
    return LoopReport(tuple(results), loop.potential.coverage, why, stopped, tuple(problems), in_doubt)


def more_for(store: Store, config: Config, wanted: str) -> Ask:
    """What one more call about a cluster asks for, beyond what was asked before.

    Args:
        store: a clustered project.
        config: who drafts, and how many.
        wanted: id or name of the cluster.

    Raises:
        StageError: it is not there.
    """
    loop = _Loop(store, config, 1.0, MIN_GAIN)
    cluster = find(store.clusters(), wanted)
    calls = loop.calls()[cluster.id]
    gaps = loop.open_cells().get(cluster.id, []) if calls else []
    return Ask(cluster.id, calls, config.per_cluster, tuple(cell.exemplar_id for _, cell in gaps[:_GAPS]))


class _Loop:
    """The state of the loop, read anew from the project at every turn."""

    def __init__(self, store: Store, config: Config, until: float, min_gain: float) -> None:
        self._store = store
        self._config = config
        self._until = until
        self._min_gain = min_gain
        self._drafter = label(pipeline.provider_of(config))
        self._about = content_id(
            self._drafter, prompt_version(), store.meta("clustered") or "", f"{config.per_cluster}"
        )

    @property
    def potential(self) -> Queue:
        """The queue if every good draft were accepted."""
        return Queue.of(self._store).potential

    def _rounds(self) -> list[Round]:
        """The rounds with this drafter, this prompt and these clusters."""
        return [each for each in self._store.rounds() if each.about == self._about]

    def _under_way(self) -> Round | None:
        """The round that an earlier run began and did not end."""
        return next((each for each in self._rounds()[-1:] if each.result is None), None)

    def reason_to_stop(self) -> tuple[Why, str] | None:
        """Why no round begins or goes on, or None."""
        if self._under_way() is not None:
            return None
        coverage = self.potential.coverage
        if coverage >= self._until:
            return "reached", (
                f"all good drafts together reach {percent(coverage)} of the traffic, which is the "
                f"{percent(self._until)} asked for"
            )
        asks = self._asks()
        last = self._last(coverage)
        if last is not None:
            too_little = self._too_little(last, sum(ask.drafts for ask in asks) or last.drafts)
            if too_little is not None:
                return too_little
        return None if asks else ("nothing left", "no cluster is left where another round could reach more")

    def _last(self, coverage: float) -> RoundResult | None:
        """The last round, if nothing has changed since: people reject drafts, and then there is more to gain."""
        ended = [RoundResult(**each.result) for each in self._rounds() if each.result is not None]
        return ended[-1] if ended and abs(ended[-1].after - coverage) < _SAME else None

    def _too_little(self, last: RoundResult, drafts: int) -> tuple[Why, str] | None:
        """Why the next round would bring too little, to judge by what each draft of the last one brought."""
        expected = 100 * last.gain / last.drafts * drafts if last.drafts else 0.0
        if last.spent_usd == 0:
            if expected >= _MIN_POINTS:
                return None
            return "gain", f"the next round would add about {expected:.2f} points of coverage, less than {_MIN_POINTS}"
        per_usd = 100 * last.gain / last.spent_usd
        if per_usd >= self._min_gain:
            return None
        return "gain", (
            f"the next round would add about {per_usd:.2f} points of coverage per dollar, less than the "
            f"{self._min_gain:g} of --min-gain"
        )

    def begin(self) -> Round:
        """The round that is under way, or else the next one, written down."""
        under_way = self._under_way()
        if under_way is not None:
            return under_way
        asks = self._asks()
        open_of = {cluster: sum(missing for missing, _ in cells) for cluster, cells in self.open_cells().items()}
        plan = _Plan(asks, open_of, len(self._drafted()), self._store.spending()[0])
        return self._store.begin_round(self._about, plan.as_json(), self.potential.coverage)

    def result(self, this: Round) -> RoundResult:
        """What a round has brought so far."""
        plan = _Plan.from_json(this.plan)
        new = self._drafted()[plan.drafts :]
        rows = {row.draft_id: row for row in self._store.queue_rows()}
        return RoundResult(
            number=this.number,
            clusters=len(plan.asks),
            drafts=len(new),
            landed=sum(each.id in rows and rows[each.id].cluster_id == each.cluster_id for each in new),
            marked=sum(each.id in rows and rows[each.id].marked for each in new),
            before=this.before,
            after=self.potential.coverage,
            spent_usd=self._store.spending()[0] - plan.spent_usd,
        )

    def _drafted(self) -> list[Draft]:
        return [each for each in self._store.drafts() if each.kind != "real"]

    def open_cells(self) -> dict[str, list[tuple[float, Cell]]]:
        """The cells of each cluster that no good draft tests, with the traffic that is missing, the heaviest first."""
        depth = self.potential.coverage_by_cell()
        found: defaultdict[str, list[tuple[float, Cell]]] = defaultdict(list)
        for cell in self._store.cells():
            if depth.get(cell.id, 0.0) < COVERED:
                found[cell.cluster_id].append((cell.weight * (1.0 - depth.get(cell.id, 0.0)), cell))
        return {cluster: sorted(cells, key=lambda each: (-each[0], each[1].id)) for cluster, cells in found.items()}

    def _asks(self) -> tuple[Ask, ...]:
        """What the next round asks for: clusters with traffic to gain, unless the last time brought nothing."""
        open_of, calls, asked = self.open_cells(), self.calls(), self._asked()
        missing = {cluster: sum(share for share, _ in cells) for cluster, cells in open_of.items()}
        wanted = [each for each in missing if missing[each] <= _STANDSTILL * asked.get(each, math.inf)]
        mean = sum(missing[each] for each in wanted) / max(len(wanted), 1)
        asks = []
        for cluster in sorted(wanted, key=lambda each: (-missing[each], each)):
            # The first calls of a cluster are those that `groundset draft` makes.
            known = calls[cluster] > 0
            times = min(max(round(missing[cluster] / mean), 1), _MOST_CALLS) if known else 1
            gaps = tuple(cell.exemplar_id for _, cell in open_of[cluster][:_GAPS]) if known else ()
            asks.append(Ask(cluster, calls[cluster], times * self._config.per_cluster, gaps))
        return tuple(asks)

    def calls(self) -> Counter[str]:
        """How often this drafter was asked about each cluster."""
        return Counter(
            call.cluster_id
            for call in self._store.calls()
            if (f"{call.provider}/{call.model}", call.purpose) == (self._drafter, "drafting")
            and call.state != "planned"
        )

    def _asked(self) -> dict[str, float]:
        """Traffic that nothing tested in each cluster when a round last asked about it."""
        asked: dict[str, float] = {}
        for each in self._rounds():
            plan = _Plan.from_json(each.plan)
            asked |= {ask.cluster_id: plan.open[ask.cluster_id] for ask in plan.asks}
        return asked
