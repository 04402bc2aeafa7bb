"""Evaluation sets that exist already, in the formats of other tools, to texts with their expected behaviour.

Only data is read. A promptfoo configuration may name programs and other people's servers; those are counted
and never run or asked, and a file of tests is read only where it lies in the configuration's own folder.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from generator.errors import LogError
from generator.logs.formats.conversation import are_turns, messages_of, unwrapped
from generator.logs.formats.flat import FIELD_NAMES, folded
from generator.logs.formats.raw import UnusableError
from generator.logs.reading import Record, open_log
from generator.printable import one_line
from generator.records import user_text

_YAML = (".yaml", ".yml")
_YAML_LIMIT = 4 * 1024 * 1024
_NODES_LIMIT = 1_000_000
"""Values in a YAML file with every alias written out: a few lines of aliases can stand for billions."""
_TABLES = (".jsonl", ".json", ".csv", ".tsv", *_YAML)
"""Files of tests that hold data only."""
_PROGRAM = re.compile(r"\.(?:[cm]?[jt]s|py|rb|go|sh)(?::\w+)?$", re.IGNORECASE)
_LISTS = ("goldens", "samples", "examples", "cases", "questions", "evals", "data", "items")
"""Where an object that is a whole file keeps its rows."""
_TEXTS = ("input", "question", "prompt", "query", "messages", "turns", "conversation", "scenario", *FIELD_NAMES)
_TARGETS = (
    "target",
    "ideal",
    "expected",
    "expectedoutput",
    "expectedoutcome",
    "answer",
    "reference",
    "output",
    "label",
)
_IDS = ("id", "sampleid", "taskid", "questionid")
_OUR_ID = re.compile(r"d-[0-9a-f]{16}")
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
    """Read an evaluation set: of ours, promptfoo, Inspect, OpenAI evals, DeepEval, any table, or lines of text.

    Raises:
        LogError: the file cannot be read, or no row of it has a text.
    """
    path = Path(path)
    rows, layout = _yaml_rows(path) if path.suffix.lower() in _YAML else _logged_rows(path)
    name, why = _format(rows, layout)
    items, skipped = _items(rows)
    if not items:
        raise LogError(f"{path} holds no text of a user{_seen(rows, skipped)}; name the texts input, question or text.")
    return EvalSet(tuple(items), name, why, skipped)


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
        value = _found(_inside(value), _TEXTS) or _only(value.get("vars"))
        if "vars" in row.value and isinstance(value, str) and value.startswith("file://"):
            raise UnusableError("its text is in another file")
    text = _said(value)
    if not text.strip():
        raise UnusableError(_NO_TEXT)
    return text


def _inside(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What describes the item: the row itself, promptfoo's variables, or the one object among those."""
    variables = row.get("vars")
    if not isinstance(variables, Mapping):
        return row
    if _found(variables, _TEXTS) is None:
        nested = [each for each in variables.values() if isinstance(each, Mapping) and _found(each, _TEXTS)]
        return nested[0] if nested else variables
    return variables


def _found(row: Mapping[str, Any], names: Sequence[str]) -> Any:
    """The first value under one of the names that says anything."""
    by_name = {folded(str(key)): value for key, value in reversed(list(row.items()))}
    return next((by_name[name] for name in names if by_name.get(name) not in (None, "", [], {})), None)


def _only(variables: Any) -> Any:
    """The one text among variables of other names."""
    texts = [each for each in variables.values() if isinstance(each, str)] if isinstance(variables, Mapping) else []
    return texts[0] if len(texts) == 1 else None


def _said(value: Any) -> str:
    value = unwrapped(value)
    if isinstance(value, Mapping):
        value = _found(value, ("messages", "content", "text", "input"))
    if are_turns(value):
        return user_text(messages_of(value))
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return "\n".join(value)
    return str(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else ""


def _target(row: Any) -> str:
    if not isinstance(row, Mapping):
        return ""
    found = _found(_inside(row), _TARGETS)
    return _as_text(found) if found is not None else _asserted(row)


def _as_text(value: Any) -> str:
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
    found = _found(value, _IDS)
    if found is None and _OUR_ID.fullmatch(str(value.get("description"))):
        found = value["description"]
    return str(found) if isinstance(found, str | int) and str(found).strip() else str(row.position)


def _format(rows: Sequence[_Row], layout: str) -> tuple[str, str]:
    if layout.startswith("promptfoo"):
        return "promptfoo", layout.removeprefix("promptfoo: ")
    objects = [row.value for row in rows[:_SAMPLE] if isinstance(row.value, Mapping)]
    for name, why, of_format in _FORMATS:
        if objects and 2 * sum(of_format(each) for each in objects) > len(objects):
            return name, f"{why}, in {layout}"
    return ("text", "one item a line") if layout == "text" else ("rows", f"rows with a text, in {layout}")


def _is_ours(row: Mapping[str, Any]) -> bool:
    about = row.get("metadata")
    return isinstance(about, Mapping) and {"origin", "stratum", "weight"} <= about.keys()


_FORMATS = (
    ("groundset", "metadata with origin, stratum and weight", _is_ours),
    ("promptfoo", "tests with vars", lambda row: isinstance(row.get("vars"), Mapping)),
    ("openai-evals", "input and ideal", lambda row: {"input", "ideal"} <= row.keys()),
    ("deepeval", "input and expected_output", lambda row: {"input", "expected_output"} <= row.keys()),
    ("inspect", "input and target", lambda row: {"input", "target"} <= row.keys()),
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
        if (inner := next((whole[key] for key in _LISTS if isinstance(whole.get(key), list)), None)) is not None:
            return [_Row(number, value) for number, value in enumerate(inner, 1)], layout
    return [_row(record) for record in records], layout


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
