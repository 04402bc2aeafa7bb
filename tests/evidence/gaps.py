"""How well untested traffic is found: needs are held out of the items, and the labels say which traces ask them.

60 % of the needs have 1 or 3 items each, drawn from texts that are not in the traffic where there are any;
10 draws of Zipf traffic. All rules meet the same draws and our vectors; how well the nearest item tells untested
traffic by MiniLM's vectors as published stands beside it (see `marks.py`). Our curve is fitted without the set it is
measured on: for CLINC150 on BANKING77, for BANKING77 and BANKING77-OOS on CLINC150. All figures are weighted by
traffic; "off by" is estimated less true coverage, F1 is of untested traces at each rule's default.

    python tests/evidence/gaps.py
"""

from collections.abc import Callable
from unittest import mock

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from generator.traffic import coverage
from generator.traffic.coverage import COVERED, Curve, Traffic, fitted, test_against
from generator.traffic.encoders import Vectors
from generator.traffic.gaps import coverage_of
from tests.evidence.fit_coverage import fit, table
from tests.evidence.traffic import Labelled, encoded, load, zipf_rows

_DRAWS = 10
_FITTED_ON = {"clinc150": "banking77", "banking77": "clinc150", "banking77_oos": "clinc150"}


def world(data: Labelled, each: int, random_state: int) -> tuple[Traffic, Vectors, np.ndarray]:
    """Traffic, items, and which traces ask a need that has an item."""
    generator = np.random.default_rng((random_state, each))
    rows, counts = np.unique(zipf_rows(data.labels, 6000, random_state), return_counts=True)
    needs = np.unique(data.labels)
    tested = generator.permutation(needs)[: round(0.6 * len(needs))]
    free = np.setdiff1d(np.arange(len(data.labels)), rows)
    items: list[int] = []
    for need in tested:
        pool = free[data.labels[free] == need]
        if len(pool) < each:  # a frequent need: production has sent all its texts
            pool = np.flatnonzero(data.labels == need)
        items += generator.permutation(pool)[:each].tolist()
    traffic = Traffic.of([str(row) for row in rows], counts, data.vectors[rows], np.zeros(len(rows), dtype=np.int64))
    return traffic, data.vectors[items], np.isin(data.labels[rows], tested)


def calibration_error(covered: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    bins = np.minimum((covered * 10).astype(int), 9)
    gaps = [
        weight[bins == each].sum() * abs(np.average((covered - truth)[bins == each], weights=weight[bins == each]))
        for each in np.unique(bins)
    ]
    return float(sum(gaps) / weight.sum())


def ours(curve: Curve, traffic: Traffic, items: Vectors) -> np.ndarray:
    with mock.patch.object(coverage, "fitted", return_value=curve):
        return test_against(traffic.placed, items, traffic.landscape).covered


def agentx(similarity: np.ndarray, items: Vectors) -> np.ndarray:
    """The best cosine rescaled from .48 to .75."""
    return np.clip((similarity - 0.48) / (0.75 - 0.48), 0.0, 1.0)


def livingeval(similarity: np.ndarray, items: Vectors) -> np.ndarray:
    """Inside a radius: the median distance from an item to the next."""
    pairs = items @ items.T
    np.fill_diagonal(pairs, -1.0)
    return np.asarray(similarity >= np.median(pairs.max(axis=1)), dtype=float)


RULES: dict[str, Callable[[np.ndarray, Vectors], np.ndarray]] = {
    "AgentX's rescaled cosine": agentx,
    "livingeval's radius": livingeval,
    "flag everything": lambda similarity, items: np.zeros(len(similarity)),
}


def best_threshold(similarity: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """F1 of the nearest item's similarity at the threshold that the truth itself would choose."""
    cuts = np.quantile(similarity, np.linspace(0.02, 0.98, 49))
    return max(f1_score(~truth, similarity < cut, sample_weight=weight) for cut in cuts)


def measured(
    data: Labelled, published: Labelled, each: int, random_state: int, curves: dict[str, Curve]
) -> dict[str, list[float]]:
    """AUROC, calibration error, coverage off by, interval holds, F1; by rule. nan where a rule says nothing of it."""
    traffic, items, truth = world(data, each, random_state)
    weight = traffic.counts
    true = float(np.average(truth, weights=weight))
    similarity = (traffic.vectors @ items.T).max(axis=1)
    found: dict[str, list[float]] = {}
    for name, curve in curves.items():
        covered = ours(curve, traffic, items)
        estimate = coverage_of(covered.astype(np.float32), weight)
        found[name] = [
            roc_auc_score(truth, covered, sample_weight=weight),
            calibration_error(covered, truth, weight),
            estimate.estimate - true,
            float(estimate.low <= true <= estimate.high),
            f1_score(~truth, covered < COVERED, sample_weight=weight),
        ]
    auroc = roc_auc_score(truth, similarity, sample_weight=weight)
    found["nearest item, threshold chosen with the truth"] = [
        auroc,
        *[np.nan] * 3,
        best_threshold(similarity, truth, weight),
    ]
    plain, plain_items, _ = world(published, each, random_state)
    by_published = roc_auc_score(truth, (plain.vectors @ plain_items.T).max(axis=1), sample_weight=weight)
    found["nearest item, vectors as published"] = [by_published, *[np.nan] * 4]
    for name, rule in RULES.items():
        covered = rule(similarity, items)
        found[name] = [
            np.nan,
            calibration_error(covered, truth, weight),
            float(np.average(covered, weights=weight)) - true,
            np.nan,
            f1_score(~truth, covered < 0.5, sample_weight=weight),
        ]
    return found


def main() -> None:
    sets = {name: load(name) for name in _FITTED_ON}
    fitted_on = {name: fit(table(sets[name])) for name in ("clinc150", "banking77")}
    print("set, items a need | AUROC | calibration error | coverage off by | interval holds | F1 of untested traces")
    for name, data in sets.items():
        published = encoded(data, 1.0)
        curves = {
            f"ours, fitted on {_FITTED_ON[name]}": fitted_on[_FITTED_ON[name]],
            "ours, as shipped": fitted(),
        }
        for each in (1, 3):
            draws = [measured(data, published, each, random_state, curves) for random_state in range(_DRAWS)]
            print(f"{name}, {each}")
            for rule in draws[0]:
                means = np.mean([draw[rule] for draw in draws], axis=0)
                cells = " | ".join("   - " if np.isnan(mean) else f"{mean:5.3f}" for mean in means)
                print(f"  {rule:46s} {cells}")


if __name__ == "__main__":
    main()
