"""The way a call takes: entered, sent, answered; and what is known of it after any end.

    planned -> sent -> done              the raw answer is kept before anybody reads it
                    -> planned           the server did no work: the next run may send it again
                    -> failed            the server refused it: not billed
                    -> in_doubt          it may have been billed: repeated only on request

What an SDK, a server or a model does wrong is an outcome here, never an exception.
"""

import asyncio
from dataclasses import dataclass

from generator.drafting.budget import Budget, measure, worst_case
from generator.drafting.pacing import ATTEMPTS, Pace
from generator.drafting.providers.provider import CallFailed, Provider, RawAnswer
from generator.drafting.questions import Question, key_of
from generator.ledger import Call
from generator.store import Store

BEYOND_TIMEOUT_S = 30.0
"""What an attempt may take beyond the SDK's own time limit, which starts over with every byte that a server drips."""
CALL_DEADLINE_S = 600.0
"""No attempt begins later than this after the first."""
FAILURES_IN_A_ROW = 5
"""After so many calls without an answer between them, the run stops: more of them would not fare better."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of a call."""

    key: str
    outcome: str
    """"answered" now, "known" from an earlier run, "in_batch", or why there is no answer."""
    raw: bytes | None = None
    is_settled: bool = False
    """Whether an earlier run has read it and entered its cost."""
    was_in_batch: bool = False


def call_key(provider: Provider, question: Question) -> str:
    """The key of a call to this provider."""
    return key_of(provider.name, provider.model, provider.params, question)


def planned(store: Store, provider: Provider, question: Question) -> Call:
    """Enter a call, unless it is there; returns what the journal knows of it."""
    return store.plan_call(
        call_key(provider, question),
        question.cluster_id,
        provider.name,
        provider.model,
        question.prompt_hash,
        purpose=question.purpose,
        context=question.context,
        measure=measure(question),
    )


class Journal:
    """Sends calls, and keeps account of each one in the project file."""

    def __init__(self, store: Store, provider: Provider, budget: Budget, pace: Pace, *, retry_in_doubt: bool) -> None:
        self.stopped: str | None = None
        """Why no further call is made, as a sentence."""
        self.requests = 0
        self._store = store
        self._provider = provider
        self._budget = budget
        self._pace = pace
        # What costs nothing may be asked again without anybody's leave.
        self._retry_in_doubt = retry_in_doubt or budget.price.is_free
        self._failures_in_a_row = 0

    def stop(self, why: str) -> None:
        """Make no further call; the first reason stands."""
        self.stopped = self.stopped or why

    async def ask(self, question: Question) -> Reply:
        """The answer to a question: from the journal if it is there, else from the provider."""
        known = planned(self._store, self._provider, question)
        if known.state == "done":
            return Reply(known.key, "known", known.raw, known.outcome is not None, known.batch is not None)
        if known.state == "sent" and known.batch is not None:
            return Reply(known.key, "in_batch")
        if known.state == "in_doubt" and not self._retry_in_doubt:
            return Reply(known.key, "in_doubt")
        return await self._send(known, question)

    async def _send(self, call: Call, question: Question) -> Reply:
        deadline = self._pace.clock() + CALL_DEADLINE_S
        reserve_usd = self._budget.price.cost(worst_case(question))
        failure = CallFailed("waited_too_long", "retry", "no turn came within the time limit")
        for attempt in range(1, ATTEMPTS + 1):
            async with self._pace.turn():
                if self._may_not_go(reserve_usd):
                    return Reply(call.key, "not_sent")
                if self._pace.clock() > deadline:
                    break
                if not self._store.call_sent(call.key, reserve_usd):
                    return Reply(call.key, "taken")
                try:
                    raw = await self._once(call.key, question)
                except CallFailed as error:
                    failure = error
                else:
                    return Reply(call.key, "answered", raw.body)
                self._record(call.key, failure)
                if failure.bill != "retry":
                    break
                self._pace.refused(attempt, failure.retry_after)
        return self._without_answer(call.key, failure)

    def _may_not_go(self, reserve_usd: float) -> bool:
        refusal = self._budget.refusal(reserve_usd)
        if refusal is not None:
            self.stop(refusal)
        return self.stopped is not None

    async def _once(self, key: str, question: Question) -> RawAnswer:
        """One request, and what came back committed."""
        self.requests += 1
        try:
            async with asyncio.timeout(self._provider.timeout_s + BEYOND_TIMEOUT_S):
                raw = await self._provider.send(question)
        except CallFailed:
            raise
        except TimeoutError:
            raise CallFailed("timeout", "in_doubt", "no whole answer within the time limit") from None
        except BaseException:
            # Ctrl-C, or a bug of ours: the request is out there all the same.
            self._store.call_ended(key, "in_doubt", "interrupted")
            raise
        self._store.call_answered(key, raw.body)
        self._pace.accepted()
        self._failures_in_a_row = 0
        return raw

    def _record(self, key: str, failure: CallFailed) -> None:
        match failure.bill:
            case "retry" | "stop":
                self._store.call_ended(key, "planned", str(failure))
            case "refused":
                self._store.call_ended(key, "failed", str(failure))
            case "in_doubt":
                self._store.call_ended(key, "in_doubt", str(failure))

    def _without_answer(self, key: str, failure: CallFailed) -> Reply:
        self._failures_in_a_row += 1
        if failure.bill == "stop" or failure.name == "unreachable":
            self.stop(failure.detail)
        elif self._failures_in_a_row >= FAILURES_IN_A_ROW:
            self.stop(f"{FAILURES_IN_A_ROW} calls in a row brought no answer, the last one: {failure}.")
        return Reply(key, failure.name)
