import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.errors import ProjectError
from generator.records import Message, Rejected, fold
from generator.store import MIGRATIONS, Store
from tests.worlds import draft, fill, project, trace


@pytest.fixture
def store(tmp_path):
    with project(tmp_path / "a.groundset") as opened:
        yield opened


def test_a_project_file_is_wal_with_full_sync_and_for_its_owner_only(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        assert store._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert store._db.execute("PRAGMA synchronous").fetchone() == (2,)
        assert (tmp_path / "a.groundset").stat().st_mode & 0o077 == 0
        store.redaction_key()
        assert (tmp_path / "a.vectors" / "redaction.key").stat().st_mode & 0o077 == 0


def test_exact_repeats_are_counted_and_not_stored(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        source = store.begin_source("a", "digest", 1, "jsonl", "flat", "")
        first = store.add_batch(source.id, [trace("Where is it?"), trace("where  is it?")], (), 2, {}, {})
        second = store.add_batch(source.id, [trace("WHERE IS IT?"), trace("refund")], (), 4, {}, {})
        assert (first.accepted, first.repeated, second.accepted, second.repeated) == (1, 1, 1, 1)
        assert [(text, count) for _, text, count in store.trace_texts()] == [("Where is it?", 3), ("refund", 1)]


def test_a_source_goes_on_where_it_was(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        source = store.begin_source("a", "digest", 1, "jsonl", "flat", "")
        store.add_batch(source.id, [trace("x")], [Rejected("a", i, "no") for i in range(6)], 7, {}, {})
        again = store.begin_source("renamed", "digest", 1, "jsonl", "flat", "")
        assert (again.id, again.records_done, again.complete) == (source.id, 7, False)


def test_two_processes_cannot_count_the_same_file_twice(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as one, Store.open(tmp_path / "a.groundset") as other:
        source = one.begin_source("a", "digest", 1, "jsonl", "flat", "")
        other.begin_source("a", "digest", 1, "jsonl", "flat", "")
        one.add_batch(source.id, [trace("x")], (), 1, {}, {})
        with pytest.raises(ProjectError, match="Another process"):
            other.add_batch(source.id, [trace("x")], (), 1, {}, {})
        assert one.trace_texts()[0][2] == 1


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "No project at"),
        (lambda path: path.mkdir(), "is a folder"),
        (lambda path: path.write_bytes(b"hello, I am no database, only some text " * 50), "not a Groundset project"),
        (
            lambda path: sqlite3.connect(path).executescript("CREATE TABLE t (x); PRAGMA user_version = 1"),
            "another program",
        ),
    ],
)
def test_a_file_that_is_no_project_is_named_with_a_remedy(tmp_path, make, says):
    path = tmp_path / "p.groundset"
    made = make(path)
    if isinstance(made, sqlite3.Cursor):
        made.connection.close()
    with pytest.raises(ProjectError, match=says):
        Store.open(path)


def test_a_project_of_a_newer_version_is_refused(tmp_path):
    path = tmp_path / "a.groundset"
    with Store.open(path, create=True) as store:
        store._db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(ProjectError, match="newer Groundset"):
        Store.open(path)


def test_a_full_disk_is_one_sentence_and_loses_nothing(store):
    (pages,) = store._db.execute("PRAGMA page_count").fetchone()
    first = store.drafts()[0].id
    store.decide([first], "accept", "ana")
    store._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(ProjectError, match="disk is full"):
        fill(store, [trace("x" * 5000 + str(i)) for i in range(50)])
    assert store.state(first).verdict == "accepted"
    store._db.execute("PRAGMA max_page_count = 1000000")
    fill(store, [trace("y" * 5000 + str(i)) for i in range(50)])


def test_two_processes_on_one_project_wait_for_each_other(tmp_path, monkeypatch):
    with project(tmp_path / "a.groundset") as store:
        other = sqlite3.connect(tmp_path / "a.groundset", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        store._db.execute("PRAGMA busy_timeout = 50")
        with pytest.raises(ProjectError, match="in use by another process"):
            store.decide(["d-1"], "accept", "ana")
        other.execute("ROLLBACK")
        other.close()
        store.decide(["d-1"], "accept", "ana")
        assert store.state("d-1").verdict == "accepted"


def test_many_processes_decide_at_once_and_no_event_is_lost(tmp_path):
    path = tmp_path / "a.groundset"
    project(path, needs=8).close()
    code = (
        "import sys\nfrom generator.store import Store\n"
        "with Store.open(sys.argv[1]) as store:\n"
        "    for number in range(50): store.decide([store.drafts()[number % 8].id], 'accept', sys.argv[2])\n"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(path), f"p{i}"]) for i in range(4)]
    assert [worker.wait() for worker in workers] == [0, 0, 0, 0]
    with Store.open(path) as store:
        assert len(store.decisions()) == 200


def test_an_acknowledged_decision_survives_kill_9(tmp_path):
    path = tmp_path / "a.groundset"
    project(path, needs=8).close()
    code = (
        "import sys\nfrom generator.store import Store\n"
        "store = Store.open(sys.argv[1])\nids = [d.id for d in store.drafts()]\n"
        "for number in range(100000):\n"
        "    store.decide([ids[number % 8]], 'accept', 'ana')\n"
        "    sys.stdout.write('saved\\n'); sys.stdout.flush()\n"
    )
    acknowledged = 0
    for _ in range(int(os.environ.get("GROUNDSET_KILLS", "5"))):
        worker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        for _ in range(17):
            worker.stdout.readline()
        worker.send_signal(signal.SIGKILL)
        rest = worker.stdout.read()
        worker.wait()
        worker.stdout.close()
        acknowledged += 17 + rest.count(b"\n")
        with Store.open(path) as store:
            assert len(store.decisions()) >= acknowledged
            assert store._db.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_undo_goes_back_step_by_step_also_after_a_restart(tmp_path):
    path = tmp_path / "a.groundset"
    with project(path) as store:
        one, two = (each.id for each in store.drafts()[:2])
        store.decide([one], "accept", "ana")
        store.decide([one, two], "reject", "ana", reason="duplicate")
    with Store.open(path) as store:
        assert set(store.undo("ana")) == {one, two}
        assert (store.state(one).verdict, store.state(two).verdict) == ("accepted", "new")
        assert store.undo("ana") == (one,)
        assert store.undo("ana") == ()
        assert store.redo("ana") == (one,)
        assert store.state(one).verdict == "accepted"


def test_nobody_undoes_what_another_decided(store):
    one = store.drafts()[0].id
    store.decide([one], "accept", "ana")
    assert store.undo("ben") == ()
    assert store.state(one).verdict == "accepted"


def test_an_edit_is_one_step_and_keeps_the_drafted_text(store):
    one = store.drafts()[0]
    store.accept_edited(one.id, [Message("user", "changed")], ["says so"], [], "ana")
    state = store.state(one.id)
    assert (state.verdict, state.edited_messages, state.edited) == ("accepted", (Message("user", "changed"),), True)
    assert store.drafts([one.id])[0].messages == one.messages
    store.undo("ana")
    assert store.state(one.id).edited is False


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["accept", "reject", "later", "undo", "redo"]), max_size=40), st.data())
def test_random_walks_of_do_undo_and_redo_equal_a_list_of_states(tmp_path_factory, verbs, data):
    verdicts = {"accept": "accepted", "reject": "rejected", "later": "later"}
    with project(tmp_path_factory.mktemp("walk") / "a.groundset") as store:
        ids = [each.id for each in store.drafts()]
        states, place = [dict.fromkeys(ids, "new")], 0
        for verb in verbs:
            if verb == "undo":
                store.undo("ana")
                place = max(place - 1, 0)
            elif verb == "redo":
                store.redo("ana")
                place = min(place + 1, len(states) - 1)
            else:
                one = data.draw(st.sampled_from(ids))
                store.decide([one], verb, "ana")
                states[place + 1 :] = [states[place] | {one: verdicts[verb]}]
                place += 1
            assert {each: store.state(each).verdict for each in ids} == states[place]


def test_the_state_of_a_draft_is_the_fold_of_its_events(store):
    one = store.drafts()[0].id
    store.decide([one], "reject", "ana")
    store.decide([one], "reason", "ana", reason="too easy")
    assert store.state(one) == fold(one, store.decisions(one))
    assert store.state(one).reason == "too easy"


def test_a_new_clustering_forgets_what_was_measured_against_the_old_cells(store):
    assert store.queue_rows()
    store.replace_clustering(store.clusters(), store.cells(), (), {}, "another")
    assert store.queue_rows() == []
    assert store.meta("ranked") is None
    assert len(store.drafts()) == 4


def test_a_paid_answer_is_kept_raw_and_settled_once(store):
    store.plan_call("k", "c-0", "openai", "m", "hash")
    assert store.call_sent("k", 0.5)
    assert not store.call_sent("k", 0.5)
    assert store.spending() == (0, 0.5)
    store.call_answered("k", b"raw \xff bytes")
    store.call_settled("k", "ok", {}, 0.2)
    store.call_settled("k", "ok", {}, 0.2)
    assert store.spending() == (0.2, 0)
    assert store.calls(key="k")[0].raw == b"raw \xff bytes"


def test_a_migration_is_all_or_nothing(tmp_path, monkeypatch):
    path = tmp_path / "a.groundset"
    project(path).close()

    def broken(db):
        db.execute("CREATE TABLE half (x)")
        db.execute("SELECT nonsense FROM nowhere")

    monkeypatch.setattr("generator.store.MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(ProjectError):
        Store.open(path)
    monkeypatch.undo()
    with Store.open(path) as store:
        assert store._rows("SELECT name FROM sqlite_master WHERE name = 'half'") == []
        assert len(store.drafts()) == 4


def test_a_folder_that_does_not_exist_is_named():
    with pytest.raises(ProjectError, match="does not exist"):
        Store.open(Path("/nowhere/at/all.groundset"), create=True)


def test_hostile_strings_come_back_from_the_store_as_they_went_in(tmp_path):
    from tests.hostile.corpus import HOSTILE

    texts = [text.encode("utf-8", "replace").decode() for text in HOSTILE.values() if len(text) < 100_000]
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        store.add_drafts(draft(text) for text in texts)
        found = {each.messages[0].content for each in store.drafts()}
        # Two texts that differ in case or space only are the same draft.
        assert found <= set(texts)
        assert {draft(text).id for text in texts} == {each.id for each in store.drafts()}
