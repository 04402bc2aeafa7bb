"""Fits the constants of `generator.traffic.coverage`: how surely an item tests a trace.

Truth: whether some item has the trace's own need. Worlds are made of CLINC150 and BANKING77 only, and made
unlike each other so that the curve does not learn one granularity of needs: all needs, some of them at random or
of one corner, or needs merged with their neighbours; 800 to 7,000 requests of steep or even traffic; 20 to 90 % of
the needs tested by 1, 3 or 1 to 6 items; with and without items that nobody asks for. With a little weight, items
of the other set whose needs lie farthest: what is of another world tests nothing.

    python tests/evidence/fit_coverage.py [--write]
"""

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.preprocessing import StandardScaler

from generator.traffic.coverage import Curve, look
from generator.traffic.encoders import Vectors, unit
from generator.traffic.landscape import survey
from tests.evidence.traffic import Labelled, load, zipf_rows

CONSTANTS = Path(__file__).resolve().parents[2] / "generator" / "traffic" / "coverage.toml"
FITTED_ON = ("clinc150", "banking77")
_WORLDS = 60
_ROWS = 500
"""Traces of each world that are fitted on, so that all count alike."""
_STRANGERS = 0.1
"""Weight of a world in which all items are strangers."""


@dataclass(frozen=True)
class Table:
    """What the curve is fitted on; arrays over traces of many worlds."""

    evidence: np.ndarray
    """Shape (n, 4)."""
    truth: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class World:
    """Traffic and several sets of items with, for each trace, whether its need has an item."""

    vectors: Vectors
    counts: np.ndarray
    sets: list[tuple[Vectors, np.ndarray]]


def worlds(data: Labelled, count: int = _WORLDS) -> Iterator[World]:
    """Worlds of one labelled set."""
    for random_state in range(count):
        generator = np.random.default_rng((random_state, 199))
        needs, inside = _needs(data, generator)
        rows_inside = np.flatnonzero(inside)
        size = int(np.exp(generator.uniform(np.log(800), np.log(7_000))))
        steepness = float(generator.choice([0.5, 0.8, 1.0, 1.0, 1.2]))
        drawn = zipf_rows(needs[rows_inside], size, random_state, steepness)
        rows, counts = np.unique(rows_inside[drawn], return_counts=True)
        sets = [_items(data.vectors, needs, inside, rows, each, generator) for each in (1, 3, 0)]
        outside = np.flatnonzero(~inside)
        if len(outside) > 50:
            sets.append((data.vectors[generator.permutation(outside)[:200]], np.zeros(len(rows), dtype=bool)))
        yield World(data.vectors[rows], counts, sets)


def _needs(data: Labelled, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The need of each text, and whether production asks it."""
    labels = data.labels
    names = np.unique(labels)
    everything = np.ones(len(labels), dtype=bool)
    kind = generator.choice(["all", "some", "corner", "merged"])
    if kind == "all":
        return labels, everything
    centres = _centres(data)
    if kind == "merged":
        pieces = int(generator.integers(len(names) // 3, len(names)))
        merged = fcluster(linkage(centres, "average", metric="cosine"), pieces, "maxclust")
        return merged[np.searchsorted(names, labels)].astype(str), everything
    count = int(generator.integers(15, len(names)))
    order = generator.permutation(len(names))
    if kind == "corner":
        order = np.argsort(-(centres @ centres[generator.integers(len(names))]))
    return labels, np.isin(labels, names[order[:count]])


def _centres(data: Labelled) -> Vectors:
    """Centres of the needs, in the order of `np.unique`."""
    return unit(np.stack([data.vectors[data.labels == name].mean(axis=0) for name in np.unique(data.labels)]))


def _items(
    vectors: Vectors,
    needs: np.ndarray,
    inside: np.ndarray,
    rows: np.ndarray,
    each: int,
    generator: np.random.Generator,
) -> tuple[Vectors, np.ndarray]:
    names = np.unique(needs[inside])
    tested = generator.permutation(names)[: max(round(float(generator.uniform(0.2, 0.9)) * len(names)), 2)]
    # Two times of three from texts that production has not sent, as far as there are any.
    free = inside.copy()
    free[rows] = generator.random() > 2 / 3
    items: list[int] = []
    for name in tested:
        wanted = each or int(generator.integers(1, 7))
        pool = np.flatnonzero(free & (needs == name))
        if len(pool) < wanted:
            pool = np.flatnonzero(needs == name)
        items += generator.permutation(pool)[:wanted].tolist()
    outside = np.flatnonzero(~inside)
    if len(outside) and generator.random() < 0.5:
        items += generator.permutation(outside)[: int(generator.integers(1, 3 * len(items)))].tolist()
    return vectors[items], np.isin(needs[rows], tested)


def strangers(data: Labelled, other: Labelled) -> Vectors:
    """Texts of another set whose needs are farthest from all needs of this one."""
    own, foreign = _centres(data), _centres(other)
    nearest = (foreign @ own.T).max(axis=1)
    far = np.unique(other.labels)[nearest < np.quantile(nearest, 0.6)]
    return other.vectors[np.isin(other.labels, far)]


def table(data: Labelled, other: Labelled | None = None, count: int = _WORLDS) -> Table:
    """Evidence and truth of many worlds; with strangers from another set where one is given."""
    far = strangers(data, other) if other is not None else None
    generator = np.random.default_rng(0)
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    for world in worlds(data, count):
        landscape = survey(world.vectors)
        placed = landscape.place(world.vectors)
        sets = [(items, truth, 1.0) for items, truth in world.sets]
        if far is not None:
            nobody = np.zeros(len(world.counts), dtype=bool)
            sets += [(far[generator.permutation(len(far))[:size]], nobody, _STRANGERS) for size in (1, 40, 400)]
        for items, truth, each in sets:
            rows = generator.permutation(len(truth))[:_ROWS]
            weight = each * world.counts[rows] / world.counts[rows].sum()
            parts.append((look(placed.take(rows), items, landscape).table, truth[rows], weight))
    return Table(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def fit(*tables: Table) -> Curve:
    """The curve through these."""
    evidence = np.concatenate([each.evidence for each in tables])
    truth = np.concatenate([each.truth for each in tables])
    weight = np.concatenate([each.weight for each in tables])
    scaler = StandardScaler().fit(evidence)
    model = LogisticRegression(C=0.1, max_iter=500)
    model.fit(scaler.transform(evidence), truth, sample_weight=weight * _ROWS)
    slopes = model.coef_[0] / scaler.scale_
    intercept = float(model.intercept_[0] - slopes @ scaler.mean_)
    crowd = float(np.average(evidence[:, 3], weights=weight))
    return Curve(*(round(float(each), 3) for each in (intercept, *slopes, crowd)))


def _written(curve: Curve) -> str:
    lines = [
        "# How surely an item tests a trace: constants of generator.traffic.coverage, in log odds.",
        "# Made by: python tests/evidence/fit_coverage.py --write",
        "[fit]",
        'on = ["CLINC150", "BANKING77"]  # Larson et al. 2019; Casanueva et al. 2020',
        'encoder = "all-MiniLM-L6-v2"',
        "",
        "[curve]",
        *(f"{name} = {value}" for name, value in asdict(curve).items()),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    one, other = (load(name) for name in FITTED_ON)
    tables = {one.name: table(one, other), other.name: table(other, one)}
    for name, each in tables.items():
        curve = fit(each)
        print(f"fitted on {name:10s} {curve}")
        for other, truth in tables.items():
            auroc = roc_auc_score(truth.truth, curve.probability(truth.evidence), sample_weight=truth.weight)
            print(f"  AUROC over all worlds of {other}: {auroc:.3f}")
    shipped = fit(*tables.values())
    print(f"fitted on both       {shipped}")
    if "--write" in sys.argv:
        CONSTANTS.write_text(_written(shipped), encoding="utf-8")
        print(f"written to {CONSTANTS.name}")


if __name__ == "__main__":
    main()
