"""Embedding on this processor: our path against `SentenceTransformer.encode` as it comes, on the same texts.

For the first user turns of airline support and for CLINC150: texts a second (wall and processor time), how many
times as fast as the plain call, cosine agreement with our vectors in float32 (in which marks of beginning and end
count for less than in the published ones, see `tests/evidence/marks.py`), and V-measure of the clusters that the
vectors lead to, against CLINC150's intents and against the clusters of those float32 vectors (mean over five random
states; what two random states have in common stands above). Then where the time goes: tokens, what padding would
add, tokenising. Every path is run in turn, several rounds, and the median counts.

    PYTHONPATH=. python tests/benchmarks/embedding.py [--texts 4000] [--rounds 3] [--json OUT]
"""

import argparse
import gzip
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch
from sklearn.metrics import v_measure_score

from generator.records import normalised
from generator.traffic import encoders
from generator.traffic.clustering import cluster
from generator.traffic.encoders import Vectors, unit
from generator.traffic.int8 import has_int8
from generator.traffic.packed import PackedBert
from tests.benchmarks.tables import machine, show
from tests.evidence.traffic import SHARED

STATES = range(5)
EXACT = "packed, float32"
Encode = Callable[[Sequence[str]], Vectors]


@dataclass(frozen=True)
class Texts:
    name: str
    texts: list[str]
    labels: list[str] | None


def airline(count: int) -> Texts:
    """First user turns, in the order of the file."""
    rows = read("logs/airline_support")[:count]
    firsts = [next(turn["content"] for turn in row["messages"] if turn["role"] == "user") for row in rows]
    return Texts("airline_support, first user turns", firsts, None)


def clinc(count: int) -> Texts:
    """Requests whose intent is known, drawn at random."""
    rows = [row for row in read("labelled/clinc150") if row["label"] != "oos"]
    drawn = [rows[row] for row in np.random.default_rng(0).permutation(len(rows))[:count]]
    return Texts("clinc150", [row["text"] for row in drawn], [row["label"] for row in drawn])


def read(name: str) -> list[dict]:
    with gzip.open(SHARED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def once(encode: Encode) -> Encode:
    """Repeats, as ingest counts them, are encoded once."""

    def encode_distinct(texts: Sequence[str]) -> Vectors:
        first = {}
        numbers = [first.setdefault(normalised(text), (len(first), text))[0] for text in texts]
        ordered = sorted((text for _, text in first.values()), key=len)
        place = {text: row for row, text in enumerate(ordered)}
        rows = [place[text] for _, text in first.values()]
        return encode(ordered)[[rows[number] for number in numbers]]

    return encode_distinct


def paths() -> dict[str, Encode]:
    folder = encoders._packaged_minilm()
    plain = encoders.load_sentence_model("minilm")
    packed = PackedBert.of_folder(folder, encoders.MINILM_TOKENS, encoders.MINILM_MARKS, bf16=False)
    ways: dict[str, Encode] = {
        "encode, defaults": lambda texts: unit(plain.encode(list(texts), show_progress_bar=False)),
        EXACT: once(packed.encode),
    }
    if encoders.has_bf16():
        half = encoders.load_sentence_model("minilm").bfloat16()
        ways["encode, bfloat16, 128 a batch"] = lambda texts: unit(
            half.encode(list(texts), batch_size=128, show_progress_bar=False).astype(np.float32)
        )
    ours = encoders.open_encoder("minilm", list)
    ours.encode(["load the model"] * 400)
    ways["ours: minilm"] = once(ours.encode)
    if has_int8():
        ways["ours: minilm-int8"] = once(encoders.open_encoder("minilm-int8", list).encode)
    return ways


def clusters_of(data: Texts, vectors: Vectors, random_state: int) -> list[str]:
    ids = [str(row) for row in range(len(data.texts))]
    made = cluster(ids, data.texts, [1] * len(ids), vectors, random_state=random_state)
    cluster_of_cell = {cell.id: cell.cluster_id for cell in made.cells}
    return [cluster_of_cell[made.cell_of_trace[each]] for each in ids]


def compare(data: Texts, ways: dict[str, Encode], rounds: int) -> list[dict]:
    wall: dict[str, list[float]] = {name: [] for name in ways}
    busy: dict[str, list[float]] = {name: [] for name in ways}
    vectors: dict[str, Vectors] = {}
    for _ in range(rounds):
        for name, encode in ways.items():
            began, worked = time.perf_counter(), time.process_time()
            vectors[name] = encode(data.texts)
            wall[name].append(time.perf_counter() - began)
            busy[name].append(time.process_time() - worked)
    reference = vectors[EXACT]
    theirs = [clusters_of(data, reference, state) for state in STATES]
    rows = []
    for name in ways:
        cosine = np.einsum("ij,ij->i", reference, vectors[name])
        ratios = [one / other for one, other in zip(wall["encode, defaults"], wall[name], strict=True)]
        made = theirs if name == EXACT else [clusters_of(data, vectors[name], state) for state in STATES]
        rows.append(
            {
                "path": name,
                "texts a second": len(data.texts) / statistics.median(wall[name]),
                "a second of processor": len(data.texts) / statistics.median(busy[name]),
                "times as fast": statistics.median(ratios),
                "cosine, mean": float(cosine.mean()),
                "cosine, least": float(cosine.min()),
                "V with intents": None
                if data.labels is None
                else statistics.mean(v_measure_score(data.labels, each) for each in made),
                "V with fp32's": statistics.mean(map(v_measure_score, theirs, made)),
            }
        )
    between = statistics.mean(v_measure_score(theirs[0], other) for other in theirs[1:])
    print(f"  V of float32's clusters with those of another random state: {between:.4f}")
    return rows


def lengths(data: Texts) -> dict[str, float]:
    """Tokens of the texts, and what else there is to their cost."""
    tokenizer = encoders.load_sentence_model("minilm").tokenizer
    began = time.perf_counter()
    tokens = np.array([min(len(ids), encoders.MINILM_TOKENS) for ids in tokenizer(data.texts)["input_ids"]])
    seconds = time.perf_counter() - began
    # In batches of 32: as they came, and sorted by characters as `encode` does.
    as_came, by_size = tokens, tokens[np.argsort([-len(text) for text in data.texts], kind="stable")]
    return {
        "texts": len(tokens),
        "distinct, normalised": len(set(map(normalised, data.texts))),
        "tokens, mean": float(tokens.mean()),
        "tokens, 95 %": float(np.quantile(tokens, 0.95)),
        "tokens, most": float(tokens.max()),
        "padding as they came, share": padding(as_came),
        "padding sorted by length, share": padding(by_size),
        "tokenising, texts a second": len(tokens) / seconds,
    }


def padding(tokens: np.ndarray, batch: int = 32) -> float:
    padded = sum(len(part) * int(part.max()) for part in np.split(tokens, range(batch, len(tokens), batch)))
    return 1 - int(tokens.sum()) / padded


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--texts", type=int, default=4_000, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found: dict = {"machine": machine(), "threads": torch.get_num_threads(), "sets": {}}
    print(found["machine"])
    ways = paths()
    for data in (airline(options.texts), clinc(options.texts)):
        for encode in ways.values():
            encode(data.texts[:200])
        rows, shape = compare(data, ways, options.rounds), lengths(data)
        found["sets"][data.name] = {"paths": rows, "lengths": shape}
        show(f"{data.name}: {len(data.texts)} texts, median of {options.rounds} rounds", rows)
        print("  " + ", ".join(f"{name} {value:,.3g}" for name, value in shape.items()) + "\n")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
