"""Ragas' own loader of samples, which keeps no ids: rows are in the order of the file."""

import json
import sys
from pathlib import Path

from ragas import EvaluationDataset

folder, out = map(Path, sys.argv[1:])
loaded = EvaluationDataset.from_jsonl(folder / "samples.jsonl")
ids = [json.loads(line)["id"] for line in (folder / "samples.jsonl").read_text().split("\n") if line]
rows = [
    {"id": name, "text": each.user_input, "target": each.reference}
    for name, each in zip(ids, loaded.samples, strict=True)
]
out.write_text(json.dumps(rows))
