"""The drafter that needs no model: makes variants and edge cases from real inputs by rule.

It gives the same JSON as a model would, goes through the same journal and is read in the same way. The same
brief gives the same drafts, and every draft says that no model wrote it.
"""

import json
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from generator.drafting.briefing import Brief, Source
from generator.drafting.kinds import EDGE_CASES, VARIANTS, Kind
from generator.drafting.prompting import MAX_TURN
from generator.drafting.providers.phrases import Phrases, language_of
from generator.drafting.providers.provider import Answer, CallFailed, RawAnswer, Usage
from generator.drafting.providers.rules import PROBES, RULES, Case, Made, asks, own_words
from generator.drafting.questions import Question
from generator.drafting.verification import OVERLAP, overlap
from generator.records import Message, content_id

RULES_VERSION = 3
"""Raised whenever the rules change what they write, so that a new run makes new drafts."""

_MAX_BEFORE = 6
_MAX_COMPARED = (_MAX_BEFORE + 1) * MAX_TURN
"""No draft is longer."""
_MIN_SHARED = 2


class OfflineProvider:
    """Answers by rule, for air-gapped machines, demonstrations and tests."""

    name = "offline"
    model = "rules"
    free = True
    priced_as = None
    timeout_s = 120.0
    listens = False

    @property
    def params(self) -> Mapping[str, str | int | bool]:
        """The version of the rules."""
        return {"rules": RULES_VERSION}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def send(self, question: Question) -> RawAnswer:
        """Draft by rule from the brief; the rules know no other question."""
        prompt = question.prompt
        if prompt is None:
            raise CallFailed("unsendable", "stop", "The rules draft; they answer no other question.")
        drafts = list(_drafts(prompt.brief, content_id("offline", prompt.nonce, str(prompt.brief.sample))))
        return RawAnswer(json.dumps({"drafts": drafts}).encode())

    def parse(self, raw: bytes) -> Answer:
        """The answer is the bytes."""
        return Answer("ok", raw.decode("utf-8", "replace"), Usage())


def _drafts(brief: Brief, random_state: str) -> Iterator[dict[str, Any]]:
    rng = random.Random(random_state)
    cases = _cases(brief, rng)
    taken = {" ".join(source.trace.text.split()) for source in brief.sources}
    unplanned = _shuffled_rest(brief.plan, rng)
    for planned in brief.plan:
        for kind in (planned, *unplanned):
            made = _first_that_applies(kind, cases, taken)
            if made is not None:
                case, result = made
                taken.add(_as_said(result))
                # Another source next time, and another kind where one had to stand in.
                cases.append(cases.pop(cases.index(case)))
                if kind in unplanned:
                    unplanned.remove(kind)
                yield _as_json(kind, case, result)
                break


def _shuffled_rest(plan: Sequence[Kind], rng: random.Random) -> list[Kind]:
    """The kinds that stand in for one that applies to no source."""
    rest = [kind for kind in (*VARIANTS, *EDGE_CASES) if kind not in plan]
    return rng.sample(rest, len(rest))


def _first_that_applies(kind: Kind, cases: Sequence[Case], taken: set[str]) -> tuple[Case, Made] | None:
    # Those that ask for something first: praise and thanks make poor requests.
    for case in sorted(cases, key=lambda case: not case.asks):
        made = RULES[kind.name](case)
        if made is not None and _as_said(made) not in taken and not _is_copy(kind, case, made):
            return case, made
    return None


def _is_copy(kind: Kind, case: Case, made: Made) -> bool:
    """Whether a variant is so near its source by letter that verification would call it a copy."""
    if kind.origin == "edge":
        return False
    before = [turn["content"] for turn in case.before if turn["role"] == "user"]
    return overlap("\n".join([*before, made.text]), case.source.trace.text[:_MAX_COMPARED]) >= OVERLAP


def _as_said(made: Made) -> str:
    return " ".join("\n".join([made.text, *(turn["content"] for turn in made.after)]).split())


def _cases(brief: Brief, rng: random.Random) -> list[Case]:
    """The sources that rules can work on, in an order that begins with a typical one."""
    around = "\n".join(source.trace.text[:MAX_TURN] for source in brief.sources)
    context = (around, brief.elsewhere)
    usable = [
        (source, *_last_asked(source, language_of(source.trace.text[:MAX_TURN], *context))) for source in brief.sources
    ]
    usable = [each for each in usable if any(char.isalnum() for char in each[1])]
    shared = _shared_words(brief.sources)
    tools = [turn for source in brief.sources for turn in source.trace.messages if turn.tool_calls]
    cases = [
        Case(
            source=source,
            text=text,
            before=before,
            shortened=len(text) < len(source.trace.text) and not before,
            phrases=language_of(text, *context),
            others=tuple(other for _, other, _ in usable if other != text),
            neighbours=tuple(clipped for trace in brief.neighbours if (clipped := _clip(trace.text))),
            shared_words=shared,
            uses_tools=bool(tools),
            rng=random.Random(f"{rng.random()}"),
        )
        for source, text, before in usable
    ]
    start = rng.randrange(len(cases)) if cases else 0
    return cases[start:] + cases[:start]


def _last_asked(source: Source, phrases: Phrases | None) -> tuple[str, tuple[dict[str, str], ...]]:
    """The user's last message that asks for something, else the last; and the turns before it, as drafts have them."""
    spoken = [message for message in source.trace.messages if message.role != "system"]
    said = [at for at, message in enumerate(spoken) if message.role == "user" and message.content.strip()]
    if not said:
        return _clip(source.trace.text), ()
    last = next((at for at in reversed(said) if asks(_clip(spoken[at].content), phrases)), said[-1])
    return _clip(spoken[last].content), tuple(_turns(_whole_exchanges(spoken[:last])))


def _whole_exchanges(messages: Sequence[Message]) -> Sequence[Message]:
    """The last few turns, from a user's turn on, so that no tool result stands without its call."""
    kept = messages[-_MAX_BEFORE:]
    start = next((at for at, message in enumerate(kept) if message.role == "user"), len(kept))
    return kept[start:]


def _turns(messages: Sequence[Message]) -> Iterator[dict[str, str]]:
    names = {call.id: call.name for message in messages for call in message.tool_calls}
    for message in messages:
        called = message.tool_calls[0] if message.tool_calls else None
        yield {
            "role": message.role,
            "content": _clip(message.content),
            "tool": called.name if called else names.get(message.tool_call_id or "", ""),
            "arguments": called.arguments[:MAX_TURN] if called else "",
        }


def _clip(text: str) -> str:
    text = text.strip()
    return text if len(text) <= MAX_TURN else text[:MAX_TURN].rpartition(" ")[0] or text[:MAX_TURN]


def _shared_words(sources: Sequence[Source]) -> tuple[str, ...]:
    """The words that most sources have in common: what the group is about."""
    counts = Counter(word for source in sources for word in sorted(set(own_words(source.trace.text[:MAX_TURN]))))
    return tuple(word for word, count in counts.most_common(60) if count >= _MIN_SHARED and len(word) > 2)


def _as_json(kind: Kind, case: Case, made: Made) -> dict[str, Any]:
    turns = [*case.before, {"role": "user", "content": made.text, "tool": "", "arguments": ""}, *made.after]
    shortened = ("the end of the input was left out",) if case.shortened else ()
    return {
        "kind": kind.name,
        "turns": turns,
        "criteria": list(made.criteria),
        "must_not": list(made.must_not),
        "why": f"Finds out {PROBES[kind.name]}. Made by rule from a real input, no model wrote it.",
        "invented": [*made.invented, *shortened],
        "sources": [case.source.alias],
    }
