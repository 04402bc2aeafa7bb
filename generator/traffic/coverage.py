"""How surely an item tests a trace, and where drafts lie among the traffic.

An item tests a trace when both ask the same need of the system. That is not known at run time, so it is a
probability: a logistic curve over what can be seen of a trace and the item nearest to it. Its constants lie in
`coverage.toml`; `tests/evidence/fit_coverage.py` fits them, `tests/evidence/gaps.py` says how good they are on
needs and traffic they were not fitted on.
"""

import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

from generator.records import NEAR_COPY, Cell, Draft, Landing, Neighbour
from generator.traffic.encoders import Vectors
from generator.traffic.landscape import Floats, Landscape, Placed, survey
from generator.traffic.rows import Matrix, blocks
from generator.traffic.tree import Labels

COVERED = 0.6
"""Probability from which something counts as tested. Above even odds: a gap that is missed costs more than a look at
one that is none (F1 of untested traces is best between .6 and .65 on CLINC150 and on BANKING77)."""

_CROWD_WIDTH = 0.1
"""Items count as about as near as the nearest within this share of the way from near to far."""
_LARGEST_CROWD = 2.0
"""E-folds of items beyond which more of them say nothing: a need that many items test is tested."""
_SHALLOWEST = 0.05
"""Depth below which a cell is not worth a row in the reach table."""
_WIDEST = 48
"""Cells a draft reaches at most."""
_BLOCK = 1_000
_DRAFTS = 128
"""Drafts that are placed at a time."""
_WANTED = 3
"""Traces near a draft that are kept as evidence."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """The distinct traces as arrays that line up."""

    ids: Sequence[str]
    counts: npt.NDArray[np.int64]
    cell_of: Labels
    placed: Placed
    landscape: Landscape

    @classmethod
    def of(
        cls,
        ids: Sequence[str],
        counts: npt.NDArray[np.int64],
        vectors: Matrix,
        cell_of: Labels,
        random_state: int = 0,
    ) -> "Traffic":
        """The traffic of these vectors (unit rows, shape (n, d)), with its landscape."""
        landscape = survey(vectors, random_state)
        return cls(ids, counts, cell_of, landscape.place(vectors), landscape)

    @property
    def vectors(self) -> Matrix:
        """As encoded, unit rows, shape (n, d)."""
        return self.placed.vectors

    def part(self, rows: Labels, counts: npt.NDArray[np.int64]) -> "Traffic":
        """Some of the traces, with other counts."""
        ids = [self.ids[row] for row in rows]
        return Traffic(ids, counts, self.cell_of[rows], self.placed.take(rows), self.landscape)


@dataclass(frozen=True, slots=True)
class Curve:
    """The constants of the logistic curve, in log odds."""

    intercept: float
    position: float
    """Per way from near to far that lies between the smoothed trace and the item."""
    own_words: float
    """The same from the trace as it was worded to the item nearest to that."""
    sparsity: float
    """Per way from near to far that lies around the trace: far is less telling where everything is."""
    crowd: float
    """Per e-fold of items that are about as near: of many items, one is near by chance."""
    usual_crowd: float
    """How large the crowd was on average, for items that are looked at one by one."""

    def probability(self, evidence: Floats) -> Floats:
        """Probability of the same need.

        Args:
            evidence: position, own words, sparsity and crowd along the last axis, shape (..., 4).
        """
        weights = np.array([self.position, self.own_words, self.sparsity, self.crowd], dtype=np.float32)
        return np.asarray(1.0 / (1.0 + np.exp(-(evidence @ weights + self.intercept))), dtype=np.float32)


@cache
def fitted() -> Curve:
    """The curve that is shipped."""
    text = resources.files("generator.traffic").joinpath("coverage.toml").read_text(encoding="utf-8")
    return Curve(**tomllib.loads(text)["curve"])


@dataclass(frozen=True, slots=True)
class Evidence:
    """What can be seen of texts and the items nearest to them; arrays over the texts."""

    nearest: Labels
    """Row of the item that comes nearest to the smoothed text."""
    similarity: Floats
    """Of that item to the text as it was worded."""
    table: Floats
    """What `Curve.probability` takes, shape (n, 4)."""


def look(placed: Placed, items: Vectors, landscape: Landscape) -> Evidence:
    """What can be seen of texts and items.

    Args:
        placed: the texts.
        items: unit vectors as encoded, shape (items, d), at least one.
        landscape: of the traffic among which the texts were placed.
    """
    centred = landscape.centred(items)
    # An item that stands there twice is one item: copies must not crowd one another.
    shares = 1.0 / np.concatenate([(block @ items.T >= NEAR_COPY).sum(axis=1) for _, block in blocks(items, _BLOCK)])
    count = len(placed.vectors)
    nearest = np.empty(count, np.int64)
    best, worded, crowd, similarity = (np.empty(count, np.float32) for _ in range(4))
    width = _CROWD_WIDTH * (landscape.smooth_scale.far - landscape.smooth_scale.near)
    for here, vectors in blocks(placed.vectors, _BLOCK):
        alike = placed.smoothed[here] @ centred.T
        nearest[here], best[here] = alike.argmax(axis=1), alike.max(axis=1)
        worded[here] = (vectors @ items.T).max(axis=1)
        crowd[here] = np.log(np.exp((alike - best[here, np.newaxis]) / width) @ shares)
        similarity[here] = np.einsum("ij,ij->i", vectors, items[nearest[here]])
    crowd = np.minimum(crowd, _LARGEST_CROWD)
    positions = landscape.smooth_scale.position(best), landscape.scale.position(worded)
    return Evidence(nearest, similarity, np.stack([*positions, placed.sparsity, crowd], axis=1))


@dataclass(frozen=True, slots=True)
class Tested:
    """What a set of items tests, text by text; arrays over the texts."""

    covered: Floats
    """Probability that some item asks the text's own need."""
    nearest: Labels
    """Row of the item that comes nearest; -1 without items."""
    similarity: Floats
    """Of that item; -1 without items."""


def test_against(placed: Placed, items: Vectors, landscape: Landscape) -> Tested:
    """Which item comes nearest to each text, and how surely it asks the same.

    Args:
        placed: the texts, among the traffic.
        items: unit vectors as encoded, shape (items, d); may be empty.
        landscape: of that traffic.
    """
    if not len(items):
        count = len(placed.vectors)
        return Tested(np.zeros(count, np.float32), np.full(count, -1), np.full(count, -1.0, np.float32))
    seen = look(placed, items, landscape)
    return Tested(fitted().probability(seen.table), seen.nearest, seen.similarity)


def land(
    drafts: Sequence[Draft],
    vectors: Vectors,
    traffic: Traffic,
    cells: Sequence[Cell],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[Landing]:
    """Where each draft lies: its cell, what it reaches, the nearest traces and the drafts alike.

    Args:
        drafts: what to place.
        vectors: their unit vectors, shape (len(drafts), d).
        traffic: the distinct traces.
        cells: all cells; cell ids number them from 0.
        progress: called with (done, total) drafts.
    """
    landings: list[Landing] = []
    traffic_of_cell = np.bincount(traffic.cell_of, weights=traffic.counts, minlength=len(cells))
    for first in range(0, len(drafts), _DRAFTS):
        block = vectors[first : first + _DRAFTS]
        some = drafts[first : first + _DRAFTS]
        near = [_Nearest(_WANTED + _own(draft)) for draft in some]
        tested = np.zeros((len(block), len(cells)))
        for here, traces in blocks(traffic.vectors):
            similarity = block @ traces.T
            tested += _by_cell(
                _alone(block, similarity, traffic, here) * traffic.counts[here], traffic.cell_of[here], tested
            )
            for row, nearest in enumerate(near):
                nearest.look(similarity[row], here.start)
        reach = tested / traffic_of_cell
        alike = block @ vectors.T
        for row, (draft, nearest) in enumerate(zip(some, near, strict=True)):
            neighbours = nearest.neighbours(draft, traffic)
            cell = int(traffic.cell_of[nearest.rows[0]])
            landings.append(
                Landing(
                    draft_id=draft.id,
                    cell_id=cell,
                    cluster_id=cells[cell].cluster_id,
                    neighbours=neighbours,
                    alike=_alike(drafts, alike[row], first + row),
                    reach=_reach(reach[row]),
                    off_traffic=bool(neighbours) and neighbours[0].similarity < traffic.landscape.limit,
                )
            )
        progress(len(landings), len(drafts))
    return landings


def _alone(items: Vectors, similarity: Floats, traffic: Traffic, here: slice) -> Floats:
    """Probability that each item, looked at by itself, tests each of some traces, shape (items, traces)."""
    landscape = traffic.landscape
    position = landscape.smooth_scale.position(landscape.centred(items) @ traffic.placed.smoothed[here].T)
    columns = (position, landscape.scale.position(similarity), traffic.placed.sparsity[here], fitted().usual_crowd)
    return fitted().probability(np.stack(np.broadcast_arrays(*columns), axis=-1))


def _by_cell(values: Floats, cell_of: Labels, sums: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Sums over the traces of each cell, shaped as `sums`; the values have shape (items, traces)."""
    from scipy.sparse import csr_array

    traces = len(cell_of)
    member = csr_array((np.ones(traces), (np.arange(traces), cell_of)), shape=(traces, sums.shape[1]))
    return np.asarray((member.T @ values.T).T, dtype=np.float64)


class _Nearest:
    """The traces most like one item, the first of them first; looks at some traces at a time."""

    def __init__(self, wanted: int) -> None:
        self._wanted = wanted
        self.rows: Labels = np.zeros(0, dtype=np.int64)
        self._similarity = np.zeros(0, dtype=np.float32)

    def look(self, similarity: Floats, start: int) -> None:
        """Look at further traces, which begin at row `start`."""
        few = min(self._wanted, len(similarity))
        best = np.sort(np.argpartition(-similarity, few - 1)[:few])
        rows = np.concatenate([self.rows, best + start])
        similarities = np.concatenate([self._similarity, similarity[best]])
        order = np.argsort(-similarities, kind="stable")[: self._wanted]
        self.rows, self._similarity = rows[order], similarities[order]

    def neighbours(self, draft: Draft, traffic: Traffic) -> tuple[Neighbour, ...]:
        """The nearest of them; a real trace is no evidence for itself."""
        own = set(draft.source_ids) if draft.kind == "real" else set()
        pairs = zip(self.rows.tolist(), self._similarity.tolist(), strict=True)
        near = [Neighbour(traffic.ids[row], round(alike, 4)) for row, alike in pairs if traffic.ids[row] not in own]
        return tuple(near[:_WANTED])


def _own(draft: Draft) -> int:
    """How many traces are the draft itself."""
    return len(set(draft.source_ids)) if draft.kind == "real" else 0


def _alike(drafts: Sequence[Draft], similarity: Floats, own: int, wanted: int = 12) -> tuple[tuple[str, float], ...]:
    similarity = similarity.copy()
    similarity[own] = -1.0
    few = np.argsort(-similarity, kind="stable")[:wanted]
    return tuple((drafts[i].id, round(float(similarity[i]), 4)) for i in few if i != own)


def _reach(shares: npt.NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    deep = np.flatnonzero(shares >= _SHALLOWEST)
    deepest = deep[np.argsort(-shares[deep], kind="stable")][:_WIDEST]
    return tuple((int(cell), round(float(shares[cell]), 4)) for cell in deepest)
