"""Fits the constants of `generator.traffic.coverage`: how surely an item tests a trace at a given distance.

Truth: the nearest item has the trace's own need. Distances are in units of the traffic's scale (0 at the
median fifth neighbour, 1 at the median random pair), so that one curve serves loose and dense traffic.
Fitted on CLINC150 and BANKING77 only.

    python tests/evidence/fit_depth.py
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from generator.traffic.tree import measure_scale
from tests.evidence.traffic import load, zipf_rows


def pairs(name: str, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    data = load(name)
    traffic = data.take(np.unique(zipf_rows(data.labels, 6000, random_state)))
    scale = measure_scale(traffic.vectors)
    generator = np.random.default_rng(random_state)
    items = generator.permutation(len(traffic.texts))[: int(generator.integers(30, 300))]
    rest = np.setdiff1d(np.arange(len(traffic.texts)), items)
    similarity = traffic.vectors[rest] @ traffic.vectors[items].T
    nearest = similarity.argmax(axis=1)
    position = (1.0 - similarity.max(axis=1) - scale.near) / (scale.far - scale.near)
    return position, traffic.labels[rest] == traffic.labels[items[nearest]]


def main() -> None:
    draws = [pairs(name, random_state) for name in ("clinc150", "banking77") for random_state in range(10)]
    position = np.concatenate([draw[0] for draw in draws])
    same = np.concatenate([draw[1] for draw in draws])
    # Every draw counts alike, whatever its size.
    weight = np.concatenate([np.full(len(draw[0]), 1 / len(draw[0])) for draw in draws])
    model = LogisticRegression(C=1e6).fit(position[:, None], same, sample_weight=weight)
    slope, intercept = -model.coef_[0, 0], model.intercept_[0]
    print(f"even odds at {intercept / slope:.3f} of the way from near to far, slope {slope:.2f}")
    for low in np.arange(-0.4, 1.0, 0.2):
        inside = (position >= low) & (position < low + 0.2)
        predicted = model.predict_proba(position[inside][:, None])[:, 1].mean()
        share = same[inside].mean()
        print(
            f"  {low:+.1f} to {low + 0.2:+.1f}: {inside.sum():6d} pairs, "
            f"same need {share:.2f}, predicted {predicted:.2f}"
        )


if __name__ == "__main__":
    main()
