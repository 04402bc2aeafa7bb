import shutil
import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.errors import ProjectError
from generator.evalset.merging import merge
from generator.evalset.selection import samples
from generator.records import DraftState, Message
from generator.store import Store
from tests.curation_tui.projects import add_drafts, make_project

PEOPLE = ("ana", "ben", "cleo")
ACT = st.tuples(
    st.sampled_from(["accept", "reject", "later", "edit", "undo", "redo", "reason", "blind"]), st.integers(0, 3)
)
HISTORIES = st.lists(st.lists(ACT, max_size=7), min_size=3, max_size=3)
ORDER = st.permutations([0, 1, 2])


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    path = tmp_path_factory.mktemp("origin") / "origin.groundset"
    made = make_project(path, drafts=4, clusters=2)
    with Store.open(path) as store:
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path, made


def copies_of(origin: Path, folder: Path, names: Sequence[str]) -> list[Path]:
    paths = [folder / f"{name}.groundset" for name in names]
    for path in paths:
        shutil.copy(origin, path)
    return paths


def act(store: Store, drafts: list[str], actor: str, history: Sequence[tuple[str, int]]) -> None:
    for verb, number in history:
        draft = drafts[number]
        match verb:
            case "edit":
                store.accept_edited(draft, [Message("user", f"{actor} {number}")], ["Answers"], [], actor)
            case "undo":
                store.undo(actor)
            case "redo":
                store.redo(actor)
            case "blind":
                store.blind = not store.blind
            case "reason":
                store.decide([draft], "reason", actor, reason="too easy")
            case _:
                store.decide([draft], verb, actor)


def outcome(path: Path) -> tuple[list[str], dict[str, DraftState]]:
    with Store.open(path) as store:
        return [each.uuid for each in store.decisions()], store.states()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(HISTORIES, HISTORIES, ORDER, ORDER)
def test_it_does_not_matter_who_merges_whom_in_which_order(
    origin: tuple[Path, list[str]],
    tmp_path_factory: pytest.TempPathFactory,
    before: list[list[tuple[str, int]]],
    after: list[list[tuple[str, int]]],
    one_order: list[int],
    other_order: list[int],
) -> None:
    folder = tmp_path_factory.mktemp("merge")
    path, drafts = origin
    copies = copies_of(path, folder, PEOPLE)
    for copy, actor, history in zip(copies, PEOPLE, before, strict=True):
        with Store.open(copy) as store:
            act(store, drafts, actor, history)
    with Store.open(copies[1]) as store:  # ben takes in what ana did, and goes on from there
        merge(store, copies[0])
    for copy, actor, history in zip(copies, PEOPLE, after, strict=True):
        with Store.open(copy) as store:
            act(store, drafts, actor, history)
    one, other, again = copies_of(path, folder, ("one", "other", "again"))
    for target, order in ((one, one_order), (other, other_order)):
        with Store.open(target) as store:
            for number in order:
                merge(store, copies[number])
    assert outcome(one) == outcome(other)  # commutative
    with Store.open(other) as store:
        assert all(merge(store, each).decisions == 0 for each in (*copies, one))  # idempotent
    with Store.open(again) as store:
        merge(store, one)  # associative: merged first, taken over as a whole
    assert outcome(again) == outcome(one)


def test_two_who_did_not_know_of_one_another_dispute_and_a_third_settles(
    origin: tuple[Path, list[str]], tmp_path: Path
) -> None:
    path, (draft, *_) = origin
    ana, ben = copies_of(path, tmp_path, ("ana", "ben"))
    for copy, actor, verb in ((ana, "ana", "accept"), (ben, "ben", "reject")):
        with Store.open(copy) as store:
            store.decide([draft], verb, actor)
    with Store.open(ana) as store:
        assert merge(store, ben).disputed == 1
        assert store.state(draft).verdict == "disputed"
        assert samples(store) == []
        store.decide([draft], "accept", "lead")
        assert store.state(draft).verdict == "accepted"
        assert store.state(draft).actor == "lead"
        store.undo("lead")
        assert store.state(draft).verdict == "disputed"
    with Store.open(ben) as store:
        merge(store, ana)
        assert store.state(draft).verdict == "disputed"


def test_who_sees_what_another_decided_decides_over_it(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, (draft, *_) = origin
    (copy,) = copies_of(path, tmp_path, ("both",))
    with Store.open(copy) as store:
        store.decide([draft], "accept", "ana")
        store.decide([draft], "reject", "ben")
        assert store.state(draft).verdict == "rejected"
        store.blind = True
        store.decide([draft], "accept", "cleo")
        assert store.state(draft).verdict == "disputed"
        assert store.decisions(draft)[-1].payload == {"blind": True}
        store.revealed.add(draft)
        store.decide([draft], "reject", "cleo")
        assert store.state(draft).verdict == "rejected"


def test_the_copy_stays_as_it_is_and_an_old_one_is_read(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, (draft, *_) = origin
    mine, theirs = copies_of(path, tmp_path, ("mine", "theirs"))
    with Store.open(theirs) as store:
        store.decide([draft], "accept", "ben")
        store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    theirs.chmod(0o400)
    before = theirs.read_bytes()
    with Store.open(mine) as store:
        assert merge(store, theirs).decisions == 1
    assert theirs.read_bytes() == before


def test_drafts_that_only_the_copy_has_come_along_and_weigh_nothing(
    origin: tuple[Path, list[str]], tmp_path: Path
) -> None:
    path, _ = origin
    mine, theirs = copies_of(path, tmp_path, ("mine", "theirs"))
    new = add_drafts(theirs, range(300, 302))
    with Store.open(theirs) as store:
        store.decide(new, "accept", "ben")
    with Store.open(mine) as store:
        report = merge(store, theirs)
        assert (report.drafts, report.decisions) == (2, 2)
        assert store.meta("ranked") is None
        assert all(store.state(each).verdict == "accepted" for each in new)


def test_aims_and_changes_of_clusters_come_along(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, _ = origin
    mine, theirs = copies_of(path, tmp_path, ("mine", "theirs"))
    with Store.open(theirs) as store:
        store.set_target("c0", 9, "ben")
        store.exclude_cluster("c1", "another team's", "ben")
    with Store.open(mine) as store:
        assert merge(store, theirs).aims == 2
        assert store.aims()["c0"].target == 9
        assert store.aims()["c1"].excluded == "another team's"
        assert merge(store, theirs).aims == 0


def test_what_cannot_be_is_refused_in_one_sentence(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, (draft, *_) = origin
    mine, theirs = copies_of(path, tmp_path, ("mine", "theirs"))
    stranger = tmp_path / "stranger.groundset"
    make_project(stranger, drafts=3, inputs=["a", "b", "c"])
    (tmp_path / "text.groundset").write_text("no project")
    with Store.open(mine) as store:
        for other, words in (
            (mine, "the project itself"),
            (stranger, "no draft in common"),
            (tmp_path / "absent.groundset", "No project at"),
            (tmp_path / "text.groundset", "not a Groundset project"),
            (tmp_path, "is a folder"),
        ):
            with pytest.raises(ProjectError, match=words):
                merge(store, other)
    for column, value, words in (
        ("at", "yesterday", "cannot be read"),
        ("at", "9999-12-31T23:59:59.999+00:00", "yet to come"),
    ):
        with Store.open(theirs) as store:
            store.decide([draft], "accept", "ben")
        with sqlite3.connect(theirs) as db:
            db.execute(f"UPDATE event SET {column} = ?", (value,))
        with Store.open(mine) as store:
            with pytest.raises(ProjectError, match=words):
                merge(store, theirs)
            assert store.decisions() == []
        with sqlite3.connect(theirs) as db:
            db.execute("DELETE FROM event")


def test_a_decision_that_was_changed_by_hand_is_noticed(origin: tuple[Path, list[str]], tmp_path: Path) -> None:
    path, (draft, *_) = origin
    mine, theirs = copies_of(path, tmp_path, ("mine", "theirs"))
    with Store.open(theirs) as store:
        store.decide([draft], "accept", "ben")
    with Store.open(mine) as store:
        merge(store, theirs)
        with sqlite3.connect(theirs) as db:
            db.execute("UPDATE event SET verb = 'reject'")
        with pytest.raises(ProjectError, match="changed by hand"):
            merge(store, theirs)
