"""What a drafter is told of a cluster: real inputs, neighbours, and what people decided so far."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from generator.drafting.kinds import Kind, plan
from generator.records import REASONS, Cell, Cluster, Merge, Trace, user_text
from generator.store import Store

DRAFTS_PER_CALL = 4
"""More drafts than this are asked for in several calls, so that asking for eight reuses the four of before."""

ShownAs = Literal["gap", "typical", "boundary", "rare"]

_SHOWN: Mapping[ShownAs, int] = {"gap": 0, "typical": 5, "boundary": 3, "rare": 3}
_SHOWN_WITH_GAPS: Mapping[ShownAs, int] = {"gap": 5, "typical": 3, "boundary": 2, "rare": 1}
_NEIGHBOURS = 3
_ACCEPTED_SHOWN = 8
_ELSEWHERE, _ELSEWHERE_TEXT = 200, 200

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Ask:
    """What a round of the drafting loop asks for in one cluster, beyond what was asked before."""

    cluster_id: str
    first_sample: int
    """How many calls the cluster had before."""
    drafts: int
    gaps: tuple[str, ...]
    """Ids of traces, one for each cell that nothing tests yet, the heaviest first."""


@dataclass(frozen=True, slots=True)
class Source:
    """A real input that is shown to the drafter."""

    alias: str
    """"s1", "s2" ...: what the drafter calls it."""
    shown_as: ShownAs
    trace: Trace


@dataclass(frozen=True, slots=True)
class Brief:
    """Everything one call is told."""

    cluster: Cluster
    plan: tuple[Kind, ...]
    sources: tuple[Source, ...]
    neighbours: tuple[Trace, ...]
    """Exemplars of the neighbouring clusters, nearest first."""
    accepted: tuple[str, ...] = ()
    rejections: tuple[tuple[str, int], ...] = ()
    """(reason, how often) of past rejections in this cluster."""
    sample: int = 0
    """Counts the calls of a cluster, over all rounds."""
    elsewhere: str = ""
    """Inputs of the whole project, which tell its language where those of the cluster are too short to."""

    @property
    def system_prompt(self) -> str | None:
        """The application's own system prompt, where the logs have one."""
        prompts = Counter(
            message.content
            for source in self.sources
            for message in source.trace.messages
            if message.role == "system" and message.content.strip()
        )
        return prompts.most_common(1)[0][0] if prompts else None


@dataclass(slots=True)
class _Decided:
    """What curators decided in one cluster."""

    kinds: set[str] = field(default_factory=set)
    accepted: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)


class Survey:
    """One look over a project, from which a brief for every call can be made."""

    def __init__(self, store: Store, only: Sequence[str] | None = None, asks: Sequence[Ask] = ()) -> None:
        """Look over a project.

        Args:
            store: a clustered project.
            only: ids of the clusters to draft for; all by default.
            asks: what a round of the loop asks for; its clusters take the place of `only`.
        """
        self._store = store
        self._asks = {ask.cluster_id: ask for ask in asks}
        wanted = self._asks.keys() if asks else only
        every = store.clusters()
        few = store.few_users()
        self.clusters = [each for each in every if each.id not in few and (wanted is None or each.id in wanted)]
        cells, merges = store.cells(), store.merges()
        self._cells_of: dict[str, list[Cell]] = defaultdict(list)
        for cell in cells:
            self._cells_of[cell.cluster_id].append(cell)
        self._joined_at = _first_heights(merges)
        self._exemplar_of = {cluster.id: cluster.exemplar_ids[:1] for cluster in every}
        self._near = _neighbours(every, cells, merges)
        self._decided = _decided(store)
        self._elsewhere = "\n".join(
            trace.text[:_ELSEWHERE_TEXT]
            for trace in store.traces(trace_id for each in every[:_ELSEWHERE] for trace_id in each.exemplar_ids[:1])
        )

    def briefs(self, per_cluster: int) -> Iterator[Brief]:
        """The briefs of all calls, clusters in order of traffic."""
        for cluster in self.clusters:
            yield from self._briefs_of(cluster, per_cluster)

    def calls(self, per_cluster: int) -> int:
        """How many briefs there are at most."""
        return sum(-(-self._ask(cluster, per_cluster).drafts // DRAFTS_PER_CALL) for cluster in self.clusters)

    def _ask(self, cluster: Cluster, per_cluster: int) -> Ask:
        return self._asks.get(cluster.id, Ask(cluster.id, 0, per_cluster, ()))

    def _briefs_of(self, cluster: Cluster, per_cluster: int) -> Iterator[Brief]:
        decided = self._decided.get(cluster.id, _Decided())
        ask = self._ask(cluster, per_cluster)
        begin = ask.first_sample * DRAFTS_PER_CALL
        kinds = plan(cluster.id, begin + ask.drafts, decided.kinds)
        neighbour_ids = [trace for other in self._near.get(cluster.id, ()) for trace in self._exemplar_of[other]]
        for number, start in enumerate(range(begin, begin + ask.drafts, DRAFTS_PER_CALL)):
            sample = ask.first_sample + number
            sources = self._sources(cluster, sample, _window(ask.gaps, number, _SHOWN_WITH_GAPS["gap"]))
            if not sources:  # nobody can draft from blank inputs
                return
            yield Brief(
                cluster=cluster,
                plan=kinds[start : start + DRAFTS_PER_CALL],
                sources=sources,
                neighbours=tuple(self._store.traces(neighbour_ids)),
                accepted=tuple(decided.accepted[-_ACCEPTED_SHOWN:]),
                rejections=tuple(sorted(decided.reasons.items())),
                sample=sample,
                elsewhere=self._elsewhere,
            )

    def _sources(self, cluster: Cluster, sample: int, gaps: Sequence[str]) -> tuple[Source, ...]:
        shown = _SHOWN_WITH_GAPS if gaps else _SHOWN
        cells = self._cells_of[cluster.id]
        boundary = sorted(cells, key=lambda cell: (-self._joined_at.get(cell.id, 0.0), cell.id))
        rare = sorted(cells, key=lambda cell: (cell.weight, cell.id))
        frequent = [trace.id for trace in self._store.traces_of_cluster(cluster.id, 4 * _SHOWN["typical"])]
        typical = list(dict.fromkeys([*cluster.exemplar_ids, *frequent]))
        picked: dict[str, ShownAs] = dict.fromkeys(gaps, "gap")
        for trace_id in _window(typical, sample, shown["typical"]):
            picked.setdefault(trace_id, "typical")
        for cell in _window(boundary, sample, shown["boundary"]):
            picked.setdefault(cell.exemplar_id, "boundary")
        for cell in _window(rare, sample, shown["rare"]):
            picked.setdefault(cell.exemplar_id, "rare")
        traces = [trace for trace in self._store.traces(picked) if trace.text.strip()]
        return tuple(Source(f"s{number}", picked[trace.id], trace) for number, trace in enumerate(traces, start=1))


def _window(values: Sequence[_T], number: int, size: int) -> list[_T]:
    """The `number`-th run of `size` values, starting over at the end."""
    return [values[(number * size + step) % len(values)] for step in range(min(size, len(values)))]


def _first_heights(merges: Sequence[Merge]) -> dict[int, float]:
    """At which height each node of the tree joins another one: the higher, the more it stands apart."""
    heights: dict[int, float] = {}
    for merge in merges:
        heights.setdefault(merge.left, merge.height)
        heights.setdefault(merge.right, merge.height)
    return heights


def _neighbours(
    clusters: Sequence[Cluster], cells: Sequence[Cell], merges: Sequence[Merge]
) -> Mapping[str, Sequence[str]]:
    """For each cluster the nearest others: those that the tree joins it with first, else the next by traffic."""
    near: dict[str, dict[str, None]] = {cluster.id: {} for cluster in clusters}
    inside: dict[int, set[str]] = {cell.id: {cell.cluster_id} for cell in cells}
    for step, merge in enumerate(merges):
        left, right = inside.pop(merge.left, set()), inside.pop(merge.right, set())
        _introduce(near, left, right)
        _introduce(near, right, left)
        inside[len(cells) + step] = left | right
    order = [cluster.id for cluster in clusters]
    for position, cluster_id in enumerate(order):
        for other in order[position + 1 :] + order[:position]:
            if len(near[cluster_id]) >= _NEIGHBOURS:
                break
            near[cluster_id].setdefault(other)
    return {cluster_id: tuple(others)[:_NEIGHBOURS] for cluster_id, others in near.items()}


def _introduce(near: dict[str, dict[str, None]], some: set[str], others: set[str]) -> None:
    for one in some:
        if len(near[one]) < _NEIGHBOURS:
            near[one].update(dict.fromkeys(sorted(others - {one})))


def _decided(store: Store) -> Mapping[str, _Decided]:
    states = store.states()
    found: dict[str, _Decided] = defaultdict(_Decided)
    for draft in store.drafts(states):
        state = states[draft.id]
        if state.verdict not in {"accepted", "rejected"}:
            continue
        here = found[draft.cluster_id]
        here.kinds.add(draft.kind)
        if state.verdict == "accepted":
            here.accepted.append(user_text(state.edited_messages or draft.messages))
        elif state.reason is not None:
            # By key or by word; never a curator's own text, which has no place among instructions.
            word = REASONS.get(state.reason, state.reason)
            here.reasons[word if word in REASONS.values() else "other"] += 1
    return found
