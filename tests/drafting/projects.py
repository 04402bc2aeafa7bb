"""Small clustered projects for the drafting tests."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from generator.records import Cell, Cluster, Merge, Message, ToolCall, Trace
from generator.store import Store

GROUPS: Mapping[str, Sequence[str]] = {
    "transfers": (
        "Hi, could you please tell me why my transfer of 250 EUR from 2026-03-02 is still pending?",
        "How long does a transfer to Spain take",
        "My transfer TRX-20391 failed twice. I was charged 3 times. What is going on?",
        "I sent money to the wrong account, can I cancel the transfer?",
    ),
    "cards": (
        "how do I order a new card",
        "My card ⟦CARD-1⟧ was stolen, block it please!",
        "card not arrived after 10 days",
    ),
    "rates": ("What is the exchange rate for USD today?", "do you charge for currency exchange"),
}

SYSTEM_PROMPT = "You are the assistant of a bank. Never promise a date."


def conversation(text: str) -> tuple[Message, ...]:
    return (Message("system", SYSTEM_PROMPT), Message("user", text))


def with_tool(text: str) -> tuple[Message, ...]:
    return (
        Message("user", text),
        Message("assistant", "", (ToolCall("call_a", "get_transfer", '{"id": "TRX-1"}'),)),
        Message("tool", '{"status": "pending"}', (), "call_a"),
    )


def make_project(
    path: Path, groups: Mapping[str, Sequence[str]], messages: Mapping[str, tuple[Message, ...]] | None = None
) -> Store:
    """A project in which every group is a cluster and every text a cell; the groups are joined in their order."""
    store = Store.open(path, create=True)
    texts = [(name, text) for name, group in groups.items() for text in group]
    traces = {text: _trace(text, position, messages) for position, (_, text) in enumerate(texts, start=1)}
    source = store.begin_source("log.jsonl", "digest", 1, "lines", "openai", "a test")
    store.add_batch(source.id, list(traces.values()), [], len(traces), {}, {})
    share = 1 / len(texts)
    cells = [Cell(number, name, share, 1, traces[text].id) for number, (name, text) in enumerate(texts)]
    clusters = [
        Cluster(name, name, "phrases", share * len(group), len(group), len(group), (traces[group[0]].id,))
        for name, group in groups.items()
    ]
    store.replace_clustering(
        clusters, cells, _merges(groups), {traces[text].id: number for number, (_, text) in enumerate(texts)}, "made"
    )
    return store


def _trace(text: str, position: int, messages: Mapping[str, tuple[Message, ...]] | None) -> Trace:
    said = (messages or {}).get(text, conversation(text))
    return Trace(Trace.id_of(text), text, said, position=position)


def _merges(groups: Mapping[str, Sequence[str]]) -> list[Merge]:
    """Each group from left to right, then the groups from first to last."""
    merges: list[Merge] = []
    node, count = 0, sum(len(group) for group in groups.values())
    tops: list[int] = []
    for group in groups.values():
        top, node = node, node + 1
        for _ in group[1:]:
            merges.append(Merge(top, node, 0.1 + 0.01 * len(merges)))
            top, node = count + len(merges) - 1, node + 1
        tops.append(top)
    top = tops[0]
    for other in tops[1:]:
        merges.append(Merge(top, other, 0.5 + 0.01 * len(merges)))
        top = count + len(merges) - 1
    return merges
