from collections import Counter
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.evalset.next_judgement import RANDOM_EVERY, Work, next_up, strata_of

judged = st.one_of(st.none(), st.floats(-1, 1))
works = st.lists(st.tuples(st.floats(1e-6, 1), judged, judged), max_size=60).map(
    lambda rows: [
        Work(f"i{n}", f"s{n:03}", weight, outcome, opinion) for n, (weight, outcome, opinion) in enumerate(rows)
    ]
)


def work(items, **parts):
    return [Work(f"i{n}", f"s{n:04}", 1 / items, **{name: of(n) for name, of in parts.items()}) for n in range(items)]


def judge(items, ids, outcome):
    return [replace(each, outcome=outcome(each)) if each.id in ids else each for each in items]


@settings(deadline=None)
@given(works, st.integers(0, 3))
def test_everything_unjudged_comes_once_and_nothing_else(items, seed):
    order = list(next_up(items, seed))
    assert sorted(order) == sorted(each.id for each in items if each.outcome is None)
    assert order == list(next_up(items[::-1], seed))


def test_before_anything_is_judged_each_stratum_gets_its_share():
    items = work(400)
    of_item = strata_of(items)
    first = Counter(of_item[each] for each in islice(next_up(items), 120))
    assert len(first) == len(set(of_item.values())) == 12
    assert min(first.values()) >= 8
    assert max(first.values()) <= 12


def test_strata_are_runs_of_neighbours_apart_by_opinion():
    items = work(300, opinion=lambda n: float(n % 3 == 0))
    of_item = strata_of(items)
    assert {of_item[f"i{n}"][0] for n in range(0, 300, 3)} == {"1"}
    assert {of_item[f"i{n}"][0] for n in range(1, 300, 3)} == {"0"}
    along = [of_item[f"i{n}"] for n in range(0, 300, 3)]
    assert along == sorted(along)


def test_grades_are_parted_in_thirds_and_silence_is_a_class_of_its_own():
    items = work(100, opinion=lambda n: None if n < 10 else n / 100)
    assert {each.split("-")[0] for each in strata_of(items).values()} == {"none", "0", "1", "2"}


def test_what_people_said_never_moves_an_item_to_another_stratum_or_ahead_in_its_own():
    items = work(200, opinion=lambda n: float(n % 4 == 0))
    of_item = strata_of(items)
    generator = np.random.default_rng(1)
    order = list(next_up(items))
    for _ in range(20):
        first = list(islice(next_up(items), 6))
        items = judge(items, first, lambda _: float(generator.random() < 0.5))
        assert strata_of(items) == of_item
        rest = list(next_up(items))
        for stratum in set(of_item.values()):
            assert [each for each in rest if of_item[each] == stratum] == [
                each for each in order if of_item[each] == stratum and each in rest
            ]


def test_a_stratum_in_which_people_differ_comes_before_one_in_which_they_agree():
    items = work(240)
    of_item = strata_of(items)
    first = set(islice(next_up(items), 96))
    items = judge(items, first, lambda each: float(each.stratum >= "s0120" or int(each.id[1:]) % 2))
    later = Counter(of_item[each] for each in islice(next_up(items), 40))
    assert sum(later[each] for each in sorted(set(of_item.values()))[:6]) > 28


def test_where_people_and_the_judge_disagree_comes_before_where_he_is_right():
    items = work(240, opinion=lambda n: float(n % 2))
    of_item = strata_of(items)
    wrong = np.random.default_rng(0).random(240) < 0.5
    items = judge(
        items,
        set(islice(next_up(items), 96)),
        lambda each: each.opinion if each.opinion else float(wrong[int(each.id[1:])]),
    )
    later = Counter(of_item[each][0] for each in islice(next_up(items), 40))
    assert later["0"] > 28


def test_every_fifth_place_goes_to_the_first_by_lot_wherever_it_lies():
    heavy = [replace(each, weight=1.0 if n < 5 else 1e-9) for n, each in enumerate(work(400))]
    heavy = judge(heavy, {f"i{n}" for n in range(5)}, lambda _: 1.0)
    items = judge(work(400), {"i0"}, lambda _: 1.0)
    assert len(list(next_up(heavy))) == 395
    by_lot = list(next_up([replace(each, stratum="s") for each in items]))
    order = list(next_up(items))
    taken = order[: RANDOM_EVERY - 2]
    assert order[RANDOM_EVERY - 2] == next(each for each in by_lot if each not in taken)


@pytest.mark.parametrize("seed", [1, 2])
def test_another_seed_gives_other_lots(seed):
    assert list(next_up(work(50), seed)) != list(next_up(work(50), 0))
