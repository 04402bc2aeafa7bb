"""Clustering against BERTopic's recipe (UMAP, HDBSCAN, class-based TF-IDF, with its defaults), on the same vectors.

Inputs are real texts recombined, with combined vectors (see `tests/benchmarks/recombined.py`). Our stage does the same
job: groups, a tree over them, names and exemplars. The recipe runs on one core, because a fixed random state takes
UMAP's threads from it; so processor seconds are shown as well.

    pip install --group evidence
    PYTHONPATH=. python tests/benchmarks/recipe.py [--sizes 5000 20000] [--json OUT]
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

from generator.traffic.clustering import cluster
from generator.traffic.encoders import Vectors
from tests.benchmarks.recombined import Pools, recombined
from tests.benchmarks.tables import machine, show


def ours(texts: list[str], vectors: Vectors) -> int:
    return len(cluster([str(row) for row in range(len(texts))], texts, [1] * len(texts), vectors).clusters)


def recipe(texts: list[str], vectors: Vectors) -> int:
    from sklearn.cluster import HDBSCAN
    from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
    from umap import UMAP

    reduce = UMAP(n_neighbors=15, n_components=5, min_dist=0.0, metric="cosine", random_state=0)
    with warnings.catch_warnings(action="ignore"):  # a fixed random state costs it its threads, as it tells
        labels = HDBSCAN(min_cluster_size=10, copy=True).fit_predict(reduce.fit_transform(vectors))
    topics = np.unique(labels)
    documents = [" ".join(texts[row] for row in np.flatnonzero(labels == topic)) for topic in topics]
    TfidfTransformer().fit_transform(CountVectorizer().fit_transform(documents))
    return int((topics >= 0).sum())


def measure(run: Callable[[list[str], Vectors], int], texts: list[str], vectors: Vectors) -> dict:
    began, worked = time.perf_counter(), time.process_time()
    groups = run(texts, vectors)
    return {"s": time.perf_counter() - began, "processor s": time.process_time() - worked, "clusters": groups}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[5_000, 20_000])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(machine())
    pools, rows = Pools.read(), []
    for size in options.sizes:
        parts = list(recombined(pools, size))
        texts = [text for part in parts for text in part.texts]
        vectors = np.concatenate([part.vectors for part in parts])
        found = {
            name: measure(run, texts, vectors) for name, run in (("groundset", ours), ("BERTopic's recipe", recipe))
        }
        for name, figures in found.items():
            ratio = figures["processor s"] / found["groundset"]["processor s"]
            rows.append({"inputs and method": f"{size:,} {name}", **figures, "times our processor s": ratio})
    show("clusters and names, from vectors", rows)
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
