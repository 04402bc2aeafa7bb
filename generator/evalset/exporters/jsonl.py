"""Our own schema: one sample a line, everything we know of it.

id        stable, made from content
input     the conversation: [{"role", "content", "tool_calls"?, "tool_call_id"?}, ...]
target    expected behaviour as text
metadata  a fixed set of keys, see `metadata`
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from generator.records import Sample


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`samples.jsonl`."""
    rows = (
        {
            "id": sample.id,
            "input": [message.as_json() for message in sample.input],
            "target": sample.target,
            "metadata": metadata(sample),
        }
        for sample in samples
    )
    return {"samples.jsonl": lines(rows)}


def metadata(sample: Sample) -> dict[str, Any]:
    """What every exporter says of a sample besides its input and target; a closed set of keys."""
    return {
        "origin": sample.origin,
        "kind": sample.kind,
        "edited": sample.edited,
        "criteria": list(sample.criteria),
        "must_not": list(sample.must_not),
        "reference": sample.reference,
        "cluster": sample.cluster_id,
        "cluster_name": sample.cluster_name,
        "cell": sample.cell_id,
        "weight": sample.weight,
        "stratum": sample.stratum,
        "split": sample.split,
        "source_ids": list(sample.source_ids),
        "model": sample.model,
        "prompt_hash": sample.prompt_hash,
        "curator": sample.curator,
        "decided_at": sample.decided_at,
    }


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON Lines in UTF-8. ASCII only, so that no reader can split a line at U+2028 or trip over a surrogate."""
    return b"".join(json.dumps(row, allow_nan=False).encode("ascii") + b"\n" for row in rows)
