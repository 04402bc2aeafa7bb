"""Commands of ours that run beside the app: what needs numpy or a model, the app itself never loads.

A child has a session of its own: it goes on when the app is left, and what it does is in the project file.
"""

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    """What it printed; foreign text."""
    narration: str
    """What it said beside that, errors among it; foreign text."""

    @property
    def ok(self) -> bool:
        """Whether it did what it was asked to."""
        return self.code == 0

    @property
    def error(self) -> str:
        """Its last sentence."""
        lines = [each.removeprefix("groundset: ") for each in self.narration.splitlines() if each.strip()]
        return lines[-1] if lines else f"it ended with {self.code}"


async def groundset(command: str, project: Path, *arguments: str) -> Ended:
    """Run a command of ours on a project, to its end.

    Args:
        command: for example "split".
        project: the project file.
        arguments: what follows it; options first, since what follows `--` may be any text.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "generator",
        command,
        str(project),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    output, narration = await child.communicate()
    return Ended(child.returncode or 0, output.decode("utf-8", "replace"), narration.decode("utf-8", "replace"))
