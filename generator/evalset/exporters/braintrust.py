"""Braintrust: dataset rows, and a script that hands them to its client."""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import conversation, lines, metadata
from generator.records import Sample

_UPLOAD = '''"""Written by groundset. Run with BRAINTRUST_API_KEY set: python upload.py PROJECT NAME"""

import json
import sys
from pathlib import Path

import braintrust

project, name = sys.argv[1:3]
rows = Path(__file__).with_name("rows.jsonl").read_bytes().split(b"\\n")
rows = [json.loads(row) for row in rows if row]
dataset = braintrust.init_dataset(project=project, name=name)
print(f"dataset {dataset.id}")  # asks the server for it: rows would be dropped in silence if it said no
for row in rows:
    dataset.insert(id=row["id"], input=row["input"], expected=row["expected"], metadata=row["metadata"])
dataset.flush()
print(f"{len(rows)} rows are in {name} of {project}")
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`rows.jsonl` and `upload.py`."""
    rows = (
        {
            "id": sample.id,
            "input": conversation(sample),
            "expected": sample.target,
            "metadata": metadata(sample),
        }
        for sample in samples
    )
    return {"rows.jsonl": lines(rows), "upload.py": _UPLOAD.encode()}
