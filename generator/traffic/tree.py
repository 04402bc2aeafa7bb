"""One tree over the traffic, and its cuts.

Distinct texts are grouped into many small cells (spherical k-means), and the cells' centroids are joined
bottom-up by average linkage (Sokal and Michener 1958). Cut high, the tree gives clusters for people; cut
low, it gives as many pieces as a budget has items.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.records import Merge
from generator.traffic.encoders import Vectors, unit

Labels = npt.NDArray[np.int64]

_TEXTS_PER_CELL = 8
_FEW_CELLS = 350
"""Small traffic gets cells of four texts until it has this many: rare needs would drown in cells of eight."""
_MOST_CELLS = 4_000
_NARROWEST = 0.1
"""Least distance from near to far: traffic of one text, or of one need, has no scale of its own."""
_NEIGHBOUR = 5
"""Which neighbour counts as near, in a sample of full size."""
_CUT = 0.35
"""How far up from "next neighbours" to "random pairs" the automatic cut lies (chosen on CLINC150 and BANKING77)."""
_SAMPLE = 3_500
"""Texts on which the scale is measured."""


@dataclass(frozen=True, slots=True)
class Cells:
    """Micro-clusters of the texts."""

    centroids: Vectors
    """Unit rows, shape (cells, d)."""
    of_text: Labels
    """Cell of each text, shape (texts,)."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How near things are in this traffic, as cosine distances."""

    near: float
    """Median distance from a text to its next neighbours."""
    far: float
    """Median distance of random pairs."""

    def between(self, share: float) -> float:
        """The distance this far up from near to far."""
        return self.near + share * (self.far - self.near)


def make_cells(vectors: Vectors, random_state: int = 0) -> Cells:
    """Group distinct texts into about one cell per eight of them, finer where there are few texts.

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
        niter=12,
        spherical=True,
        seed=random_state,
        min_points_per_centroid=1,
        max_points_per_centroid=10**9,  # the default would fit on a part of the texts
    )
    kmeans.train(vectors)
    _, nearest = kmeans.index.search(vectors, 1)
    # A centroid may have lost all its texts; numbering only those in use keeps every cell non-empty.
    assert kmeans.centroids is not None  # noqa: S101 - `train` makes them
    used, of_text = np.unique(nearest[:, 0], return_inverse=True)
    return Cells(unit(kmeans.centroids[used]), of_text.astype(np.int64))


def measure_scale(vectors: Vectors, random_state: int = 0) -> Scale:
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


def join(cells: Cells) -> tuple[Merge, ...]:
    """The tree over the cells: average linkage on cosine distance, lowest merge first."""
    if len(cells.centroids) < 2:
        return ()
    from scipy.cluster.hierarchy import linkage

    steps = linkage(_cosine_distances(cells.centroids), method="average")
    return tuple(Merge(int(left), int(right), float(height)) for left, right, height, _ in steps)


def _cosine_distances(rows: Vectors) -> npt.NDArray[np.float64]:
    """Condensed distances; by one product of matrices, which is many times as fast as pair by pair."""
    upper = np.triu_indices(len(rows), k=1)
    return np.asarray(np.clip(1.0 - (rows @ rows.T)[upper], 0.0, 2.0), dtype=np.float64)


def cut_at(merges: tuple[Merge, ...], height: float) -> Labels:
    """Piece of each cell when every merge above `height` is undone."""
    return _pieces(merges, sum(merge.height <= height for merge in merges))


def cut_into(merges: tuple[Merge, ...], pieces: int) -> Labels:
    """Piece of each cell when the tree is cut into this many pieces (or one a cell, if those are fewer)."""
    return _pieces(merges, max(len(merges) + 1 - max(pieces, 1), 0))


def _pieces(merges: tuple[Merge, ...], steps: int) -> Labels:
    """Labels after the first `steps` merges, numbered by each piece's first cell."""
    cells = len(merges) + 1
    parent = np.arange(cells + len(merges))
    for step, merge in enumerate(merges[:steps]):
        parent[[merge.left, merge.right]] = cells + step
    roots: list[Any] = []
    for node in range(cells):
        while parent[node] != node:
            node = parent[node]
        roots.append(node)
    _, first, label = np.unique(roots, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[label]


def automatic_cut(merges: tuple[Merge, ...], scale: Scale) -> Labels:
    """Clusters for people: the cut at a height that the traffic's own scale gives."""
    return cut_at(merges, scale.between(_CUT))
