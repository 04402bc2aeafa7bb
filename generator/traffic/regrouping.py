"""Clusters as people shape them: split, joined, renamed, and all of it again after every new clustering.

A decision names inputs, not clusters or cells, because only inputs stay the same: the exemplars of the cells
that it touched. A join holds that its sides belong together, a split that its parts are apart, a rename what
its inputs are called. They are applied in the order in which they were made, on top of any cut of the tree.
"""

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.errors import StageError
from generator.records import Cell, Cluster, Merge, Regrouping, content_id
from generator.traffic.tree import Cells, Labels

_LEAST = 0.05
"""Share of a cluster that a part holds at least, where the tree has such parts: one odd input is no part."""
_FRINGE = 0.1
"""Share of a joined side that may lie in another cluster without being brought back."""
_EXEMPLARS = 5
_LONGEST_NAME = 80

Texts = npt.NDArray[np.float64]
"""Numbers of distinct texts."""


def find(clusters: Sequence[Cluster], wanted: str) -> Cluster:
    """The cluster of this id or name, or of one that begins so.

    Raises:
        StageError: it fits none or several.
    """
    said = wanted.casefold().strip()
    exact = [each for each in clusters if said in {each.id, each.name.casefold()}]
    begun = [each for each in clusters if said and _begins(each, said)]
    matches = exact or begun
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise StageError(f"{wanted} fits {len(matches)} clusters, {_both(matches)} among them; give more of it.")
    names = {each.name.casefold(): each for each in clusters} | {each.id: each for each in clusters}
    near = [names[each] for each in difflib.get_close_matches(said, names, n=2, cutoff=0.5)]
    hint = f"did you mean {_both(near)}?" if near else "their ids and names are in: groundset clusters PROJECT"
    raise StageError(f"No cluster is called {wanted}; {hint}")


def _begins(cluster: Cluster, said: str) -> bool:
    return cluster.id.startswith((said, f"c-{said}")) or cluster.name.casefold().startswith(said)


def _both(clusters: Sequence[Cluster]) -> str:
    return " and ".join(f"{each.id} ({each.name})" for each in clusters[:2])


def stand_for(cells: Iterable[Cell]) -> dict[str, int]:
    """Exemplars of cells with how many distinct traces each stands for: how a decision names inputs."""
    return {cell.exemplar_id: cell.distinct for cell in cells}


def parts_of(cluster: Cluster, cells: Sequence[Cell], merges: Sequence[Merge], into: int) -> list[list[Cell]]:
    """A cluster's cells in so many parts along the tree, the heaviest part first.

    The highest joints often hold one odd cell only, so the tree is cut down to where enough parts are a
    twentieth of the cluster (the idea of a condensed tree, Campello et al. 2013); what lies apart from all of
    them stays with the heaviest. Where there are no such parts, the highest joints are cut as they are.

    Args:
        cluster: what to split.
        cells: all cells; cell ids number them from 0.
        merges: the tree over them.
        into: how many parts, at least 2.

    Raises:
        StageError: the cluster has fewer cells than that.
    """
    own = {cell.id: cell for cell in cells if cell.cluster_id == cluster.id}
    if len(own) < into:
        raise StageError(
            f"{cluster.id} ({cluster.name}) cannot be split into {into}: it has {len(own)} "
            f"{'cell' if len(own) == 1 else 'cells'}, and a cell is the finest group there is."
        )
    weight = {cell_id: cell.weight for cell_id, cell in own.items()}
    halves: dict[int, tuple[int, int]] = {}
    above: dict[int, int] = {}  # a node that holds cells of others on one side stands for its other side
    for node, merge in enumerate(merges, start=len(cells)):
        left, right = above.get(merge.left, merge.left), above.get(merge.right, merge.right)
        if left in weight and right in weight:
            halves[node] = left, right
            weight[node] = weight[left] + weight[right]
        elif left in weight or right in weight:
            above[node] = left if left in weight else right
    tops = set(weight) - {half for both in halves.values() for half in both}
    least = _LEAST * sum(cell.weight for cell in own.values())
    tops = _cut(tops, halves, lambda pieces: sum(weight[each] >= least for each in pieces) >= into) or _cut(
        tops, halves, lambda pieces: len(pieces) >= into
    )
    ordered = sorted(tops, key=lambda node: (-weight[node], node))
    parts = [[own[cell] for cell in _leaves(node, halves)] for node in ordered]
    return [sum(parts[into:], parts[0]), *parts[1:into]]


def _cut(tops: set[int], halves: Mapping[int, tuple[int, int]], enough: Callable[[set[int]], bool]) -> set[int]:
    """The pieces when the highest joints are undone until there are enough; none where there never are."""
    pieces = set(tops)
    for node in sorted(halves, reverse=True):
        if enough(pieces):
            break
        pieces = pieces - {node} | set(halves[node])
    return pieces if enough(pieces) else set()


def _leaves(node: int, halves: Mapping[int, tuple[int, int]]) -> list[int]:
    open_nodes, leaves = [node], []
    while open_nodes:
        node = open_nodes.pop()
        if node in halves:
            open_nodes.extend(halves[node])
        else:
            leaves.append(node)
    return sorted(leaves)


def split(
    cluster: Cluster, parts: Sequence[Sequence[Cell]], names: Sequence[str], taken: Iterable[str]
) -> list[Cluster]:
    """A cluster for each part; the first keeps the id, and the name where a person or a model gave it.

    Args:
        cluster: what is split.
        parts: its cells, as `parts_of` gives them.
        names: a name for each part.
        taken: the ids of all clusters.
    """
    known = set(taken)
    made: list[Cluster] = []
    for part, name in zip(parts, names, strict=True):
        cells = sorted(part, key=lambda cell: (-cell.weight, cell.id))
        exemplars = tuple(cell.exemplar_id for cell in cells)
        share = sum(cell.weight for cell in cells)
        made.append(
            Cluster(
                id=cluster.id if not made else _free_id(exemplars, known),
                name=cluster.name if not made and cluster.named_by != "phrases" else name,
                named_by=cluster.named_by if not made else "phrases",
                weight=share,
                traces=round(cluster.traces * share / cluster.weight),
                distinct=sum(cell.distinct for cell in cells),
                exemplar_ids=exemplars[:_EXEMPLARS],
            )
        )
        known.add(made[-1].id)
    return made


def _free_id(exemplars: Sequence[str], taken: set[str]) -> str:
    own = "c-" + content_id(exemplars[0])[:8]
    return own if own not in taken else "c-" + content_id(own, *sorted(exemplars))[:8]


def joined(clusters: Sequence[Cluster]) -> Cluster:
    """One cluster of several, with id and name of the largest, and typical inputs of each in turn."""
    ordered = sorted(clusters, key=lambda each: (-each.weight, each.id))
    longest = max(len(each.exemplar_ids) for each in ordered)
    turns = [each.exemplar_ids[turn] for turn in range(longest) for each in ordered if turn < len(each.exemplar_ids)]
    return replace(
        ordered[0],
        weight=sum(each.weight for each in ordered),
        traces=sum(each.traces for each in ordered),
        distinct=sum(each.distinct for each in ordered),
        exemplar_ids=tuple(turns[:_EXEMPLARS]),
    )


def renamed(cluster: Cluster, name: str, others: Iterable[Cluster]) -> Cluster:
    """The cluster with the name that a person gives it.

    Raises:
        StageError: the name is empty, too long, or another cluster's.
    """
    plain = " ".join(name.split())
    if not plain or len(plain) > _LONGEST_NAME:
        raise StageError(f"A cluster's name has 1 to {_LONGEST_NAME} characters; this one has {len(plain)}.")
    for other in others:
        if other.id != cluster.id and other.name.casefold() == plain.casefold():
            raise StageError(
                f"{other.id} is called {plain} already; give another name, or make one of them: groundset join"
            )
    return replace(cluster, name=plain, named_by="person")


def regroup(labels: Labels, cells: Cells, ids: Sequence[str], regroupings: Sequence[Regrouping]) -> Labels:
    """Splits and joins, applied again to a new cut of the tree.

    Args:
        labels: cluster of each cell, numbered from 0.
        cells: the cells, which may be others than those that people saw.
        ids: trace ids, in the order in which they first came.
        regroupings: what people decided, in order.

    Returns:
        The cluster of each cell, numbered from 0 without gaps.
    """
    labels = labels.copy()
    row_of = {trace: row for row, trace in enumerate(ids)}
    for decision in regroupings:
        known = _known(decision, cells, row_of)
        if decision.verb == "split":
            _set_apart(labels, cells, known)
        elif decision.verb == "join":
            _put_together(labels, cells, known, _old(decision, cells))
    return np.asarray(np.unique(labels, return_inverse=True)[1], dtype=np.int64)


def _known(decision: Regrouping, cells: Cells, row_of: Mapping[str, int]) -> Texts:
    """How many texts of each part lie in each cell, shape (parts, cells)."""
    known = np.zeros((len(decision.parts), len(cells.centroids)))
    for number, part in enumerate(decision.parts):
        for trace, texts in part.items():
            if trace in row_of:
                known[number, cells.of_text[row_of[trace]]] += texts
    return known


def _old(decision: Regrouping, cells: Cells) -> Texts:
    """How many of each cell's texts the person could have known, shape (cells,)."""
    return np.bincount(cells.of_text[: decision.distinct], minlength=len(cells.centroids)).astype(np.float64)


def _put_together(labels: Labels, cells: Cells, known: Texts, old: Texts) -> None:
    """Bring the joined sides together where most of them lies.

    A cluster that was mostly of the joined sides comes over as a whole, with what has come in since. Of one
    that is mostly something else and holds some of a side, only that comes over. The fringe of a side, where
    it lies elsewhere by now, moves nothing.
    """
    inside = known.sum(axis=0)
    in_cluster = np.bincount(labels, inside)
    if not in_cluster.any():
        return
    home = int(in_cluster.argmax())
    for cluster in np.flatnonzero(in_cluster).tolist():
        members = np.flatnonzero(labels == cluster)
        if cluster == home:
            continue
        if 2 * in_cluster[cluster] >= old[members].sum():
            labels[members] = home
        elif (known[:, members].sum(axis=1) > _FRINGE * known.sum(axis=1)).any():
            moves = _spread(2 * inside >= old, members, (inside + old)[members] > 0, cells)
            labels[members[moves]] = home


def _set_apart(labels: Labels, cells: Cells, known: Texts) -> None:
    """Divide every cluster that holds inputs of several parts.

    Each of its cells goes to the part that most of its known inputs were in, or to that of the nearest cell
    with such inputs. The part with most keeps the cluster; another goes where most of it lies, or becomes a
    cluster of its own.
    """
    parts, cuts = len(known), int(labels.max()) + 1
    in_cluster = np.array([np.bincount(labels, row, minlength=cuts) for row in known])
    keeper, home = in_cluster.argmax(axis=0), in_cluster.argmax(axis=1)
    # Where a part's largest piece lies in a cluster that another part keeps, it becomes a cluster of its own.
    new = np.arange(cuts, cuts + parts)
    target = np.where(keeper[home] == np.arange(parts), home, new)
    for cluster in np.flatnonzero((in_cluster > 0).sum(axis=0) > 1).tolist():
        members = np.flatnonzero(labels == cluster)
        part_of = _spread(known.argmax(axis=0), members, known[:, members].sum(axis=0) > 0, cells)
        moves = part_of != keeper[cluster]
        labels[members[moves]] = target[part_of[moves]]


def _spread(value: npt.NDArray[Any], members: Labels, known: npt.NDArray[np.bool_], cells: Cells) -> npt.NDArray[Any]:
    """The value of each of these cells, or that of the nearest one among them where it is not known."""
    sure = members[known]
    nearest = (cells.centroids[members] @ cells.centroids[sure].T).argmax(axis=1)
    return np.where(known, value[members], value[sure[nearest]])


def rename_again(
    clusters: Sequence[Cluster], labels: Labels, cells: Cells, ids: Sequence[str], regroupings: Sequence[Regrouping]
) -> list[Cluster]:
    """The clusters with the names that people gave, where these did not come along with the id.

    A name comes back to the cluster that holds most of what was called so, and that was mostly called so.

    Args:
        clusters: in the order of their labels.
        labels: cluster of each cell.
        cells: the cells.
        ids: trace ids, in the order in which they first came.
        regroupings: what people decided, in order.
    """
    named = list(clusters)
    row_of = {trace: row for row, trace in enumerate(ids)}
    for decision in reversed(regroupings):
        if decision.verb != "rename" or decision.name in {each.name for each in named}:
            continue
        inside = np.bincount(labels, _known(decision, cells, row_of)[0])
        old = np.bincount(labels, _old(decision, cells))
        number = int(inside.argmax())
        mostly = 2 * inside[number] > inside.sum() and 2 * inside[number] >= old[number]
        if mostly and named[number].named_by != "person":
            named[number] = replace(named[number], name=decision.name or "", named_by="person")
    return named
