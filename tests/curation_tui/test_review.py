import re
from pathlib import Path

import pytest
from textual import events
from textual.widgets import TextArea

from curation_tui.item import short_id
from curation_tui.looks import LIGHT
from generator.records import REASONS
from generator.store import Store
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import add_drafts, fill_disk, free_disk, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "support-bot.groundset"
    make_project(path, drafts=24)
    return path


def test_the_screen_shows_item_evidence_coverage_and_keys(project: Path) -> None:
    async def scenario(app: Review) -> None:
        shown = app.shown()
        item = app.session.item(app.session.current)
        for words in (
            short_id(item.draft.id),
            item.draft.messages[1].content[:20],
            item.criteria[0][:30],
            item.must_not[0],
            item.draft.invented[0],
            "drafted by anthropic/claude-test",
            item.cluster.name,
            f"{100 * item.near[0].similarity:.0f}"[-2:],
            f"{item.near[0].count}×",
            "NEAREST ACCEPTED",
            "goal 80%",
            f"accept → {100 * item.gain:.1f} %",
            "24 left",
            "support-bot",
            "ana",
            "Why this is next",
        ):
            assert words in shown, words

    review(project, scenario)


@pytest.mark.parametrize(
    ("key", "verdict", "mark"), [("a", "accepted", "✓"), ("x", "rejected", "✗"), ("space", "later", "~")]
)
def test_one_key_decides_and_shows_the_next_item(project: Path, key: str, verdict: str, mark: str) -> None:
    async def scenario(app: Review) -> None:
        first, second = (entry.draft_id for entry in app.session.order[:2])
        assert "saved" not in app.shown()
        await app.press(key)
        assert app.state(first).verdict == verdict
        assert app.state(first).actor == "ana"
        shown = app.shown()
        assert re.search(r"saved \d\d:\d\d:\d\d ✓", shown)
        assert f"{mark} {short_id(first)}" in shown
        assert f"{short_id(second)} · NEW" in shown

    review(project, scenario)


def test_a_reason_may_follow_a_rejection(project: Path) -> None:
    async def scenario(app: Review) -> None:
        for key, reason in REASONS.items():
            rejected = app.session.current
            await app.press("x")
            assert "why?" in app.shown()
            await app.press(key)
            assert app.state(rejected).reason == reason
            assert f"rejected: {reason}" in app.shown()

    review(project, scenario)


def test_the_question_for_a_reason_stays_and_the_answer_can_be_changed(project: Path) -> None:
    async def scenario(app: Review) -> None:
        rejected = app.session.current
        await app.press("x", "j", "k")
        assert "why?" in app.shown()
        await app.press("1", "6")
        assert app.state(rejected).reason == REASONS["6"]

    review(project, scenario)


def test_a_number_without_a_rejection_does_nothing(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("1", "a", "2")
        with Store.open(project) as store:
            assert [each.verb for each in store.decisions()] == ["accept"]

    review(project, scenario)


@pytest.mark.parametrize(("undo", "redo"), [("u", "ctrl+r"), ("ctrl+z", "ctrl+y")])
def test_undo_returns_to_the_item_and_redo_goes_on(project: Path, undo: str, redo: str) -> None:
    async def scenario(app: Review) -> None:
        first, second = (entry.draft_id for entry in app.session.order[:2])
        await app.press("a", undo)
        assert app.state(first).verdict == "new"
        assert f"undone: accept of {short_id(first)}" in app.shown()
        assert f"{short_id(first)} · NEW" in app.shown()
        await app.press(redo)
        assert app.state(first).verdict == "accepted"
        assert f"{short_id(second)} · NEW" in app.shown()

    review(project, scenario)


def test_undo_reaches_back_over_a_restart(project: Path) -> None:
    decided = []

    async def before(app: Review) -> None:
        decided.append(app.session.current)
        await app.press("a")

    async def after(app: Review) -> None:
        await app.press("u")
        assert app.state(decided[0]).verdict == "new"
        assert app.session.current == decided[0]
        await app.press("u")
        assert "Nothing to undo" in app.shown()

    review(project, before)
    review(project, after)


@pytest.mark.parametrize(("forth", "back"), [("j", "k"), ("down", "up")])
def test_looking_around_decides_nothing(project: Path, forth: str, back: str) -> None:
    async def scenario(app: Review) -> None:
        order = [entry.draft_id for entry in app.session.order]
        await app.press(forth, forth)
        assert f"{short_id(order[2])} · NEW" in app.shown()
        await app.press(back)
        assert f"{short_id(order[1])} · NEW" in app.shown()
        await app.press(back, back)
        assert app.session.current == order[0]
        with Store.open(project) as store:
            assert store.decisions() == []

    review(project, scenario)


def test_the_item_shown_and_the_next_one_survive_every_new_order(project: Path) -> None:
    async def scenario(app: Review) -> None:
        for key in ("a", "x", "a", "space", "a"):
            coming = [entry.draft_id for entry in app.session.order[1:3]]
            await app.press(key)
            assert [entry.draft_id for entry in app.session.order[:2]] == coming

    review(project, scenario)


def test_the_evidence_turns_section_by_section(project: Path) -> None:
    async def scenario(app: Review) -> None:
        for name in ("accepted", "cluster", "coverage", "safety", "real"):
            await app.press("tab")
            assert f"[{name}]" in app.shown()
        await app.press("shift+tab")
        assert "[safety]" in app.shown()

    review(project, scenario, size=(80, 24))


@pytest.mark.parametrize("key", ["i", "f1"])
def test_sheets_open_and_close_and_let_no_key_through(project: Path, key: str) -> None:
    async def scenario(app: Review) -> None:
        await app.press(key)
        assert "What the numbers mean" in app.shown() or "Keys" in app.shown()
        await app.press("a", "x", "1")
        with Store.open(project) as store:
            assert store.decisions() == []
        await app.press("pagedown", "pageup", "escape")
        assert "Why this is next" in app.shown()
        await app.press("a")
        with Store.open(project) as store:
            assert len(store.decisions()) == 1

    review(project, scenario)


def test_the_gain_is_explained_cell_by_cell(project: Path) -> None:
    async def scenario(app: Review) -> None:
        item = app.session.item(app.session.current)
        await app.press("i")
        shown = app.shown()
        assert f"Gain {100 * item.gain:+.2f} points" in shown
        assert sum(cell.gain for cell in item.reached) == pytest.approx(item.gain)
        for cell in item.reached:
            assert f"{100 * cell.gain:+.2f}" in shown

    review(project, scenario)


def test_an_edit_is_accepted_with_its_changes(project: Path) -> None:
    async def scenario(app: Review) -> None:
        first = app.session.item(app.session.current)
        await app.press("e")
        await app.pilot.pause()
        criteria = app.app.screen.query_one("#edit-criteria", TextArea)
        assert criteria.has_focus
        criteria.text = "Answers at once\n\n  Names the amount  "
        await app.press("tab")
        app.app.screen.query_one("#edit-input", TextArea).text = "Where is my refund?"
        await app.press("a", "x", "u", "1")  # letters belong to the field now
        await app.press("ctrl+s")
        state = app.state(first.draft.id)
        assert state.verdict == "accepted"
        assert state.edited_criteria == ("Answers at once", "Names the amount")
        assert state.edited_must_not[0].endswith(first.must_not[0])
        assert [m.role for m in state.edited_messages] == [m.role for m in first.messages]
        assert state.edited_messages[-1].content == "Where is my refund?"
        assert "accepted as edited" in app.shown()
        await app.press("u")
        assert app.state(first.draft.id).verdict == "new"
        assert "undone: accept of the edited item" in app.shown()

    review(project, scenario)


def test_escape_leaves_the_editor_and_decides_nothing_and_what_was_typed_comes_back(project: Path) -> None:
    async def scenario(app: Review) -> None:
        first = app.session.current
        await app.press("e")
        app.app.screen.query_one("#edit-criteria", TextArea).text = "changed \x1b[2J"
        await app.press("escape")
        assert app.session.current == first
        with Store.open(project) as store:
            assert store.decisions() == []
        await app.press("e")
        criteria = app.app.screen.query_one("#edit-criteria", TextArea)
        assert criteria.text.startswith("changed")
        assert "\x1b" not in criteria.text
        assert "is here again" in app.shown()
        await app.press("ctrl+r", "escape", "e")
        assert "changed" not in app.app.screen.query_one("#edit-criteria", TextArea).text
        assert app.session.typed(first) == {}

    review(project, scenario)


def test_what_was_typed_is_kept_while_the_editor_is_open_until_it_is_accepted(project: Path) -> None:
    async def scenario(app: Review) -> None:
        first = app.session.current
        await app.press("e")
        await app.press(*"Also")
        await app.pilot.pause(0.5)
        with Store.open(project) as store:  # as one finds it after a kill
            assert "Also" in store.typed(first, "ana")["edit-criteria"]
            assert store.typed(first, "ben") == {}
        await app.press("ctrl+s")
        with Store.open(project) as store:
            assert store.typed(first, "ana") == {}
            assert "Also" in "".join(store.state(first).edited_criteria)

    review(project, scenario)


def test_what_was_typed_and_cannot_be_kept_is_said_before_the_editor_closes(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("e")
        fill_disk(app.session._store)
        app.app.screen.query_one("#edit-criteria", TextArea).text = "more " * 4_000
        await app.press("escape")
        assert "NOT KEPT" in app.shown()
        free_disk(app.session._store)
        await app.press("escape")
        assert "NEW" in app.shown()

    review(project, scenario)


def test_an_untouched_field_is_saved_as_it_came(tmp_path: Path) -> None:
    raw = "pasted\x1b[31m text\r\nwith\ttabs\x00 and \x9b"
    path = tmp_path / "p.groundset"
    make_project(path, drafts=1, inputs=[raw])

    async def scenario(app: Review) -> None:
        draft = app.session.item(app.session.current).draft
        await app.press("e")
        app.app.screen.query_one("#edit-must-not", TextArea).text = "shout"
        await app.press("ctrl+s")
        state = app.state(draft.id)
        assert state.edited_messages == draft.messages
        assert state.edited_criteria == draft.criteria
        assert state.edited_must_not == ("shout",)

    review(path, scenario)


def test_pasted_text_never_decides(project: Path) -> None:
    async def scenario(app: Review) -> None:
        app.app.post_message(events.Paste("aaaa xxxx 1234"))
        await app.settle()
        with Store.open(project) as store:
            assert store.decisions() == []

    review(project, scenario)


def test_keys_faster_than_the_screen_decide_one_item_each(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    made = make_project(path, drafts=24)

    async def scenario(app: Review) -> None:
        await app.pilot.press(*"aax" * 8)
        await app.settle()
        with Store.open(path) as store:
            decisions = store.decisions()
        assert len(decisions) == 24
        assert {each.draft_id for each in decisions} == set(made)
        assert [each.verb for each in decisions] == ["accept", "accept", "reject"] * 8
        assert "Every draft is decided" in app.shown()
        assert "groundset export" in app.shown()
        await app.press("a", "x", "space", "e", "i", "j", "k", "tab")
        await app.press("u")
        assert app.session.current == decisions[-1].draft_id

    review(path, scenario)


def test_a_full_disk_is_said_in_place_of_the_tick_and_the_item_stays(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("a")
        shown = app.session.current
        fill_disk(app.session._store)
        for key in ("a", "x", "space"):
            await app.press(key)
            screen = app.shown()
            assert "NOT SAVED" in screen
            assert "✓" not in screen.split("\n")[0]
            assert "support-bot.groundset: the disk is full. What was saved is safe" in screen
            assert f"{short_id(shown)} · NEW" in screen
            assert app.state(shown).verdict == "new"
        free_disk(app.session._store)
        await app.press("a")
        assert "NOT SAVED" not in app.shown()
        assert app.state(shown).verdict == "accepted"

    review(project, scenario)


def test_what_was_typed_stays_when_an_edit_cannot_be_saved(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("e")
        field = app.app.screen.query_one("#edit-criteria", TextArea)
        field.text = "typed with care"
        fill_disk(app.session._store)
        await app.press("ctrl+s")
        assert "NOT SAVED" in app.shown()
        assert field.text == "typed with care"
        free_disk(app.session._store)
        await app.press("ctrl+s")
        assert "accepted as edited" in app.shown()

    review(project, scenario)


def test_a_locked_project_is_said_in_plain_words(project: Path) -> None:
    async def scenario(app: Review) -> None:
        app.session._store._db.execute("PRAGMA busy_timeout = 50")
        with Store.open(project) as other:
            other._db.execute("BEGIN IMMEDIATE")
            await app.press("a")
            assert "in use by another process" in app.shown()
            other._db.execute("ROLLBACK")
        await app.press("a")
        assert re.search(r"saved \d\d:\d\d:\d\d ✓", app.shown())

    review(project, scenario)


def test_drafts_and_decisions_of_others_come_in_by_themselves(project: Path) -> None:
    async def scenario(app: Review) -> None:
        shown = app.session.current
        add_drafts(project, range(200, 206))
        await app.pilot.pause(1.3)
        await app.settle()
        assert "From another process: 6 new drafts" in app.shown()
        assert "30 left" in app.shown()
        assert app.session.current == shown

    review(project, scenario)


@pytest.mark.parametrize("messages", ["[{}]", '[{"role": "user", "content": null}]', "no JSON", "7"])
def test_an_item_that_cannot_be_shown_can_be_rejected_but_not_accepted(project: Path, messages: str) -> None:
    async def scenario(app: Review) -> None:
        broken = app.session.order[1].draft_id
        with Store.open(project) as store:
            store._db.execute("UPDATE draft SET messages = ? WHERE id = ?", (messages, broken))
        await app.press("j")
        assert "This item cannot be shown" in app.shown()
        await app.press("a", "e", "i")
        assert app.state(broken).verdict == "new"
        await app.press("x")
        assert app.state(broken).verdict == "rejected"
        assert "cannot be shown" not in app.shown()

    review(project, scenario)


def test_the_screen_follows_every_size(project: Path) -> None:
    async def scenario(app: Review) -> None:
        for width, height in ((120, 36), (80, 24), (60, 16), (50, 12), (40, 8), (20, 5), (1, 1), (200, 60), (80, 24)):
            await app.pilot.resize_terminal(width, height)
            await app.settle()
            shown = app.shown()
            assert ("Queue" in shown) == (width >= 110)
            assert ("Evidence" in shown) == (width >= 60)
            assert ("accept" in shown) == (width >= 40)
        assert "Too small" not in app.shown()

    review(project, scenario)


def test_on_a_small_screen_the_evidence_takes_the_place_of_the_item(project: Path) -> None:
    async def scenario(app: Review) -> None:
        assert "[real]" not in app.shown()
        await app.press("tab")
        assert "[real]" in app.shown()
        await app.press("tab", "tab", "tab", "tab", "tab")
        assert "[safety]" not in app.shown()

    review(project, scenario, size=(50, 12))


def test_the_last_theme_can_be_light(project: Path) -> None:
    async def scenario(app: Review) -> None:
        app.app.theme = LIGHT.name
        await app.settle()
        assert "accept" in app.shown()

    review(project, scenario)


def test_a_row_of_the_queue_can_be_clicked(project: Path) -> None:
    async def scenario(app: Review) -> None:
        third = app.session.order[2].draft_id
        await app.pilot.click("#queue", offset=(5, 3))
        await app.settle()
        assert app.session.current == third

    review(project, scenario)


def test_a_draft_by_rule_says_that_no_model_wrote_it(tmp_path: Path) -> None:
    async def scenario(app: Review) -> None:
        assert "no model wrote this" in app.shown()

    make_project(tmp_path / "p.groundset", model="offline")
    review(tmp_path / "p.groundset", scenario)


def test_landing_elsewhere_or_nowhere_is_flagged(tmp_path: Path) -> None:
    async def scenario(app: Review) -> None:
        seen = set()
        for _ in range(12):
            item = app.session.item(app.session.current)
            shown = app.shown()
            assert ("Production sends nothing like this." in shown) == item.off_traffic
            assert ("! Asked for" in shown) == (item.asked_for is not None)
            seen |= {"off"} if item.off_traffic else set()
            seen |= {"elsewhere"} if item.asked_for is not None else set()
            await app.pilot.press("j")
        assert seen == {"off", "elsewhere"}

    make_project(tmp_path / "p.groundset", drafts=12)
    review(tmp_path / "p.groundset", scenario)


def test_q_leaves(project: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.pilot.press("q")
        assert app.app.return_code == 0
        assert app.app.crash is None

    review(project, scenario)
