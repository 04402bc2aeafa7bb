"""Real traces put forward beside the drafts, and the accepted items as an evaluation set.

Two frames that are never mixed: *discovery* (exemplars, variants, edge cases) finds failures, and
*representative* (origin "random") estimates production, because only a random draw stands for others.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from generator.records import Content, Draft, DraftState, Merge, Origin, Sample, Split, Trace, Verdict, content_id
from generator.store import Store
from generator.traffic.tree import cut_into

_HOLDOUT = 0.3
"""Share of the samples that is kept sealed."""
_DECIDED: tuple[Verdict, ...] = ("accepted", "rejected")


@dataclass(frozen=True, slots=True)
class Draw:
    """A trace drawn at random."""

    trace_id: str
    stratum: str
    """The slice of the traffic that it was drawn from, the first if there are more; slices sort by name."""
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
    few = store.few_users()
    drafts = []
    for trace in store.traces(drawn):
        cell = cell_of_trace[trace.id]
        cluster_id = cluster_of_cell[cell] if cell is not None else ""
        if cluster_id in few:
            continue  # it stays in the frame as traffic that is not tested
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
    """The random frame of a project: its traces as they lie along the leaves of the tree, drawn in slices.

    A draw that a person has decided on stays in the frame when logs come in or more draws are wanted.
    """
    place = {cell: number for number, cell in enumerate(leaves(store.merges()))}
    cell_of_trace = {trace_id: cell for trace_id, cell in store.trace_cells() if cell is not None}
    counts = {trace_id: count for trace_id, _, count in store.trace_texts()}
    ranked = sorted(cell_of_trace, key=lambda trace_id: (place[cell_of_trace[trace_id]], trace_id))
    decided = [each for verdict in _DECIDED for each in store.states(verdict=verdict)]
    kept = {each for draft in store.drafts(decided) if draft.origin == "random" for each in draft.source_ids}
    return draw_in_slices([(trace_id, counts[trace_id]) for trace_id in ranked], wanted, random_state, kept)


def draw_in_slices(
    line: Sequence[tuple[str, int]], wanted: int, random_state: int = 0, kept: Collection[str] = ()
) -> list[Draw]:
    """One draw from each of `wanted` slices of equal traffic: like traces lie together, so each need gets its share.

    A trace's chance in a slice is the part of the slice that it fills, so a trace that production sends more than
    once a slice is drawn as often; it stays one draw, with the weight of all its slices. Lots are made from the
    ids (permanent random numbers, Ohlsson 1995): the same logs give the same draw, other logs change it little,
    and twice as many slices keep every draw that none of them parts.

    Args:
        line: trace ids with how often production sent each, like ones next to one another.
        wanted: how many slices; no more are made than there are inputs.
        random_state: another number gives other lots.
        kept: traces drawn before and decided on. One that lost its slice to another lot takes the place of a
            draw nobody has decided on; traces kept in one slice share its weight. That is exact where slices
            were halved, else it takes old and new inputs of one slice to be alike.
    """
    slices = _slices(line, wanted)
    drawn = [{_winner(parts, random_state)} for parts in slices]
    for trace_id in set(kept).difference(*drawn):
        parts = [(each[trace_id], number) for number, each in enumerate(slices) if trace_id in each]
        if parts:
            drawn[max(parts)[1]].add(trace_id)
    weights: defaultdict[str, float] = defaultdict(float)
    strata: dict[str, str] = {}
    for number, traces in enumerate(drawn):
        staying = traces.intersection(kept) or traces
        for trace_id in sorted(staying):
            weights[trace_id] += 1 / len(slices) / len(staying)
            strata.setdefault(trace_id, f"slice-{number:05}")
    return [Draw(trace_id, stratum, weights[trace_id]) for trace_id, stratum in strata.items()]


def _slices(line: Sequence[tuple[str, int]], wanted: int) -> list[dict[str, int]]:
    """The traces of each slice with the part of it that each fills; all parts of a slice come to the same sum."""
    total = sum(count for _, count in line)
    number_of_slices = min(wanted, total)
    slices: list[dict[str, int]] = [{} for _ in range(number_of_slices)]
    start = 0  # in units in which an input is `number_of_slices` long and a slice `total`, so that all are whole
    for trace_id, count in line:
        end = start + count * number_of_slices
        for number in range(start // total, (end - 1) // total + 1):
            slices[number][trace_id] = min(end, (number + 1) * total) - max(start, number * total)
        start = end
    return slices


def _winner(parts: Mapping[str, int], random_state: int) -> str:
    """The trace with the shortest exponential waiting time at a rate of its part of the slice."""
    return min(parts, key=lambda trace_id: (_waiting_time(trace_id, random_state) / parts[trace_id], trace_id))


def _waiting_time(trace_id: str, random_state: int) -> float:
    digest = hashlib.sha256(f"{random_state}:{trace_id}".encode()).digest()
    uniform = (int.from_bytes(digest[:8], "big") + 1) / (2**64 + 1)
    return -math.log(uniform)


def leaves(merges: Sequence[Merge]) -> list[int]:
    """The cells as they lie along the tree, like ones next to one another."""
    cells = len(merges) + 1
    waiting, found = [cells + len(merges) - 1], []
    while waiting:
        node = waiting.pop()
        if node < cells:
            found.append(node)
        else:
            waiting += [merges[node - cells].right, merges[node - cells].left]
    return found


def samples(store: Store) -> list[Sample]:
    """What people accepted, in a stable order; what was planted to test them is none of it."""
    states = _unplanted(store, store.states(verdict="accepted"))
    return _samples_of(store, store.drafts(sorted(states)), states)


def answerable(store: Store) -> list[Sample]:
    """What a model can be asked: the samples, and random draws that nobody has decided on yet, in a stable order.

    A draw stands for production whether or not somebody has looked at it; one that was rejected is left out.
    """
    accepted = _unplanted(store, store.states(verdict="accepted"))
    drawn = set(store.frame_ids())
    states = accepted | store.states(drawn)
    waiting = {each for each in drawn if each not in states or states[each].verdict in {"new", "later"}}
    return _samples_of(store, store.drafts(sorted(waiting | accepted.keys())), states)


def _unplanted(store: Store, states: Mapping[str, DraftState]) -> dict[str, DraftState]:
    planted = store.plants()
    return {each: state for each, state in states.items() if each not in planted}


def _samples_of(store: Store, drafts: Sequence[Draft], states: Mapping[str, DraftState]) -> list[Sample]:
    names = {cluster.id: cluster.name for cluster in store.clusters()}
    found = []
    for draft in drafts:
        landing = store.landing(draft.id)
        cluster_id = landing.cluster_id if landing else draft.cluster_id
        cell_id = landing.cell_id if landing else None
        state = states.get(draft.id, DraftState(draft.id))
        found.append(_sample(draft, state, cluster_id, names.get(cluster_id, ""), cell_id))
    return found


def _sample(draft: Draft, state: DraftState, cluster_id: str, cluster_name: str, cell_id: int | None) -> Sample:
    content = Content.of(draft, state)
    return Sample(
        id=draft.id,
        input=content.messages,
        criteria=content.criteria,
        must_not=content.must_not,
        reference=content.reference,
        origin=draft.origin if state.pinned is None else "exemplar",
        kind=draft.kind if state.pinned is None else "pinned",
        edited=state.edited and state.pinned is None,
        cluster_id=cluster_id,
        cluster_name=cluster_name,
        cell_id=cell_id,
        # A random draw whose input a person changed is no longer what production sent.
        weight=draft.weight if content.messages == draft.messages else 0.0,
        stratum=draft.stratum,
        split=_split(draft.id),
        source_ids=draft.source_ids if state.pinned is None else (state.pinned,),
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
