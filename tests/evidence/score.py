"""Root mean squared error of the production-weighted score, beside what people do instead.

Zipf traffic of 6,000 inputs drawn from CLINC150 and BANKING77, or from labelled JSONL files ({"text", "label"}
a line) named on the command line. A model's accuracy differs by need, Beta(.6, .4); the truth is its mean over
the traffic. 200 items are wanted. Three draws of traffic, 400 models and samples on each.

    python tests/evidence/score.py [LABELLED.jsonl.gz ...]
"""

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from generator.evalset.scoring import Drawn, order_of_strata, score
from generator.logs.reading import open_log
from generator.records import Merge, Sample
from generator.traffic.embedding import embed
from generator.traffic.encoders import open_encoder
from generator.traffic.tree import cut_into, join, make_cells
from tests.evidence.traffic import CACHE, Labelled, load, zipf_rows

WANTED = 200
TRAFFIC = 6000
RUNS = 400
NAMES = ("clinc150", "banking77")


@dataclass
class Design:
    """Strata over the distinct texts, and how many are drawn in each."""

    stratum: np.ndarray
    sizes: np.ndarray
    counts: np.ndarray

    @cached_property
    def weights(self) -> np.ndarray:
        return np.bincount(self.stratum, weights=self.counts) / self.counts.sum()

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """Rows drawn without replacement in each stratum, in proportion to traffic, as `draw_random` does."""
        waiting = generator.exponential(size=len(self.counts)) / self.counts
        ranked = np.lexsort((waiting, self.stratum))
        of_ranked = self.stratum[ranked]
        place = np.arange(len(ranked)) - np.searchsorted(of_ranked, np.arange(len(self.sizes)))[of_ranked]
        return ranked[place < self.sizes[of_ranked]]

    def frame(self, rows: np.ndarray) -> list[Drawn]:
        strata = self.stratum[rows]
        shares = self.weights / np.bincount(strata, minlength=len(self.weights))
        return [Drawn(str(row), f"{each:04}", shares[each]) for row, each in zip(rows, strata, strict=True)]


@dataclass
class World:
    """Traffic with its tree."""

    needs: np.ndarray
    counts: np.ndarray
    cell_of: np.ndarray
    merges: tuple[Merge, ...]
    exemplar_distance: np.ndarray

    @classmethod
    def of(cls, data: Labelled, random_state: int) -> "World":
        rows = zipf_rows(data.labels, TRAFFIC, random_state)
        distinct, counts = np.unique(rows, return_counts=True)
        traffic = data.take(distinct)
        cells = make_cells(traffic.vectors)
        distance = 1.0 - np.einsum("ij,ij->i", traffic.vectors, cells.centroids[cells.of_text])
        needs = np.unique(traffic.labels, return_inverse=True)[1]
        return cls(needs, counts, cells.of_text, join(cells), distance)

    def strata(self, wanted: int) -> Design:
        """As `draw_random` draws: half as many pieces of the tree, at least one item in each."""
        stratum = cut_into(self.merges, max(wanted // 2, 1))[self.cell_of]
        weights = np.bincount(stratum, weights=self.counts) / self.counts.sum()
        return Design(stratum, np.maximum(np.round(weights * wanted), 1).astype(int), self.counts)

    def slices(self, wanted: int) -> Design:
        """Another design: texts in the order of the tree, cut into slices of equal traffic, one item in each."""
        draws = [Drawn(str(row), f"{cell:04}", 1.0) for row, cell in enumerate(self.cell_of)]
        order = order_of_strata(draws, {str(row): int(cell) for row, cell in enumerate(self.cell_of)}, self.merges)
        place = np.argsort([int(name) for name in order])[self.cell_of]
        ranked = np.argsort(place, kind="stable")
        middle = np.cumsum(self.counts[ranked]) - self.counts[ranked] / 2
        stratum = np.empty(len(ranked), dtype=int)
        stratum[ranked] = np.unique((middle * wanted / self.counts.sum()).astype(int), return_inverse=True)[1]
        return Design(stratum, np.ones(stratum.max() + 1, dtype=int), self.counts)

    def order(self, design: Design) -> list[str]:
        """The strata of a design as they lie in the tree."""
        frame = design.frame(np.arange(len(self.counts)))
        return order_of_strata(frame, {each.id: int(self.cell_of[int(each.id)]) for each in frame}, self.merges)

    def balanced(self, wanted: int) -> np.ndarray:
        """A coverage-balanced set: the most typical text of every piece."""
        piece = cut_into(self.merges, wanted)[self.cell_of]
        ranked = np.lexsort((self.exemplar_distance, piece))
        return ranked[np.unique(piece[ranked], return_index=True)[1]]

    def truth(self, values: np.ndarray) -> float:
        return float(values @ self.counts / self.counts.sum())


def worlds(paths: Sequence[str], draws: int = 3) -> dict[str, list[World]]:
    sets = [labelled(Path(path)) for path in paths] or [load(name) for name in NAMES]
    return {data.name: [World.of(data, random_state) for random_state in range(draws)] for data in sets}


def labelled(path: Path) -> Labelled:
    with open_log(path) as log:
        rows = [record.value for record in log.records() if record.error is None]
    texts = [row["text"] for row in rows]
    labels = np.array([json.dumps(row["label"]) for row in rows])
    return Labelled(path.name, texts, labels, embed(texts, open_encoder("minilm", lambda: texts), CACHE))


@cache
def sample(row: int) -> Sample:
    """A random draw as an accepted item."""
    return Sample(str(row), (), (), (), None, "random", "real", False, "", "", None, 1.0, "", "dev", (), "", "", "", "")


def errors(world: World, generator: np.random.Generator) -> dict[str, list[float]]:
    """Estimate less truth, by what the estimate is."""
    found: dict[str, list[float]] = {}
    designs = {"ours": world.strata(WANTED), "ours on slices of equal traffic": world.slices(WANTED)}
    balanced = world.balanced(WANTED)
    chance = world.counts / world.counts.sum()
    size = int(designs["ours"].sizes.sum())
    for _ in range(RUNS):
        accuracy = generator.beta(0.6, 0.4, world.needs.max() + 1)[world.needs]
        truth = world.truth(accuracy)
        for name, design in designs.items():
            rows = design.draw(generator)
            results = dict(zip(map(str, rows), generator.random(len(rows)) < accuracy[rows], strict=True))
            made = score([sample(int(row)) for row in rows], design.frame(rows), results)
            assert made.estimate is not None
            found.setdefault(name, []).append(made.estimate - truth)
        sets = {
            f"simple random sample of {WANTED}": generator.choice(len(chance), WANTED, p=chance),
            "simple random sample of as many items as ours": generator.choice(len(chance), size, p=chance),
            "plain mean of a coverage-balanced set": balanced,
        }
        for name, rows in sets.items():
            found.setdefault(name, []).append(float((generator.random(len(rows)) < accuracy[rows]).mean() - truth))
    return found


def main() -> None:
    for name, made in worlds(sys.argv[1:]).items():
        sizes = [int(world.strata(WANTED).sizes.sum()) for world in made]
        print(f"{name}: {len(made)} draws of traffic, {RUNS} models each; {WANTED} items wanted, ours draws {sizes}")
        runs = [errors(world, np.random.default_rng(number)) for number, world in enumerate(made)]
        error = {what: float(np.sqrt(np.mean(np.square([run[what] for run in runs])))) for what in runs[0]}
        for what, size in error.items():
            ratio = error["ours"] / size
            print(f"  {what:46} RMSE {size:.4f}   ours / this {ratio:.2f}")


if __name__ == "__main__":
    main()
