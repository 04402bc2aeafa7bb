"""Calls handed over as a batch: answered within a day, at a lower price, while nobody waits.

    submit: intent committed, with all its calls -> handed over -> the provider's name for it committed
    collect: looked for where that name is not known -> results, each row committed before it is read

A batch is made once. Where a process died between handing it over and keeping its name, the provider is asked
for batches that could be it, and while that is not sure, neither is it made again nor anything repeated.
"""

import asyncio
import uuid
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal, TypeVar

from generator.drafting.briefing import Ask
from generator.drafting.budget import Budget, price_of, worst_case
from generator.drafting.drafting import InDoubt, calls_in_doubt, survey_of
from generator.drafting.journal import planned
from generator.drafting.leasing import Held, leased
from generator.drafting.pacing import ATTEMPTS, wait_before
from generator.drafting.prompting import build_prompt
from generator.drafting.providers.batches import RemoteBatch, Row, RowKind
from generator.drafting.providers.hosted import HostedProvider
from generator.drafting.providers.provider import CallFailed, Provider, label
from generator.drafting.questions import Question, drafting_question
from generator.drafting.reading import Reader
from generator.errors import ProviderError
from generator.ledger import Batch, Call
from generator.records import now
from generator.store import Store

POLL_S = 60.0
"""How often a batch is looked at while somebody waits for it."""
SETTLE_S = 60.0
"""A batch that the provider does not list this long after it was to be made was not made."""
_SKEW = timedelta(minutes=5)
_WINDOW = timedelta(hours=1)
"""A batch that may be ours was made between the intent, less what clocks differ, and so much later."""
_SAMPLE_ROWS = 20
"""So many rows tell whose a batch is."""

_T = TypeVar("_T")
_Entries = dict[str, tuple[Question, float]]
"""Key -> question and what is reserved for it."""


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """A batch that is under way."""

    id: str
    calls: int
    done: int
    reserved_usd: float
    created_at: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What submitting or collecting did."""

    model: str
    submitted: int = 0
    """Calls handed over now."""
    under_way: tuple[BatchProgress, ...] = ()
    ended: int = 0
    """Batches that were read now."""
    rows: Mapping[str, int] = field(default_factory=dict)
    """Rows of their results by what became of the call, those counted that were missing, repeated or not ours."""
    calls: Mapping[str, int] = field(default_factory=dict)
    """Answers by outcome."""
    new: int = 0
    """Drafts that were not there before."""
    spent_usd: float = 0.0
    """Since the last look."""
    in_doubt: tuple[InDoubt, ...] = ()
    """In the whole project."""
    problems: tuple[str, ...] = ()
    stopped: str | None = None
    """Why less was handed over than was planned, as a sentence."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def submit(
    store: Store,
    provider: Provider,
    *,
    per_cluster: int = 4,
    max_cost: float | None = None,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    clusters: Sequence[str] | None = None,
    asks: Sequence[Ask] = (),
) -> BatchReport:
    """Hand over what drafting would send, as batches; what is under way or answered is not sent again.

    Args:
        store: a clustered project.
        provider: who drafts; one that takes batches.
        per_cluster: how many drafts to ask for in each cluster.
        max_cost: hard cap, in US dollars, on what the project spends; the worst case of a batch counts.
        price: US dollars per million tokens, input and output, in a batch, where it is not published.
        retry_in_doubt: send again what may have been billed without an answer.
        clusters: ids of the clusters to draft for; all by default.
        asks: what a round of the loop asks for, in place of `clusters`.

    Raises:
        StageError: there are no clusters, or not those.
        BudgetError: the price is not known, or the cap allows nothing.
        ProviderError: the provider takes no batches.
    """
    hosted = _takes_batches(provider)
    survey = survey_of(store, per_cluster, clusters, asks)
    budget = Budget(store, price_of(provider, price).of_batches(), max_cost)
    with leased(store) as lease:
        store.sent_to_in_doubt()
        questions = (drafting_question(build_prompt(brief)) for brief in survey.briefs(per_cluster))
        work = _Submission(store, hosted, budget, retry_in_doubt=retry_in_doubt or budget.price.is_free)
        return asyncio.run(_alive(lease, work.all(questions)))


def collect(
    store: Store,
    provider: Provider,
    *,
    price: tuple[float, float] | None = None,
    redact: Callable[[str], str] = lambda text: text,
    wait: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> BatchReport:
    """Read the results of batches that have ended; those that have not are left alone.

    Args:
        store: the project that handed them over.
        provider: who drafts; as it was then.
        price: as it was given then.
        redact: masks personal data in what the provider wrote.
        wait: come back only when all have ended.
        progress: told (done, total) in calls after every look.

    Raises:
        BudgetError: the price is not known.
        ProviderError: the provider takes no batches.
    """
    hosted = _takes_batches(provider)
    reader = Reader(store, provider, price_of(provider, price), redact)
    with leased(store) as lease:
        store.sent_to_in_doubt()
        return asyncio.run(_alive(lease, _Collection(store, hosted, reader, progress).all(wait=wait)))


def _takes_batches(provider: Provider) -> HostedProvider:
    if not isinstance(provider, HostedProvider):
        raise ProviderError(f"{label(provider)} takes no batches; draft without --batch.")
    return provider


async def _alive(lease: Held, work: Awaitable[_T]) -> _T:
    """Do the work with a beating heart; a lost lease changes nothing here, for rows are claimed one by one."""
    pulse = asyncio.create_task(lease.beat(lambda: None))
    try:
        return await work
    finally:
        pulse.cancel()


async def _patiently(request: Callable[[], Awaitable[_T]]) -> _T:
    """A control request, repeated while the server says that it did nothing.

    Raises:
        CallFailed: for any other reason, or that one too often.
    """
    for attempt in range(1, ATTEMPTS):
        try:
            return await request()
        except CallFailed as failure:
            if failure.bill != "retry":
                raise
            await asyncio.sleep(wait_before(attempt, failure.retry_after, 0.5))
    return await request()


class _Attachment:
    """Finds batches again whose name was not kept."""

    def __init__(self, store: Store, provider: HostedProvider) -> None:
        self._store = store
        self._provider = provider

    def mine(self) -> list[Batch]:
        """The batches of this provider, model and server that are under way."""
        wanted = (self._provider.name, self._provider.model, self._provider.server)
        return [each for each in self._store.batches("under_way") if (each.provider, each.model, each.server) == wanted]

    async def attach_all(self) -> str | None:
        """Find every batch whose name is not known; says why one cannot be told yet, as a sentence."""
        unsure: str | None = None
        for batch in self.mine():
            if batch.remote_id is None:
                unsure = await self._attach(batch) or unsure
        return unsure

    async def _attach(self, batch: Batch) -> str | None:
        begun = datetime.fromisoformat(batch.created_at)
        listed = await _patiently(lambda: self._provider.recent(begun - _SKEW))
        candidates = [each for each in listed if self._may_be(each, batch, begun)]
        sure = [each for each in candidates if each.nonce == batch.nonce]
        if not sure:
            sure = [each for each in candidates if each.state == "ended" and await self._holds(each, batch)]
            candidates = [each for each in candidates if each.state != "ended" or each in sure]
        if not sure and len(candidates) == 1:
            sure = candidates  # if it is not ours after all, its rows will say so
        if sure:
            self._store.batch_attached(batch.nonce, sure[0].id)
            return None
        if candidates:
            return f"{len(candidates)} batches could be the one of {batch.created_at}; they tell when they have ended."
        if _seconds_since(batch.created_at) < SETTLE_S:
            return f"Whether the batch of {batch.created_at} was made cannot be said yet; try again in a minute."
        self._store.batch_ended(batch.nonce, "refused", "the batch was never made", "planned")
        return None

    def _may_be(self, remote: RemoteBatch, batch: Batch, begun: datetime) -> bool:
        if remote.nonce is not None or remote.created_at is None or self._provider.keeps_nonces:
            return remote.nonce == batch.nonce
        known = {each.remote_id for each in self._store.batches()}
        # While a file is being checked, its requests are not counted yet.
        alike = remote.requests in {0, batch.calls}
        return remote.id not in known and alike and remote.created_at <= begun + _SKEW + _WINDOW

    async def _holds(self, remote: RemoteBatch, batch: Batch) -> bool:
        """Whether the first rows of a batch that has ended are ours."""
        ours = {call.key for call in self._store.calls(batch=batch.nonce)}
        seen = 0
        async for row in self._provider.rows(remote):
            if row.key in ours:
                return True
            seen += 1
            if seen >= _SAMPLE_ROWS:
                break
        return False


class _Submission:
    """One run that hands over batches."""

    def __init__(self, store: Store, provider: HostedProvider, budget: Budget, *, retry_in_doubt: bool) -> None:
        self._store = store
        self._provider = provider
        self._budget = budget
        self._retry_in_doubt = retry_in_doubt
        self._reader = Reader(store, provider, budget.price, str)
        self._stopped: str | None = None
        self._submitted = 0

    async def all(self, questions: Iterator[Question]) -> BatchReport:
        """Hand over what is not under way, and report."""
        async with self._provider:
            attachment = _Attachment(self._store, self._provider)
            try:
                self._stopped = await attachment.attach_all()
                if self._stopped is None:
                    for entries in self._chunks(questions):
                        await self._hand_over(entries)
                        if self._stopped is not None:
                            break
            except CallFailed as failure:
                self._stopped = _sentence(self._provider, failure)
        return BatchReport(
            model=label(self._provider),
            submitted=self._submitted,
            under_way=tuple(_progress(each, 0) for each in attachment.mine()),
            in_doubt=calls_in_doubt(self._store),
            stopped=self._stopped,
        )

    def _chunks(self, questions: Iterator[Question]) -> Iterator[_Entries]:
        """What is to be sent, in batches that the provider takes and the cap allows."""
        limits = self._provider.limits
        entries: _Entries = {}
        size, reserved = 0, 0.0
        for call, question in self._open(questions):
            reserve_usd = self._budget.price.cost(worst_case(question))
            refusal = self._budget.refusal(reserved + reserve_usd, "A batch with the next call")
            if refusal is not None:
                self._stopped = refusal
                break
            length = len((question.system + question.user).encode("utf-8", "replace")) * 2 + _FRAME
            if entries and (len(entries) >= limits.requests or size + length > limits.bytes):
                yield entries
                if self._stopped is not None:
                    return
                entries, size, reserved = {}, 0, 0.0
            entries[call.key] = (question, reserve_usd)
            size, reserved = size + length, reserved + reserve_usd
        if entries:
            refusal, self._stopped = self._stopped, None
            yield entries
            self._stopped = self._stopped or refusal

    def _open(self, questions: Iterator[Question]) -> Iterator[tuple[Call, Question]]:
        for question in questions:
            call = planned(self._store, self._provider, question)
            again = self._reader.repair_of_useless(call, question)
            if again is not None:
                question, call = again, planned(self._store, self._provider, again)
            doubtful = call.state == "in_doubt" and not self._retry_in_doubt
            if call.state not in {"sent", "done"} and not doubtful:
                yield call, question

    async def _hand_over(self, entries: _Entries) -> None:
        nonce = uuid.uuid4().hex
        reserves = {key: reserve_usd for key, (_, reserve_usd) in entries.items()}
        provider = self._provider
        if not self._store.begin_batch(nonce, provider.name, provider.model, provider.server, reserves):
            self._stopped = "Another process has sent some of these calls meanwhile; run the command again."
            return
        requests = [provider.batch_entry(key, question) for key, (question, _) in entries.items()]
        try:
            remote = await _patiently(lambda: provider.submit(requests, nonce))
        except CallFailed as failure:
            if failure.bill == "in_doubt":
                self._stopped = (
                    f"Whether {provider.who} took the batch is not known ({failure}); it is looked for by "
                    f"--collect, and by the next --batch."
                )
                return
            self._store.batch_ended(nonce, "refused", str(failure), "planned")
            self._stopped = _sentence(provider, failure)
            return
        self._store.batch_attached(nonce, remote)
        self._submitted += len(entries)


_FRAME = 16_000
"""Bytes for what is sent with a question: the schema, the parameters, the key."""


class _Collection:
    """One run that reads results."""

    def __init__(
        self, store: Store, provider: HostedProvider, reader: Reader, progress: Callable[[int, int], None]
    ) -> None:
        self._store = store
        self._provider = provider
        self._reader = reader
        self._progress = progress
        self._rows: Counter[str] = Counter()
        self._ended = 0
        self._stopped: str | None = None
        self._spent_before, _ = store.spending()

    async def all(self, *, wait: bool) -> BatchReport:
        """Read what is there, until nothing is under way if somebody waits, and report."""
        async with self._provider:
            under_way = await self._look()
            while wait and under_way and self._stopped is None:
                await asyncio.sleep(POLL_S)
                under_way = await self._look()
        self._reader.read_unsettled()
        spent, _ = self._store.spending()
        return BatchReport(
            model=label(self._provider),
            under_way=tuple(under_way),
            ended=self._ended,
            rows=dict(sorted(self._rows.items())),
            calls=dict(sorted(self._reader.calls.items())),
            new=self._reader.new,
            spent_usd=spent - self._spent_before,
            in_doubt=calls_in_doubt(self._store),
            problems=tuple(self._reader.problems),
            stopped=self._stopped,
        )

    async def _look(self) -> list[BatchProgress]:
        """Look at every batch once; returns those that are under way still."""
        attachment = _Attachment(self._store, self._provider)
        done: dict[str, int] = {}
        total = 0
        try:
            self._stopped = await attachment.attach_all()
            for batch in attachment.mine():
                total += batch.calls
                if batch.remote_id is not None:
                    remote = await _patiently(partial(self._provider.look, batch.remote_id))
                    done[batch.nonce] = remote.done if remote.state == "under_way" else batch.calls
                    if remote.state != "under_way":
                        await self._read(batch, remote)
        except CallFailed as failure:
            self._stopped = _sentence(self._provider, failure)
        self._progress(sum(done.values()), max(total, 1))
        return [_progress(each, done.get(each.nonce, 0)) for each in attachment.mine()]

    async def _read(self, batch: Batch, remote: RemoteBatch) -> None:
        """Keep the rows of a batch that has ended, and close it."""
        open_keys = {call.key for call in self._store.calls(batch=batch.nonce) if call.state == "sent"}
        every_key = {call.key for call in self._store.calls(batch=batch.nonce)}
        strangers = self._rows["not_ours"]
        if remote.state == "refused":
            self._close(batch, "refused", f"the provider refused the batch: {remote.detail}".rstrip(": "), "planned")
            return
        if remote.state == "gone":
            self._close(batch, "gone", "the results are no longer there", "in_doubt")
            return
        try:
            async for row in self._provider.rows(remote):
                self._keep(row, open_keys, every_key)
        except CallFailed as failure:
            if failure.name != "not_found":
                raise
            self._close(batch, "gone", "the results are no longer there", "in_doubt")
            return
        if open_keys == every_key and self._rows["not_ours"] > strangers:
            self._store.batch_attached(batch.nonce, None)  # another one of about the same time and size
            return
        if remote.state == "cancelled":
            self._close(batch, "ended", "the batch was cancelled", "planned")
        else:
            self._close(batch, "ended", "missing from the results of the batch", "in_doubt")

    def _keep(self, row: Row, open_keys: set[str], every_key: set[str]) -> None:
        """Commit one row, as it came; of two for the same call the first counts."""
        if row.key not in open_keys:
            self._rows["repeated" if row.key in every_key else "not_ours"] += 1
            return
        open_keys.discard(row.key)
        self._rows[row.kind] += 1
        if row.kind == "answered":
            self._store.call_answered(row.key, row.raw)
        else:
            said = f"{_WORDS[row.kind]}: {row.detail}" if row.detail else _WORDS[row.kind]
            self._store.call_ended(row.key, "failed" if row.kind == "refused" else "planned", said)

    def _close(
        self,
        batch: Batch,
        state: Literal["ended", "refused", "gone"],
        note: str,
        rest: Literal["planned", "in_doubt"],
    ) -> None:
        missing = self._store.batch_ended(batch.nonce, state, note, rest)
        if missing:
            name = {"refused": "refused", "gone": "gone"}.get(state, "missing" if rest == "in_doubt" else "cancelled")
            self._rows[name] += missing
        self._ended += 1


_WORDS: Mapping[RowKind, str] = {
    "refused": "refused in the batch",
    "errored": "failed in the batch",
    "expired": "expired in the batch",
    "cancelled": "cancelled in the batch",
}


def _progress(batch: Batch, done: int) -> BatchProgress:
    return BatchProgress(
        id=batch.remote_id or "",
        calls=batch.calls,
        done=done,
        reserved_usd=batch.reserved_usd,
        created_at=batch.created_at,
        note="" if batch.remote_id is not None else "not found at the provider yet",
    )


def _sentence(provider: HostedProvider, failure: CallFailed) -> str:
    """Why batches cannot be handed over or read."""
    if failure.name in {"not_found", "redirected"} or failure.detail.startswith(("405", "501")):
        return f"{provider.who} has no batch interface; draft without --batch."
    if failure.bill == "stop" or failure.name == "unreachable":
        return failure.detail
    return f"{provider.who} does not serve batches now ({failure}); try again later."


def _seconds_since(at: str) -> float:
    return (datetime.fromisoformat(now()) - datetime.fromisoformat(at)).total_seconds()
