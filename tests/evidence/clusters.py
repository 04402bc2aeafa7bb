"""How well clusters match the true needs: V-measure and adjusted Rand index, noise counted as one cluster.

Without arguments: Zipf traffic of 6,000 inputs drawn from CLINC150 and BANKING77, five draws each, with the usual
alternatives on the same vectors. With labelled files (rows with "text" and "label"): the same on those. With a
project and the labelled file that it was made from: what `groundset run` itself came to.

    python tests/evidence/clusters.py
    python tests/evidence/clusters.py mine.jsonl.gz other.jsonl
    python tests/evidence/clusters.py clinc.groundset ../shared/data/labelled/clinc150.jsonl.gz
"""

import gzip
import json
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, v_measure_score

from generator.records import Trace
from generator.store import Store
from generator.traffic.clustering import Clustering, cluster
from generator.traffic.embedding import embed
from generator.traffic.encoders import Vectors, open_encoder
from tests.evidence.traffic import CACHE, Labelled, load, zipf_rows

DRAWS = 5
SIZE = 6000


@dataclass(frozen=True)
class Traffic:
    """One draw of traffic: distinct texts, how often each came, and which of them each input is."""

    distinct: Labelled
    counts: np.ndarray
    of_input: np.ndarray

    def clustered(self, random_state: int = 0) -> Clustering:
        ids = [str(row) for row in range(len(self.counts))]
        texts, vectors = self.distinct.texts, self.distinct.vectors
        return cluster(ids, texts, self.counts.tolist(), vectors, random_state=random_state)


def draw(data: Labelled, random_state: int) -> Traffic:
    rows = zipf_rows(data.labels, SIZE, random_state)
    distinct, of_input, counts = np.unique(rows, return_inverse=True, return_counts=True)
    return Traffic(data.take(distinct), counts, of_input)


def rows_of(path: Path) -> list[dict[str, str]]:
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if row["label"] != "oos"]


def named(arguments: Sequence[str]) -> Iterator[Labelled]:
    """The sets named on the command line, or those that the constants were chosen on."""
    if not arguments:
        yield from map(load, ("clinc150", "banking77"))
    for argument in arguments:
        rows = rows_of(Path(argument))
        texts = [row["text"] for row in rows]
        vectors = embed(texts, open_encoder("minilm", lambda texts=texts: texts), CACHE)
        yield Labelled(Path(argument).name, texts, np.array([row["label"] for row in rows]), vectors)


def ours(traffic: Traffic, random_state: int = 0) -> np.ndarray:
    made = traffic.clustered(random_state)
    cluster_of_cell = {cell.id: cell.cluster_id for cell in made.cells}
    return np.array([cluster_of_cell[made.cell_of_trace[str(row)]] for row in range(len(traffic.counts))])


def k_means(vectors: Vectors) -> np.ndarray:
    from sklearn.cluster import KMeans

    return KMeans(round(math.sqrt(len(vectors))), n_init=1, random_state=0).fit_predict(vectors)


def density(vectors: Vectors) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    return HDBSCAN(min_cluster_size=5, copy=True).fit_predict(vectors)


def umap_and_density(vectors: Vectors) -> np.ndarray:
    from umap import UMAP

    return density(
        UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine", random_state=0).fit_transform(vectors)
    )


def evoc(vectors: Vectors) -> np.ndarray:
    from evoc import EVoC

    return EVoC(random_state=0).fit_predict(vectors)


ALTERNATIVES: dict[str, Callable[[Vectors], np.ndarray]] = {
    "k-means, k = sqrt n": k_means,
    "HDBSCAN": density,
    "UMAP + HDBSCAN": umap_and_density,
    "EVoC": evoc,
}


def marks(traffic: Traffic, found: np.ndarray) -> tuple[float, float, int, float]:
    """V-measure, ARI, clusters, and the share of traffic in the largest of them."""
    truth, of_input = traffic.distinct.labels[traffic.of_input], found[traffic.of_input]
    shares = np.unique(of_input, return_counts=True)[1] / len(of_input)
    return v_measure_score(truth, of_input), adjusted_rand_score(truth, of_input), len(shares), shares.max()


def print_line(name: str, of_draws: Sequence[tuple[float, float, int, float]]) -> None:
    v, ari, clusters, largest = np.mean(of_draws, axis=0)
    print(f"  {name:22} {v:9.3f} {ari:9.3f} {clusters:9.0f} {largest:9.0%}", flush=True)


def compare(data: Labelled) -> None:
    draws = [draw(data, random_state) for random_state in range(DRAWS)]
    print(
        f"{data.name}: mean of {DRAWS} draws of {SIZE} inputs, Zipf\n  {'':22} V-measure       ARI  clusters   largest"
    )
    found = [ours(traffic) for traffic in draws]
    print_line("groundset", [marks(traffic, of_one) for traffic, of_one in zip(draws, found, strict=True)])
    for name, method in ALTERNATIVES.items():
        try:
            print_line(name, [marks(traffic, method(traffic.distinct.vectors)) for traffic in draws])
        except ModuleNotFoundError:
            print(f"  {name:22} not installed")
    agreement = [
        adjusted_rand_score(of_one[traffic.of_input], ours(traffic, random_state=1)[traffic.of_input])
        for traffic, of_one in zip(draws, found, strict=True)
    ]
    print(f"  ARI between two random states: {np.mean(agreement):.3f} (least {min(agreement):.3f})")


def of_project(project: Path, labelled: Path) -> tuple[float, float, int]:
    with Store.open(project) as store:
        cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
        cluster_of_trace = {trace: cluster_of_cell[cell] for trace, cell in store.trace_cells() if cell is not None}
    pairs = [(row["label"], cluster_of_trace.get(Trace.id_of(row["text"]))) for row in rows_of(labelled)]
    missing = sum(found is None for _, found in pairs)
    if missing:
        # Redaction changes a few texts; they are told, not hidden.
        print(f"{missing} of {len(pairs)} labelled texts are not in the project under their own words; left out")
    truth, found = zip(*((label, made) for label, made in pairs if made is not None), strict=True)
    return v_measure_score(truth, found), adjusted_rand_score(truth, found), len(set(found))


def main() -> None:
    arguments = sys.argv[1:]
    if len(arguments) == 2 and arguments[0].endswith(".groundset"):
        v, ari, clusters = of_project(Path(arguments[0]), Path(arguments[1]))
        print(f"{arguments[0]}: V-measure {v:.3f}, ARI {ari:.3f}, {clusters} clusters")
        return
    for data in named(arguments):
        compare(data)


if __name__ == "__main__":
    main()
