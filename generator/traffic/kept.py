"""What follows from the traffic alone and takes seconds to work out, kept on disk beside its vectors."""

import uuid
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from generator.records import content_id


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

    def arrays(self, name: str, make: Callable[[], Mapping[str, npt.NDArray[Any]]]) -> Mapping[str, npt.NDArray[Any]]:
        """The arrays of this name, made where there are none for this state of the traffic.

        Args:
            name: what they are, part of a file name; another one where settings other than the traffic differ.
            make: works them out; what it takes into account is the traffic, and settings that the name tells.
        """
        path = self._folder / f"{name}.{self._key}.npz"
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as found:
                return dict(found)
        except (OSError, ValueError, EOFError, BadZipFile):  # not there, or torn
            made = make()
        self._write(path, made)
        for other in self._folder.glob(f"{name}.*.npz"):
            if other != path:
                other.unlink(missing_ok=True)
        return made

    def _write(self, path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Two processes may write at once, and a reader must never see half a file.
        half = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
        with half.open("xb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        half.replace(path)
