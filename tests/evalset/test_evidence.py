import json
from dataclasses import replace
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.evalset import scoring
from generator.evalset.estimates import Drawn
from generator.evalset.evidence import Estimate, difference, pass_rate, win_rate
from generator.evalset.looks import confidence_of_looks
from generator.evalset.next_judgement import Work, next_up
from tests.evalset.test_scoring import sample


def frame(draws):
    """One draw a slice, as a project has it."""
    return [Drawn(f"d{number:03}", f"s{number:03}", 1 / draws) for number in range(draws)]


def items(drawn):
    return [sample(each.id) for each in drawn]


def needs_in_a_row(generator, draws, first=0.6, second=0.4):
    """The chance to pass of each draw: neighbours ask alike, as they do in the tree."""
    return np.repeat(generator.beta(first, second, draws // 5), 5)


def by_id(drawn, values):
    return {each.id: float(value) for each, value in zip(drawn, values, strict=True)}


def judged(drawn, outcomes, opinions, number, seed=0):
    """The outcomes that people have after so many judgements in the order proposed."""
    work = [Work(each.id, each.stratum, each.weight, None, opinions.get(each.id)) for each in drawn]
    return {each: outcomes[each] for each in islice(next_up(work, seed), number)}


def lenient(passes, generator):
    return np.where(passes > 0, generator.random(len(passes)) < 0.95, generator.random(len(passes)) < 0.35).astype(
        float
    )


def test_a_frame_judged_whole_without_a_judge_is_the_score():
    drawn = frame(100)
    results = by_id(drawn, np.random.default_rng(1).random(100) < needs_in_a_row(np.random.default_rng(2), 100))
    other = by_id(drawn, np.random.default_rng(3).random(100) < 0.6)
    score, made = scoring.score(items(drawn), drawn, results), pass_rate(items(drawn), drawn, results)
    assert (made.estimate, made.low, made.high) == pytest.approx((score.estimate, score.low, score.high))
    told, change = (
        scoring.difference(items(drawn), drawn, results, other),
        difference(items(drawn), drawn, results, other),
    )
    assert (change.estimate, change.low, change.high) == pytest.approx((told.estimate, told.low, told.high))
    assert (made.judged, made.opinions, made.power, made.gain) == (100, 0, 0.0, 0.0)


def test_a_biased_judge_is_corrected_and_narrows_the_interval():
    generator = np.random.default_rng(4)
    drawn = frame(500)
    passes = (generator.random(500) < needs_in_a_row(generator, 500)).astype(float)
    judge = by_id(drawn, lenient(passes, generator))
    made = pass_rate(items(drawn), drawn, judged(drawn, by_id(drawn, passes), judge, 100), judge)
    assert np.mean(list(judge.values())) > passes.mean() + 0.1
    assert made.low < passes.mean() < made.high
    assert 0.4 < made.power < 0.95
    assert 0.1 < made.gain < 0.5


@pytest.mark.parametrize("kind", ["deaf", "contrary", "always passes"])
def test_a_useless_judge_changes_next_to_nothing(kind):
    generator = np.random.default_rng(5)
    drawn, widths = frame(400), []
    for run in range(20):
        passes = (generator.random(400) < 0.6).astype(float)
        opinions = {"deaf": generator.random(400) < 0.7, "contrary": passes < 1, "always passes": passes > -1}[kind]
        judge = by_id(drawn, opinions)
        made = pass_rate(items(drawn), drawn, judged(drawn, by_id(drawn, passes), judge, 60, run), judge)
        widths.append(made.width / made.alone)
        assert made.power < 0.3
    assert 0.95 < np.mean(widths) < 1.02
    assert max(widths) < 1.05


def test_few_agreements_do_not_make_a_judge_perfect():
    drawn = frame(400)
    passes = by_id(drawn, np.arange(400) % 5 > 0)
    made = pass_rate(items(drawn), drawn, judged(drawn, passes, passes, 30), passes)
    assert made.power == pytest.approx(1.0)
    assert made.estimate == pytest.approx(0.8)
    assert made.width > pass_rate(items(drawn), drawn, passes, passes).width


def test_the_judge_may_be_silent_about_some():
    drawn = frame(200)
    passes = by_id(drawn, np.arange(200) % 4 > 0)
    judge = {each: value for each, value in passes.items() if int(each[1:]) % 10}
    made = pass_rate(items(drawn), drawn, judged(drawn, passes, judge, 80), judge)
    assert made.opinions == 180
    assert made.low < 0.75 < made.high


def test_items_that_are_no_random_draw_and_ids_that_nobody_knows_say_nothing():
    drawn = frame(20)
    known = by_id(drawn, [1.0] * 20)
    others = [sample("edge", origin="edge", weight=0.0), sample("d003", weight=0.0)]
    accepted = [each for each in items(drawn) if each.id != "d003"] + others
    made = pass_rate(accepted, drawn, known | {"edge": 0.0, "nobody": 0.0}, {"edge": 0.0, "nobody": 1.0})
    assert (made.estimate, made.judged, made.opinions) == (pytest.approx(1.0), 19, 0)


def test_nothing_judged_gives_no_estimate_and_no_more_would_be_a_guess():
    drawn = frame(20)
    for made, low in (
        (pass_rate(items(drawn), drawn, {}, by_id(drawn, [1.0] * 20)), 0.0),
        (difference(items(drawn), drawn, {"d000": 1.0}, {"d001": 1.0}), -1.0),
        (win_rate(items(drawn), drawn, {}).rate, 0.0),
    ):
        assert (made.estimate, made.low, made.high, made.judged, made.gain) == (None, low, 1.0, 0, 0.0)
        assert made.more(0.5) is None
        assert made.side(0.0) != "below"


def test_the_win_rate_counts_a_tie_as_half_and_tells_both_bad_apart():
    drawn = frame(100)
    said = ["win"] * 40 + ["tie"] * 20 + ["both bad"] * 10 + ["loss"] * 30
    generator = np.random.default_rng(6)
    judgements = {each.id: said[place] for each, place in zip(drawn, generator.permutation(100), strict=True)}
    made = win_rate(items(drawn), drawn, judgements | {"nobody": "win"})
    assert made.rate.estimate == pytest.approx(0.55)
    assert made.both_bad.estimate == pytest.approx(0.1)
    assert made.counts == {"win": 40, "tie": 20, "loss": 30, "both bad": 10}
    turned = {"win": "loss", "loss": "win"}
    other = win_rate(items(drawn), drawn, {each: turned.get(kind, kind) for each, kind in judgements.items()})
    assert (other.rate.low, other.rate.high) == pytest.approx((1 - made.rate.high, 1 - made.rate.low))
    json.dumps(made.as_json(), allow_nan=False)


def test_ties_narrow_the_interval():
    drawn = frame(100)
    clear = win_rate(items(drawn), drawn, {each.id: ("win", "loss")[n % 2] for n, each in enumerate(drawn)})
    tied = win_rate(
        items(drawn), drawn, {each.id: ("win", "tie", "loss", "tie")[n % 4] for n, each in enumerate(drawn)}
    )
    assert tied.rate.width < 0.8 * clear.rate.width


def test_more_confidence_is_a_wider_interval():
    drawn = frame(60)
    results, other = by_id(drawn, np.arange(60) % 3 > 0), by_id(drawn, np.arange(60) % 4 > 0)
    for one, another in (
        (pass_rate(items(drawn), drawn, results, confidence=each) for each in (0.8, 0.99)),
        (difference(items(drawn), drawn, results, other, confidence=each) for each in (0.8, 0.99)),
    ):
        assert one.low > another.low
        assert one.high < another.high
        assert one.estimate == another.estimate


def test_as_many_more_as_it_says_settle_it_about():
    generator = np.random.default_rng(7)
    drawn = frame(1000)
    outcomes = by_id(drawn, generator.random(1000) < 0.6)
    few = pass_rate(items(drawn), drawn, judged(drawn, outcomes, {}, 60))
    bound = few.estimate - 0.06
    more = few.more(bound)
    assert few.side(bound) == "cannot tell"
    assert 100 < more < 400
    then = pass_rate(items(drawn), drawn, judged(drawn, outcomes, {}, 60 + more))
    assert (then.estimate - then.low) == pytest.approx(0.06, rel=0.15)
    assert few.more(0.0) == 0


def test_a_judge_who_is_hardly_wrong_cannot_make_up_for_a_small_frame():
    drawn = frame(60)
    passes = by_id(drawn, np.random.default_rng(8).random(60) < 0.6)
    made = pass_rate(items(drawn), drawn, judged(drawn, passes, passes, 55), passes)
    assert made.more(made.estimate - 0.01) is None


def test_the_order_of_what_is_given_does_not_matter():
    generator = np.random.default_rng(9)
    drawn = frame(100)
    passes, judge = by_id(drawn, generator.random(100) < 0.7), by_id(drawn, generator.random(100))
    people = judged(drawn, passes, judge, 40)
    made = pass_rate(items(drawn), drawn, people, judge)
    assert made == pass_rate(
        items(drawn)[::-1], drawn[::-1], dict(reversed(people.items())), dict(reversed(judge.items()))
    )


outcome = st.one_of(st.none(), st.floats(0, 1))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.floats(1e-6, 1), outcome, outcome, outcome, outcome), min_size=1, max_size=25))
def test_any_judgements_give_a_finite_estimate_in_its_interval(rows):
    drawn = [Drawn(f"d{n:03}", f"s{n:03}", row[0]) for n, row in enumerate(rows)]
    a, b, judge_a, judge_b = (
        {each.id: row[part] for each, row in zip(drawn, rows, strict=True) if row[part] is not None}
        for part in range(1, 5)
    )
    for made, lowest in (
        (pass_rate(items(drawn), drawn, a, judge_a), 0),
        (pass_rate(items(drawn), drawn, a, judge_b, ordered_by=judge_a), 0),
        (difference(items(drawn), drawn, a, b, (judge_a, judge_b)), -1),
    ):
        json.dumps(made.as_json(), allow_nan=False)
        made.more(0.1)
        if made.estimate is not None:
            assert lowest <= made.low <= made.estimate + 1e-9
            assert made.estimate - 1e-9 <= made.high <= 1
            assert 0 <= made.power <= 1


@pytest.mark.parametrize("number", [40, 100])
def test_intervals_with_a_biased_judge_hold_the_truth_about_as_often_as_they_say(number):
    generator = np.random.default_rng(number)
    drawn, held = frame(200), []
    for run in range(300):
        chance = needs_in_a_row(generator, 200)
        passes = (generator.random(200) < chance).astype(float)
        judge = by_id(drawn, lenient(passes, generator))
        made = pass_rate(items(drawn), drawn, judged(drawn, by_id(drawn, passes), judge, number, run), judge)
        held.append(made.low <= chance.mean() <= made.high)
    assert 0.91 < np.mean(held) < 0.985


def test_pocock_bounds_are_those_of_the_tables():
    assert [1 - confidence_of_looks(looks) for looks in (1, 2, 3, 4, 5, 10)] == pytest.approx(
        [0.05, 0.0294, 0.0221, 0.0182, 0.0158, 0.0106], abs=1e-4
    )
    assert 1 - confidence_of_looks(5, 0.99) == pytest.approx(0.0028, abs=2e-4)


def test_an_estimate_says_on_which_side_of_a_bound_production_is():
    made = Estimate(0.1, 0.02, 0.18, 50)
    assert (made.side(0.0), made.side(0.05), made.side(0.2)) == ("above", "cannot tell", "below")
    assert replace(made, low=-0.1).more(0.1) is None
