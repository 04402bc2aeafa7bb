"""Copies of a project brought together: what people decided in each, without a server.

The events of all copies are one set; their times, which never run backwards within a copy, give the order. So it
does not matter who merges whose copy first, nor how often.
"""

import tempfile
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from generator.errors import ProjectError
from generator.judging import Judgement
from generator.records import Decision, Draft
from generator.store import Store

_AHEAD = timedelta(days=1)
"""How far another machine's clock may be ahead: decisions from next year would win over all others until then."""


@dataclass(frozen=True, slots=True)
class MergeReport:
    """What came from one copy."""

    path: Path
    decisions: int
    drafts: int
    aims: int
    regroupings: int
    answers: int
    judgements: int
    disputed: int
    """Drafts in the whole project on which people differ."""

    def as_json(self) -> dict[str, object]:
        """For `--json`."""
        return asdict(self) | {"path": str(self.path)}


def merge(store: Store, other: Path) -> MergeReport:
    """Take in what people decided in another copy; that file stays as it is.

    Args:
        store: the project that takes it in.
        other: the copy.

    Raises:
        ProjectError: the copy cannot be read, is of another project, or its decisions cannot be true.
    """
    if other.exists() and other.samefile(store.path):
        raise ProjectError(f"{other} is the project itself; name a copy of it that somebody else worked on.")
    with tempfile.TemporaryDirectory(prefix="groundset-") as folder, Store.open_copy(other, Path(folder)) as copy:
        drafts = [_foreign(draft) for draft in copy.drafts()]
        _refuse_strangers(store, drafts, other)
        decisions = copy.decisions()
        for decision in decisions:
            _refuse_impossible(decision, other)
        judgements = copy.judgements()
        for judgement in judgements:
            _refuse_impossible(judgement, other)
        added, new_drafts = store.take_in(decisions, drafts, copy.plants())
        return MergeReport(
            other,
            added,
            new_drafts,
            store.add_aims(copy.aim_events()),
            store.add_regroupings(copy.regroupings()),
            _take_in_answers(store, copy),
            store.take_in_judgements(judgements),
            len(store.states(verdict="disputed")),
        )


def _take_in_answers(store: Store, copy: Store) -> int:
    """Keep the answers that only the copy has; where both have one, ours stays."""
    store.add_planted_pairs(copy.planted_pairs())
    return sum(store.put_answers(copy.answers(candidate)).new for candidate in copy.candidates())


def _foreign(draft: Draft) -> Draft:
    """A draft as another project takes it in: who paid for it, and its place in a random frame, are not ours."""
    return replace(draft, call_key=None, weight=0.0, stratum=None)


def _refuse_strangers(store: Store, drafts: list[Draft], other: Path) -> None:
    own = {draft.id for draft in store.drafts()}
    if own and drafts and not own & {draft.id for draft in drafts}:
        raise ProjectError(f"{other} has no draft in common with {store.path}; only copies of one project are merged.")


def _refuse_impossible(decision: Decision | Judgement, other: Path) -> None:
    try:
        moment = datetime.fromisoformat(decision.at)
        late = moment > datetime.now(UTC) + _AHEAD
    except (ValueError, TypeError) as error:
        raise ProjectError(f"{other}: the time of decision {decision.uuid} cannot be read.") from error
    if late:
        raise ProjectError(
            f"{other}: decision {decision.uuid} is from {decision.at}, which is yet to come; set that machine's clock."
        )
