"""Can drafts be told from real inputs? A discriminator tries, and its AUC is the answer."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generator.records import Interval
from generator.traffic.encoders import Vectors

FEWEST = 20
"""Drafts from which the answer means something."""
_FOLDS = 5
_REGULARISATION = 1.0


@dataclass(frozen=True, slots=True)
class Texts:
    """Texts as arrays that line up."""

    texts: Sequence[str]
    vectors: Vectors
    """Unit rows, shape (n, d)."""
    clusters: Sequence[str]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: npt.NDArray[np.int64]) -> "Texts":
        """Some of them."""
        return Texts([self.texts[row] for row in rows], self.vectors[rows], [self.clusters[row] for row in rows])


def matching(drafts: Texts, traffic: Texts, counts: Sequence[int], random_state: int = 0) -> npt.NDArray[np.int64]:
    """Rows of real inputs to hold drafts against: as many from each cluster, as production sends them.

    Args:
        drafts: the drafts, with the clusters they were asked for.
        traffic: the distinct traces.
        counts: how often production sent each.
        random_state: which are drawn.
    """
    generator = np.random.default_rng(random_state)
    of_cluster, weight = np.array(traffic.clusters), np.asarray(counts, dtype=np.float64)
    chosen = []
    for cluster in sorted(set(drafts.clusters)):
        rows = np.flatnonzero(of_cluster == cluster)
        size = min(sum(each == cluster for each in drafts.clusters), len(rows))
        if size:
            chosen.append(generator.choice(rows, size, replace=False, p=weight[rows] / weight[rows].sum()))
    return np.concatenate(chosen) if chosen else np.zeros(0, dtype=np.int64)


def realism(real: Texts, drafts: Texts) -> Interval | None:
    """AUC of telling drafts from real inputs: .5 is cannot, 1 is always; None for too few to say.

    Logistic regression on vectors and how the texts look (length, capitals, digits, punctuation), asked about
    clusters that it was not fitted on where there are enough of them. The interval is that of Hanley and McNeil
    (1982); an AUC below .5 is chance.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import GroupKFold, StratifiedKFold, cross_val_predict
    from sklearn.preprocessing import StandardScaler

    if min(len(real), len(drafts)) < FEWEST:
        return None
    looks = np.array([_looks(text) for text in (*real.texts, *drafts.texts)])
    features = np.hstack([np.concatenate([real.vectors, drafts.vectors]), StandardScaler().fit_transform(looks)])
    is_draft = np.repeat([0, 1], [len(real), len(drafts)])
    groups = [*real.clusters, *drafts.clusters]
    by_cluster = len(set(groups)) >= 2 * _FOLDS
    folds = GroupKFold(_FOLDS) if by_cluster else StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
    model = LogisticRegression(C=_REGULARISATION, max_iter=1_000)
    odds = cross_val_predict(model, features, is_draft, cv=folds, groups=groups, method="decision_function")
    return _with_interval(float(roc_auc_score(is_draft, odds)), len(real), len(drafts))


def _looks(text: str) -> tuple[float, ...]:
    """How a text looks, apart from what it says."""
    words, length = text.split(), max(len(text), 1)
    return (
        math.log1p(len(text)),
        math.log1p(len(words)),
        len(text) / max(len(words), 1),
        sum(char.isupper() for char in text) / length,
        sum(char.isdigit() for char in text) / length,
        len(re.findall(r"[^\w\s]", text)) / length,
        float(text.rstrip()[-1:].isalnum()),
        float(text[:1].isupper()),
        math.log1p(text.count("\n")),
    )


def _with_interval(auc: float, negatives: int, positives: int) -> Interval:
    both_above, both_below = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (auc * (1 - auc) + (positives - 1) * (both_above - auc**2) + (negatives - 1) * (both_below - auc**2)) / (
        positives * negatives
    )
    error = 1.96 * math.sqrt(max(variance, 0.0))
    return Interval(auc, max(auc - error, 0.0), min(auc + error, 1.0))
