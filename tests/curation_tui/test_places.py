"""The places besides Review and List, as a terminal shows them."""

import random
import re
from pathlib import Path

import pytest

from curation_tui.actions import actions, footer_key
from curation_tui.places import PLACES
from generator import pipeline
from generator.store import Store
from tests.curation_tui.projects import lay_out, make_project
from tests.curation_tui.terminal import Terminal, review
from tests.curation_tui.test_screen import STORABLE, box_is_closed, foreign

SIZES = [(120, 36), (80, 24), (60, 16), (40, 8)]
OWN = [place for place in PLACES if place.name in {"map", "clusters", "runs", "export", "second"}]
TITLES = {
    "map": "Production",
    "clusters": "tested",
    "runs": "Nothing drafts",
    "export": "ids are unique",
    "second": "Second look 1 of",
}
SMALL_TITLES = TITLES | {"clusters": "traffic", "map": "gap"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("places") / "support-bot.groundset"
    made = make_project(path, drafts=60)
    lay_out(path)
    with Store.open(path) as store:
        store.decide(made[:20], "accept", "ben")
        store.decide(made[20:25], "reject", "ben", reason="too easy")
    return path


def go_to(terminal: Terminal, key: str, *words: str) -> None:
    """Open a place, and wait until it is all there."""
    terminal.send(key)
    terminal.wait_for(*words)
    terminal.read(0.3)


@pytest.mark.parametrize("size", SIZES, ids="{0[0]}x{0[1]}".format)
@pytest.mark.parametrize("place", OWN, ids=lambda place: place.name)
def test_nothing_is_cut_and_borders_are_straight(project: Path, place, size: tuple[int, int]) -> None:
    with Terminal(str(project), "--as", "ana", size=size) as terminal:
        terminal.wait_for("accept")
        words = (SMALL_TITLES if size[0] < 80 else TITLES)[place.name]
        go_to(terminal, place.key, words)
        for keys in ("", "j\t", "Nz", "TC"):
            terminal.send(keys)
            terminal.read(0.15)
            lines = terminal.lines()
            assert box_is_closed(lines) or place.name == "clusters", terminal.text()
            labels = {f"{footer_key(each)} {each.label}" for each in actions(place.name) if each.footer}
            rest = lines[-1].strip()
            for label in sorted(labels, key=len, reverse=True):
                rest = re.sub(rf"(^| ){re.escape(label)}(?= |$)", " ", rest)
            assert rest.strip() == "", f"{rest!r} of the last line is no whole label"
        assert foreign(bytes(terminal.output)) == []
        terminal.send("\x1b")
        terminal.read(0.4)
        terminal.send("q")
        assert terminal.wait() == 0
        assert terminal.modes_left_on() == set()


@pytest.mark.parametrize("place", OWN, ids=lambda place: place.name)
def test_plain_characters_on_request(project: Path, place) -> None:
    with Terminal(str(project), "--as", "ana", "--ascii", size=(80, 24)) as terminal:
        terminal.wait_for("u undo")
        go_to(terminal, place.key, TITLES[place.name])
        drawn = {each for each in terminal.text() if not each.isascii()}
        assert not drawn - set("⟦⟧áãçéêíóõúâ…▁▂▃▄▅▆▇█"), drawn


@pytest.mark.parametrize("count", [8, pytest.param(len(STORABLE), marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_hostile_texts_are_shown_and_not_obeyed(tmp_path: Path, count: int) -> None:
    texts = random.Random(7).sample(list(STORABLE.values()), count)
    for start in range(0, len(texts), 8):
        some = texts[start : start + 8]
        path = tmp_path / f"hostile-{start}.groundset"
        made = make_project(path, drafts=len(some) * 2, inputs=some)
        lay_out(path)
        with Store.open(path) as store:
            for place, cluster in enumerate(store.clusters()):
                name = some[place % len(some)]
                store._db.execute("UPDATE cluster SET name = ?, named_by = ? WHERE id = ?", (name, name, cluster.id))
                store.exclude_cluster(cluster.id, some[-1 - place % len(some)], some[0]) if place % 2 else None
            store.hidden.update(made)
            store.decide(made, "accept", some[0])
            store.decide(made, "reject", some[-1], reason=some[1 % len(some)])
        walk(path)


def walk(path: Path) -> None:
    """Every place of a project, with some keys in each."""
    with Terminal(str(path), "--as", "a\x1b[2Jna[/]", size=(120, 36)) as terminal:
        terminal.wait_for("? help")
        for place, keys in (("m", "nzCT"), ("c", "jjo"), ("r", "\t"), ("w", "j "), ("S", "jjbi")):
            terminal.send(place)
            terminal.read(1.2 if place == "w" else 0.4)
            for key in keys:
                terminal.send(key)
                terminal.read(0.1)
            assert box_is_closed(terminal.lines()) or place == "c", terminal.text()
        terminal.send("\x1b")
        terminal.read(0.3)
        terminal.send("q")
        assert terminal.wait() == 0
        assert foreign(bytes(terminal.output)) == []
        assert terminal.modes_left_on() == set()


def test_blind_review_puts_no_name_of_another_into_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    made = make_project(path, drafts=60)
    lay_out(path)
    with Store.open(path) as store:
        store.decide(made[:30], "accept", "Benedikta")
        store.hidden.update(made)
        store.decide(made[:15], "reject", "Cleopatra")
    with Terminal(str(path), "--as", "ana", "--blind", size=(120, 36)) as terminal:
        terminal.wait_for("u undo", "ana, blind")
        assert "in the set" not in terminal.text()
        for key in "Sjjjk":
            terminal.send(key)
            terminal.read(0.3)
        terminal.wait_for("Reviewer 1", "Reviewer 2")
        for key in ("i", "\x1b", "m", "c", "r", "\x1b"):
            terminal.send(key)
            terminal.read(0.4)
        assert b"Benedikta" not in terminal.output
        assert b"Cleopatra" not in terminal.output
        terminal.send("Sb")
        terminal.wait_for("Benedikta", "Cleopatra")


def test_a_second_look_knows_nothing_and_a_third_person_settles(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=60)
    lay_out(path)
    with Store.open(path) as store:
        store.decide([each.id for each in store.drafts()], "accept", "ben")
    with Terminal(str(path), "--as", "ana", size=(80, 24)) as terminal:
        terminal.wait_for("Every draft is decided")
        go_to(terminal, "S", "is hidden until you have")
        terminal.send("x")
        terminal.wait_for("person settles it")
        terminal.send("3")
        terminal.wait_for("rejected: wrong expected behaviour")
        terminal.send("q")
        assert terminal.wait() == 0
    with Store.open(path) as store:
        (disputed,) = store.states(verdict="disputed")
        assert store.decisions(disputed)[1].payload == {"blind": True}
    with Terminal(str(path), "--as", "lead", size=(80, 24)) as terminal:
        terminal.wait_for("Every draft is decided")
        go_to(terminal, "S", "is hidden until you have")
        terminal.send("jjjjj")  # the second looks that wait come first
        terminal.wait_for("Reviewer 1", "Reviewer 2", "accepted", "wrong expected behaviour")
        terminal.send("n")
        terminal.wait_for("Note")
        terminal.send("the policy changed\r")
        terminal.wait_for("noted")
        terminal.send("2")
        terminal.wait_for("saved")
    with Store.open(path) as store:
        assert store.state(disputed).verdict == "rejected"
        assert store.state(disputed).reason == "wrong expected behaviour"
        assert store.state(disputed).actor == "lead"
        assert len(store.decisions(disputed)[-1].payload["seen"]) == 2


def test_two_people_at_work_get_different_items(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=30)
    with review(path) as first:
        first.read(1.5)  # ana's item is hers by now
        shown = first.lines()[2][2:12]
        with Terminal(str(path), "--as", "ben", size=(80, 24)) as second:
            second.wait_for("u undo")
            assert second.lines()[2][2:12] != shown


def test_clusters_are_shaped_by_commands_beside_the_app(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=20)
    with review(path) as terminal:
        go_to(terminal, "c", "tested")
        terminal.send("+")
        terminal.wait_for("7 samples planned")
        terminal.send("L")
        terminal.wait_for("Name of the cluster")
        terminal.send("\x15")
        terminal.read(0.3)
        terminal.send("Money back\r")
        terminal.wait_for("renamed, saved", "Money back", seconds=60)
        terminal.send("x")
        terminal.wait_for("Out of the goal: why?")
        terminal.send("handled by another team\r")
        terminal.wait_for("saved: out of the goal")
    with Store.open(path) as store:
        assert "Money back" in {each.name for each in store.clusters()}
        (regrouping,) = store.regroupings()
        assert (regrouping.verb, regrouping.actor) == ("rename", "ana")
        (aim,) = [each for each in store.aims().values() if each.excluded is not None]
        assert (aim.target, aim.excluded) == (7, "handled by another team")


def test_what_was_planned_for_a_cluster_is_taken_back_step_by_step(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=20)
    with Store.open(path) as store:
        names, aims = {each.name for each in store.clusters()}, store.aims()
    with review(path) as terminal:
        go_to(terminal, "c", "tested")
        for keys, words in (("+", "7 samples planned"), ("x", "why?"), ("not ours\r", "out of the goal, x takes")):
            terminal.send(keys)
            terminal.wait_for(words)
        terminal.send("L")
        terminal.wait_for("Name of the cluster")
        terminal.send("\x15")
        terminal.read(0.3)
        terminal.send("Money back\r")
        terminal.wait_for("renamed, saved", seconds=60)
        terminal.send("u")
        terminal.wait_for("renamed, saved", seconds=60)
        for words in ("taken back: out of the goal", "taken back: 7 samples planned", "Nothing to take back here"):
            terminal.send("u")
            terminal.wait_for(words)
    with Store.open(path) as store:
        assert {each.name for each in store.clusters()} == names
        assert store.aims() == aims
        assert len(store.aim_events()) == 4


def test_the_map_says_the_price_before_it_drafts(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=30)
    lay_out(path)
    with Store.open(path) as store:
        before = len(store.drafts())
    with review(path, size=(120, 36)) as terminal:
        go_to(terminal, "m", "Untested regions")
        terminal.send("g")
        terminal.wait_for("Draft more?", seconds=60)
        terminal.send("n")
        terminal.wait_for("Not drafted")
    with Store.open(path) as store:
        assert len(store.drafts()) == before


def test_an_export_is_blocked_until_everything_holds_and_then_written(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    made = make_project(path, drafts=20, inputs=["write to maria.lopez@example-mail.com"])
    with Store.open(path) as store:
        store.decide(made[:5], "accept", "ana")
    with review(path) as terminal:
        go_to(terminal, "w", "1 of 5 hold some")
        terminal.send("\r")
        terminal.wait_for("Blocked")
        assert not (tmp_path / "p-evals").exists()
        with Store.open(path) as store:
            store.decide(made[:1], "reject", "ana")
        terminal.wait_for("personal data, no secrets: all 4", seconds=30)
        terminal.send("j \r")  # promptfoo is left out
        terminal.wait_for("written to", seconds=60)
    assert sorted(each.name for each in (tmp_path / "p-evals").iterdir()) == ["inspect", "jsonl"]
    assert len((tmp_path / "p-evals" / "jsonl" / "samples.jsonl").read_text().splitlines()) == 4


def test_runs_follow_the_journal_of_a_process_beside_the_app(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=20)
    with review(path) as terminal:
        go_to(terminal, "r", "Nothing drafts")
        with Store.open(path) as store:
            for number in range(4):
                store.plan_call(f"k{number}", "c0", "anthropic", "claude-test", "hash")
                store.call_sent(f"k{number}", 0.25)
            store.call_answered("k0", b"{}")
            store.call_settled("k0", "ok", {}, 0.125)
            store.call_ended("k1", "in_doubt", "the connection was cut")
        terminal.wait_for("2 of 4 calls", "1  answered", "2  under way", "1  in doubt", "$   0.1250", "$0.2500")
        terminal.send("R")
        terminal.wait_for("Send them again?", "once more")
        terminal.send("n")
        terminal.read(0.3)
    with Store.open(path) as store:
        assert store.counts().in_doubt == 1  # nothing is sent without y


def test_the_tour_waits_for_every_real_key_and_comes_once(tmp_path: Path) -> None:
    path = tmp_path / "demo.groundset"
    make_project(path, drafts=30)
    lay_out(path)
    with Store.open(path) as store:
        store.set_meta("demo", "yes")
    with review(path) as terminal:
        terminal.wait_for("Tour 1 of 5")
        terminal.send("jk")  # looking around moves nothing on
        terminal.read(0.3)
        assert "Tour 1 of 5" in terminal.text()
        for key, words in (("\t", "Tour 2"), ("a", "Tour 3"), ("x", "Tour 3"), ("3", "Tour 4"), ("u", "Tour 5")):
            terminal.send(key)
            terminal.wait_for(words)
        go_to(terminal, "m", "Tour 5", "Untested" if terminal.screen.columns > 110 else "Production")
        terminal.send("w")
        terminal.wait_for("That was all")
        terminal.send("j")
        terminal.read(0.4)
        assert "That was all" not in terminal.text()
    with Store.open(path) as store:
        assert [each.verb for each in store.decisions()] == ["accept", "reject", "reason", "undo"]
    with review(path) as terminal:
        terminal.read(0.5)
        assert "Tour" not in terminal.text()


def test_escape_leaves_the_tour_at_once(tmp_path: Path) -> None:
    path = tmp_path / "demo.groundset"
    make_project(path, drafts=30)
    with Store.open(path) as store:
        store.set_meta("demo", "yes")
    with review(path) as terminal:
        terminal.wait_for("Tour 1 of 5")
        terminal.send("\x1b")
        terminal.read(0.6)
        assert "Tour" not in terminal.text()


def test_the_map_leads_to_the_drafts_of_a_gap(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    made = make_project(path, drafts=30)
    lay_out(path)
    with Store.open(path) as store:
        store.decide(made[:1], "accept", "ben")
        second = store.clusters()[1]
    with review(path, size=(120, 36)) as terminal:
        go_to(terminal, "m", "Untested regions", f"A {100 * second.weight:.1f}")
        terminal.send("nN")
        terminal.read(0.3)
        assert second.name in terminal.text().split("Under the cursor")[1]
        terminal.send("\r")
        terminal.wait_for(second.name, "EXPECTED BEHAVIOUR", "drafts waiting")


def test_a_project_without_a_map_says_how_to_get_one(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, drafts=12)
    with review(path) as terminal:
        go_to(terminal, "m", "groundset rank")


def test_the_pipeline_draws_the_map_and_keeps_it(tmp_path: Path) -> None:
    from tests.test_pipeline import CONFIG, LOGS, Silent

    with Store.open(tmp_path / "seeds.groundset", create=True) as store:
        pipeline.ingest(store, LOGS[:1], Silent())
        pipeline.cluster(store, CONFIG, Silent())
        pipeline.rank(store, CONFIG, Silent())
        before = store.trace_places()
        assert before is not None
        assert len(before) == 4 * store.counts().distinct
        assert store.draft_places().keys() == {each.id for each in store.drafts()}
        pipeline.ingest(store, LOGS[1:2], Silent())
        pipeline.cluster(store, CONFIG, Silent())
        pipeline.rank(store, CONFIG, Silent())
        after = store.trace_places()
        assert after is not None
        moved = [abs(one - other) for one, other in zip(_numbers(before), _numbers(after), strict=False)]
        assert sorted(moved)[len(moved) // 2] < 0.15 * 65_536


def _numbers(places: bytes) -> list[int]:
    return [int.from_bytes(places[start : start + 2], "little") for start in range(0, len(places), 2)]
