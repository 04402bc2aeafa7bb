"""Ragas: samples of one turn, for `EvaluationDataset.from_jsonl`.

Ragas knows no system prompts and does not mix conversations with single turns, so `user_input` is the user's words
as one text, and the conversation lies beside it. Its other way in, `Dataset.load` with a local backend, makes dates
of texts that look like one, and is not what this is for.
"""

from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import lines, metadata_with_messages
from generator.records import Sample, user_text


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`samples.jsonl`."""
    rows = (
        {
            "id": sample.id,
            "user_input": user_text(sample.input),
            "reference": sample.target,
            "metadata": metadata_with_messages(sample),
        }
        for sample in samples
    )
    return {"samples.jsonl": lines(rows)}
