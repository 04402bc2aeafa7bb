"""Parquet: the samples as columns of fixed types, the same on every export."""

import io
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from generator.errors import ExportError
from generator.evalset.exporters.jsonl import METADATA, conversation, metadata
from generator.records import Sample

if TYPE_CHECKING:
    import pyarrow as pa


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`samples.parquet`."""
    return {"samples.parquet": table(samples)}


def table(samples: Sequence[Sample]) -> bytes:
    """The bytes of a Parquet file.

    Raises:
        ExportError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ExportError("Parquet needs pyarrow; install it with: pip install 'groundset[parquet]'") from error
    rows = [_row(sample) for sample in samples]
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=_schema(pa)), file, compression="zstd", store_schema=False)
    return file.getvalue()


def _row(sample: Sample) -> dict[str, Any]:
    return {
        "id": sample.id,
        "input": [_message(message) for message in conversation(sample)],
        "target": sample.target,
        "metadata": metadata(sample),
    }


def _message(row: Mapping[str, Any]) -> dict[str, Any]:
    """A message whose tool calls are JSON text: a column that is empty in most sets must not change its type."""
    calls = row.get("tool_calls")
    return {
        "role": row["role"],
        "content": row["content"],
        "tool_calls": None if calls is None else json.dumps(calls),
        "tool_call_id": row.get("tool_call_id"),
    }


def _schema(pa: Any) -> "pa.Schema":
    text, texts = pa.string(), pa.list_(pa.string())
    message = pa.struct([(name, text) for name in ("role", "content", "tool_calls", "tool_call_id")])
    types = {bool: pa.bool_(), list: texts, int: pa.int64(), float: pa.float64(), str: text}
    about = pa.struct([(name, types[kind]) for name, kind in METADATA.items()])
    return pa.schema([("id", text), ("input", pa.list_(message)), ("target", text), ("metadata", about)])
