"""promptfoo: a configuration and an external file of tests.

promptfoo runs a variable whose text begins with `file://`, reads files it names, and expands `{{ }}` in
it. Text inside a nested variable of an external tests file is left alone, so that is where all foreign
text goes, and prompts and assertions only refer to it.
"""

import json
from collections.abc import Mapping, Sequence

import yaml

from generator.evalset.exporters.jsonl import conversation, lines, metadata
from generator.records import Sample

_CONFIG = {
    "description": "Written by groundset. Put your model under providers and run: promptfoo eval",
    "prompts": ["{{case.input}}"],
    "providers": ["echo"],
    "defaultTest": {"assert": [{"type": "llm-rubric", "value": "Expected: {{case.expected}}"}]},
    "tests": "file://tests.jsonl",
}


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`promptfooconfig.yaml` and `tests.jsonl`."""
    rows = (
        {
            "description": sample.id,
            "vars": {
                "case": {
                    # The conversation as JSON text, which promptfoo takes for chat messages. A bare text would
                    # be taken for messages only when it happens to look like them.
                    "input": json.dumps(conversation(sample), ensure_ascii=False),
                    "expected": sample.target,
                    # Beside the input and not under promptfoo's own `metadata`, which it would expand.
                    "about": metadata(sample),
                }
            },
        }
        for sample in samples
    )
    config = yaml.safe_dump(_CONFIG, sort_keys=False, width=120).encode()
    return {"promptfooconfig.yaml": config, "tests.jsonl": lines(rows)}
