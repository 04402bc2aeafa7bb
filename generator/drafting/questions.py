"""What a call asks, whatever it is about: the texts that are sent, the shape of the answer, and the call's key.

A call is known by what it sends, so the same question is never paid for twice, whenever it is asked.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from string import Template
from typing import Any

from generator.drafting.briefing import Brief, Source
from generator.drafting.kinds import KINDS
from generator.drafting.prompting import Prompt
from generator.ledger import Call, Purpose
from generator.records import Message, messages_to_json
from generator.store import Store

_TOKENS_PER_DRAFT, _TOKENS_PER_ANSWER = 900, 1_000

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Question:
    """What one call sends."""

    purpose: Purpose
    about: str
    """What it is about, in words for people: the name of a cluster."""
    cluster_id: str
    """Empty where it is about several clusters."""
    system: str
    """The same in every call of this purpose, so that providers can cache it."""
    user: str
    prompt_hash: str
    """Version of the templates."""
    entries: int
    """How many drafts, or names, are asked for."""
    max_tokens: int
    """The most an answer may take, thinking included."""
    schema_name: str
    schema: Callable[[], Schema] | None
    """The answer's JSON schema for strict modes; None where the answer is text."""
    bounded: Callable[[], Schema] | None
    """The same with bounds, for servers that make a grammar of it."""
    context: Mapping[str, Any]
    """What the journal keeps so that the answer can be read at any time."""
    sample: int = 0
    """Counts the calls of a cluster."""
    repairs: str | None = None
    """Key of the call whose answer could not be used, where this one asks for a better one."""
    conversation: tuple[Message, ...] = ()
    """What is sent as it is, in place of `system` and `user`, which hold its texts then."""
    prompt: Prompt | None = None
    """What it was made from, if it asks for drafts; the rules of the offline drafter read this instead."""

    @property
    def turns(self) -> list[dict[str, str]]:
        """What is sent besides the system prompt."""
        said = [each for each in self.conversation if each.role != "system"]
        return [{"role": each.role, "content": each.content} for each in said] or [
            {"role": "user", "content": self.user}
        ]


def key_of(provider: str, model: str, params: Mapping[str, str | int | bool], question: Question) -> str:
    """The key of a call: a hash of everything that is sent, and of the number of the sample.

    A repair's is made from the key of the call that it repairs: there is one repair for each, ever.
    """
    if question.repairs is not None:
        return hashlib.sha256(f"{question.repairs} repair".encode()).hexdigest()
    sent = dict(params) | {"max_tokens": question.max_tokens}
    parts: list[object] = [provider, model, sent, question.system, question.user, question.sample]
    if question.conversation:
        parts.append(messages_to_json(question.conversation))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def max_tokens(drafts: int) -> int:
    """The most an answer with this many drafts may take, thinking included."""
    return _TOKENS_PER_ANSWER + drafts * _TOKENS_PER_DRAFT


def drafting_question(prompt: Prompt) -> Question:
    """The question for drafts that a prompt asks."""
    return Question(
        purpose="drafting",
        about=prompt.brief.cluster.name,
        cluster_id=prompt.brief.cluster.id,
        system=prompt.system,
        user=prompt.user,
        prompt_hash=prompt.hash,
        entries=len(prompt.brief.plan),
        max_tokens=max_tokens(len(prompt.brief.plan)),
        schema_name="drafts",
        schema=_strict,
        bounded=lambda: _bounded(prompt),
        context={
            "nonce": prompt.nonce,
            "user": prompt.user,
            "plan": [kind.name for kind in prompt.brief.plan],
            "sources": [[source.alias, source.shown_as, source.trace.id] for source in prompt.brief.sources],
            "neighbours": [trace.id for trace in prompt.brief.neighbours],
            "accepted": list(prompt.brief.accepted),
            "sample": prompt.brief.sample,
        },
        sample=prompt.brief.sample,
        prompt=prompt,
    )


def repair_of(question: Question, key: str, problem: str) -> Question:
    """The question to ask again, once, where an answer could not be used.

    Args:
        question: the first one.
        key: its call.
        problem: what was wrong with the answer, in our words. The answer itself is not sent back: whatever
            led a model astray would lie outside of the fence.
    """
    text = resources.files("generator.drafting").joinpath("prompts", "repair.txt").read_text(encoding="utf-8")
    again = Template(text).substitute(problem=problem)
    return replace(question, user=f"{question.user.rstrip()}\n\n{again}", repairs=key)


def recalled_prompt(store: Store, call: Call) -> Prompt:
    """The prompt of a call that was made before, as far as reading its answer needs it."""
    kept = call.context
    clusters = {cluster.id: cluster for cluster in store.clusters()}
    traces = {trace.id: trace for trace in store.traces(trace_id for _, _, trace_id in kept.get("sources", ()))}
    sources = tuple(
        Source(alias, shown_as, traces[trace_id])
        for alias, shown_as, trace_id in kept.get("sources", ())
        if trace_id in traces
    )
    plan = tuple(KINDS[name] for name in kept.get("plan", ()) if name in KINDS)
    brief = Brief(
        clusters[call.cluster_id],
        plan,
        sources,
        tuple(store.traces(kept.get("neighbours", ()))),
        tuple(kept.get("accepted", ())),
        sample=kept.get("sample", 0),
    )
    return Prompt("", kept.get("user", ""), kept.get("nonce", ""), call.prompt_hash, brief)


def _strict() -> Schema:
    from generator.drafting.schema import answer_schema

    return answer_schema()


def _bounded(prompt: Prompt) -> Schema:
    from generator.drafting.schema import bounded_schema

    return bounded_schema(prompt)
