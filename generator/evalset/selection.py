"""Real traces put forward beside the drafts, and the accepted items as an evaluation set.

Two frames that are never mixed: *discovery* (exemplars, variants, edge cases) finds failures, and
*representative* (origin "random") estimates production, because only a random draw stands for others.
"""

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from generator.records import Draft, DraftState, Merge, Origin, Sample, Split, Trace, content_id
from generator.store import Store
from generator.traffic.tree import cut_into

_HOLDOUT = 0.3
"""Share of each stratum that is kept sealed."""


@dataclass(frozen=True, slots=True)
class Draw:
    """A trace drawn at random in its stratum."""

    trace_id: str
    stratum: str
    weight: float
    """Share of traffic it stands for."""


def exemplar_drafts(store: Store) -> list[Draft]:
    """The most typical trace of every cluster, as an item to accept or reject."""
    firsts = {cluster.exemplar_ids[0]: cluster.id for cluster in store.clusters() if cluster.exemplar_ids}
    return [
        _real(trace, "exemplar", firsts[trace.id], "the most typical input of its cluster")
        for trace in store.traces(firsts)
    ]


def random_drafts(store: Store, draws: Sequence[Draw]) -> list[Draft]:
    """The random draws, as items to accept or reject."""
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    cell_of_trace = dict(store.trace_cells())
    drawn = {draw.trace_id: draw for draw in draws}
    drafts = []
    for trace in store.traces(drawn):
        cell = cell_of_trace[trace.id]
        cluster_id = cluster_of_cell[cell] if cell is not None else ""
        drafts.append(
            _real(trace, "random", cluster_id, "drawn at random; speaks for production in the score", drawn[trace.id])
        )
    return drafts


def _real(trace: Trace, origin: Origin, cluster_id: str, why: str, draw: Draw | None = None) -> Draft:
    return Draft(
        id=Draft.id_of(origin, trace.messages),
        origin=origin,
        kind="real",
        messages=trace.messages,
        criteria=(f"Does what the user asks: «{_quoted(trace.text)}»",),
        must_not=(),
        why=why,
        cluster_id=cluster_id,
        source_ids=(trace.id,),
        weight=draw.weight if draw else 0.0,
        stratum=draw.stratum if draw else None,
    )


def _quoted(text: str, width: int = 160) -> str:
    folded = " ".join(text.split())
    return folded if len(folded) <= width else folded[: width - 1].rstrip() + "…"


def allocate(merges: Sequence[Merge], cells: Iterable[int], budget: int) -> Mapping[int, int]:
    """Piece of the tree of each of these cells, in as many pieces as the budget has items.

    Only pieces with such a cell count. One item a piece tests more needs than any other choice that we tried
    (`tests/evidence/selection.py`): a piece is a need of its own before a frequent need gets a second item.
    """
    chosen = sorted(set(cells))
    pieces = cut_into(tuple(merges), budget, among=chosen)
    return {cell: int(pieces[cell]) for cell in chosen}


def draw_random(store: Store, wanted: int, random_state: int = 0) -> list[Draw]:
    """The random frame: about `wanted` traces, drawn within strata of the tree in proportion to traffic.

    Every stratum gives at least one. A trace's chance within its stratum grows with how often production
    sent it (Efraimidis and Spirakis 2006), and its lot is made from its id, so that more logs change the
    draw as little as possible and the same logs give the same draw.
    """
    cell_of_trace = {trace_id: cell for trace_id, cell in store.trace_cells() if cell is not None}
    strata = allocate(store.merges(), cell_of_trace.values(), wanted // 2)
    members: dict[int, list[tuple[float, str, int]]] = {}
    counts = {trace_id: count for trace_id, _, count in store.trace_texts()}
    for trace_id, cell in cell_of_trace.items():
        count = counts[trace_id]
        members.setdefault(strata[cell], []).append((_lot(trace_id, count, random_state), trace_id, count))
    total = sum(counts.values())
    draws = []
    for stratum, traces in sorted(members.items()):
        weight = sum(count for _, _, count in traces) / total
        picked = sorted(traces)[: max(round(weight * wanted), 1)]
        name = "s-" + content_id(str(random_state), str(wanted), str(stratum))[:8]
        draws += [Draw(trace_id, name, weight / len(picked)) for _, trace_id, _ in picked]
    return draws


def _lot(trace_id: str, count: int, random_state: int) -> float:
    """An exponential waiting time with rate `count`: the smallest are a weighted draw without replacement."""
    digest = hashlib.sha256(f"{random_state}:{trace_id}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
    return -math.log(uniform) / count


def samples(store: Store) -> list[Sample]:
    """What people accepted, in a stable order."""
    states = store.states(verdict="accepted")
    names = {cluster.id: cluster.name for cluster in store.clusters()}
    accepted = []
    for draft in store.drafts(sorted(states)):
        landing = store.landing(draft.id)
        cluster_id = landing.cluster_id if landing else draft.cluster_id
        cell_id = landing.cell_id if landing else None
        accepted.append(_sample(draft, states[draft.id], cluster_id, names.get(cluster_id, ""), cell_id))
    return accepted


def _sample(draft: Draft, state: DraftState, cluster_id: str, cluster_name: str, cell_id: int | None) -> Sample:
    changed = state.edited_messages is not None and state.edited_messages != draft.messages
    return Sample(
        id=draft.id,
        input=draft.messages if state.edited_messages is None else state.edited_messages,
        criteria=draft.criteria if state.edited_criteria is None else state.edited_criteria,
        must_not=draft.must_not if state.edited_must_not is None else state.edited_must_not,
        reference=draft.reference,
        origin=draft.origin,
        kind=draft.kind,
        edited=state.edited,
        cluster_id=cluster_id,
        cluster_name=cluster_name,
        cell_id=cell_id,
        # A random draw whose input a person changed is no longer what production sent.
        weight=0.0 if changed else draft.weight,
        stratum=draft.stratum,
        split=_split(draft.id),
        source_ids=draft.source_ids,
        model=draft.model,
        prompt_hash=draft.prompt_hash,
        curator=state.actor or "",
        decided_at=state.at or "",
    )


def _split(sample_id: str) -> Split:
    """Dev or holdout by hash: an item never changes sides when others come or go."""
    return "holdout" if int(content_id("split", sample_id)[:8], 16) / 2**32 < _HOLDOUT else "dev"


def balanced(store: Store, chosen: Sequence[Sample], size: int) -> list[Sample]:
    """A balanced set of `size`: one sample of each piece of the tree, so that many different needs are tested.

    In each piece, and when every piece has its sample, the one that adds most to what is tested of the traffic
    comes first; where nothing is left to gain, the one that tests its own best cell most deeply.
    """
    cell_of = {sample.id: sample.cell_id for sample in chosen if sample.cell_id is not None}
    pieces = allocate(store.merges(), cell_of.values(), size)
    weight = {cell.id: cell.weight for cell in store.cells()}
    reach = {row.draft_id: row.reach for row in store.queue_rows()}
    depth: dict[int, float] = {}
    left = {sample.id: sample for sample in chosen}
    picked: list[Sample] = []
    open_pieces = set(pieces.values())

    def piece(sample_id: str) -> int | None:
        return pieces[cell_of[sample_id]] if sample_id in cell_of else None

    def gain(sample_id: str) -> tuple[bool, float, float, str]:
        cells = reach.get(sample_id, ())
        added = sum(weight[cell] * max(0.0, deep - depth.get(cell, 0.0)) for cell, deep in cells)
        return piece(sample_id) in open_pieces, added, max((deep for _, deep in cells), default=0.0), sample_id

    while left and len(picked) < size:
        best = max(left, key=gain)
        for cell, deep in reach.get(best, ()):
            depth[cell] = max(deep, depth.get(cell, 0.0))
        picked.append(left.pop(best))
        open_pieces -= {piece(best)}
    return sorted(picked, key=lambda sample: sample.id)
