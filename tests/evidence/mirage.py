"""How much of real traffic public benchmarks reach, beside random traces of the same traffic.

8,000 airline support conversations; every benchmark in ../shared/data/benchmarks. Share reached: mean over
traces of the probability that the nearest item asks the same need (`generator.traffic.coverage.depth`).
Worth: how many random traces of the same traffic reach as much, off the same curve, mean of 5 draws.

    python tests/evidence/mirage.py
"""

import gzip
import json
from pathlib import Path

import numpy as np

from generator.logs.formats import recognise
from generator.logs.reading import open_log
from generator.records import user_text
from generator.traffic.coverage import depth
from generator.traffic.embedding import embed
from generator.traffic.encoders import Vectors, open_encoder
from generator.traffic.tree import Scale, measure_scale
from tests.evidence.traffic import CACHE, SHARED

SIZES = (1, 2, 5, 10, 20, 40, 80, 160, 320, 500)


def conversations(path: Path, limit: int) -> list[str]:
    with open_log(str(path)) as log:
        values = [record.value for record in log.records() if record.error is None][:limit]
    read = recognise(values[:100], path.name).read
    return [user_text(read(value).messages) for value in values]


def reached(traffic: Vectors, items: Vectors, scale: Scale) -> float:
    nearest = np.concatenate(
        [(traffic[start : start + 2000] @ items.T).max(axis=1) for start in range(0, len(traffic), 2000)]
    )
    return float(depth(nearest, scale).mean())


def main() -> None:
    encoder = open_encoder("minilm", list)
    texts = list(dict.fromkeys(conversations(SHARED / "logs" / "airline_support.jsonl.gz", 8000)))
    traffic = embed(texts, encoder, CACHE)
    scale = measure_scale(traffic)
    curve = []
    for size in SIZES:
        shares = []
        for random_state in range(5):
            rows = np.random.default_rng(random_state).permutation(len(traffic))
            shares.append(reached(traffic[rows[size:]], traffic[rows[:size]], scale))
        curve.append(float(np.mean(shares)))
    print(f"{len(texts):,} distinct conversations")
    for path in sorted((SHARED / "benchmarks").glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            items = [json.loads(line)["text"] for line in file]
        share = reached(traffic, embed(items, encoder, CACHE), scale)
        worth = np.interp(share, [0.0, *curve], [0, *SIZES])
        name = path.name.removesuffix(".jsonl.gz")
        print(f"| {name} | {len(items):,} | {100 * share:.1f} % | {worth:.0f} |")
    for size, share in zip(SIZES, curve, strict=True):
        print(f"| {size} random conversations of this traffic | {size} | {100 * share:.1f} % | {size} |")


if __name__ == "__main__":
    main()
