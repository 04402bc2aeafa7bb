import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.errors import ProjectError
from generator.evalset.queue import Queue
from generator.records import Message, Regrouping, Rejected, fold
from generator.store import MIGRATIONS, Store
from tests.worlds import cluster_of_each, draft, fill, project, trace


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


def seen(text, day, count=1):
    return replace(trace(text, count), seen_at=f"2026-{day}T10:00:00Z")


def test_requests_are_counted_by_day_and_repeats_on_their_own_days(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        fill(store, [seen("refund", "01-01"), seen("refund", "01-01"), seen("refund", "03-02", 3), trace("refund")])
        fill(store, [seen("login", "01-02"), trace("login"), seen("Refund", "03-02"), trace("no time"), trace("x")])
        cluster_of_each(store, store.traces(each[0] for each in store.trace_texts()))
        first = date(2026, 1, 1).toordinal()
        assert store.cluster_days() == [("c-0", first, 2), ("c-0", first + 60, 4), ("c-1", first + 1, 1)]


def test_a_project_of_the_first_schema_is_brought_up_to_date(tmp_path):
    path = tmp_path / "old.groundset"
    with contextlib.closing(sqlite3.connect(path)) as db:
        MIGRATIONS[0](db)
        db.execute("INSERT INTO source (name, digest, size, layout, format, why) VALUES ('a', 'd', 1, 'x', 'y', 'z')")
        for number, cell in ((1, 0), (2, None)):
            db.execute(
                "INSERT INTO trace VALUES (?, ?, 'text', '[]', NULL, 5, NULL, NULL, '{}', 1, 1, ?)",
                (number, f"t{number}", cell),
            )
        db.execute("INSERT INTO cluster VALUES ('c-0', 'old', 'phrases', 1.0, 5, 1, '[\"t1\"]')")
        db.execute("INSERT INTO cell VALUES (0, 'c-0', 1.0, 1, 't1')")
        db.execute("PRAGMA application_id = 1735553892")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    with Store.open(path) as store:
        assert store.is_regrouped()
        assert store.cluster_days() == []
        store.replace_clustering(store.clusters(), store.cells(), (), {"t1": 0, "t2": 0}, "again")
        assert store.cluster_counts() == {"c-0": (5, 5)}
        assert [each.name for each in store.earlier_clusters()] == ["old"]


def decided(store, verb, parts, name=None):
    known = tuple(dict.fromkeys(part, 1) for part in parts)
    return Regrouping(f"u{len(store.regroupings())}", verb, known, store.counts().distinct, name, "ana", "now")


def join_first_two(store):
    before = store.clusters()
    one = replace(before[0], weight=before[0].weight + before[1].weight, traces=7, distinct=2)
    decision = decided(store, "join", [each.exemplar_ids for each in before[:2]])
    store.regroup(decision, [one], {0: "c-0", 1: "c-0"}, before)
    return decision


def test_landings_drafts_and_calls_follow_clusters_that_were_joined_and_coverage_stays(store):
    store.plan_call("k", "c-1", "openai", "m", "hash")
    store.decide([store.drafts()[1].id], "accept", "ana")
    rows, coverage = store.queue_rows(), Queue.of(store).coverage
    decision = join_first_two(store)
    assert [each.id for each in store.clusters()] == ["c-0", "c-2", "c-3"]
    assert [each.cluster_id for each in store.cells()] == ["c-0", "c-0", "c-2", "c-3"]
    assert [each.cluster_id for each in store.drafts()] == ["c-0", "c-0", "c-2", "c-3"]
    assert [replace(row, cluster_id="") for row in store.queue_rows()] == [replace(row, cluster_id="") for row in rows]
    assert [row.cluster_id for row in store.queue_rows()] == ["c-0", "c-0", "c-2", "c-3"]
    assert store.calls(key="k")[0].cluster_id == "c-0"
    assert Queue.of(store).coverage == coverage
    assert store.regroupings() == [decision]
    assert store.is_regrouped()
    assert store.meta("ranked") is None


def test_drafts_go_with_the_inputs_that_they_were_made_from(store):
    traces = [each[0] for each in store.trace_texts()]
    store.add_drafts([draft("of the second", "c-0", source_ids=(traces[1],)), draft("of none", "c-0")])
    join_first_two(store)
    before = store.clusters()
    parts = [replace(before[0], distinct=1), replace(before[0], id="c-new", distinct=1, traces=3)]
    store.regroup(decided(store, "split", [[traces[0]], [traces[1]]]), parts, {0: "c-0", 1: "c-new"}, before)
    found = {each.text: each.cluster_id for each in store.drafts()}
    assert (found["of the second"], found["of none"]) == ("c-new", "c-0")


def test_a_decision_about_clusters_that_changed_meanwhile_is_refused_and_leaves_nothing(store):
    before = store.clusters()
    join_first_two(store)
    with pytest.raises(ProjectError, match="Another process has changed the clusters"):
        store.regroup(decided(store, "rename", [["x"]], "y"), [replace(before[1], name="y")], {}, before)
    assert len(store.regroupings()) == 1
    assert "y" not in {each.name for each in store.clusters()}


def test_a_decision_made_while_the_traffic_was_clustered_waits_for_the_next_clustering(store):
    clusters, cells = store.clusters(), store.cells()
    decision = decided(store, "rename", [["x"]], "y")
    store.regroup(decision, [replace(clusters[0], name="y", named_by="person")], {}, clusters)
    store.replace_clustering(clusters, cells, (), {}, "begun before the decision", regroupings=0)
    assert not store.is_regrouped()
    store.regroup(decided(store, "rename", [["x"]], "z"), [replace(clusters[0], name="z")], {}, store.clusters())
    assert not store.is_regrouped()
    store.replace_clustering(clusters, cells, (), {}, "begun after it", regroupings=2)
    assert store.is_regrouped()


def test_an_acknowledged_decision_about_clusters_survives_kill_9(tmp_path):
    path = tmp_path / "a.groundset"
    project(path, needs=8).close()
    code = (
        "import sys\nfrom generator import pipeline\nfrom generator.store import Store\n"
        "store = Store.open(sys.argv[1])\n"
        "for number in range(100000):\n"
        "    pipeline.rename(store, f'c-{number % 8}', f'name {number}', 'ana')\n"
        "    sys.stdout.write(f'name {number}\\n'); sys.stdout.flush()\n"
    )
    for _ in range(int(os.environ.get("GROUNDSET_KILLS", "2"))):
        with Store.open(path) as store:
            done = len(store.regroupings())
        worker = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
        for _ in range(17):
            worker.stdout.readline()
        worker.send_signal(signal.SIGKILL)
        rest = worker.stdout.read()
        worker.wait()
        worker.stdout.close()
        with Store.open(path) as store:
            found = store.regroupings()
            assert len(found) - done >= 17 + rest.count(b"\n")
            assert found[-1].name in {each.name for each in store.clusters()}
            assert store.is_regrouped()


def test_only_traffic_that_came_in_makes_the_last_clusters_the_earlier_ones(store):
    first, cells = store.clusters(), store.cells()
    assert store.earlier_clusters() == []
    of_cell = {trace_id: cell for trace_id, cell in store.trace_cells() if cell is not None}
    assert {each: since for each, (_, since) in store.cluster_counts().items()} == {f"c-{i}": 4 - i for i in range(4)}
    again = trace("need number x", 6)
    fill(store, [again])
    store.replace_clustering(first, cells, (), of_cell, "more")
    assert store.earlier_clusters() == first
    assert store.cluster_counts() == {"c-0": (4, 6), "c-1": (3, 0), "c-2": (2, 0), "c-3": (1, 0)}
    coarse = [replace(first[0], id="c-one")]
    store.replace_clustering(coarse, [replace(cell, cluster_id="c-one") for cell in cells], (), of_cell, "another cut")
    assert store.cluster_counts() == {"c-one": (10, 6)}
    assert [each.id for each in store.earlier_clusters()] == ["c-one"]  # a new cut lets no need come or go
