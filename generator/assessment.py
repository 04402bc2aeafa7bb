"""Questions to a project: what is untested, is this tested, what does a benchmark reach, what does a score say.

Joins the traffic of a project, its encoder and a set of items (the project's own samples, or a file of an
existing evaluation set), and answers with results that the command line shows or prints as JSON.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from generator.config import Config
from generator.errors import ConfigError, StageError
from generator.evalset import scoring
from generator.evalset.importing import Item, read_items
from generator.evalset.leaderboard import Reordered, read_leaderboard, reorder
from generator.evalset.results import Results, read_results
from generator.evalset.scoring import Difference, Drawn, Score, difference, same_family
from generator.evalset.selection import samples
from generator.narration import percent
from generator.pipeline import Narrator, cells_of_traces, embed, traffic_of
from generator.printable import one_line
from generator.records import Cell, Interval, user_text
from generator.store import Store
from generator.traffic.coverage import COVERED, Traffic, test_against
from generator.traffic.embedding import embed as embed_texts
from generator.traffic.encoders import Encoder, Vectors
from generator.traffic.gaps import FEWEST, Gaps, find_gaps
from generator.traffic.mirage import Reach, Yardstick, credits_of, own_curve, reach_of
from generator.traffic.rows import nearest
from generator.traffic.trends import trends

_LEAST_REACH = 0.5
"""Share of traffic that its own traces must reach to be a measure of it: more than they leave."""
_MOST_RISE = 0.05
"""Share of traffic that the second half of them may add."""
_NEAR = 0.3
"""Probability from which a text counts as near: half of what counts as covered."""


@dataclass(frozen=True, slots=True)
class World:
    """The traffic of a project, ready to be asked."""

    store: Store
    traffic: Traffic
    texts: Sequence[str]
    cells: Sequence[Cell]
    names: dict[str, str]
    """Names of clusters by id, the largest first."""
    encoder: Encoder

    def vectors(self, texts: Sequence[str], narrator: Narrator) -> Vectors:
        """Vectors of texts that are no traces."""
        if not texts:
            return np.zeros((0, self.traffic.vectors.shape[1]), dtype=np.float32)
        return embed_texts(
            texts,
            self.encoder,
            self.store.vectors_path,
            lambda done, total: narrator.progress("embedding items", done, total),
        )


def open_world(store: Store, config: Config, narrator: Narrator) -> World:
    """The traffic of a clustered project.

    Raises:
        StageError: there are no clusters, or traces have come in since they were made.
    """
    cell_of = cells_of_traces(store)
    embedded = embed(store, config, narrator)
    traffic = traffic_of(embedded, cell_of, config)
    names = {cluster.id: cluster.name for cluster in store.clusters()}
    return World(store, traffic, embedded.texts, store.cells(), names, embedded.encoder)


def items_of(store: Store, files: Sequence[str]) -> list[Item]:
    """The items of these files, or without files the project's own accepted samples."""
    if files:
        return [item for file in files for item in read_items(file).items]
    return [Item(sample.id, user_text(sample.input), sample.target, 0) for sample in samples(store)]


@dataclass(frozen=True, slots=True)
class GapsAnswer:
    """What a set of items leaves untested, in words and figures."""

    gaps: Gaps
    verdict: str
    items: Sequence[Item]
    world: World

    def as_json(self, exemplars: int = 3) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        by_id = {cluster.id: cluster for cluster in self.world.store.clusters()}
        text_of = dict(zip(self.world.traffic.ids, self.world.texts, strict=True))
        trend = trends(self.world.store.cluster_days())
        return {
            "verdict": self.verdict,
            "coverage": asdict(self.gaps.coverage),
            "gap_share": asdict(self.gaps.gap_share),
            "unseen_mass": asdict(self.gaps.unseen_mass),
            "items": len(self.items),
            "clusters": [
                {
                    "id": gap.cluster_id,
                    "name": by_id[gap.cluster_id].name,
                    "share": gap.share,
                    "uncovered": gap.uncovered,
                    "exemplars": [text_of[trace] for trace in by_id[gap.cluster_id].exemplar_ids[:exemplars]],
                    "nearest_item": self.items[gap.nearest_item].text if gap.nearest_item >= 0 else None,
                    "nearest_similarity": gap.nearest_similarity if gap.nearest_item >= 0 else None,
                    "same_need": gap.same_need,
                    "trend": asdict(trend[gap.cluster_id]) if gap.cluster_id in trend else None,
                }
                for gap in self.gaps.clusters
            ],
            "off_traffic": [self.items[row].text for row in self.gaps.off_traffic],
            "near_copies": [
                {"items": [self.items[one].text, self.items[other].text], "similarity": similarity}
                for one, other, similarity in self.gaps.near_copies
            ],
        }

    def per_trace(self) -> list[dict[str, Any]]:
        """Every distinct trace that enough users ask, with the probability that it is tested."""
        few = self.world.store.few_users()
        traffic = self.world.traffic
        return [
            {
                "id": trace,
                "text": text,
                "cluster": self.world.cells[cell].cluster_id,
                "covered": round(covered, 4),
                "tested": covered >= COVERED,
            }
            for trace, text, cell, covered in zip(
                traffic.ids, self.world.texts, traffic.cell_of.tolist(), self.gaps.tested.covered.tolist(), strict=True
            )
            if self.world.cells[cell].cluster_id not in few
        ]


def gaps(
    store: Store,
    config: Config,
    narrator: Narrator,
    files: Sequence[str],
    fail_over: float,
    world: World | None = None,
) -> GapsAnswer:
    """What the items leave untested, and whether that is more than `fail_over` of the traffic.

    Whoever asks more than once passes the `world`, which takes a while to open.
    """
    world = open_world(store, config, narrator) if world is None else world
    items = items_of(store, files)
    vectors = world.vectors([item.text for item in items], narrator)
    found = find_gaps(world.traffic, world.cells, vectors)
    return GapsAnswer(found, found.verdict(fail_over), items, world)


@dataclass(frozen=True, slots=True)
class CoversAnswer:
    """Whether one text is tested."""

    text: str
    verdict: str
    """"covered", "near", "gap", or "nobody asks this"."""
    covered: float
    nearest_item: str | None
    expects: str | None
    nearest_trace: str
    cluster: str

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        return asdict(self)


def covers(
    store: Store, config: Config, narrator: Narrator, texts: Sequence[str], files: Sequence[str] = ()
) -> list[CoversAnswer]:
    """Whether each text is tested by the items, or would be new, or is asked by nobody."""
    world = open_world(store, config, narrator)
    items = items_of(store, files)
    asked = world.vectors(texts, narrator)
    vectors = world.vectors([item.text for item in items], narrator)
    traces, to_traffic = nearest(asked, world.traffic.vectors)
    asked_by_nobody = to_traffic < world.traffic.landscape.limit
    tested = test_against(world.traffic.landscape.place(asked), vectors, world.traffic.landscape)
    nearest_items = [items[row] if row >= 0 else None for row in tested.nearest.tolist()]
    cluster_of_trace = [world.names[world.cells[cell].cluster_id] for cell in world.traffic.cell_of[traces].tolist()]
    return [
        CoversAnswer(
            text=text,
            verdict=_verdict(probability, nobody),
            covered=round(probability, 4),
            nearest_item=item.text if item else None,
            expects=item.target if item else None,
            nearest_trace=world.texts[trace],
            cluster=cluster,
        )
        for text, probability, nobody, item, trace, cluster in zip(
            texts,
            tested.covered.tolist(),
            asked_by_nobody.tolist(),
            nearest_items,
            traces.tolist(),
            cluster_of_trace,
            strict=True,
        )
    ]


def _verdict(covered: float, asked_by_nobody: bool) -> str:
    if covered >= COVERED:
        return "covered"
    if asked_by_nobody:
        return "nobody asks this"
    return "near" if covered >= _NEAR else "gap"


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark and what it reaches."""

    name: str
    items: Sequence[Item]
    reach: Reach


@dataclass(frozen=True, slots=True)
class Order:
    """A leaderboard, and its order by the traffic that its benchmarks reach."""

    reordered: Reordered | None
    """None where the benchmarks reach nothing, and hence give no order."""
    weights: dict[str, Interval]
    """Share of traffic by benchmark; a trace that several reach is shared out among them."""
    unreached: Interval
    """Share of traffic that none of them reaches."""
    omitted: Sequence[str]
    """What of the file was left out, in words."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        return {
            "verdict": self.reordered.verdict if self.reordered else "cannot tell",
            "weights": [{"name": name} | asdict(weight) for name, weight in self.weights.items()],
            "unreached": asdict(self.unreached),
            "omitted": list(self.omitted),
        }


@dataclass(frozen=True, slots=True)
class Trust:
    """Whether there is evidence enough to read the figures as they stand."""

    enough: bool
    reason: str


@dataclass(frozen=True, slots=True)
class MirageAnswer:
    """What benchmarks reach of the traffic, beside random traces of its own."""

    benchmarks: Sequence[Benchmark]
    own: Yardstick
    trust: Trust
    unreached: Sequence[str]
    """Names of clusters that no benchmark reaches, by traffic."""
    order: Order | None
    """None without a file of scores."""
    world: World

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        answer = {
            "benchmarks": [
                {
                    "name": each.name,
                    "items": len(each.items),
                    "share": each.reach.share.estimate,
                    "low": each.reach.share.low,
                    "high": each.reach.share.high,
                    "worth": asdict(each.reach.worth),
                    "clusters": [
                        {
                            "id": gap.cluster_id,
                            "name": self.world.names[gap.cluster_id],
                            "share": gap.share,
                            "reached": gap.share - gap.uncovered,
                            "nearest_item": one_line(each.items[gap.nearest_item].text, 200),
                            "nearest_similarity": gap.nearest_similarity,
                        }
                        for gap in each.reach.clusters
                    ],
                }
                for each in self.benchmarks
            ],
            "own": [{"traces": size, "share": self.own.curve.share(size)} for size in self.own.sizes],
            "trust": asdict(self.trust),
            "unreached": list(self.unreached),
        }
        if self.order is not None:
            reordered = self.order.reordered
            answer["models"] = [asdict(each) for each in reordered.models] if reordered else []
            answer["order"] = self.order.as_json()
        return answer

    def evidence(self, clusters: int) -> list[tuple[str, float, float, str, str]]:
        """For each of the largest clusters, what comes nearest to it.

        Returns:
            Name, share of traffic, share of the cluster that the benchmark nearest to it reaches, that benchmark's
            name, and the text of its item that is nearest to the cluster's middle trace.
        """
        by_id = [{gap.cluster_id: gap for gap in each.reach.clusters} for each in self.benchmarks]
        rows = []
        for cluster, name in islice(self.world.names.items(), clusters):
            found = [(gaps_of[cluster], each) for gaps_of, each in zip(by_id, self.benchmarks, strict=True)]
            gap, nearest = min(found, key=lambda pair: (pair[0].uncovered, -pair[0].nearest_similarity))
            reached = 1.0 - gap.uncovered / gap.share
            rows.append((name, gap.share, reached, nearest.name, nearest.items[gap.nearest_item].text))
        return rows


def mirage(
    store: Store,
    config: Config,
    narrator: Narrator,
    named: Sequence[tuple[str, str]],
    scores: str | Path | None = None,
    world: World | None = None,
) -> MirageAnswer:
    """What share of the traffic each benchmark reaches, and what that is worth in random traces.

    Args:
        store: the project.
        config: its settings.
        narrator: told of progress.
        named: benchmarks, as name and file.
        scores: a leaderboard over these benchmarks, to be ordered by the traffic they reach.
        world: the traffic, where it is open already.

    Raises:
        StageError: there are no clusters, or too few traces to compare with.
        ConfigError: two benchmarks have one name.
        LogError: a file cannot be used.
    """
    names = [name for name, _ in named]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"Two benchmarks are named {one_line(twice, 40)}; give each a name of its own.")
    leaderboard = read_leaderboard(scores, names) if scores is not None else None
    read = {name: read_items(Path(file)).items for name, file in named}
    world = open_world(store, config, narrator) if world is None else world
    if world.traffic.counts.sum() < 2:
        raise StageError(
            f"{store.path} holds one trace, and what it reaches of others cannot be measured; ingest more."
        )
    own = own_curve(world.traffic, config.random_state)
    benchmarks = []
    for name, items in read.items():
        vectors = world.vectors([item.text for item in items], narrator)
        benchmarks.append(Benchmark(name, items, reach_of(world.traffic, world.cells, vectors, own)))
    order = None
    if leaderboard is not None:
        order = _order(leaderboard.scores, benchmarks, world.traffic, leaderboard.omitted)
    return MirageAnswer(
        benchmarks, own, _trust(own, len(world.traffic.ids)), _unreached(world, benchmarks), order, world
    )


def _unreached(world: World, benchmarks: Sequence[Benchmark]) -> list[str]:
    """Clusters of which every benchmark leaves more than half untested."""
    reached = {gap.cluster_id for each in benchmarks for gap in each.reach.clusters if 2 * gap.uncovered <= gap.share}
    return [name for cluster, name in world.names.items() if cluster not in reached]


def _trust(own: Yardstick, distinct: int) -> Trust:
    """Whether random traces of the traffic reach enough of it to be a measure of what others reach.

    They do not where there are too few; where even the most of them leave most of the traffic untested at the low
    end of coverage's interval, since then a low share says as much of the traffic as of a benchmark; and where
    the second half of them still added much, since then the traffic is wider than its logs.
    """
    most, rise = own.curve.largest, own.still_rising
    advice = "read worth, not shares"
    reach = f"{most:,} random traces of this traffic reach {percent(own.longest.estimate)} of it"
    if distinct < FEWEST:
        return Trust(False, f"there are only {distinct:,} distinct traces; ingest at least {FEWEST}")
    if own.longest.low < _LEAST_REACH:
        span = f"{percent(own.longest.low)} to {percent(own.longest.high)}"
        return Trust(False, f"even {reach} ({span}): most of it may be like nothing else there; {advice}")
    if rise > _MOST_RISE:
        return Trust(
            False, f"{reach}, the second half of them {percent(rise)}: the logs have not shown all yet; {advice}"
        )
    return Trust(True, f"{reach}, the second half of them only {percent(rise)}")


def _order(
    scores: Mapping[str, Mapping[str, float]],
    benchmarks: Sequence[Benchmark],
    traffic: Traffic,
    omitted: Sequence[str],
) -> Order:
    """The models of a leaderboard by the traffic that its benchmarks reach; those without scores have no say."""
    scored = [each for each in benchmarks if each.name in next(iter(scores.values()))]
    shares, unreached = credits_of([each.reach for each in scored], traffic)
    weights = {each.name: share for each, share in zip(scored, shares, strict=True)}
    return Order(reorder(scores, weights), weights, unreached, omitted)


@dataclass(frozen=True, slots=True)
class ScoreAnswer:
    """What results of an evaluation say of production."""

    first: Score
    second: Score | None
    difference: Difference | None
    unknown: Sequence[str]
    """What was passed over in the files, in words."""
    warning: str | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        answer = self.first.as_json() | {"warning": self.warning, "passed_over": list(self.unknown)}
        if self.second is not None and self.difference is not None:
            answer |= {"second": self.second.as_json(), "difference": self.difference.as_json()}
        return answer


def score(store: Store, files: Sequence[str], judged: str | None = None) -> ScoreAnswer:
    """What one file of results says of production, or what two say of their difference.

    Args:
        store: the project.
        files: one or two files of results.
        judged: the model that was judged; a warning follows where one of its family drafted the items.
    """
    chosen = samples(store)
    if not chosen:
        raise StageError(f"{store.path} has no samples yet; review drafts with: groundset curate {store.path}")
    frame = frame_of(store)
    read = [read_results(file, {sample.id for sample in chosen}) for file in files]
    results = [{item.id: item.score for item in each.items} for each in read]
    scores = [scoring.score(chosen, frame, each, store.clusters()) for each in results]
    return ScoreAnswer(
        first=scores[0],
        second=scores[1] if len(scores) > 1 else None,
        difference=difference(chosen, frame, results[0], results[1]) if len(results) > 1 else None,
        unknown=[_passed_over(file, each) for file, each in zip(files, read, strict=True) if each.unknown],
        warning=_family_warning({sample.model for sample in chosen if sample.model}, judged),
    )


def frame_of(store: Store) -> list[Drawn]:
    """Every random draw of a project."""
    rejected = store.states(verdict="rejected")
    return [
        Drawn(draft.id, draft.stratum, draft.weight, draft.id in rejected)
        for draft in store.drafts(store.frame_ids())
        if draft.stratum is not None
    ]


def _passed_over(file: str, found: Results) -> str:
    return f"{file}: {found.unknown} results for ids of no sample ({', '.join(found.unknown_ids)})"


def _family_warning(drafters: set[str], judged: str | None) -> str | None:
    related = sorted(model for model in drafters if judged is not None and same_family(model, judged))
    if not related:
        return None
    return f"{', '.join(related)} drafted items and is of one family with {judged}: drafted items may flatter it."
