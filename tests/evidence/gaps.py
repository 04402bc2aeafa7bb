"""How well untested traffic is found: needs are held out of the items, and the labels say which traces ask them.

60 % of the needs have 1 or 3 items each, drawn from texts that are not in the traffic where there are any;
10 draws of Zipf traffic.
The curve of `generator.traffic.coverage` was fitted on pairs of CLINC150 and BANKING77; BANKING77-OOS holds
traffic and needs it has not seen, though of the same bank. All figures are weighted by traffic; "off by" is
estimated minus true coverage.

    python tests/evidence/gaps.py
"""

import numpy as np
from sklearn.metrics import f1_score, roc_auc_score

from generator.traffic.coverage import Traffic, depth
from generator.traffic.encoders import Vectors
from generator.traffic.gaps import coverage_of, neighbourhoods, test_against
from generator.traffic.tree import measure_scale
from tests.evidence.traffic import Labelled, load, zipf_rows


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
    vectors = data.vectors[rows]
    traffic = Traffic(
        [str(row) for row in rows], counts, vectors, np.zeros(len(rows), dtype=np.int64), measure_scale(vectors)
    )
    return traffic, data.vectors[items], np.isin(data.labels[rows], tested)


def calibration_error(covered: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    bins = np.minimum((covered * 10).astype(int), 9)
    gaps = [
        weight[bins == each].sum() * abs(np.average((covered - truth)[bins == each], weights=weight[bins == each]))
        for each in np.unique(bins)
    ]
    return float(sum(gaps) / weight.sum())


def measured(covered: np.ndarray, truth: np.ndarray, traffic: Traffic) -> list[float]:
    weight = traffic.counts
    estimate = coverage_of(covered.astype(np.float32), weight)
    true = float(np.average(truth, weights=weight))
    return [
        roc_auc_score(truth, covered, sample_weight=weight),
        calibration_error(covered, truth, weight),
        estimate.estimate - true,
        float(estimate.low <= true <= estimate.high),
        f1_score(~truth, covered < 0.5, sample_weight=weight),
    ]


def best_threshold(similarity: np.ndarray, truth: np.ndarray, weight: np.ndarray) -> float:
    """F1 of the nearest item's similarity at the threshold that the truth itself would choose."""
    cuts = np.quantile(similarity, np.linspace(0.02, 0.98, 49))
    return max(f1_score(~truth, similarity < cut, sample_weight=weight) for cut in cuts)


def main() -> None:
    print("set, items a need | AUROC | calibration error | coverage off by | interval holds | F1 | F1, best threshold")
    for name in ("clinc150", "banking77", "banking77_oos"):
        data = load(name)
        for each in (1, 3):
            ours, nearest, best = [], [], []
            for random_state in range(10):
                traffic, items, truth = world(data, each, random_state)
                tested = test_against(traffic, neighbourhoods(traffic.vectors), items)
                ours.append(measured(tested.covered, truth, traffic))
                nearest.append(measured(depth(tested.similarity, traffic.scale), truth, traffic))
                best.append(best_threshold(tested.similarity, truth, traffic.counts))
            for label, rows in (("ours", ours), ("nearest item alone", nearest)):
                auc, error, off, holds, f1 = np.mean(rows, axis=0)
                print(
                    f"{name:14s} {each} {label:19s} | {auc:.3f} | {error:.3f} | {off:+.3f} | {holds:.1f} | {f1:.3f} "
                    f"| {np.mean(best):.3f}"
                )


if __name__ == "__main__":
    main()
