import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import StageError
from generator.evalset.deciding import decide
from generator.evalset.queue import RANDOM_EVERY, Queue, accepts_to_reach
from generator.records import Cell, Mark
from generator.store import QueueRow, Store
from tests import worlds
from tests.worlds import draft, landed, project, trace


def row(name, reach, verdict="new", alike=(), marked=False):
    return QueueRow(name, "variant", verdict, "c-0", 0, False, tuple(alike), tuple(reach.items()), marked)


def cells(*weights):
    return [Cell(number, f"c-{number}", weight, 1, f"t{number}") for number, weight in enumerate(weights)]


def test_the_draft_that_adds_most_comes_first_and_what_it_tested_counts_no_more():
    queue = Queue(
        cells(0.5, 0.3, 0.2), [row("b", {1: 1.0}), row("a", {0: 1.0}), row("ab", {0: 1.0, 1: 0.1}), row("c", {2: 1.0})]
    )
    order = queue.best(4)
    assert [entry.draft_id for entry in order] == ["ab", "b", "c", "a"]
    assert [round(entry.gain, 3) for entry in order] == [0.53, 0.27, 0.2, 0.0]


def test_accepting_in_the_order_gives_the_gains_that_were_promised():
    generator = random.Random(1)
    rows = [row(f"d{i:02d}", {c: generator.random() for c in generator.sample(range(10), 4)}) for i in range(30)]
    queue = Queue(cells(*[0.1] * 10), rows)
    for entry in queue.best(15):
        before = queue.coverage
        queue.set_verdict(entry.draft_id, "accepted")
        assert queue.coverage == pytest.approx(before + entry.gain)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_lazy_order_is_the_greedy_order(data):
    depth = st.dictionaries(st.integers(0, 5), st.floats(0.05, 1), max_size=4)
    reaches = data.draw(st.lists(depth, min_size=1, max_size=12))
    queue = Queue(cells(*[1 / 6] * 6), [row(f"d{i}", reach) for i, reach in enumerate(reaches)])
    lazy = [entry.gain for entry in queue.best(len(reaches))]
    greedy, waiting = [], [f"d{i}" for i in range(len(reaches))]
    for _ in reaches:
        best = max(waiting, key=queue.gain)
        waiting.remove(best)
        greedy.append(queue.gain(best))
        queue.set_verdict(best, "accepted")
    assert sum(lazy) == pytest.approx(sum(greedy), abs=1e-9)
    assert lazy == pytest.approx(greedy, abs=1e-9)


def test_taking_an_accept_back_takes_its_coverage_back():
    queue = Queue(cells(0.6, 0.4), [row("a", {0: 0.9}), row("b", {0: 0.5, 1: 0.5})])
    queue.set_verdict("a", "accepted")
    queue.set_verdict("b", "accepted")
    queue.set_verdict("a", "new")
    assert queue.coverage == pytest.approx(0.6 * 0.5 + 0.4 * 0.5)


def test_near_copies_of_what_was_decided_sink():
    rows = [row("a", {0: 1.0}, "rejected"), row("copy", {0: 1.0}, alike=[("a", 0.97)]), row("other", {0: 0.5})]
    queue = Queue(cells(1.0), rows)
    assert [entry.draft_id for entry in queue.best(2)] == ["other", "copy"]
    assert queue.entry("copy").novelty == pytest.approx(0.03)
    assert queue.nearest_decided("copy", "accepted") is None


def test_every_twentieth_place_is_given_to_chance_and_stays_while_others_are_decided():
    rows = [row(f"d{i:03d}", {i: 1.0}) for i in range(60)]
    queue = Queue(cells(*[(60 - i) / 1830 for i in range(60)]), rows)
    order = queue.best(45)
    assert [place for place, entry in enumerate(order) if entry.drawn] == [RANDOM_EVERY - 1, 2 * RANDOM_EVERY - 1]
    assert len({entry.draft_id for entry in order}) == 45
    drawn = order[RANDOM_EVERY - 1].draft_id
    queue.set_verdict(order[0].draft_id, "accepted")
    assert drawn in [entry.draft_id for entry in queue.best(45) if entry.drawn]


def test_what_was_put_off_comes_after_everything_else():
    queue = Queue(cells(1.0), [row("later", {0: 1.0}, "later"), row("new", {0: 0.2})])
    assert [entry.draft_id for entry in queue.best(5)] == ["new", "later"]


def test_what_is_marked_comes_below_the_rest_by_gain_and_before_what_was_put_off():
    rows = [
        row("best", {0: 1.0}, marked=True),
        row("good", {0: 0.9, 1: 0.9}, marked=True),
        row("fair", {0: 0.3}),
        row("low", {1: 0.1}),
        row("later", {0: 1.0}, "later"),
    ]
    queue = Queue(cells(0.5, 0.5), rows)
    assert [entry.draft_id for entry in queue.best(5)] == ["fair", "low", "good", "best", "later"]
    assert [entry.draft_id for entry in queue.best(5, with_marked=False)] == ["fair", "low", "later"]
    assert queue.best(5)[2].gain == pytest.approx(0.5 * 0.6 + 0.5 * 0.8)


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_the_unmarked_are_ordered_as_if_there_were_no_others(data):
    depth = st.dictionaries(st.integers(0, 5), st.floats(0.05, 1), max_size=4)
    drawn = data.draw(st.lists(st.tuples(depth, st.booleans()), min_size=1, max_size=15))
    rows = [row(f"d{i}", reach, marked=marked) for i, (reach, marked) in enumerate(drawn)]
    order = [entry.draft_id for entry in Queue(cells(*[1 / 6] * 6), rows).best(len(rows))]
    clean = [each for each in rows if not each.marked]
    alone = [entry.draft_id for entry in Queue(cells(*[1 / 6] * 6), clean).best(len(rows))]
    assert order[: len(clean)] == alone
    assert sorted(order) == sorted(each.draft_id for each in rows)


def test_chance_may_show_a_marked_draft_above_unmarked_ones():
    rows = [row(f"d{i:03d}", {i: 1.0}, marked=i >= 100) for i in range(160)]
    order = [entry for entry in Queue(cells(*[1 / 160] * 160), rows).best(100) if entry.drawn]
    assert len(order) == 5
    assert any(entry.draft_id >= "d100" for entry in order)


def test_the_potential_is_what_accepting_all_that_is_unmarked_and_not_rejected_reaches():
    rows = [
        row("accepted", {0: 0.8}, "accepted", marked=True),
        row("new", {0: 0.5, 1: 0.5}),
        row("later", {2: 0.5}, "later"),
        row("rejected", {2: 1.0}, "rejected"),
        row("marked", {1: 1.0}, marked=True),
    ]
    queue = Queue(cells(0.5, 0.3, 0.2), rows)
    assert queue.potential.coverage == pytest.approx(0.5 * 0.8 + 0.3 * 0.5 + 0.2 * 0.5)
    assert queue.coverage == pytest.approx(0.5 * 0.8)


def test_bulk_acceptance_passes_over_what_is_marked_unless_it_is_told_not_to(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        drafts = store.drafts()
        for each in drafts[:2]:
            store.add_drafts([each], {each.id: (Mark("length", "too long"),)})
        decided = decide(store, "accept", (), best=9, reason=None, actor="ana")
        assert decided.draft_ids == tuple(each.id for each in drafts[2:])
        with pytest.raises(StageError, match="--marked"):
            decide(store, "accept", (), best=9, reason=None, actor="ana")
        assert decide(store, "accept", [drafts[0].id], best=None, reason=None, actor="ana").draft_ids == (drafts[0].id,)
        assert decide(store, "accept", (), best=9, reason=None, actor="ana", marked=True).draft_ids == (drafts[1].id,)
        with pytest.raises(StageError, match="--best N"):
            decide(store, "accept", (), best=9, reason=None, actor="ana")


def test_bulk_rejection_takes_what_is_marked_too(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        store.add_drafts(store.drafts(), {each.id: (Mark("echo", "x"),) for each in store.drafts()})
        assert len(decide(store, "reject", (), best=9, reason=None, actor="ana").draft_ids) == 4


def test_the_interval_holds_the_estimate_and_narrows_with_traffic():
    queue = Queue(cells(0.5, 0.5), [row("a", {0: 0.9}, "accepted")])
    few, many = queue.coverage_interval(20), queue.coverage_interval(20_000)
    assert few.low < few.estimate == queue.coverage < few.high
    assert many.high - many.low < few.high - few.low
    assert Queue([], []).coverage_interval(0).estimate == 0


def test_how_many_accepts_reach_the_goal():
    queue = Queue(cells(0.5, 0.3, 0.2), [row(f"d{i}", {i: 1.0}) for i in range(3)])
    assert accepts_to_reach(queue.best(3), queue.coverage, 0.8) == 2
    assert accepts_to_reach(queue.best(1), queue.coverage, 0.8) is None


def test_the_queue_of_a_project_follows_its_decisions(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        first = Queue.of(store).best(1)[0]
        assert first.gain == pytest.approx(0.9 * 0.4)
        store.decide([first.draft_id], "accept", "ana")
        assert Queue.of(store).coverage == pytest.approx(first.gain)


def test_ten_thousand_drafts_are_ordered_at_once(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {'i' * i}") for i in range(50)]
        worlds.fill(store, traces)
        worlds.cluster_of_each(store, traces)
        landed(store, traces, {draft(f"d {i}"): {i % 50: 0.5, (i + 1) % 50: 0.3} for i in range(2000)})
        assert len(Queue.of(store).best(500)) == 500
