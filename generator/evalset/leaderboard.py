"""A leaderboard, and the order its models would have if every benchmark counted by the traffic it reaches.

A file of scores has a row for each model and benchmark: `model`, `benchmark`, `score`. Scores of a benchmark are
shares (0.712) or percents (71.2 or "71.2 %"): with a percent sign they are percents; without one they are, for the
whole benchmark, percents where one is above 1, and shares where none is.
"""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from generator.errors import LogError
from generator.logs.formats.flat import folded
from generator.logs.reading import open_log
from generator.printable import one_line
from generator.records import Interval

_COLUMNS = ("model", "benchmark", "score")
_NUMBER = re.compile(r"([+-]?\d+(?:[.,]\d+)?(?:e[+-]?\d+)?)\s*(%?)", re.IGNORECASE)
_NAMED = 3
"""How many of a list a message names."""
_FAR = 1e9
_EQUAL = 1e-9
"""Difference of means below which models are level."""


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """Scores of models on benchmarks, all of which have all."""

    scores: Mapping[str, Mapping[str, float]]
    """By model and benchmark, 0 to 1."""
    omitted: tuple[str, ...]
    """What was left out, in words."""


@dataclass(frozen=True, slots=True)
class Placed:
    """A model's place among the others."""

    model: str
    mean: float
    """Plain mean over the benchmarks, 0 to 1."""
    rank: int
    """From 1; models that are level share one."""
    weighted: float
    """Mean over the benchmarks, weighted by the traffic they reach."""
    weighted_rank: int
    leads_next: bool
    """Whether it stays before the next model of the weighted order wherever in its interval each reach lies."""


@dataclass(frozen=True, slots=True)
class Reordered:
    """The two orders of the models, and whether they differ."""

    models: tuple[Placed, ...]
    """By weighted rank."""
    verdict: Literal["same", "changed", "cannot tell"]
    """"changed" where some model surely passes another, "same" where surely none does."""


@dataclass(frozen=True, slots=True)
class _Cell:
    """A number as the file has it."""

    value: float
    percent: bool
    position: int


def read_leaderboard(path: str | Path, benchmarks: Sequence[str]) -> Leaderboard:
    """Read a file of scores, in any layout that logs may have.

    Args:
        path: the file.
        benchmarks: their names; scores of others are left out. Case, spaces and signs in a name do not count.

    Raises:
        LogError: the file cannot be read, has other columns, says two things of one model and benchmark, has a
            score that is neither share nor percent, or fewer than two models with a score on every benchmark.
    """
    path = Path(path)
    rows, omitted = _rows(path)
    known = {folded(name): name for name in benchmarks}
    table: dict[str, dict[str, _Cell]] = {}
    strangers: dict[str, None] = {}
    for model, benchmark, cell in rows:
        if (name := known.get(folded(benchmark))) is None:
            strangers[benchmark] = None
            continue
        before = table.setdefault(name, {}).setdefault(model, cell)
        if (before.value, before.percent) != (cell.value, cell.percent):
            raise LogError(
                f"{path} scores {one_line(model, 40)} on {one_line(benchmark, 40)} twice, in rows {before.position} "
                f"and {cell.position}, and differently; keep one of the two."
            )
    if strangers:
        omitted.append(f"scores on {_named(strangers)}, which no NAME=FILE names")
    if missing := [name for name in benchmarks if name not in table]:
        omitted.append(f"no model is scored on {_named(missing)}, which hence has no say in the order")
    shares = {name: _shares(path, name, cells) for name, cells in table.items()}
    complete = _complete(path, shares, omitted)
    return Leaderboard(complete, tuple(omitted))


def _rows(path: Path) -> tuple[list[tuple[str, str, _Cell]], list[str]]:
    """Model, benchmark and score of every row that has all three, and what was left out."""
    with open_log(path) as log:
        records = list(log.records())
    rows = [
        (record.position, {folded(str(key)): value for key, value in record.value.items()})
        if isinstance(record.value, Mapping)
        else (record.position, {})
        for record in records
    ]
    columns = dict.fromkeys(column for _, row in rows for column in row)
    if rows and not set(_COLUMNS) <= columns.keys():
        seen = ", ".join(one_line(column, 30) for column in columns) or "no named columns"
        raise LogError(f"{path} needs the columns model, benchmark and score, a row for each pair; it has {seen}.")
    found, bad = [], []
    for position, row in rows:
        model, benchmark, score = (row.get(column) for column in _COLUMNS)
        cell = _cell(score, position)
        if cell is None or not str(model or "").strip() or not str(benchmark or "").strip():
            bad.append(position)
        else:
            found.append((" ".join(str(model).split()), " ".join(str(benchmark).split()), cell))
    if not found:
        raise LogError(f"{path} holds no scores; give rows such as: model,benchmark,score and then a,mmlu,71.2")
    return found, [f"rows without a model, a benchmark or a number: {_named(map(str, bad))}"] if bad else []


def _cell(value: Any, position: int) -> _Cell | None:
    """A number, or None where it is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        # An integer of 400 digits has no float; far out of range is far enough.
        return _Cell(float(min(max(value, -_FAR), _FAR)), False, position)
    match = _NUMBER.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    return _Cell(float(match[1].replace(",", ".")), bool(match[2]), position)


def _shares(path: Path, benchmark: str, cells: Mapping[str, _Cell]) -> dict[str, float]:
    """The scores of a benchmark, 0 to 1.

    Raises:
        LogError: a score is out of range, or it cannot be told whether the scores are shares or percents.
    """
    bare = [cell for cell in cells.values() if not cell.percent]
    percents = any(cell.value > 1 for cell in bare)
    small = next((cell for cell in bare if 0 < cell.value <= 1), None)
    if percents and small is not None:
        large = next(cell for cell in bare if cell.value > 1)
        raise LogError(
            f"{path} scores {one_line(benchmark, 40)} with {large.value:g} (row {large.position}) and {small.value:g} "
            f"(row {small.position}); write all as shares, or all with a % sign."
        )
    wrong = next((cell for cell in cells.values() if not 0 <= cell.value <= 100), None)
    if wrong is not None:
        raise LogError(
            f"{path}, row {wrong.position}: {wrong.value:g} on {one_line(benchmark, 40)} is neither a share (0 to 1) "
            "nor a percentage (0 to 100); bring its scores to one of the two."
        )
    return {model: cell.value / 100 if cell.percent or percents else cell.value for model, cell in cells.items()}


def _complete(
    path: Path, by_benchmark: Mapping[str, Mapping[str, float]], omitted: list[str]
) -> dict[str, dict[str, float]]:
    """Scores by model, of those models that have all; the others are added to what is omitted.

    Raises:
        LogError: fewer than two models are left.
    """
    models = dict.fromkeys(model for scores in by_benchmark.values() for model in scores)
    lacks = {
        model: [name for name, scores in by_benchmark.items() if model not in scores]
        for model in models
        if any(model not in scores for scores in by_benchmark.values())
    }
    omitted += [f"{one_line(model, 40)}, which has no score on {_named(names)}" for model, names in lacks.items()]
    whole = [model for model in models if model not in lacks]
    if len(whole) < 2:
        reason = f" (left out: {'; '.join(omitted[:_NAMED])})" if omitted else ""
        raise LogError(
            f"{path} has {len(whole)} models with a score on every benchmark, and an order needs two{reason}; "
            "add the scores, or name fewer benchmarks."
        )
    return {model: {name: scores[model] for name, scores in by_benchmark.items()} for model in whole}


def _named(names: Iterable[str]) -> str:
    names = list(names)
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(one_line(name, 40) for name in names[:_NAMED]) + more


def reorder(scores: Mapping[str, Mapping[str, float]], weights: Mapping[str, Interval]) -> Reordered | None:
    """The models by the plain mean over benchmarks, and by the mean weighted by the traffic these reach.

    A model surely leads another if its weighted score is higher whatever value each weight takes in its own
    interval; the ends are tried all together, so one benchmark may be at its low end while another is at its high.

    Args:
        scores: by model and benchmark; every model has the same benchmarks.
        weights: share of traffic by benchmark, of which only the proportions count.

    Returns:
        The orders, or None where the benchmarks reach nothing.
    """
    names = list(next(iter(scores.values())))
    total = math.fsum(weights[name].estimate for name in names)
    if total <= 0.0:
        return None
    plain = {model: math.fsum(row.values()) / len(names) for model, row in scores.items()}
    weighted = {
        model: math.fsum(weights[name].estimate * row[name] for name in names) / total for model, row in scores.items()
    }
    order = sorted(scores, key=lambda model: (-weighted[model], -plain[model], model))

    def leads(one: str, other: str) -> bool:
        return _least_lead(scores[one], scores[other], weights) > _EQUAL

    placed = tuple(
        Placed(model, plain[model], _rank(plain, model), weighted[model], _rank(weighted, model), leads(model, after))
        for model, after in zip(order, [*order[1:], order[-1]], strict=True)
    )
    before = [(one, other) for one in order for other in order if plain[one] > plain[other] + _EQUAL]
    if any(leads(other, one) for one, other in before):
        return Reordered(placed, "changed")
    return Reordered(placed, "same" if all(leads(one, other) for one, other in before) else "cannot tell")


def _least_lead(one: Mapping[str, float], other: Mapping[str, float], weights: Mapping[str, Interval]) -> float:
    """How far the first is before the second, at the ends of the weights that are worst for it."""
    leads = ((one[name] - other[name], weights[name]) for name in one)
    return math.fsum(lead * (weight.low if lead > 0 else weight.high) for lead, weight in leads)


def _rank(means: Mapping[str, float], model: str) -> int:
    return 1 + sum(mean > means[model] + _EQUAL for mean in means.values())
