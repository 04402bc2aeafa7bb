import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.errors import StageError
from generator.evalset.deciding import decide
from generator.evalset.selection import (
    allocate,
    balanced,
    draw_in_slices,
    draw_random,
    exemplar_drafts,
    random_drafts,
    samples,
)
from generator.records import Merge, Message
from generator.store import Store
from tests.worlds import cluster_of_each, draft, fill, landed, project, trace


@pytest.fixture
def traffic(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {'x' * i}", count=1 + i % 7) for i in range(60)]
        fill(store, traces)
        cluster_of_each(store, traces)
        yield store


def weights(draws):
    return {each.trace_id: each.weight for each in draws}


def test_the_random_frame_stands_for_all_of_the_traffic(traffic):
    draws = draw_random(traffic, 40)
    assert sum(draw.weight for draw in draws) == pytest.approx(1)
    assert len({draw.trace_id for draw in draws}) == len({draw.stratum for draw in draws}) == len(draws) <= 40
    assert all(round(40 * draw.weight) == pytest.approx(40 * draw.weight) for draw in draws)


def test_the_same_logs_give_the_same_draw_and_another_state_another(traffic):
    assert draw_random(traffic, 20) == draw_random(traffic, 20)
    assert draw_random(traffic, 20, random_state=1) != draw_random(traffic, 20)


def test_strata_follow_the_leaves_of_the_tree(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {i}") for i in range(4)]
        fill(store, traces)
        cluster_of_each(store, traces)
        parts = [store.clusters(), store.cells(), (Merge(0, 3, 0.1), Merge(1, 2, 0.2), Merge(4, 5, 0.3))]
        store.replace_clustering(*parts, {each.id: i for i, each in enumerate(traces)}, "another tree")
        number = {each.id: i for i, each in enumerate(traces)}
        found = [number[draw.trace_id] for draw in sorted(draw_random(store, 4), key=lambda draw: draw.stratum)]
    assert found in ([0, 3, 1, 2], [1, 2, 0, 3])


counts = st.lists(st.integers(1, 30), min_size=1, max_size=25)


def line_of(counts):
    return [(f"t{number}", count) for number, count in enumerate(counts)]


@settings(max_examples=150, deadline=None)
@given(counts=counts, wanted=st.integers(1, 40), random_state=st.integers(0, 9), kept=st.sets(st.integers(0, 30)))
def test_every_slice_is_stood_for_by_traces_within_it_or_kept(counts, wanted, random_state, kept):
    line, kept = line_of(counts), {f"t{number}" for number in kept}
    draws = draw_in_slices(line, wanted, random_state, kept)
    assert sum(draw.weight for draw in draws) == pytest.approx(1)
    assert [draw.stratum for draw in draws] == sorted(draw.stratum for draw in draws)
    assert kept & dict(line).keys() <= weights(draws).keys()
    slices = min(wanted, sum(counts))
    assert len(weights(draws).keys() - kept) <= slices
    for trace_id, count in line:
        filled = count * slices // sum(counts) - 1  # slices that it fills whole, at least
        assert weights(draws).get(trace_id, 0.0) >= filled / slices - 1e-9 or kept - {trace_id}
        assert weights(draws).get(trace_id, 0.0) <= (filled + 3) / slices + 1e-9


@settings(max_examples=100, deadline=None)
@given(counts=counts, wanted=st.integers(1, 40), random_state=st.integers(0, 9), data=st.data())
def test_decisions_do_not_move_the_frame(counts, wanted, random_state, data):
    line = line_of(counts)
    before = draw_in_slices(line, wanted, random_state)
    decided = {draw.trace_id for draw in before if data.draw(st.booleans())}
    assert draw_in_slices(line, wanted, random_state, decided) == before
    other_lots = draw_in_slices(line, wanted, 10, decided)
    more = decided | {draw.trace_id for draw in other_lots if data.draw(st.booleans())}
    assert weights(draw_in_slices(line, wanted, 10, more)).keys() == weights(other_lots).keys()


@pytest.mark.parametrize("random_state", range(5))
def test_twice_as_many_slices_keep_every_draw(random_state):
    line = line_of([1] * 120)
    few, many = (weights(draw_in_slices(line, size, random_state)) for size in (20, 40))
    assert len(few) == 20
    assert len(many) == 40
    assert few.keys() < many.keys()


def test_a_trace_stands_on_the_mean_for_what_production_sends_of_it():
    line = line_of([1, 12, 2, 3, 1, 1, 7, 2, 1])
    runs = [weights(draw_in_slices(line, 5, random_state)) for random_state in range(2000)]
    for trace_id, count in line:
        assert np.mean([run.get(trace_id, 0) for run in runs]) == pytest.approx(count / 30, abs=0.015)


def test_no_draw_is_asked_for_and_none_is_made():
    assert draw_in_slices([("t", 3)], 0) == []
    assert draw_in_slices([], 5) == []
    assert weights(draw_in_slices([("t", 3)], 5)) == {"t": pytest.approx(1)}


def test_more_draws_and_more_logs_keep_what_was_decided(traffic):
    first = random_drafts(traffic, draw_random(traffic, 12))
    traffic.add_drafts(first)
    traffic.decide([each.id for each in first[::2]], "accept", "ana")
    traffic.decide([first[1].id], "reject", "ana")
    decided = {each.source_ids[0] for each in (*first[::2], first[1])}
    assert decided <= weights(draw_random(traffic, 17)).keys()
    assert decided <= weights(draw_random(traffic, 5)).keys()
    more = [trace(f"another {'y' * i}", count=3) for i in range(30)]
    fill(traffic, more)
    cluster_of_each(traffic, [*more, *traffic.traces(trace_id for trace_id, _ in traffic.trace_cells())])
    redrawn = draw_random(traffic, 12, random_state=3)
    assert decided <= weights(redrawn).keys()
    assert sum(draw.weight for draw in redrawn) == pytest.approx(1)
    drafts = random_drafts(traffic, redrawn)
    traffic.add_drafts(drafts)
    traffic.set_random_frame({each.id: (each.weight, each.stratum) for each in drafts})
    assert len(samples(traffic)) == len(first[::2])
    assert all(each.weight > 0 and each.stratum for each in samples(traffic))


@pytest.mark.parametrize("early", [0.3, 0.8])
def test_what_is_kept_from_earlier_logs_does_not_bend_the_frame(early):
    generator = np.random.default_rng(0)
    counts = generator.integers(1, 4, 300)
    seen = generator.random(300) < early
    values = np.sin(np.arange(300) / 20)
    truth, estimates = values @ counts / counts.sum(), []
    for random_state in range(300):
        before = draw_in_slices([(str(row), int(counts[row])) for row in np.flatnonzero(seen)], 20, random_state)
        line = [(str(row), int(count)) for row, count in enumerate(counts)]
        after = draw_in_slices(line, 30, random_state, {each.trace_id for each in before})
        estimates.append(sum(each.weight * values[int(each.trace_id)] for each in after))
    assert np.mean(estimates) == pytest.approx(truth, abs=0.01)


def test_real_traces_are_put_forward_with_their_source_and_only_draws_have_weight(traffic):
    exemplars, randoms = exemplar_drafts(traffic), random_drafts(traffic, draw_random(traffic, 30))
    assert {each.origin for each in exemplars} == {"exemplar"}
    assert all(each.weight == 0 and len(each.source_ids) == 1 for each in exemplars)
    assert all(each.weight > 0 and each.stratum and each.cluster_id for each in randoms)


def test_an_accepted_draft_is_a_sample_with_its_lineage(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        one, two = store.drafts()[:2]
        store.decide([one.id], "accept", "ana")
        store.accept_edited(two.id, [Message("user", "as edited")], ["says so"], ["lies"], "ben")
        store.decide([store.drafts()[2].id], "reject", "ana")
        found = {sample.id: sample for sample in samples(store)}
        assert set(found) == {one.id, two.id}
        assert (found[one.id].curator, found[one.id].edited, found[one.id].model) == ("ana", False, "offline/rules")
        assert found[two.id].input == (Message("user", "as edited"),)
        assert found[two.id].target == "- says so\n- must not: lies"


def test_a_random_draw_whose_input_was_changed_no_longer_speaks_for_production(traffic):
    one = random_drafts(traffic, draw_random(traffic, 10))[0]
    traffic.add_drafts([one])
    traffic.accept_edited(one.id, [Message("user", "something else")], one.criteria, (), "ana")
    assert samples(traffic)[0].weight == 0
    traffic.undo("ana")
    traffic.accept_edited(one.id, one.messages, ["a better criterion"], (), "ana")
    assert samples(traffic)[0].weight == one.weight


def test_the_split_is_kept_when_others_come_and_go(tmp_path):
    with project(tmp_path / "a.groundset", needs=30) as store:
        decide(store, "accept", (), best=10, reason=None, actor="ana")
        few = {sample.id: sample.split for sample in samples(store)}
        decide(store, "accept", (), best=20, reason=None, actor="ana")
        many = {sample.id: sample.split for sample in samples(store)}
        assert few.items() <= many.items()
        assert set(many.values()) == {"dev", "holdout"}


def test_a_balanced_set_takes_the_most_frequent_need_of_each_piece(tmp_path):
    with project(tmp_path / "a.groundset", needs=6) as store:
        decide(store, "accept", (), best=6, reason=None, actor="ana")
        chosen = balanced(store, samples(store), 2)
        # Need 5 joins last, so it is a piece of its own; of the others, need 0 is asked most.
        assert {each.cluster_id for each in chosen} == {"c-0", "c-5"}
        assert len(balanced(store, samples(store), 99)) == 6


def test_a_balanced_set_gives_no_need_a_second_sample_while_another_has_none(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {i}", count=9 - 4 * i) for i in range(3)]
        fill(store, traces)
        cluster_of_each(store, traces)
        often = {draft(f"asks for the first, {i}"): {0: 0.1 + 0.2 * i} for i in range(4)}
        landed(store, traces, often | {draft(f"asks for {i}", f"c-{i}"): {i: 0.5} for i in (1, 2)})
        decide(store, "accept", [each.id for each in store.drafts()], best=None, reason=None, actor="ana")
        assert {each.cluster_id for each in balanced(store, samples(store), 3)} == {"c-0", "c-1", "c-2"}
        assert len(balanced(store, samples(store), 5)) == 5


def test_only_pieces_that_hold_a_candidate_use_up_the_budget():
    merges = (Merge(0, 1, 0.1), Merge(2, 3, 0.2), Merge(4, 5, 0.6), Merge(6, 7, 0.9))
    assert allocate(merges, [0, 1], 2) == {0: 0, 1: 1}
    assert len(set(allocate(merges, [0, 1, 2], 2).values())) == 2
    assert len(set(allocate(merges, range(5), 99).values())) == 5
    assert allocate((), [0], 3) == {0: 0}
    assert allocate((), [], 3) == {}


@pytest.mark.parametrize(
    ("drafts", "best", "says"),
    [((), None, "Name drafts"), (("d-zzz",), None, "No draft"), (("d-",), None, "give more")],
)
def test_a_decision_about_nothing_or_about_too_much_is_refused(tmp_path, drafts, best, says):
    with project(tmp_path / "a.groundset", needs=3) as store, pytest.raises(StageError, match=says):
        decide(store, "accept", drafts, best=best, reason=None, actor="ana")


def test_rejecting_with_a_number_keeps_the_reason_in_words(tmp_path):
    with project(tmp_path / "a.groundset") as store:
        one = store.drafts()[0].id
        decide(store, "reject", [one.removeprefix("d-")[:10]], best=None, reason="1", actor="ana")
        assert store.state(one).reason == "duplicate"
