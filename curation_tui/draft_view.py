"""The item under review: its conversation, what a good answer does, and what made it."""

from collections.abc import Iterable, Iterator

from textual.content import Content

from curation_tui.document import Block, Document
from curation_tui.figures import counted, percent
from curation_tui.item import Item, short_id
from curation_tui.looks import Glyphs
from curation_tui.safe_text import joined, label, line, passage, separated
from generator.records import Message

_ROLE = 6  # cells of "user  "
_ROLE_STYLE = {"user": "bold $primary", "assistant": "bold $secondary", "tool": "$secondary", "system": "$muted"}
_ROLE_SHOWN = {"assistant": "asst", "system": "sys"}
_SYSTEM_CHARACTERS = 130  # a system prompt is the same for all items, and not what is reviewed
_LIST_CHARACTERS = 1_000
_MARKS_CHARACTERS = 300
_FLAG = "$warning"
_STATE_STYLE = {
    "new": "$muted",
    "accepted": "bold $success",
    "rejected": "bold $error",
    "later": "$warning",
    "disputed": "bold $warning",
}


class DraftView(Document):
    """The pane with the item."""

    def show_item(self, item: Item, glyphs: Glyphs, *, brief: bool) -> None:
        """Show another item; `brief` where the cluster is not named beside it and lines are few."""
        self.border_title = title(item, glyphs, with_cluster=brief)
        self.show(blocks(item, glyphs, brief=brief))

    def show_words(self, words: Iterable[Block]) -> None:
        """Say why there is no item."""
        self.border_title = label("No item")
        self.show(words)


def title(item: Item, glyphs: Glyphs, *, with_cluster: bool) -> Content:
    """The item's name, its state, and where it stands."""
    verdict = item.state.verdict
    state = verdict.upper()
    if verdict == "accepted" and item.state.edited:
        state = f"{glyphs.pinned} PINNED" if item.state.pinned else f"{glyphs.edited} EDITED"
    who = f" by {item.state.actor}" if verdict in {"accepted", "rejected"} and item.state.actor else ""
    flag = f"{glyphs.flag} " if item.state.flagged else ""
    parts = [
        label(f"{flag}{short_id(item.draft.id)}", "bold"),
        label(f"{state}{who}", _STATE_STYLE[verdict]),
        label(kind(item)),
    ]
    if with_cluster and item.cluster is not None:
        parts.append(line(item.cluster.name, 40, "$muted"))
    return separated(parts, f" {glyphs.dot} ")


def kind(item: Item) -> str:
    """What sort of item it is."""
    words = item.draft.kind.replace("_", " ")
    match item.draft.origin:
        case "random":
            return "real input, drawn at random"
        case "exemplar":
            return "real input, a typical one"
        case "edge":
            return f"edge case: {words}"
        case "variant":
            return f"variant: {words}"


def blocks(item: Item, glyphs: Glyphs, *, brief: bool) -> Iterator[Block]:
    """All of the item, top to bottom."""
    for flag in flags(item):
        yield Block(flag, label(f"{glyphs.warning} ", "bold $warning"))
    for message in item.messages:
        yield from turn(message, brief=brief)
    yield _heading("EXPECTED BEHAVIOUR", brief=brief)
    yield from _list(item.criteria, [f"{number} " for number in range(1, len(item.criteria) + 1)])
    if item.must_not:
        yield _heading("MUST NOT", brief=brief)
        yield from _list(item.must_not, [f"{glyphs.rejected} "] * len(item.must_not), "$error")
    if item.draft.reference is not None:
        yield _heading("REFERENCE ANSWER", brief=brief)
        yield Block(passage(item.draft.reference))
    if item.draft.invented:
        yield _heading("ADDED TO THE REAL INPUTS, SAYS THE DRAFTER", brief=brief)
        yield from _list(item.draft.invented, ["+ "] * len(item.draft.invented), "$warning")
    if item.state.tags:
        tags = separated([line(each, 40, "$secondary") for each in item.state.tags], "  ")
        yield Block(tags, label("TAGS ", "bold $secondary"), space_before=not brief)
    if item.state.note:
        yield Block(passage(item.state.note), label("NOTE ", "bold $secondary"))
    if item.draft.why:
        yield _heading("WHY IT WAS DRAFTED", brief=brief)
        yield Block(passage(item.draft.why, characters=_LIST_CHARACTERS))
    yield Block(label(made_by(item, glyphs), "$muted"), space_before=not brief)


def flags(item: Item) -> list[Content]:
    """What a curator should not miss."""
    said = []
    if item.off_traffic:
        said.append(label("Production sends nothing like this.", _FLAG))
    if item.asked_for is not None and item.cluster is not None:
        names = [line(name, 60, _FLAG) for name in (item.asked_for, item.cluster.name)]
        parts = (label('Asked for "', _FLAG), names[0], label('", landed in "', _FLAG), names[1], label('".', _FLAG))
        said.append(joined(*parts))
    told_above = {"off_traffic", "elsewhere"}
    marks = [f"{each.name.replace('_', ' ')}: {each.reason}" for each in item.marks if each.name not in told_above]
    if marks:
        said.append(joined(label("Verification: ", _FLAG), line("; ".join(marks), _MARKS_CHARACTERS, _FLAG)))
    if item.alike and not item.unfolded:
        alike = counted(len(item.alike), "more draft")
        said.append(label(f"{alike} about the same, folded under this one (z shows them).", _FLAG))
    return said


def made_by(item: Item, glyphs: Glyphs) -> str:
    """Who or what wrote the item."""
    draft = item.draft
    if draft.origin in {"random", "exemplar"}:
        source = "a real production input, personal data masked"
    elif not draft.model or draft.model.split("/", 1)[0] == "offline":
        source = "made by rule, no model wrote this"
    else:
        source = f"drafted by {draft.model[:80]}"
    parts = [source]
    if draft.source_ids:
        parts.append(f"from {counted(len(draft.source_ids), 'real input')}")
    if draft.prompt_hash:
        parts.append(f"prompt {draft.prompt_hash[:8]}")
    if draft.weight:
        parts.append(f"stands for {percent(draft.weight)} of traffic in the score")
    return f" {glyphs.dot} ".join(parts)


def turn(message: Message, *, brief: bool) -> Iterator[Block]:
    """One turn of the conversation."""
    shown = _ROLE_SHOWN.get(message.role, message.role)
    who = label(f"{shown:<{_ROLE}}", _ROLE_STYLE.get(message.role, "bold"))
    if message.role == "system":
        yield Block(line(message.content, _SYSTEM_CHARACTERS, "$muted"), who, cut=brief)
    elif message.content or not message.tool_calls:
        yield Block(passage(message.content), who)
        who = label(" " * _ROLE)
    for call in message.tool_calls:
        asked = joined(
            label("calls ", "$muted"),
            line(call.name, 60, "bold"),
            label(" "),
            line(call.arguments, 400, "$muted"),
        )
        yield Block(asked, who)
        who = label(" " * _ROLE)


def _heading(words: str, *, brief: bool) -> Block:
    return Block(label(words, "bold $secondary"), space_before=not brief)


def _list(texts: tuple[str, ...], marks: list[str], style: str = "$muted") -> Iterator[Block]:
    for text, mark in zip(texts, marks, strict=True):
        yield Block(passage(text, characters=_LIST_CHARACTERS), label(mark, style))
    if not texts:
        yield Block(label("(none)", "$muted"))
