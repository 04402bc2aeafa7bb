"""Inspect AI: a dataset for `json_dataset` and a task that uses it.

Only the keys id, input, target and metadata are ever written: Inspect runs commands and writes files for
rows that have `sandbox`, `setup` or `files`, so nothing of a log may become a key.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from generator.evalset.exporters.jsonl import lines, metadata
from generator.records import Message, Sample

_TASK = '''"""Written by groundset. Run with: inspect eval task.py --model MODEL"""

from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import json_dataset
from inspect_ai.scorer import model_graded_qa
from inspect_ai.solver import generate


@task
def groundset() -> Task:
    return Task(
        dataset=json_dataset(str(Path(__file__).with_name("dataset.jsonl"))),
        solver=generate(),
        scorer=model_graded_qa(),
    )
'''


def render(samples: Sequence[Sample]) -> Mapping[str, bytes]:
    """`dataset.jsonl` and `task.py`."""
    rows = (
        {
            "id": sample.id,
            "input": [_message(message) for message in sample.input],
            "target": sample.target,
            "metadata": metadata(sample),
        }
        for sample in samples
    )
    return {"dataset.jsonl": lines(rows), "task.py": _TASK.encode()}


def _message(message: Message) -> dict[str, Any]:
    row: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls:
        row["tool_calls"] = [
            {"id": call.id, "function": call.name, "arguments": _arguments(call.arguments)}
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        row["tool_call_id"] = message.tool_call_id
    return row


def _arguments(text: str) -> dict[str, Any]:
    """Inspect takes an object; what a model wrote instead is kept under a name of its own."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"arguments": text}
