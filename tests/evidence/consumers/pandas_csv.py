"""pandas on our CSV; where it is formula-safe, one leading quote is taken away, as its card says."""

import json
import sys
from pathlib import Path

import pandas as pd

folder, out = map(Path, sys.argv[1:])
table = pd.read_csv(folder / "samples.csv", dtype=str, keep_default_na=False, encoding="utf-8")


def cell(row, name):
    return row[name].removeprefix("'") if row["formula_safe"] == "yes" else row[name]


rows = [
    {
        "id": cell(each, "id"),
        "text": cell(each, "input"),
        "target": cell(each, "target"),
        "conversation": json.loads(cell(each, "messages")),
    }
    for each in table.to_dict("records")
]
out.write_text(json.dumps(rows))
