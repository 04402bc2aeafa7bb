"""Clusters, traces and drafts as rows, for `groundset clusters` and `groundset drafts`."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from generator.errors import ExportError
from generator.evalset.long_queue import LongQueue
from generator.lists import Filter, Order
from generator.store import Store
from generator.traffic.trends import Change, changes


def changes_of(store: Store) -> dict[str, Change]:
    """What became of each cluster since the last logs; nothing where there were none before them."""
    return changes(store.cluster_counts(), {each.id for each in store.earlier_clusters()})


def vanished_rows(store: Store) -> list[dict[str, Any]]:
    """Clusters from before the last logs that are no more, and the cluster that holds most of their exemplars."""
    names = {each.id: each.name for each in store.clusters()}
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    cell_of_trace = dict(store.trace_cells())
    rows = []
    for gone in store.earlier_clusters():
        if gone.id not in names:
            cells = (cell_of_trace.get(trace) for trace in gone.exemplar_ids)
            into = Counter(cluster_of_cell[cell] for cell in cells if cell is not None).most_common(1)
            heir = into[0][0] if into else None
            rows.append(
                {
                    "id": gone.id,
                    "name": gone.name,
                    "share": gone.weight,
                    "into": heir,
                    "into_name": names[heir] if heir is not None else None,
                }
            )
    return rows


def cluster_rows(store: Store) -> list[dict[str, Any]]:
    """The clusters by traffic, with their exemplars' texts, and what became of them since the last logs."""
    found = store.clusters()
    changed = changes_of(store)
    texts = {
        trace.id: trace.text for trace in store.traces(trace_id for each in found for trace_id in each.exemplar_ids)
    }
    return [
        {
            "id": each.id,
            "name": each.name,
            "share": each.weight,
            "traces": each.traces,
            "exemplars": [texts[trace_id] for trace_id in each.exemplar_ids if trace_id in texts],
            "change": changed[each.id].word if each.id in changed else None,
            "factor": asdict(changed[each.id].factor) if each.id in changed else None,
        }
        for each in found
    ]


def draft_rows(store: Store, wanted: Filter, order: Order, limit: int) -> tuple[int, list[dict[str, Any]]]:
    """How many drafts a filter leaves (up to `LONGEST` of `generator.lists`), and the first of them."""
    queue = LongQueue(store.cells(), store)
    ids = store.list_filtered(wanted, order, queue.depths())
    rows = store.list_rows(ids[:limit])
    gains = queue.gains([row.draft_id for row in rows])
    return len(ids), [
        {
            "id": row.draft_id,
            "state": row.verdict,
            "gain": gain,
            "cluster": row.cluster,
            "tags": list(row.tags),
            "flagged": row.flagged,
            "marks": list(row.marks),
            "text": row.text,
        }
        for row, gain in zip(rows, gains, strict=True)
    ]


def write_per_trace(store: Store, out: Path) -> int:
    """Write distinct traces with cluster and cell as JSON Lines, none that too few users ask; returns how many."""
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    cell_of_trace = dict(store.trace_cells())

    def row(trace_id: str, text: str, count: int) -> dict[str, Any]:
        cell = cell_of_trace[trace_id]
        cluster = cluster_of_cell[cell] if cell is not None else None
        return {"id": trace_id, "text": text, "cluster": cluster, "cell": cell, "count": count}

    few = store.few_users()
    rows = (row(*each) for each in store.trace_texts())
    return write_lines((each for each in rows if each["cluster"] not in few), out)


def write_lines(rows: Iterable[dict[str, Any]], out: Path) -> int:
    """Write rows as JSON Lines; returns how many.

    Raises:
        ExportError: the file cannot be written.
    """
    count = 0
    try:
        with out.open("w", encoding="utf-8", newline="\n") as file:
            for count, row in enumerate(rows, start=1):  # noqa: B007 - the last number is the answer
                file.write(json.dumps(row, allow_nan=False) + "\n")
    except OSError as error:
        raise ExportError(f"{out} cannot be written: {error.strerror}.") from error
    return count
