"""Names of clusters by a model: one short call for many clusters, entered, paid and resumed like any other call.

What a model calls a cluster is text made from logs: it is used only if it is short, plain and nobody else's name.
A cluster whose name is not usable keeps the one made of its phrases, and one that a person named is not sent.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from importlib import resources
from string import Template
from typing import Any

from generator.drafting.budget import Budget, Estimate, Price, price_of, usage_json, worst_case
from generator.drafting.drafting import estimate_of
from generator.drafting.journal import Journal, Reply
from generator.drafting.leasing import Held, leased
from generator.drafting.pacing import Pace
from generator.drafting.prompting import fenced
from generator.drafting.providers.provider import Provider, label
from generator.drafting.providers.wire import dig
from generator.drafting.questions import Question, Schema
from generator.errors import ProviderError
from generator.ledger import Call
from generator.printable import one_line
from generator.records import Cluster, content_id
from generator.store import Store

PER_CALL = 20
"""Clusters in one call."""
_INPUTS, _INPUT = 4, 240
"""Inputs shown of a cluster, and characters of each."""
_TOKENS_PER_NAME, _TOKENS_PER_ANSWER = 60, 600
_MAX_NAME, _MAX_WORDS = 60, 5
_MAX_ANSWER = 200_000

_ADDRESS = re.compile(r"://|www\.|[\w.+-]+@\w|\b[\w-]+\.(?:com|org|net|io|dev|app|info|example)\b", re.IGNORECASE)
_MARKUP = re.compile(r"[<>\[\]{}`*_#|\\⟦⟧]|^[\s\-=+@]")


@dataclass(frozen=True, slots=True)
class NamingReport:
    """What naming did."""

    model: str
    named: int
    refused: Mapping[str, str]
    """Cluster id -> why the name it was given is not used."""
    requests: int
    calls: Mapping[str, int]
    """Calls by outcome."""
    spent_usd: float
    stopped: str | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self)


def name_clusters(
    store: Store,
    provider: Provider,
    *,
    max_cost: float | None = None,
    concurrency: int = 4,
    price: tuple[float, float] | None = None,
    retry_in_doubt: bool = False,
    redact: Callable[[str], str] = lambda text: text,
) -> NamingReport:
    """Have a model name the clusters that bear the name of their phrases; each is asked about once.

    Args:
        store: a clustered project.
        provider: who names; not the rules.
        max_cost: hard cap, in US dollars, on what the project spends.
        concurrency: calls under way at a time.
        price: US dollars per million tokens, input and output, where it is not published.
        retry_in_doubt: send again what may have been billed without an answer.
        redact: masks personal data; a name that it changes is not used.

    Raises:
        BudgetError: the price is not known, or the cap allows nothing.
        ProviderError: the provider cannot name.
        ProjectError: another process drafts.
    """
    if not provider.listens:
        raise ProviderError("Without a model, clusters have names made of their phrases; name one with --model.")
    budget = Budget(store, price_of(provider, price), max_cost)
    with leased(store) as lease:
        store.sent_to_in_doubt()
        journal = Journal(store, provider, budget, Pace(), retry_in_doubt=retry_in_doubt)
        return asyncio.run(_Naming(store, provider, journal, budget.price, redact).all(max(concurrency, 1), lease))


def estimate_naming(store: Store, provider: Provider, *, price: tuple[float, float] | None = None) -> Estimate:
    """What `name_clusters` would cost; sends nothing. The rules name nothing, for nothing."""
    asked = questions(store, provider) if provider.listens else iter(())
    return estimate_of(store, provider, price_of(provider, price), asked)


def questions(store: Store, provider: Provider) -> Iterator[Question]:
    """The questions that are open: those under way or in doubt as they were, then what was never asked."""
    asked: set[str] = set()
    for call in _calls(store, provider):
        ids = set(call.context.get("clusters", {}).values())
        if call.state in {"done", "sent", "in_doubt"}:
            asked |= ids
        if call.state == "in_doubt":
            yield _recalled(call)
    nameless = [each for each in store.clusters() if each.named_by == "phrases" and each.id not in asked]
    for start in range(0, len(nameless), PER_CALL):
        yield _question(store, nameless[start : start + PER_CALL])


def _calls(store: Store, provider: Provider) -> list[Call]:
    mine = (provider.name, provider.model, "naming")
    return [call for call in store.calls() if (call.provider, call.model, call.purpose) == mine]


def _question(store: Store, clusters: Sequence[Cluster]) -> Question:
    aliases = {f"g{number}": each for number, each in enumerate(clusters, start=1)}
    groups = [
        {"id": alias, "inputs": [trace.text[:_INPUT] for trace in store.traces(each.exemplar_ids[:_INPUTS])]}
        for alias, each in aliases.items()
    ]
    data = fenced({"groups": groups})
    nonce = content_id("fence", data)[:12]
    user = Template(_template("names_task.txt")).substitute(count=len(groups), nonce=nonce, data=data)
    return _asked(user, nonce, {alias: each.id for alias, each in aliases.items()})


def _asked(user: str, nonce: str, clusters: Mapping[str, str]) -> Question:
    return Question(
        purpose="naming",
        about=f"names of {len(clusters)} clusters",
        cluster_id="",
        system=_template("names_system.txt"),
        user=user,
        prompt_hash=content_id("names", _template("names_system.txt"), _template("names_task.txt")),
        entries=len(clusters),
        max_tokens=_TOKENS_PER_ANSWER + _TOKENS_PER_NAME * len(clusters),
        schema_name="names",
        schema=lambda: _schema(None),
        bounded=lambda: _schema(len(clusters)),
        context={"user": user, "nonce": nonce, "clusters": dict(clusters)},
    )


def _recalled(call: Call) -> Question:
    """The question of a call that was made before: clusters may have other inputs by now."""
    kept = call.context
    return replace(
        _asked(str(kept.get("user", "")), str(kept.get("nonce", "")), kept.get("clusters", {})),
        prompt_hash=call.prompt_hash,
    )


@cache
def _template(name: str) -> str:
    return resources.files("generator.drafting").joinpath("prompts", name).read_text(encoding="utf-8")


def _schema(count: int | None) -> Schema:
    """The shape of an answer; with bounds for so many names."""
    text: dict[str, Any] = {"type": "string"}
    entry: dict[str, Any] = {
        "type": "object",
        "properties": {
            "id": dict(text),
            "name": text if count is None else text | {"minLength": 2, "maxLength": _MAX_NAME},
        },
        "required": ["id", "name"],
        "additionalProperties": False,
    }
    names: dict[str, Any] = {"type": "array", "items": entry}
    return {
        "type": "object",
        "properties": {"names": names if count is None else names | {"minItems": count, "maxItems": count}},
        "required": ["names"],
        "additionalProperties": False,
    }


class _Naming:
    """One run of naming."""

    def __init__(
        self, store: Store, provider: Provider, journal: Journal, price: Price, redact: Callable[[str], str]
    ) -> None:
        self._store = store
        self._provider = provider
        self._journal = journal
        self._price = price
        self._redact = redact
        self._calls: Counter[str] = Counter()
        self._named = 0
        self._refused: dict[str, str] = {}
        self._spent_before, _ = store.spending()

    async def all(self, concurrency: int, lease: Held) -> NamingReport:
        """Read what is there, ask for the rest, and report."""
        for call in _calls(self._store, self._provider):
            if call.state == "done" and call.outcome is None and call.raw is not None:
                self._read(call.raw, call.key, _recalled(call))
        open_questions = list(questions(self._store, self._provider))
        if open_questions:
            async with self._provider:
                pulse = asyncio.create_task(lease.beat(lambda: self._journal.stop("Another process drafts now.")))
                limit = asyncio.Semaphore(concurrency)
                try:
                    await asyncio.gather(*(self._ask(question, limit) for question in open_questions))
                finally:
                    pulse.cancel()
        spent, _ = self._store.spending()
        return NamingReport(
            model=label(self._provider),
            named=self._named,
            refused=dict(self._refused),
            requests=self._journal.requests,
            calls=dict(sorted(self._calls.items())),
            spent_usd=spent - self._spent_before,
            stopped=self._journal.stopped,
        )

    async def _ask(self, question: Question, limit: asyncio.Semaphore) -> None:
        async with limit:
            reply: Reply = await self._journal.ask(question)
        if reply.raw is None:
            self._calls[reply.outcome] += 1
        else:
            self._read(reply.raw, reply.key, question)

    def _read(self, raw: bytes, key: str, question: Question) -> None:
        """Use the names in an answer, and settle it."""
        answer = self._provider.parse(raw)
        if answer.outcome == "bad_response":
            self._store.call_ended(key, "in_doubt", f"{answer.outcome}: {answer.detail}"[:200])
            self._calls[answer.outcome] += 1
            return
        outcome: str = answer.outcome
        if outcome in {"ok", "truncated"}:
            given = read_names(answer.text)
            outcome = outcome if given else "bad_json"
            self._use(given, question)
        self._store.call_settled(
            key, outcome, usage_json(answer.usage), self._price.cost(answer.usage or worst_case(question))
        )
        self._calls[outcome] += 1

    def _use(self, given: Mapping[str, str], question: Question) -> None:
        clusters = {each.id: each for each in self._store.clusters()}
        taken = {each.name.casefold() for each in clusters.values()}
        names: dict[str, str] = {}
        for alias, cluster_id in question.context["clusters"].items():
            if alias not in given or cluster_id not in clusters:
                continue
            name = " ".join(given[alias].split()) if len(given[alias]) < _MAX_ANSWER else given[alias]
            others = taken - {clusters[cluster_id].name.casefold()}
            problem = problem_of(given[alias], str(question.context["nonce"]), others, self._redact)
            if problem is not None:
                self._refused[cluster_id] = problem
                continue
            names[cluster_id] = name[:1].upper() + name[1:]
            taken.add(name.casefold())
        self._named += self._store.name_clusters(names)


def read_names(text: str) -> dict[str, str]:
    """The names in an answer by what we called the groups; none where it holds none. Never raises."""
    if len(text) > _MAX_ANSWER:
        return {}
    start, end = text.find("{"), text.rfind("}")
    try:
        value = json.loads(text[start : end + 1]) if start >= 0 else None
    except (ValueError, RecursionError):
        return {}
    entries = dig(value, "names")
    found: dict[str, str] = {}
    for entry in entries if isinstance(entries, list) else []:
        alias, name = dig(entry, "id"), dig(entry, "name")
        if isinstance(alias, str) and isinstance(name, str):
            found.setdefault(alias.strip().lower(), name)
    return found


def problem_of(name: str, nonce: str, others: set[str], redact: Callable[[str], str]) -> str | None:
    """Why a name cannot be used, in words; None if it can.

    Args:
        name: as the model wrote it.
        nonce: the fence code of the prompt.
        others: names of other clusters, case folded.
        redact: masks personal data.
    """
    plain = " ".join(name.split()) if len(name) <= 10 * _MAX_NAME else name
    checks: tuple[tuple[Callable[[], bool], str], ...] = (
        (lambda: not any(char.isalnum() for char in plain), "it is blank"),
        (lambda: len(plain) > _MAX_NAME, f"it has {len(plain):,} characters"),
        (lambda: bool(nonce) and nonce in plain, "it repeats the fence code"),
        (lambda: not name.strip().isprintable(), "it has characters that cannot be seen"),
        (lambda: _ADDRESS.search(plain) is not None, "it has an address"),
        (lambda: _MARKUP.search(plain) is not None, "it has markup"),
        (lambda: len(plain.split()) > _MAX_WORDS, f"it has {len(plain.split())} words"),
        (lambda: redact(plain) != plain, "it has personal data"),
        (lambda: plain.casefold() in others, "another cluster has this name"),
    )
    seen = "".join(char if char.isprintable() else "·" for char in plain[: 2 * _MAX_NAME])
    return next((f"{words}: {one_line(seen, 40)}" for is_so, words in checks if is_so()), None)
