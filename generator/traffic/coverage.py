"""How surely a sample tests a trace, and what a set of samples tests of the traffic.

A sample tests a trace when both ask the same need of the system. That is not known at run time, so it is a
probability: a logistic curve over the distance between the two, in units of the traffic's own scale. The
constants come from `tests/evidence/fit_depth.py` (fitted on CLINC150 and BANKING77).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import Cell, Draft, Landing, Neighbour
from generator.traffic.encoders import Vectors
from generator.traffic.tree import Labels, Scale

Floats = npt.NDArray[np.float32]

_EVEN_ODDS = 0.26
"""Distance at which a sample tests a trace as likely as not: share of the way from near to far."""
_SLOPE = 6.2
_SHALLOWEST = 0.05
"""Depth below which a cell is not worth a row in the reach table."""
_WIDEST = 48
"""Cells a draft reaches at most."""
_OFF_TRAFFIC = 0.75
"""A draft whose nearest trace lies this far from near to far is like nothing production sends."""
_BLOCK = 256


@dataclass(frozen=True, slots=True)
class Traffic:
    """The distinct traces as arrays that line up."""

    ids: Sequence[str]
    counts: npt.NDArray[np.int64]
    vectors: Vectors
    cell_of: Labels
    scale: Scale


def depth(similarity: Floats, scale: Scale) -> Floats:
    """Probability that texts at these cosine similarities ask the same need."""
    position = (1.0 - similarity - scale.near) / (scale.far - scale.near)
    return np.asarray(1.0 / (1.0 + np.exp(_SLOPE * (position - _EVEN_ODDS))), dtype=np.float32)


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
    order = np.argsort(traffic.cell_of, kind="stable")
    starts = np.searchsorted(traffic.cell_of[order], np.arange(len(cells)))
    traffic_of_cell = np.add.reduceat(traffic.counts[order], starts)
    for first in range(0, len(drafts), _BLOCK):
        block = vectors[first : first + _BLOCK]
        similarity = block @ traffic.vectors.T
        tested = depth(similarity, traffic.scale) * traffic.counts
        reach = np.add.reduceat(tested[:, order], starts, axis=1) / traffic_of_cell
        alike = block @ vectors.T
        for row in range(len(block)):
            draft = drafts[first + row]
            neighbours = _neighbours(draft, similarity[row], traffic)
            cell = int(traffic.cell_of[int(similarity[row].argmax())])
            landings.append(
                Landing(
                    draft_id=draft.id,
                    cell_id=cell,
                    cluster_id=cells[cell].cluster_id,
                    neighbours=neighbours,
                    alike=_alike(drafts, alike[row], first + row),
                    reach=_reach(reach[row]),
                    off_traffic=_is_off_traffic(neighbours, traffic.scale),
                )
            )
        progress(len(landings), len(drafts))
    return landings


def _neighbours(draft: Draft, similarity: Floats, traffic: Traffic, wanted: int = 3) -> tuple[Neighbour, ...]:
    """The nearest traces; a real trace is no evidence for itself."""
    own = set(draft.source_ids) if draft.kind == "real" else set()
    few = np.argsort(-similarity, kind="stable")[: wanted + len(own)]
    near = [Neighbour(traffic.ids[i], round(float(similarity[i]), 4)) for i in few if traffic.ids[i] not in own]
    return tuple(near[:wanted])


def _is_off_traffic(neighbours: Sequence[Neighbour], scale: Scale) -> bool:
    return bool(neighbours) and 1.0 - neighbours[0].similarity > scale.between(_OFF_TRAFFIC)


def _alike(drafts: Sequence[Draft], similarity: Floats, own: int, wanted: int = 12) -> tuple[tuple[str, float], ...]:
    similarity = similarity.copy()
    similarity[own] = -1.0
    few = np.argsort(-similarity, kind="stable")[:wanted]
    return tuple((drafts[i].id, round(float(similarity[i]), 4)) for i in few if i != own)


def _reach(shares: npt.NDArray[np.float64]) -> tuple[tuple[int, float], ...]:
    deep = np.flatnonzero(shares >= _SHALLOWEST)
    deepest = deep[np.argsort(-shares[deep], kind="stable")][:_WIDEST]
    return tuple((int(cell), round(float(shares[cell]), 4)) for cell in deepest)
