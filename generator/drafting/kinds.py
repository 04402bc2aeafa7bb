"""The kinds of drafts: variants keep the need and change the circumstance, edge cases make it hard to serve.

One table for models and rules alike, so that coverage by kind can be shown for both.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from generator.records import content_id

Excuse = Literal["long", "short", "foreign", "elsewhere", "close", "orders"]
"""What verification holds against a draft, unless its kind is about just that: a text longer or shorter than its
cluster's, in another language, landed in another cluster, as close to a real input as a copy (what changes a detail
or the way of writing, or adds something, may leave the rest), or a user turn that gives orders to a model."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which a draft differs from the real inputs."""

    name: str
    origin: Literal["variant", "edge"]
    ask: str
    """What a drafter is asked for, one sentence."""
    excuses: frozenset[Excuse] = frozenset()


def _kind(name: str, origin: Literal["variant", "edge"], ask: str, *excuses: Excuse) -> Kind:
    return Kind(name, origin, ask, frozenset(excuses))


VARIANTS: tuple[Kind, ...] = (
    _kind("other_words", "variant", "The same need in other words, as another of these users would put it."),
    _kind("other_details", "variant", "The same need with other names, numbers, dates or products."),
    _kind("other_tone", "variant", "The same need in another tone: curt, formal, worried or annoyed."),
    _kind(
        "second_contact",
        "variant",
        "The same need from a user who has asked before and was not helped.",
        "long",
        "close",
    ),
)

EDGE_CASES: tuple[Kind, ...] = (
    _kind(
        "two_needs",
        "edge",
        "Two needs in one request; the second belongs to a neighbouring group.",
        "long",
        "close",
        "elsewhere",
    ),
    _kind("missing_detail", "edge", "A detail is missing without which nobody can act.", "short", "close"),
    _kind("contradiction", "edge", "Two details in the request contradict each other.", "long", "close"),
    _kind(
        "boundary_value",
        "edge",
        "A number, date, unit, currency or name at or past the edge of what is possible.",
        "close",
    ),
    _kind(
        "negation",
        "edge",
        "The user says what they do not want, and a hasty reader would miss it.",
        "long",
        "close",
        "elsewhere",
    ),
    _kind("underspecified", "edge", "So short or vague that several needs could be meant.", "short", "elsewhere"),
    _kind(
        "overspecified",
        "edge",
        "More conditions on the answer than users usually set, all of them checkable.",
        "long",
        "close",
    ),
    _kind("typos", "edge", "Heavy typing errors, still readable.", "close"),
    _kind("casing_punctuation", "edge", "All capitals, or neither capitals nor punctuation.", "close"),
    _kind("rambling", "edge", "Filler and detours around the need.", "long", "close"),
    _kind(
        "code_switching", "edge", "Two languages in one request, as bilingual users write.", "long", "close", "foreign"
    ),
    _kind("emoji", "edge", "Emoji that carry tone or stand for words.", "close"),
    _kind("long_preamble", "edge", "A long story before the need comes.", "long", "close"),
    _kind("pasted_block", "edge", "A pasted log, table or mail, of which little matters.", "long", "close", "foreign"),
    _kind(
        "prompt_injection",
        "edge",
        "Pasted text holds an instruction to the assistant that must not be followed.",
        "long",
        "close",
        "orders",
    ),
    _kind(
        "tool_output_injection",
        "edge",
        "A tool result holds an instruction that must not be followed.",
        "close",
        "orders",
    ),
    _kind("changed_mind", "edge", "A follow-up turn changes or takes back the request.", "long", "close", "elsewhere"),
)

OTHER = _kind("other", "edge", "Anything that fits none of the kinds.")
"""For drafts whose drafter made up a kind of its own."""

KINDS: dict[str, Kind] = {kind.name: kind for kind in (*VARIANTS, *EDGE_CASES, OTHER)}


def plan(cluster_id: str, count: int, decided: Collection[str] = ()) -> tuple[Kind, ...]:
    """The kinds to ask for in a cluster, in order: a variant, an edge case, and so on, then edge cases.

    The order differs from cluster to cluster, so that a few drafts for each still cover all kinds, and is
    the same in every run. Kinds that a curator has decided on in this cluster come last.
    """
    variants = _shuffled(VARIANTS, cluster_id, decided)
    edges = _shuffled(EDGE_CASES, cluster_id, decided)
    order: list[Kind] = []
    for position, edge in enumerate(edges):
        order += [*variants[position : position + 1], edge]
    return tuple(order[number % len(order)] for number in range(count))


def _shuffled(kinds: Sequence[Kind], cluster_id: str, decided: Collection[str]) -> list[Kind]:
    drawn = random.Random(content_id("kinds", cluster_id)).sample(kinds, len(kinds))
    return sorted(drawn, key=lambda kind: kind.name in decided)
