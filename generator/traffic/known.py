"""Cells that are known already: new traffic goes to the nearest of them, until it is too unlike what made them.

Grouping all traffic anew because some was logged takes as long as all traffic does. Where it is much, the number of
cells no longer grows with it, so a cell is as good a place for a new text as it was for the old ones; what has no
place among them shows in how far it lies from a sample of the old traffic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.records import Interval
from generator.traffic.encoders import Vectors
from generator.traffic.rows import BLOCK, Matrix, blocks, nearest
from generator.traffic.tree import Cells, Labels, Sharpener

ENOUGH = 20_000
"""Distinct texts from which there are as many cells as there ever are."""
_STRANGE = 0.02
"""Share of the old traffic that lies farther from a sample of it than the rest does."""
_TOO_STRANGE = 1.5
"""How many times that share of the new traffic lies so far when cells are made anew (its 95 % interval above it)."""
_GROWN = 1.5
"""How many times as much traffic there may be as made the cells."""
_HELD = 3_500
"""Texts that the usual distance is measured on, outside of the sample."""


@dataclass(frozen=True, slots=True)
class Known:
    """The cells of an earlier clustering, and what it takes to find the place of new texts among them."""

    sharpener: Sharpener
    centroids: Vectors
    """Of the cells by id, of sharpened vectors."""
    usual: float
    """Similarity to the nearest text of the sample that all but one in fifty of the others have."""
    texts: int
    """How many distinct texts the cells were made of."""

    @classmethod
    def of(cls, sharpener: Sharpener, cells: Cells, vectors: Matrix, random_state: int) -> "Known":
        """What is known after a clustering.

        Args:
            sharpener: by which its vectors were drawn together.
            cells: what came of it.
            vectors: as encoded, shape (n, d).
            random_state: that of the clustering.
        """
        usual = -1.0
        if len(vectors) >= ENOUGH:
            others = np.random.default_rng(random_state).permutation(len(vectors))
            held = vectors[np.sort(others[len(sharpener.samples[0]) :][:_HELD])]
            usual = float(np.quantile(nearest(held, sharpener.samples[0])[1], _STRANGE))
        return cls(sharpener, cells.centroids, usual, len(vectors))

    def has_room_for(self, vectors: Vectors, texts: int) -> bool:
        """Whether new texts may go to these cells.

        Args:
            vectors: of the new texts, unit rows, shape (n, d).
            texts: how many distinct texts there are with them.
        """
        if self.texts < ENOUGH or texts > _GROWN * self.texts:
            return False
        if not len(vectors):
            return True
        strange = int((nearest(vectors, self.sharpener.samples[0])[1] < self.usual).sum())
        return Interval.of_share(strange, len(vectors)).low <= _TOO_STRANGE * _STRANGE

    def cells_of(self, vectors: Matrix) -> Labels:
        """The cell that each text is nearest to (unit rows as encoded, shape (n, d)), shape (n,).

        A text has the same one whatever it comes with: products are always of the same size, since they are rounded
        in another way at the edge of a smaller one, and a text on a border would change sides.
        """
        found = np.zeros(len(vectors), dtype=np.int64)
        for here, block in blocks(vectors):
            whole = np.zeros((BLOCK, vectors.shape[1]), dtype=np.float32)
            whole[: len(block)] = block
            found[here] = nearest(self.sharpener(whole), self.centroids)[0][: len(block)]
        return found

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """As arrays by name, to be kept on disk."""
        samples = {f"sample {number}": sample for number, sample in enumerate(self.sharpener.samples)}
        figures = np.array([self.sharpener.neighbours, self.usual, self.texts])
        return {"centroids": self.centroids, "figures": figures, **samples}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Any]) -> "Known":
        """What `to_arrays` took apart."""
        samples = tuple(arrays[f"sample {number}"] for number in range(len(arrays) - 2))
        neighbours, usual, texts = arrays["figures"].tolist()
        return cls(Sharpener(samples, round(neighbours)), arrays["centroids"], usual, round(texts))
