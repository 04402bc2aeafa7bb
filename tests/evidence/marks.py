"""What the marks of beginning and end should count in MiniLM's mean over tokens, where a token of the text counts 1.

CLINC150 and BANKING77, for each weight: V-measure and ARI of clusters and needs tested by 50, 100 and 200 inputs
(five draws, as in `clusters.py` and `selection.py`), AUROC of the nearest item's similarity with 1 and with 3 items
(six draws, as in `gaps.py`). 1 is MiniLM as published.

    python tests/evidence/marks.py [WEIGHT ...]
"""

import sys

import numpy as np
from sklearn.metrics import adjusted_rand_score, roc_auc_score, v_measure_score

from tests.evidence import clusters, gaps, selection
from tests.evidence.traffic import Labelled, encoded, load

WEIGHTS = (1.0, 0.5, 0.25, 0.1, 0.01)


def clusters_and_needs(data: Labelled) -> np.ndarray:
    """V, ARI, needs at each budget; mean over draws."""
    rows = []
    for random_state in range(clusters.DRAWS):
        traffic = clusters.draw(data, random_state)
        found, truth = clusters.ours(traffic)[traffic.of_input], traffic.distinct.labels[traffic.of_input]
        needs = [len(np.unique(traffic.distinct.labels[selection.ours(traffic, size)])) for size in selection.BUDGETS]
        rows.append([v_measure_score(truth, found), adjusted_rand_score(truth, found), *needs])
    return np.mean(rows, axis=0)


def nearest_item(data: Labelled, each: int) -> float:
    found = []
    for random_state in range(6):
        traffic, items, truth = gaps.world(data, each, random_state)
        similarity = (traffic.vectors @ items.T).max(axis=1)
        found.append(roc_auc_score(truth, similarity, sample_weight=traffic.counts))
    return float(np.mean(found))


def main() -> None:
    print("marks count |     V   ARI | needs at 50, 100, 200 | AUROC of the nearest item, 1 and 3 items")
    for data in (load("clinc150"), load("banking77")):
        print(data.name)
        for marks in map(float, sys.argv[1:] or WEIGHTS):
            own = encoded(data, marks)
            v, ari, *needs = clusters_and_needs(own)
            auroc = "  ".join(f"{nearest_item(own, each):.3f}" for each in (1, 3))
            print(f"{marks:11.2f} |  {v:.3f}  {ari:.3f} |" + "".join(f"{each:7.1f}" for each in needs) + f" | {auroc}")


if __name__ == "__main__":
    main()
