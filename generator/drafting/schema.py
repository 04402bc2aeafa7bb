"""The shape of a drafter's answer, and the way from its raw text to drafts.

Reading is total: whatever a model says, the result is drafts, named problems, or both. What can be repaired
without guessing is (prose around the JSON, an answer that was cut off); one bad draft costs that draft.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ValidationError, model_validator

from generator.drafting.kinds import KINDS, OTHER
from generator.drafting.prompting import Prompt
from generator.drafting.verification import marks_on_reading
from generator.printable import one_line
from generator.records import Draft, Mark, Message, ToolCall

_MAX_ANSWER = 2_000_000
_MAX_DRAFTS = 50
_MAX_TURNS = 40
_MAX_CONTENT = 40_000
_MAX_ENTRIES = 12
_MAX_ENTRY = 600
_MAX_STARTS = 20
"""How many opening brackets in prose are tried before we give up: each may cost a scan of the whole text."""

_ADDRESS = re.compile(r"(?:https?://|www\.)[^\s\"'<>()]{3,200}|[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}")
_PLACEHOLDER = re.compile(r"⟦([A-Z_]+)-\d+⟧")
_DECODER = json.JSONDecoder(parse_constant=lambda name: None)


class _Lenient(BaseModel):
    """Reads null as if the field had been left out: models write it where a schema says string."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, value: Any) -> Any:
        return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


class Turn(_Lenient):
    """One turn of a drafted conversation."""

    role: Literal["user", "assistant", "tool"]
    content: str = ""
    tool: str = ""
    arguments: str = ""


class DraftedItem(_Lenient):
    """One draft, as a model writes it."""

    kind: str
    turns: list[Turn]
    criteria: list[str]
    must_not: list[str] = []
    why: str = ""
    invented: list[str] = []
    sources: list[str] = []


class DraftedAnswer(BaseModel):
    """A whole answer."""

    drafts: list[DraftedItem]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of an answer."""

    drafts: tuple[Draft, ...]
    problems: tuple[str, ...] = ()
    """Why drafts, or the whole answer, could not be used."""
    is_json: bool = True
    marks: Mapping[str, tuple[Mark, ...]] = field(default_factory=dict)
    """What speaks against drafts, by their ids."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an answer came from, for the lineage of its drafts."""

    prompt: Prompt
    model: str
    call_key: str


@cache
def answer_schema() -> dict[str, Any]:
    """The JSON schema to send: every property required and none beside them, as strict modes want it."""
    schema = DraftedAnswer.model_json_schema()
    for model in (schema, *schema["$defs"].values()):
        model["required"] = list(model["properties"])
        model["additionalProperties"] = False
        for each in model["properties"].values():
            each.pop("default", None)
    return schema


def bounded_schema(prompt: Prompt) -> dict[str, Any]:
    """The schema with bounds, for servers that make a grammar of it.

    A small model that may write nothing does, and one that may go on never stops. OpenAI's strict mode
    refuses bounds on strings, so its own API gets the schema without.
    """
    schema = deepcopy(answer_schema())
    drafts, item, turn = schema["properties"]["drafts"], *(schema["$defs"][name] for name in ("DraftedItem", "Turn"))
    drafts |= {"minItems": 1, "maxItems": len(prompt.brief.plan)}
    fields = item["properties"]
    fields["kind"] |= {"enum": [kind.name for kind in prompt.brief.plan]}
    fields["turns"] |= {"minItems": 1, "maxItems": 6}
    fields["why"] |= {"minLength": 10, "maxLength": 300}
    for name, fewest in (("criteria", 1), ("must_not", 0), ("invented", 0), ("sources", 1)):
        fields[name] |= {"minItems": fewest, "maxItems": 4}
        fields[name]["items"] |= {"minLength": 1 if name == "sources" else 10, "maxLength": 200}
    turn["properties"]["content"] |= {"minLength": 1, "maxLength": 2_000}
    turn["properties"]["tool"] |= {"maxLength": 80}
    turn["properties"]["arguments"] |= {"maxLength": 400}
    return schema


def read_answer(text: str, origin: Origin, redact: Callable[[str], str] = lambda text: text) -> Reading:
    """The drafts in an answer.

    Args:
        text: what the model wrote.
        origin: the prompt that was answered, by whom.
        redact: masks personal data and secrets in every text before it becomes part of a draft.
    """
    if len(text) > _MAX_ANSWER:
        return Reading((), (f"the answer has {len(text):,} characters",), is_json=False)
    found = _find_items(text)
    if found is None:
        return Reading((), ("no JSON object in the answer" if text.strip() else "the answer is empty",), is_json=False)
    drafts: dict[str, Draft] = {}
    marks: dict[str, tuple[Mark, ...]] = {}
    problems: list[str] = []
    for number, item in enumerate(found[:_MAX_DRAFTS], start=1):
        clean = _Cleaner(redact)
        made = _draft(item, origin, clean)
        if isinstance(made, str):
            problems.append(f"draft {number}: {made}")
        elif made.id in drafts:
            problems.append(f"draft {number}: the same as one before it")
        else:
            drafts[made.id] = made
            marks[made.id] = marks_on_reading(made, origin.prompt, clean.masked)
    if len(found) > _MAX_DRAFTS:
        problems.append(f"{len(found) - _MAX_DRAFTS} drafts too many were left out")
    if not found:
        problems.append("the answer holds no drafts")
    return Reading(tuple(drafts.values()), tuple(problems), marks=marks)


# From text to items -----------------------------------------------------------------------------


def _find_items(text: str) -> list[Any] | None:
    values = list(_values(text))
    for value in values:
        if isinstance(value, dict) and isinstance(value.get("drafts"), list):
            return list(value["drafts"])
    # Before single items: in an answer that was cut off, those are all that decodes.
    items = _items_before_the_cut(text)
    if items is not None:
        return items
    return next((each for value in values if (each := _items(value))), None)


def _items(value: object) -> list[Any]:
    """What looks like drafts without the frame that we asked for."""
    values = value if isinstance(value, list) else [value]
    return values if all(isinstance(each, dict) and "turns" in each for each in values) else []


def _values(text: str) -> Iterator[object]:
    """The JSON values in a text: all of it, else whatever starts at a bracket in the prose."""
    whole = text.strip().removeprefix("\ufeff")
    start, tries = 0, 0
    while tries < _MAX_STARTS:
        match = re.compile(r"[{\[]").search(whole, start)
        if match is None:
            return
        tries += 1
        value, end = _decode(whole, match.start())
        if end is not None:
            yield value
        start = end if end is not None else match.start() + 1


def _items_before_the_cut(text: str) -> list[Any] | None:
    """The whole items of an answer that was cut off in the middle."""
    opening = re.search(r"\"drafts\"\s*:\s*\[", text)
    if opening is None:
        return None
    items: list[Any] = []
    position = opening.end()
    while True:
        start = re.compile(r"[\s,]*(?={)").match(text, position)
        if start is None:
            return items
        value, end = _decode(text, start.end())
        if end is None:
            return items
        items.append(value)
        position = end


def _decode(text: str, start: int) -> tuple[object, int | None]:
    try:
        return _DECODER.raw_decode(text, start)
    except (ValueError, RecursionError):  # ValueError also for integers of more than 4,300 digits
        return None, None


# From an item to a draft ------------------------------------------------------------------------


def _draft(item: object, origin: Origin, clean: "_Cleaner") -> Draft | str:
    """A draft, or in words why it cannot be one."""
    try:
        drafted = DraftedItem.model_validate(item)
    except (ValidationError, RecursionError) as error:
        return _first_problem(error)
    problem = _problem(drafted)
    if problem is not None:
        return problem
    turns = tuple(_messages(drafted.turns, clean.text))
    criteria = clean.entries(drafted.criteria)
    brief = origin.prompt.brief
    if not criteria:
        return "no criteria"
    if not any(turn.role == "user" and turn.content.strip() for turn in turns):
        return "no user turn"
    if any(_said(turns) == _said(source.trace.messages) for source in brief.sources):
        return "a copy of a real input"
    kind = KINDS.get(drafted.kind.strip().lower(), OTHER)
    messages = (*_system(brief.system_prompt), *turns)
    return Draft(
        id=Draft.id_of(kind.origin, messages),
        origin=kind.origin,
        kind=kind.name,
        messages=messages,
        criteria=criteria,
        must_not=clean.entries(drafted.must_not),
        why=clean.text(drafted.why)[:_MAX_ENTRY].strip(),
        cluster_id=brief.cluster.id,
        source_ids=_sources(drafted.sources, origin.prompt),
        model=origin.model,
        prompt_hash=origin.prompt.hash,
        call_key=origin.call_key,
        invented=(*clean.entries(drafted.invented), *_new_addresses(turns, origin.prompt)),
    )


def _said(messages: Sequence[Message]) -> list[tuple[str, str]]:
    """A conversation as it reads; case counts, because writing in capitals is one of the kinds."""
    return [(each.role, " ".join(each.content.split())) for each in messages if each.role != "system"]


def _first_problem(error: Exception) -> str:
    if not isinstance(error, ValidationError):
        return "nested too deeply"
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "item"
    return one_line(f"{where}: {first['msg']}", 160)


def _problem(drafted: DraftedItem) -> str | None:
    if len(drafted.turns) > _MAX_TURNS:
        return f"{len(drafted.turns)} turns"
    longest = max((len(turn.content) + len(turn.arguments) for turn in drafted.turns), default=0)
    if longest > _MAX_CONTENT:
        return f"a turn of {longest:,} characters"
    return None


@dataclass(frozen=True, slots=True)
class _Cleaner:
    redact: Callable[[str], str]
    masked: set[str] = field(default_factory=set)
    """Kinds of what was masked."""

    def text(self, text: str) -> str:
        """Redacted, and without lone surrogates, which no database or file takes."""
        storable = text.encode("utf-8", "replace").decode("utf-8")
        redacted = self.redact(storable)
        if redacted != storable:
            new = Counter(_PLACEHOLDER.findall(redacted)) - Counter(_PLACEHOLDER.findall(storable))
            self.masked.update(kind.replace("_", " ") for kind in new)
        return redacted

    def entries(self, texts: list[str]) -> tuple[str, ...]:
        """Short statements: without the blank ones, on one line each, cut to a readable number and length."""
        lines = (" ".join(self.text(text[: 2 * _MAX_ENTRY]).split())[:_MAX_ENTRY] for text in texts[:_MAX_ENTRIES])
        return tuple(dict.fromkeys(line for line in lines if line))


def _system(prompt: str | None) -> tuple[Message, ...]:
    return () if prompt is None else (Message("system", prompt),)


def _messages(turns: list[Turn], clean: Callable[[str], str]) -> Iterator[Message]:
    """The turns as messages; every tool result gets the call it answers, and the last word is not ours."""
    kept = list(turns)
    while kept and kept[-1].role == "assistant":
        kept.pop()
    position = 0
    while position < len(kept):
        turn = kept[position]
        results: list[Turn] = []
        if turn.role != "user":
            start = position + (turn.role == "assistant")
            results = _results(kept, start)
            yield from _exchange(turn, results, position, clean)
            position = start + len(results)
        else:
            yield Message("user", clean(turn.content))
            position += 1


def _results(turns: list[Turn], start: int) -> list[Turn]:
    end = start
    while end < len(turns) and turns[end].role == "tool":
        end += 1
    return turns[start:end]


def _exchange(turn: Turn, results: list[Turn], position: int, clean: Callable[[str], str]) -> Iterator[Message]:
    """An assistant turn (or none) and the tool results after it, joined by call ids."""
    spoken = clean(turn.content) if turn.role == "assistant" else ""
    given = clean(turn.arguments) if turn.role == "assistant" else ""
    calls = tuple(
        ToolCall(
            f"call_{position}_{number}",
            clean(result.tool or turn.tool or "tool"),
            given if number == 0 and given else "{}",
        )
        for number, result in enumerate(results)
    )
    if spoken.strip() or calls:
        yield Message("assistant", spoken, calls)
    for call, result in zip(calls, results, strict=True):
        yield Message("tool", clean(result.content), (), call.id)


def _sources(named: list[str], prompt: Prompt) -> tuple[str, ...]:
    by_alias = {source.alias: source.trace.id for source in prompt.brief.sources}
    aliases = (name.strip().strip("[]()#").lower() for name in named[:_MAX_ENTRIES])
    return tuple(dict.fromkeys(by_alias[alias] for alias in aliases if alias in by_alias))


def _new_addresses(turns: tuple[Message, ...], prompt: Prompt) -> tuple[str, ...]:
    """Web and mail addresses that no source has: the first thing that an injected instruction would plant."""
    found = dict.fromkeys(match for turn in turns for match in _ADDRESS.findall(turn.content[:_MAX_CONTENT]))
    new = [each for each in found if each not in prompt.user]
    return tuple(f"address that no source has: {each}" for each in new[:_MAX_ENTRIES])
