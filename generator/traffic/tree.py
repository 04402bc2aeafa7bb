"""One tree over the traffic, and its cuts.

Vectors are first drawn towards their neighbours (blurring mean shift, Fukunaga and Hostetler 1975; Cheng
1995): texts of one need come together, and thin bridges between needs part, over which average linkage would
otherwise chain half of the traffic into one cluster. Distinct texts are then grouped into many small cells
(spherical k-means), and the cells' centroids are joined bottom-up by average linkage (Sokal and Michener 1958).
Cut high, the tree gives clusters for people; cut low, it gives as many pieces as a budget has items.
"""

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import Merge
from generator.traffic.encoders import Vectors, unit
from generator.traffic.rows import Matrix, blocks, mapped

Labels = npt.NDArray[np.int64]

Distances = npt.NDArray[np.float32]

_TEXTS_PER_CELL = 5
_FEW_CELLS = 350
"""Small traffic gets cells of four texts until it has this many: rare needs would drown in larger ones."""
_MOST_CELLS = 4_000
FITTED = 50_000
"""Texts that cells are fitted on; further ones only go to the cell that is nearest."""
_ITERATIONS = 6
"""Of k-means; twelve gave the same clusters."""
_ROUNDS = 2
"""How often vectors are drawn towards their neighbours. With one round, airline support still chains."""
_PULL = 0.5
"""Share of the way that a round draws a text towards the mean of its neighbours."""
_NEIGHBOURS = 10
"""How many neighbours draw a text, in a sample of full size."""
_NARROWEST = 0.1
"""Least distance from near to far: traffic of one text, or of one need, has no scale of its own."""
_NEIGHBOUR = 5
"""Which neighbour counts as near, in a sample of full size."""
_CUT = 0.44
"""How far up from "next neighbours" to "random pairs" the automatic cut lies (chosen on CLINC150 and BANKING77)."""
_SAMPLE = 3_500
"""Texts on which the scale is measured, and among which neighbours are looked up."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Micro-clusters of the texts."""

    centroids: Vectors
    """Unit rows, shape (cells, d)."""
    of_text: Labels
    """Cell of each text, shape (texts,)."""
    similarity: Distances
    """Of each text to the centroid of its cell, shape (texts,)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How near things are in this traffic, as cosine distances."""

    near: float
    """Median distance from a text to its next neighbours."""
    far: float
    """Median distance of random pairs."""

    def position(self, similarity: Distances) -> Distances:
        """How far up from near (0) to far (1) texts of these similarities lie."""
        return np.asarray((1.0 - similarity - self.near) / (self.far - self.near), dtype=np.float32)

    def between(self, share: float) -> float:
        """The distance this far up from near to far."""
        return self.near + share * (self.far - self.near)


@dataclass(frozen=True, slots=True)
class Sharpener:
    """Draws vectors towards their neighbours in a sample of the traffic."""

    samples: tuple[Vectors, ...]
    """The sample before each round; none where traffic is too little to have neighbours."""
    neighbours: int

    @classmethod
    def of(cls, vectors: Matrix, random_state: int = 0) -> "Sharpener":
        """Look for neighbours in these vectors.

        Args:
            vectors: unit rows, shape (n, d), n >= 1.
            random_state: which texts are the sample.
        """
        rows = np.random.default_rng(random_state).permutation(len(vectors))[:_SAMPLE]
        neighbours = round(_NEIGHBOURS * math.sqrt(len(rows) / _SAMPLE))
        samples: list[Vectors] = [vectors[rows]] if neighbours else []
        while neighbours and len(samples) < _ROUNDS:
            samples.append(drawn(samples[-1], samples[-1], neighbours, _PULL))
        return cls(tuple(samples), neighbours)

    def __call__(self, vectors: Vectors) -> Vectors:
        """The vectors (unit rows, shape (n, d)) after all rounds."""
        for sample in self.samples:
            vectors = drawn(vectors, sample, self.neighbours, _PULL)
        return vectors


def drawn(vectors: Vectors, sample: Vectors, neighbours: int, pull: float) -> Vectors:
    """Vectors drawn some of the way towards the mean of their neighbours, a text of the sample itself being one.

    Args:
        vectors: unit rows, shape (n, d).
        sample: among which neighbours are looked up, shape (m, d), m > neighbours.
        neighbours: how many.
        pull: the share of the way.
    """
    _, nearest = neighbours_of(vectors, sample, neighbours + 1)
    total = np.zeros_like(vectors)
    for column in nearest.T:  # one neighbour after the other: all at once would take as many times the memory
        total += sample[column]
    return unit((1.0 - pull) * vectors + pull / (neighbours + 1) * total)


def neighbours_of(vectors: Vectors, sample: Vectors, wanted: int) -> tuple[Distances, Labels]:
    """Similarities and rows of the texts of a sample that are nearest to each vector, shape (n, wanted) each."""
    import faiss

    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(sample)
    similarity, nearest = index.search(np.ascontiguousarray(vectors, dtype=np.float32), wanted)
    return similarity, nearest


def sharpen(vectors: Matrix, random_state: int = 0) -> Matrix:
    """The vectors drawn towards their neighbours; only the tree is made of these.

    Neighbours are looked up in a sample of fixed size, so that the same traffic is drawn together as much when
    more of it was logged; of less traffic than that, fewer neighbours are near (their number falls with the
    square root).

    Args:
        vectors: unit rows, shape (n, d), n >= 1.
        random_state: which texts are the sample.
    """
    return mapped(vectors, Sharpener.of(vectors, random_state))


def make_cells(vectors: Matrix, random_state: int = 0) -> Cells:
    """Group distinct texts into about one cell per five of them, finer where there are few texts.

    Many texts are grouped by a sample of them.

    Args:
        vectors: unit rows, shape (n, d), n >= 1.
        random_state: the same number gives the same cells.
    """
    import faiss

    few = min(len(vectors) // 4, _FEW_CELLS)
    wanted = min(max(len(vectors) // _TEXTS_PER_CELL, few, 1), _MOST_CELLS)
    kmeans = faiss.Kmeans(
        vectors.shape[1],
        wanted,
        niter=_ITERATIONS,
        spherical=True,
        seed=random_state,
        min_points_per_centroid=1,
        max_points_per_centroid=10**9,  # the default would fit on a part of the texts
    )
    rows = np.sort(np.random.default_rng(random_state).permutation(len(vectors))[:FITTED])
    kmeans.train(vectors[rows])
    found = [kmeans.index.search(block, 1) for _, block in blocks(vectors)]
    # A centroid may have lost all its texts; numbering only those in use keeps every cell non-empty.
    assert kmeans.centroids is not None  # noqa: S101 - `train` makes them
    used, of_text = np.unique(np.concatenate([nearest[:, 0] for _, nearest in found]), return_inverse=True)
    similarity = np.concatenate([each[:, 0] for each, _ in found])
    return Cells(unit(kmeans.centroids[used]), of_text.astype(np.int64), similarity)


def measure_scale(vectors: Matrix, random_state: int = 0) -> Scale:
    """Near and far of this traffic.

    The more texts there are, the nearer the fifth neighbour lies, but the same traffic should not be cut finer
    because more of it was logged: the measure is taken within a sample of fixed size, and on less traffic
    than that it looks at a nearer neighbour in proportion.
    """
    generator = np.random.default_rng(random_state)
    sample = vectors[generator.permutation(len(vectors))[:_SAMPLE]]
    similarities = sample @ sample.T
    pairs = similarities[np.triu_indices(len(sample), k=1)] if len(sample) > 1 else np.ones(1)
    neighbour = max(round(_NEIGHBOUR * len(sample) / _SAMPLE), 1)
    place = min(neighbour + 1, len(sample))  # the text itself comes first
    near = float(np.median(1.0 - np.partition(similarities, -place, axis=1)[:, -place]))
    far = float(np.median(1.0 - pairs))
    return Scale(max(near, 0.0), max(far, near + _NARROWEST))


def join(cells: Cells, traffic: npt.NDArray[np.number] | None = None) -> tuple[Merge, ...]:
    """The tree over the cells: average linkage on cosine distance, lowest merge first.

    Args:
        cells: what to join.
        traffic: weight of each cell in the averages; None counts all cells alike. With it, a fringe of small
            cells cannot part the two halves of a need that most of the traffic asks.
    """
    weights = np.ones(len(cells.centroids)) if traffic is None else np.asarray(traffic, dtype=np.float64)
    distances = np.clip(1.0 - cells.centroids @ cells.centroids.T, 0.0, 2.0)
    return _in_order(sorted(_nearest_pairs(distances, weights), key=lambda pair: pair[2]))


def _nearest_pairs(distances: Distances, weights: npt.NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """Pairs of parts that are each other's nearest, by nearest-neighbour chain (Benzecri 1982; Murtagh 1983).

    A part is named by one of its cells; the second of a pair stands for both from then on. `distances` is used
    up. SciPy's linkage has no weights to begin with.
    """
    np.fill_diagonal(distances, np.inf)
    alive = np.ones(len(distances), dtype=bool)
    weights = weights.copy()
    chain: list[int] = []
    for _ in range(len(distances) - 1):
        chain = chain or [int(alive.argmax())]
        while True:
            row = distances[chain[-1]]
            nearest = int(row.argmin())
            # Of equally near parts the one before in the chain, or it would never end.
            if len(chain) > 1 and row[chain[-2]] <= row[nearest]:
                break
            chain.append(nearest)
        gone, stays = chain.pop(), chain.pop()
        yield gone, stays, float(distances[gone, stays])
        share = float(weights[gone] / (weights[gone] + weights[stays]))
        met = share * distances[gone] + (1.0 - share) * distances[stays]
        distances[stays], distances[:, stays] = met, met
        distances[gone], distances[:, gone] = np.inf, np.inf
        distances[stays, stays] = np.inf
        weights[stays] += weights[gone]
        alive[gone] = False


def _in_order(pairs: list[tuple[int, int, float]]) -> tuple[Merge, ...]:
    """Merges whose nodes are numbered in the order of the pairs."""
    leader = list(range(len(pairs) + 1))
    node = list(range(len(pairs) + 1))
    merges = []
    for step, (gone, stays, height) in enumerate(pairs):
        one, other = _leader(leader, gone), _leader(leader, stays)
        left, right = sorted((node[one], node[other]))
        merges.append(Merge(left, right, height))
        leader[one] = other
        node[other] = len(pairs) + 1 + step
    return tuple(merges)


def _leader(leader: list[int], cell: int) -> int:
    while leader[cell] != cell:
        leader[cell] = cell = leader[leader[cell]]
    return cell


def cut_at(merges: tuple[Merge, ...], height: float) -> Labels:
    """Piece of each cell when every merge above `height` is undone."""
    return _pieces(merges, sum(merge.height <= height for merge in merges))


def cut_into(merges: tuple[Merge, ...], pieces: int, among: Sequence[int] | None = None) -> Labels:
    """Piece of each cell when the tree is cut into this many pieces (or one a cell, if those are fewer).

    Args:
        merges: the tree.
        pieces: how many; less than one is taken for one.
        among: only pieces that hold one of these cells count; None counts all.
    """
    if among is None:
        return _pieces(merges, max(len(merges) + 1 - max(pieces, 1), 0))
    # Every step joins two pieces at most, so the first number of steps that leaves few enough leaves just enough.
    steps = bisect_left(
        range(len(merges)), True, key=lambda step: len(np.unique(_pieces(merges, step)[among])) <= max(pieces, 1)
    )
    return _pieces(merges, steps)


def _pieces(merges: tuple[Merge, ...], steps: int) -> Labels:
    """Labels after the first `steps` merges, numbered by each piece's first cell."""
    cells = len(merges) + 1
    parent = np.arange(cells + len(merges))
    for step, merge in enumerate(merges[:steps]):
        parent[[merge.left, merge.right]] = cells + step
    for node in range(len(parent) - 1, -1, -1):  # parents have higher numbers, so theirs is known already
        parent[node] = parent[parent[node]]
    _, first, label = np.unique(parent[:cells], return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[label]


def automatic_cut(merges: tuple[Merge, ...], scale: Scale) -> Labels:
    """Clusters for people: the cut at a height that the traffic's own scale gives."""
    return cut_at(merges, scale.between(_CUT))
