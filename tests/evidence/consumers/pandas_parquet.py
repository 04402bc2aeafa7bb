"""pandas on our Parquet."""

import json
import sys
from pathlib import Path

import pandas as pd

folder, out = map(Path, sys.argv[1:])
rows = [
    {"id": each["id"], "contents": [message["content"] for message in each["input"]], "target": each["target"]}
    for each in pd.read_parquet(folder / "samples.parquet").to_dict("records")
]
out.write_text(json.dumps(rows))
