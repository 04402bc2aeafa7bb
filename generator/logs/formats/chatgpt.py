"""ChatGPT's data export (conversations.json): a tree of messages; the branch that the person saw last counts."""

from collections.abc import Mapping
from typing import Any

from generator.logs.formats.conversation import is_turn, messages_of, trace_of
from generator.logs.formats.raw import Format, RawTrace, UnusableError

_LONGEST = 100_000


def _recognise(value: Any) -> str | None:
    if (
        isinstance(value, dict)
        and isinstance(value.get("mapping"), dict)
        and ("current_node" in value or "title" in value)
    ):
        return "mapping with current_node"
    return None


def _read(value: Any) -> RawTrace:
    mapping = value.get("mapping") if isinstance(value, dict) else None
    if not isinstance(mapping, dict) or not mapping:
        raise UnusableError("no messages")
    shown = [row for row in _branch(mapping, value.get("current_node")) if _is_shown(row)]
    messages = [message for row in shown for message in messages_of([row])]
    said = [message for message in messages if message.role != "system" or message.content.strip()]
    named = {"conversation_id": value.get("conversation_id") or value.get("id"), "time": value.get("create_time")}
    return trace_of(said, None, named)


def _branch(mapping: Mapping[str, Any], leaf: Any) -> list[Any]:
    """The messages from the root to the leaf; without a known leaf, to the node that was written last."""
    if not isinstance(leaf, str) or leaf not in mapping:
        leaf = list(mapping)[-1]
    rows = []
    seen: set[str] = set()
    while isinstance(leaf, str) and leaf not in seen and len(seen) < _LONGEST:
        seen.add(leaf)
        node = mapping.get(leaf)
        if not isinstance(node, dict):
            break
        rows.append(node.get("message"))
        leaf = node.get("parent")
    return rows[::-1]


def _is_shown(row: Any) -> bool:
    if not is_turn(row):
        return False
    metadata = row.get("metadata")
    hidden = isinstance(metadata, dict) and metadata.get("is_visually_hidden_from_conversation")
    content = row.get("content")
    kind = content.get("content_type") if isinstance(content, dict) else None
    return not hidden and kind not in ("user_editable_context", "thoughts", "reasoning_recap", "model_editable_context")


FORMAT = Format(
    "chatgpt",
    _recognise,
    _read,
    paths={
        "input": "mapping.*.message of author.role user: content.parts[], along current_node's branch",
        "answer": "author.role assistant",
        "conversation": "conversation_id",
        "time": "create_time",
    },
)
