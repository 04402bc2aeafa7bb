"""all-MiniLM-L6-v2 in numpy: for some hundred texts done before torch is even imported.

The model is a BERT encoder (Devlin et al. 2019) of six layers; the mean over its tokens, at length 1, is the
vector of a text (Reimers and Gurevych 2019), and the marks of beginning and end count for little in it.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from generator.traffic.encoders import MINILM_MARKS, MINILM_TOKENS, Vectors, unit

_LAYERS, _HEADS = 6, 12
_BATCH = 256
"""Tokens that are worked on together, about: what the processor's caches hold."""


class MiniLM:
    """The model, read from its folder."""

    max_seq_length = MINILM_TOKENS

    def __init__(self, folder: Path) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        self._weights: dict[str, Vectors] = load_file(folder / "model.safetensors")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(self.max_seq_length)

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (len(texts), 384)."""
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        # The threads of OpenBLAS spin while they wait, which on a busy machine costs a factor of 20.
        with threadpool_limits(1, user_api="blas"):
            rows = [self._forward(batch) for batch in _batches(tokens)]
        return unit(np.concatenate([np.zeros((0, 384), dtype=np.float32), *rows]))

    def _forward(self, texts: Sequence[Sequence[int]]) -> Vectors:
        """Weighted sum over the tokens of each text after the last layer.

        The tokens of all texts are rows of one matrix, so that nothing is padded; only attention keeps to one text.
        """
        lengths = np.array([len(ids) for ids in texts])
        starts = np.cumsum(lengths) - lengths
        words = self._weights["embeddings.word_embeddings.weight"][np.concatenate(texts)]
        places = np.concatenate([self._weights["embeddings.position_embeddings.weight"][:length] for length in lengths])
        kind = self._weights["embeddings.token_type_embeddings.weight"][0]
        hidden = self._normalised("embeddings.LayerNorm", words + places + kind)
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            seen = self._dense(
                f"{name}.attention.output.dense", self._attended(f"{name}.attention.self", hidden, starts)
            )
            hidden = self._normalised(f"{name}.attention.output.LayerNorm", hidden + seen)
            inner = _gelu(self._dense(f"{name}.intermediate.dense", hidden))
            hidden = self._normalised(f"{name}.output.LayerNorm", hidden + self._dense(f"{name}.output.dense", inner))
        ends = hidden[starts] + hidden[starts + lengths - 1]
        sums: Vectors = np.add.reduceat(hidden, starts, axis=0) - (1 - MINILM_MARKS) * ends
        return sums

    def _attended(self, name: str, hidden: Vectors, starts: npt.NDArray[np.int64]) -> Vectors:
        """What each token takes from the tokens of its own text."""
        parts = [np.split(self._dense(f"{name}.{part}", hidden), starts[1:]) for part in ("query", "key", "value")]
        return np.concatenate([_attention(*map(_heads, text)) for text in zip(*parts, strict=True)])

    def _dense(self, name: str, rows: Vectors) -> Vectors:
        product: Vectors = rows @ self._weights[f"{name}.weight"].T
        product += self._weights[f"{name}.bias"]
        return product

    def _normalised(self, name: str, rows: Vectors) -> Vectors:
        centred = rows - rows.mean(axis=1, keepdims=True)
        spread = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + 1e-12)
        scaled: Vectors = centred / spread * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return scaled


def _batches(texts: Sequence[Sequence[int]]) -> list[Sequence[Sequence[int]]]:
    tokens_before = np.cumsum([0, *map(len, texts)])
    starts = np.flatnonzero(np.diff(tokens_before // _BATCH, prepend=-1)).tolist()
    return [texts[start:end] for start, end in pairwise([*starts, len(texts)]) if start < end]


def _heads(rows: Vectors) -> Vectors:
    """(tokens, width) as (heads, tokens, width / heads)."""
    return rows.reshape(len(rows), _HEADS, -1).swapaxes(0, 1)


def _attention(queries: Vectors, keys: Vectors, values: Vectors) -> Vectors:
    scores: Vectors = queries @ keys.swapaxes(1, 2) / math.sqrt(queries.shape[2])
    shares = np.exp(scores - scores.max(axis=2, keepdims=True))
    shares /= shares.sum(axis=2, keepdims=True)
    taken: Vectors = shares @ values
    return taken.swapaxes(0, 1).reshape(queries.shape[1], -1)


def _gelu(rows: Vectors) -> Vectors:
    """The input times the normal distribution function at it.

    By formula 7.1.26 of Abramowitz and Stegun, whose error of 1.5e-7 is that of the number type.
    """
    size = np.abs(rows)
    step = 1 / (1 + 0.3275911 * math.sqrt(0.5) * size)
    series = 1.061405429 * step
    for term in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series += term
        series *= step
    series *= np.exp(-0.5 * size * size)  # 1 - erf(|x| / sqrt 2)
    size -= size * series
    size += rows
    size /= 2
    return size
