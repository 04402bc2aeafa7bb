"""`load_dataset` on the folder."""

import json
import sys
from pathlib import Path

from datasets import load_dataset

folder, out = map(Path, sys.argv[1:])
loaded = load_dataset(str(folder), cache_dir=str(out.with_suffix(".cache")))
rows = [
    {
        "id": each["id"],
        "contents": [message["content"] for message in each["input"]],
        "target": each["target"],
        "about": each["metadata"] | {"split": split},
    }
    for split, part in loaded.items()
    for each in part
]
out.write_text(json.dumps(rows))
