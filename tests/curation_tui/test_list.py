"""The List screen: rows, search, filters, acts on several as one step."""

from pathlib import Path

import pytest

from curation_tui import session as sessions
from curation_tui.item import short_id
from curation_tui.listing import DraftTable
from generator.lists import Filter
from generator.records import Mark
from generator.store import Store
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "support-bot.groundset"
    make_project(path, drafts=60)
    return path


def verbs(project: Path) -> list[tuple[str, int]]:
    """The steps so far: verb, and how many drafts."""
    with Store.open(project) as store:
        steps: dict[str, list[str]] = {}
        for decision in store.decisions():
            steps.setdefault(decision.step, []).append(decision.verb)
    return [(found[0], len(found)) for found in steps.values()]


def test_a_row_opens_in_review_and_esc_goes_back(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "j", "j")
        chosen = app.app.screen.query_one(DraftTable).current.draft_id
        await app.press("enter")
        assert app.session.current == chosen
        assert f"{short_id(chosen)} · NEW" in app.shown()
        await app.press("l", "escape")
        assert "Why this is next" in app.shown()

    review(project, scenario)


@pytest.mark.parametrize("typed", ["invoice", "VAT inv", '"', "*", "a*b (", "invoice OR", "NEAR("])
def test_a_search_finds_as_it_is_typed_and_nothing_typed_is_syntax(project: Path, typed: str) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "slash")
        for character in typed:
            await app.pilot.press(
                character
                if character.isalnum()
                else {" ": "space", '"': "quotation_mark", "*": "asterisk", "(": "left_parenthesis"}[character]
            )
        await app.press("enter")
        shown = app.shown()
        assert "of 60" in shown
        assert ("VAT" in shown) == (typed in {"invoice", "VAT inv"})
        await app.press("escape")
        assert "60 drafts" in app.shown()

    review(project, scenario)


def test_marked_rows_are_rejected_as_one_step_which_takes_a_reason(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "v", "v", "j", "V", "X", "3")
        assert verbs(project) == [("reject", 4), ("reason", 4)]
        await app.press("u", "u")
        with Store.open(project) as store:
            assert all(state.verdict == "new" and state.reason is None for state in store.states().values())

    review(project, scenario)


def test_more_than_twenty_ask_first_and_only_y_does_it(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "backslash", *"state", "colon", *"new", "enter", "asterisk", "X")
        assert "Reject 60 drafts?" in app.shown()
        await app.press("escape")
        assert verbs(project) == []
        await app.press("X", "y")
        assert verbs(project) == [("reject", 60)]
        assert app.session.progress().left == 0
        await app.press("u")
        assert app.session.progress().left == 60

    review(project, scenario)


def test_held_and_unread_drafts_are_left_out_and_that_is_said(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(project) as store:
        drafts = store.drafts()
        store.add_drafts(drafts[:1], {drafts[0].id: [Mark("injection", "orders in the text")]})
    monkeypatch.setattr(sessions, "PRACTICE", 0)
    session = sessions.Session.open(project, "ana")
    ids = [draft.id for draft in drafts]
    session.seen = set(ids[:5])
    bulk = session.bulk("accept", ids)
    assert bulk.draft_ids == tuple(ids[1:5])
    assert bulk.skipped == {"held": 1, "unread": 55}
    session.close()


def test_nothing_is_accepted_in_bulk_before_some_practice(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "v", "v", "A")
        assert "Accept one at a time until 50" in app.shown()
        assert verbs(project) == []

    review(project, scenario)


def test_a_filter_that_is_wrong_says_so(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "backslash", *"colour", "colon", *"red")
        assert "There is no field colour" in app.shown()
        await app.press("escape")

    review(project, scenario)


@pytest.mark.parametrize(
    ("text", "count"),
    [("state:new", 60), ("state:accepted", 0), ("cluster:refund", 12), ('cluster:"login: SSO"', 11), ("kind:typos", 10),
     ("gain>0", 60), ("gain>100", 0), ("state:new VAT", None)],
)  # fmt: skip
def test_filters(project: Path, text: str, count: int | None) -> None:
    with Store.open(project) as store:
        found = store.list_filtered(Filter.parsed(text), "traffic", {})
        assert len(set(found)) == len(found)
        assert count is None or abs(len(found) - count) <= 3
        rows = store.list_rows(found)
        assert [row.draft_id for row in rows] == found


@pytest.mark.parametrize("size", [(120, 36), (80, 24), (60, 16), (40, 8)])
def test_the_list_keeps_to_the_screen(project: Path, size: tuple[int, int]) -> None:
    async def scenario(app: Review) -> None:
        await app.press("l", "j", "v")
        lines = app.shown().split("\n")
        assert len(lines) == size[1]
        assert all(len(line) == size[0] for line in lines)
        assert "open" in lines[-1]

    review(project, scenario, size=size)


def test_a_filter_does_not_tell_what_blind_review_hides(project: Path) -> None:
    with Store.open(project) as store:
        ids = store.list_window("traffic", 0, 20)
        store.decide(ids[:5], "accept", "Benedikta")
        store.decide(ids[5:8], "accept", "ana")
    session = sessions.Session.open(project, "ana")
    asked = [Filter.parsed(text) for text in ("state:accepted", "by:Benedikta", "state:new")]
    open_, blind = [], []
    for counts, is_blind in ((open_, False), (blind, True)):
        session.store.blind = is_blind
        counts += [len(session.listing(each, "traffic")) for each in asked]
    assert open_ == [8, 5, 52]
    assert blind == [3, 0, 57]
    assert set(session.listing(Filter(), "decided").ids(0, 3)) == set(ids[5:8])
    session.close()
