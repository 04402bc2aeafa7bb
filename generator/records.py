"""The records that flow through the pipeline, in the order in which they come to be.

    Trace -> Cell -> Cluster -> Draft -> Decision -> Sample

All are frozen and need the standard library only, so that the terminal app starts without numpy.
Ids are made from content: the same input has the same id after a second import, on another machine.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol, Self, TypeVar

Role = Literal["system", "user", "assistant", "tool"]
Origin = Literal["random", "exemplar", "variant", "edge"]
Verdict = Literal["new", "accepted", "rejected", "later", "disputed"]
Split = Literal["dev", "holdout"]
AnyAct = TypeVar("AnyAct", bound="Act")

REASONS: Mapping[str, str] = {
    "1": "duplicate",
    "2": "unrealistic",
    "3": "wrong expected behaviour",
    "4": "private data",
    "5": "vague or not testable",
    "6": "too easy",
    "7": "out of scope",
}
"""Why a draft is rejected, by the key that says so in the app."""

NEAR_COPY = 0.93
"""Cosine similarity from which two items count as the same test."""

MAP_SIDE = 1 << 16
"""Steps of the grid on which the map of the traffic places things, each way."""
MAP_BINS = 256
"""Bins of one tile of the map, each way."""
MAP_LEVELS = 4
"""Zooms of the map; each has twice as many tiles each way as the one before."""

_PLACEHOLDER = re.compile(r"⟦([A-Z_]+)-\d+⟧")


def unnumbered(text: str) -> str:
    """The text with placeholders of one kind alike: which number one gets depends on what was read before."""
    return _PLACEHOLDER.sub(r"⟦\1⟧", text)


def normalised(text: str) -> str:
    """The form in which two texts count as the same: case, white space and placeholder numbers folded."""
    return " ".join(unnumbered(text).casefold().split())


def now() -> str:
    """The time of day as stored: ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def later_than(moment: str) -> str:
    """The next time of day as stored."""
    return (datetime.fromisoformat(moment) + timedelta(milliseconds=1)).isoformat(timespec="milliseconds")


def content_id(*parts: str) -> str:
    """A stable id of 16 hex digits for content. Parts are length-prefixed, so they cannot run together."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the assistant asked for."""

    id: str
    name: str
    arguments: str
    """JSON text, as the model wrote it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    """For role "tool": which call this answers."""
    context: bool = False
    """Whether this was said before the turn that is looked at: part of the input, but not what is asked."""

    def as_json(self) -> dict[str, Any]:
        """The message in the shape of OpenAI's chat completions."""
        row: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.tool_calls:
            row["tool_calls"] = [
                {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
                for call in self.tool_calls
            ]
        if self.tool_call_id is not None:
            row["tool_call_id"] = self.tool_call_id
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> "Message":
        """The inverse of `as_stored`, and of `as_json`."""
        calls = tuple(
            ToolCall(call["id"], call["function"]["name"], call["function"]["arguments"])
            for call in row.get("tool_calls", ())
        )
        return cls(row["role"], row["content"], calls, row.get("tool_call_id"), row.get("context", False))

    def as_stored(self) -> dict[str, Any]:
        """The message with what only we know of it, for the project file."""
        return self.as_json() | ({"context": True} if self.context else {})


def messages_to_json(messages: Iterable[Message]) -> str:
    """A conversation as compact JSON text, as it is stored."""
    return json.dumps([message.as_stored() for message in messages], ensure_ascii=False, separators=(",", ":"))


def messages_from_json(text: str) -> tuple[Message, ...]:
    """The inverse of `messages_to_json`."""
    return tuple(Message.from_json(row) for row in json.loads(text))


def user_text(messages: Iterable[Message]) -> str:
    """The user's own words, without what is only context: what is embedded and what makes two traces the same."""
    said = (message.content for message in messages if message.role == "user" and not message.context)
    return "\n".join(each for each in said if each.strip())


@dataclass(frozen=True, slots=True)
class Trace:
    """One production input with its conversation, redacted."""

    id: str
    text: str
    """The user's own words, turns joined by newlines."""
    messages: tuple[Message, ...]
    """System prompt and turns up to the last user or tool message; what the model was given."""
    answer: str | None = None
    """What the application answered, where the log has it."""
    seen_at: str | None = None
    """ISO 8601 in UTC where the log's time could be read."""
    signals: Mapping[str, Any] = field(default_factory=dict)
    """Outcome signals of the log: errors, thumbs, reward, scores."""
    source: str = ""
    position: int = 0
    """Line, row or element number in the source, counted from 1."""
    count: int = 1
    """How often production sent it, exact repeats included."""
    user: str | None = None
    """A keyed digest of who asked, where the log says; as read, never from the project."""

    @staticmethod
    def id_of(text: str) -> str:
        """The id of a trace whose user says `text`."""
        return content_id("trace", normalised(text))


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record of a log that could not be used."""

    source: str
    position: int
    reason: str


@dataclass(frozen=True, slots=True)
class SourceRead:
    """What was read of a log file; all records are accepted, repeated or rejected."""

    name: str
    format: str
    records: int
    accepted: int
    repeated: int
    rejected: int


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its 95 % interval."""

    estimate: float
    low: float
    high: float

    @classmethod
    def of_share(cls, part: float, whole: int) -> Self:
        """A share that was counted, with Wilson's interval (1927); `whole` is at least 1."""
        share, square = part / whole, 1.96**2 / whole
        centre = (share + square / 2) / (1 + square)
        reach = math.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
        return cls(share, max(min(centre - reach, share), 0.0), min(max(centre + reach, share), 1.0))


@dataclass(frozen=True, slots=True)
class Cell:
    """A micro-cluster: about the same need in other words."""

    id: int
    cluster_id: str
    weight: float
    """Share of traffic, 0 to 1."""
    distinct: int
    exemplar_id: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A group of cells that a person looks at; a cut of the tree."""

    id: str
    name: str
    named_by: str
    """"phrases", a model, or a person."""
    weight: float
    """Share of traffic, 0 to 1."""
    traces: int
    """Traffic, repeats counted."""
    distinct: int
    exemplar_ids: tuple[str, ...]
    """Most typical first."""


@dataclass(frozen=True, slots=True)
class Merge:
    """One step of the tree: nodes below `cells` are cells, node `cells + step` is this merge."""

    left: int
    right: int
    height: float
    """Mean cosine distance of the two parts, between vectors as `traffic.tree.sharpen` gives them."""


@dataclass(frozen=True, slots=True)
class Regrouping:
    """What a person decided about clusters; never changed once written, applied again to every new clustering."""

    uuid: str
    verb: Literal["split", "join", "rename"]
    parts: tuple[Mapping[str, int], ...]
    """Inputs of each part of a split, of each side of a join, of the renamed cluster: the exemplars of their
    cells, with how many distinct traces each stands for."""
    distinct: int
    """How many distinct traces were in clusters then, the first so many by the order in which they came."""
    name: str | None
    """The new name, for a rename."""
    actor: str
    at: str


@dataclass(frozen=True, slots=True)
class Aim:
    """What people want of a cluster."""

    target: int
    """Samples that it should get."""
    excluded: str | None = None
    """Why it is out of the goal, where somebody said so."""

    @classmethod
    def usual(cls, share: float) -> Self:
        """What is planned for a cluster with this share of traffic, until somebody says otherwise."""
        return cls(min(max(math.ceil(math.sqrt(share * 400)), 1), 6))


@dataclass(frozen=True, slots=True)
class Draft:
    """A proposed evaluation item: drafted by a model or by rule, or a real trace put forward."""

    id: str
    origin: Origin
    kind: str
    """Which variant or kind of edge case; "real" for exemplars and random draws."""
    messages: tuple[Message, ...]
    criteria: tuple[str, ...]
    must_not: tuple[str, ...]
    why: str
    cluster_id: str
    """The cluster it was asked for."""
    source_ids: tuple[str, ...]
    """The traces it was built on."""
    model: str = ""
    """`provider/model`; empty for a real trace."""
    prompt_hash: str = ""
    call_key: str | None = None
    reference: str | None = None
    """A reference answer, where there is one."""
    invented: tuple[str, ...] = ()
    """What the drafter says it added to the real inputs."""
    weight: float = 0.0
    """Share of traffic it stands for in the weighted score; 0 unless origin is "random"."""
    stratum: str | None = None

    @staticmethod
    def id_of(origin: Origin, messages: Iterable[Message]) -> str:
        """The id of a draft, from what it is and what it asks."""
        kept = [m for m in messages if m.role != "system"]
        return "d-" + content_id("draft", origin, *(part for m in kept for part in (m.role, normalised(m.content))))

    @property
    def text(self) -> str:
        """The user's words, as an encoder reads them."""
        return user_text(self.messages)


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A trace near a draft, as evidence."""

    trace_id: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Landing:
    """Where a draft lies in the traffic, measured after it was embedded."""

    draft_id: str
    cell_id: int
    cluster_id: str
    neighbours: tuple[Neighbour, ...]
    """Nearest production inputs, nearest first."""
    alike: tuple[tuple[str, float], ...]
    """Other drafts and their cosine similarity, most alike first."""
    reach: tuple[tuple[int, float], ...]
    """Cell ids and how surely the draft tests them, 0 to 1."""
    off_traffic: bool = False
    """True where production sends nothing like it."""


@dataclass(frozen=True, slots=True)
class Spot:
    """Where something lies on the map of the traffic, in steps of its grid."""

    x: int
    """To the right, 0 to `MAP_SIDE` - 1."""
    y: int
    """Down, the same."""


@dataclass(frozen=True, slots=True)
class MapTile:
    """A square part of the map at one zoom, in `MAP_BINS` by `MAP_BINS` bins, row by row."""

    level: int
    """The zoom; there are 2 to its power tiles each way."""
    row: int
    column: int
    requests: bytes
    """How much traffic lies in each bin, little-endian 16-bit numbers packed by zlib; the largest says "or more"."""
    cells: bytes
    """Whose it is: cell id + 1, or 0 for none, as little-endian 32-bit numbers, packed by zlib."""


MarkName = Literal[
    "elsewhere",
    "off_traffic",
    "near_copy",
    "private_data",
    "other_language",
    "length",
    "unsupported",
    "injection",
    "echo",
]
"""What verification may hold against a draft: it landed in another cluster; production sends nothing like it; it is
nearly a log, a sample or another draft; it held personal data or a secret; its language or its length is not its
cluster's; its criteria name what no source has; it looks as if orders in the logs were followed; it repeats our own
prompt."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that verification holds against a draft; it is kept, below the others."""

    name: MarkName
    reason: str
    """One line."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One act of a curator on a draft: an event, never changed once written."""

    uuid: str
    step: str
    """Acts made by one key press share a step, which is what undo undoes."""
    seq: int
    draft_id: str
    actor: str
    verb: Literal["accept", "reject", "later", "reason", "edit", "pin", "tag", "note", "flag", "undo", "redo"]
    payload: Mapping[str, Any]
    at: str


@dataclass(frozen=True, slots=True)
class DraftState:
    """What the decisions on a draft amount to."""

    draft_id: str
    verdict: Verdict = "new"
    reason: str | None = None
    edited_messages: tuple[Message, ...] | None = None
    edited_criteria: tuple[str, ...] | None = None
    edited_must_not: tuple[str, ...] | None = None
    actor: str | None = None
    at: str | None = None
    tags: tuple[str, ...] = ()
    """In the order in which they were given."""
    note: str | None = None
    flagged: bool = False
    """Whether somebody wants to come back to it, whatever its verdict."""
    pinned: str | None = None
    """The trace whose input stands in place of the drafted one."""

    @property
    def edited(self) -> bool:
        """Whether a person changed the item."""
        return any(part is not None for part in (self.edited_messages, self.edited_criteria, self.edited_must_not))


def fold(draft_id: str, decisions: Iterable[Decision]) -> DraftState:
    """The state of a draft: its decisions in order, without those that a live undo took back.

    It is disputed where people decided differently and none of them knew what the other had decided.
    """
    live = standing_acts(decisions)
    state = DraftState(draft_id)
    for decision in live:
        state = replace(state, **_change(decision, state))
    if len({each.verb for each in opinions(live)}) > 1:
        state = replace(state, verdict="disputed")
    return state


class Act(Protocol):
    """What undo and redo need to know of an event."""

    @property
    def step(self) -> str:
        """Acts of one key press share it."""

    @property
    def verb(self) -> str:
        """What was done."""

    @property
    def payload(self) -> Mapping[str, Any]:
        """Of undo and redo: the `step` that it takes back."""


def standing_acts(decisions: Iterable[AnyAct]) -> list[AnyAct]:
    """Events in order, without those that a live undo took back, and without undo and redo themselves.

    An undo is an event too, and a redo takes back an undo: read from the end, each live undo or redo
    cancels the step that it names.
    """
    cancelled: set[str] = set()
    live: list[AnyAct] = []
    for decision in reversed(list(decisions)):
        if decision.step in cancelled:
            continue
        if decision.verb in {"undo", "redo"}:
            cancelled.add(decision.payload["step"])
        else:
            live.append(decision)
    return live[::-1]


def step_to_take_back(acts: Iterable[tuple[str, str, str | None]], verb: Literal["undo", "redo"]) -> str | None:
    """The step that an undo (or redo) by one person would take back.

    An undo cancels the step it names, a redo cancels an undo. A redo is possible only while the last live act is
    an undo, as in every editor.

    Args:
        acts: (step, verb, step that it takes back) of that person's events, the last first.
        verb: which of the two is wanted.
    """
    cancelled: set[str | None] = set()
    seen: set[str] = set()
    for step, act, target in acts:
        if step in cancelled or step in seen:
            continue
        seen.add(step)
        if act == "undo" and verb == "redo":
            return step
        if act in {"undo", "redo"}:
            cancelled.add(target)
        else:
            return step if verb == "undo" else None
    return None


def verdicts(live: Iterable[Decision]) -> dict[str, Decision]:
    """The last time that each person accepted or rejected, of what `standing_acts` gave for one draft."""
    return {each.actor: each for each in live if each.verb in {"accept", "reject"}}


def opinions(live: Iterable[Decision]) -> list[Decision]:
    """The verdicts that stand: those that nobody who knew of them has decided over.

    A decision says in `seen` which verdicts of others its curator knew. Two that did not know of one another
    both stand, in whatever order they came together.
    """
    last = verdicts(live)
    over = {uuid for each in last.values() for uuid in each.payload.get("seen", ())}
    return [each for each in last.values() if each.uuid not in over]


def _change(decision: Decision, state: DraftState) -> dict[str, Any]:
    made = {"actor": decision.actor, "at": decision.at}
    said = decision.payload
    match decision.verb:
        case "accept":
            return made | {"verdict": "accepted", "reason": None}
        case "reject":
            return made | {"verdict": "rejected", "reason": said.get("reason")}
        case "later":
            return made | {"verdict": "later", "reason": None}
        case "reason":
            return {"reason": said["reason"]}
        case "edit":
            messages = tuple(Message.from_json(row) for row in said["messages"])
            return made | {
                "edited_messages": messages,
                "edited_criteria": tuple(said["criteria"]),
                "edited_must_not": tuple(said["must_not"]),
                "pinned": state.pinned if messages == state.edited_messages else None,
            }
        case "pin":
            messages = tuple(Message.from_json(row) for row in said["messages"])
            return made | {"edited_messages": messages, "pinned": said["trace"]}
        case "tag":
            kept = [each for each in state.tags if each not in said["remove"]]
            return {"tags": tuple(dict.fromkeys([*kept, *said["add"]]))}
        case "note":
            return {"note": said["text"] or None}
        case "flag":
            return {"flagged": bool(said["on"])}
        case _:
            raise ValueError(decision.verb)


class Content(NamedTuple):
    """What an item asks and expects, as people left it."""

    messages: tuple[Message, ...]
    criteria: tuple[str, ...]
    must_not: tuple[str, ...]
    reference: str | None

    @classmethod
    def of(cls, draft: Draft, state: DraftState) -> "Content":
        """A draft with what people changed in it."""
        return cls(
            draft.messages if state.edited_messages is None else state.edited_messages,
            draft.criteria if state.edited_criteria is None else state.edited_criteria,
            draft.must_not if state.edited_must_not is None else state.edited_must_not,
            # A pinned item is a real input with the expectations of the draft that it stands in for.
            draft.reference if state.pinned is None else None,
        )

    @property
    def asked(self) -> str:
        """A digest of the input: an answer to another one is no answer to this."""
        return content_id("asked", json.dumps([each.as_json() for each in self.messages], ensure_ascii=False))

    @property
    def expected(self) -> str:
        """A digest of the target: a grade against another one says nothing of this."""
        return content_id("expected", json.dumps([self.criteria, self.must_not, self.reference], ensure_ascii=False))


@dataclass(frozen=True, slots=True)
class Sample:
    """An accepted item: `input`, `target`, `metadata`."""

    id: str
    input: tuple[Message, ...]
    criteria: tuple[str, ...]
    must_not: tuple[str, ...]
    reference: str | None
    origin: Origin
    kind: str
    edited: bool
    cluster_id: str
    cluster_name: str
    cell_id: int | None
    weight: float
    stratum: str | None
    split: Split
    source_ids: tuple[str, ...]
    model: str
    prompt_hash: str
    curator: str
    decided_at: str

    @property
    def target(self) -> str:
        """Expected behaviour as text: the criteria, then what must not happen, one a line."""
        lines = [f"- {criterion}" for criterion in self.criteria]
        lines += [f"- must not: {each}" for each in self.must_not]
        return "\n".join(lines)

    @property
    def content(self) -> Content:
        """What it asks and expects."""
        return Content(self.input, self.criteria, self.must_not, self.reference)
