"""Answers that were made elsewhere come in, and what programs say of the answers of a project."""

import hashlib
import json
import math
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from generator.errors import ConfigError, LogError
from generator.evalset.checks import check
from generator.evalset.results import Row, read_rows, score_of
from generator.evalset.selection import answerable
from generator.judging import Answer, CheckResult, PutReport
from generator.logs.values import clean
from generator.printable import one_line, printable
from generator.records import Message, content_id, normalised
from generator.store import Store

LONG = 1_000_000
"""Characters from which an answer is called very long."""
_LONGEST_NAME = 80
_NAMED = 3


@dataclass(frozen=True, slots=True)
class Given:
    """What a file says of one item."""

    id: str
    output: str | None
    """None where the file has a result without the answer."""
    asked: str | None
    """The input that was answered, where the file repeats it."""
    passed: float | None
    latency_s: float | None
    cost_usd: float | None


@dataclass(frozen=True, slots=True)
class GivenAnswers:
    """What was read of a file of answers."""

    given: tuple[Given, ...]
    format: str
    unknown_ids: tuple[str, ...]
    """Ids that are no item of the project."""
    repeated: int
    """Items with more than one answer: the first is kept, what they passed is averaged."""
    empty: int
    """Answers without a word."""
    without_answer: int
    """Items with a result and no answer: they count, and there is nothing to look at."""
    long: int
    """Answers of more than `LONG` characters."""
    skipped: Mapping[str, int]
    """What could not be used, in words, with how often."""


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What came of a file of answers."""

    candidate: str
    file: str
    read: GivenAnswers
    put: PutReport
    stale: int
    """Answers to an earlier version of their item, as far as the file says what was asked."""

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        read = {key: value for key, value in asdict(self.read).items() if key not in {"given", "unknown_ids"}}
        named = {"unknown": len(self.read.unknown_ids), "unknown_ids": list(self.read.unknown_ids[:_NAMED])}
        head = {"candidate": self.candidate, "file": self.file, "answers": len(self.read.given)}
        return head | read | named | asdict(self.put) | {"stale": self.stale}

    def lines(self) -> list[str]:
        """What there is to say of it, a line each."""
        read, put = self.read, self.put
        unknown = ", ".join(one_line(each, 40) for each in read.unknown_ids[:_NAMED])
        told = (
            (put.same, "were there already"),
            (put.replaced, "took the place of another answer"),
            (put.differing, "differ from the answer that is there and were left out; --replace takes them"),
            (self.stale, "answer an earlier version of their item; ask again for these"),
            (len(read.unknown_ids), f"ids are no item of this project (the first: {unknown})"),
            (read.repeated, "items have several answers: the first is kept, what they passed is averaged"),
            (read.empty, "answers are empty"),
            (read.without_answer, "have a result and no answer in this file"),
            (read.long, f"answers are longer than {LONG:,} characters"),
            *((count, words) for words, count in read.skipped.items()),
        )
        who = one_line(self.candidate, 40)
        head = f"{who}: {len(read.given):,} answers in {self.file} ({read.format}), {put.new:,} new"
        return [head, *(f"  {count:,} {words}" for count, words in told if count)]


@dataclass(frozen=True, slots=True)
class Checked:
    """What programs say of the answers of a project."""

    criteria: int
    """Criteria of all answers together."""
    passed: int
    failed: int
    answers: int
    decided: int
    """Answers that they fail, or pass in every criterion."""

    def as_json(self) -> dict[str, int]:
        """For `--json`."""
        return asdict(self)


def candidate_name(text: str) -> str:
    """The name of a candidate, as given on the command line.

    Raises:
        ConfigError: it cannot be shown in a table.
    """
    name = text.strip()
    if not name or len(name) > _LONGEST_NAME or printable(name) != name or "\n" in name:
        raise ConfigError(
            f"{one_line(text, 40)!r} cannot be the name of a candidate; give 1 to {_LONGEST_NAME} plain characters."
        )
    return name


def take_in(
    store: Store,
    named: Sequence[tuple[str, str]],
    redact: Callable[[str], str] = lambda text: text,
    *,
    replace: bool = False,
) -> list[TakenIn]:
    """Keep the answers of these files, all read before the first is kept.

    Args:
        store: the project.
        named: candidates, each with its file.
        redact: masks personal data, as in logs.
        replace: whether another answer to the same item gives way.

    Raises:
        ConfigError: a name cannot be used, or is given twice.
        LogError: a file cannot be read, or holds no answer to an item of the project.
    """
    names = [candidate_name(name) for name, _ in named]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ConfigError(f"Two files are named {one_line(twice, 40)}; give each candidate a name of its own.")
    items = {item.id: item.content for item in answerable(store)}
    read = [read_answers(file, name, items) for name, (_, file) in zip(names, named, strict=True)]
    taken = []
    for name, (_, file), found in zip(names, named, read, strict=True):
        source = f"{Path(file).name} {_digest(file)}"
        # A file of results alone speaks of the answers that are there.
        silent = [each.id for each in found.given if each.output is None]
        there = {answer.draft_id: answer.output for answer in store.answers(name, silent)} if silent else {}
        answers = []
        for each in found.given:
            content = items[each.id]
            output = there.get(each.id, "") if each.output is None else redact(each.output)
            answers.append(
                Answer(
                    each.id,
                    name,
                    output,
                    content.asked if _is_of(content.messages, each.asked) else content_id("asked", each.asked or ""),
                    content.expected,
                    "file",
                    source,
                    each.passed,
                    each.latency_s,
                    each.cost_usd,
                )
            )
        put = store.put_answers(answers, replace=replace)
        stale = sum(answer.asked != items[answer.draft_id].asked for answer in answers)
        taken.append(TakenIn(name, file, found, put, stale))
    return taken


def read_answers(path: str | Path, candidate: str, known: Collection[str]) -> GivenAnswers:
    """Read a file of answers: our lines, an Inspect log, a promptfoo output, or an OpenAI evals log.

    Args:
        path: The file.
        candidate: Who answered; where a file holds the answers of several, these are chosen by it.
        known: Ids of the items.

    Raises:
        LogError: the file cannot be read, or holds nothing that can be used.
    """
    path = Path(path)
    unread: Counter[str] = Counter()
    layout, rows = read_rows(path, unread)
    chosen = _of_candidate(path, candidate, list(rows))
    skipped = Counter({f"rows are left out: {reason}": count for reason, count in unread.items()})
    runs: dict[str, list[Row]] = {}
    for row in chosen:
        if (own := row.own_id) is None:
            skipped["rows have no id"] += 1
        elif _text(row.output) is None and score_of(row.score) is None:
            skipped["rows have neither answer nor result"] += 1
        else:
            runs.setdefault(clean(own), []).append(row)
    given = [_given(own, each, skipped) for own, each in runs.items() if own in known]
    unknown = tuple(own for own in runs if own not in known)
    if not given:
        raise _nothing(path, unknown, skipped)
    return GivenAnswers(
        tuple(given),
        layout,
        unknown,
        repeated=sum(len(runs[each.id]) > 1 for each in given),
        empty=sum(each.output is not None and not each.output.strip() for each in given),
        without_answer=sum(each.output is None for each in given),
        long=sum(len(each.output or "") > LONG for each in given),
        skipped=dict(skipped),
    )


def _of_candidate(path: Path, candidate: str, rows: Sequence[Row]) -> Sequence[Row]:
    """The rows of the candidate, in a file that holds those of several."""
    names = {row.candidates for row in rows if row.candidates}
    if len(names) < 2:
        return rows
    chosen = [row for row in rows if candidate.casefold() in (each.casefold() for each in row.candidates)]
    if not chosen:
        shown = ", ".join(sorted(one_line(each[-1], 40) for each in names))
        raise LogError(f"{path} holds answers of several: {shown}. Name the one that you want: NAME={path}")
    return chosen


def _nothing(path: Path, unknown: Sequence[str], skipped: Mapping[str, int]) -> LogError:
    if unknown:
        shown = ", ".join(one_line(each, 40) for each in unknown[:_NAMED])
        return LogError(
            f"None of the {len(unknown):,} ids in {path} is an item of this project (the first: {shown}); "
            "answer the items of an export of this project."
        )
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in list(skipped.items())[:_NAMED])
    return LogError(
        f"{path} holds no answers{f' ({reasons})' if reasons else ''}; "
        'give lines such as {"id": "d-...", "output": "..."}, or the output of promptfoo or Inspect.'
    )


def _given(own: str, runs: Sequence[Row], skipped: Counter[str]) -> Given:
    """The first answer to an item, with the mean of what all of them passed."""
    scores = [score for row in runs if (score := score_of(row.score)) is not None]
    first = next((row for row in runs if _text(row.output) is not None), runs[0])
    return Given(
        own,
        _text(first.output),
        _input_text(first.asked),
        math.fsum(scores) / len(scores) if scores else None,
        _amount(first.latency_s, "latencies are no time and were left out", skipped),
        _amount(first.cost_usd, "costs are no amount and were left out", skipped),
    )


def _text(output: Any) -> str | None:
    if output is None or isinstance(output, str):
        return output if output is None else clean(output)
    return clean(json.dumps(output, ensure_ascii=False))


def _amount(value: Any, what: str, skipped: Counter[str]) -> float | None:
    if value is None:
        return None
    try:
        amount = float(value)
    except (TypeError, ValueError, OverflowError):
        amount = math.nan
    if isinstance(value, bool) or not math.isfinite(amount) or amount < 0:
        skipped[what] += 1
        return None
    return amount


def _input_text(asked: Any) -> str | None:
    """What was asked, as one text, from a text, messages, or messages as JSON text."""
    if isinstance(asked, str):
        try:
            value = json.loads(asked)
        except (ValueError, RecursionError):
            return asked
        return _input_text(value) if isinstance(value, list) else asked
    if not isinstance(asked, list):
        return None
    said = [each.get("content") for each in asked if isinstance(each, Mapping) and each.get("role") != "system"]
    return "\n".join(each for each in said if isinstance(each, str))


def _is_of(messages: Sequence[Message], asked: str | None) -> bool:
    """Whether a text is what these messages ask; a file that does not say is believed."""
    if asked is None:
        return True
    said = [message.content for message in messages if message.role != "system"]
    return normalised(asked) in {normalised("\n".join(said)), normalised(said[-1] if said else "")}


def _digest(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]


def check_answers(store: Store) -> Checked:
    """Have programs look at every answer to an item as it is now, in place of what they said before."""
    items = {item.id: item.content for item in answerable(store)}
    stale = store.stale_answers()
    results: list[CheckResult] = []
    answers = 0
    for candidate in store.candidates():
        for answer in store.answers(candidate):
            if answer.draft_id not in items or (answer.draft_id, candidate) in stale or not answer.output:
                continue
            answers += 1
            content = items[answer.draft_id]
            criteria = [*content.criteria, *content.must_not]
            found = check(answer.output, content.criteria, content.must_not)
            results += [
                CheckResult(answer.draft_id, candidate, place, text, each.outcome, each.why)
                for place, (text, each) in enumerate(zip(criteria, found, strict=True))
            ]
    store.replace_checks(results)
    outcomes = Counter(result.outcome for result in results)
    return Checked(len(results), outcomes["passed"], outcomes["failed"], answers, len(store.check_verdicts()))
