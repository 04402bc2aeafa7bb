"""Every screen of the app by its name, the keys that lead there, and what is drawn there, judged."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.segment import Segment
from textual.color import Color
from textual.css.types import EdgeType
from textual.geometry import Region
from textual.pilot import Pilot
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from curation_tui.app import CurationApp
from curation_tui.line import Line
from curation_tui.looks import THEMES
from curation_tui.session import Session

SIZES = ((120, 36), (80, 24), (60, 16), (40, 8))
THEMES_SHOWN = ("dark", "light")
LEAST_CONTRAST = 4.5
WORDLESS = {*"│╭╮╯╰─·▕▏", *map(chr, range(0x2580, 0x2590))}  # lines, bars and scrollbars carry no words
_FRAMED: set[EdgeType] = {"round", "ascii"}
_DATA = {"under", "filter", "draft"}  # these end in a text of the logs, or in what a person typed


@dataclass(frozen=True, slots=True)
class View:
    """A screen, or what lies over one."""

    name: str
    keys: tuple[str, ...] = ()
    """Pressed one after the other on Review; they decide nothing."""
    opened_at: tuple[int, int] = (120, 36)


VIEWS: tuple[View, ...] = (
    View("review"),
    View("evidence", ("tab",)),
    View("evidence-cluster", ("tab", "tab"), (40, 8)),
    View("help", ("question_mark",)),
    View("explanation", ("i",)),
    View("difference", ("D",)),
    View("history", ("U",)),
    View("tags", ("t",)),
    View("note", ("n",)),
    View("edit", ("e",)),
    View("palette", ("ctrl+p",)),
    View("list", ("l",)),
    View("list-marked", ("l", "j", "v", "v")),
    View("list-search", ("l", "slash", "o", "n", "e")),
    View("list-filter", ("l", "backslash", *"state:new")),
    View("list-nothing", ("l", "slash", *"zzzz", "enter")),
    View("list-bulk", ("l", "backslash", *"state:new", "enter", "asterisk", "X")),
    View("clusters", ("c",)),
    View("clusters-name", ("c", "L")),
    View("map", ("m",)),
    View("map-zoomed", ("m", "n", "z")),
    View("map-table", ("m", "T")),
    View("runs", ("r",)),
    View("runs-money", ("r", "tab")),
    View("export", ("w",)),
    View("second", ("S",)),
    View("second-report", ("S", "i")),
    View("second-last", ("S", *["j"] * 40)),
)


class Stage:
    """The app, running on a screen that can change size and colours."""

    def __init__(self, app: CurationApp, pilot: Pilot[None]) -> None:
        self.app, self._pilot = app, pilot

    async def go_to(self, view: View) -> None:
        """Press the keys of a view, from Review."""
        await self.resize(view.opened_at)
        await self._pilot.press(*view.keys)
        for field in self.app.screen.query(Input):
            field.cursor_blink = False  # that of the palette
        await self.settle()

    async def back(self, view: View) -> None:
        """Leave a view for Review as it was."""
        await self.resize(view.opened_at)
        while getattr(self.app.screen, "WHERE", "") != "review":
            await self._pilot.press("escape")
            await self._pilot.pause()
        if set(view.keys) == {"tab"}:
            await self._pilot.press(*["shift+tab"] * len(view.keys))

    async def settle(self) -> None:
        """Wait for all that goes on beside the keys."""
        await self._pilot.pause()
        await self.app.workers.wait_for_complete()
        await self._pilot.pause()

    async def resize(self, size: tuple[int, int]) -> None:
        if size != tuple(self.app.size):
            await self._pilot.resize_terminal(*size)
            await self._pilot.pause()

    async def dress(self, theme: str) -> None:
        if self.app.theme != THEMES[theme].name:
            self.app.theme = THEMES[theme].name
            await self._pilot.pause()

    def strips(self) -> list[Strip]:
        return list(self.app.screen._compositor.render_strips())

    def lines(self) -> list[str]:
        return [strip.text.rstrip() for strip in self.strips()]


@asynccontextmanager
async def staged(project: Path, *, actor: str = "ana", blind: bool = False) -> AsyncIterator[Stage]:
    """The app with a project, on Review."""
    session = Session.open(project, actor)
    session.store.blind = blind
    app = CurationApp(session)
    try:
        async with app.run_test(size=SIZES[0]) as pilot:
            stage = Stage(app, pilot)
            # What ranking at the start brings is there before a view is looked at.
            await asyncio.sleep(0.3)
            await stage.settle()
            yield stage
    finally:
        session.close()


# Judging ------------------------------------------------------------------------------------------


def _luminance(color: Color) -> float:
    parts = [each / 255 for each in color.rgb]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    """The contrast of two colours as the Web guidelines count it, from 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def faint(stage: Stage) -> list[str]:
    """Words that stand out too little from what is behind them; what lies below a window is meant to be faint."""
    strips = stage.strips()
    for window in stage.app.screen.query("#sheet, #prompt, CommandPalette #--container"):
        region = window.region
        strips = [strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom]]
    return [words for strip in strips for segment in strip if (words := _too_faint(segment)) is not None]


def _too_faint(segment: Segment) -> str | None:
    words = "".join(each for each in segment.text if each not in WORDLESS).strip()
    style = segment.style
    if not words or style is None or style.color is None or style.bgcolor is None:
        return None
    found = contrast(*(Color.from_rich_color(each) for each in (style.color, style.bgcolor)))
    return f"{words[:20]!r} {found:.2f} {style}" if found < LEAST_CONTRAST else None


def cut(stage: Stage) -> list[str]:
    """Lines and titles of which something does not fit; a text of the logs may be cut, our own words may not."""
    found = []
    for line in stage.app.screen.query(Line):
        width = line.size.width
        if not line.display or not line.size.area or not line.variants or line.id in _DATA:
            continue
        if all(variant.width > width for variant in line.variants if not variant.wraps) and not line.variants[-1].wraps:
            found.append(f"#{line.id}: {line.render().plain.strip()}")
        elif line.get_content_height(line.size, line.size, width) > line.size.height:
            found.append(f"#{line.id} is cut below: {line.render().plain.strip()}")
    for widget in _framed(stage):
        for title in (widget.border_title, widget.border_subtitle):
            if (
                title
                and widget.id not in _DATA
                and (words := widget.render_str(title)).cell_length > widget.outer_size.width - 6
            ):
                found.append(f"#{widget.id} title: {words.plain.strip()}")
    return found


def open_borders(stage: Stage) -> list[str]:
    """Boxes of which an edge is not drawn all along, or lies outside the screen."""
    strips = stage.strips()
    found = []
    for widget in _framed(stage):
        region, screen = widget.region, stage.app.screen.size
        inside = region.right <= screen.width and region.bottom <= screen.height and region.x >= 0 and region.y >= 0
        if not inside and stage.app.screen.max_scroll_y > 0:
            continue  # it scrolls into sight
        if not inside or not _sides(strips, region) <= {"│", "|"}:
            found.append(f"#{widget.id or type(widget).__name__} in {region}")
    return found


def _sides(strips: Sequence[Strip], region: Region) -> set[str]:
    rows = strips[region.y + 1 : region.bottom - 1]
    return {row.crop(x, x + 1).text for row in rows for x in (region.x, region.right - 1)}


def _framed(stage: Stage) -> list[Widget]:
    return [
        widget
        for widget in stage.app.screen.query(Widget)
        if widget.display and widget.region.area and widget.styles.border_left[0] in _FRAMED and _is_shown(widget)
    ]


def _is_shown(widget: Widget) -> bool:
    return all(node.display for node in widget.ancestors_with_self if isinstance(node, Widget))


def colours(strips: Iterable[Strip]) -> str:
    """A digest of the colours, cell by cell, whatever the letters are."""
    seen = hashlib.sha256()
    for strip in strips:
        for segment in strip:
            seen.update(f"{segment.cell_length} {segment.style}\n".encode())
        seen.update(b"\n")
    return seen.hexdigest()[:16]


def named(size: Sequence[int]) -> str:
    return "{}x{}".format(*size)
