"""What the evidence for a decision is worth: judgements by people, alone and with a judge that they correct.

Zipf traffic as in `score.py`, a frame of 400 random draws, people judge 50, 100 and 200 of them in the order that
`next_up` proposes. A model's accuracy differs by need as its row says. "lenient" passes 95 % of what people pass and
35 % of what they fail, "harsh" 70 % and 5 %, "deaf" 70 % of anything; of two models the judge is lenient to the second
only. Of pairs he says in 60 % of cases what people say, else mostly that the first wins. The first figure is the
share of 95 % intervals that hold the truth, then their mean width, then how much narrower the judge makes it.
Where hardly any item differs between two models ("Beta(19, 1), a third"), an interval of the difference that is honest
about all others holds the truth more often than it says; why stands at `estimates._ADDED`.

Then judgements that it takes until the interval of a difference leaves out zero, looking after every 50 up to 400:
the order proposed beside a random one, at 95 % at every look and at the confidence that eight looks call for. Where
there is no difference, the share that ends is that of false alarms. Most of what is saved is the judge's: without one
the proposed order only spreads judgements evenly over the traffic.

    python tests/evidence/decisions.py [--runs 1000]
"""

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import islice
from multiprocessing import Pool

import numpy as np

from generator.evalset.estimates import Drawn
from generator.evalset.evidence import Estimate, Judgement, difference, pass_rate, win_rate
from generator.evalset.looks import confidence_of_looks
from generator.evalset.next_judgement import Work, next_up
from tests.evidence.intervals import Draw, Pair, beta, new, new_on_a_third
from tests.evidence.score import World, rows_of, sample, worlds

DRAWS = 400
SIZES = (50, 100, 200)
FRAMES = 60
"""Frames of each set, over its draws of traffic; models and judgements are new in every run."""

EVERY = 50
LOOKS = 8
DIFFERENCES = (0.05, 0.10)
AS_HARD = 0.7
"""Share of items that are as hard for the one model as for the other, where they race."""

WORLDS: dict[str, list[World]] = {}
Judge = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def passing(good: float, bad: float) -> Judge:
    """A judge who passes so much of what people pass, and of what they fail."""
    return lambda passes, generator: (generator.random(len(passes)) < np.where(passes > 0, good, bad)).astype(float)


LENIENT, HARSH, DEAF, FAIR = passing(0.95, 0.35), passing(0.7, 0.05), passing(0.7, 0.7), passing(0.9, 0.1)
JUDGES: Mapping[str, Judge | None] = {"people alone": None, "lenient": LENIENT, "harsh": HARSH, "deaf": DEAF}


@dataclass(frozen=True)
class Case:
    """One run: the truth, what people would say of each draw, what the judge says, and how it is estimated."""

    truth: float
    outcomes: np.ndarray
    opinions: np.ndarray | None
    estimate: Callable[[Sequence[int]], Estimate]
    """From the numbers of the draws that people judged."""


@dataclass(frozen=True)
class Frame:
    world: World
    draws: Sequence[Drawn]

    @property
    def needs(self) -> int:
        return int(self.world.needs.max()) + 1

    def by_draw(self, of_need: np.ndarray) -> np.ndarray:
        return of_need[self.world.needs][rows_of(self.draws)]

    def truth(self, of_need: np.ndarray) -> float:
        return self.world.truth(of_need[self.world.needs])

    def by_id(self, values: np.ndarray, chosen: Sequence[int] | None = None) -> dict[str, float]:
        numbers = range(len(self.draws)) if chosen is None else chosen
        return {self.draws[number].id: float(values[number]) for number in numbers}

    def samples(self) -> list:
        return [sample(each.id) for each in self.draws]

    def proposed(self, case: Case, judged: Sequence[int], seed: int) -> Iterator[int]:
        """Numbers of draws in the order to judge them in, given those that were judged."""
        said, place = frozenset(judged), {each.id: number for number, each in enumerate(self.draws)}
        work = [
            Work(
                each.id,
                each.stratum,
                each.weight,
                float(case.outcomes[number]) if number in said else None,
                None if case.opinions is None else float(case.opinions[number]),
            )
            for number, each in enumerate(self.draws)
        ]
        return (place[each] for each in next_up(work, seed))


def name_of(run: int) -> str:
    """The sets take turns."""
    return list(WORLDS)[run // FRAMES % len(WORLDS)]


@cache
def drawn(name: str, number: int, draws: int) -> Frame:
    world = WORLDS[name][number % len(WORLDS[name])]
    return Frame(world, sorted(world.draw(draws, number), key=lambda each: each.stratum))


def passes(chance: np.ndarray, luck: np.ndarray) -> np.ndarray:
    return (luck < chance).astype(float)


def one_model(accuracy: Draw, judge: Judge | None, frame: Frame, generator: np.random.Generator) -> Case:
    of_need = accuracy(generator, frame.needs)
    outcomes = passes(frame.by_draw(of_need), generator.random(len(frame.draws)))
    opinions = judge(outcomes, generator) if judge else None
    said = None if opinions is None else frame.by_id(opinions)
    samples = frame.samples()
    return Case(
        frame.truth(of_need),
        outcomes,
        opinions,
        lambda chosen: pass_rate(samples, frame.draws, frame.by_id(outcomes, chosen), said),
    )


def two_models(
    accuracies: Pair,
    as_hard: float,
    judges: tuple[Judge, Judge] | None,
    frame: Frame,
    generator: np.random.Generator,
    confidence: float = 0.95,
) -> Case:
    of_need = accuracies(generator, frame.needs)
    first_luck, own = generator.random((2, len(frame.draws)))
    second_luck = np.where(generator.random(len(own)) < as_hard, first_luck, own)
    first, second = (
        passes(frame.by_draw(each), luck) for each, luck in zip(of_need, (first_luck, second_luck), strict=True)
    )
    opinions = [judge(each, generator) for judge, each in zip(judges, (first, second), strict=True)] if judges else None
    said = None if opinions is None else (frame.by_id(opinions[0]), frame.by_id(opinions[1]))
    samples = frame.samples()
    return Case(
        frame.truth(of_need[1] - of_need[0]),
        second - first,
        None if opinions is None else opinions[1] - opinions[0],
        lambda chosen: difference(
            samples, frame.draws, frame.by_id(first, chosen), frame.by_id(second, chosen), said, confidence=confidence
        ),
    )


SAID: tuple[Judgement, ...] = ("win", "tie", "loss", "both bad")
WORTH = np.array([1.0, 0.5, 0.0, 0.5])


def pairs(mix: Sequence[float], judged: bool, frame: Frame, generator: np.random.Generator) -> Case:
    """Blind judgements; by need, wins, ties, losses and both bad have shares around those of the mix."""
    of_need = generator.dirichlet(mix, frame.needs)
    shares = frame.by_draw(of_need)
    kinds = (generator.random((len(shares), 1)) > np.cumsum(shares, axis=1)[:, :3]).sum(axis=1)
    echo = generator.random(len(kinds)) < 0.6
    opinions = np.where(echo, WORTH[kinds], (generator.random(len(kinds)) < 0.8).astype(float)) if judged else None
    said = None if opinions is None else frame.by_id(opinions)
    samples = frame.samples()

    def estimate(chosen: Sequence[int]) -> Estimate:
        judgements = {frame.draws[number].id: SAID[kinds[number]] for number in chosen}
        return win_rate(samples, frame.draws, judgements, said).rate

    return Case(frame.truth(of_need @ WORTH), WORTH[kinds], opinions, estimate)


def fields() -> dict[str, Callable[[Frame, np.random.Generator], Case]]:
    found: dict[str, Callable[[Frame, np.random.Generator], Case]] = {}
    for name, accuracy, judges in (
        ("Beta(.6, .4)", beta(0.6, 0.4), JUDGES),
        ("Beta(1.8, .2)", beta(1.8, 0.2), ("people alone", "lenient")),
        ("Beta(19, 1)", beta(19, 1), ("people alone", "lenient")),
    ):
        for who in judges:
            found[f"pass rate, {name}, {who}"] = partial(one_model, accuracy, JUDGES[who])
    for name, models, as_hard in (
        ("Beta(.6, .4), a third", new_on_a_third(beta(0.6, 0.4)), 1.0),
        ("Beta(2, 1), own luck", new_on_a_third(beta(2, 1)), 0.0),
        ("Beta(9, 1), Beta(19, 1)", new(beta(9, 1), beta(19, 1)), 0.0),
        ("Beta(19, 1), a third", new_on_a_third(beta(19, 1)), 1.0),
    ):
        found[f"difference, {name}, people alone"] = partial(two_models, models, as_hard, None)
        found[f"difference, {name}, biased"] = partial(two_models, models, as_hard, (FAIR, LENIENT))
    for name, mix in {"even": (1.0, 0.5, 1.0, 0.3), "ties": (0.4, 3.0, 0.3, 1.0), "wins": (4.0, 0.6, 0.6, 0.2)}.items():
        found[f"win rate, mostly {name}, people alone"] = partial(pairs, mix, False)
        found[f"win rate, mostly {name}, biased"] = partial(pairs, mix, True)
    return found


def coverage(task: tuple[str, int]) -> list[tuple[float, float, float]]:
    """By number of judgements: share of intervals that hold the truth, mean width, how much narrower by the judge."""
    field, runs = task
    generator = np.random.default_rng(len(field))
    found: dict[int, list[tuple[bool, float, float]]] = {size: [] for size in SIZES}
    for run in range(runs):
        frame = drawn(name_of(run), run % FRAMES, DRAWS)
        case = fields()[field](frame, generator)
        order = list(islice(frame.proposed(case, (), run), max(SIZES)))
        for size in SIZES:
            made = case.estimate(order[:size])
            held = made.low - 1e-9 <= case.truth <= made.high + 1e-9
            found[size].append((held, made.width, made.alone))
    means = {size: np.mean(rows, axis=0) for size, rows in found.items()}
    return [(float(held), float(width), float(1 - width / alone)) for held, width, alone in means.values()]


def shifted(first: np.ndarray, second: np.ndarray, wanted: float, frame: Frame) -> np.ndarray:
    """The second accuracies, all easier or all harder, so that the difference over the traffic is as wanted."""
    odds = np.log(second.clip(1e-4, 1 - 1e-4) / (1 - second.clip(1e-4, 1 - 1e-4)))
    low, high = -8.0, 8.0
    for _ in range(40):
        middle = (low + high) / 2
        above = frame.truth(1 / (1 + np.exp(-odds - middle)) - first) > wanted
        low, high = (low, middle) if above else (middle, high)
    return 1 / (1 + np.exp(-odds - low))


@dataclass(frozen=True)
class Race:
    """Two models, and how long it takes to tell them apart."""

    difference: float
    judged: bool
    proposed: bool

    def case(self, frame: Frame, generator: np.random.Generator, confidence: float) -> Case:
        def models(generator: np.random.Generator, needs: int) -> tuple[np.ndarray, np.ndarray]:
            first, second = new_on_a_third(beta(2, 1))(generator, needs)
            return first, shifted(first, second, self.difference, frame)

        judges = (FAIR, LENIENT) if self.judged else None
        return two_models(models, AS_HARD, judges, frame, generator, confidence)

    def run(self, run: int) -> tuple[int | None, int | None]:
        """Judgements until an interval leaves out zero: at 95 % at every look, and at that of so many looks."""
        frame = drawn(name_of(run), run % FRAMES, EVERY * LOOKS)
        case, strict = (
            self.case(frame, np.random.default_rng(run), each) for each in (0.95, confidence_of_looks(LOOKS))
        )
        judged = list(np.random.default_rng(run).permutation(len(frame.draws)))
        order: list[int] = []
        first = None
        for look in range(1, LOOKS + 1):
            wanted = min(EVERY * look, len(frame.draws))
            if self.proposed:
                order += islice(frame.proposed(case, order, run), wanted - len(order))
            else:
                order = judged[:wanted]
            if first is None and case.estimate(order).side(0.0) != "cannot tell":
                first = wanted
            if first is not None and strict.estimate(order).side(0.0) != "cannot tell":
                return first, wanted
        return first, None


def race(task: tuple[Race, int]) -> list[tuple[int | None, int | None]]:
    what, runs = task
    return [what.run(run) for run in range(runs)]


def told(stops: Sequence[int | None]) -> str:
    """Median and mean judgements (those that never end count as the whole frame), and the share that ended."""
    counted = [EVERY * LOOKS if each is None else each for each in stops]
    ended = np.mean([each is not None for each in stops])
    return f"{np.median(counted):4.0f} {np.mean(counted):4.0f} {100 * ended:5.1f} %"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument(
        "--runs",
        type=int,
        default=1000,
        help="a field; half of it for a race where there is a difference to find",
    )
    runs = parser.parse_args().runs
    WORLDS.update(worlds([]))
    with Pool(2) as pool:
        show_intervals(pool, runs)
        show_races(pool, runs)


def show_intervals(pool, runs: int) -> None:
    tasks = [(field, runs) for field in fields()]
    print(f"{runs} runs a field, {DRAWS} draws: share of 95 % intervals that hold the truth, width, gain by the judge")
    print(" " * 50 + "".join(f"{f'{size} judged':>24}" for size in SIZES))
    held = []
    for (field, _), row in zip(tasks, pool.imap(coverage, tasks), strict=True):
        held += [share for share, _, _ in row]
        parts = "".join(f"{100 * share:11.1f} % {width:.3f} {100 * gain:3.0f} %" for share, width, gain in row)
        print(f"{field:50}{parts}", flush=True)
    inside = sum(0.93 <= share <= 0.97 for share in held)
    print(f"{inside} of {len(held)} fields within 93 to 97 %, all within {min(held):.1%} to {max(held):.1%}")


def show_races(pool, runs: int) -> None:
    confidence = confidence_of_looks(LOOKS)
    print(
        f"looks after every {EVERY} of {EVERY * LOOKS}: judgements until 0 is left out (median, mean, share that ends)"
    )
    print(f"{'':54}{'at 95 % every look':>20}{f'at {100 * confidence:.1f} %':>24}")
    arms = [(judged, proposed) for judged in (False, True) for proposed in (False, True)]
    tasks = [(Race(each, *arm), runs // 2) for each in DIFFERENCES for arm in arms]
    tasks += [(Race(0.0, judged, True), runs) for judged in (False, True)]
    for (what, number), stops in zip(tasks, pool.imap(race, tasks), strict=True):
        who = f"{'people and a judge' if what.judged else 'people alone'}, {'proposed' if what.proposed else 'random'}"
        columns = "".join(f"{told(each):>22}" for each in zip(*stops, strict=True))
        print(f"difference {what.difference:.2f}, {who:32} {number:5}{columns}", flush=True)


if __name__ == "__main__":
    main()
