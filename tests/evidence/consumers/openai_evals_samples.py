"""`oaieval` itself: its loader, with its own dry-run model and its graded template."""

import json
import sys
from pathlib import Path

from evals.data import get_jsonl

folder, out = map(Path, sys.argv[1:])
rows = [
    {"id": each["id"], "conversation": each["input"], "target": each["ideal"], "about": each["metadata"]}
    for each in get_jsonl(str(folder / "data" / "groundset" / "samples.jsonl"))
]
out.write_text(json.dumps(rows))
