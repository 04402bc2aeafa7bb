"""BERT encoders on a processor, for many texts: nothing is padded, and every core has texts of its own.

`SentenceTransformer.encode` pads each batch to its longest text and shares every single product out among the cores,
which then wait for one another. Here the tokens of a batch are the rows of one matrix (only attention looks at texts,
those of one length together), and each core takes a batch.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from generator.traffic.encoders import Vectors, unit

Ids = npt.NDArray[np.int64]
Step = Callable[[Any], Any]
"""Rows of tokens to rows of tokens."""

_TOKENS = 2_048
"""In a batch, about: what the processor's caches hold."""
_SHORT = 48
"""Tokens up to which attention is faster as two products than as torch's kernel, which works in blocks."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What the weights of a BERT do not tell."""

    layers: int
    heads: int
    epsilon: float
    pooling: str
    """"mean" over the tokens, or "cls", the first of them."""
    marks: float
    """What the first and the last token count in the mean, which are no part of the text."""


@dataclass(frozen=True, slots=True)
class Dense:
    """A product with a weight, of shape (outputs, inputs), and a bias."""

    weight: Any
    bias: Any

    def __call__(self, rows: Any) -> Any:
        """The rows times the weight."""
        from torch.nn import functional

        return functional.linear(rows, self.weight, self.bias)


@dataclass(frozen=True, slots=True)
class FeedForward:
    """What a layer makes of each token by itself: through a wide middle and back."""

    inner: Step
    outer: Step

    def __call__(self, rows: Any) -> Any:
        """The rows after both."""
        from torch.nn import functional

        return self.outer(functional.gelu(self.inner(rows)))


@dataclass(frozen=True, slots=True)
class Layer:
    """The steps of a layer; norms as (weight, bias)."""

    query_key_value: Step
    attended: Step
    attended_norm: tuple[Any, Any]
    feed_forward: Step
    outer_norm: tuple[Any, Any]


class PackedBert:
    """A BERT encoder whose vector is the mean over its tokens, or the first of them, at length 1."""

    def __init__(self, weights: Mapping[str, Any], tokenizer: Any, shape: Shape, *, bf16: bool) -> None:
        """Take a model apart.

        Args:
            weights: tensors by the names that `BertModel` gives them.
            tokenizer: of the tokenizers library; cuts texts to what the model reads and pads nothing.
            shape: the rest of what there is to know.
            bf16: compute in bfloat16, which is faster where the processor multiplies it.
        """
        import torch

        self.max_seq_length: int = tokenizer.truncation["max_length"]
        self._tokenizer = tokenizer
        self._shape = shape
        kind = torch.bfloat16 if bf16 else torch.float32
        self._weights = {name: tensor.detach().float() for name, tensor in weights.items()}
        self._words = self._weights["embeddings.word_embeddings.weight"].to(kind)
        places = self._weights["embeddings.position_embeddings.weight"]
        self._places = (places + self._weights["embeddings.token_type_embeddings.weight"][0]).to(kind)
        self._norm = self._pair("embeddings.LayerNorm", kind)
        self.layers = [self._layer(f"encoder.layer.{number}", kind) for number in range(shape.layers)]
        self._weights = {}

    @classmethod
    def of_folder(cls, folder: Path, tokens: int, marks: float, *, bf16: bool) -> "PackedBert":
        """A model with mean pooling, read from its files; sentence-transformers, which loads for seconds, stays out."""
        from safetensors.torch import load_file
        from tokenizers import Tokenizer

        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        layers, heads = config["num_hidden_layers"], config["num_attention_heads"]
        shape = Shape(layers, heads, float(config["layer_norm_eps"]), "mean", marks)
        tokenizer = _cutting(Tokenizer.from_file(str(folder / "tokenizer.json")), tokens)
        return cls(load_file(folder / "model.safetensors"), tokenizer, shape, bf16=bf16)

    @classmethod
    def of_model(cls, model: Any, marks: float, *, bf16: bool) -> "PackedBert | None":
        """A model that sentence-transformers has loaded; None where it is not the plain BERT that this can do."""
        from tokenizers import Tokenizer

        if not _is_plain(model):
            return None
        bert, pooling = model[0].model, model[1].pooling_mode
        tokenizer = _cutting(Tokenizer.from_str(model.tokenizer.backend_tokenizer.to_str()), model.max_seq_length)
        config = bert.config
        shape = Shape(config.num_hidden_layers, config.num_attention_heads, config.layer_norm_eps, pooling, marks)
        return cls(bert.state_dict(), tokenizer, shape, bf16=bf16)

    def _pair(self, name: str, kind: Any) -> tuple[Any, Any]:
        return self._weights[f"{name}.weight"].to(kind), self._weights[f"{name}.bias"].to(kind)

    def _dense(self, name: str, kind: Any) -> Dense:
        return Dense(*self._pair(f"{name}.dense", kind))

    def _layer(self, name: str, kind: Any) -> Layer:
        return Layer(
            self._query_key_value(f"{name}.attention.self", kind),
            self._dense(f"{name}.attention.output", kind),
            self._pair(f"{name}.attention.output.LayerNorm", kind),
            FeedForward(self._dense(f"{name}.intermediate", kind), self._dense(f"{name}.output", kind)),
            self._pair(f"{name}.output.LayerNorm", kind),
        )

    def _query_key_value(self, name: str, kind: Any) -> Dense:
        """One product in place of three; the query is scaled once, here, and not in every text."""
        import torch

        width = self._weights[f"{name}.query.weight"].shape[0]
        scales = ((width // self._shape.heads) ** -0.5, 1.0, 1.0)
        parts = list(zip(("query", "key", "value"), scales, strict=True))
        weight = torch.cat([self._weights[f"{name}.{part}.weight"] * scale for part, scale in parts])
        bias = torch.cat([self._weights[f"{name}.{part}.bias"] * scale for part, scale in parts])
        return Dense(weight.to(kind), bias.to(kind))

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors of the texts, shape (len(texts), d); a text has the same one whatever it comes with."""
        return self.encode_tokens(self.tokens_of(texts))

    def tokens_of(self, texts: Sequence[str]) -> list[Ids]:
        """The numbers of their tokens, those of the marks of beginning and end among them."""
        return [np.array(each.ids, dtype=np.int64) for each in self._tokenizer.encode_batch_fast(list(texts))]

    def encode_tokens(self, tokens: Sequence[Ids]) -> Vectors:
        """As `encode`, of texts as `tokens_of` gives them."""
        import torch

        rows = np.zeros((len(tokens), self._words.shape[1]), dtype=np.float32)

        def work(batch: Sequence[int]) -> None:
            torch.set_num_threads(1)  # of this thread only
            with torch.inference_mode():
                rows[batch] = self._forward([tokens[text] for text in batch]).numpy()

        with ThreadPoolExecutor(torch.get_num_threads()) as cores:
            list(cores.map(work, _batches([len(each) for each in tokens])))
        return unit(rows)

    def _forward(self, texts: Sequence[Ids]) -> Any:
        """The pooled rows of texts that are sorted by length."""
        import torch

        lengths = np.array([len(ids) for ids in texts])
        groups = [
            slice(int(lengths[:first].sum()), int(lengths[: first + count].sum()))
            for _, first, count in zip(*np.unique(lengths, return_index=True, return_counts=True), strict=True)
        ]
        sizes = np.unique(lengths).tolist()
        words = self._words[torch.from_numpy(np.concatenate(texts))]
        places = self._places[torch.from_numpy(np.concatenate([np.arange(length) for length in lengths]))]
        hidden = self._normalised(words + places, self._norm)
        for layer in self.layers:
            rows = layer.query_key_value(hidden)
            seen = torch.cat([self._attended(rows[group], size) for group, size in zip(groups, sizes, strict=True)])
            hidden = self._normalised(hidden + layer.attended(seen), layer.attended_norm)
            hidden = self._normalised(hidden + layer.feed_forward(hidden), layer.outer_norm)
        return torch.cat([self._pooled(hidden[group], size) for group, size in zip(groups, sizes, strict=True)])

    def _normalised(self, rows: Any, norm: tuple[Any, Any]) -> Any:
        from torch.nn import functional

        return functional.layer_norm(rows, rows.shape[1:], *norm, eps=self._shape.epsilon)

    def _attended(self, rows: Any, size: int) -> Any:
        """What each token takes from the tokens of its own text; all texts here have `size` of them."""
        import torch
        from torch.nn import functional

        query, key, value = rows.view(len(rows) // size, size, 3, self._shape.heads, -1).permute(2, 0, 3, 1, 4)
        if size > _SHORT:
            taken = functional.scaled_dot_product_attention(query, key, value, scale=1.0)
        else:
            taken = torch.softmax(query @ key.transpose(-1, -2), -1) @ value
        return taken.transpose(1, 2).reshape(len(rows), -1)

    def _pooled(self, rows: Any, size: int) -> Any:
        """One row a text, of any length."""
        texts = rows.view(len(rows) // size, size, -1).float()
        if self._shape.pooling == "cls":
            return texts[:, 0]
        return texts.sum(1) - (1 - self._shape.marks) * (texts[:, 0] + texts[:, -1])


def _is_plain(model: Any) -> bool:
    """Whether a model of sentence-transformers is a BERT as it was published, pooled in one of our two ways."""
    steps = [type(step).__name__ for step in model]
    if steps not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        return False
    bert, pooling = model[0].model, model[1].pooling_mode
    return (
        type(bert).__name__ == "BertModel"
        and bert.config.hidden_act == "gelu"
        and getattr(bert.config, "position_embedding_type", "absolute") == "absolute"
        and pooling in {"mean", "cls"}
        and model.default_prompt_name is None
    )


def _cutting(tokenizer: Any, tokens: int) -> Any:
    tokenizer.no_padding()
    tokenizer.enable_truncation(tokens)
    return tokenizer


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Texts of like length together, the longest first, so that no core is left with a large batch at the end."""
    batch: list[int] = []
    tokens = 0
    for text in np.argsort(-np.asarray(lengths, dtype=np.int64), kind="stable").tolist():
        if batch and tokens + lengths[text] > _TOKENS:
            yield batch[::-1]
            batch, tokens = [], 0
        batch.append(text)
        tokens += lengths[text]
    if batch:
        yield batch[::-1]
