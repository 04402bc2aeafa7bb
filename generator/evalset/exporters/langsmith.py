"""LangSmith: examples as its client takes them, and a script that hands them to it."""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import conversation, lines, metadata_with_id
from generator.records import Sample

_UPLOAD = '''"""Written by groundset. Run with LANGSMITH_API_KEY set: python upload.py NAME"""

import json
import sys
from pathlib import Path

from langsmith import Client

rows = Path(__file__).with_name("examples.jsonl").read_bytes().split(b"\\n")
examples = [json.loads(row) for row in rows if row]
client = Client()
dataset = client.create_dataset(sys.argv[1] if len(sys.argv) > 1 else "groundset")
for start in range(0, len(examples), 100):
    client.create_examples(dataset_id=dataset.id, examples=examples[start : start + 100])
print(f"{len(examples)} examples are in {dataset.name}")
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`examples.jsonl` and `upload.py`."""
    rows = (
        {
            "inputs": {"messages": conversation(sample)},
            "outputs": {"expected": sample.target},
            "metadata": metadata_with_id(sample),
            "split": sample.split,
        }
        for sample in samples
    )
    return {"examples.jsonl": lines(rows), "upload.py": _UPLOAD.encode()}
