"""How commands end: what they say to people or to programs, and what to do next."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.narration import show_json

if TYPE_CHECKING:
    from generator.store import Store


PROBLEMS = 5
"""How many of a run's problems, or of vanished clusters, are shown."""

PAST = {"accept": "accepted", "reject": "rejected", "later": "put off", "undo": "took back a step on", "redo": "redid"}
"""What a command did, by its name."""


def finish(store: "Store", as_json: bool, people: Callable[[], None], programs: Any) -> None:
    """Print for programs, or for people with what to do next."""
    if as_json:
        show_json(programs)
    else:
        people()
        show_next(store)


def show_next(store: "Store") -> None:
    """What to do next, on stderr."""
    from generator import pipeline

    click.echo(f"next: {pipeline.status(store).next}", err=True)


def next_with_answers(project: Path, candidates: Sequence[str]) -> str:
    """What to do once there are answers."""
    if len(candidates) < 2:
        return f"groundset answers {project} OTHER=FILE"
    from shlex import quote

    return f"groundset decide {project} {quote(candidates[0])} {quote(candidates[1])}"
