"""Root mean squared error of the production-weighted score, beside what people do instead.

Zipf traffic of 6,000 inputs drawn from CLINC150 and BANKING77, or from labelled JSONL files ({"text", "label"}
a line) named on the command line. A model's accuracy differs by need, Beta(.6, .4); the truth is its mean over
the traffic. 200 items each. Six draws of traffic, 400 models and samples on each; the spread is over the draws.

    python tests/evidence/score.py [LABELLED.jsonl.gz ...]
"""

import json
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from generator.evalset.scoring import Drawn, score
from generator.evalset.selection import draw_in_slices, leaves
from generator.logs.reading import open_log
from generator.records import Merge, Sample
from generator.traffic.clustering import cluster
from generator.traffic.embedding import embed
from generator.traffic.encoders import open_encoder
from generator.traffic.tree import cut_into
from tests.evidence.traffic import CACHE, Labelled, load, zipf_rows

WANTED = 200
TRAFFIC = 6000
RUNS = 400
STRATA = 100
NAMES = ("clinc150", "banking77")

OURS = "ours"
GROWN = "ours, 120 of them decided on at half of the logs"
SIMPLE = "simple random sample"
BALANCED = "plain mean of a coverage-balanced set"
PROPORTIONAL = f"weighted, {STRATA} strata of the tree, proportional"


@dataclass
class World:
    """Traffic with its tree; a row is a distinct text."""

    needs: np.ndarray
    counts: np.ndarray
    early: np.ndarray
    """Counts in the first half of the traffic."""
    line: np.ndarray
    """Rows as they lie along the tree."""
    cell_of: np.ndarray
    merges: tuple[Merge, ...]
    centrality: np.ndarray
    """Similarity of each row to the mean of its cell."""

    @classmethod
    def of(cls, data: Labelled, random_state: int) -> "World":
        rows = zipf_rows(data.labels, TRAFFIC, random_state)
        distinct, index = np.unique(rows, return_inverse=True)
        counts, early = (np.bincount(part, minlength=len(distinct)) for part in (index, index[: TRAFFIC // 2]))
        traffic = data.take(distinct)
        ids = [str(row) for row in range(len(distinct))]
        made = cluster(ids, traffic.texts, counts.tolist(), traffic.vectors)
        cell_of = np.array([made.cell_of_trace[each] for each in ids])
        means = np.zeros((len(made.cells), traffic.vectors.shape[1]))
        np.add.at(means, cell_of, traffic.vectors)
        place = np.argsort(leaves(made.merges))
        return cls(
            needs=np.unique(traffic.labels, return_inverse=True)[1],
            counts=counts,
            early=early,
            line=np.argsort(place[cell_of], kind="stable"),
            cell_of=cell_of,
            merges=made.merges,
            centrality=np.einsum("ij,ij->i", traffic.vectors, means[cell_of]),
        )

    def draw(self, wanted: int, random_state: int, kept: Collection[str] = ()) -> list[Drawn]:
        """The random frame, as a project draws it."""
        return self._draw(self.counts, wanted, random_state, kept)

    def draw_grown(self, wanted: int, random_state: int) -> list[Drawn]:
        """A frame that keeps what was drawn and decided on when the first half of the traffic was in."""
        before = self._draw(self.early, 3 * wanted // 5, random_state, ())
        return self.draw(wanted, random_state, {each.id for each in before})

    def _draw(self, counts: np.ndarray, wanted: int, random_state: int, kept: Collection[str]) -> list[Drawn]:
        line = [(str(row), int(counts[row])) for row in self.line if counts[row]]
        return [
            Drawn(each.trace_id, each.stratum, each.weight) for each in draw_in_slices(line, wanted, random_state, kept)
        ]

    def proportional(self, wanted: int, values: np.ndarray, generator: np.random.Generator) -> float:
        """An estimate from items drawn in each of `STRATA` strata in proportion to traffic, at least one in each."""
        stratum = cut_into(self.merges, STRATA)[self.cell_of]
        weights = np.bincount(stratum, weights=self.counts) / self.counts.sum()
        sizes = np.maximum(np.round(weights * wanted), 1).astype(int)
        means = [
            values[generator.choice(rows, size, p=self.counts[rows] / self.counts[rows].sum())].mean()
            for rows, size in ((np.flatnonzero(stratum == number), size) for number, size in enumerate(sizes))
        ]
        return float(weights @ means)

    def balanced(self, wanted: int) -> np.ndarray:
        """A coverage-balanced set: the most typical text of every piece."""
        piece = cut_into(self.merges, wanted)[self.cell_of]
        ranked = np.lexsort((-self.centrality, piece))
        return ranked[np.unique(piece[ranked], return_index=True)[1]]

    def truth(self, values: np.ndarray) -> float:
        return float(values @ self.counts / self.counts.sum())


def worlds(paths: Sequence[str], draws: int = 6) -> dict[str, list[World]]:
    sets = [labelled(Path(path)) for path in paths] or [load(name) for name in NAMES]
    return {data.name: [World.of(data, random_state) for random_state in range(draws)] for data in sets}


def labelled(path: Path) -> Labelled:
    with open_log(path) as log:
        rows = [record.value for record in log.records() if record.error is None]
    texts = [row["text"] for row in rows]
    labels = np.array([json.dumps(row["label"]) for row in rows])
    return Labelled(path.name, texts, labels, embed(texts, open_encoder("minilm", lambda: texts), CACHE))


@cache
def sample(draft_id: str) -> Sample:
    """A random draw as an accepted item."""
    return Sample(draft_id, (), (), (), None, "random", "real", False, "", "", None, 1.0, "", "dev", (), "", "", "", "")


def rows_of(frame: Sequence[Drawn]) -> np.ndarray:
    return np.array([int(each.id) for each in frame])


def errors(world: World, generator: np.random.Generator) -> dict[str, list[float]]:
    """Estimate less truth, by what the estimate is."""
    found: dict[str, list[float]] = {}
    balanced = world.balanced(WANTED)
    chance = world.counts / world.counts.sum()
    for run in range(RUNS):
        accuracy = generator.beta(0.6, 0.4, world.needs.max() + 1)[world.needs]
        passed = (generator.random(len(accuracy)) < accuracy).astype(float)
        truth = world.truth(accuracy)
        estimates = {
            SIMPLE: float(passed[generator.choice(len(chance), WANTED, p=chance)].mean()),
            BALANCED: float(passed[balanced].mean()),
            PROPORTIONAL: world.proportional(WANTED, passed, generator),
        }
        for name, frame in {OURS: world.draw(WANTED, run), GROWN: world.draw_grown(WANTED, run)}.items():
            results = {each.id: passed[int(each.id)] for each in frame}
            estimates[name] = score([sample(each.id) for each in frame], frame, results).estimate or 0.0
        for name, estimate in estimates.items():
            found.setdefault(name, []).append(estimate - truth)
    return found


def main() -> None:
    for name, made in worlds(sys.argv[1:]).items():
        items = [len(world.draw(WANTED, 0)) for world in made]
        print(f"{name}: {len(made)} draws of traffic, {RUNS} models each; {WANTED} draws, distinct traces {items}")
        runs = [errors(world, np.random.default_rng(number)) for number, world in enumerate(made)]
        squares = {what: np.array([np.mean(np.square(run[what])) for run in runs]) for what in runs[0]}
        for what, square in squares.items():
            ratio, ratios = np.sqrt(squares[OURS].mean() / square.mean()), np.sqrt(squares[OURS] / square)
            print(
                f"  {what:50} RMSE {np.sqrt(square.mean()):.4f} (sd {np.sqrt(square).std(ddof=1):.4f})"
                f"   ours / this {ratio:.2f} ({ratios.min():.2f} to {ratios.max():.2f})"
            )


if __name__ == "__main__":
    main()
