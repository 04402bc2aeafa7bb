"""What the command line shows: progress and narration on stderr, data on stdout, foreign text made safe."""

import json
import sys
import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from generator.printable import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


class TerminalNarrator:
    """Progress bars on a terminal, plain lines elsewhere; all of it on stderr."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._began: dict[str, float] = {}

    def say(self, line: str) -> None:
        """One line of narration."""
        if self._bars is not None:
            self._bars.console.print(printable(line), markup=False, highlight=False)
        else:
            print(printable(line), file=sys.stderr, flush=True)

    def progress(self, what: str, done: int, total: int, note: str = "") -> None:
        """Move the bar of `what`; where stderr is no terminal, one line at its end says how long it took."""
        if total == 0 or (done >= total and what not in self._began):
            return
        began = self._began.setdefault(what, time.monotonic())
        if done >= total:
            del self._began[what]
        if sys.stderr.isatty():
            self._move_bar(printable(what), done, total, printable(note))
        elif done >= total:
            self.say(f"{what} took {time.monotonic() - began:.1f} s" + (f", {note}" if note else ""))

    def _move_bar(self, what: str, done: int, total: int, note: str) -> None:
        if self._bars is None:
            self._bars = _bars()
            self._bars.start()
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        description = f"{what}, {note}" if note else what
        self._bars.update(self._tasks[what], completed=done, total=total, description=description)
        if done >= total:
            self.close()

    def close(self) -> None:
        """Leave the bars as they are and the terminal as it was."""
        if self._bars is not None:
            self._bars.stop()
        self._bars, self._tasks = None, {}

    def __enter__(self) -> "TerminalNarrator":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _bars() -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description:<28}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def show(text: str = "") -> None:
    """A line of data for people, on stdout."""
    print(printable(text))


def show_json(value: Any) -> None:
    """Data for programs, on stdout."""
    json.dump(value, sys.stdout, ensure_ascii=True, indent=2, allow_nan=False)
    sys.stdout.write("\n")


def show_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table for people, on stdout. Columns whose name begins with "#" are numbers and align right."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(
            Text(column.removeprefix("#")),
            justify="right" if column.startswith("#") else "left",
            overflow="ellipsis",
            no_wrap=True,
        )
    for row in rows:
        # Text, never str: a str would be read as markup, and these come from logs.
        table.add_row(*(Text(printable(cell)) for cell in row))
    console = Console(width=None if sys.stdout.isatty() else 120)
    console.print(table)


def percent(share: float) -> str:
    """A share for people: 12.3 %."""
    return f"{100 * share:.1f} %"


def money(usd: float) -> str:
    """US dollars for people, with cents of cents where it is less than a cent."""
    return f"${usd:.2f}" if usd == 0 or usd >= 0.01 else f"${usd:.4f}"
