"""How well clusters match the true needs: V-measure and adjusted Rand index, noise counted as one cluster.

Without arguments: Zipf traffic of 6,000 inputs drawn from CLINC150 and BANKING77, three draws each.
With a project and the labelled file that it was made from: what `groundset run` itself came to.

    python tests/evidence/clusters.py
    python tests/evidence/clusters.py clinc.groundset ../shared/data/labelled/clinc150.jsonl.gz
"""

import gzip
import json
import sys
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score, v_measure_score

from generator.records import Trace
from generator.store import Store
from generator.traffic.clustering import cluster
from tests.evidence.traffic import load, zipf_rows


def drawn_traffic(name: str, random_state: int) -> tuple[float, float, int]:
    data = load(name)
    rows = zipf_rows(data.labels, 6000, random_state)
    distinct, where, counts = np.unique(rows, return_inverse=True, return_counts=True)
    traffic = data.take(distinct)
    ids = [str(row) for row in distinct]
    made = cluster(ids, traffic.texts, counts.tolist(), traffic.vectors)
    cluster_of_cell = {cell.id: cell.cluster_id for cell in made.cells}
    found = np.array([cluster_of_cell[made.cell_of_trace[trace]] for trace in ids])[where]
    truth = data.labels[rows]
    return v_measure_score(truth, found), adjusted_rand_score(truth, found), len(made.clusters)


def of_project(project: Path, labelled: Path) -> tuple[float, float, int]:
    with Store.open(project) as store:
        cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
        cluster_of_trace = {trace: cluster_of_cell[cell] for trace, cell in store.trace_cells() if cell is not None}
    with gzip.open(labelled, "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["label"] != "oos"]
    pairs = [(row["label"], cluster_of_trace.get(Trace.id_of(row["text"]))) for row in rows]
    missing = sum(found is None for _, found in pairs)
    if missing:
        # Redaction changes a few texts; they are told, not hidden.
        print(f"{missing} of {len(pairs)} labelled texts are not in the project under their own words; left out")
    truth, found = zip(*((label, made) for label, made in pairs if made is not None), strict=True)
    return v_measure_score(truth, found), adjusted_rand_score(truth, found), len(set(found))


def main() -> None:
    if len(sys.argv) == 3:
        v, ari, clusters = of_project(Path(sys.argv[1]), Path(sys.argv[2]))
        print(f"{sys.argv[1]}: V-measure {v:.3f}, ARI {ari:.3f}, {clusters} clusters")
        return
    for name in ("clinc150", "banking77"):
        draws = [drawn_traffic(name, random_state) for random_state in range(3)]
        v, ari, clusters = np.mean(draws, axis=0)
        print(f"{name}: V-measure {v:.3f}, ARI {ari:.3f}, {clusters:.0f} clusters (mean of 3 draws of traffic)")


if __name__ == "__main__":
    main()
