"""Contrast of what is really drawn, and that all themes draw."""

import asyncio
from pathlib import Path

import pytest
from textual.color import Color

from curation_tui.app import CurationApp
from curation_tui.looks import THEMES, usual_theme
from curation_tui.session import Session
from tests.curation_tui.projects import make_project

LEAST = 4.5
DRAWN = {*"│╭╮╯╰─·▕▏", *map(chr, range(0x2580, 0x2590))}  # lines, bars and scrollbars carry no words


def luminance(color: Color) -> float:
    parts = [each / 255 for each in color.rgb]
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: Color, other: Color) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("keys", ["", "x", "l", "lv", "t", "i", "U"])
@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_every_letter_stands_out_from_what_is_behind_it(tmp_path: Path, theme: str, keys: str) -> None:
    make_project(tmp_path / "p.groundset", drafts=24)

    async def run() -> list[str]:
        session = Session.open(tmp_path / "p.groundset", "ana")
        app = CurationApp(session, theme=theme)
        faint = []
        async with app.run_test(size=(120, 36)) as pilot:
            await pilot.pause()
            await pilot.press(*keys)
            await pilot.pause()
            strips = app.screen._compositor.render_strips()
            for sheet in app.screen.query("#sheet"):  # what lies below it is meant to be faint
                region = sheet.region
                strips = [strip.crop(region.x, region.right) for strip in strips[region.y : region.bottom]]
            for strip in strips:
                for text, style, _ in strip:
                    words = "".join(each for each in text if each not in DRAWN).strip()
                    if not words or style is None or style.color is None or style.bgcolor is None:
                        continue
                    pair = [Color.from_rich_color(each) for each in (style.color, style.bgcolor)]
                    if contrast(*pair) < LEAST:
                        faint.append(f"{words[:20]!r} {contrast(*pair):.2f} {style}")
        session.close()
        return faint

    assert asyncio.run(run()) == []


@pytest.mark.parametrize("theme", THEMES)
def test_every_theme_draws(tmp_path: Path, theme: str) -> None:
    make_project(tmp_path / "p.groundset")

    async def run() -> str:
        session = Session.open(tmp_path / "p.groundset", "ana")
        app = CurationApp(session, theme=theme)
        async with app.run_test(size=(80, 24)) as pilot:
            await pilot.press("x", "l", "v", "slash", "escape", "question_mark")
            shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        session.close()
        return shown

    assert "Mark the row" in asyncio.run(run())


def test_a_terminal_of_few_colours_gets_its_own_palette() -> None:
    assert usual_theme("truecolor") == "dark"
    assert usual_theme(None) == "terminal"
