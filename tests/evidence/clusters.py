"""How well clusters match the true needs: V-measure and adjusted Rand index, noise counted as one cluster.

Without arguments: Zipf traffic of 6,000 inputs drawn from CLINC150 and BANKING77, five draws each, with the usual
alternatives on the same vectors (`pip install --group evidence` has two of them). Every method gets the distinct
texts, and each input the label of its text. With labelled files (rows with "text" and "label"): the same on those.
With a project and the labelled file that it was made from: what `groundset run` itself came to.

    python tests/evidence/clusters.py
    python tests/evidence/clusters.py mine.jsonl.gz other.jsonl
    python tests/evidence/clusters.py clinc.groundset ../shared/data/labelled/clinc150.jsonl.gz
"""

import gzip
import json
import math
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, v_measure_score

from generator.records import Trace
from generator.store import Store
from generator.traffic.clustering import Clustering, cluster
from generator.traffic.embedding import embed
from generator.traffic.encoders import open_encoder
from tests.evidence.traffic import CACHE, Labelled, load, zipf_rows

DRAWS = 5
SIZE = 6000
NOISE = -1


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


def k_means(traffic: Traffic) -> np.ndarray:
    from sklearn.cluster import KMeans

    vectors = traffic.distinct.vectors
    return KMeans(round(math.sqrt(len(vectors))), n_init=1, random_state=0).fit_predict(vectors)


def density(traffic: Traffic) -> np.ndarray:
    from sklearn.cluster import HDBSCAN

    # The trees that "auto" builds are slower than no tree in so many dimensions; the clusters are the same.
    return HDBSCAN(algorithm="brute", copy=True).fit_predict(traffic.distinct.vectors)


def umap_and_density(traffic: Traffic) -> np.ndarray:
    """With the settings that BERTopic has by default."""
    from sklearn.cluster import HDBSCAN
    from umap import UMAP

    reduce = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)
    with warnings.catch_warnings(action="ignore"):  # a fixed random state costs it its threads, as it tells
        reduced = reduce.fit_transform(traffic.distinct.vectors)
    return HDBSCAN(min_cluster_size=10, copy=True).fit_predict(reduced)


def evoc(traffic: Traffic) -> np.ndarray:
    from evoc import EVoC

    return EVoC(random_state=0).fit_predict(traffic.distinct.vectors)


METHODS: dict[str, Callable[[Traffic], np.ndarray]] = {
    "groundset": ours,
    "k-means, k = sqrt n": k_means,
    "HDBSCAN": density,
    "UMAP + HDBSCAN": umap_and_density,
    "EVoC": evoc,
}


@dataclass(frozen=True)
class Marks:
    """How well one draw was clustered; shares are of traffic."""

    v_measure: float
    ari: float
    clusters: int
    largest: float
    noise: float
    seconds: float


def marks(traffic: Traffic, method: Callable[[Traffic], np.ndarray]) -> Marks:
    start = time.process_time()
    found = method(traffic)
    seconds = time.process_time() - start
    truth, of_input = traffic.distinct.labels[traffic.of_input], found[traffic.of_input]
    # Noise is no cluster of its own when clusters are counted, but it is one when they are compared with the truth.
    shares = np.bincount(np.unique(of_input[of_input != NOISE], return_inverse=True)[1]) / len(of_input)
    return Marks(
        v_measure=v_measure_score(truth, of_input),
        ari=adjusted_rand_score(truth, of_input),
        clusters=len(shares),
        largest=shares.max(initial=0.0),
        noise=np.mean(of_input == NOISE),
        seconds=seconds,
    )


def compare(data: Labelled) -> None:
    draws = [draw(data, random_state) for random_state in range(DRAWS)]
    print(
        f"{data.name}: mean of {DRAWS} draws of {SIZE} inputs, Zipf; seconds of processor, median\n"
        f"  {'':22} V-measure       ARI  clusters   largest     noise   seconds"
    )
    for name, method in METHODS.items():
        try:
            of_draws = [marks(traffic, method) for traffic in draws]
        except ModuleNotFoundError as error:
            print(f"  {name:22} not installed ({error.name})")
            continue
        *means, _ = np.mean([astuple(each) for each in of_draws], axis=0)
        v, ari, clusters, largest, noise = means
        seconds = np.median([each.seconds for each in of_draws])
        print(f"  {name:22} {v:9.3f} {ari:9.3f} {clusters:9.0f} {largest:9.0%} {noise:9.0%} {seconds:9.1f}", flush=True)
    agreement = [
        adjusted_rand_score(ours(traffic)[traffic.of_input], ours(traffic, random_state=1)[traffic.of_input])
        for traffic in draws
    ]
    print(f"  ARI between two random states of groundset: {np.mean(agreement):.3f} (least {min(agreement):.3f})")


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
