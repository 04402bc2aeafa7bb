"""DeepEval: goldens, for `EvaluationDataset.add_goldens_from_json_file`.

A golden's input is one text, so it holds the user's words; the conversation lies beside it in the metadata.
"""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import array, metadata_with_messages
from generator.records import Sample, user_text


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`goldens.json`."""
    rows = [
        {
            "name": sample.id,
            "input": user_text(sample.input),
            "expected_output": sample.target,
            "additional_metadata": metadata_with_messages(sample),
        }
        for sample in samples
    ]
    return {"goldens.json": array(rows)}
