"""The Export: what goes out, what must hold before it does, and in which formats."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from curation_tui.actions import Where, bindings
from curation_tui.children import groundset
from curation_tui.document import Block, Document
from curation_tui.figures import counted, percent
from curation_tui.framed import FramedScreen
from curation_tui.looks import Glyphs
from curation_tui.rows import Rows
from curation_tui.safe_text import joined, label, line
from curation_tui.session import Session

FORMATS = {
    "inspect": "Inspect      dataset.jsonl + task.py",
    "promptfoo": "promptfoo    promptfooconfig.yaml + tests.jsonl",
    "jsonl": "JSON Lines   samples.jsonl, with all that is known",
}
_SET = "evals"
_ORIGINS = {
    "random": "real, drawn at random: these speak for production",
    "exemplar": "real, typical of their cluster",
    "variant": "drafted in other words",
    "edge": "drafted edge cases",
}


class ExportScreen(FramedScreen):
    """Looks first, then writes; a check that fails blocks it."""

    WHERE: ClassVar[Where] = "export"
    BINDINGS = bindings(WHERE)
    GREETING = "Nothing is written before enter."
    CSS = """
    ExportScreen #columns { layout: vertical; }
    ExportScreen #formats { height: 5; border: round $rule; }
    ExportScreen #checks { height: 1fr; border: round $rule; padding: 0 1; }
    ExportScreen #going { height: 1fr; border: round $rule; padding: 0 1; }
    ExportScreen.-ascii #formats, ExportScreen.-ascii #checks, ExportScreen.-ascii #going { border: ascii $rule; }
    ExportScreen.-small #going { display: none; }
    ExportScreen.-small.-low #formats { display: none; }
    """

    def __init__(self, session: Session, glyphs: Glyphs) -> None:
        super().__init__(session, glyphs)
        self._chosen = dict.fromkeys(FORMATS, True)
        self._found: Mapping[str, Any] | None = None
        self._problem: str | None = None
        self._busy = False

    def body(self) -> ComposeResult:
        """Formats, checks, and what goes out."""
        with Vertical():
            yield Rows("formats")
            yield Document(id="checks")
            yield Document(id="going")

    @property
    def _out(self) -> Path:
        return self._session.path.with_name(f"{self._session.path.stem}-{_SET}")

    # Looking ------------------------------------------------------------------------------------

    def load(self) -> None:
        """Look again at what would go out; in a process of its own, since it reads every sample."""
        self._look()

    @work(exclusive=True)
    async def _look(self) -> None:
        ended = await groundset(
            "export", self._session.path, str(self._out), "--format", "jsonl", "--dry-run", "--json"
        )
        try:
            self._found, self._problem = json.loads(ended.output), None
        except ValueError:
            self._found, self._problem = None, ended.error
        if self.is_attached:
            self.show()

    def show(self) -> None:
        """Show formats, checks and what goes out."""
        rows = self.query_one(Rows)
        rows.border_title = label("Formats")
        rows.show(len(FORMATS), self._row)
        self.query_one("#checks").border_title = label("What must hold")
        self.query_one("#checks", Document).show(self._check_blocks())
        going = self.query_one("#going", Document)
        going.border_title = joined(label("What goes out to "), line(str(self._out), 60))
        going.show(self._going_blocks())
        self.set_class(self.size.height < 14, "-low")

    def _row(self, row: int, width: int, here: bool) -> Content:
        name = list(FORMATS)[row]
        box = "[x]" if self._chosen[name] else "[ ]"
        cursor = self._glyphs.cursor if here else " "
        style = "bold" if here else ""
        return joined(label(f"{cursor} {box} ", "$primary"), label(FORMATS[name], style)).truncate(width, ellipsis=True)

    def _check_blocks(self) -> Iterator[Block]:
        if self._problem is not None:
            yield Block(line(self._problem, 400, "bold $warning"))
            return
        if self._found is None:
            yield Block(label("Looking at every sample...", "$muted"))
            return
        for check in self._found["checks"]:
            good = bool(check["passed"])
            mark, style = (self._glyphs.accepted, "$success") if good else (self._glyphs.rejected, "bold $error")
            yield Block(
                line(f"{check['name']}: {check['detail']}", 300, "" if good else "bold"), label(f"{mark} ", style)
            )
        if self._failing is not None:
            yield Block(label("o opens the first item that fails; enter is blocked until all hold.", "bold $warning"))

    def _going_blocks(self) -> Iterator[Block]:
        found = self._found
        if found is None:
            return
        tested = percent(self._session.progress().coverage.estimate)
        yield Block(label(f"{counted(found['samples'], 'sample')}, {tested} of traffic tested", "bold"))
        for origin, count in found["by_origin"].items():
            yield Block(label(_ORIGINS.get(origin, "of another origin")), label(f"{count:>5}  ", "$muted"))
        for curator, count in found["curators"].items():
            yield Block(joined(label("accepted by "), line(curator, 40)), label(f"{count:>5}  ", "$muted"))
        for reason, count in found["left_out"].items():
            yield Block(label(f"left out: {reason}", "$muted"), label(f"{count:>5}  ", "$muted"))
        yield Block(label("An export that is there already is kept beside it as .prev.", "$muted"), space_before=True)

    @property
    def _failing(self) -> Mapping[str, Any] | None:
        """The first check that fails."""
        checks = self._found["checks"] if self._found is not None else ()
        return next((check for check in checks if not check["passed"]), None)

    # Acts ---------------------------------------------------------------------------------------

    def action_next_row(self) -> None:
        """The next format."""
        self._move(1)

    def action_previous_row(self) -> None:
        """The one before."""
        self._move(-1)

    def _move(self, step: int) -> None:
        if not self.query_one(Rows).move(step):
            self.app.bell()

    def action_choose(self) -> None:
        """Choose the format, or leave it out."""
        name = list(FORMATS)[self.query_one(Rows).cursor]
        self._chosen[name] = not self._chosen[name]
        self.show()

    def action_look(self) -> None:
        """Look again."""
        self._found = None
        self.show()
        self._look()

    def action_open_failing(self) -> None:
        """Open the first item that fails a check."""
        failing = self._failing
        if failing is None or not failing["items"]:
            self.say("No item fails a check.")
            self.app.bell()
            return
        self.dismiss(failing["items"][0])

    def action_export(self) -> None:
        """Write the chosen formats."""
        chosen = [name for name, wanted in self._chosen.items() if wanted]
        if self._busy or self._found is None:
            self.say("Not yet: every sample is looked at first.", "$warning")
        elif self._failing is not None:
            self.say(f"Blocked: {self._failing['name']} does not hold. o opens the item.", "bold $error")
        elif not chosen:
            self.say("No format is chosen; space chooses one.", "$warning")
        else:
            self._busy = True
            self.say("Writing...")
            self._write(chosen)
            return
        self.app.bell()

    @work
    async def _write(self, chosen: list[str]) -> None:
        done = []
        for name in chosen:
            ended = await groundset("export", self._session.path, str(self._out / name), "--format", name)
            if not ended.ok:
                self._end(ended.error, "bold $error")
                return
            done.append(name)
        self._end(f"{self._glyphs.accepted} {', '.join(done)} written to {self._out}", "$success")

    def _end(self, text: str, style: str) -> None:
        self._busy = False
        if self.is_attached:
            self.say(text, style)
