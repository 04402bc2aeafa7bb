"""Every distinct text once, resumable: vectors lie beside the project, keyed by encoder and text."""

import fcntl
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from generator.errors import EncoderError
from generator.traffic.encoders import Encoder, Vectors
from generator.traffic.rows import FEW, Matrix, Rows

_CHUNK = 1024  # texts between two commits to disk: what a kill can cost
_KEY_BYTES = 16


def embed(
    texts: Sequence[str],
    encoder: Encoder,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Vectors:
    """Unit vectors of the texts, shape (len(texts), d); only texts not met before are encoded.

    `embed_traffic` does the same for texts that may be too many to hold.

    Args:
        texts: repeats are encoded once.
        encoder: turns texts into vectors.
        folder: where vectors are kept, one folder an encoder below it.
        progress: called with (done, total) of the texts that had to be encoded.

    Raises:
        EncoderError: the encoder failed, changed its width, or gave rows that are not finite.
    """
    cache = _filled(texts, encoder, folder, progress)
    return cache.stored(texts)[:]


def embed_traffic(
    texts: Sequence[str],
    encoder: Encoder,
    folder: Path,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Matrix:
    """As `embed`, but many vectors are left on disk."""
    stored = _filled(texts, encoder, folder, progress).stored(texts)
    return stored[:] if len(texts) <= FEW else stored


def _filled(
    texts: Sequence[str], encoder: Encoder, folder: Path, progress: Callable[[int, int], None]
) -> "VectorCache":
    cache = VectorCache(folder / encoder.slug)
    with cache.locked():
        missing = list(dict.fromkeys(text for text in texts if text not in cache))
        # Like lengths together: a batch is padded to its longest text.
        missing.sort(key=len)
        progress(0, len(missing))
        for start in range(0, len(missing), _CHUNK):
            chunk = missing[start : start + _CHUNK]
            cache.add(chunk, encoder.encode(chunk))
            progress(start + len(chunk), len(missing))
    return cache


class VectorCache:
    """An append-only matrix of float16 on disk with the hash of each row's text.

    Rows are written before their keys, and a torn tail is cut off on opening, so that a kill at any point
    leaves whole rows.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: dict[bytes, int] = {}
        self._width: int | None = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the cache against other processes; a second one waits."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with (self._folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._cut_torn_tail()
            self.read()
            yield

    def read(self) -> None:
        """Read which texts are there; rows that are being written meanwhile are left out."""
        shape = self._folder / "shape.json"
        if shape.exists():
            self._width = int(json.loads(shape.read_text())["width"])
            whole = self._whole_rows() * _KEY_BYTES
            data = (self._folder / "keys.bin").read_bytes()[:whole] if whole else b""
            self._rows = {data[i : i + _KEY_BYTES]: i // _KEY_BYTES for i in range(0, len(data), _KEY_BYTES)}

    def _whole_rows(self) -> int:
        keys, vectors = self._folder / "keys.bin", self._folder / "vectors.f16"
        return min(_size(keys) // _KEY_BYTES, _size(vectors) // (2 * (self._width or 1)))

    def _cut_torn_tail(self) -> None:
        shape = self._folder / "shape.json"
        if not shape.exists():
            return
        self._width = int(json.loads(shape.read_text())["width"])
        whole = self._whole_rows()
        for name, row_bytes in (("keys.bin", _KEY_BYTES), ("vectors.f16", 2 * self._width)):
            path = self._folder / name
            if _size(path) > whole * row_bytes:
                with path.open("r+b") as file:
                    file.truncate(whole * row_bytes)

    def __contains__(self, text: str) -> bool:
        return _key(text) in self._rows

    def add(self, texts: Sequence[str], vectors: Vectors) -> None:
        """Append rows for texts that are not there yet."""
        if not np.isfinite(vectors).all():
            raise EncoderError("The encoder gave vectors that are not finite; nothing of this batch was kept.")
        if self._width is None:
            self._width = vectors.shape[1]
            (self._folder / "shape.json").write_text(json.dumps({"width": self._width}))
        if vectors.shape != (len(texts), self._width):
            raise EncoderError(f"The encoder gave {vectors.shape[1]} numbers a text where {self._width} are stored.")
        with (self._folder / "vectors.f16").open("ab") as file:
            file.write(vectors.astype(np.float16).tobytes())
        with (self._folder / "keys.bin").open("ab") as file:
            file.write(b"".join(_key(text) for text in texts))
        for text in texts:
            self._rows[_key(text)] = len(self._rows)

    def stored(self, texts: Sequence[str]) -> Rows:
        """The vectors of texts that are all there, on disk."""
        if not texts:
            return Rows(np.zeros((0, self._width or 0), dtype=np.float16))
        stored = np.memmap(self._folder / "vectors.f16", dtype=np.float16, mode="r").reshape(-1, self._width or 1)
        return Rows(stored, np.fromiter((self._rows[_key(text)] for text in texts), np.int64, len(texts)))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:_KEY_BYTES]
