"""Evaluation sets that exist already, in the formats of other tools, to texts with their expected behaviour.

Only data is read. A promptfoo configuration may name programs and other people's servers; those are counted
and never run or asked, and a file of tests is read only where it lies in the configuration's own folder.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from generator.errors import LogError
from generator.evalset.exporters.csv_table import COLUMNS, SAFE_COLUMN, unsafe
from generator.logs.formats.conversation import answer_of, are_turns, messages_of, unwrapped
from generator.logs.formats.flat import FIELD_NAMES, folded
from generator.logs.formats.raw import UnusableError
from generator.logs.reading import Record, open_log
from generator.logs.text_lines import LINE_LIMIT
from generator.printable import one_line
from generator.records import user_text

MANIFEST = "groundset.json"
"""Marks a folder as an export of ours, which a later export may replace, and names its files of samples."""

_YAML = (".yaml", ".yml")
_YAML_LIMIT = 4 * 1024 * 1024
_NODES_LIMIT = 1_000_000
"""Values in a YAML file with every alias written out: a few lines of aliases can stand for billions."""
_TABLES = (".jsonl", ".json", ".csv", ".tsv", *_YAML)
"""Files of tests that hold data only."""
_PROGRAM = re.compile(r"\.(?:[cm]?[jt]s|py|rb|go|sh)(?::\w+)?$", re.IGNORECASE)
_LISTS = (
    *("goldens", "conversationalgoldens", "samples", "examples", "cases", "questions", "evals", "events", "rows"),
    *("data", "items"),
)
"""Where an object that is a whole file keeps its rows."""
_TEXTS = (
    *("input", "inputs", "question", "prompt", "query", "messages", "turns", "conversation", "scenario", *FIELD_NAMES),
)
_TARGETS = (
    *("target", "ideal", "expected", "expectedoutput", "expectedoutcome", "referenceoutputs", "answer", "reference"),
    *("outputs", "output", "label", "groundtruth", "expectedanswer", "referenceanswer"),
)
_SPEAKERS = {"human": "user", "ai": "assistant", "tool": "tool", "system": "system"}
"""Who speaks in a message of Ragas and LangChain, which stands under `type`."""
_IDS = ("id", "exampleid", "sampleid", "taskid", "questionid")
_OUR_ID = re.compile(r"d-[0-9a-f]{16}")
_OURS = {"origin", "stratum", "weight"}
_PREFIX = re.compile(r"(?P<whole>inputs?|(?:reference_)?outputs?|expected)[._](?P<part>.+)", re.DOTALL)
_NO_TEXT = "no text of a user"
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Item:
    """One item of an evaluation set."""

    id: str
    """As the file has it, else made from its place; no two items share one."""
    text: str
    """The user's words."""
    target: str
    """Expected behaviour as text; empty where the file has none."""
    origin_position: int
    """Line, row or element number, from 1."""


@dataclass(frozen=True, slots=True)
class EvalSet:
    """What was read of a file."""

    items: tuple[Item, ...]
    format: str
    why: str
    """What the format was told by."""
    skipped: Mapping[str, int]
    """Rows that gave no item, by reason."""


@dataclass(frozen=True, slots=True)
class _Row:
    position: int
    value: Any
    error: str | None = None


def read_items(path: str | Path) -> EvalSet:
    """Read an evaluation set: of any tool that we export for, a folder that we wrote, any table, or lines of text.

    Raises:
        LogError: the file cannot be read, or no row of it has a text.
    """
    path = Path(path)
    rows, layout = _exported_rows(path) if _is_export(path) else _rows(path)
    name, why = _format(rows, layout)
    items, skipped = _items(rows)
    if not items:
        raise LogError(f"{path} holds no text of a user{_seen(rows, skipped)}; name the texts input, question or text.")
    return EvalSet(tuple(items), name, why, skipped)


def _rows(path: Path) -> tuple[list[_Row], str]:
    return _yaml_rows(path) if path.suffix.lower() in _YAML else _our_table(path) or _logged_rows(path)


def _is_export(path: Path) -> bool:
    try:
        return path.is_dir() and (path / MANIFEST).is_file()
    except ValueError:  # a NUL in the path
        return False


def _exported_rows(folder: Path) -> tuple[list[_Row], str]:
    """The rows of all files of samples in a folder that we wrote.

    Raises:
        LogError: the manifest cannot be read, or names files elsewhere.
    """
    try:
        names = json.loads((folder / MANIFEST).read_bytes())["data"]
        paths = [(folder / name).resolve() for name in names]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise LogError(f"{folder / MANIFEST} cannot be read; name the file of samples in {folder} instead.") from error
    if not all(path.is_relative_to(folder.resolve()) for path in paths):
        raise LogError(f"{folder / MANIFEST} names files elsewhere, which are not read.")
    read = [_rows(path) for path in paths]
    rows = [
        _Row(number, row.value, row.error) for number, row in enumerate((row for each, _ in read for row in each), 1)
    ]
    return rows, " and ".join(dict.fromkeys(layout for _, layout in read))


def _our_table(path: Path) -> tuple[list[_Row], str] | None:
    """The rows of our own CSV, character for character; None where it is another file.

    Logs are read more leniently, line by line, which takes the two line ends of a text for one.
    """
    csv.field_size_limit(LINE_LIMIT)
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            if next(csv.reader(file)) != list(COLUMNS):
                return None
            table = list(csv.DictReader(file, COLUMNS))
    except (OSError, ValueError, StopIteration, csv.Error):
        return None
    for row in table:
        if row[SAFE_COLUMN] == "yes":
            row.update({name: unsafe(cell) for name, cell in row.items() if isinstance(cell, str)})
    return [_Row(number, row) for number, row in enumerate(table, 1)], "csv"


def _items(rows: Iterable[_Row]) -> tuple[list[Item], dict[str, int]]:
    items: list[Item] = []
    skipped: Counter[str] = Counter()
    taken: set[str] = set()
    for row in rows:
        try:
            text = _text(row)
        except UnusableError as error:
            skipped[str(error)] += 1
            continue
        own = _id(row)
        own = own if own not in taken else f"{own}#{row.position}"
        taken.add(own)
        items.append(Item(own, text, _target(row.value), row.position))
    return items, dict(skipped)


def _text(row: _Row) -> str:
    """The user's words in a row.

    Raises:
        UnusableError: there are none; the message is the reason.
    """
    if row.error is not None:
        raise UnusableError(row.error)
    value = row.value
    if isinstance(value, Mapping):
        value = _about(value).get("messages") or _asked(value)
        if "vars" in row.value and isinstance(value, str) and value.startswith("file://"):
            raise UnusableError("its text is in another file")
    text = _said(value)
    if not text.strip():
        raise UnusableError(_NO_TEXT)
    return text


def _asked(row: Mapping[str, Any]) -> Any:
    """What a row asks; where it wraps values of other names, the one text among them."""
    inside = _inside(row)
    found = _found(inside, _TEXTS)
    wrapped = any(isinstance(row.get(name), Mapping) for name in ("vars", "item"))
    return _only(inside) if found is None and wrapped else found


def _about(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What we wrote about a sample, beside it or as columns of its row; nothing where the row is not ours."""
    found = (row.get(name) for name in ("metadata", "additional_metadata"))
    return next((each for each in (*found, row) if isinstance(each, Mapping) and each.keys() >= _OURS), {})


def _inside(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What describes the item: the row itself, what wraps it, or the one object among promptfoo's variables."""
    wrapped = row.get("item")
    if isinstance(wrapped, Mapping):
        return wrapped
    variables = row.get("vars")
    if not isinstance(variables, Mapping):
        return row if _found(row, _TEXTS) is not None else _unflattened(row)
    if _found(variables, _TEXTS) is None:
        nested = [each for each in variables.values() if isinstance(each, Mapping) and _found(each, _TEXTS)]
        return nested[0] if nested else variables
    return variables


def _unflattened(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row of a table whose columns are the parts of its inputs and outputs, such as `inputs.question`."""
    parts: dict[str, dict[str, Any]] = {}
    for key, value in row.items():
        if step := _PREFIX.match(str(key)):
            parts.setdefault(step["whole"], {})[step["part"]] = value
    return {**row, **parts}


def _found(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first value under one of the names that says anything."""
    by_name = {folded(str(key)): value for key, value in reversed(list(row.items()))}
    return next((by_name[name] for name in names if by_name.get(name) not in (None, "", [], {})), None)


def _only(values: Mapping[str, Any]) -> Any:
    """The one text under any name."""
    texts = [each for each in values.values() if isinstance(each, str)]
    return texts[0] if len(texts) == 1 else None


def _said(value: Any) -> str:
    value = unwrapped(value)
    if isinstance(value, Mapping):
        found = _found(value, ("messages", "content", "text", *_TEXTS))
        value = _only(value) if found is None else unwrapped(found)
    value = _with_roles(value)
    if are_turns(value):
        return user_text(messages_of(value))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _with_roles(value: Any) -> Any:
    """Messages that say who speaks under `type`, as messages with roles."""
    if not isinstance(value, list) or not all(
        isinstance(each, Mapping) and each.get("type") in _SPEAKERS for each in value
    ):
        return value
    return [each if "role" in each else {**each, "role": _SPEAKERS[each["type"]]} for each in value]


def _target(row: Any) -> str:
    if not isinstance(row, Mapping):
        return ""
    found = _found(_inside(row), _TARGETS)
    if found is None:
        found = _found(row, _TARGETS)
    return _as_text(found) if found is not None else _asserted(row)


def _as_text(value: Any) -> str:
    if isinstance(value, Mapping):
        found = _found(value, (*_TARGETS, "messages", "content"))
        return _as_text(_only(value) if found is None else found)
    if are_turns(value):
        return answer_of(messages_of(value)) or ""
    if isinstance(value, list):
        return "\n".join(_as_text(each) for each in value if isinstance(each, str | int | float))
    return str(value) if isinstance(value, str | int | float) else ""


def _asserted(row: Mapping[str, Any]) -> str:
    """What promptfoo's assertions compare with, where that is a text and not a program."""
    checks = row.get("assert")
    values = [check.get("value") for check in checks if isinstance(check, Mapping)] if isinstance(checks, list) else []
    return "\n".join(each for each in values if isinstance(each, str) and not each.startswith("file://"))


def _id(row: _Row) -> str:
    value = row.value if isinstance(row.value, Mapping) else {}
    ours = (value.get("description"), value.get("name"), _about(value).get("id"))
    found = next((each for each in ours if _OUR_ID.fullmatch(str(each))), None) or _found(value, _IDS)
    return str(found) if isinstance(found, str | int) and str(found).strip() else str(row.position)


def _format(rows: Sequence[_Row], layout: str) -> tuple[str, str]:
    if layout.startswith("promptfoo"):
        return "promptfoo", layout.removeprefix("promptfoo: ")
    objects = [row.value for row in rows[:_SAMPLE] if isinstance(row.value, Mapping)]
    for name, why, of_format in _FORMATS:
        if objects and 2 * sum(of_format(each) for each in objects) > len(objects):
            return name, f"{why}, in {layout}"
    return ("text", "one item a line") if layout == "text" else ("rows", f"rows with a text, in {layout}")


def _has(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: set(names) <= row.keys()


def _has_objects(*names: str) -> Callable[[Mapping[str, Any]], bool]:
    return lambda row: all(isinstance(row.get(name), Mapping) for name in names)


_FORMATS: Sequence[tuple[str, str, Callable[[Mapping[str, Any]], bool]]] = (
    ("deepeval", "goldens with additional_metadata", _has("input", "additional_metadata")),
    ("groundset", "origin, stratum and weight of each sample", lambda row: bool(_about(row))),
    ("promptfoo", "tests with vars", _has_objects("vars")),
    ("openai-evals", "items with a wrapper", _has_objects("item")),
    ("openai-evals", "input and ideal", _has("input", "ideal")),
    ("deepeval", "input and expected_output", _has("input", "expected_output")),
    ("deepeval", "scenario and expected_outcome", _has("scenario", "expected_outcome")),
    ("ragas", "user_input", _has("user_input")),
    ("langsmith", "inputs and outputs", _has("inputs", "outputs")),
    ("langsmith", "inputs and reference_outputs", _has("inputs", "reference_outputs")),
    ("langfuse", "input and expectedOutput", _has("input", "expectedOutput")),
    ("braintrust", "input and expected", _has("input", "expected")),
    ("phoenix", "input and output as objects", _has_objects("input", "output")),
    ("inspect", "input and target", _has("input", "target")),
)


def _seen(rows: Sequence[_Row], skipped: Mapping[str, int]) -> str:
    """What the file has instead of texts, for a message."""
    keys = dict.fromkeys(str(key) for row in rows[:_SAMPLE] if isinstance(row.value, Mapping) for key in row.value)
    if keys:
        return " (its rows have " + ", ".join(one_line(key, 30) for key in islice(keys, 8)) + ")"
    return f" ({one_line(max(skipped, key=skipped.__getitem__), 100)})" if skipped else ""


def _logged_rows(path: Path) -> tuple[list[_Row], str]:
    with open_log(path) as log:
        records = list(log.records())
        layout = log.layout
    if len(records) == 1 and isinstance(records[0].value, Mapping):
        whole = records[0].value
        if "tests" in whole and ("prompts" in whole or "providers" in whole):
            return list(_tests(whole["tests"], path.parent)), "promptfoo: a configuration with tests"
        if (inner := _list_in(whole)) is not None:
            return [_Row(number, value) for number, value in enumerate(inner, 1)], layout
    return [_row(record) for record in records], layout


def _list_in(whole: Mapping[str, Any]) -> list[Any] | None:
    """The rows of an object that is a whole file, or the answer of a server."""
    if isinstance(whole.get("data"), Mapping):
        whole = whole["data"]
    by_name = {folded(str(key)): value for key, value in whole.items()}
    return next((by_name[name] for name in _LISTS if isinstance(by_name.get(name), list)), None)


def _row(record: Record) -> _Row:
    return _Row(record.position, record.value, record.error)


def _yaml_rows(path: Path) -> tuple[list[_Row], str]:
    value = _yaml(path)
    if isinstance(value, Mapping) and "tests" in value:
        return list(_tests(value["tests"], path.parent)), "promptfoo: a configuration with tests"
    rows = value if isinstance(value, list) else [value]
    is_tests = any(isinstance(row, Mapping) and "vars" in row for row in rows)
    return [
        _Row(number, row) for number, row in enumerate(rows, 1)
    ], "promptfoo: a list of tests" if is_tests else "yaml"


def _yaml(path: Path) -> Any:
    """The data of a YAML file, every scalar as the text that it is ("no" is not False), tags without effect.

    Raises:
        LogError: it cannot be read, is too large, or is not YAML.
    """
    try:
        if path.exists() and not path.is_file():
            raise LogError(f"{path} is no file; name a configuration such as promptfooconfig.yaml.")
        with path.open("rb") as file:
            data = file.read(_YAML_LIMIT + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or "the name cannot be used"
        raise LogError(f"{path} cannot be read ({reason}); check the path.") from error
    if len(data) > _YAML_LIMIT:
        raise LogError(f"{path} is over {_YAML_LIMIT // 2**20} MB of YAML; put its tests in a JSONL file.")
    try:
        # The loader in C is faster, but dies of nesting that this one refuses.
        value = yaml.load(data, Loader=yaml.BaseLoader)  # noqa: S506 - makes texts, lists and mappings only
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise LogError(f"{path} is not YAML that can be read; check it with: promptfoo validate") from error
    if _is_endless(value):
        raise LogError(f"{path} repeats itself by aliases without end; write its tests out in a JSONL file.")
    return value


def _is_endless(value: Any) -> bool:
    waiting, seen = [value], 0
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping | list):
            seen += len(node)
            if seen > _NODES_LIMIT:
                return True
            waiting += node.values() if isinstance(node, Mapping) else node
    return False


def _tests(tests: Any, folder: Path) -> Iterator[_Row]:
    """The tests of a promptfoo configuration, inline or in files."""
    position = 0
    for test in tests if isinstance(tests, list) else [tests]:
        named = test.get("path") if isinstance(test, Mapping) and "vars" not in test else test
        rows = _tests_in(named, folder) if isinstance(named, str) else [_inline(test)]
        for row in rows:
            position += 1
            yield _Row(position, row.value, row.error)


def _inline(test: Any) -> _Row:
    return _Row(0, test) if isinstance(test, Mapping) else _Row(0, None, "a test that is no object")


def _tests_in(named: str, folder: Path) -> list[_Row]:
    """The tests of a file that a configuration names, or why they are not read."""
    name = named.removeprefix("file://")
    if "://" in name:
        return [_Row(0, None, "its tests are on the network, which is not asked")]
    if _PROGRAM.search(name):
        return [_Row(0, None, "its tests are made by a program, which is not run")]
    if Path(name).suffix.lower() not in _TABLES:
        return [_Row(0, None, "its tests are in a file of a kind that is not read")]
    try:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            return [_Row(0, None, "its tests are outside the folder of the configuration")]
        rows = _yaml_rows(path)[0] if path.suffix.lower() in _YAML else _logged_rows(path)[0]
    except (LogError, OSError, ValueError, RuntimeError):  # a loop of links, a NUL in the name
        return [_Row(0, None, "its file of tests cannot be read")]
    if path.suffix.lower() in (".csv", ".tsv"):
        return [_of_table(row) for row in rows]
    return rows


def _of_table(row: _Row) -> _Row:
    """A row of a table of tests: its columns are variables, but for those that begin with two underscores."""
    if not isinstance(row.value, Mapping):
        return row
    variables = {key: value for key, value in row.value.items() if not key.startswith("__")}
    about = {key.removeprefix("__"): value for key, value in row.value.items() if key.startswith("__")}
    expected = [{"value": value} for key, value in about.items() if key.startswith("expected") and value]
    return _Row(
        row.position, {"vars": variables, "description": about.get("description"), "assert": expected}, row.error
    )
