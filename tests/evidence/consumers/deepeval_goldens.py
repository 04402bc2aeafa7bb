"""DeepEval's own loader of goldens."""

import json
import sys
from pathlib import Path

from deepeval.dataset import EvaluationDataset

folder, out = map(Path, sys.argv[1:])
dataset = EvaluationDataset()
dataset.add_goldens_from_json_file(str(folder / "goldens.json"))
rows = [
    {
        "id": each.name,
        "text": each.input,
        "target": each.expected_output,
        "conversation": each.additional_metadata["messages"],
        "about": each.additional_metadata,
    }
    for each in dataset.goldens
]
out.write_text(json.dumps(rows))
