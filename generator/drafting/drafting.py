"""Clusters to drafts: one call for each, several under way at a time, each kept in the journal.

A run that was killed goes on where it was, and a second run with the same settings makes no call at all.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from generator.drafting.briefing import DRAFTS_PER_CALL, Brief, Survey
from generator.drafting.budget import Budget, Estimate, Price, price_of, usage_json, usual_case, worst_case
from generator.drafting.journal import Journal, Reply, call_key
from generator.drafting.pacing import Pace
from generator.drafting.prompting import Prompt, build_prompt
from generator.drafting.providers.provider import Answer, Provider, Usage, label
from generator.errors import StageError
from generator.store import Call, Store

__all__ = ["DraftingProgress", "DraftingReport", "Estimate", "InDoubt", "draft", "estimate"]

_GRACE_S = 5.0
"""How long answers that are on their way are waited for when a run is interrupted."""
_PROBLEMS_SHOWN = 50


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

    Raises:
        StageError: there are no clusters, or not those.
        BudgetError: the price is not known, or the cap allows nothing.
    """
    survey = _survey(store, per_cluster, clusters)
    budget = Budget(store, price_of(provider, price), max_cost)
    store.sent_to_in_doubt()
    journal = Journal(store, provider, budget, Pace(), retry_in_doubt=retry_in_doubt)
    total = len(survey.clusters) * -(-per_cluster // DRAFTS_PER_CALL)
    run = _Run(store, provider, journal, budget.price, redact, progress, total)
    return asyncio.run(run.all(survey.briefs(per_cluster), max(concurrency, 1)))


def estimate(
    store: Store,
    provider: Provider,
    *,
    per_cluster: int = 4,
    price: tuple[float, float] | None = None,
    clusters: Sequence[str] | None = None,
) -> Estimate:
    """What `draft` would cost; sends nothing.

    Raises:
        StageError: there are no clusters, or not those.
        BudgetError: the price is not known.
    """
    paid = price_of(provider, price)
    states = {call.key: call.state for call in store.calls()}
    found = Counter[str]()
    usual, worst = Usage(), Usage()
    low = high = 0.0
    for brief in _survey(store, per_cluster, clusters).briefs(per_cluster):
        prompt = build_prompt(brief)
        state = states.get(call_key(provider, prompt), "planned")
        # A call that was on its way when its process died will be in doubt once the run begins.
        kind = {"done": "known", "in_doubt": "in_doubt", "sent": "in_doubt"}.get(state, "calls")
        if kind == "in_doubt" and paid.is_free:
            kind = "calls"
        found[kind] += 1
        if kind == "calls":
            usual, worst = _sum(usual, usual_case(prompt)), worst_case(prompt)
            low += paid.cost(usual_case(prompt))
            high += paid.cost(worst)
    return Estimate(
        model=label(provider),
        calls=found["calls"],
        known=found["known"],
        in_doubt=found["in_doubt"],
        input_tokens=usual.input_tokens,
        output_tokens=usual.output_tokens,
        low_usd=low,
        high_usd=high,
        price=paid.source,
    )


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(one.input_tokens + other.input_tokens, one.output_tokens + other.output_tokens)


def _survey(store: Store, per_cluster: int, only: Sequence[str] | None) -> Survey:
    if per_cluster < 1:
        raise StageError(f"{per_cluster} drafts per cluster cannot be made; ask for 1 or more.")
    survey = Survey(store, only)
    missing = set(only or ()) - {cluster.id for cluster in survey.clusters}
    if missing:
        raise StageError(f"{store.path} has no cluster {', '.join(sorted(missing))}.")
    if not survey.clusters and only is None:
        raise StageError(f"{store.path} has no clusters yet; make them with: groundset cluster {store.path}")
    return survey


class _Run:
    """One run of drafting."""

    def __init__(
        self,
        store: Store,
        provider: Provider,
        journal: Journal,
        price: Price,
        redact: Callable[[str], str],
        progress: Callable[[DraftingProgress], None],
        total: int,
    ) -> None:
        self._store = store
        self._provider = provider
        self._journal = journal
        self._price = price
        self._redact = redact
        self._progress = progress
        self._total = total
        self._calls: Counter[str] = Counter()
        self._new = self._known = 0
        self._problems: list[str] = []
        self._spent_before, _ = store.spending()

    async def all(self, briefs: Iterator[Brief], concurrency: int) -> DraftingReport:
        """Work through the briefs, and report."""
        async with self._provider:
            workers = [asyncio.create_task(self._work(briefs)) for _ in range(concurrency)]
            try:
                await asyncio.wait(workers, return_when=asyncio.FIRST_EXCEPTION)
            finally:
                # On Ctrl-C this is where we come next: what was sent is worth a short wait.
                if not all(worker.done() for worker in workers):
                    self._journal.stop("The run was interrupted.")
                await _settle(workers)
            for worker in workers:
                worker.result()
        if self._journal.stopped is None:
            self._read_orphans()
        return self._report()

    async def _work(self, briefs: Iterator[Brief]) -> None:
        for brief in briefs:
            if self._journal.stopped is not None:
                return
            prompt = build_prompt(brief)
            reply = await self._journal.ask(prompt)
            self._take(reply, prompt)
            spent, _ = self._store.spending()
            self._progress(
                DraftingProgress(
                    done=self._calls.total(),
                    total=self._total,
                    drafts=self._new,
                    spent_usd=spent - self._spent_before,
                    cluster=brief.cluster.name,
                )
            )

    def _take(self, reply: Reply, prompt: Prompt) -> None:
        """Read an answer and keep its drafts; or count why there is none."""
        if reply.raw is None:
            self._calls[reply.outcome] += 1
            if reply.outcome not in {"in_doubt", "not_sent"}:
                self._problem(prompt, self._store.calls(key=reply.key)[0].outcome or reply.outcome)
            return
        answer, outcome, kept = self._read(reply.raw, prompt, reply.key)
        if answer.outcome == "bad_response":
            # Nobody knows what was billed for it, so it is not asked for again without leave.
            self._store.call_ended(reply.key, "in_doubt", outcome)
        elif not reply.is_settled:
            self._store.call_settled(
                reply.key, outcome, usage_json(answer.usage), self._price.cost(answer.usage or worst_case(prompt))
            )
        self._calls["known" if reply.outcome == "known" and kept else outcome.partition(":")[0]] += 1
        if not reply.is_settled and ": " in outcome:
            self._problem(prompt, outcome)

    def _read(self, raw: bytes, prompt: Prompt, key: str) -> tuple[Answer, str, int]:
        """The answer, its outcome in words, and how many drafts it gave; the drafts are in the store then."""
        from generator.drafting.schema import Origin, read_answer

        answer = self._provider.parse(raw)
        if answer.outcome not in {"ok", "truncated"}:
            return answer, _worded(answer.outcome, answer.detail), 0
        reading = read_answer(answer.text, Origin(prompt, label(self._provider), key), self._redact)
        added = self._store.add_drafts(reading.drafts)
        self._new += added
        self._known += len(reading.drafts) - added
        useless = answer.outcome == "ok" and not reading.drafts
        return (
            answer,
            _worded("bad_json" if useless else answer.outcome, "; ".join([answer.detail, *reading.problems])),
            len(reading.drafts),
        )

    def _read_orphans(self) -> None:
        """Read answers that came just before an earlier run died, and whose prompt is another one now.

        They were paid for. What the prompt would add, the sources of a draft, is lost.
        """
        clusters = {cluster.id: cluster for cluster in self._store.clusters()}
        for call in self._store.calls(state="done"):
            mine = call.provider == self._provider.name and call.model == self._provider.model
            if call.outcome is None and mine and call.raw is not None and call.cluster_id in clusters:
                prompt = Prompt("", "", "", call.prompt_hash, Brief(clusters[call.cluster_id], (), (), ()))
                answer, outcome, _ = self._read(call.raw, prompt, call.key)
                cost = self._price.cost(answer.usage) if answer.usage is not None else call.reserved_usd
                self._store.call_settled(call.key, outcome, usage_json(answer.usage), cost)
                self._calls["recovered"] += 1

    def _problem(self, prompt: Prompt, text: str) -> None:
        if len(self._problems) < _PROBLEMS_SHOWN:
            self._problems.append(f"{prompt.brief.cluster.name}: {text}")

    def _report(self) -> DraftingReport:
        spent, _ = self._store.spending()
        return DraftingReport(
            model=label(self._provider),
            new=self._new,
            known=self._known,
            requests=self._journal.requests,
            calls=dict(sorted(self._calls.items())),
            spent_usd=spent - self._spent_before,
            in_doubt=tuple(_in_doubt(call) for call in self._store.calls(state="in_doubt")),
            problems=tuple(self._problems),
            stopped=self._journal.stopped,
        )


async def _settle(workers: Sequence["asyncio.Task[None]"]) -> None:
    """Let workers finish what is under way, then cancel those that do not."""
    _, late = await asyncio.wait(workers, timeout=_GRACE_S)
    for worker in late:
        worker.cancel()
    if late:
        await asyncio.wait(late)


def _worded(name: str, detail: str) -> str:
    detail = detail.strip("; ")
    return f"{name}: {detail}"[:500] if detail else name


def _in_doubt(call: Call) -> InDoubt:
    return InDoubt(call.cluster_id, f"{call.provider}/{call.model}", call.reserved_usd, call.outcome or "")
