"""How the drafts of each prompt version and model fared: did they land, were they kept, what did they cost."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from generator.ledger import Call
from generator.narration import money, percent
from generator.records import Draft, DraftState, Interval, Mark


@dataclass(frozen=True, slots=True)
class Landed:
    """Drafts of one origin, and how many of those that were ranked landed in the cluster they were asked for."""

    drafts: int
    ranked: int
    landed: Interval | None
    """None before any is ranked."""


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What became of the drafts of one prompt version and model."""

    prompt: str
    model: str
    drafts: int
    variants: Landed
    edge_cases: Landed
    near_copies: int
    marked: int
    """Drafts against which something speaks."""
    marks: Mapping[str, int]
    """Drafts by kind of mark."""
    decided: int
    accepted: int
    acceptance: Interval | None
    """Of those decided on, the accepted ones; None before anybody decided."""
    realism: Interval | None
    """AUC of telling them from real inputs, .5 is cannot; None for too few to say."""
    spent_usd: float
    usd_per_sample: float | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def track_records(
    drafts: Iterable[Draft],
    landed_in: Mapping[str, str],
    marks: Mapping[str, Sequence[Mark]],
    states: Mapping[str, DraftState],
    calls: Iterable[Call],
    realism: Callable[[Sequence[Draft]], Interval | None],
) -> list[TrackRecord]:
    """The record of each prompt version and model, in the order in which they first drafted.

    Args:
        drafts: all, in the order in which they were made; real inputs are passed over.
        landed_in: draft id to the cluster where it landed, as far as they are ranked.
        marks: what speaks against drafts, by id.
        states: decisions, by draft id.
        calls: the journal.
        realism: measures how real drafts look.
    """
    spent: defaultdict[tuple[str, str], float] = defaultdict(float)
    for call in calls:
        spent[call.prompt_hash, f"{call.provider}/{call.model}"] += call.cost_usd
    groups: defaultdict[tuple[str, str], list[Draft]] = defaultdict(list)
    for draft in drafts:
        if draft.kind != "real":
            groups[draft.prompt_hash, draft.model].append(draft)
    return [_record(own, landed_in, marks, states, spent[version], realism(own)) for version, own in groups.items()]


def _record(
    own: Sequence[Draft],
    landed_in: Mapping[str, str],
    marks: Mapping[str, Sequence[Mark]],
    states: Mapping[str, DraftState],
    spent_usd: float,
    realism: Interval | None,
) -> TrackRecord:
    kinds = Counter(mark.name for draft in own for mark in marks.get(draft.id, ()))
    verdicts = Counter(states[draft.id].verdict for draft in own if draft.id in states)
    accepted, decided = verdicts["accepted"], verdicts["accepted"] + verdicts["rejected"]
    return TrackRecord(
        prompt=own[0].prompt_hash,
        model=own[0].model,
        drafts=len(own),
        variants=_landed([each for each in own if each.origin == "variant"], landed_in),
        edge_cases=_landed([each for each in own if each.origin == "edge"], landed_in),
        near_copies=kinds["near_copy"],
        marked=sum(bool(marks.get(draft.id)) for draft in own),
        marks=dict(sorted(kinds.items())),
        decided=decided,
        accepted=accepted,
        acceptance=Interval.of_share(accepted, decided) if decided else None,
        realism=realism,
        spent_usd=spent_usd,
        usd_per_sample=spent_usd / accepted if accepted else None,
    )


def _landed(drafts: Sequence[Draft], landed_in: Mapping[str, str]) -> Landed:
    ranked = [draft for draft in drafts if draft.id in landed_in]
    here = sum(landed_in[draft.id] == draft.cluster_id for draft in ranked)
    return Landed(len(drafts), len(ranked), Interval.of_share(here, len(ranked)) if ranked else None)


def record_lines(record: TrackRecord) -> Iterator[str]:
    """A record for people."""
    yield f"prompt {record.prompt[:8]}, {record.model}: {record.drafts:,} drafts"
    for what, landed in (("variants", record.variants), ("edge cases", record.edge_cases)):
        yield f"  {what:<12} {landed.drafts:>5,}, landed {_share(landed.landed, landed.ranked)}"
    kinds = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in record.marks.items())
    yield f"  marked       {record.marked:>5,}" + (f": {kinds}" if kinds else "")
    yield f"  accepted     {record.accepted:>5,}, {_share(record.acceptance, record.decided)} decided"
    if record.realism is None:
        yield "  realism      too few drafts to say"
    else:
        auc = record.realism
        yield (
            f"  realism      real inputs told from them with AUC {auc.estimate:.2f} ({auc.low:.2f} to {auc.high:.2f}); "
            ".50 is cannot tell"
        )
    per_sample = "" if record.usd_per_sample is None else f", {money(record.usd_per_sample)} an accepted sample"
    yield f"  spent        {money(record.spent_usd)}{per_sample}"


def _share(share: Interval | None, of: int) -> str:
    if share is None:
        return "none yet"
    return f"{percent(share.estimate)} ({percent(share.low)} to {percent(share.high)}) of {of:,}"


def marked_rows(drafts: Iterable[Draft], marks: Mapping[str, Sequence[Mark]]) -> Iterator[dict[str, Any]]:
    """Every mark with its draft, for programs."""
    for draft in drafts:
        for mark in marks.get(draft.id, ()):
            yield {"draft": draft.id, "kind": draft.kind, "name": mark.name, "reason": mark.reason}
