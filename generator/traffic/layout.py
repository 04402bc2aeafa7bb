"""A picture of the traffic: every cell and every trace gets a place on a square, like ones near one another.

The centroids of the cells are laid out by t-SNE (van der Maaten and Hinton 2008), which keeps neighbours and
nothing else: distances on the picture are only a hint, and no figure is taken from it. The traces of a cell lie
around it, towards those of its neighbours that they are like. A layout begins from the one before, is turned,
scaled and moved onto it (Procrustes), and what had a place nearly keeps it, so that the picture stays the same
when logs come in.

What the terminal app draws is counted beforehand into square tiles, once for every zoom, so that it needs no
numpy and looks at no trace.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import MAP_BINS, MAP_LEVELS, MAP_SIDE, MapTile, Spot
from generator.traffic.encoders import Vectors, unit
from generator.traffic.rows import Matrix, blocks
from generator.traffic.tree import Labels

Points = npt.NDArray[np.float64]
"""Places on the unit square, shape (n, 2): x to the right, y down."""

_PERPLEXITY = 15.0
_ITERATIONS, _FURTHER_ITERATIONS = 500, 250
"""Steps of a first layout, and of one that begins from another."""
_SPREAD = 1.3
"""About how far from its middle t-SNE lays things out, for the square root of their number; so far apart does a
layout begin that follows another."""
_MARGIN = 0.02
"""Share of the square that stays free at each edge."""
_AROUND = 8
"""Cells towards which the traces of a cell may lie."""
_REACH = 0.45
"""How far traces lie from their cell, in distances to the cells next to it (root mean square)."""
_FARTHEST = 1.3
"""How far at most, in the same measure."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything lies."""

    traces: Points
    """In the order in which they came."""
    cells: Points
    """By id."""

    def places(self) -> npt.NDArray[np.uint16]:
        """The traces on the fine grid of `MAP_SIDE` steps, shape (n, 2)."""
        return _on_grid(self.traces)

    def cell_places(self) -> list[Spot]:
        """The cells on the same grid."""
        return [Spot(int(x), int(y)) for x, y in _on_grid(self.cells)]


def lay_out(
    vectors: Matrix,
    counts: npt.NDArray[np.int64],
    cell_of: Labels,
    earlier: npt.NDArray[np.uint16] | None = None,
    random_state: int = 0,
) -> Layout:
    """Lay out a traffic.

    Args:
        vectors: of the distinct traces, unit rows, shape (n, d), n >= 1.
        counts: how often production sent each, shape (n,).
        cell_of: the cell of each, numbered from 0 without a gap, shape (n,).
        earlier: where the first of them lay before, on the grid, shape (at most n, 2).
        random_state: the same number gives the same picture.
    """
    weights = np.bincount(cell_of, counts).astype(np.float64)
    centroids = unit(_sums(vectors, counts.astype(np.float32), cell_of, len(weights)))
    before, known = _earlier_cells(earlier, counts, cell_of, len(weights))
    if known.sum() > 2:
        cells = _neighbours_kept(centroids, _complete(before, known, centroids), random_state, first=False)
        cells = _onto(cells, before, weights * known)
        # The more of the traffic has a place, the more it keeps it.
        stay = float(weights[known].sum() / weights.sum())
        cells[known] += stay * (before[known] - cells[known])
        cells = _fitted(cells)
    else:
        cells = _fitted(_upright(_neighbours_kept(centroids, None, random_state, first=True), weights), fill=True)
    return Layout(_around(vectors, cell_of, centroids, cells), cells)


def extend(
    vectors: Matrix,
    counts: npt.NDArray[np.int64],
    cell_of: Labels,
    earlier: npt.NDArray[np.uint16],
    cells: Sequence[Spot],
) -> Layout:
    """A layout with further traces, in which everything that had a place keeps it.

    Args:
        vectors: as for `lay_out`, also the next two.
        counts: how often production sent each.
        cell_of: the cell of each.
        earlier: where the first of them lie, on the grid.
        cells: where the cells lie, by id.
    """
    weights = np.bincount(cell_of, counts, minlength=len(cells))
    centroids = unit(_sums(vectors, counts.astype(np.float32), cell_of, len(weights)))
    middles = (np.array([(spot.x, spot.y) for spot in cells], dtype=np.float64) + 0.5) / MAP_SIDE
    traces = _around(vectors, cell_of, centroids, middles)
    traces[: len(earlier)] = (earlier + 0.5) / MAP_SIDE
    return Layout(traces, middles)


def _sums(rows: Matrix, weights: npt.NDArray[np.float32], group_of: Labels, groups: int) -> Vectors:
    total = np.zeros((groups, rows.shape[1]), dtype=np.float32)
    for here, block in blocks(rows):
        np.add.at(total, group_of[here], block * weights[here, np.newaxis])
    return total


def _earlier_cells(
    earlier: npt.NDArray[np.uint16] | None, counts: npt.NDArray[np.int64], cell_of: Labels, cells: int
) -> tuple[Points, npt.NDArray[np.bool_]]:
    """Where the traces of each cell lay before, and of which cells that is known."""
    places = np.zeros((cells, 2))
    if earlier is None or not len(earlier):
        return places, np.zeros(cells, dtype=np.bool_)
    few = len(earlier)
    weights = np.bincount(cell_of[:few], counts[:few], minlength=cells)
    known = weights > 0
    for axis in (0, 1):
        total = np.bincount(cell_of[:few], counts[:few] * earlier[:, axis] / MAP_SIDE, minlength=cells)
        places[known, axis] = total[known] / weights[known]
    return places, known


def _complete(places: Points, known: npt.NDArray[np.bool_], centroids: Vectors) -> Points:
    """New cells begin where the cell lies that they are most like."""
    complete = places.copy()
    new = np.flatnonzero(~known)
    old = np.flatnonzero(known)
    complete[new] = places[old[(centroids[new] @ centroids[old].T).argmax(axis=1)]]
    return complete


def _neighbours_kept(centroids: Vectors, begin: Points | None, random_state: int, *, first: bool) -> Points:
    """A layout of the cells in which neighbours stay neighbours, of any size and any turn."""
    if len(centroids) < 5:
        return np.stack([np.arange(len(centroids), dtype=np.float64), np.zeros(len(centroids))], axis=1)
    # Both take long to import, and few commands lay anything out.
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    flat = _principal(centroids)
    start = (
        flat / max(flat[:, 0].std(), 1e-9) * 1e-4 if begin is None else (begin - 0.5) * 2 * _SPREAD * len(begin) ** 0.5
    )
    # Cells that begin in the same place would stay there; the lots are those of `random_state`.
    start = start + np.random.default_rng(random_state).normal(scale=1e-5, size=start.shape)
    layout = TSNE(
        perplexity=min(_PERPLEXITY, (len(centroids) - 1) / 3),
        init=start.astype(np.float32),
        early_exaggeration=12.0 if first else 1.0,
        learning_rate="auto",
        max_iter=_ITERATIONS if first else _FURTHER_ITERATIONS,
        random_state=random_state,
    )
    with threadpool_limits(limits=1):  # sums in another order would give another picture
        return np.asarray(layout.fit_transform(centroids), dtype=np.float64)


def _principal(points: npt.NDArray[np.floating]) -> Points:
    """The two directions in which the points differ most, signs fixed."""
    centred = np.asarray(points - points.mean(axis=0), dtype=np.float64)
    axes = np.linalg.eigh(centred.T @ centred).eigenvectors.T[:-3:-1]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(axis=1)])[:, np.newaxis]
    return np.asarray(centred @ axes.T, dtype=np.float64)


def _upright(points: Points, weights: npt.NDArray[np.float64]) -> Points:
    """The widest direction across, the heavier half to the left and up."""
    turned = _principal(points)
    side = np.sign(np.average(np.sign(turned), axis=0, weights=weights))
    return turned * np.where(side > 0, -1.0, 1.0)


def _onto(points: Points, before: Points, weights: npt.NDArray[np.float64]) -> Points:
    """Points turned, mirrored, scaled and moved so that they come to lie on where they were."""
    share = weights / weights.sum()
    middle, old_middle = share @ points, share @ before
    here, there = points - middle, before - old_middle
    left, stretch, right = np.linalg.svd((here * share[:, np.newaxis]).T @ there)
    size = float(share @ (here**2).sum(axis=1))
    onto = here @ (left @ right) * (stretch.sum() / max(size, 1e-12)) + old_middle
    return np.asarray(onto, dtype=np.float64)


def _fitted(points: Points, *, fill: bool = False) -> Points:
    """Points moved and made smaller where some lie outside of the square; or as large as it allows."""
    low, high = points.min(axis=0), points.max(axis=0)
    if not fill:
        low, high = np.minimum(low, _MARGIN), np.maximum(high, 1 - _MARGIN)
    fitted = _MARGIN + (points - low) / np.maximum(high - low, 1e-9) * (1 - 2 * _MARGIN)
    return np.asarray(fitted, dtype=np.float64)


def _around(vectors: Matrix, cell_of: Labels, centroids: Vectors, cells: Points) -> Points:
    """Each trace near its cell, on the side of the neighbours that it is like."""
    traces = cells[cell_of]
    near = _nearest(cells)
    order = np.argsort(cell_of, kind="stable")
    starts = np.searchsorted(cell_of[order], np.arange(len(cells) + 1))
    for cell, others in enumerate(near):
        rows = order[starts[cell] : starts[cell + 1]]
        if len(rows) < 2 or not len(others):
            continue
        likeness = vectors[rows] @ centroids[others].T
        likeness -= likeness.mean(axis=0)
        towards = cells[others] - cells[cell]
        gap = max(float(np.median(np.linalg.norm(towards[:3], axis=1))), 1e-6)
        traces[rows] += _scaled(likeness @ (towards / gap), gap)
    return np.clip(traces, 0.0, 1.0)


def _nearest(cells: Points) -> list[Labels]:
    """The cells around each one, nearest first."""
    wanted = min(_AROUND, len(cells) - 1)
    found = []
    for place in cells:
        distance = np.linalg.norm(cells - place, axis=1)
        found.append(np.argsort(distance, kind="stable")[1 : wanted + 1])
    return found


def _scaled(offsets: Points, gap: float) -> Points:
    length = np.linalg.norm(offsets, axis=1)
    usual = float(np.sqrt((length**2).mean()))
    if usual < 1e-12:
        return np.zeros_like(offsets)
    wanted = np.minimum(length / usual * _REACH, _FARTHEST) * gap
    return np.asarray(offsets * (wanted / np.maximum(length, 1e-12))[:, np.newaxis], dtype=np.float64)


def _on_grid(points: Points) -> npt.NDArray[np.uint16]:
    return np.asarray(np.clip(points * MAP_SIDE, 0, MAP_SIDE - 1), dtype=np.uint16)


def tiles(places: npt.NDArray[np.uint16], counts: npt.NDArray[np.int64], cell_of: Labels) -> list[MapTile]:
    """The traffic counted into bins, for every zoom.

    Args:
        places: of the traces on the grid, shape (n, 2).
        counts: how often production sent each, shape (n,).
        cell_of: the cell of each, shape (n,).
    """
    return [tile for level in range(MAP_LEVELS) for tile in _tiles_of(level, places, counts, cell_of)]


def _tiles_of(
    level: int, places: npt.NDArray[np.uint16], counts: npt.NDArray[np.int64], cell_of: Labels
) -> list[MapTile]:
    step = MAP_SIDE // (MAP_BINS << level)
    column, row = (places[:, axis].astype(np.int64) // step for axis in (0, 1))
    tile = (row // MAP_BINS << level) + column // MAP_BINS
    within = row % MAP_BINS * MAP_BINS + column % MAP_BINS
    made = []
    for number in np.unique(tile):
        rows = np.flatnonzero(tile == number)
        requests = np.bincount(within[rows], counts[rows], MAP_BINS**2)
        owner = np.zeros(MAP_BINS**2, dtype="<u4")
        owner[within[rows]] = cell_of[rows] + 1  # where several cells share a bin, the last of them stands for it
        packed = np.minimum(requests, np.iinfo(np.uint16).max).astype("<u2")
        made.append(
            MapTile(
                level,
                int(number) >> level,
                int(number) & (1 << level) - 1,
                zlib.compress(packed.tobytes()),
                zlib.compress(owner.tobytes()),
            )
        )
    return made
