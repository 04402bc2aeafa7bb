"""Where texts lie among the traffic: what is shared by all of it taken off, odd wording smoothed away.

Traffic of one product is alike in its tone and its nouns, and an encoder sees that before it sees the need. So the
mean of the traffic is subtracted, and a text is drawn towards its neighbours in a sample of the traffic (as the tree
does, see `generator.traffic.tree`): what one trace words oddly, its neighbours say plainly. Both lift the AUROC of
"tested" (`tests/evidence/gaps.py`). Items stay where they are: a benchmark that is drawn towards the traffic
would look like it.
"""

import math
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.traffic.encoders import Vectors, unit
from generator.traffic.rows import Matrix, Rows, appended, blocks, mapped
from generator.traffic.tree import Labels, Scale, drawn, measure_scale, neighbours_of

Floats = npt.NDArray[np.float32]

_SAMPLE = 3_500
"""Texts among which neighbours are looked up, so that more logs of the same traffic change nothing."""
_NEIGHBOURS = 10
"""How many neighbours draw a text, in a sample of full size; of less traffic fewer are near (square root)."""
_PULL = 0.7
"""Share of the way that a round draws a text towards the mean of its neighbours."""
_MEAN_PRIOR = 50
"""Texts that the mean is shrunk by: of a handful of texts it would be the texts themselves."""
_NEAR, _SPARSE = 5, 20
"""Which neighbours tell how near things are, and how dense it is around a text, in a sample of full size."""
_NARROWEST = 0.1
"""Least distance from near to far: traffic of one text has no scale of its own."""
_LONELY = 0.98
"""A text is like nothing production sends when it lies farther from the next trace than so many of the traces do..."""
_HALF_WAY = 0.5
"""... and more than this share of the way from near to far, so that very dense traffic does not call all else odd."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Texts among the traffic; arrays that line up."""

    vectors: Matrix
    """As encoded, unit rows, shape (n, d)."""
    smoothed: Matrix
    """Without what all traffic shares, drawn towards their neighbours; unit rows, shape (n, d)."""
    sparsity: Floats
    """How far the traffic around each text lies, from near (0) to far (1), shape (n,)."""

    def with_further(self, vectors: Matrix, further: "Placed") -> "Placed":
        """These and further texts after them; `vectors` are those of all."""
        return Placed(
            vectors, appended(self.smoothed, further.smoothed[:]), np.concatenate([self.sparsity, further.sparsity])
        )

    def take(self, rows: Labels | slice) -> "Placed":
        """Some of them."""
        return Placed(self.vectors[rows], self.smoothed[rows], self.sparsity[rows])


@dataclass(frozen=True, slots=True)
class Landscape:
    """What is known of a traffic as a whole, so that further texts can be placed in it."""

    mean: Vectors
    """What all traffic shares, shape (d,)."""
    sample: Vectors
    """Traces as encoded, unit rows, shape (at most 3,500, d)."""
    rounds: tuple[Vectors, Vectors]
    """The sample without the mean, before each round of smoothing."""
    scale: Scale
    """Near and far as encoded."""
    smooth_scale: Scale
    """Near and far from smoothed texts to texts that are not."""
    limit: float
    """Similarity to the nearest trace below which a text is like nothing production sends."""

    def centred(self, vectors: Vectors) -> Vectors:
        """Unit vectors without what all traffic shares, shape as given."""
        return unit(vectors - self.mean)

    def place(self, vectors: Matrix) -> Placed:
        """Where texts lie; a text that is in the sample does not count as its own neighbour.

        Args:
            vectors: unit rows, shape (n, d).
        """
        smoothed = mapped(vectors, self._smoothed)
        similarity = _nth(smoothed, self.rounds[0], _place_of(_SPARSE, len(self.sample)) + 1)
        return Placed(
            vectors=vectors,
            smoothed=smoothed,
            sparsity=self.smooth_scale.position(similarity),
        )

    def _smoothed(self, vectors: Vectors) -> Vectors:
        smoothed = self.centred(vectors)
        for among in self.rounds:
            smoothed = _drawn(smoothed, among, self._neighbours)
        return smoothed

    def is_asked(self, vectors: Vectors) -> npt.NDArray[np.bool_]:
        """Whether production sends anything like each of these (unit rows, shape (n, d)), shape (n,)."""
        return _nth(vectors, self.sample, 1) >= self.limit

    @property
    def _neighbours(self) -> int:
        return round(_NEIGHBOURS * math.sqrt(len(self.sample) / _SAMPLE))


def survey(vectors: Matrix, random_state: int = 0) -> Landscape:
    """What is known of a traffic.

    Args:
        vectors: of the distinct traces, unit rows, shape (n, d), n >= 1.
        random_state: which of them are the sample.
    """
    generator = np.random.default_rng(random_state)
    rows = np.sort(generator.permutation(len(vectors))[:_SAMPLE])
    sample = vectors[rows]
    total = sum((block.sum(axis=0) for _, block in blocks(vectors)), start=np.zeros(vectors.shape[1], np.float32))
    mean = np.asarray(total / (len(vectors) + _MEAN_PRIOR), dtype=np.float32)
    plain = unit(sample - mean)
    neighbours = round(_NEIGHBOURS * math.sqrt(len(rows) / _SAMPLE))
    once = _drawn(plain, plain, neighbours)
    twice = _drawn(once, once, neighbours)
    scale = measure_scale(vectors, random_state)
    return Landscape(
        mean=mean,
        sample=sample,
        rounds=(plain, once),
        scale=scale,
        smooth_scale=_smooth_scale(twice, plain, generator),
        limit=_limit(sample, scale),
    )


def to_arrays(landscape: Landscape, placed: Placed) -> dict[str, npt.NDArray[Any] | Rows]:
    """A landscape and its traffic as arrays by name, to be kept on disk."""
    first, second = landscape.rounds
    return {
        "mean": landscape.mean,
        "sample": landscape.sample,
        "first": first,
        "second": second,
        "scales": np.array([*astuple(landscape.scale), *astuple(landscape.smooth_scale), landscape.limit]),
        "smoothed": placed.smoothed if isinstance(placed.smoothed, Rows) else placed.smoothed[:],
        "sparsity": placed.sparsity,
    }


def from_arrays(vectors: Matrix, arrays: Mapping[str, Any]) -> tuple[Landscape, Placed]:
    """What `to_arrays` took apart; the vectors of the traffic are kept elsewhere."""
    near, far, smooth_near, smooth_far, limit = arrays["scales"].tolist()
    landscape = Landscape(
        mean=arrays["mean"],
        sample=arrays["sample"],
        rounds=(arrays["first"], arrays["second"]),
        scale=Scale(near, far),
        smooth_scale=Scale(smooth_near, smooth_far),
        limit=limit,
    )
    return landscape, Placed(vectors, arrays["smoothed"], arrays["sparsity"])


def _smooth_scale(smoothed: Vectors, plain: Vectors, generator: np.random.Generator) -> Scale:
    near = float(np.median(1.0 - _nth(smoothed, plain, _place_of(_NEAR, len(plain)) + 1)))
    one, other = generator.integers(0, len(plain), (2, 5_000))
    far = float(np.median(1.0 - np.einsum("ij,ij->i", smoothed[one], plain[other])))
    return Scale(max(near, 0.0), max(far, near + _NARROWEST))


def _place_of(neighbour: int, texts: int) -> int:
    """Which neighbour to look at when there are fewer texts than a full sample: it lies as far in density."""
    return max(round(neighbour * min(texts / _SAMPLE, 1.0)), 1)


def _drawn(vectors: Vectors, among: Vectors, neighbours: int) -> Vectors:
    return drawn(vectors, among, min(neighbours, len(among) - 1), _PULL) if neighbours else vectors


def _nth(vectors: Matrix, among: Vectors, place: int) -> Floats:
    """Similarity of each vector to its `place`-th nearest (1 is the nearest), shape (n,)."""
    place = min(place, len(among))
    found = [neighbours_of(block, among, place)[0][:, -1] for _, block in blocks(vectors)]
    return np.concatenate([np.zeros(0, dtype=np.float32), *found])


def _limit(sample: Vectors, scale: Scale) -> float:
    to_next = _nth(sample, sample, 2)  # the first is the text itself
    return min(float(np.quantile(to_next, 1.0 - _LONELY)), 1.0 - scale.between(_HALF_WAY))
