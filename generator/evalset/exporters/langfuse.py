"""Langfuse: dataset items, and a script that hands them to its client."""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import conversation, lines, metadata_with_id
from generator.records import Sample

_UPLOAD = '''"""Written by groundset. Run with LANGFUSE_PUBLIC_KEY and LANGFUSE_SECRET_KEY set: python upload.py NAME"""

import json
import sys
from pathlib import Path

from langfuse import Langfuse

name = sys.argv[1] if len(sys.argv) > 1 else "groundset"
rows = Path(__file__).with_name("items.jsonl").read_bytes().split(b"\\n")
items = [json.loads(row) for row in rows if row]
client = Langfuse()
client.create_dataset(name=name)
for item in items:
    client.create_dataset_item(
        dataset_name=name,
        id=f"{name}-{item['id']}",  # an id may be in one dataset only
        input=item["input"],
        expected_output=item["expectedOutput"],
        metadata=item["metadata"],
    )
print(f"{len(items)} items are in {name}")
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`items.jsonl`, in the shape of Langfuse's own API, and `upload.py`."""
    rows = (
        {
            "id": sample.id,
            "input": conversation(sample),
            "expectedOutput": sample.target,
            "metadata": metadata_with_id(sample),
        }
        for sample in samples
    )
    return {"items.jsonl": lines(rows), "upload.py": _UPLOAD.encode()}
