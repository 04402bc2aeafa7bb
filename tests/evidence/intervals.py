"""How often the 95 % interval of the production-weighted score holds the truth, and how wide it is.

Zipf traffic as in `score.py`, at 50, 100 and 200 wanted items; by need, a model's accuracy is drawn from the
distribution in the first column. "dropped" leaves 30 % of the items without a result, so that strata run empty
and lend their weight in the tree. "slices" is the other design of `score.py`. "difference" is the interval of
the paired difference of two models, of which B is new on a third of the needs.

    python tests/evidence/intervals.py [LABELLED.jsonl.gz ...]
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from generator.evalset.scoring import difference, score
from tests.evidence.score import Design, World, sample, worlds

RUNS = 1000
SIZES = (50, 100, 200)

Draw = Callable[[np.random.Generator, int], np.ndarray]


def pass_or_fail(chance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return (generator.random(len(chance)) < chance).astype(float)


def graded(chance: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    return generator.beta(4 * chance, 4 * (1 - chance))


@dataclass(frozen=True)
class Model:
    """How accuracy differs by need, and how an item is graded."""

    name: str
    accuracy: Draw
    results: Callable[[np.ndarray, np.random.Generator], np.ndarray] = pass_or_fail
    dropped: float = 0.0
    slices: bool = False


def beta(first: float, second: float) -> Draw:
    return lambda generator, size: generator.beta(first, second, size)


MODELS = (
    Model("Beta(.6, .4)", beta(0.6, 0.4)),
    Model("Beta(.6, .4), dropped", beta(0.6, 0.4), dropped=0.3),
    Model("Beta(.6, .4), slices", beta(0.6, 0.4), slices=True),
    Model("Beta(.6, .4), graded", lambda g, size: np.clip(g.beta(0.6, 0.4, size), 0.001, 0.999), graded),
    Model("the same, dropped", lambda g, size: np.clip(g.beta(0.6, 0.4, size), 0.001, 0.999), graded, dropped=0.3),
    Model("always .6", lambda _, size: np.full(size, 0.6)),
    Model("Beta(.475, .025)", beta(0.475, 0.025)),
    Model("Beta(19, 1)", beta(19, 1)),
    Model("always .99", lambda _, size: np.full(size, 0.99)),
    Model("Beta(.3, 5.7)", beta(0.3, 5.7)),
)


class Tally:
    """Intervals, and whether they held the truth."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.widths: list[float] = []

    def add(self, low: float, high: float, truth: float) -> None:
        self.held.append(low - 1e-9 <= truth <= high + 1e-9)
        self.widths.append(high - low)

    def __str__(self) -> str:
        return f"{100 * np.mean(self.held):5.1f} % {np.mean(self.widths):.3f}"


class Simulation:
    """Many models and samples on a few draws of traffic."""

    def __init__(self, made: list[World], size: int) -> None:
        self.worlds = made
        self.designs: list[tuple[Design, Design]] = [(world.strata(size), world.slices(size)) for world in made]
        self.orders = [
            [world.order(design) for design in designs] for world, designs in zip(made, self.designs, strict=True)
        ]
        self.generator = np.random.default_rng(size)

    def _drawn(self, number: int, slices: bool, dropped: float) -> tuple[np.ndarray, dict[str, object]]:
        design = self.designs[number][slices]
        rows = design.draw(self.generator)
        kept = rows[self.generator.random(len(rows)) >= dropped]
        samples = [sample(int(row)) for row in kept]
        return kept, {"samples": samples, "frame": design.frame(rows), "order": self.orders[number][slices]}

    def of_score(self, model: Model) -> Tally:
        tally = Tally()
        for run in range(RUNS):
            world = self.worlds[run % len(self.worlds)]
            accuracy = model.accuracy(self.generator, world.needs.max() + 1)[world.needs]
            rows, given = self._drawn(run % len(self.worlds), model.slices, model.dropped)
            results = dict(zip(map(str, rows), model.results(accuracy[rows], self.generator).tolist(), strict=True))
            made = score(results=results, **given)
            tally.add(made.low, made.high, world.truth(accuracy))
        return tally

    def of_difference(self) -> tuple[Tally, float]:
        """The intervals, and how often a verdict was the wrong way round."""
        tally, wrong = Tally(), 0
        for run in range(RUNS):
            world = self.worlds[run % len(self.worlds)]
            needs = world.needs.max() + 1
            first = self.generator.beta(0.6, 0.4, needs)
            second = np.where(self.generator.random(needs) < 1 / 3, self.generator.beta(0.6, 0.4, needs), first)
            rows, given = self._drawn(run % len(self.worlds), False, 0.0)
            luck = self.generator.random(len(rows))  # an item that is hard for one model is hard for the other
            a, b = (
                dict(zip(map(str, rows), (luck < each[world.needs[rows]]).astype(float).tolist(), strict=True))
                for each in (first, second)
            )
            made = difference(first=a, second=b, **given)
            truth = world.truth((second - first)[world.needs])
            tally.add(made.low, made.high, truth)
            wrong += (made.verdict, truth > 0) in {("A better", True), ("B better", False)}
        return tally, wrong / RUNS


def main() -> None:
    for name, made in worlds(sys.argv[1:]).items():
        print(f"{name}: {RUNS} runs a field; share of intervals that hold the truth, mean width")
        simulations = [Simulation(made, size) for size in SIZES]
        print(f"  {'accuracy by need':24}" + "".join(f"{f'{size} items':>18}" for size in SIZES))
        for model in MODELS:
            print(f"  {model.name:24}" + "".join(f"{each.of_score(model)!s:>18}" for each in simulations), flush=True)
        differences = [each.of_difference() for each in simulations]
        print(f"  {'difference':24}" + "".join(f"{tally!s:>18}" for tally, _ in differences))
        print(f"  {'verdict the wrong way':24}" + "".join(f"{100 * wrong:16.1f} %" for _, wrong in differences))


if __name__ == "__main__":
    main()
