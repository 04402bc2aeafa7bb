"""MiniLM with products of 8-bit numbers: half again as fast as in bfloat16 where the processor has instructions for it.

Weights are rounded output by output, what they are multiplied with input by input (those scales go into the weights),
and the wide middle of a layer never leaves 8 bits. How large inputs get is watched once, on tokens drawn with a fixed
seed, so that vectors depend on nothing but the text. The products are oneDNN's, which torch brings along. How near the
vectors come and what it gains: `tests/benchmarks/embedding.py`.
"""

from dataclasses import replace
from typing import Any, cast

import numpy as np

from generator.errors import EncoderError
from generator.traffic.encoders import processor_has
from generator.traffic.packed import Dense, FeedForward, Layer, PackedBert

_TEXTS, _SIZES = 200, (3, 40)
"""Texts that are watched, and the tokens they have."""
_VOCABULARY = (1_996, 30_522)
"""Of MiniLM's tokens, those that are words and parts of words."""
_ROOM = 1.25
"""How much larger than any that was watched an input may be before it is cut."""
_ZERO, _LEVELS = 128, 127
"""The number that stands for 0, and how many there are above it."""
_GELU_LEAST = 0.17
"""Gelu is nowhere below minus this."""


def has_int8() -> bool:
    """Whether the processor adds up products of 8-bit numbers without overflow on the way."""
    return processor_has("avx512_vnni", "avx_vnni", "amx_int8")


def to_int8(model: PackedBert) -> PackedBert:
    """MiniLM with its products made 8-bit ones, in place.

    Raises:
        EncoderError: this torch has no such products.
    """
    layers = [_WatchedLayer(layer) for layer in model.layers]
    model.layers = [layer.watched() for layer in layers]
    rng = np.random.default_rng(0)
    begin, end = model.tokens_of([""])[0]
    sizes = rng.integers(*_SIZES, size=_TEXTS)
    model.encode_tokens([np.array([begin, *rng.integers(*_VOCABULARY, size=size), end]) for size in sizes])
    try:
        model.layers = [layer.in_int8() for layer in layers]
    except (AttributeError, RuntimeError) as error:
        raise EncoderError("This torch has no products of 8-bit numbers; take --encoder minilm.") from error
    return model


class _WatchedLayer:
    """A layer, the inputs of whose products are watched."""

    def __init__(self, layer: Layer) -> None:
        feed_forward = cast(FeedForward, layer.feed_forward)
        steps = (layer.query_key_value, layer.attended, feed_forward.inner, feed_forward.outer)
        self._layer = layer
        self._query_key_value, self._attended, self._inner, self._outer = (
            _Watched(cast(Dense, step)) for step in steps
        )

    def watched(self) -> Layer:
        """The layer as it was, which takes notes."""
        return replace(
            self._layer,
            query_key_value=self._query_key_value,
            attended=self._attended,
            feed_forward=FeedForward(self._inner, self._outer),
        )

    def in_int8(self) -> Layer:
        """The layer in 8 bits, by what was noted."""
        return replace(
            self._layer,
            query_key_value=_Int8Dense(self._query_key_value),
            attended=_Int8Dense(self._attended),
            feed_forward=_Int8FeedForward(self._inner, self._outer),
        )


class _Watched:
    """A dense step that notes how large its inputs were, column by column."""

    def __init__(self, dense: Dense) -> None:
        self.dense = dense
        self._largest: list[Any] = []

    def __call__(self, rows: Any) -> Any:
        self._largest.append(rows.abs().amax(0))
        return self.dense(rows)

    @property
    def most(self) -> Any:
        """What an input is taken to be at most, by column."""
        import torch

        return _ROOM * torch.stack(self._largest).amax(0).float().clamp(min=1e-3)


class _Product:
    """A weight in 8 bits, each output with a scale of its own, and what can follow it."""

    def __init__(self, weight: Any, bias: Any) -> None:
        import torch

        self._scales = weight.abs().amax(1) / _LEVELS
        levels = (weight / self._scales[:, None]).round().to(torch.int8).contiguous()
        self._weight = torch.ops.onednn.qlinear_prepack(levels, None)
        self._zeros = torch.zeros(len(weight), dtype=torch.int32)
        self._bias = bias.float()

    def __call__(self, levels: Any, scale: float, zero: int, kind: Any) -> Any:
        """Numbers of this kind; the levels stand for (level - zero) * scale."""
        return self._multiplied(levels, scale, zero, 1.0, 0, kind, "none")

    def gelu(self, levels: Any, scale: float, zero: int) -> Any:
        """Levels of gelu of the product, which stand for (level - zero) * scale; those given have scale 1."""
        import torch

        return self._multiplied(levels, 1.0, _ZERO, scale, zero, torch.uint8, "gelu")

    def _multiplied(self, levels: Any, scale: float, zero: int, *to: Any) -> Any:
        import torch

        weight = (self._weight, self._scales, self._zeros, self._bias)
        return torch.ops.onednn.qlinear_pointwise(levels, scale, zero, *weight, *to, [], "none")


class _Int8Dense:
    """A dense step in 8 bits, from and to numbers of the usual kind."""

    def __init__(self, watched: _Watched) -> None:
        self._kind = watched.dense.weight.dtype
        self._spread, self._product = _scaled(watched)

    def __call__(self, rows: Any) -> Any:
        return self._product(_levels(rows, self._spread), 1.0, _ZERO, self._kind)


class _Int8FeedForward:
    """Both products in 8 bits, and gelu between them."""

    def __init__(self, inner: _Watched, outer: _Watched) -> None:
        self._kind = inner.dense.weight.dtype
        self._spread, self._inner = _scaled(inner)
        self._outer = _Product(outer.dense.weight.float(), outer.dense.bias)
        self._scale = (float(outer.most.max()) + _GELU_LEAST) / (2 * _LEVELS + 1)
        self._zero = round(_GELU_LEAST / self._scale)

    def __call__(self, rows: Any) -> Any:
        middle = self._inner.gelu(_levels(rows, self._spread), self._scale, self._zero)
        return self._outer(middle, self._scale, self._zero, self._kind)


def _scaled(watched: _Watched) -> tuple[Any, _Product]:
    """What to multiply inputs by, and the product whose weights make up for it."""
    spread = _LEVELS / watched.most
    return spread, _Product(watched.dense.weight.float() / spread, watched.dense.bias)


def _levels(rows: Any, spread: Any) -> Any:
    import torch

    return (rows.float() * spread + _ZERO).round_().clamp_(0, _ZERO + _LEVELS).to(torch.uint8)
