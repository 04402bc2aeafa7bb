"""Fuzzing the readers: damaged logs of every format, through the whole import, until a million lines are read.

Each file begins with good records of one format, so that it is recognised, and goes on with damaged ones: bytes
flipped, cut, doubled; keys and values swapped for others; JSON of the readers' own words put together at random;
hostile texts. Whatever a line holds, it must come in, repeat, be a part of another, or be rejected with a reason:
accepted + repeated + rejected + joined = lines, counted here. Then the files of tests/hostile, and one line of
1 GB through the command line, with its peak memory. Exits 1 on any traceback or a sum that does not hold.

    python tests/evidence/fuzz_readers.py [LINES] [BYTES OF THE LONG LINE]
"""

import gzip
import json
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from generator.errors import LogError
from generator.logs.ingestion import ingest
from generator.store import Store
from tests.hostile.corpus import HOSTILE, SHORT
from tests.hostile.files import hostile_files
from tests.logs.samples import SAMPLES

LINES = 1_000_000
LONG_LINE = 2**30
PER_FILE = 20_000
GOOD = 60
"""Good records at the head of a file: more than half of those by which a format is recognised."""
_EDGES = (
    *(b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 100_000, b'{"text": ' + b"9" * 5000 + b"}", b'{"text": NaN}'),
    *(b'{"text": "\\ud800"}', b'{"text": "a\xe2\x80\xa8b"}', b"\xef\xbb\xbf{}", b"\xff\xfe{\x00}\x00", b"\x00" * 50),
    *(b'{"text": 1e999}', b"[]", b"{}", b"null", b'"x"', b"-0", b'{"messages": "[[[["}', b'{"a":{"a":{"a":1}}}'),
)


@dataclass
class Figures:
    """What became of all lines."""

    files: int = 0
    lines: int = 0
    """Not blank, as counted here."""
    accepted: int = 0
    repeated: int = 0
    rejected: int = 0
    joined: int = 0
    refused: int = 0
    """Files that were refused in one sentence."""
    wrong_sums: list[str] = field(default_factory=list)
    tracebacks: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)

    @property
    def counted(self) -> int:
        return self.accepted + self.repeated + self.rejected + self.joined


def _records(sample: Any) -> list[Any]:
    """The records of a sample of JSON, one a line."""
    content = gzip.decompress(sample.content) if sample.name.endswith(".gz") else sample.content
    if ".jsonl" in sample.name:
        return [json.loads(line) for line in content.split(b"\n") if line]
    value = json.loads(content)
    return value if isinstance(value, list) else [value]


FORMS = {each.name: _records(each) for each in SAMPLES if ".json" in each.name}
"""Records to damage, by the file of the sample."""


class Damage:
    """Damaged lines, the same for the same number."""

    def __init__(self, records: list[Any], random_state: int) -> None:
        self._rng = random.Random(random_state)
        self._records = records
        self._words = sorted({word for each in FORMS.values() for record in each for word in _words_in(record)})
        self._hostile = list(SHORT.values())

    def lines(self, count: int) -> Iterator[bytes]:
        """So many lines, without their ends."""
        for _ in range(count):
            yield self._line().replace(b"\n", b" ")

    def _line(self) -> bytes:
        rng = self._rng
        match rng.randrange(12):
            case 0 | 1 | 2:
                return self._bytes(json.dumps(self._unique(rng.choice(self._records))).encode())
            case 3 | 4 | 5:
                return self._dumped(self._mutated(rng.choice(self._records), 6))
            case 6 | 7:
                return self._dumped(self._any(5))
            case 8:
                return self._dumped(self._with_text(rng.choice(self._records), rng.choice(self._hostile)))
            case 9 if rng.random() < 0.01:
                return rng.choice(_EDGES)
            case 9:
                return rng.randbytes(rng.randrange(1, 80))
            case _:
                return json.dumps(self._unique(rng.choice(self._records))).encode()

    def _dumped(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=self._rng.random() < 0.5).encode("utf-8", "surrogatepass")

    def _bytes(self, data: bytes) -> bytes:
        rng = self._rng
        damaged = bytearray(data)
        for _ in range(rng.randrange(1, 4)):
            at = rng.randrange(len(damaged)) if damaged else 0
            match rng.randrange(4):
                case 0:
                    damaged[at : at + 1] = rng.randbytes(1)
                case 1:
                    del damaged[at : at + rng.randrange(1, 40)]
                case 2:
                    damaged[at:at] = damaged[at : at + rng.randrange(1, 40)]
                case _:
                    del damaged[at:]
        return bytes(damaged)

    def _unique(self, value: Any) -> Any:
        """The record as another conversation: other ids, now and then."""
        if self._rng.random() < 0.3:
            return value
        return json.loads(json.dumps(value).replace("parcel", f"parcel {self._rng.randrange(10**6)}"))

    def _mutated(self, value: Any, depth: int) -> Any:
        rng = self._rng
        if rng.random() < 0.04 or depth == 0:
            return self._any(2)
        if isinstance(value, dict):
            return {
                rng.choice(self._words) if rng.random() < 0.03 else key: self._mutated(each, depth - 1)
                for key, each in value.items()
                if rng.random() > 0.03
            }
        if isinstance(value, list):
            return [self._mutated(each, depth - 1) for each in value for _ in range(rng.choice((1, 1, 1, 1, 0, 2)))]
        return value

    def _with_text(self, value: Any, text: str) -> Any:
        if isinstance(value, dict):
            return {key: self._with_text(each, text) for key, each in value.items()}
        if isinstance(value, list):
            return [self._with_text(each, text) for each in value]
        return text if isinstance(value, str) and "parcel" in value else value

    def _any(self, depth: int) -> Any:
        rng = self._rng
        kind = rng.random()
        if depth == 0 or kind < 0.35:
            return rng.choice((rng.choice(self._words), None, 1, 0.5, True, 10**30, "", [], {}))
        if kind < 0.55:
            return [self._any(depth - 1) for _ in range(rng.randrange(4))]
        return {rng.choice(self._words): self._any(depth - 1) for _ in range(rng.randrange(1, 6))}


def _words_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from _words_in(each)
    elif isinstance(value, list):
        for each in value:
            yield from _words_in(each)
    elif isinstance(value, str):
        yield value


def fuzz(lines: int, folder: Path, random_state: int = 0) -> Figures:
    """Read so many damaged lines, in files of all formats in turn."""
    figures = Figures()
    number = 0
    while figures.lines < lines:
        name = list(FORMS)[number % len(FORMS)]
        path = folder / f"{number}-{name.split('.')[0]}.jsonl"
        damage = Damage(FORMS[name], random_state + number)
        good = [json.dumps(FORMS[name][at % len(FORMS[name])]).encode() for at in range(GOOD)]
        wanted = min(PER_FILE, lines - figures.lines)
        content = b"\n".join([*good, *damage.lines(max(wanted - GOOD, GOOD))])
        path.write_bytes(content)
        read_one(path, sum(bool(line.strip(b" \t\r\x0b\x0c")) for line in content.split(b"\n")), figures)
        path.unlink()
        number += 1
    return figures


def read_one(path: Path, lines: int | None, figures: Figures) -> None:
    """Read one file into a project of its own; `lines` is how many records it has, where that is known."""
    figures.files += 1
    project = path.with_suffix(".groundset")
    try:
        with Store.open(project, create=True) as store:
            (report,) = ingest(store, [str(path)]).files
            stored = store.counts()
    except LogError:
        figures.refused += 1
        figures.lines += lines or 0
        figures.rejected += lines or 0
        return
    except Exception:
        figures.tracebacks.append(f"{path.name}: {traceback.format_exc(limit=-3)}")
        return
    finally:
        for each in path.parent.glob(f"{project.name}*"):
            each.unlink()
    figures.accepted += report.accepted
    figures.repeated += report.repeated
    figures.rejected += report.rejected
    figures.joined += report.joined
    figures.reasons.update(report.reasons)
    figures.formats[report.format] += 1
    if lines is None:
        figures.lines += report.read + report.joined
    else:
        figures.lines += lines
        # A line of OTLP or of LangSmith may hold several spans, so that more can come out than lines went in.
        several = report.format in ("otlp", "langsmith", "langfuse")
        found = report.read + report.joined
        if found != lines and not (several and found > lines):
            figures.wrong_sums.append(f"{path.name} ({report.format}): {lines} lines, {found} counted")
    if report.read != report.accepted + report.repeated + report.rejected or stored.rejected != report.rejected:
        figures.wrong_sums.append(f"{path.name}: {report}")


_PEAK = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[1:])
print("", resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, sep="\\n", file=sys.stderr)
sys.exit(code)
"""


def long_line(size: int, folder: Path) -> tuple[int, str]:
    """One line of so many bytes between two good ones, through the command line: peak memory in bytes, its report."""
    path = folder / "long_line.jsonl"
    with path.open("wb") as file:
        file.write(b'{"text": "before"}\n{"text": "')
        for _ in range(size // 2**20):
            file.write(b"x" * 2**20)
        file.write(b'"}\n{"text": "after"}\n')
    command = [sys.executable, "-m", "generator", "ingest", str(folder / "long.groundset"), str(path), "--json"]
    # By way of a small process: what a process was before it began a program counts into its peak.
    done = subprocess.run([sys.executable, "-c", _PEAK, *command], capture_output=True, text=True, check=False)
    path.unlink()
    complained, _, peak = done.stderr.strip().rpartition("\n")
    if done.returncode:
        return int(peak) * 1024, complained[-300:]
    report = json.loads(done.stdout)["files"][0]
    return int(peak) * 1024, " ".join(f"{key} {report[key]}" for key in ("read", "accepted", "repeated", "rejected"))


def main() -> int:
    """Print the figures; 1 where something is wrong."""
    lines = int(sys.argv[1]) if len(sys.argv) > 1 else LINES
    size = int(sys.argv[2]) if len(sys.argv) > 2 else LONG_LINE
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        started = time.perf_counter()
        figures = fuzz(lines, folder)
        took = time.perf_counter() - started
        print(f"{figures.files} files, {figures.lines:,} lines in {took:.0f} s")
        print(
            f"accepted {figures.accepted:,} + repeated {figures.repeated:,} + rejected {figures.rejected:,} "
            f"+ joined {figures.joined:,} = {figures.counted:,} (spans in one line count one by one)"
        )
        print(f"tracebacks {len(figures.tracebacks)}, sums that do not hold {len(figures.wrong_sums)}")
        print("recognised: " + ", ".join(f"{count} {name}" for name, count in figures.formats.most_common()))
        for reason, count in figures.reasons.most_common(12):
            print(f"  {count:9,} rejected: {reason}")
        special = Figures()
        (folder / "hostile").mkdir()
        for path in hostile_files(folder / "hostile").values():
            read_one(path, None, special)
        print(
            f"{special.files} hostile files ({len(HOSTILE)} hostile texts in them): {special.refused} refused in one "
            f"sentence, tracebacks {len(special.tracebacks)}, sums that do not hold {len(special.wrong_sums)}"
        )
        peak, report = long_line(size, folder)
        print(f"a line of {size / 2**20:,.0f} MB: {report}; peak memory {peak / 2**20:,.0f} MB")
    wrong = [*figures.tracebacks, *figures.wrong_sums, *special.tracebacks, *special.wrong_sums]
    for each in wrong[:10]:
        print(each)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
