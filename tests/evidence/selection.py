"""How many different needs a set of 50, 100 or 200 inputs tests, chosen from the traffic by us and by others.

Zipf traffic of 6,000 inputs, five draws; the true needs are only counted at the end. Without arguments on
CLINC150 and BANKING77; otherwise on the labelled files (rows with "text" and "label") that are named.

    python tests/evidence/selection.py
    python tests/evidence/selection.py mine.jsonl.gz
"""

import sys
from collections.abc import Callable

import numpy as np

from generator.evalset.selection import allocate
from generator.traffic.tree import sharpen
from tests.evidence.clusters import DRAWS, SIZE, Traffic, draw, named
from tests.evidence.traffic import Labelled

BUDGETS = (50, 100, 200)


def ours(traffic: Traffic, budget: int) -> np.ndarray:
    """The text nearest to the centre of each piece, among vectors as the tree has them: as exemplars are chosen."""
    made, vectors = traffic.clustered(), sharpen(traffic.distinct.vectors)
    piece_of_cell = allocate(made.merges, [cell.id for cell in made.cells], budget)
    pieces = np.array([piece_of_cell[made.cell_of_trace[str(row)]] for row in range(len(vectors))])
    members = [np.flatnonzero(pieces == piece) for piece in np.unique(pieces)]
    return np.array([rows[(vectors[rows] @ vectors[rows].mean(axis=0)).argmax()] for rows in members])


def medoids(traffic: Traffic, budget: int) -> np.ndarray:
    import faiss

    vectors = traffic.distinct.vectors
    kmeans = faiss.Kmeans(
        vectors.shape[1], budget, niter=20, spherical=True, min_points_per_centroid=1, max_points_per_centroid=10**9
    )
    kmeans.train(vectors)
    return np.unique((vectors @ kmeans.centroids.T).argmax(axis=0))


def facility_location(traffic: Traffic, budget: int) -> np.ndarray:
    similarities = np.clip(traffic.distinct.vectors @ traffic.distinct.vectors.T, 0.0, None)
    reached = np.zeros(len(similarities), dtype=np.float32)
    chosen: list[int] = []
    # A gain only ever shrinks, so only the front runner is computed again (Minoux 1978).
    gains = similarities.sum(axis=0)
    while len(chosen) < budget:
        front = int(gains.argmax())
        gains[front] = np.clip(similarities[:, front] - reached, 0.0, None).sum()
        if gains[front] >= gains.max():
            chosen.append(front)
            reached = np.maximum(reached, similarities[:, front])
            gains[front] = -1.0
    return np.array(chosen)


def farthest_point(traffic: Traffic, budget: int) -> np.ndarray:
    vectors = traffic.distinct.vectors
    chosen = [int((vectors @ vectors.mean(axis=0)).argmax())]
    nearest = vectors @ vectors[chosen[0]]
    while len(chosen) < budget:
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, vectors @ vectors[chosen[-1]])
    return np.array(chosen)


def random_traffic(traffic: Traffic, budget: int) -> np.ndarray:
    return np.random.default_rng(0).choice(traffic.of_input, budget, replace=False)


METHODS: dict[str, Callable[[Traffic, int], np.ndarray]] = {
    "groundset": ours,
    "k-means medoids": medoids,
    "facility location": facility_location,
    "farthest point": farthest_point,
    "random traffic": random_traffic,
}


def compare(data: Labelled) -> None:
    draws = [draw(data, random_state) for random_state in range(DRAWS)]
    print(f"{data.name}: different needs among {BUDGETS} inputs, mean of {DRAWS} draws of {SIZE} inputs, Zipf")
    for name, method in METHODS.items():
        hits = [
            np.mean([len(np.unique(traffic.distinct.labels[method(traffic, budget)])) for traffic in draws])
            for budget in BUDGETS
        ]
        print(f"  {name:18}" + "".join(f"{hit:8.1f}" for hit in hits), flush=True)


def main() -> None:
    for data in named(sys.argv[1:]):
        compare(data)


if __name__ == "__main__":
    main()
