"""Phoenix: dataset examples, and a script that hands them to its client."""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import conversation, lines, metadata_with_id
from generator.records import Sample

_UPLOAD = '''"""Written by groundset. Set PHOENIX_COLLECTOR_ENDPOINT and PHOENIX_API_KEY: python upload.py NAME"""

import json
import sys
from pathlib import Path

from phoenix.client import Client

name = sys.argv[1] if len(sys.argv) > 1 else "groundset"
rows = Path(__file__).with_name("examples.jsonl").read_bytes().split(b"\\n")
examples = [json.loads(row) for row in rows if row]
Client().datasets.create_dataset(
    name=name,
    inputs=[example["input"] for example in examples],
    outputs=[example["output"] for example in examples],
    metadata=[example["metadata"] for example in examples],
    timeout=300,
)
print(f"{len(examples)} examples are in {name}")
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`examples.jsonl` and `upload.py`."""
    rows = (
        {
            "input": {"messages": conversation(sample)},
            "output": {"expected": sample.target},
            "metadata": metadata_with_id(sample),
        }
        for sample in samples
    )
    return {"examples.jsonl": lines(rows), "upload.py": _UPLOAD.encode()}
