import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator import assessment
from generator.evalset.scoring import Drawn, difference, same_family, score
from generator.evalset.selection import draw_random, random_drafts
from generator.records import Cluster, Sample
from generator.store import Store
from tests.worlds import cluster_of_each, fill, trace


def sample(id, **parts):
    made = Sample(id, (), (), (), None, "random", "real", False, "c-1", "", None, 1.0, "s", "dev", (), "", "", "", "")
    return replace(made, **parts)


def frame(strata):
    """Draws from {stratum: (share of traffic, draws)}; ids are the stratum and a number."""
    return [Drawn(f"{name}{i}", name, share / n) for name, (share, n) in strata.items() for i in range(n)]


def scored(draws, results, **more):
    return score([sample(each.id) for each in draws], draws, results, **more)


def everything_finite(made):
    return json.dumps(made.as_json(), allow_nan=False)


def test_each_stratum_counts_by_its_traffic_and_not_by_its_items():
    draws = frame({"a": (0.9, 2), "b": (0.1, 6)})
    made = scored(draws, {each.id: float(each.stratum == "a") for each in draws})
    assert made.estimate == pytest.approx(0.9)
    assert made.untested_share == pytest.approx(0)
    assert made.bounds == pytest.approx((made.low, made.high))


def test_typical_and_drafted_items_never_enter_the_estimate():
    draws = frame({"a": (1.0, 40)})
    results = {each.id: 1.0 for each in draws}
    found = [sample(f"e{i}", origin="edge", kind="negation", weight=0.0) for i in range(30)]
    found += [sample("x", origin="exemplar", weight=0.0), sample("v", origin="variant", kind="slang", weight=0.0)]
    with_found = score([*map(sample, results), *found], draws, results | {each.id: 0.0 for each in found})
    alone = scored(draws, results)
    assert (with_found.estimate, with_found.low, with_found.high) == (alone.estimate, alone.low, alone.high)
    rows = {(row.origin, row.kind): row.rate for row in with_found.edge_cases}
    assert rows["edge", "negation"].items == 30
    assert rows["edge", "negation"].estimate == 0.0
    assert 0 < rows["edge", "negation"].high < 0.2
    assert set(rows) == {("edge", "negation"), ("exemplar", "real"), ("variant", "slang")}


def test_a_random_draw_that_a_person_changed_or_rejected_does_not_speak_for_production():
    draws = frame({"a": (0.5, 2), "b": (0.5, 2)})
    draws[3] = replace(draws[3], rejected=True)
    items = [sample("a0"), sample("a1", weight=0.0, edited=True), sample("b0")]
    made = score(items, draws, {"a0": 1.0, "a1": 0.0, "b0": 1.0, "b1": 0.0})
    assert (made.estimate, made.items) == (1.0, 2)
    assert [(row.origin, row.rate.items) for row in made.edge_cases] == [("random", 1)]
    assert (made.rejected, made.rejected_share) == (1, pytest.approx(0.25))
    assert "1 random draw was rejected; it stands for 25.0 % of traffic" in made.note


def test_the_random_draws_of_a_project_speak_and_those_rejected_are_told(tmp_path):
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        traces = [trace(f"need {'x' * number}", count=3) for number in range(20)]
        fill(store, traces)
        cluster_of_each(store, traces)
        draws = random_drafts(store, draw_random(store, 10))
        store.add_drafts(draws)
        store.decide([each.id for each in draws[:-2]], "accept", "ana")
        store.decide([draws[-1].id], "reject", "ana")
        results = tmp_path / "results.jsonl"
        results.write_text("\n".join(json.dumps({"id": each.id, "score": 1.0}) for each in draws))
        made = assessment.score(store, [str(results)]).first
    assert (made.estimate, made.items, made.rejected) == (1.0, len(draws) - 2, 1)
    assert made.rejected_share == pytest.approx(draws[-1].weight)
    assert made.untested_share == pytest.approx(draws[-1].weight + draws[-2].weight)


def test_strata_without_a_result_are_told_and_bounded_by_all_failing_and_all_passing():
    draws = frame({"a": (0.6, 50), "b": (0.3, 30), "c": (0.1, 5)})
    results = {each.id: 1.0 for each in draws if each.stratum != "b"}
    made = scored(draws, results)
    assert made.untested_share == pytest.approx(0.3)
    assert made.estimate == 1.0
    low, high = made.bounds
    tested = [each for each in draws if each.stratum != "b"]
    assert low == pytest.approx(0.7 * scored(tested, results).low)
    assert high == pytest.approx(1.0)
    assert "30.0 % of traffic" in made.note


def test_a_stratum_without_a_result_lends_its_weight_to_the_nearest_on_both_sides():
    shares = {"a": (0.2, 20), "b": (0.3, 20), "c": (0.1, 20), "d": (0.4, 20)}
    draws = frame(shares)

    def estimate(*tested, passing):
        return scored(
            draws, {each.id: float(each.stratum == passing) for each in draws if each.stratum in tested}
        ).estimate

    assert estimate("a", "c", "d", passing="a") == pytest.approx(0.2 + 0.15)
    assert estimate("a", "c", "d", passing="c") == pytest.approx(0.15 + 0.1)
    assert estimate("a", "d", passing="d") == pytest.approx(0.4 + 0.2)
    assert estimate("b", "c", passing="b") == pytest.approx(0.2 + 0.3)


def test_no_random_result_gives_no_estimate_but_still_the_edge_cases():
    made = score([sample("e", origin="edge", weight=0.0)], frame({"a": (1.0, 3)}), {"e": 1.0})
    assert made.estimate is None
    assert (made.low, made.high, made.bounds, made.untested_share) == (0.0, 1.0, (0.0, 1.0), 1.0)
    assert made.edge_cases[0].rate.estimate == 1.0
    assert "nothing can be said" in made.note
    assert score([], [], {}).estimate is None
    everything_finite(made)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.5])
@pytest.mark.parametrize("size", [1, 2, 3, 200])
def test_results_that_are_all_alike_still_have_an_interval(value, size):
    draws = frame({f"s{i}": (1 / size, 1) for i in range(size)})
    made = scored(draws, {each.id: value for each in draws})
    everything_finite(made)
    assert made.low <= value <= made.high
    assert made.high - made.low > 1 / (size + 2)
    assert made.effective_n == pytest.approx(size)


def test_one_result_says_next_to_nothing():
    made = scored(frame({"a": (1.0, 1)}), {"a0": 1.0})
    assert made.estimate == 1.0
    assert made.low < 0.05
    assert "rough" in made.note


@settings(max_examples=150, deadline=None)
@given(
    strata=st.lists(st.tuples(st.floats(1e-6, 1), st.lists(st.floats(0, 1), max_size=4)), min_size=1, max_size=12),
)
def test_any_results_give_a_finite_score_in_order(strata):
    draws, results = [], {}
    for number, (share, values) in enumerate(strata):
        draws.append(Drawn(f"{number}-none", f"s{number}", share))
        for place, value in enumerate(values):
            draws.append(Drawn(f"{number}-{place}", f"s{number}", share))
            results[f"{number}-{place}"] = value
    made = scored(draws, results)
    everything_finite(made)
    if made.estimate is None:
        assert not results
        return
    assert 0 <= made.low <= made.estimate + 1e-9
    assert made.estimate - 1e-9 <= made.high <= 1
    assert 0 <= made.bounds[0] <= made.bounds[1] <= 1
    assert made.effective_n > 0
    change = difference([sample(each) for each in results], draws, results, dict.fromkeys(results, 0.5))
    everything_finite(change)
    assert -1 <= change.low <= change.estimate + 1e-9
    assert change.estimate - 1e-9 <= change.high <= 1


def test_the_order_of_items_and_draws_does_not_matter():
    draws = frame({"a": (0.5, 9), "b": (0.3, 1), "c": (0.2, 3)})
    results = {each.id: (number % 3) / 2 for number, each in enumerate(draws)}
    backwards = dict(reversed(results.items()))
    assert scored(draws, results) == scored(draws[::-1], backwards)


def test_clusters_have_their_own_rows_by_traffic_also_without_a_result():
    clusters = [
        Cluster(f"c-{i}", f"need {i}", "phrases", share, 1, 1, ()) for i, share in ((1, 0.3), (2, 0.6), (3, 0.1))
    ]
    draws = frame({"a": (0.6, 2), "b": (0.4, 2)})
    items = [sample(each.id, cluster_id="c-2" if each.stratum == "a" else "c-1") for each in draws]
    items.append(sample("e", origin="edge", weight=0.0, cluster_id="c-1"))
    made = score(items, draws, {"a0": 1.0, "a1": 0.0, "b0": 1.0, "e": 0.0}, clusters)
    first, second, third = made.clusters
    assert [row.id for row in made.clusters] == ["c-2", "c-1", "c-3"]
    assert (first.production.items, first.production.estimate) == (2, 0.5)
    assert (second.production.estimate, second.discovery.estimate) == (1.0, 0.0)
    assert (third.production.estimate, third.production.low, third.production.high) == (None, 0.0, 1.0)


def test_the_json_has_the_keys_that_scripts_build_on():
    draws = frame({"a": (1.0, 4)})
    row = scored(draws, {each.id: 1.0 for each in draws}).as_json()
    assert {"estimate", "low", "high", "effective_n", "untested_share", "bounds", "clusters", "edge_cases"} <= set(row)
    assert set(row["bounds"]) == {"low", "high"}
    change = difference([sample("a0")], draws, {"a0": 1.0}, {"a0": 1.0}).as_json()
    assert {"estimate", "low", "high", "verdict"} <= set(change)


def test_strata_help_where_they_agree_within_and_the_interval_shows_it():
    draws = frame({f"s{i:02}": (0.05, 5) for i in range(20)})
    alike = scored(draws, {each.id: float(int(each.stratum[1:]) % 2) for each in draws})
    mixed = scored(draws, {each.id: float(int(each.id[3:]) % 2) for each in draws})
    assert alike.high - alike.low < 0.6 * (mixed.high - mixed.low)
    assert alike.effective_n > 2 * mixed.effective_n


def needs_in_a_row(generator, accuracy, draws=50):
    """A frame of one draw a slice, and the chance to pass in each: neighbours ask alike, as they do in the tree."""
    drawn = [Drawn(f"d{number:03}", f"s{number:03}", 1 / draws) for number in range(draws)]
    return drawn, np.repeat(accuracy(generator, draws // 5), 5)


def graded(chance, generator):
    chance = np.clip(chance, 0.001, 0.999)
    return generator.beta(4 * chance, 4 * (1 - chance))


def passed(chance, generator):
    return (generator.random(len(chance)) < chance).astype(float)


@pytest.mark.parametrize("results", [passed, graded])
@pytest.mark.parametrize(("first", "second"), [(0.6, 0.4), (19, 1), (0.3, 5.7)])
@pytest.mark.parametrize("rejected", [0.0, 0.3])
def test_intervals_hold_the_truth_about_as_often_as_they_say(first, second, rejected, results):
    generator = np.random.default_rng(1)
    held = []
    for _ in range(500):
        drawn, chance = needs_in_a_row(generator, lambda random, needs: random.beta(first, second, needs), 100)
        values = dict(zip([each.id for each in drawn], results(chance, generator).tolist(), strict=True))
        kept = [each for each in drawn if generator.random() >= rejected]
        made = scored(kept, values) if not rejected else score([sample(each.id) for each in kept], drawn, values)
        held.append(made.low <= chance.mean() <= made.high)
    assert 0.92 < np.mean(held) < 0.985


def test_intervals_of_a_difference_hold_the_truth_about_as_often_as_they_say():
    generator = np.random.default_rng(2)
    held, wrong = [], 0
    for _ in range(500):
        drawn, a = needs_in_a_row(generator, lambda random, needs: random.beta(0.6, 0.4, needs), 100)
        b = np.where(np.repeat(generator.random(20) < 1 / 3, 5), np.repeat(generator.beta(0.6, 0.4, 20), 5), a)
        luck = generator.random(100)
        first, second = ({each.id: float(passes) for each, passes in zip(drawn, luck < c, strict=True)} for c in (a, b))
        made, truth = difference([sample(each.id) for each in drawn], drawn, first, second), float((b - a).mean())
        held.append(made.low <= truth <= made.high)
        wrong += (made.verdict, truth > 0) in {("A better", True), ("B better", False)}
    assert 0.925 < np.mean(held) < 0.985
    assert wrong / 500 < 0.03


def test_a_trace_that_production_sends_all_the_time_is_one_result():
    draws = [Drawn("often", "s000", 0.5), *(Drawn(f"d{i}", f"s{i:03}", 0.5 / 99) for i in range(1, 100))]
    results = {each.id: 1.0 for each in draws} | {"often": 0.0}
    made = scored(draws, results)
    assert made.estimate == pytest.approx(0.5)
    assert made.effective_n < 5
    assert made.low < 0.2
    assert made.high > 0.8


def test_a_steady_trend_along_the_tree_does_not_make_the_interval_vanish():
    draws = [Drawn(f"d{i:03}", f"s{i:03}", 0.01) for i in range(100)]
    made = scored(draws, {each.id: number / 99 for number, each in enumerate(draws)})
    assert 0.0 < made.high - made.low < 0.02


def test_a_clear_difference_has_a_verdict_in_both_directions():
    draws = frame({f"s{i}": (0.1, 10) for i in range(10)})
    items = [sample(each.id) for each in draws]
    bad = {each.id: float(int(each.id[-1]) < 5) for each in draws}
    good = {each.id: 1.0 for each in draws}
    up, down = difference(items, draws, bad, good), difference(items, draws, good, bad)
    assert (up.verdict, down.verdict) == ("B better", "A better")
    assert (up.estimate, up.low, up.high) == pytest.approx((-down.estimate, -down.high, -down.low))
    assert up.more_items == 0


def test_a_small_difference_cannot_be_told_and_says_how_many_items_would_settle_it():
    draws = frame({"a": (1.0, 100)})
    items = [sample(each.id) for each in draws]
    first = {each.id: float(number >= 4) for number, each in enumerate(draws)}
    second = {each.id: float(number != 50) for number, each in enumerate(draws)}
    made = difference(items, draws, first, second)
    assert made.estimate == pytest.approx(0.03)
    assert made.verdict == "cannot tell"
    assert 30 < made.more_items < 400
    for times in range(2, 7):
        settled = "B better" if 100 * (times - 1) >= made.more_items else "cannot tell"
        assert verdict_of_copies(list(first.values()), list(second.values()), times) == settled


def verdict_of_copies(first, second, times):
    draws = [Drawn(f"d{i:04}", f"s{i:04}", 1 / len(first)) for i in range(times * len(first))]
    ids = [each.id for each in draws]
    a, b = (dict(zip(ids, results * times, strict=True)) for results in (first, second))
    return difference([sample(each) for each in ids], draws, a, b).verdict


def test_equal_results_cannot_be_told_apart_by_any_number_of_items():
    draws = frame({"a": (1.0, 50)})
    same = {each.id: 1.0 for each in draws}
    made = difference([sample(each.id) for each in draws], draws, same, same)
    assert (made.estimate, made.verdict, made.more_items) == (0.0, "cannot tell", None)
    assert made.low < 0 < made.high


def test_only_items_with_both_results_are_compared():
    draws = frame({"a": (1.0, 3)})
    items = [sample(each.id) for each in draws]
    assert difference(items, draws, {"a0": 1.0, "a1": 0.0}, {"a1": 1.0, "a2": 0.0}).items == 1
    made = difference(items, draws, {"a0": 1.0}, {"a1": 1.0})
    assert (made.estimate, made.verdict, made.items) == (None, "cannot tell", 0)
    everything_finite(made)


def test_graded_scores_that_move_a_little_and_always_up_are_told():
    draws = frame({"a": (1.0, 60)})
    first = {each.id: 0.3 + number / 200 for number, each in enumerate(draws)}
    second = {each: value + 0.02 + 0.01 * math.sin(number) for number, (each, value) in enumerate(first.items())}
    assert difference([sample(each.id) for each in draws], draws, first, second).verdict == "B better"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("anthropic/claude-opus-4", "bedrock/us.anthropic.claude-3-5-haiku", True),
        ("openai/gpt-5", "openai/o3-mini", True),
        ("openai/gpt-5", "openai/llama-3.1-8b", False),
        ("openai/Qwen2.5-7B", "openai/qwq-32b", True),
        ("openai/deepseek-r1-distill-llama-70b", "meta-llama/Llama-3.3", True),
        ("anthropic/claude-opus-4", "openai/gpt-5", False),
        ("openai/our-own", "somewhere/our-own", True),
        ("offline/rules", "offline/rules", False),
        ("", "", False),
    ],
)
def test_models_of_one_family_are_recognised_by_name(first, second, same):
    assert same_family(first, second) is same
    assert same_family(second, first) is same
