"""Judging answers blind: Compare and Grade, as a terminal shows them, and what they write."""

import contextlib
import json
import random
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from curation_tui.actions import actions, footer_key
from curation_tui.answer_view import LEVELS, folded, marked, shown
from curation_tui.outcome import why_nothing
from curation_tui.safe_text import passage
from generator.errors import ProjectError
from generator.evalset.sitting import Sitting
from generator.store import Store
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import add_answers, fill_disk, make_project
from tests.curation_tui.terminal import Terminal
from tests.curation_tui.test_screen import STORABLE, box_is_closed, foreign
from tests.evidence import blind_session

SIZES = [(120, 36), (80, 24), (60, 16), (40, 8)]
ONE, OTHER = "Zarathustra-7b", "Melusine-13b"
LONG = "A long answer in many words. " * 300


def judging(*names: str) -> list[str]:
    """Options of the app that lead straight to the answers of these."""
    return [f"--candidate={name}" for name in names]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("compare") / "support-bot.groundset"
    make_project(path, drafts=40)
    add_answers(
        path,
        {
            ONE: ["Two items came back.\n\n- one refund is missing\n- it is on its way", LONG, ""],
            OTHER: ["Two things came back.\n\n- one refund is missing\n- please wait", f"Well: {LONG}", "No."],
        },
    )
    return path


@pytest.mark.parametrize(
    ("where", "door", "verdict", "size"),
    [("compare", "P", "1", size) for size in SIZES] + [("grade", "O", "p", size) for size in SIZES[1::2]],
    ids=str,
)
def test_nothing_is_cut_and_borders_are_straight(project: Path, where, door, verdict, size) -> None:
    with Terminal(str(project), "--as", f"{where} {size}", size=size) as terminal:
        terminal.wait_for("accept")
        terminal.send(door)
        terminal.wait_for("hidden")
        for keys in ("", "\t", "\t", verdict, "z", "k", "u"):
            terminal.send(keys)
            terminal.read(0.12)
            lines = terminal.lines()
            assert box_is_closed(lines), terminal.text()
            labels = {f"{footer_key(each)} {each.label}" for each in actions(where) if each.footer}
            rest = lines[-1].strip()
            for label in sorted(labels, key=len, reverse=True):
                rest = re.sub(rf"(^| ){re.escape(label)}(?= |$)", " ", rest)
            assert rest.strip() == "", f"{rest!r} of the last line is no whole label"
        terminal.send("t")
        terminal.wait_for("Which criteria are met?")
        assert box_is_closed([line for line in terminal.lines() if line[:1] in "╭│╰"][:4]), terminal.text()
        terminal.send("\x1b")
        terminal.read(0.4)
        terminal.send("b")
        terminal.wait_for("End the session")
        terminal.send("y")
        text = terminal.wait_for("Names and result")
        assert box_is_closed(terminal.lines()), text
        terminal.send("q")
        assert terminal.wait() == 0
        assert foreign(bytes(terminal.output)) == []
        assert terminal.modes_left_on() == set()


@pytest.mark.parametrize("theme", ["light", "contrast", "terminal"])
def test_every_theme_says_the_same(project: Path, theme: str) -> None:
    with Terminal(str(project), "--as", "ana", "--theme", theme, *judging(ONE, OTHER), size=(100, 30)) as terminal:
        text = terminal.wait_for("╭─ ▶ 1", "╭─ ▶ 2", "expected", "0 judged")
        assert box_is_closed(terminal.lines()), text


def test_plain_characters_on_request(project: Path) -> None:
    for option in (judging(ONE, OTHER), judging(ONE)):
        with Terminal(str(project), "--as", "ana", "--ascii", *option, size=(80, 24)) as terminal:
            terminal.wait_for("hidden", "judged")
            for key in ("\t", "t"):
                terminal.send(key)
                terminal.read(0.4)
                drawn = {each for each in terminal.text() if not each.isascii()}
                assert not drawn - set("⟦⟧áãçéêíóõúâ…▾"), drawn


@pytest.mark.parametrize("count", [6, pytest.param(len(STORABLE), marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_hostile_answers_are_shown_and_not_obeyed(tmp_path: Path, count: int) -> None:
    texts = random.Random(9).sample(list(STORABLE.values()), count)
    path = tmp_path / "hostile.groundset"
    make_project(path, drafts=len(texts), inputs=texts)
    evil = "[/]\x1b]0;owned\x07\x9b2J[@click=app.quit]"
    add_answers(path, {evil: texts, "\x1b[2Jb": texts[::-1], "c": texts})
    for options in (judging(evil, "\x1b[2Jb"), judging(evil)):
        with Terminal(str(path), "--as", "a\x1b[2Jna[/]", *options, size=(120, 36)) as terminal:
            terminal.wait_for("hidden")
            for number in range(len(texts) - 1):
                for key in ("z", "\t", ("s", "0")[len(options) - 1], *(("k", "j") if number % 7 == 3 else ())):
                    terminal.send(key)
                    terminal.read(0.04)
                assert box_is_closed(terminal.lines()), terminal.text()
            for keys in ("t", "\x1b", "o", "\x1b", "i", "\x1b", "b", "y"):
                terminal.send(keys)
                terminal.read(0.5)
            terminal.wait_for("Names and result")
            assert box_is_closed(terminal.lines()), terminal.text()
            terminal.send("q")
            assert terminal.wait() == 0
            assert foreign(bytes(terminal.output)) == []
            assert terminal.modes_left_on() == set()


def test_a_session_from_end_to_end_hides_names_and_reports_what_was_planted(tmp_path: Path) -> None:
    path = tmp_path / "blind.groundset"
    blind_session.made(path, 40)
    figures = blind_session.session(path, 26)
    assert figures.judged == 26
    assert figures.names_before == 0
    assert figures.names_after > 0
    assert figures.planted[0] >= 1
    assert figures.planted[0] == figures.planted[1]
    assert f"planted pairs noticed by you: {figures.planted[1]} of {figures.planted[0]}" in figures.result
    with Store.open(path) as store:
        said = [each.said for each in store.opinions() if each.plant is None and len(each.candidates) == 2]
        assert len(said) == figures.judged - figures.planted[0]
        assert said.count(blind_session.NAMES[0]) > said.count(blind_session.NAMES[1])  # it was made the better one
        assert any(each.ticks for each in store.opinions())
        assert store.judgements()[-1].verb == "reveal"


# Without a terminal ---------------------------------------------------------------------------------


def test_a_long_answer_costs_what_a_short_one_does(tmp_path: Path) -> None:
    async def scenario(app: Review) -> None:
        await app.press("P")
        first = app.shown()
        assert "5,000,0" in first
        assert "z shows more" in first
        for level in range(1, len(LEVELS)):
            await app.press("z")
            panes = [each for each in app.app.screen.query("Document") if (each.id or "").startswith("answer")]
            assert all(len(pane._blocks[0].text.plain) < LEVELS[level][0] + 60 for pane in panes)
        await app.press("z")  # no further
        await app.press("1")
        assert "saved" in app.shown()

    path = tmp_path / "p.groundset"
    make_project(path, drafts=3)
    add_answers(path, {"A": ["word " * 1_000_000], "B": ["ward " * 1_000_000 + "."]})
    review(path, scenario)


def test_only_words_that_differ_are_marked_and_only_where_much_is_the_same() -> None:
    one, other = marked(passage("refund the second item today"), passage("refund the third item today"))
    assert [one.plain[each.start : each.end] for each in one.spans if "underline" in str(each.style)] == ["second"]
    assert [other.plain[each.start : each.end] for each in other.spans if "underline" in str(each.style)] == ["third"]
    for one, other in (("yes", "yes"), ("not a word of it", "alike, none here"), ("", "x")):
        assert marked(passage(one), passage(other)) == (passage(one), passage(other))
    assert not folded("short", 0)
    assert folded("x\n" * 30, 0)
    assert "more characters" in shown("x" * 2_000, 0).plain


def test_verdicts_criteria_undo_and_redo_are_saved_as_they_are_said(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=10)
    add_answers(path, {ONE: ["yes"], OTHER: ["no"]})

    async def scenario(app: Review) -> None:
        await app.press("P", "t", "1", "j", "2", "2", "enter", "2")
        assert "saved" in app.shown()
        await app.press("x")
        await app.press("u")
        assert "undone" in app.shown()
        await app.press("ctrl+r")
        await app.press("k", "0")  # the one before, said anew
        assert "no difference" in app.shown()
        await app.press("escape", "O", "p", "f", "s")
        await app.press("t", "2")  # there is no second answer
        await app.press("escape")

    review(path, scenario)
    with Store.open(path) as store:
        verbs = [each.verb for each in store.judgements()]
        assert verbs == ["prefer", "tick", "tick", "both_bad", "undo", "redo", "same", "pass", "fail", "unsure"]
        first = store.judgements()[0]
        assert first.payload["preferred"] == first.payload["right"]
        assert first.payload["blind"] is True
        ticks = {each.candidates: dict(each.payload["ticks"]) for each in store.judgements()[1:3]}
        assert sorted(len(each) for each in ticks.values()) == [1, 1]
        assert {next(iter(each.values())) for each in ticks.values()} == {True, False}


def test_nothing_moves_under_the_reader_when_others_judge(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=10)
    add_answers(path, {ONE: [LONG], OTHER: [LONG + "!"]})

    async def scenario(app: Review) -> None:
        await app.press("P", "space", "z")
        before = app.shown()
        screen = app.app.screen
        with Store.open(path) as other:
            for each in other.drafts():
                other.judge_pair(each.id, ONE, OTHER, "same", "ben")
        screen.poll()
        await app.settle()
        moved = [one for one, other in zip(before.split("\n"), app.shown().split("\n"), strict=True) if one != other]
        assert all("left" in each for each in moved)  # only the count of what is left
        await app.press("1")
        assert "saved" in app.shown()

    review(path, scenario, size=(100, 30))


def test_what_cannot_be_saved_is_not_called_saved(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=10)
    add_answers(path, {ONE: ["yes"], OTHER: ["no"]})

    async def scenario(app: Review) -> None:
        await app.press("P")
        shown = app.shown().split("\n")[1]
        with Store.open(path) as other:
            other._db.execute("DELETE FROM answer WHERE draft_id = ?", (app.app.screen._shown.draft_id,))
        await app.press("1")
        assert "It has changed meanwhile" in app.shown()
        assert "This answer is no longer there." in app.shown()
        assert app.shown().split("\n")[1] == shown
        await app.press("1")  # nor can what is gone be judged
        app.app.screen.complain(ProjectError(f"{ONE} has no answer; look again."))
        await app.settle()
        assert "somebody has no answer" in app.shown()
        await app.press("j")
        fill_disk(app.session.store)
        with contextlib.suppress(ProjectError):
            while True:
                app.session.store.reveal(("X",), "nobody")
        await app.press("1")
        assert "free some space" in app.shown()
        assert "saved: d-" not in app.shown()
        assert app.session.judged == 0
        assert ONE not in app.shown()

    review(path, scenario)
    with Store.open(path) as store:
        assert [each for each in store.judgements() if each.actor != "nobody"] == []


def test_a_verdict_falls_on_the_text_that_was_read(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=10)
    add_answers(path, {ONE: ["yes"], OTHER: ["no"]})

    async def scenario(app: Review) -> None:
        await app.press("P")
        with Store.open(path) as other:
            (own,) = other.answers(ONE, [app.app.screen._shown.draft_id])
            other.put_answers([replace(own, output="quite another")], replace=True)
        await app.press("0")
        assert "It has changed meanwhile" in app.shown()
        assert "quite another" in app.shown()
        assert app.session.judged == 0
        await app.press("0")
        assert "saved" in app.shown()

    review(path, scenario)


def test_where_more_have_answered_the_pair_is_chosen_without_names(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=10)
    add_answers(path, {ONE: ["yes"], OTHER: ["no"], "Third-1b": ["perhaps"]})

    async def scenario(app: Review) -> None:
        await app.press("P", "1", "o")
        shown = app.shown()
        assert "pair 3:" in shown
        assert not any(name in shown for name in (ONE, OTHER, "Third-1b"))
        await app.press("down", "enter", "1")
        await app.press("escape", "O", "o")
        assert "candidate 3:" in app.shown()

    review(path, scenario)
    with Store.open(path) as store:
        assert len({each.candidates for each in store.judgements()}) == 2


def test_nothing_is_offered_before_anybody_has_answered(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset")

    async def scenario(app: Review) -> None:
        assert "P Compare" not in app.shown()
        await app.press("question_mark")
        assert "Compare answers, blind." not in app.shown()
        await app.press("escape", "P")
        assert "groundset answers p.groundset NAME=FILE" in app.shown()
        await app.press("1", "u", "b", "j", "k", "z", "t", "o", "i", "tab", "pagedown")

    review(tmp_path / "p.groundset", scenario, size=(160, 50))


def test_two_people_get_different_items(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=30)
    add_answers(path, {ONE: ["yes"], OTHER: ["no"]})

    async def scenario(app: Review) -> None:
        await app.press("P")
        mine = app.app.screen._shown.draft_id
        with Store.open(path) as store:
            assert mine in store.looked_at_by_others("ben")
            for each in store.drafts():
                if each.id != mine:
                    store.judge_pair(each.id, ONE, OTHER, "same", "cleo")
            store.look_at(mine, "ben")  # in vain
            ben = Sitting(store, "ben", (ONE, OTHER))
            assert mine not in [each.draft_id for each in ben.coming(30)]
            assert why_nothing(ben) == "What is left is before somebody else just now."
            store.look_away("ana")
            assert mine in [each.draft_id for each in ben.coming(30)]
            store._db.execute("DELETE FROM answer WHERE candidate = ?", (OTHER,))
            assert "No item, as it is now" in why_nothing(Sitting(store, "ben", (ONE, OTHER)))

    review(path, scenario)


def run(*arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *arguments], input=typed, capture_output=True, text=True, encoding="utf-8", timeout=60
    )


def test_without_a_screen_the_keys_are_the_same(project: Path) -> None:
    options = ["generator", "curate", str(project), "--plain", "--as", "kim"]
    done = run(*options, "--compare", ONE, OTHER, typed="1\n2\nu\n0\nx\nj\nz\n?\nwhat\nq\n")
    assert done.returncode == 0, done.stderr
    assert "needs the screen" in done.stdout
    assert "what is no key" in done.stdout
    assert ONE not in done.stdout
    assert run(*options, "--grade", ONE, typed="p\nf\n").returncode == 0
    with Store.open(project) as store:
        verbs = [each.verb for each in store.judgements() if each.actor == "kim"]
    assert verbs == ["prefer", "prefer", "undo", "same", "both_bad", "pass", "fail"]
    done = run(*options, "--compare", ONE, OTHER, typed="b\n")
    assert f"{ONE} is better: " in done.stdout
    done = run(*options, "--compare", ONE, "nobody")
    assert done.returncode == 2
    assert "There are no answers of nobody" in done.stderr


def test_every_act_has_a_command(project: Path) -> None:
    with Store.open(project) as store:
        item = store.drafts()[0].id
    judge = ["generator", "judge", str(project), "--as", "lee"]
    done = run(*judge, item[:10], "--prefer", ONE, "--over", OTHER, "--met", ONE, "1", "--json")
    assert json.loads(done.stdout) == {"item": item}, done.stderr
    for more in (["--same", ONE, OTHER], ["--both-bad", ONE, OTHER], ["--grade", ONE, "fail"]):
        assert run(*judge, item, *more).returncode == 0
    assert run(*judge, "--undo").returncode == 0
    assert run(*judge, "--redo").returncode == 0
    with Store.open(project) as store:
        own = [each for each in store.judgements() if each.actor == "lee"]
    assert [each.verb for each in own] == ["prefer", "tick", "same", "both_bad", "fail", "undo", "redo"]
    assert own[0].payload["blind"] is False
    done = run("generator", "reveal", str(project), ONE, OTHER, "--as", "lee", "--json")
    assert json.loads(done.stdout)["said"]["both_bad"] >= 1
    for wrong in ([item, "--prefer", ONE], [item, "--grade", ONE, "good"], ["--same", ONE, OTHER], ["--undo"]):
        done = run(*judge, *wrong)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
