"""Questions to a project: what is untested, is this tested, what does a benchmark reach, what does a score say.

Joins the traffic of a project, its encoder and a set of items (the project's own samples, or a file of an
existing evaluation set), and answers with results that the command line shows or prints as JSON.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from generator.config import Config
from generator.errors import StageError
from generator.evalset import scoring
from generator.evalset.importing import Item, read_items
from generator.evalset.results import Results, read_results
from generator.evalset.scoring import Difference, Drawn, Score, difference, order_of_strata, same_family
from generator.evalset.selection import samples
from generator.pipeline import Narrator, cells_of_traces, embed, traffic_of
from generator.printable import one_line
from generator.records import Cell, user_text
from generator.store import Store
from generator.traffic.coverage import Traffic, depth
from generator.traffic.embedding import embed as embed_texts
from generator.traffic.encoders import Encoder, Vectors
from generator.traffic.gaps import (
    Curve,
    Gaps,
    Reach,
    find_gaps,
    neighbourhoods,
    off_traffic_limit,
    own_curve,
    reach_of,
)
from generator.traffic.tree import Labels

_COVERED, _NEAR = 0.5, 0.25
"""Probabilities from which a text counts as covered, and as near."""


@dataclass(frozen=True, slots=True)
class World:
    """The traffic of a project, ready to be asked."""

    store: Store
    traffic: Traffic
    texts: Sequence[str]
    cells: Sequence[Cell]
    near: Labels
    names: dict[str, str]
    """Names of clusters by id."""
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
    near = neighbourhoods(traffic.vectors)
    return World(store, traffic, embedded.texts, store.cells(), near, names, embedded.encoder)


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
                    "same_need": self._same_need(gap.nearest_similarity) if gap.nearest_item >= 0 else 0.0,
                }
                for gap in self.gaps.clusters
            ],
            "off_traffic": [self.items[row].text for row in self.gaps.off_traffic],
            "near_copies": [
                {"items": [self.items[one].text, self.items[other].text], "similarity": similarity}
                for one, other, similarity in self.gaps.near_copies
            ],
        }

    def _same_need(self, similarity: float) -> float:
        """Why an item does not count: how often a pair this similar asks the same."""
        return float(depth(np.asarray([similarity], dtype=np.float32), self.world.traffic.scale)[0])

    def per_trace(self) -> list[dict[str, Any]]:
        """Every distinct trace with the probability that it is tested."""
        traffic = self.world.traffic
        return [
            {
                "id": trace,
                "text": text,
                "cluster": self.world.cells[cell].cluster_id,
                "covered": round(float(covered), 4),
            }
            for trace, text, cell, covered in zip(
                traffic.ids, self.world.texts, traffic.cell_of.tolist(), self.gaps.tested.covered.tolist(), strict=True
            )
        ]


def gaps(store: Store, config: Config, narrator: Narrator, files: Sequence[str], fail_over: float) -> GapsAnswer:
    """What the items leave untested, and whether that is more than `fail_over` of the traffic."""
    world = open_world(store, config, narrator)
    items = items_of(store, files)
    vectors = world.vectors([item.text for item in items], narrator)
    found = find_gaps(world.traffic, world.near, world.cells, vectors)
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
    limit = off_traffic_limit(world.traffic, world.near)
    return [_covers(world, items, vectors, limit, text, row) for text, row in zip(texts, asked, strict=True)]


def _covers(
    world: World, items: Sequence[Item], vectors: Vectors, limit: float, text: str, row: Vectors
) -> CoversAnswer:
    to_traffic = world.traffic.vectors @ row
    trace = int(to_traffic.argmax())
    item, covered = None, 0.0
    if len(items):
        to_items = vectors @ row
        item = items[int(to_items.argmax())]
        covered = float(depth(to_items.max(keepdims=True), world.traffic.scale)[0])
    if covered >= _COVERED:
        verdict = "covered"
    elif to_traffic[trace] < limit:
        verdict = "nobody asks this"
    else:
        verdict = "near" if covered >= _NEAR else "gap"
    return CoversAnswer(
        text=text,
        verdict=verdict,
        covered=round(covered, 4),
        nearest_item=item.text if item else None,
        expects=item.target if item else None,
        nearest_trace=world.texts[trace],
        cluster=world.names[world.cells[int(world.traffic.cell_of[trace])].cluster_id],
    )


@dataclass(frozen=True, slots=True)
class Benchmark:
    """A benchmark and what it reaches."""

    name: str
    items: Sequence[Item]
    reach: Reach


@dataclass(frozen=True, slots=True)
class MirageAnswer:
    """What benchmarks reach of the traffic, beside random traces of its own."""

    benchmarks: Sequence[Benchmark]
    own: Curve
    unreached: Sequence[str]
    """Names of clusters that no benchmark reaches, by traffic."""
    world: World

    def as_json(self) -> dict[str, Any]:
        """For `--json`; the keys are a contract."""
        return {
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
            "own": [
                {"traces": size, "share": share} for size, share in zip(self.own.sizes, self.own.shares, strict=True)
            ],
            "unreached": list(self.unreached),
        }


def mirage(store: Store, config: Config, narrator: Narrator, named: Sequence[tuple[str, str]]) -> MirageAnswer:
    """What share of the traffic each benchmark (name, file) reaches, and what that is worth in random traces."""
    world = open_world(store, config, narrator)
    curve = own_curve(world.traffic, world.near, config.random_state)
    benchmarks = []
    for name, file in named:
        items = read_items(Path(file)).items
        vectors = world.vectors([item.text for item in items], narrator)
        benchmarks.append(Benchmark(name, items, reach_of(world.traffic, world.near, world.cells, vectors, curve)))
    return MirageAnswer(benchmarks, curve, _unreached(world, benchmarks), world)


def _unreached(world: World, benchmarks: Sequence[Benchmark]) -> list[str]:
    """Clusters of which every benchmark leaves more than half untested."""
    reached = {gap.cluster_id for each in benchmarks for gap in each.reach.clusters if 2 * gap.uncovered <= gap.share}
    return [cluster.name for cluster in world.store.clusters() if cluster.id not in reached]


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
    frame = [
        Drawn(draft.id, draft.stratum, draft.weight)
        for draft in store.drafts()
        if draft.origin == "random" and draft.weight > 0 and draft.stratum is not None
    ]
    cell_of = {row.draft_id: row.cell_id for row in store.queue_rows() if row.cell_id is not None}
    order = order_of_strata(frame, cell_of, store.merges())
    read = [read_results(file, {sample.id for sample in chosen}) for file in files]
    results = [{item.id: item.score for item in each.items} for each in read]
    scores = [scoring.score(chosen, frame, each, store.clusters(), order) for each in results]
    return ScoreAnswer(
        first=scores[0],
        second=scores[1] if len(scores) > 1 else None,
        difference=difference(chosen, frame, results[0], results[1], order) if len(results) > 1 else None,
        unknown=[_passed_over(file, each) for file, each in zip(files, read, strict=True) if each.unknown],
        warning=_family_warning({sample.model for sample in chosen if sample.model}, judged),
    )


def _passed_over(file: str, found: Results) -> str:
    return f"{file}: {found.unknown} results for ids of no sample ({', '.join(found.unknown_ids)})"


def _family_warning(drafters: set[str], judged: str | None) -> str | None:
    related = sorted(model for model in drafters if judged is not None and same_family(model, judged))
    if not related:
        return None
    return f"{', '.join(related)} drafted items and is of one family with {judged}: drafted items may flatter it."
