"""CSV: a table for spreadsheets, or raw for programs.

A spreadsheet runs a cell that begins with `=`, `+`, `-`, `@` or their full-width forms, also behind white space.
Such a cell gets a single quote in front, and so does one that begins with a single quote, which makes taking away
one leading quote the exact way back. The last column says whether that was done.
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence

from generator.evalset.exporters.jsonl import METADATA, conversation, metadata
from generator.records import Sample, user_text

CELL_LIMIT = 32_767
"""Characters that a spreadsheet keeps of a cell."""
SAFE_COLUMN = "formula_safe"
COLUMNS = ("id", "input", "target", "messages", *METADATA, SAFE_COLUMN)
_LIVE = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "'", "\t", "\r", "\n")


def render(samples: Sequence[Sample], *, raw: bool = False) -> Mapping[str, bytes]:
    """`samples.csv`."""
    text = io.StringIO(newline="")
    # Older versions of Python leave a lone carriage return without quotes unless all cells have them.
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for row in map(_row, samples):
        cells = row if raw else {name: safe(cell) for name, cell in row.items()}
        writer.writerow({**cells, SAFE_COLUMN: "no" if raw else "yes"})
    return {"samples.csv": text.getvalue().encode()}


def safe(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(_LIVE) or cell.startswith(_LIVE) else cell


def unsafe(cell: str) -> str:
    """The inverse of `safe`."""
    return cell.removeprefix("'")


def too_long(samples: Sequence[Sample]) -> int:
    """How many samples have a cell that a spreadsheet would cut."""
    return sum(any(len(safe(cell)) > CELL_LIMIT for cell in _row(sample).values()) for sample in samples)


def _row(sample: Sample) -> dict[str, str]:
    about = {name: _cell(value) for name, value in metadata(sample).items()}
    return {
        "id": sample.id,
        "input": user_text(sample.input),
        "target": sample.target,
        "messages": json.dumps(conversation(sample)),
        **about,
    }


def _cell(value: object) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
