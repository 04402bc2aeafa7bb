from collections import Counter
from pathlib import Path

import pytest

from curation_tui.actions import ACTIONS, Where, actions, footer, offered
from curation_tui.app import CurationApp
from curation_tui.edit import EditScreen
from curation_tui.footer import key_line
from curation_tui.places import PLACES
from curation_tui.prompt import Choice, Confirm, Prompt
from curation_tui.review import ReviewScreen
from curation_tui.session import Session
from curation_tui.sheet import Sheet
from curation_tui.ticks import Ticks
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import make_project

SCREENS = {
    "edit": EditScreen,
    "sheet": Sheet,
    "prompt": Prompt,
    "confirm": Confirm,
    "choice": Choice,
    "ticks": Ticks,
} | {place.name: place.load() for place in PLACES}
WHERES = tuple(SCREENS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda each: f"{each.where} {each.name}")
def test_every_action_of_the_table_can_be_done(action) -> None:
    assert callable(getattr(SCREENS[action.where], f"action_{action.name}"))
    assert action.help.endswith(".")
    assert action.keys


@pytest.mark.parametrize("where", WHERES)
def test_no_key_is_bound_twice(where: Where) -> None:
    keys = Counter(key for action in actions(where) for key in action.keys)
    assert [key for key, times in keys.items() if times > 1] == []


@pytest.mark.parametrize("where", WHERES)
def test_a_screen_binds_the_keys_of_the_table_and_no_others(where: Where) -> None:
    own = {each.key for each in SCREENS[where].BINDINGS}
    assert own == {key for action in actions(where) for key in action.keys}


def test_keys_that_delete_text_never_decide() -> None:
    assert not {"backspace", "delete"} & {key for action in ACTIONS for key in action.keys}
    assert "enter" not in {key for action in actions("review") for key in action.keys}


@pytest.mark.parametrize("width", range(20, 160))
def test_the_footer_shows_whole_labels_only(width: int) -> None:
    fitting = next((each for each in key_line("review") if each.width <= width), None)
    if fitting is None:
        assert width < 24
        return
    text = fitting.left.plain
    shown = [action for action in footer("review", 99) if f" {action.label} " in f"{text} "]
    assert shown
    assert "accept" in text


def test_help_lists_every_action(tmp_path: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("question_mark")
        shown = app.shown()
        missing = [action.help for action in offered("review") if action.help not in shown]
        assert missing == []

    make_project(tmp_path / "p.groundset")
    review(tmp_path / "p.groundset", scenario, size=(120, 50))


def test_the_palette_offers_every_action(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset")
    session = Session.open(tmp_path / "p.groundset", "ana")
    app = CurationApp(session)
    screen = ReviewScreen(session, app._glyphs)
    found = {command.title.lower() for command in app.get_system_commands(screen)}
    session.close()
    wanted = {each.label.lower() for each in offered("review") if not each.takes_key and each.name != "palette"}
    assert wanted <= found
