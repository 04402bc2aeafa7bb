"""Results of an evaluation, in the files that the tools write: one score an item, and the answers themselves.

    groundset     JSON Lines or CSV: id with passed or score
    promptfoo     `promptfoo eval -o out.json`: the test's description is our id
    inspect       a log, as .json or as .eval (a zip of JSON)
    openai-evals  JSON Lines of events of type "match"

An item with several results (repeats, epochs) has their mean.
"""

import math
import struct
import zipfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from generator.errors import LogError
from generator.logs.reading import open_log
from generator.logs.values import UnreadableError, parse
from generator.printable import one_line

_ZIP = b"PK\x03\x04"
_PART_LIMIT = 64 * 1024 * 1024
"""Unpacked bytes of one member of an .eval file."""
_PARTS_LIMIT = 1024 * 1024 * 1024
_ZSTANDARD = 93
_LOCAL_HEADER = struct.Struct("<4x22x2H")
"""Of a zip member: 30 bytes, of which the last four are the lengths of its name and of the extra field."""
_WINDOW = 128 * 1024 * 1024
_WORDS: Mapping[str, float] = {
    **dict.fromkeys(("true", "pass", "passed", "yes", "correct", "c", "success", "ok"), 1.0),
    **dict.fromkeys(("false", "fail", "failed", "no", "incorrect", "i", "n", "failure", "error"), 0.0),
    **dict.fromkeys(("partial", "p"), 0.5),
}
"""What graders write for a score; C, I, P and N as Inspect does."""
_SCORES = ("score", "passed", "pass", "success", "correct", "value")
_IDS = ("id", "sample_id", "sampleId", "description")
_OUTPUTS = ("output", "answer", "completion", "response")
_SECONDS = ("latency", "latency_s")
_COSTS = ("cost", "cost_usd")
_NAMED = 3
_PROVIDER_FAILED = 2
"""promptfoo's reason of a failure: 0 none, 1 an assertion, 2 an error."""


@dataclass(frozen=True, slots=True)
class Result:
    """How an item went."""

    id: str
    score: float
    """0 to 1; the mean where it was run more than once."""
    repeats: int = 1


@dataclass(frozen=True, slots=True)
class Results:
    """What was read of a file of results."""

    items: tuple[Result, ...]
    format: str
    unknown: int
    """Ids that are no sample of the project."""
    unknown_ids: tuple[str, ...]
    """The first of them."""
    skipped: Mapping[str, int]
    """Rows that gave no result, by reason."""

    @property
    def scores(self) -> dict[str, float]:
        """Score by id."""
        return {result.id: result.score for result in self.items}


@dataclass(frozen=True, slots=True)
class Row:
    """What a file says of one run of an item, all as the file has it."""

    id: Any
    score: Any = None
    output: Any = None
    """What was answered; None where the file does not say."""
    asked: Any = None
    """The input, where the file repeats it."""
    latency_s: Any = None
    cost_usd: Any = None
    candidates: tuple[str, ...] = ()
    """Names of who answered, where a file holds the answers of several."""

    @property
    def own_id(self) -> str | None:
        """The id as text, or None where it is none."""
        is_id = isinstance(self.id, str | int) and not isinstance(self.id, bool)
        return str(self.id).strip() or None if is_id else None


def read_results(path: str | Path, known: Collection[str]) -> Results:
    """Read a file of results.

    Args:
        path: The file.
        known: Ids of the samples.

    Raises:
        LogError: the file cannot be read, holds no results, or none of a known sample.
    """
    path = Path(path)
    skipped: Counter[str] = Counter()
    name, found = read_rows(path, skipped)
    scores: defaultdict[str, list[float]] = defaultdict(list)
    for row in found:
        if (own := row.own_id) is None:
            skipped["no id"] += 1
        elif (number := score_of(row.score)) is None:
            skipped["no score between 0 and 1"] += 1
        else:
            scores[own].append(number)
    samples = frozenset(known)
    unknown = [each for each in scores if each not in samples]
    _refuse_nothing(path, scores, unknown, skipped)
    items = [Result(each, sum(values) / len(values), len(values)) for each, values in scores.items() if each in samples]
    return Results(tuple(items), name, len(unknown), tuple(unknown[:_NAMED]), dict(skipped))


def read_rows(path: Path, skipped: Counter[str]) -> tuple[str, Iterator[Row]]:
    """The format of a file of results, and what it says of every run of an item.

    Args:
        path: The file.
        skipped: Counts, by reason, the rows that cannot be read.

    Raises:
        LogError: the file cannot be read.
    """
    return _eval_archive(path) if _is_zip(path) else _logged(path, skipped)


def _refuse_nothing(
    path: Path, scores: Mapping[str, Sequence[float]], unknown: Sequence[str], skipped: Mapping[str, int]
) -> None:
    if not scores:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in islice(skipped.items(), _NAMED))
        raise LogError(
            f"{path} holds no results{f' (rows: {reasons})' if reasons else ''}; "
            'give lines such as {"id": "d-...", "passed": true}, or the output of promptfoo, Inspect or OpenAI evals.'
        )
    if len(unknown) == len(scores):
        shown = ", ".join(one_line(each, 40) for each in unknown[:_NAMED])
        raise LogError(
            f"None of the {len(unknown):,} ids in {path} is a sample of this project (the first: {shown}); "
            "run the evaluation on an export of this project."
        )


def score_of(value: Any) -> float | None:
    """A score between 0 and 1, or None where a value is none: a number, a truth value, or a grader's word."""
    if isinstance(value, str):
        word = value.strip().casefold()
        if word in _WORDS:
            return _WORDS[word]
        try:
            value = float(word)
        except ValueError:
            return None
    if not isinstance(value, bool | int | float):
        return None
    # Compared before it is made a float: an integer of 400 digits has none.
    return float(value) if 0 <= value <= 1 else None


def _is_zip(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(_ZIP)) == _ZIP
    except (OSError, ValueError):
        return False  # `open_log` says what is wrong with it


def _logged(path: Path, skipped: Counter[str]) -> tuple[str, Iterator[Row]]:
    with open_log(path) as log:
        records = list(log.records())
    skipped.update(
        record.error or "no fields" for record in records if record.error or not isinstance(record.value, Mapping)
    )
    objects = [record.value for record in records if isinstance(record.value, Mapping)]
    if len(objects) == 1 and len(records) == 1:
        return _document(objects[0])
    if any("vars" in each or "testCase" in each for each in objects[:_NAMED]):
        return "promptfoo", (_promptfoo(each) for each in objects)
    if any(each.get("type") == "match" and isinstance(each.get("data"), Mapping) for each in objects):
        return "openai-evals", (_event(each) for each in objects if each.get("type") == "match")
    if any(isinstance(each.get("scores"), Mapping) for each in objects[:_NAMED]):
        return "inspect", (_inspect(each) for each in objects)
    return "groundset", (_own(each) for each in objects)


def _document(whole: Mapping[str, Any]) -> tuple[str, Iterator[Row]]:
    """A file that is one object: a log of Inspect, the output of promptfoo, results by id, or a single result."""
    if isinstance(whole.get("samples"), list):
        return "inspect", (_inspect(each) for each in _objects(whole["samples"]))
    results = whole.get("results")
    rows = results.get("results") if isinstance(results, Mapping) else results
    if isinstance(rows, list):
        return "promptfoo", (_promptfoo(each) for each in _objects(rows))
    if any(key in whole for key in _IDS):
        return "groundset", iter([_own(whole)])
    return "groundset", (Row(key, value, value if isinstance(value, str) else None) for key, value in whole.items())


def _objects(rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (each if isinstance(each, Mapping) else {} for each in rows)


def _own(row: Mapping[str, Any]) -> Row:
    seconds, thousandths = _first(row, _SECONDS), row.get("latency_ms")
    return Row(
        _first(row, _IDS),
        _first(row, _SCORES),
        next((row[key] for key in _OUTPUTS if row.get(key) is not None), None),
        row.get("input"),
        seconds if seconds is not None else _divided(thousandths, 1000),
        _first(row, _COSTS),
    )


def _divided(value: Any, by: int) -> Any:
    return value / by if isinstance(value, int | float) and not isinstance(value, bool) else None


def _first(row: Mapping[str, Any], keys: Iterable[str]) -> Any:
    return next((row[key] for key in keys if row.get(key) not in (None, "")), None)


def _promptfoo(row: Mapping[str, Any]) -> Row:
    test = row.get("testCase")
    about = test if isinstance(test, Mapping) else row
    success, graded = row.get("success"), row.get("score")
    # Where the provider failed promptfoo gives 0 too, but the item has no result.
    if row.get("failureReason") == _PROVIDER_FAILED or (
        row.get("error") and "failureReason" not in row and not row.get("gradingResult")
    ):
        return Row(about.get("description"))
    response, variables, provider = (_mapping(row.get(key)) for key in ("response", "vars", "provider"))
    # What came out of promptfoo's cache took no time and cost nothing this time, which says nothing of the model.
    measured = not response.get("cached")
    return Row(
        about.get("description"),
        success if graded is None else graded,
        response.get("output"),
        _mapping(variables.get("case")).get("input"),
        _divided(row.get("latencyMs"), 1000) if measured else None,
        row.get("cost") if measured else None,
        tuple(str(provider[key]) for key in ("label", "id") if provider.get(key)),
    )


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _inspect(sample: Mapping[str, Any]) -> Row:
    """A run of a sample, with the mean over its scorers."""
    values = [
        score_of(each.get("value") if isinstance(each, Mapping) else each)
        for each in _mapping(sample.get("scores")).values()
        if each is not None
    ]
    good = [value for value in values if value is not None]
    output = _mapping(sample.get("output"))
    return Row(
        sample.get("id"),
        math.fsum(good) / len(good) if good else None,
        None if sample.get("error") else _completion(output),
        sample.get("input"),
        output.get("time") or sample.get("working_time") or sample.get("total_time"),
    )


def _completion(output: Mapping[str, Any]) -> Any:
    """What the model said last, in a log of Inspect of any version."""
    if isinstance(output.get("completion"), str):
        return output["completion"]
    choices = output.get("choices")
    first = _mapping(choices[0]) if isinstance(choices, list) and choices else {}
    content = _mapping(first.get("message")).get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content


def _event(event: Mapping[str, Any]) -> Row:
    data = event["data"] if isinstance(event.get("data"), Mapping) else {}
    return Row(event.get("sample_id"), data.get("correct"), data.get("sampled"))


def _eval_archive(path: Path) -> tuple[str, Iterator[Row]]:
    """The samples of an Inspect log in its own packing: one JSON file a sample and epoch.

    Raises:
        LogError: it is no such archive, or damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # A sample that was run again is there twice; the last one counts.
            members = {each.filename: each for each in archive.infolist() if _is_sample(each.filename)}.values()
            if sum(each.file_size for each in members) > _PARTS_LIMIT:
                raise LogError(
                    f"{path} unpacks to more than {_PARTS_LIMIT // 2**30} GB; write it as JSON Lines instead."
                )
            found = [_inspect(_member(archive, each)) for each in members]
    except (
        zipfile.BadZipFile,
        OSError,
        EOFError,
        ValueError,
        NotImplementedError,
        RuntimeError,
        struct.error,
        zlib.error,
    ) as error:
        raise LogError(f"{path} is a damaged archive; write it again with: inspect log dump") from error
    if not found:
        raise LogError(f"{path} is a zip archive without samples of Inspect; unpack it and name the file of results.")
    return "inspect", iter(found)


def _is_sample(name: str) -> bool:
    return name.startswith("samples/") and name.endswith(".json")


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """The bytes of a member, up to one more than the limit.

    Inspect packs with Zstandard (method 93), which the standard library reads from Python 3.14 on only.
    """
    if member.compress_type != _ZSTANDARD or archive.fp is None:
        with archive.open(member) as file:
            return file.read(_PART_LIMIT + 1)
    import zstandard

    archive.fp.seek(member.header_offset)
    header = archive.fp.read(_LOCAL_HEADER.size)
    name, extra = _LOCAL_HEADER.unpack(header)
    archive.fp.seek(member.header_offset + _LOCAL_HEADER.size + name + extra)
    packed = archive.fp.read(member.compress_size)
    try:
        with zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(packed) as stream:
            return stream.read(_PART_LIMIT + 1)
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(str(error)) from error


def _member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Mapping[str, Any]:
    """One sample; an empty one where it cannot be read, so that it is counted."""
    data = _unpacked(archive, member)
    if len(data) > _PART_LIMIT:
        return {}
    try:
        value = parse(data.decode("utf-8", "replace"))
    except UnreadableError:
        return {}
    return value if isinstance(value, Mapping) else {}
