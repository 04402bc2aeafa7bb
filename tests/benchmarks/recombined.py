"""Logs of any size out of real texts, and vectors for them without encoding each.

An input is one real text followed by another of the same kind, every digit changed: a first user turn of airline
support (two in five), a request of CLINC150 or a question of BANKING77 (the rest, half each). One in twenty is sent
again as it was. Its vector is .85 of the first text's plus .15 of the second's plus noise of length .1, all at
length 1: encoding a million texts takes hours on two cores, and what is measured here comes after.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from generator.traffic.embedding import VectorCache, embed
from generator.traffic.encoders import Vectors, open_encoder, unit
from tests.evidence.traffic import CACHE, SHARED

POOL = 2_500
REPEATED = 20
SHARES = {"logs/airline_support": 0.4, "labelled/clinc150": 0.3, "labelled/banking77": 0.3}
CHUNK = 20_000
DAY = "2026-{:02}-{:02}T12:00:00Z"


@dataclass(frozen=True)
class Pools:
    """Real texts by kind, with their vectors."""

    texts: list[list[str]]
    vectors: list[Vectors]

    @classmethod
    def read(cls) -> "Pools":
        texts = [_texts(name) for name in SHARES]
        return cls(texts, [embed(each, open_encoder("minilm", list), CACHE) for each in texts])


@dataclass(frozen=True)
class Inputs:
    """Some inputs: their texts, and the vectors of these."""

    texts: list[str]
    vectors: Vectors


def _texts(name: str) -> list[str]:
    with gzip.open(SHARED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found = [
        row["text"] if "text" in row else next(turn["content"] for turn in row["messages"] if turn["role"] == "user")
        for row in rows
    ]
    distinct = list(dict.fromkeys(" ".join(each.split())[:400] for each in found))
    return [distinct[row] for row in np.random.default_rng(0).permutation(len(distinct))[:POOL]]


def recombined(pools: Pools, count: int, seed: int = 0) -> Iterator[Inputs]:
    """So many inputs, some at a time; the same seed gives the same ones, and fewer are the first of more."""
    generator = np.random.default_rng(seed)
    for start in range(0, count, CHUNK):
        size = min(CHUNK, count - start)
        kind = generator.choice(len(SHARES), CHUNK, p=list(SHARES.values()))
        first, second = generator.integers(0, POOL, (2, CHUNK))
        noise = unit(generator.normal(size=(CHUNK, pools.vectors[0].shape[1])).astype(np.float32))
        digits = generator.integers(0, 10, (CHUNK, 12))
        texts, vectors = [], []
        for row in range(size):
            if row % REPEATED == REPEATED - 1:
                texts.append(texts[row // 2])
                vectors.append(vectors[row // 2])
                continue
            pool, own = pools.texts[kind[row]], pools.vectors[kind[row]]
            texts.append(_changed(f"{pool[first[row]]} {pool[second[row]]}", digits[row]))
            vectors.append(0.85 * own[first[row]] + 0.15 * own[second[row]] + 0.1 * noise[row])
        yield Inputs(texts, unit(np.array(vectors)))


def _changed(text: str, digits: Sequence[int]) -> str:
    drawn = iter(np.resize(digits, len(text)).tolist())
    return "".join(str(next(drawn)) if letter.isdigit() else letter for letter in text)


def write(pools: Pools, count: int, log: Path, vectors: Path, seed: int = 0, months: tuple[int, int] = (1, 6)) -> None:
    """Write inputs as a log in the shape of chat requests, and their vectors where `minilm` looks for them.

    Args:
        pools: what they are made of.
        count: how many.
        log: the file, JSON Lines.
        vectors: the folder of a project's vectors.
        seed: another one gives other inputs.
        months: first and last month in which they were sent.
    """
    cache = VectorCache(vectors / open_encoder("minilm", list).slug)
    first, last = months
    with log.open("w", encoding="utf-8") as file, cache.locked():
        number = 0
        for inputs in recombined(pools, count, seed):
            new = {text: row for row, text in enumerate(inputs.texts) if text not in cache}
            cache.add(list(new), inputs.vectors[list(new.values())])
            for text in inputs.texts:
                day = first - 1 + (last - first + 1) * number / count
                row = {
                    "id": f"{seed}-{number}",
                    "timestamp": DAY.format(int(day) + 1, int(day % 1 * 28) + 1),
                    "messages": [{"role": "user", "content": text}],
                }
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
                number += 1
