"""The drafting prompt: our instructions outside, everything from the logs inside a fence, as JSON.

The templates are text files beside this module. A log text can only ever be a JSON string on the one line
between two fence lines; the fence code is made from the content, so that it cannot be known beforehand
and the same brief gives the same prompt, byte for byte.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from statistics import median
from string import Template
from typing import Any

from generator.drafting.briefing import Brief, Source
from generator.drafting.kinds import EDGE_CASES, VARIANTS
from generator.records import Message, content_id
from generator.traffic.languages import language_of

_GAPS = 'Inputs that are shown as "gap" are what no item of the set tests yet: build on those first.\n'
_KNOWN_AGAIN = 6
"""Words from which a sentence of ours is not said by chance."""
_PIECE_ENDS = re.compile(r"[.:;!?\"\n]")
MAX_TURN = 1_200
"""Characters of a turn that a drafter is shown."""
_MAX_TURNS = 6
_MAX_SYSTEM_PROMPT = 4_000

# Controls, surrogates, and marks that reorder or hide text: a model sees them as escapes, so that nothing
# reaches it that a person reading the prompt would not see. Joiners stay, for emoji and Indic scripts.
_UNSEEN = re.compile(
    "[\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff\U000e0000-\U000e0fff]"
)


@dataclass(frozen=True, slots=True)
class Prompt:
    """What one call sends."""

    system: str
    """The same in every call, so that providers can cache it."""
    user: str
    nonce: str
    hash: str
    """Version of the templates, of the kinds and of the answer's shape."""
    brief: Brief
    """What it was made from; the rules of the offline drafter read this instead."""


def build_prompt(brief: Brief) -> Prompt:
    """The prompt for a brief: the same brief gives the same prompt."""
    data = fenced(_data(brief))
    nonce = content_id("fence", data)[:12]
    user = Template(_template("task.txt")).substitute(
        count=len(brief.plan),
        plan=", ".join(kind.name for kind in brief.plan),
        profile=_profile(brief.sources),
        application=_application(brief),
        decided=_decided(brief),
        gaps=_GAPS if any(source.shown_as == "gap" for source in brief.sources) else "",
        nonce=nonce,
        data=data,
    )
    return Prompt(system_text(), user, nonce, prompt_version(), brief)


@cache
def system_text() -> str:
    """The instructions that every call begins with."""
    kinds = "\n".join(f"- {kind.name}: {kind.ask}" for kind in (*VARIANTS, *EDGE_CASES))
    return Template(_template("system.txt")).substitute(kinds=kinds)


@cache
def prompt_version() -> str:
    """Changes when the templates or the kinds do."""
    return content_id("prompt", system_text(), _template("task.txt"))


@cache
def _template(name: str) -> str:
    return resources.files("generator.drafting").joinpath("prompts", name).read_text(encoding="utf-8")


@cache
def answer_hints() -> frozenset[str]:
    """What stands in place of an answer in the example of one, case folded: no draft would say it by chance."""
    example = _template("task.txt").strip().rpartition("\n")[2]
    return frozenset(text.casefold() for text in _strings(json.loads(example)) if " " in text)


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for each in value.values():
                yield from _strings(each)
        case list():
            for each in value:
                yield from _strings(each)
        case _:
            return


@cache
def own_sentences() -> frozenset[str]:
    """The sentences of our own instructions, case folded, as far as they are long enough to be known again."""
    text = f"{system_text()}\n{_template('task.txt')}"
    pieces = (" ".join(piece.casefold().split()) for piece in _PIECE_ENDS.split(text))
    return frozenset(piece for piece in pieces if len(piece.split()) >= _KNOWN_AGAIN and "$" not in piece)


def shown_texts(brief: Brief) -> tuple[str, ...]:
    """Every text from the logs, and every sample, that a drafter is shown."""
    messages = [message for source in brief.sources for message in source.trace.messages]
    calls = [part for message in messages for call in message.tool_calls for part in (call.name, call.arguments)]
    texts = [*(message.content for message in messages), *calls, *(trace.text for trace in brief.neighbours)]
    return tuple(dict.fromkeys(text[:MAX_TURN] for text in (*texts, *brief.accepted) if text.strip()))


def _data(brief: Brief) -> dict[str, Any]:
    data: dict[str, Any] = {
        "inputs": [
            {
                "id": source.alias,
                "shown_as": source.shown_as,
                "seen": source.trace.count,
                "turns": _turns(source.trace.messages),
            }
            for source in brief.sources
        ],
        "neighbouring_inputs": [_cut(trace.text, MAX_TURN) for trace in brief.neighbours],
        "accepted": [_cut(text, MAX_TURN) for text in brief.accepted],
    }
    if brief.system_prompt is not None:
        data["system_prompt_of_the_application"] = _cut(brief.system_prompt, _MAX_SYSTEM_PROMPT)
    return data


def _turns(messages: Sequence[Message]) -> list[dict[str, str]]:
    spoken = [message for message in messages if message.role != "system"]
    return [_turn(message) for message in spoken[-_MAX_TURNS:]]


def _turn(message: Message) -> dict[str, str]:
    turn = {"role": message.role, "content": _cut(message.content, MAX_TURN)}
    if message.tool_calls:
        turn["tool"] = message.tool_calls[0].name
        turn["arguments"] = _cut(message.tool_calls[0].arguments, MAX_TURN)
    return turn


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]} [... {len(text) - length} more characters]"


def fenced(data: dict[str, Any]) -> str:
    """JSON on one line, with everything unseen written as an escape."""
    text = json.dumps(data, ensure_ascii=False)
    return _UNSEEN.sub(lambda match: json.dumps(match.group())[1:-1], text)


def _profile(sources: Sequence[Source]) -> str:
    """How long the inputs are and how they are written, in numbers."""
    texts = [source.trace.text for source in sources] or [""]
    words = [len(text.split()) for text in texts]
    parts = [f"{min(words)} to {max(words)} words long (median {round(median(words))})"]
    languages = Counter(language for text in texts if (language := language_of(text[:MAX_TURN])) is not None)
    parts += [f"{count} of {len(texts)} in {language}" for language, count in languages.most_common(2)]
    turns = [sum(message.role == "user" for message in source.trace.messages) for source in sources]
    if any(count > 1 for count in turns):
        parts.append(f"up to {max(turns)} user turns")
    lower = sum(text == text.lower() != text.upper() for text in texts)
    if lower:
        parts.append(f"{lower} of {len(texts)} without capitals")
    bare = sum(text.rstrip()[-1:].isalnum() for text in texts)
    if bare:
        parts.append(f"{bare} of {len(texts)} without a full stop or question mark at the end")
    return ", ".join(parts)


def _application(brief: Brief) -> str:
    tools = any(
        message.role == "tool" or message.tool_calls for each in brief.sources for message in each.trace.messages
    )
    parts = ["The application's own system prompt is in the data." if brief.system_prompt is not None else ""]
    parts.append("The application uses tools." if tools else "The application uses no tools that the logs show.")
    return " ".join(part for part in parts if part)


def _decided(brief: Brief) -> str:
    if not brief.rejections:
        return ""
    counts = ", ".join(f"{reason} ({count})" for reason, count in brief.rejections)
    return f"People rejected earlier items of this group as: {counts}. Avoid what they rejected.\n"
