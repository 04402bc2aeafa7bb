"""Labelled traffic for the evidence scripts: truth is read here and never by the code under test."""

import gzip
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.traffic import encoders
from generator.traffic.embedding import embed
from generator.traffic.encoders import Vectors, open_encoder
from generator.traffic.packed import PackedBert

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
CACHE = Path(__file__).resolve().parents[2] / "build" / "evidence.vectors"


@dataclass(frozen=True)
class Labelled:
    """Texts with their true needs and vectors."""

    name: str
    texts: Sequence[str]
    labels: np.ndarray
    vectors: Vectors

    def take(self, rows: np.ndarray) -> "Labelled":
        return Labelled(self.name, [self.texts[row] for row in rows], self.labels[rows], self.vectors[rows])


def load(name: str) -> Labelled:
    """One labelled set; out-of-scope rows are left out, since they share no need."""
    with gzip.open(SHARED / "labelled" / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [row for row in map(json.loads, file) if row["label"] != "oos"]
    texts = [row["text"] for row in rows]
    encoder = open_encoder("minilm", lambda: texts)
    return Labelled(name, texts, np.array([row["label"] for row in rows]), embed(texts, encoder, CACHE))


def encoded(data: Labelled, marks: float) -> Labelled:
    """The set by MiniLM's vectors in which the marks of beginning and end count so much; 1 is as published."""
    packed = PackedBert.of_folder(encoders._packaged_minilm(), encoders.MINILM_TOKENS, marks, bf16=False)
    return Labelled(data.name, data.texts, data.labels, packed.encode(data.texts))


def zipf_rows(labels: np.ndarray, size: int, random_state: int, steepness: float = 1.0) -> np.ndarray:
    """Rows of traffic as production sends it: Zipf weights over needs in random order, repeats allowed."""
    generator = np.random.default_rng(random_state)
    needs = generator.permutation(np.unique(labels))
    shares = 1.0 / np.arange(1, len(needs) + 1) ** steepness
    drawn = generator.choice(len(needs), size, p=shares / shares.sum())
    pools = {need: np.flatnonzero(labels == need) for need in needs}
    return np.array([generator.choice(pools[needs[index]]) for index in drawn])
