"""Vectors of more traffic than memory should hold: in half the numbers' length on disk, read as float32 in blocks."""

import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from generator.traffic.encoders import Vectors

BLOCK = 4_096
"""Rows that are worked on at a time."""
_FEW_ROWS = 256
"""Rows of similarities to a block that are held at a time."""
FEW = 50_000
"""Rows up to which vectors are held in memory as they are."""


class Matrix(Protocol):
    """Rows of numbers, in memory or on disk; what is taken out of it is an array of float32."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(rows, d)."""

    def __len__(self) -> int:
        """How many rows."""

    def __getitem__(self, rows: Any, /) -> Any:
        """Some of them."""


class Rows:
    """A matrix of float16 on disk, of which the rows may be taken in another order."""

    def __init__(self, stored: npt.NDArray[np.float16], order: npt.NDArray[np.integer] | None = None) -> None:
        self.stored = stored
        self._order = order

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, d)."""
        return len(self), self.stored.shape[1]

    def __len__(self) -> int:
        return len(self.stored if self._order is None else self._order)

    def __getitem__(self, rows: Any, /) -> Vectors:
        """Some of the rows, as a slice, a list or an array says."""
        found = self.stored[rows if self._order is None else self._order[rows]]
        return np.asarray(found, dtype=np.float32)


def blocks(vectors: Matrix, size: int = BLOCK) -> Iterator[tuple[slice, Vectors]]:
    """The vectors from the first to the last, some at a time, with where they stand."""
    for start in range(0, len(vectors), size):
        here = slice(start, min(start + size, len(vectors)))
        yield here, vectors[here]


def mapped(vectors: Matrix, work: Callable[[Vectors], Vectors]) -> Matrix:
    """What `work` makes of each block, kept as the vectors are: in memory, or in a file that goes with the result.

    Args:
        vectors: shape (n, d).
        work: turns some rows into as many of the same width.
    """
    parts = (work(block) for _, block in blocks(vectors))
    if isinstance(vectors, np.ndarray):
        return np.concatenate([vectors[:0], *parts])
    return _on_disk(parts, vectors.shape[1])


def appended(vectors: Matrix, more: Vectors) -> Matrix:
    """The vectors with more of them at the end, kept as the vectors are."""
    if isinstance(vectors, np.ndarray):
        return np.concatenate([vectors, more])
    return _on_disk(chain((block for _, block in blocks(vectors)), [more]), vectors.shape[1])


def _on_disk(parts: Iterable[Vectors], width: int) -> Rows:
    with tempfile.TemporaryFile() as file:
        for part in parts:
            file.write(part.astype(np.float16).tobytes())
        file.flush()
        return Rows(np.memmap(file, dtype=np.float16, mode="r").reshape(-1, width))


def write_rows(path: Path, rows: Rows) -> None:
    """Rows as a file that `read_rows` reads, in their order."""
    with path.open("xb") as file:
        for _, block in blocks(rows):
            file.write(block.astype(np.float16).tobytes())


def read_rows(path: Path, width: int) -> Rows:
    """What `write_rows` wrote, left on disk.

    Args:
        path: the file.
        width: numbers in a row.
    """
    return Rows(np.memmap(path, dtype=np.float16, mode="r").reshape(-1, width))


def nearest(rows: Vectors, among: Matrix) -> tuple[npt.NDArray[np.int64], Vectors]:
    """For each of the rows, which of the others is most alike, and its similarity; both of shape (len(rows),).

    Args:
        rows: unit vectors, shape (n, d).
        among: unit vectors, shape (m, d), m >= 1.
    """
    found = np.zeros(len(rows), dtype=np.int64)
    similarity = np.full(len(rows), -np.inf, dtype=np.float32)
    for there, others in blocks(among):
        for here, some in blocks(rows, _FEW_ROWS):
            alike = some @ others.T
            best = alike.max(axis=1)
            nearer = best > similarity[here]
            found[here] = np.where(nearer, alike.argmax(axis=1) + there.start, found[here])
            similarity[here] = np.maximum(best, similarity[here])
    return found, similarity
