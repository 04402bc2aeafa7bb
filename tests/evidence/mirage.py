"""How stable worth is: fewer logs, other draws, another curve of coverage.

Airline support conversations and open chat, with six public benchmarks. Every row gives worth divided by its
figure on all logs, as it comes. Worth below 1 is told as "less than 1", and counted apart; ">" is a worth of more
traces than so few logs allow to draw, which says nothing against the figure on all logs.

The curve of `generator.traffic.coverage` is changed in its radius (the distance of even odds) and in its slope, by 1.5
times either way. Benchmarks and own traces are measured alike, as they would be.

    python tests/evidence/mirage.py
"""

import tempfile
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np

from generator import pipeline
from generator.evalset.importing import read_items
from generator.pipeline import Silent
from generator.records import Cell
from generator.store import Store
from generator.traffic import coverage
from generator.traffic.coverage import Traffic, fitted
from generator.traffic.embedding import embed
from generator.traffic.encoders import Vectors, open_encoder
from generator.traffic.mirage import Reach, Yardstick, own_curve, reach_of
from tests.evidence.traffic import CACHE, SHARED

SETS = ("airline_support", "arena_prompts")
BENCHMARKS = ("mmlu", "gsm8k", "truthfulqa", "ifeval", "humaneval", "mt_bench")
ASKED = 1.5
CURVES = {
    "radius x 1.5": (1.5, 1.0),
    "radius / 1.5": (1 / 1.5, 1.0),
    "slope x 1.5": (1.5, 1.5),
    "slope / 1.5": (1 / 1.5, 1 / 1.5),
}
"""By how much the intercept and the slopes are multiplied."""


def vectors_of(texts: list[str]) -> Vectors:
    return embed(texts, open_encoder("minilm", lambda: texts), CACHE)


def traffic_of(name: str) -> Traffic:
    with tempfile.TemporaryDirectory() as folder, Store.open(Path(folder) / "a.groundset", create=True) as store:
        pipeline.ingest(store, [str(SHARED / "logs" / f"{name}.jsonl.gz")], Silent())
        rows = store.trace_texts()
    vectors = vectors_of([text for _, text, _ in rows])
    counts = np.array([count for _, _, count in rows])
    return Traffic.of([row[0] for row in rows], counts, vectors, np.zeros(len(rows), np.int64))


def part_of(traffic: Traffic, part: int, draw: int) -> Traffic:
    order = np.random.default_rng((part, draw)).permutation(len(traffic.ids))
    rows = np.sort(order[: len(traffic.ids) // part])
    ids = [traffic.ids[row] for row in rows]
    return Traffic.of(ids, traffic.counts[rows], traffic.vectors[rows], traffic.cell_of[rows])


@contextmanager
def another_curve(intercept: float, slope: float):
    """Coverage by a curve whose intercept and slopes are multiplied."""
    curve = fitted()
    other = replace(
        curve,
        intercept=intercept * curve.intercept,
        position=slope * curve.position,
        sparsity=slope * curve.sparsity,
        crowd=slope * curve.crowd,
    )
    with mock.patch.object(coverage, "fitted", return_value=other):
        yield


def measured(traffic: Traffic, items: Mapping[str, Vectors], random_state: int = 0) -> tuple[Yardstick, list[Reach]]:
    cells = [Cell(0, "c-0", 1.0, len(traffic.ids), traffic.ids[0])]
    own = own_curve(traffic, random_state)
    return own, [reach_of(traffic, cells, each, own) for each in items.values()]


def show_figures(own: Yardstick, found: list[Reach], items: Mapping[str, Vectors]) -> None:
    curve = ", ".join(f"{size:,}: {100 * own.curve.share(size):.1f} %" for size in own.sizes)
    print(f"own traces reach {curve}")
    low, high = 100 * own.longest.low, 100 * own.longest.high
    print(f"the most of them {low:.1f} to {high:.1f} %; their second half added {100 * own.still_rising:.1f} %")
    print("benchmark    | items | share of traffic        | worth")
    for (name, vectors), reach in zip(items.items(), found, strict=True):
        share, worth = reach.share, reach.worth
        print(
            f"{name:12s} | {len(vectors):5,} | {100 * share.estimate:4.1f} % ({100 * share.low:4.1f} to "
            f"{100 * share.high:4.1f}) | {'more than ' if worth.beyond else ''}{worth.estimate:.2f} "
            f"({worth.low:.2f} to {worth.high:.2f})"
        )


def show_stability(traffic: Traffic, items: Mapping[str, Vectors], whole: list[Reach]) -> None:
    print("worth / worth of all logs  | " + " | ".join(f"{name[:6]:>6s}" for name in items))
    figures = np.array([max(reach.worth.estimate, 1e-3) for reach in whole])
    rows = []

    def show(label: str, found: list[Reach]) -> None:
        ratio = np.array([max(reach.worth.estimate, 1e-3) for reach in found]) / figures
        beyond = [reach.worth.beyond for reach in found]
        rows.append(np.where(beyond, np.maximum(ratio, 1.0), ratio))
        shown = (f"{'>' * more}{each:.2f}" for each, more in zip(ratio, beyond, strict=True))
        print(f"{label:26s} | " + " | ".join(f"{each:>6s}" for each in shown), flush=True)

    for random_state in (1, 2, 3):
        show(f"other draws {random_state}", measured(traffic, items, random_state)[1])
    for part in (2, 4):
        for draw in range(4):
            show(f"1/{part} of the logs, draw {draw + 1}", measured(part_of(traffic, part, draw), items)[1])
    for label, (slope, shift) in CURVES.items():
        with another_curve(slope, shift):
            show(label, measured(traffic, items)[1])
    factors = np.exp(np.abs(np.log(rows)))
    for label, columns in (("at least 1", figures >= 1), ("less than 1", figures < 1)):
        if columns.any():
            part = factors[:, columns]
            print(
                f"worth {label}: {(part <= ASKED).sum()} of {part.size} within {ASKED}, largest factor {part.max():.2f}"
            )


def main() -> None:
    items = {
        name: vectors_of([item.text for item in read_items(SHARED / "benchmarks" / f"{name}.jsonl.gz").items])
        for name in BENCHMARKS
    }
    for name in SETS:
        traffic = traffic_of(name)
        print(f"\n{name}: {len(traffic.ids):,} distinct of {int(traffic.counts.sum()):,}")
        own, found = measured(traffic, items)
        show_figures(own, found, items)
        show_stability(traffic, items, found)


if __name__ == "__main__":
    main()
