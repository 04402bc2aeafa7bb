"""Cells, clusters, exemplars and names; cluster ids are kept from one run to the next."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from generator.records import Cell, Cluster, Merge, Regrouping, content_id
from generator.traffic.encoders import unit
from generator.traffic.known import Known
from generator.traffic.languages import WORD, function_words
from generator.traffic.regrouping import regroup, rename_again
from generator.traffic.rows import Matrix, blocks, mapped
from generator.traffic.tree import (
    Cells,
    Labels,
    Scale,
    Sharpener,
    automatic_cut,
    cut_into,
    join,
    make_cells,
    measure_scale,
)

_EXEMPLARS = 5
_NAME_TEXTS = 300  # texts of a cluster that its name is made from
_NAME_CHARACTERS = 2_000  # of each of them
_LARGE = 0.25
"""Share of the traffic above which a cluster may well hold more than one need."""


@dataclass(frozen=True, slots=True)
class Clustering:
    """What production sends, in groups."""

    clusters: tuple[Cluster, ...]
    cells: tuple[Cell, ...]
    merges: tuple[Merge, ...]
    cell_of_trace: Mapping[str, int]
    scale: Scale
    """Of the sharpened vectors that the tree is made of."""
    known: Known = field(compare=False)
    """What it takes to find the cells of further texts."""


@dataclass(frozen=True, slots=True)
class Before:
    """The clustering that a new one takes ids and names from."""

    clusters: Sequence[Cluster] = ()
    cluster_of_trace: Mapping[str, str] = field(default_factory=dict)


def cluster(
    ids: Sequence[str],
    texts: Sequence[str],
    counts: Sequence[int],
    vectors: Matrix,
    *,
    pieces: int | None = None,
    before: Before | None = None,
    regroupings: Sequence[Regrouping] = (),
    random_state: int = 0,
) -> Clustering:
    """Group distinct traces.

    Args:
        ids: trace ids, in the order in which they first came.
        texts: their texts, for the names.
        counts: how often production sent each.
        vectors: unit rows, shape (len(ids), d).
        pieces: how many clusters; None cuts where the traffic's own scale says.
        before: an earlier clustering of the same project, for ids and names to be kept.
        regroupings: what people decided about clusters; with it there may be more or fewer than `pieces`.
        random_state: the same number gives the same clusters.
    """
    weights = np.asarray(counts, dtype=np.int64)
    sharpener, encoded = Sharpener.of(vectors, random_state), vectors
    vectors = mapped(encoded, sharpener)
    cells = make_cells(vectors, random_state)
    traffic_of_cell = np.bincount(cells.of_text, weights=weights)
    merges, scale = join(cells, traffic_of_cell), measure_scale(vectors, random_state)
    cluster_of_cell = automatic_cut(merges, scale) if pieces is None else cut_into(merges, pieces)
    cluster_of_cell = regroup(cluster_of_cell, cells, ids, regroupings)
    exemplar_of_cell = _nearest_to_centroid(cells)
    groups = _groups(cells, cluster_of_cell, weights, vectors, exemplar_of_cell)
    names = phrase_names([[texts[row] for row in group.rows] for group in groups])
    total = int(weights.sum())
    clusters = [
        Cluster(
            id="c-" + content_id(ids[group.exemplar_rows[0]])[:8],
            name=name,
            named_by="phrases",
            weight=group.traffic / total,
            traces=group.traffic,
            distinct=len(group.rows),
            exemplar_ids=tuple(ids[row] for row in group.exemplar_rows),
        )
        for group, name in zip(groups, names, strict=True)
    ]
    members = {made.id: [ids[row] for row in group.rows] for made, group in zip(clusters, groups, strict=True)}
    kept = keep_identity(clusters, members, dict(zip(ids, counts, strict=True)), before or Before())
    kept = rename_again(kept, cluster_of_cell, cells, ids, regroupings)
    size_of_cell = np.bincount(cells.of_text)
    return Clustering(
        clusters=tuple(kept),
        cells=tuple(
            Cell(
                id=number,
                cluster_id=kept[int(cluster_of_cell[number])].id,
                weight=float(traffic_of_cell[number]) / total,
                distinct=int(size_of_cell[number]),
                exemplar_id=ids[int(exemplar_of_cell[number])],
            )
            for number in range(len(cells.centroids))
        ),
        merges=merges,
        cell_of_trace={trace: int(cell) for trace, cell in zip(ids, cells.of_text, strict=True)},
        scale=scale,
        known=Known.of(sharpener, cells, encoded, random_state),
    )


def health(clusters: Sequence[Cluster]) -> str | None:
    """What makes figures per cluster doubtful, or None.

    One need may really be most of the traffic, so a large cluster is told and not cut.
    """
    largest = max(clusters, key=lambda each: each.weight, default=None)
    if largest is None or len(clusters) == 1 or largest.weight <= _LARGE:
        return None
    return f"one cluster holds {100 * largest.weight:.0f} % of the traffic: look before you trust figures per cluster"


def _nearest_to_centroid(cells: Cells) -> Labels:
    """Row of the text nearest to each cell's centroid."""
    order = np.lexsort((-cells.similarity, cells.of_text))
    _, first = np.unique(cells.of_text[order], return_index=True)
    return order[first].astype(np.int64)


@dataclass(frozen=True, slots=True)
class _Group:
    rows: npt.NDArray[np.int64]
    """Texts of the cluster, most typical first."""
    traffic: int
    exemplar_rows: tuple[int, ...]


def _groups(
    cells: Cells, cluster_of_cell: Labels, weights: Labels, vectors: Matrix, exemplar_of_cell: Labels
) -> list[_Group]:
    cluster_of_text = cluster_of_cell[cells.of_text]
    rows_by_cluster = np.split(
        np.argsort(cluster_of_text, kind="stable"),
        np.cumsum(np.bincount(cluster_of_text, minlength=int(cluster_of_cell.max()) + 1))[:-1],
    )
    traffic_of_cell = np.bincount(cells.of_text, weights=weights)
    typicality = _to_middle(cluster_of_text, weights, vectors)
    groups = []
    for number, rows in enumerate(rows_by_cluster):
        typical = rows[np.argsort(-typicality[rows], kind="stable")]
        own_cells = np.flatnonzero(cluster_of_cell == number)
        heaviest = own_cells[np.argsort(-traffic_of_cell[own_cells], kind="stable")]
        # The most typical text first, then one of each heavy cell: typical of its parts, not five of a kind.
        exemplars = dict.fromkeys([int(typical[0]), *(int(exemplar_of_cell[cell]) for cell in heaviest)])
        groups.append(_Group(typical, int(weights[rows].sum()), tuple(exemplars)[:_EXEMPLARS]))
    return groups


def _to_middle(cluster_of_text: Labels, weights: Labels, vectors: Matrix) -> npt.NDArray[np.float64]:
    """How like each text is to the mean of its cluster's traffic, shape (texts,)."""
    sums = np.zeros((int(cluster_of_text.max()) + 1, vectors.shape[1]))
    for here, block in blocks(vectors):
        np.add.at(sums, cluster_of_text[here], block * weights[here, np.newaxis])
    middles = unit(sums)
    return np.concatenate(
        [np.einsum("ij,ij->i", block, middles[cluster_of_text[here]]) for here, block in blocks(vectors)]
    )


def keep_identity(
    clusters: Sequence[Cluster], members: Mapping[str, Sequence[str]], counts: Mapping[str, int], before: Before
) -> list[Cluster]:
    """The clusters, with id and name of the earlier cluster they share most traffic with.

    Pairs are matched greedily by shared traffic; a pair is the same cluster when what it shares is at least
    half of the smaller of the two. A name given by a model or a person always stays with its id.
    """
    earlier = {cluster.id: cluster for cluster in before.clusters}
    shared: Counter[tuple[str, str]] = Counter()
    known: Counter[str] = Counter()  # traffic of each new cluster that was there before
    for made in clusters:
        for trace in members[made.id]:
            if (old := before.cluster_of_trace.get(trace)) is not None:
                shared[made.id, old] += counts[trace]
                known[made.id] += counts[trace]
    new_id: dict[str, Cluster] = {}
    for (made_id, old_id), traffic in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        smaller = min(known[made_id], earlier[old_id].traces)
        if made_id not in new_id and earlier[old_id] not in new_id.values() and 2 * traffic >= smaller:
            new_id[made_id] = earlier[old_id]
    taken = {old.id for old in new_id.values()}
    kept = []
    for made in clusters:
        if (same := new_id.get(made.id)) is not None:
            name, named_by = (same.name, same.named_by) if same.named_by != "phrases" else (made.name, "phrases")
            kept.append(replace(made, id=same.id, name=name, named_by=named_by))
        elif made.id in taken:
            # Its own exemplar named another, earlier cluster that lives on.
            kept.append(replace(made, id="c-" + content_id(made.id, *sorted(members[made.id]))[:8]))
        else:
            kept.append(made)
    return kept


def _ignored(texts: Sequence[str]) -> frozenset[str]:
    """English function words and those of the language that most of the words are in ("car" is one in French)."""
    found = Counter(word for text in texts for word in WORD.findall(text[:_NAME_CHARACTERS].casefold()))
    by_language = function_words()
    language = max(by_language, key=lambda each: (sum(found[word] for word in by_language[each]), each == "english"))
    return by_language["english"] | by_language[language]


def _terms(text: str, ignored: frozenset[str]) -> list[str]:
    """Words and pairs of neighbouring words; placeholders, links, handles and function words part them."""
    terms: list[str] = []
    previous: str | None = None
    for word in WORD.findall(text[:_NAME_CHARACTERS].casefold()):
        plain = word.replace("’", "'").removesuffix("'s")
        if not plain[0].isalpha() or "://" in plain or len(plain) < 2 or plain.split("'")[0] in ignored:
            previous = None
            continue
        terms.append(plain)
        if previous is not None:
            terms.append(f"{previous} {plain}")
        previous = plain
    return terms


def phrase_names(clusters: Sequence[Sequence[str]], phrases: int = 2) -> list[str]:
    """A name for each cluster from the phrases that set it apart: class-based TF-IDF (Grootendorst 2022).

    Each term counts once a text, so that one long text cannot name its cluster; pairs of words count a
    little more than single ones, because they read better.
    """
    documents = []
    for texts in (each[:_NAME_TEXTS] for each in clusters):
        ignored = _ignored(texts)
        documents.append(Counter(term for text in texts for term in set(_terms(text, ignored))))
    overall: Counter[str] = Counter()
    for document in documents:
        overall.update(document)
    average = sum(overall.values()) / max(len(documents), 1)
    names = []
    for texts, document in zip(clusters, documents, strict=True):
        score = {
            term: count
            / max(min(len(texts), _NAME_TEXTS), 1)
            * np.log1p(average / overall[term])
            * (1.3 if " " in term else 1.0)
            for term, count in document.items()
        }
        ranked = sorted(score, key=lambda term: (-score[term], term))
        names.append(" · ".join(_apart(ranked, phrases)) or _fallback(texts))
    return _unique(names)


def _apart(ranked: Sequence[str], wanted: int) -> list[str]:
    """The first phrases that share no word; words that begin alike count as one ("atm · atms" says nothing)."""
    picked: list[str] = []
    stems: set[str] = set()
    for term in ranked[:40]:
        own = {word[:4] for word in term.split()}
        if not stems & own and not any(word.startswith(tuple(stems)) for word in term.split() if stems):
            picked.append(term)
            stems |= own
        if len(picked) == wanted:
            break
    return picked


def _fallback(texts: Sequence[str]) -> str:
    """The most typical text itself, for a cluster without any word that could name it."""
    return " ".join(texts[0].split())[:40] if texts else "(empty)"


def _unique(names: Sequence[str]) -> list[str]:
    """Names told apart by a number where two clusters came to the same one."""
    seen: defaultdict[str, int] = defaultdict(int)
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return unique
