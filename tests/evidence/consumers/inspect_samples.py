"""Inspect AI's own loader of samples."""

import json
import sys
from pathlib import Path

from inspect_ai.dataset import json_dataset

folder, out = map(Path, sys.argv[1:])
rows = [
    {"id": each.id, "contents": [message.text for message in each.input], "target": each.target, "about": each.metadata}
    for each in json_dataset(str(folder / "dataset.jsonl"))
]
out.write_text(json.dumps(rows))
