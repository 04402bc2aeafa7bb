"""What verification holds against a draft stands above it, as text and never as markup."""

from pathlib import Path

import pytest

from generator.records import Mark
from generator.store import Store
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import make_project

MARKS = (
    Mark("injection", "repeats «[red]CANARY[/red]\x1b[2J», which stands beside orders in the logs"),
    Mark("near_copy", "nearly a copy of a real input"),
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "support-bot.groundset"
    make_project(path, drafts=24)
    with Store.open(path) as store:
        drafts = [each for each in store.drafts() if each.kind != "real"]
        store.add_drafts(drafts, {each.id: MARKS for each in drafts[:-3]})
    return path


def test_a_marked_draft_says_why_and_comes_after_the_clean_ones(project: Path) -> None:
    with Store.open(project) as store:
        marked = set(store.marks())

    async def scenario(app: Review) -> None:
        order = [entry.draft_id for entry in app.session.order if not entry.drawn]
        last_clean = max(place for place, each in enumerate(order) if each not in marked)
        assert last_clean < min(place for place, each in enumerate(order) if each in marked)
        assert "Verification:" not in app.shown()
        app.session.go_to(next(each for each in order if each in marked))
        item = app.session.item(app.session.current)
        assert item.marks == MARKS
        await app.press("j")
        await app.press("k")
        shown = app.shown()
        for words in ("Verification: injection: repeats", "«[red]CANARY[/red]␛[2J»", "near copy"):
            assert words in shown, words

    review(project, scenario)
