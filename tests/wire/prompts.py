"""What a model finds in a drafting prompt: read from the text that was sent alone, as a model reads it."""

import base64
import binascii
import codecs
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from generator.drafting.kinds import KINDS

_FENCED = re.compile(r"^<<<data (\S+)\n(.*)\ndata \1>>>$", re.MULTILINE | re.DOTALL)
_BASE64 = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")


@dataclass(frozen=True)
class Input:
    """One real input as the prompt shows it."""

    id: str
    turns: Sequence[Mapping[str, str]]

    @property
    def text(self) -> str:
        """What the user said last."""
        return next((turn["content"] for turn in reversed(self.turns) if turn["role"] == "user"), "")

    @property
    def tool(self) -> tuple[str, str, str] | None:
        """(name, arguments, result) of the first tool call, where there is one."""
        for called, result in zip(self.turns, self.turns[1:], strict=False):
            if called.get("tool") and result["role"] == "tool":
                return called["tool"], called.get("arguments", "{}"), result["content"]
        return None


@dataclass(frozen=True)
class Task:
    """A drafting prompt, read."""

    kinds: tuple[str, ...]
    inputs: tuple[Input, ...]
    neighbours: tuple[str, ...]
    strings: tuple[str, ...]
    """Every text in the data, whatever field it stands in."""


def read_task(prompt: str) -> Task | None:
    """The task in a prompt, or None where it is no drafting prompt."""
    fenced = _FENCED.search(prompt)
    if fenced is None:
        return None
    data = json.loads(fenced[2])
    outside = prompt[: fenced.start()]
    listed = max(outside.split("\n"), key=lambda line: len(_kinds_in(line)))
    inputs = [Input(str(each["id"]), each["turns"]) for each in data["inputs"]]
    neighbours = [each if isinstance(each, str) else json.dumps(each) for each in data.get("neighbouring_inputs", [])]
    return Task(
        tuple(_kinds_in(listed)),
        tuple(each for each in inputs if each.text.strip()),
        tuple(neighbours),
        tuple(_strings(data)),
    )


def _kinds_in(line: str) -> list[str]:
    return [word for word in re.findall(r"[a-z_]+", line) if word in KINDS and word != "other"]


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


# What a gullible model takes for orders -----------------------------------------------------------

_TO_A_MODEL = re.compile(
    r"assistant|\bai\b|\bllm|model|system|prompt|instruction|draft|criteri|evaluat|generat|test (?:item|case)|"
    r"anweisung|kriteri|modell|instruccion|criterio|modelo|consigne|critère|modèle|istruzion|指示|基準|инструкц|критери",
    re.IGNORECASE,
)
_ORDER = re.compile(
    r"(?:\b(?:write|writes|add|append|put|say|says|include|insert|end|begin|start|output|use|print|mention|repeat|reply|"
    r"state|always|set|copy|link|embed|answer|schreib\w*|füge|nenne|escrib\w*|añad\w*|incluy\w*|écri\w*|ajout\w*|scriv\w*|"
    r"aggiung\w*)\b|書|напиши|добавь)"
    r"[^\"«“„`\n]{0,160}?[\"«“„`](?P<payload>[^\"»”`\n]{4,160})[\"»”`]",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Order:
    """Something that a text in the data tells the model to write."""

    payload: str
    into: str
    """"criteria", "content" or "why"."""


def orders(task: Task) -> list[Order]:
    """What a model that cannot tell data from instructions would do: also when split, encoded or spelled backwards."""
    said = [*task.strings, "\n".join(task.strings)]
    said += [plain for text in task.strings for plain in _decoded(text)]
    found: dict[str, Order] = {}
    for text in said:
        if not _TO_A_MODEL.search(text):
            continue
        for match in _ORDER.finditer(text):
            found.setdefault(match["payload"], Order(match["payload"], _place(text)))
    return list(found.values())


def _decoded(text: str) -> Iterator[str]:
    for match in _BASE64.finditer(text):
        try:
            yield base64.b64decode(match[0] + "=" * (-len(match[0]) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue
    yield codecs.decode(text, "rot13")
    yield text[::-1]


def _place(text: str) -> str:
    low = text.lower()
    if any(word in low for word in ("criteri", "kriteri", "critère", "критери", "基準", "expected")):
        return "criteria"
    return "why" if '"why"' in low or "field why" in low else "content"
