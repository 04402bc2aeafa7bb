"""OpenAI evals: a registry folder for `oaieval`, whose graded template `closedqa` asks whether the criterion is met.

The samples are chat messages as the API takes them, so they also go into the platform's own datasets as they are.
"""

from collections.abc import Mapping, Sequence

import yaml

from generator.evalset.exporters.jsonl import conversation, lines, metadata
from generator.records import Sample

_REGISTRY = {
    "groundset": {
        "id": "groundset.all.v0",
        "description": "Written by groundset. Run with: oaieval MODEL groundset --registry_path .",
        "metrics": ["accuracy"],
    },
    "groundset.all.v0": {
        "class": "evals.elsuite.modelgraded.classify:ModelBasedClassify",
        "args": {
            "samples_jsonl": "groundset/samples.jsonl",
            "eval_type": "cot_classify",
            "modelgraded_spec": "closedqa",
        },
    },
}


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`evals/groundset.yaml` and `data/groundset/samples.jsonl`, where `oaieval` looks for them."""
    rows = (
        {
            "id": sample.id,
            "input": conversation(sample),
            "ideal": sample.target,
            "criteria": sample.target,
            "metadata": metadata(sample),
        }
        for sample in samples
    )
    registry = yaml.safe_dump(_REGISTRY, sort_keys=False, width=120).encode()
    return {"evals/groundset.yaml": registry, "data/groundset/samples.jsonl": lines(rows)}
