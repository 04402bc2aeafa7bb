"""What follows from the traffic alone and takes seconds to work out, kept on disk beside its vectors."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from generator.records import content_id
from generator.traffic.rows import Rows, read_rows, write_rows

_WIDTH_OF = "width of "
"""Before the name of rows that lie in a file of their own."""


class Kept:
    """Arrays worked out from one state of the traffic by this version of Groundset."""

    def __init__(self, folder: Path, fingerprint: str) -> None:
        """Name where they lie.

        Args:
            folder: holds the arrays, and nothing else.
            fingerprint: changes when the traffic or its vectors do.
        """
        self._folder = folder
        self._key = content_id(fingerprint, version("groundset"))

    def arrays(
        self, name: str, make: Callable[[], Mapping[str, npt.NDArray[Any] | Rows]]
    ) -> Mapping[str, npt.NDArray[Any] | Rows]:
        """The arrays of this name, made where there are none for this state of the traffic; rows stay on disk.

        Args:
            name: what they are, part of a file name; another one where settings other than the traffic differ.
            make: works them out; what it takes into account is the traffic, and settings that the name tells.
        """
        found = self.find(name)
        if found is None:
            found = make()
            self.keep(name, found)
        return found

    def find(self, name: str) -> Mapping[str, npt.NDArray[Any] | Rows] | None:
        """The arrays of this name, or None where there are none for this state of the traffic."""
        try:
            return self._read(self._path(name))
        except (OSError, ValueError, EOFError, BadZipFile):  # not there, or torn
            return None

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.{self._key}.npz"

    def keep(self, name: str, made: Mapping[str, npt.NDArray[Any] | Rows]) -> None:
        """Put arrays in place of those of this name, whatever state of the traffic they were of."""
        path = self._path(name)
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._write(path, made)
        for other in self._folder.glob(f"{name}.*"):
            if not other.name.startswith(path.stem):
                other.unlink(missing_ok=True)

    @staticmethod
    def _read(path: Path) -> dict[str, npt.NDArray[Any] | Rows]:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
            plain = dict(found)
        width = {
            part.removeprefix(_WIDTH_OF): int(plain.pop(part)) for part in list(plain) if part.startswith(_WIDTH_OF)
        }
        return plain | {part: read_rows(path.with_suffix(f".{part}.f16"), size) for part, size in width.items()}

    @staticmethod
    def _write(path: Path, arrays: Mapping[str, npt.NDArray[Any] | Rows]) -> None:
        plain: dict[str, Any] = {}
        for part, array in arrays.items():
            if isinstance(array, Rows):
                plain[f"{_WIDTH_OF}{part}"] = np.array(array.shape[1])
                with _whole(path.with_suffix(f".{part}.f16")) as half:
                    write_rows(half, array)
            else:
                plain[part] = array
        # Last, because it says that the others are there.
        with _whole(path) as half, half.open("xb") as file:
            np.savez(file, allow_pickle=False, **plain)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A file to write; it takes its name when it is whole, since two may write at once and none may read half of it."""
    half = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    yield half
    half.replace(path)
