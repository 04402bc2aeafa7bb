"""Small worlds for tests: a project with clusters, drafts and landings, made through the store alone."""

from collections.abc import Sequence
from pathlib import Path

from generator.records import Cell, Cluster, Draft, Landing, Merge, Message, Neighbour, Trace
from generator.store import Store


def trace(text: str, count: int = 1) -> Trace:
    return Trace(Trace.id_of(text), text, (Message("user", text),), source="log.jsonl", position=1, count=count)


def draft(text: str, cluster_id: str = "c-0", origin: str = "variant", **parts) -> Draft:
    messages = (Message("user", text),)
    made = {"criteria": (f"answers {text}",), "must_not": ("invents a date",), "why": "a test", "source_ids": ()}
    return Draft(
        id=Draft.id_of(origin, messages),
        origin=origin,
        kind="real" if origin in {"random", "exemplar"} else "circumstance",
        messages=messages,
        cluster_id=cluster_id,
        model="offline/rules",
        **made | parts,
    )


def fill(store: Store, traces: Sequence[Trace]) -> None:
    """Traces into the project, as one ingested file."""
    source = store.begin_source("log.jsonl", f"digest-{len(traces)}", 1, "jsonl", "messages", "a test")
    store.add_batch(source.id, traces, (), len(traces), {}, {})
    store.finish_source(source.id)


def cluster_of_each(store: Store, traces: Sequence[Trace]) -> None:
    """One cell and one cluster a trace, weighted by its count."""
    total = sum(each.count for each in traces)
    clusters = [
        Cluster(f"c-{i}", f"need {i}", "phrases", each.count / total, each.count, 1, (each.id,))
        for i, each in enumerate(traces)
    ]
    cells = [Cell(i, f"c-{i}", each.count / total, 1, each.id) for i, each in enumerate(traces)]
    merges = [Merge(0 if i == 0 else len(traces) + i - 1, i + 1, 0.5 + i / 100) for i in range(len(traces) - 1)]
    store.replace_clustering(clusters, cells, merges, {each.id: i for i, each in enumerate(traces)}, "clustered")


def landed(store: Store, traces: Sequence[Trace], reach: dict[Draft, dict[int, float]], **parts) -> None:
    """Drafts with the reach that the test says."""
    store.add_drafts(reach)
    store.replace_landings(
        [
            Landing(
                each.id,
                max(cells, key=cells.__getitem__),
                f"c-{max(cells, key=cells.__getitem__)}",
                (Neighbour(traces[0].id, 0.9),),
                parts.get("alike", {}).get(each.id, ()),
                tuple(cells.items()),
            )
            for each, cells in reach.items()
        ],
        "ranked",
    )


def project(path: Path, needs: int = 4) -> Store:
    """A project of so many needs, the first the most frequent, with one draft for each."""
    store = Store.open(path, create=True)
    traces = [trace(f"need number {'x' * (i + 1)}", count=needs - i) for i in range(needs)]
    fill(store, traces)
    cluster_of_each(store, traces)
    landed(store, traces, {draft(f"asks for {'x' * (i + 1)}", f"c-{i}"): {i: 0.9} for i in range(needs)})
    return store
