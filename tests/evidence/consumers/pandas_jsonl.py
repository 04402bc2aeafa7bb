"""pandas on our own JSON Lines."""

import json
import sys
from pathlib import Path

import pandas as pd

folder, out = map(Path, sys.argv[1:])
table = pd.read_json(folder / "samples.jsonl", lines=True, dtype=False, convert_dates=False)
rows = [
    {"id": each["id"], "conversation": each["input"], "target": each["target"], "about": each["metadata"]}
    for each in table.to_dict("records")
]
out.write_text(json.dumps(rows))
