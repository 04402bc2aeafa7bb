"""Candidate models answer items of the evaluation set: entered, paid and resumed like any other call.

What is sent is the conversation of the item as production had it, without a word of ours. Calls go out item by item,
each to every candidate, so that what a cap leaves unsent breaks few pairs.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from generator.drafting.budget import Budget, Estimate, Price, price_of, usage_json, worst_case
from generator.drafting.drafting import InDoubt, calls_in_doubt, estimate_of, work_side_by_side
from generator.drafting.journal import Journal
from generator.drafting.leasing import Held, leased
from generator.drafting.pacing import Pace
from generator.drafting.providers.provider import Provider, label
from generator.drafting.questions import Question
from generator.errors import BudgetError, ProviderError
from generator.judging import Answer
from generator.logs.values import clean
from generator.records import Sample, content_id
from generator.store import Store

MAX_TOKENS = 2_048
"""The most an answer may take where nobody says otherwise, thinking included."""
_TAKEN_OVER = "Another process has taken this one for dead and is at work now."


@dataclass(frozen=True, slots=True)
class Asked:
    """What asking one candidate came to."""

    candidate: str
    new: int
    """Answers that were not there before."""
    known: int
    """Items that it had answered in an earlier run, as they are now."""
    requests: int
    calls: Mapping[str, int]
    """Calls by outcome."""
    spent_usd: float
    stopped: str | None
    """Why it was not asked to the end, as a sentence."""


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a run did."""

    asked: tuple[Asked, ...]
    items: int
    left_out: int
    """Items with tool calls: their tools are not in the logs, so nobody can be asked as production was."""
    in_doubt: tuple[InDoubt, ...]
    """In the whole project."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def can_be_asked(item: Sample) -> bool:
    """Whether a model can be asked an item as production was: not where a tool was called."""
    return not any(message.tool_calls or message.role == "tool" for message in item.input)


def shadow(
    store: Store,
    providers: Sequence[Provider],
    items: Sequence[Sample],
    *,
    max_cost: float | None = None,
    concurrency: int = 4,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    max_tokens: int = MAX_TOKENS,
    redact: Callable[[str], str] = lambda text: text,
    progress: Callable[[int, int, float], None] = lambda done, total, spent_usd: None,
) -> ShadowReport:
    """Have candidate models answer items, in the order in which they are given.

    Args:
        store: the project.
        providers: the candidates.
        items: what they are asked.
        max_cost: hard cap, in US dollars, on what the project spends: earlier runs and calls in doubt count.
        concurrency: calls under way at a time, to all candidates together.
        price: US dollars per million tokens, input and output, of candidates whose price is not published.
        retry_in_doubt: send again what may have been billed without an answer.
        max_tokens: the most an answer may take.
        redact: masks personal data in answers.
        progress: told after every call: how many are done, of how many, and what was spent.

    Raises:
        BudgetError: a price is not known, or the cap allows nothing.
        ProviderError: a candidate is named twice, or cannot answer.
        ProjectError: another process is at work.
    """
    _refuse_useless(providers)
    askable = [item for item in items if can_be_asked(item)]
    with leased(store) as lease:
        store.sent_to_in_doubt()
        candidates = [
            _Candidate.of(store, each, price, max_cost, redact, retry_in_doubt=retry_in_doubt) for each in providers
        ]
        run = _Run(store, candidates, askable, max_tokens, progress)
        asyncio.run(run.all(max(concurrency, 1), lease))
    asked = tuple(each.asked() for each in candidates)
    return ShadowReport(asked, len(askable), len(items) - len(askable), calls_in_doubt(store))


def estimate_shadow(
    store: Store,
    providers: Sequence[Provider],
    items: Sequence[Sample],
    *,
    price: tuple[float, float] | None = None,
    max_tokens: int = MAX_TOKENS,
) -> list[Estimate]:
    """What `shadow` would cost, for each candidate; sends nothing.

    Raises:
        BudgetError: a price is not known.
        ProviderError: a candidate is named twice, or cannot answer.
    """
    _refuse_useless(providers)
    answered = store.answered()
    found = []
    for provider in providers:
        open_items = (item for item in items if can_be_asked(item) and not _is_answered(answered, provider, item))
        asked = (question_of(item, max_tokens) for item in open_items)
        found.append(estimate_of(store, provider, _price(provider, price), asked))
    return found


def _refuse_useless(providers: Sequence[Provider]) -> None:
    names = [label(each) for each in providers]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ProviderError(f"{twice} is named twice; name each candidate once.")
    if deaf := next((each for each in providers if not each.listens), None):
        raise ProviderError(f"{label(deaf)} drafts by rule and answers nobody; name a model, for example openai/NAME.")


def _price(provider: Provider, given: tuple[float, float] | None) -> Price:
    """What is published holds; what is given is for the others."""
    if given is None:
        return price_of(provider)
    try:
        published = price_of(provider)
    except BudgetError:
        return price_of(provider, given)
    return published if published.source == "published" else price_of(provider, given)


def question_of(item: Sample, max_tokens: int) -> Question:
    """What a candidate is asked: the conversation of an item, blank turns left out."""
    conversation = tuple(message for message in item.input if message.content.strip())
    return Question(
        purpose="shadow",
        about=item.cluster_name,
        cluster_id=item.cluster_id,
        system="\n\n".join(each.content for each in conversation if each.role == "system"),
        user="\n\n".join(each.content for each in conversation if each.role != "system"),
        prompt_hash=content_id("shadow"),
        entries=1,
        max_tokens=max_tokens,
        schema_name="",
        schema=None,
        bounded=None,
        context={"item": item.id, "asked": item.content.asked, "expected": item.content.expected},
        conversation=conversation,
    )


def _is_answered(answered: Mapping[tuple[str, str], tuple[str, str]], provider: Provider, item: Sample) -> bool:
    found = answered.get((item.id, label(provider)))
    return found is not None and found[1] == item.content.asked


@dataclass(slots=True)
class _Candidate:
    """One candidate in one run."""

    store: Store
    provider: Provider
    price: Price
    journal: Journal
    redact: Callable[[str], str]
    calls: Counter[str] = field(default_factory=Counter)
    new: int = 0
    known: int = 0
    spent_usd: float = 0.0

    @classmethod
    def of(
        cls,
        store: Store,
        provider: Provider,
        price: tuple[float, float] | None,
        max_cost: float | None,
        redact: Callable[[str], str],
        *,
        retry_in_doubt: bool,
    ) -> "_Candidate":
        """A candidate with its journal, under the cap of the project."""
        budget = Budget(store, _price(provider, price), max_cost)
        journal = Journal(store, provider, budget, Pace(), retry_in_doubt=retry_in_doubt)
        return cls(store, provider, budget.price, journal, redact)

    async def ask(self, item: Sample, max_tokens: int) -> None:
        """Have it answer an item."""
        question = question_of(item, max_tokens)
        reply = await self.journal.ask(question)
        if reply.raw is None:
            self.calls[reply.outcome] += 1
        else:
            at_most = self.price.cost(worst_case(question))
            self.read(reply.key, reply.raw, question.context, at_most, is_settled=reply.is_settled)

    def read_unsettled(self) -> None:
        """Keep answers that nobody has read: of a run that died. They were paid for."""
        mine = (self.provider.name, self.provider.model, "shadow")
        for call in self.store.calls(state="done"):
            if call.outcome is None and call.raw is not None and (call.provider, call.model, call.purpose) == mine:
                self.read(call.key, call.raw, call.context, call.reserved_usd)

    def read(
        self,
        key: str,
        raw: bytes,
        context: Mapping[str, Any],
        at_most: float,
        *,
        is_settled: bool = False,
    ) -> None:
        """Keep what a reply holds, then settle its call: in this order, so that a kill in between loses nothing."""
        reply = self.provider.parse(raw)
        if reply.outcome == "bad_response":
            # Nobody knows what was billed for it, so it is not asked for again without leave.
            self.store.call_ended(key, "in_doubt", f"{reply.outcome}: {reply.detail}"[:200])
            self.calls[reply.outcome] += 1
            return
        cost = at_most if reply.usage is None else self.price.cost(reply.usage)
        answer = Answer(
            context["item"],
            label(self.provider),
            self.redact(clean(reply.text)),
            context["asked"],
            context["expected"],
            "shadow",
            key,
            latency_s=self.store.call_seconds(key),
            cost_usd=cost,
        )
        put = self.store.put_answers([answer], replace=True)
        self.new += put.new + put.replaced
        self.calls[reply.outcome] += 1
        if not is_settled:
            self.store.call_settled(key, reply.outcome, usage_json(reply.usage), cost)
            self.spent_usd += cost

    def asked(self) -> Asked:
        """What it came to."""
        return Asked(
            label(self.provider),
            self.new,
            self.known,
            self.journal.requests,
            dict(sorted(self.calls.items())),
            self.spent_usd,
            self.journal.stopped,
        )


class _Run:
    """One run over all candidates."""

    def __init__(
        self,
        store: Store,
        candidates: Sequence[_Candidate],
        items: Sequence[Sample],
        max_tokens: int,
        progress: Callable[[int, int, float], None],
    ) -> None:
        self._candidates = candidates
        self._max_tokens = max_tokens
        self._progress = progress
        self._store = store
        self._work = ((item, candidate) for item in items for candidate in candidates)
        self._total = len(items) * len(candidates)
        self._done = 0

    async def all(self, concurrency: int, lease: Held) -> None:
        """Read what is there, then ask for the rest."""
        for candidate in self._candidates:
            candidate.read_unsettled()
        answered = self._store.answered()
        async with contextlib.AsyncExitStack() as stack:
            for candidate in self._candidates:
                await stack.enter_async_context(candidate.provider)
            await work_side_by_side(
                lambda: self._ask(self._work, answered), concurrency, lease, self._stop, _TAKEN_OVER
            )

    def _stop(self, why: str) -> None:
        for candidate in self._candidates:
            candidate.journal.stop(why)

    async def _ask(
        self, work: Iterator[tuple[Sample, _Candidate]], answered: Mapping[tuple[str, str], tuple[str, str]]
    ) -> None:
        for item, candidate in work:
            if _is_answered(answered, candidate.provider, item):
                candidate.known += 1
            elif candidate.journal.stopped is None:
                await candidate.ask(item, self._max_tokens)
            self._done += 1
            self._progress(self._done, self._total, sum(each.spent_usd for each in self._candidates))


def chosen(items: Iterable[Sample], count: int | None, fresh: int) -> list[Sample]:
    """Which items are asked: so many accepted ones, and so many random draws that nobody has decided on.

    The order is that of a hash, so that more of them later include those of before, whoever answers.
    """
    in_order = sorted(items, key=lambda item: content_id("shadow", item.id))
    accepted = [item for item in in_order if item.curator]
    return accepted[:count] + [item for item in in_order if not item.curator][:fresh]
