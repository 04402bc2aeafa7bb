"""Clusters to drafts: one call for each, several under way at a time, each kept in the journal.

A run that was killed goes on where it was, and a second run with the same settings makes no call at all.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from generator.drafting.briefing import Ask, Brief, Survey
from generator.drafting.budget import Budget, Calibration, Estimate, Price, price_of, worst_case
from generator.drafting.journal import Journal, call_key
from generator.drafting.leasing import Held, leased
from generator.drafting.pacing import Pace
from generator.drafting.prompting import build_prompt
from generator.drafting.providers.provider import Provider, Usage, label
from generator.drafting.questions import Question, drafting_question, repair_of
from generator.drafting.reading import IN_VAIN, LONGEST_COMPLAINT, Reader, is_useless
from generator.errors import StageError
from generator.ledger import Ending, Purpose
from generator.store import Store

__all__ = ["DraftingProgress", "DraftingReport", "Estimate", "InDoubt", "draft", "estimate"]

_GRACE_S = 5.0
"""How long answers that are on their way are waited for when a run is interrupted."""
_IGNORED = (
    "{count} answers in a row held no draft: the server of {model} ignores the schema that it is sent, or the model is "
    "too small for it."
)
_TAKEN_OVER = "Another process has taken this one for dead and drafts now."


@dataclass(frozen=True, slots=True)
class DraftingProgress:
    """How far a run has come."""

    done: int
    """Calls made, or found in the journal."""
    total: int
    drafts: int
    """New ones so far."""
    spent_usd: float
    cluster: str
    """Name of the cluster that was just drafted."""


@dataclass(frozen=True, slots=True)
class InDoubt:
    """A call that may have been billed without an answer."""

    cluster_id: str
    model: str
    usd: float
    """What it cost at most."""
    why: str
    purpose: Purpose


@dataclass(frozen=True, slots=True)
class DraftingReport:
    """What a run did."""

    model: str
    new: int
    """Drafts that were not there before."""
    known: int
    """Drafts that an earlier run had made."""
    requests: int
    """How often something was sent."""
    calls: Mapping[str, int]
    """Calls by outcome."""
    spent_usd: float
    """In this run."""
    in_doubt: tuple[InDoubt, ...]
    """In the whole project."""
    problems: tuple[str, ...]
    """What could not be used, in words."""
    stopped: str | None
    """Why the run ended early, as a sentence."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def draft(
    store: Store,
    provider: Provider,
    *,
    per_cluster: int = 4,
    max_cost: float | None = None,
    concurrency: int = 4,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    redact: Callable[[str], str] = lambda text: text,
    progress: Callable[[DraftingProgress], None] = lambda progress: None,
    clusters: Sequence[str] | None = None,
    asks: Sequence[Ask] = (),
) -> DraftingReport:
    """Have a provider draft variants and edge cases for every cluster, in order of traffic.

    Args:
        store: a clustered project.
        provider: who drafts.
        per_cluster: how many drafts to ask for in each cluster.
        max_cost: hard cap, in US dollars, on what the project spends: earlier runs and calls in doubt count.
        concurrency: calls under way at a time.
        price: US dollars per million tokens, input and output, where it is not published.
        retry_in_doubt: send again what may have been billed without an answer.
        redact: masks personal data in what the provider wrote.
        progress: told after every call.
        clusters: ids of the clusters to draft for; all by default.
        asks: what a round of the loop asks for, in place of `clusters`.

    Raises:
        StageError: there are no clusters, or not those.
        BudgetError: the price is not known, or the cap allows nothing.
    """
    survey = survey_of(store, per_cluster, clusters, asks)
    budget = Budget(store, price_of(provider, price), max_cost)
    with leased(store) as lease:
        store.sent_to_in_doubt()
        journal = Journal(store, provider, budget, Pace(), retry_in_doubt=retry_in_doubt)
        total = survey.calls(per_cluster)
        run = _Run(Reader(store, provider, budget.price, redact), journal, progress, total)
        return asyncio.run(run.all(survey.briefs(per_cluster), max(concurrency, 1), lease))


def estimate(
    store: Store,
    provider: Provider,
    *,
    per_cluster: int = 4,
    price: tuple[float, float] | None = None,
    clusters: Sequence[str] | None = None,
    asks: Sequence[Ask] = (),
    batch: bool = False,
) -> Estimate:
    """What `draft` would cost; sends nothing.

    Args:
        store: as for `draft`, and so are the others.
        provider: who would draft.
        per_cluster: drafts in each cluster.
        price: where it is not published.
        clusters: ids.
        asks: of a round.
        batch: whether the calls would go out in a batch.

    Raises:
        StageError: there are no clusters, or not those.
        BudgetError: the price is not known.
    """
    paid = price_of(provider, price)
    survey = survey_of(store, per_cluster, clusters, asks)
    questions = (drafting_question(build_prompt(brief)) for brief in survey.briefs(per_cluster))
    return estimate_of(store, provider, paid.of_batches() if batch else paid, questions)


def estimate_of(store: Store, provider: Provider, price: Price, questions: Iterable[Question]) -> Estimate:
    """What these questions would cost."""
    endings = store.call_endings()
    calibrations: dict[Purpose, Calibration] = {}
    found = Counter[str]()
    usual = Usage()
    low = high = 0.0
    for question in questions:
        kind = _standing(endings, provider, question, price)
        found[kind] += 1
        if kind != "calls":
            continue
        found["names"] += question.purpose == "naming"
        if question.purpose not in calibrations:
            calibrations[question.purpose] = Calibration.of(store, provider, question.purpose)
        expected = calibrations[question.purpose].usual(question)
        usual = Usage(usual.input_tokens + expected.input_tokens, usual.output_tokens + expected.output_tokens)
        low += price.cost(expected)
        high += price.cost(worst_case(question))
        if provider.listens and question.purpose == "drafting":
            high += price.cost(worst_case(repair_of(question, "", LONGEST_COMPLAINT)))
    return Estimate(
        model=label(provider),
        calls=found["calls"],
        known=found["known"],
        in_doubt=found["in_doubt"],
        input_tokens=usual.input_tokens,
        output_tokens=usual.output_tokens,
        low_usd=low,
        high_usd=high,
        price=price.source,
        names=found["names"],
    )


def _standing(
    endings: Mapping[str, Ending], provider: Provider, question: Question, price: Price
) -> Literal["calls", "known", "in_doubt"]:
    """Whether a question would be sent; one in a batch is answered as far as money goes."""
    key = call_key(provider, question)
    ending = endings.get(key)
    if ending is None or ending.state in {"planned", "failed"}:
        return "calls"
    if ending.state == "done":
        may_repair = is_useless(ending.outcome) and question.repairs is None and provider.listens
        return _standing(endings, provider, repair_of(question, key, ""), price) if may_repair else "known"
    if ending.state == "sent" and ending.batch is not None:
        return "known"
    # A call that was on its way when its process died will be in doubt once the run begins.
    return "calls" if price.is_free else "in_doubt"


def survey_of(store: Store, per_cluster: int, only: Sequence[str] | None, asks: Sequence[Ask] = ()) -> Survey:
    """A look over the project, for these clusters or asks.

    Raises:
        StageError: there are no clusters, or not those.
    """
    if per_cluster < 1:
        raise StageError(f"{per_cluster} drafts per cluster cannot be made; ask for 1 or more.")
    survey = Survey(store, only, asks)
    missing = set(only or ()) - {cluster.id for cluster in survey.clusters}
    if missing:
        raise StageError(f"{store.path} has no cluster {', '.join(sorted(missing))}.")
    if not survey.clusters and only is None:
        raise StageError(f"{store.path} has no clusters yet; make them with: groundset cluster {store.path}")
    return survey


class _Run:
    """One run of drafting."""

    def __init__(
        self, reader: Reader, journal: Journal, progress: Callable[[DraftingProgress], None], total: int
    ) -> None:
        self._reader = reader
        self._store = reader.store
        self._provider = reader.provider
        self._journal = journal
        self._progress = progress
        self._total = total
        self._done = 0
        self._spent_before, _ = self._store.spending()

    async def all(self, briefs: Iterator[Brief], concurrency: int, lease: Held) -> DraftingReport:
        """Work through the briefs, and report."""
        async with self._provider:
            await work_side_by_side(lambda: self._work(briefs), concurrency, lease, self._journal.stop, _TAKEN_OVER)
        if self._journal.stopped is None:
            self._reader.read_unsettled()
        return self._report()

    async def _work(self, briefs: Iterator[Brief]) -> None:
        for brief in briefs:
            if self._journal.stopped is not None:
                return
            question: Question | None = drafting_question(build_prompt(brief))
            while question is not None:
                question = self._reader.take(await self._journal.ask(question), question)
            if self._reader.in_vain >= IN_VAIN:
                self._journal.stop(_IGNORED.format(count=IN_VAIN, model=label(self._provider)))
            self._done += 1
            spent, _ = self._store.spending()
            self._progress(
                DraftingProgress(
                    done=self._done,
                    total=self._total,
                    drafts=self._reader.new,
                    spent_usd=spent - self._spent_before,
                    cluster=brief.cluster.name,
                )
            )

    def _report(self) -> DraftingReport:
        spent, _ = self._store.spending()
        return DraftingReport(
            model=label(self._provider),
            new=self._reader.new,
            known=self._reader.known,
            requests=self._journal.requests,
            calls=dict(sorted(self._reader.calls.items())),
            spent_usd=spent - self._spent_before,
            in_doubt=calls_in_doubt(self._store),
            problems=tuple(self._reader.problems),
            stopped=self._journal.stopped,
        )


async def work_side_by_side(
    work: Callable[[], Coroutine[Any, Any, None]],
    concurrency: int,
    lease: Held,
    stop: Callable[[str], None],
    taken_over: str,
) -> None:
    """Do work that is shared out among so many workers, under a lease that is kept meanwhile.

    Args:
        work: what each worker does, to its end or until it is told to stop.
        concurrency: how many workers.
        lease: what says that we are at work.
        stop: told why, where no more calls are to be sent.
        taken_over: why, where the lease is lost.
    """
    pulse = asyncio.create_task(lease.beat(lambda: stop(taken_over)))
    workers = [asyncio.create_task(work()) for _ in range(concurrency)]
    try:
        await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
    finally:
        # On Ctrl-C this is where we come next: what was sent is worth a short wait.
        if not all(worker.done() for worker in workers):
            stop("The run was interrupted.")
        await _settle(workers)
        pulse.cancel()
    for worker in workers:
        worker.result()


async def _settle(workers: Sequence["asyncio.Task[None]"]) -> None:
    """Let workers finish what is under way, then cancel those that do not."""
    _, late = await asyncio.wait(workers, timeout=_GRACE_S)
    for worker in late:
        worker.cancel()
    if late:
        await asyncio.wait(late)


def calls_in_doubt(store: Store) -> tuple[InDoubt, ...]:
    """The calls of a project that may have been billed without an answer."""
    return tuple(
        InDoubt(call.cluster_id, f"{call.provider}/{call.model}", call.reserved_usd, call.outcome or "", call.purpose)
        for call in store.calls(state="in_doubt")
    )
