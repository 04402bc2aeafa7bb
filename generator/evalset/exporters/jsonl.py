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

METADATA: Mapping[str, type] = {
    "origin": str,
    "kind": str,
    "edited": bool,
    "criteria": list,
    "must_not": list,
    "reference": str,
    "cluster": str,
    "cluster_name": str,
    "cell": int,
    "weight": float,
    "stratum": str,
    "split": str,
    "source_ids": list,
    "model": str,
    "prompt_hash": str,
    "curator": str,
    "decided_at": str,
}
"""The keys of `metadata` and what lies under them; any may be None, and lists are of texts."""


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`samples.jsonl`."""
    rows = (
        {
            "id": sample.id,
            "input": conversation(sample),
            "target": sample.target,
            "metadata": metadata(sample),
        }
        for sample in samples
    )
    return {"samples.jsonl": lines(rows)}


def conversation(sample: Sample) -> list[dict[str, Any]]:
    """The messages in the shape of OpenAI's chat completions."""
    return [message.as_json() for message in sample.input]


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


def metadata_with_id(sample: Sample) -> dict[str, Any]:
    """For tools that give items ids of their own: ours lies beside theirs."""
    return {"id": sample.id, **metadata(sample)}


def metadata_with_messages(sample: Sample) -> dict[str, Any]:
    """For tools whose inputs are one text: the conversation that the text is of lies beside it."""
    return {**metadata(sample), "messages": conversation(sample)}


def array(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """A JSON array, a row a line; ASCII for the same reasons as `lines`."""
    return b"[\n" + b",\n".join(json.dumps(row, allow_nan=False).encode("ascii") for row in rows) + b"\n]\n"


def lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """JSON Lines in UTF-8. ASCII only, so that no reader can split a line at U+2028 or trip over a surrogate."""
    return b"".join(json.dumps(row, allow_nan=False).encode("ascii") + b"\n" for row in rows)
