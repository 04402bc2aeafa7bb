"""Contrast of what is really drawn, and that all themes draw."""

import asyncio
from pathlib import Path

import pytest

from curation_tui.app import CurationApp
from curation_tui.looks import THEMES, usual_theme
from curation_tui.session import Session
from tests.curation_tui.projects import make_project
from tests.curation_tui.views import View, faint, staged


@pytest.mark.parametrize("keys", ["", "x", "l", "lv", "t", "i", "U", "m", "c", "r", "S"])
@pytest.mark.parametrize("theme", ["dark", "light", "contrast"])
def test_every_letter_stands_out_from_what_is_behind_it(tmp_path: Path, theme: str, keys: str) -> None:
    make_project(tmp_path / "p.groundset", drafts=24)

    async def run() -> list[str]:
        async with staged(tmp_path / "p.groundset") as stage:
            await stage.dress(theme)
            await stage.go_to(View(keys, tuple(keys)))
            return faint(stage)

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
