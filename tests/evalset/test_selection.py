from collections import Counter

import pytest

from generator.errors import StageError
from generator.evalset.deciding import decide
from generator.evalset.selection import allocate, balanced, draw_random, exemplar_drafts, random_drafts, samples
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


def test_the_random_frame_stands_for_all_of_the_traffic(traffic):
    draws = draw_random(traffic, 40)
    assert sum(draw.weight for draw in draws) == pytest.approx(1)
    assert len({draw.trace_id for draw in draws}) == len(draws)
    by_stratum = Counter(draw.stratum for draw in draws)
    assert len(by_stratum) == 20


def test_the_same_logs_give_the_same_draw_and_another_state_another(traffic):
    assert draw_random(traffic, 20) == draw_random(traffic, 20)
    assert draw_random(traffic, 20, random_state=1) != draw_random(traffic, 20)


def test_what_production_sends_often_is_drawn_often(tmp_path):
    drawn = Counter()
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace("often", count=9), trace("seldom", count=1)]
        fill(store, traces)
        cluster_of_each(store, traces)
        for random_state in range(300):
            drawn[draw_random(store, 1, random_state)[0].trace_id] += 1
    assert drawn[traces[0].id] == pytest.approx(270, abs=30)


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
