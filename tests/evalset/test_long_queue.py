"""The long queue reads little and orders as the plain queue does."""

import random
from pathlib import Path

import pytest

from generator.evalset import long_queue
from generator.evalset.long_queue import LongQueue
from generator.evalset.queue import Queue
from generator.records import Mark
from generator.store import Store
from tests.benchmarks.large import make_large


@pytest.fixture
def project(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    path = tmp_path / "long.groundset"
    make_large(path, drafts=400, clusters=6, cells_per_cluster=5, reach=12, seed=getattr(request, "param", 1))
    return path


@pytest.fixture(autouse=True)
def every_draft_is_offered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_queue, "OFFERED", 10_000)


def gains(entries) -> list[float]:
    return [entry.gain for entry in entries if not entry.drawn]


@pytest.mark.parametrize("project", range(4), indirect=True)
def test_it_orders_as_the_plain_queue_does_whatever_was_decided_and_taken_back(project: Path) -> None:
    draw = random.Random(3)
    with Store.open(project) as store:
        ids = [draft.id for draft in store.drafts()]
        store.add_drafts(store.drafts(ids[::17]), {each: [Mark("length", "a test")] for each in ids[::17]})
        queue = LongQueue(store.cells(), store)
        for _ in range(12):
            plain = Queue.of(store)
            expected, found = plain.best(60), queue.best(60)
            assert gains(found) == pytest.approx(gains(expected), abs=1e-9)
            assert [each.draft_id for each in found if each.drawn] == [each.draft_id for each in expected if each.drawn]
            assert queue.coverage == pytest.approx(plain.coverage)
            assert queue.coverage_interval(1000).low == pytest.approx(plain.coverage_interval(1000).low)
            for entry in draw.sample(found, 5):
                assert entry.novelty == pytest.approx(plain.entry(entry.draft_id).novelty) or not entry.drawn
                act = draw.choice(["accept", "accept", "reject", "later"])
                store.decide([entry.draft_id], act, "ana")
                queue.set_verdict(entry.draft_id, store.state(entry.draft_id).verdict)
            for _ in range(draw.randint(0, 4)):
                for draft_id in store.undo("ana"):
                    queue.set_verdict(draft_id, store.state(draft_id).verdict)


def test_what_others_decide_and_take_back_is_taken_in(project: Path) -> None:
    with Store.open(project) as store, Store.open(project) as other:
        queue = LongQueue(store.cells(), store)
        first = queue.best(40)
        other.decide([each.draft_id for each in first[:10]], "accept", "ben")
        queue.reload()
        assert not {each.draft_id for each in queue.best(40)} & {each.draft_id for each in first[:10]}
        other.undo("ben")
        queue.reload()
        assert gains(queue.best(40)) == pytest.approx(gains(first))


def test_it_goes_on_to_the_last_draft(project: Path) -> None:
    with Store.open(project) as store:
        assert len({entry.draft_id for entry in LongQueue(store.cells(), store).best(1_000)}) == 400


def test_a_few_drafts_of_each_cell_are_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "long.groundset"
    make_large(path, drafts=5_000, clusters=20, cells_per_cluster=10, reach=12)
    reached = {}
    with Store.open(path) as store:
        for offered in (8, 10_000):
            monkeypatch.setattr(long_queue, "OFFERED", offered)
            queue = LongQueue(store.cells(), store)
            reached[offered] = queue.coverage_with([each.draft_id for each in queue.best(100)])
            if offered == 8:
                assert len(queue._known) < 2_000
    assert reached[8] > 0.99 * reached[10_000]
