"""Clusters and traces as rows, for `groundset clusters`."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from generator.errors import ExportError
from generator.store import Store


def cluster_rows(store: Store) -> list[dict[str, Any]]:
    """The clusters by traffic, with their exemplars' texts."""
    found = store.clusters()
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
        }
        for each in found
    ]


def write_per_trace(store: Store, out: Path) -> int:
    """Write every distinct trace with its cluster and cell as JSON Lines; returns how many."""
    cluster_of_cell = {cell.id: cell.cluster_id for cell in store.cells()}
    cell_of_trace = dict(store.trace_cells())

    def row(trace_id: str, text: str, count: int) -> dict[str, Any]:
        cell = cell_of_trace[trace_id]
        cluster = cluster_of_cell[cell] if cell is not None else None
        return {"id": trace_id, "text": text, "cluster": cluster, "cell": cell, "count": count}

    return write_lines((row(*each) for each in store.trace_texts()), out)


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
