"""Log formats, file by file: what is in a file, what came out, and what did not.

Reads ../shared/data/traces where it lies beside the checkout, and always the small samples of tests/logs. The
units of a file (records, spans, observations, runs) are counted here by other code than the readers', so that
"traces + joined + rejected = units" says that every one of them was mapped or counted. Exits 1 where it is not.

    python tests/evidence/formats.py
"""

import gzip
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generator.errors import LogError
from generator.logs.ingestion import recognised
from generator.logs.joining import outcomes
from generator.logs.reading import open_log
from tests.evidence.traffic import SHARED
from tests.logs.samples import SAMPLES

NO_LOGS = (".md",)
"""What lies among the samples and is a text about a format."""


@dataclass(frozen=True)
class Row:
    """One file of the table."""

    file: str
    format: str
    units: int
    traces: int
    joined: int
    rejected: Counter[str]
    marks: Counter[str]
    """Parts of messages that are shown by their name only, as `[image]`."""

    @property
    def counted(self) -> int:
        return self.traces + self.joined + self.rejected.total()


def units_in(path: Path) -> int:
    """Records, spans, observations or runs in a file."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    name = path.name.removesuffix(".gz")
    if name.endswith(".json"):
        value = json.loads(text)
        return sum(map(_units, value)) if isinstance(value, list) else _units(value)
    if name.endswith(".jsonl"):
        return sum(_units(json.loads(line)) for line in text.split("\n") if line.strip())
    lines = sum(bool(line.strip()) for line in text.split("\n"))
    return lines - 1 if name.endswith((".csv", ".tsv")) else lines


def _units(value: Any) -> int:
    if not isinstance(value, dict):
        return 1
    if "resourceSpans" in value:
        return sum(len(scope["spans"]) for each in value["resourceSpans"] for scope in each["scopeSpans"])
    if "observations" in value:
        return 1 + len(value["observations"])
    if "post" in value:
        return len({run.get("id") or run.get("trace_id") for run in (*value["post"], *value["patch"])})
    return 1


def row_of(path: Path, shown: str) -> Row:
    """Read one file as an import would."""
    with open_log(path) as log:
        recognition = recognised(log, "auto", None)
        found = list(outcomes(log.records(), recognition))
    traces = [each.trace for each in found if each.trace]
    return Row(
        shown,
        recognition.format,
        units_in(path),
        len(traces),
        sum(each.joined for each in found),
        Counter(each.reason for each in found if each.trace is None),
        Counter(
            word
            for trace in traces
            for message in trace.messages
            for word in ("[image]", "[part]", "[thinking]", "[input_audio]")
            if word in message.content
        ),
    )


def rows() -> Iterator[Row]:
    """Every file that is there."""
    for path in sorted((SHARED / "traces").glob("*/*")):
        if path.suffix not in NO_LOGS:
            yield row_of(path, f"{path.parent.name}/{path.name}")
    with tempfile.TemporaryDirectory() as folder:
        for sample in SAMPLES:
            path = Path(folder) / sample.name
            path.write_bytes(sample.content)
            yield row_of(path, f"ours: {sample.name}")


def main() -> int:
    """Print the table; 1 where something was neither mapped nor counted."""
    if not (SHARED / "traces").exists():
        print(f"{SHARED / 'traces'} is not here: only our own samples are read")
    head = (
        f"{'file':54} {'format':17} {'units':>6} {'traces':>6} {'joined':>6} {'reject':>6}  {'counted':>7}  not mapped"
    )
    print(head)
    missed = 0
    files: Counter[str] = Counter()
    total: Counter[str] = Counter()
    try:
        for row in rows():
            why = "; ".join(f"{count} × {reason}" for reason, count in row.rejected.items())
            marks = ", ".join(f"{count} × {word}" for word, count in row.marks.items())
            print(
                f"{row.file[-54:]:54} {row.format:17} {row.units:6,} {row.traces:6,} {row.joined:6,} "
                f"{row.rejected.total():6,}  {row.counted / row.units:7.0%}  {'; '.join(filter(None, (why, marks)))}"
            )
            missed += row.counted != row.units
            files[row.format] += 1
            total.update(units=row.units, traces=row.traces, joined=row.joined, rejected=row.rejected.total())
    except LogError as error:
        print(error)
        return 1
    print(
        f"{sum(files.values())} files of {len(files)} formats: {total['units']:,} units = {total['traces']:,} traces "
        f"+ {total['joined']:,} joined + {total['rejected']:,} rejected with a reason; "
        f"{missed} files with anything that is neither mapped nor counted"
    )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
