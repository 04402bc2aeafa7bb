import random
from pathlib import Path

import pytest

from curation_tui.session import Session
from generator.errors import ProjectError
from generator.store import Store
from tests.curation_tui.projects import add_drafts, fill_disk, free_disk, make_project


@pytest.fixture
def project(tmp_path: Path) -> Path:
    path = tmp_path / "support.groundset"
    make_project(path, drafts=30)
    return path


def opened(project: Path, actor: str = "ana") -> Session:
    return Session.open(project, actor)


def ids(session: Session) -> list[str]:
    return [entry.draft_id for entry in session.order]


def test_the_best_draft_comes_first(project: Path) -> None:
    session = opened(project)
    assert session.item(ids(session)[0]).gain == max(session.item(each).gain for each in ids(session))


def test_gains_assume_that_what_stands_above_is_accepted(project: Path) -> None:
    session = opened(project)
    gains = [entry.gain for entry in session.order]
    before = session.progress().coverage.estimate
    for _ in range(5):
        session.decide("accept")
    assert session.progress().coverage.estimate == pytest.approx(before + sum(gains[:5]))


def test_to_goal_counts_accepts_in_the_order_of_the_queue(tmp_path: Path) -> None:
    make_project(tmp_path / "one.groundset", drafts=60, clusters=1)
    session = opened(tmp_path / "one.groundset")
    goal = session.progress()
    assert goal.to_goal is not None
    for _ in range(goal.to_goal):
        assert session.progress().coverage.estimate < goal.goal
        session.decide("accept")
    assert session.progress().coverage.estimate >= goal.goal


def test_a_new_order_leaves_the_item_shown_and_the_next_one_alone(project: Path) -> None:
    session = opened(project)
    for verb in ("accept", "reject", "accept", "later", "accept", "reject"):
        coming = ids(session)[session.cursor + 1 : session.cursor + 3]
        session.decide(verb)
        session.rank_now()
        assert ids(session)[session.cursor : session.cursor + 2] == coming


def test_items_skipped_stay_above_the_cursor(project: Path) -> None:
    session = opened(project)
    skipped = ids(session)[:3]
    for _ in range(3):
        session.move(1)
    session.decide("accept")
    session.rank_now()
    assert ids(session)[:3] == skipped
    assert session.cursor == 3


def test_every_draft_is_decided_once_and_then_the_queue_is_empty(project: Path) -> None:
    session = opened(project)
    seen = []
    while session.current is not None:
        seen.append(session.current)
        session.decide("accept" if len(seen) % 2 else "reject")
        if len(seen) % 3 == 0:
            session.rank_now()
    assert len(seen) == len(set(seen)) == 30
    assert session.progress().left == 0


def test_what_is_put_off_comes_back_after_the_rest(project: Path) -> None:
    session = opened(project)
    later = session.current
    session.decide("later")
    session.rank_now()
    assert ids(session)[-1] == later
    while session.progress().left > 1:
        session.decide("accept")
    assert session.current == later


def test_undo_brings_the_item_back_and_says_what_was_undone(project: Path) -> None:
    session = opened(project)
    first = session.current
    session.decide("reject")
    session.decide("accept")
    session.undo()
    done = session.undo()
    assert session.current == first
    assert (done.verb, done.detail, done.draft_id) == ("undone", "reject", first)


def test_undo_works_after_a_restart(project: Path) -> None:
    session = opened(project)
    first = session.current
    session.decide("accept")
    session.close()
    again = opened(project)
    assert first not in ids(again)
    assert again.undo().draft_id == first
    assert again.current == first


def test_undo_takes_back_the_reason_before_the_rejection(project: Path) -> None:
    session = opened(project)
    first, shown = ids(session)[:2]
    session.decide("reject")
    session.give_reason("3")
    assert session.undo().detail == "reason"
    assert session.current == shown
    assert session.undo().detail == "reject"
    assert session.current == first


def test_redo_decides_again_and_goes_on(project: Path) -> None:
    session = opened(project)
    first, second = ids(session)[:2]
    session.decide("accept")
    session.undo()
    done = session.redo()
    assert (done.verb, done.detail) == ("redone", "accept")
    assert session.current == second
    assert first not in ids(session)


def test_putting_off_can_be_undone_and_redone(project: Path) -> None:
    session = opened(project)
    first = session.current
    session.decide("later")
    session.rank_now()
    session.undo()
    assert session.current == first
    session.redo()
    assert session.current != first


def test_nobody_undoes_the_decision_of_another(project: Path) -> None:
    opened(project, "ben").decide("accept")
    assert opened(project, "ana").undo().verb == "nothing"


def test_a_reason_is_taken_only_after_a_rejection(project: Path) -> None:
    session = opened(project)
    assert session.give_reason("1") is None
    session.decide("reject")
    assert session.give_reason("1").detail == "duplicate"
    session.decide("accept")
    assert session.give_reason("1") is None


def test_a_random_walk_of_decide_undo_and_redo_agrees_with_the_store(project: Path) -> None:
    draw = random.Random(7)
    session = opened(project)
    for _ in range(200):
        act = draw.choice(["accept", "reject", "later", "undo", "undo", "redo", "rank", "restart"])
        match act:
            case "accept" | "reject" | "later":
                session.decide(act)
            case "undo":
                session.undo()
            case "redo":
                session.redo()
            case "rank":
                session.rank_now()
            case "restart":
                session.close()
                session = opened(project)
        fresh = opened(project)
        assert session.progress().left == fresh.progress().left
        assert session.progress().coverage.estimate == pytest.approx(fresh.progress().coverage.estimate)
        assert set(ids(session)) <= set(ids(fresh))
        fresh.close()


def test_drafts_of_another_process_come_in_without_moving_the_item(project: Path) -> None:
    session = opened(project)
    session.move(1)
    shown = session.current
    new = add_drafts(project, range(100, 105))
    assert session.refresh() == "5 new drafts"
    session.rank_now()
    assert session.current == shown
    assert set(new) <= set(ids(session))
    assert session.refresh() is None


def test_decisions_of_another_process_leave_the_queue(project: Path) -> None:
    session = opened(project)
    other = ids(session)[5]
    with Store.open(project) as store:
        store.decide([other], "accept", "ben")
    assert session.refresh() == "1 decided elsewhere"
    session.rank_now()
    assert other not in ids(session)


def test_a_project_that_is_clustered_again_meanwhile_keeps_its_queue(project: Path) -> None:
    session = opened(project)
    before = ids(session)
    with Store.open(project) as store:
        store.replace_clustering(store.clusters(), store.cells(), [], {}, "again")
    assert session.refresh() is None
    assert ids(session) == before
    session.decide("accept")
    assert session.current == before[1]


def test_on_a_full_disk_nothing_counts_as_decided(project: Path) -> None:
    session = opened(project)
    shown, progress = session.current, session.progress()
    fill_disk(session._store)
    for verb in ("accept", "reject", "later"):
        with pytest.raises(ProjectError, match="disk is full"):
            session.decide(verb)
    assert (session.current, session.progress()) == (shown, progress)
    free_disk(session._store)
    assert session.decide("accept").verb == "accepted"


@pytest.mark.parametrize(
    ("drafts", "ranked", "command"),
    [(0, False, "groundset draft"), (3, False, "groundset rank")],
)
def test_with_nothing_to_review_the_next_command_is_named(
    tmp_path: Path, drafts: int, ranked: bool, command: str
) -> None:
    path = tmp_path / "new.groundset"
    make_project(path, drafts=drafts, ranked=ranked)
    with pytest.raises(ProjectError, match=command):
        opened(path)


def test_an_empty_project_says_how_to_fill_it(tmp_path: Path) -> None:
    path = tmp_path / "new.groundset"
    Store.open(path, create=True).close()
    with pytest.raises(ProjectError, match="groundset run"):
        opened(path)
