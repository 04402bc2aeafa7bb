"""`groundset report`: what a project knows, gathered for one page."""

import os
import tempfile
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from generator import assessment
from generator.answers import cluster_rows, cost_rows, evidence_lines, example_lines, kind_rows, verdict_lines, worth
from generator.assessment import GapsAnswer, MirageAnswer
from generator.config import Config
from generator.decision import decide
from generator.errors import ExportError
from generator.evalset import report as page
from generator.evalset.report import (
    BenchmarkRow,
    ClusterRow,
    DecisionSection,
    Dot,
    DrafterRow,
    GapRow,
    Mirage,
    OriginRow,
    Report,
)
from generator.evalset.selection import samples
from generator.pipeline import Narrator
from generator.records import MAP_SIDE, MarkName, Origin, Sample
from generator.store import Store
from generator.traffic.gaps import ClusterGap

_GAPS = 10
_EXAMPLES = 3
_OWN_SIZES = (10, 80, 640)
"""Numbers of own traces that stand beside the benchmarks."""
_HELD_AGAINST: Mapping[MarkName, str] = {
    "elsewhere": "landed in another cluster",
    "off_traffic": "like nothing in production",
    "near_copy": "nearly a copy",
    "private_data": "held private data",
    "other_language": "in another language",
    "length": "of another length",
    "unsupported": "named what no source has",
    "injection": "seemed to follow orders in the logs",
    "echo": "repeated our prompt",
}
_ORIGINS: tuple[Origin, ...] = ("random", "exemplar", "variant", "edge")


def write_report(
    store: Store,
    config: Config,
    narrator: Narrator,
    out: Path,
    benchmarks: Sequence[tuple[str, str]] = (),
    between: tuple[str, str] | None = None,
) -> Report:
    """Write the report of a project as one HTML page.

    Two candidates are set side by side: those of `between`, or the only two that have answered.

    Raises:
        StageError: there are no clusters.
        LogError: a benchmark cannot be read.
        ExportError: the page cannot be written.
    """
    report = make_report(store, config, narrator, benchmarks, between)
    try:
        _put(out, page.render(report))
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror or error}.") from error
    return report


def _put(out: Path, data: bytes) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(out)
    finally:
        Path(name).unlink(missing_ok=True)


def make_report(
    store: Store,
    config: Config,
    narrator: Narrator,
    benchmarks: Sequence[tuple[str, str]] = (),
    between: tuple[str, str] | None = None,
) -> Report:
    """All that the page says."""
    found = assessment.gaps(store, config, narrator, (), fail_over=0.0)
    mirage = assessment.mirage(store, config, narrator, benchmarks, world=found.world) if benchmarks else None
    chosen = samples(store)
    gap_of = {gap.cluster_id: gap for gap in found.gaps.clusters}
    clusters = _cluster_rows(store, chosen, gap_of)
    decisions = store.decisions()
    return Report(
        title=store.path.stem,
        counts=store.counts(),
        coverage=found.gaps.coverage,
        unseen=found.gaps.unseen_mass,
        clusters=clusters,
        gaps=_gap_rows(found, {row.id: number for number, row in enumerate(clusters, 1)}),
        gap_share=found.gaps.gap_share,
        off_traffic=tuple(found.items[row].text for row in found.gaps.off_traffic),
        near_copies=tuple((found.items[one].text, found.items[other].text) for one, other, _ in found.gaps.near_copies),
        dots=_dots(store, chosen, found, {row.id: number for number, row in enumerate(clusters)}),
        decision=_decision(store, config, narrator, between),
        mirage=_mirage(mirage) if mirage is not None else None,
        drafters=_drafters(store),
        spending=store.spending_by(),
        marks=Counter(_HELD_AGAINST[mark.name] for marks in store.marks().values() for mark in marks),
        origins=_origins(chosen),
        sources=tuple(replace(each, name=Path(each.name).name) for each in store.sources()),
        redactions=store.redactions(),
        encoder=store.meta("encoder") or "",
        note=store.meta("language_note") or None,
        curators=Counter(each.actor for each in decisions),
        last_decision=decisions[-1].at if decisions else None,
    )


def _cluster_rows(store: Store, chosen: Sequence[Sample], gap_of: Mapping[str, ClusterGap]) -> tuple[ClusterRow, ...]:
    found = store.clusters()
    typical = {
        trace.id: trace.text for trace in store.traces(each.exemplar_ids[0] for each in found if each.exemplar_ids)
    }
    in_cluster = Counter(sample.cluster_id for sample in chosen)
    return tuple(
        ClusterRow(
            id=each.id,
            name=each.name,
            share=each.weight,
            inputs=each.traces,
            tested=1.0 - gap_of[each.id].uncovered / gap_of[each.id].share,
            samples=in_cluster[each.id],
            typical=typical[each.exemplar_ids[0]] if each.exemplar_ids else "",
        )
        for each in found
    )


def _gap_rows(found: GapsAnswer, number_of: Mapping[str, int]) -> tuple[GapRow, ...]:
    rows = found.as_json(exemplars=_EXAMPLES)["clusters"][:_GAPS]
    return tuple(
        GapRow(
            number=number_of[row["id"]],
            name=row["name"],
            share=row["share"],
            untested=row["uncovered"],
            examples=tuple(row["exemplars"]),
            nearest=row["nearest_item"],
            same_need=row["same_need"],
        )
        for row in rows
    )


def _dots(store: Store, chosen: Sequence[Sample], found: GapsAnswer, row_of: Mapping[str, int]) -> tuple[Dot, ...]:
    traffic, cells = found.world.traffic, found.world.cells
    weights = np.bincount(traffic.cell_of, traffic.counts, len(cells)).astype(np.float64)
    covered = np.bincount(traffic.cell_of, traffic.counts * found.gaps.tested.covered, len(cells)) / weights
    in_cell = Counter(sample.cell_id for sample in chosen)
    places = store.cell_places()  # made when drafts are ranked; before, there is no map
    return tuple(
        Dot(
            places[cell.id].x / MAP_SIDE,
            places[cell.id].y / MAP_SIDE,
            cell.weight,
            float(tested),
            row_of[cell.cluster_id],
            in_cell[cell.id],
        )
        for cell, tested in zip(cells, covered, strict=True)
        if cell.id in places
    )


def _decision(
    store: Store, config: Config, narrator: Narrator, between: tuple[str, str] | None
) -> DecisionSection | None:
    if between is None:
        candidates = tuple(store.candidates())
        if len(candidates) != 2:
            return None
        between = candidates
    found = decide(store, config, narrator, between)
    return DecisionSection(
        *between,
        verdicts=tuple(verdict_lines(found)),
        clusters=tuple(cluster_rows(found)),
        examples=tuple(example_lines(found)),
        kinds=tuple(kind_rows(found)),
        costs=tuple(cost_rows(found)),
        evidence=tuple(evidence_lines(found)),
    )


def _mirage(answer: MirageAnswer) -> Mirage:
    most = answer.own.curve.largest
    rows = [
        BenchmarkRow(
            each.name, len(each.items), each.reach.share.estimate, each.reach.share, worth(each.reach.worth, most)
        )
        for each in answer.benchmarks
    ]
    rows += [
        BenchmarkRow("random inputs of this traffic", size, answer.own.curve.share(size), None, f"{size:,}")
        for size in dict.fromkeys((*_OWN_SIZES, most))
        if size <= most
    ]
    trust = answer.trust.reason if answer.trust.enough else f"the evidence is thin: {answer.trust.reason}"
    return Mirage(tuple(rows), trust, tuple(answer.unreached))


def _drafters(store: Store) -> tuple[DrafterRow, ...]:
    states, drafts = store.states(), store.drafts()
    spent: defaultdict[str, float] = defaultdict(float)
    for call in store.calls():
        spent[f"{call.provider}/{call.model}"] += call.cost_usd
    made = Counter(draft.model for draft in drafts)
    verdicts = Counter((draft.model, states[draft.id].verdict) for draft in drafts if draft.id in states)
    return tuple(
        DrafterRow(
            model or "production itself",
            made[model],
            verdicts[model, "accepted"],
            verdicts[model, "rejected"],
            spent[model],
        )
        for model in sorted({*made, *spent}, key=lambda model: (model == "", -made[model], model))
    )


def _origins(chosen: Sequence[Sample]) -> tuple[OriginRow, ...]:
    rows = []
    for origin in _ORIGINS:
        own = [sample for sample in chosen if sample.origin == origin]
        split = Counter(sample.split for sample in own)
        edited = sum(sample.edited for sample in own)
        rows.append(OriginRow(origin, split["dev"], split["holdout"], edited, sum(sample.weight for sample in own)))
    return tuple(rows)
