"""How often the 95 % interval of the production-weighted score holds the truth, and how wide it is.

Zipf traffic as in `score.py`, at 50, 100 and 200 random draws; by need, a model's accuracy is drawn from the
distribution in the first column. "dropped" leaves 30 % of the draws without a result, "grown" keeps draws decided
on at half of the logs. Then the paired difference of two models: of the second, a third of the needs are new, or
all; an item that is hard for one model is hard for the other, unless "own luck". Where only a handful of items
differ (the last two rows, and whatever is rare at 50 draws), the interval holds the truth more often than it says.

    python tests/evidence/intervals.py [LABELLED.jsonl.gz ...]
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from generator.evalset.scoring import Drawn, difference, score
from tests.evidence.score import World, rows_of, sample, worlds

RUNS = 1500
SIZES = (50, 100, 200)

Draw = Callable[[np.random.Generator, int], np.ndarray]
Pair = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]


def beta(first: float, second: float) -> Draw:
    return lambda generator, size: generator.beta(first, second, size)


def always(share: float) -> Draw:
    return lambda _, size: np.full(size, share)


def new_on_a_third(accuracy: Draw) -> Pair:
    def pair(generator: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
        first = accuracy(generator, size)
        return first, np.where(generator.random(size) < 1 / 3, accuracy(generator, size), first)

    return pair


def new(first: Draw, second: Draw) -> Pair:
    return lambda generator, size: (first(generator, size), second(generator, size))


def graded(chance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    chance = np.clip(chance, 0.001, 0.999)
    return generator.beta(4 * chance, 4 * (1 - chance))


@dataclass(frozen=True)
class Model:
    """How accuracy differs by need, and how an item is graded."""

    name: str
    accuracy: Draw
    graded: bool = False
    dropped: float = 0.0
    grown: bool = False


@dataclass(frozen=True)
class Comparison:
    """How accuracy differs by need and between two models."""

    name: str
    accuracies: Pair
    graded: bool = False
    dropped: float = 0.0
    own_luck: bool = False


MODELS = (
    Model("Beta(.6, .4)", beta(0.6, 0.4)),
    Model("Beta(.6, .4), dropped", beta(0.6, 0.4), dropped=0.3),
    Model("Beta(.6, .4), grown", beta(0.6, 0.4), grown=True),
    Model("Beta(.6, .4), graded", beta(0.6, 0.4), graded=True),
    Model("the same, dropped", beta(0.6, 0.4), graded=True, dropped=0.3),
    Model("Beta(2, 2)", beta(2, 2)),
    Model("always .6", always(0.6)),
    Model("Beta(1.8, .2)", beta(1.8, 0.2)),
    Model("Beta(.475, .025)", beta(0.475, 0.025)),
    Model("the same, graded", beta(0.475, 0.025), graded=True),
    Model("Beta(19, 1)", beta(19, 1)),
    Model("Beta(19, 1), dropped", beta(19, 1), dropped=0.3),
    Model("always .97", always(0.97)),
    Model("Beta(9.7, .3)", beta(9.7, 0.3)),
    Model("Beta(.3, 5.7)", beta(0.3, 5.7)),
    Model("always .05", always(0.05)),
)
COMPARISONS = (
    Comparison("Beta(.6, .4), a third", new_on_a_third(beta(0.6, 0.4))),
    Comparison("the same, dropped", new_on_a_third(beta(0.6, 0.4)), dropped=0.3),
    Comparison("the same, graded", new_on_a_third(beta(0.6, 0.4)), graded=True),
    Comparison("the same, own luck", new_on_a_third(beta(0.6, 0.4)), own_luck=True),
    Comparison("Beta(.6, .4), all", new(beta(0.6, 0.4), beta(0.6, 0.4))),
    Comparison("Beta(.6, .4), Beta(9, 1)", new(beta(0.6, 0.4), beta(9, 1)), own_luck=True),
    Comparison("Beta(9, 1), Beta(19, 1)", new(beta(9, 1), beta(19, 1)), own_luck=True),
    Comparison("Beta(.3, 5.7), all", new(beta(0.3, 5.7), beta(0.3, 5.7))),
    Comparison("Beta(1.8, .2), a third", new_on_a_third(beta(1.8, 0.2))),
    Comparison("Beta(19, 1), a third", new_on_a_third(beta(19, 1))),
)


class Tally:
    """Intervals, and whether they held the truth."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.widths: list[float] = []

    def add(self, low: float, high: float, truth: float) -> None:
        self.held.append(low - 1e-9 <= truth <= high + 1e-9)
        self.widths.append(high - low)

    @property
    def share(self) -> float:
        return float(np.mean(self.held))

    def __str__(self) -> str:
        return f"{100 * self.share:5.1f} % {np.mean(self.widths):.3f}"


@dataclass
class Simulation:
    """Many models and samples on a few draws of traffic."""

    worlds: Sequence[World]
    size: int

    @cached_property
    def drawn(self) -> list[list[Drawn]]:
        return [self._world(run).draw(self.size, run) for run in range(RUNS)]

    @cached_property
    def grown(self) -> list[list[Drawn]]:
        return [self._world(run).draw_grown(self.size, run) for run in range(RUNS)]

    def _world(self, run: int) -> World:
        return self.worlds[run % len(self.worlds)]

    def of_score(self, model: Model) -> Tally:
        tally, generator = Tally(), np.random.default_rng(self.size)
        for run, frame in enumerate(self.grown if model.grown else self.drawn):
            world = self._world(run)
            accuracy = model.accuracy(generator, world.needs.max() + 1)[world.needs]
            kept = _kept(frame, model.dropped, generator)
            values = _values(accuracy[rows_of(kept)], generator.random(len(kept)), model.graded, generator)
            made = score([sample(each.id) for each in kept], frame, _results(kept, values))
            tally.add(made.low, made.high, world.truth(accuracy))
        return tally

    def of_difference(self, models: Comparison) -> tuple[Tally, float]:
        """The intervals, and how often a verdict was the wrong way round."""
        tally, generator, wrong = Tally(), np.random.default_rng(self.size), 0
        for run, frame in enumerate(self.drawn):
            world = self._world(run)
            first, second = (each[world.needs] for each in models.accuracies(generator, world.needs.max() + 1))
            kept = _kept(frame, models.dropped, generator)
            luck = generator.random((2, len(kept)))[[0, 1] if models.own_luck else [0, 0]]
            a, b = (
                _results(kept, _values(accuracy[rows_of(kept)], draw, models.graded, generator))
                for accuracy, draw in zip((first, second), luck, strict=True)
            )
            made = difference([sample(each.id) for each in kept], frame, a, b)
            truth = world.truth(second - first)
            tally.add(made.low, made.high, truth)
            wrong += (made.verdict, truth > 0) in {("A better", True), ("B better", False)}
        return tally, wrong / RUNS


def _kept(frame: Sequence[Drawn], dropped: float, generator: np.random.Generator) -> list[Drawn]:
    stays = generator.random(len(frame)) >= dropped
    return [each for each, here in zip(frame, stays, strict=True) if here]


def _values(chance: np.ndarray, luck: np.ndarray, by_degree: bool, generator: np.random.Generator) -> np.ndarray:
    return graded(chance, generator) if by_degree else (luck < chance).astype(float)


def _results(kept: Sequence[Drawn], values: np.ndarray) -> Mapping[str, float]:
    return {each.id: value for each, value in zip(kept, values.tolist(), strict=True)}


def main() -> None:
    held: list[float] = []
    for name, made in worlds(sys.argv[1:]).items():
        print(f"{name}: {RUNS} runs a field; share of intervals that hold the truth, mean width")
        simulations = [Simulation(made, size) for size in SIZES]
        print(f"  {'accuracy by need':26}" + "".join(f"{f'{size} draws':>18}" for size in SIZES))
        for model in MODELS:
            tallies = [each.of_score(model) for each in simulations]
            held += [tally.share for tally in tallies]
            print(f"  {model.name:26}" + "".join(f"{tally!s:>18}" for tally in tallies), flush=True)
        print("  difference (and verdicts the wrong way round)")
        for models in COMPARISONS:
            differences = [each.of_difference(models) for each in simulations]
            held += [tally.share for tally, _ in differences]
            fields = "".join(f"{tally!s:>18}" for tally, _ in differences)
            wrong = ", ".join(f"{100 * share:.1f} %" for _, share in differences)
            print(f"  {models.name:26}{fields}   ({wrong})", flush=True)
    inside = sum(0.93 <= share <= 0.97 for share in held)
    print(f"{inside} of {len(held)} fields within 93 to 97 %, all within {min(held):.1%} to {max(held):.1%}")


if __name__ == "__main__":
    main()
