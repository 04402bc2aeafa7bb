import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.errors import LogError
from generator.evalset.leaderboard import read_leaderboard, reorder
from generator.records import Interval

HEAD = "model,benchmark,score\n"


def read(tmp_path, text, benchmarks=("mmlu", "gsm8k"), name="scores.csv"):
    (tmp_path / name).write_text(text)
    return read_leaderboard(tmp_path / name, benchmarks)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", HEAD + "a,mmlu,0.712\na,gsm8k,0.5\nb,mmlu,0.6\nb,gsm8k,0.7\n"),
        ("a.csv", HEAD + "a,mmlu,71.2\na,gsm8k,50\nb,mmlu,60\nb,gsm8k,70.0\n"),
        ("a.csv", "Score,MODEL,date,Benchmark\n71.2 %,a,x,MMLU\n0.5,a,x,gsm-8k\n60%,b,x,Mmlu\n0.7,b,x,GSM8K\n"),
        ("a.csv", 'model;benchmark;score\na;mmlu;"71,2"\na;gsm8k;0,5\nb;mmlu;60\nb;gsm8k;0,7\n'),
        ("a.tsv", "model\tbenchmark\tscore\na\tmmlu\t71.2%\na\tgsm8k\t50\nb\tmmlu\t60%\nb\tgsm8k\t70\n"),
        (
            "a.jsonl",
            "".join(
                json.dumps({"model": model, "benchmark": benchmark, "score": score}) + "\n"
                for model, benchmark, score in (("a", "mmlu", 0.712), ("a", "gsm8k", 50), ("b", "mmlu", 0.6))
            )
            + '{"model": "b", "benchmark": "gsm8k", "score": 70}\n',
        ),
    ],
)
def test_shares_and_percents_in_any_layout_are_the_same_scores(tmp_path, name, text):
    found = read(tmp_path, text, name=name)
    assert found.scores["a"] == pytest.approx({"mmlu": 0.712, "gsm8k": 0.5})
    assert found.scores["b"] == pytest.approx({"mmlu": 0.6, "gsm8k": 0.7})
    assert found.omitted == ()


def test_what_is_left_out_is_named(tmp_path):
    rows = "a,mmlu,70\nb,mmlu,60\nc,mmlu,n/a\nd,mmlu,50\na,elo,1250\na,gsm8k,80\nb,gsm8k,90\nc,gsm8k,1\n,mmlu,3\n"
    found = read(tmp_path, HEAD + rows.replace("c,gsm8k,1\n", "c,gsm8k,10\n"), ("mmlu", "gsm8k", "ifeval"))
    assert set(found.scores) == {"a", "b"}
    said = "; ".join(found.omitted)
    for word in ("a number: 3, 9", "elo", "ifeval", "c, which has no score on mmlu", "d, which has no score on gsm8k"):
        assert word in said


def test_a_row_that_says_the_same_twice_counts_once(tmp_path):
    assert read(tmp_path, HEAD + "a,mmlu,70\na,mmlu,70\nb,mmlu,60\n", ("mmlu",)).scores["a"] == {"mmlu": 0.7}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + "a,mmlu,70\na,mmlu,71\nb,mmlu,60\n", "rows 1 and 2"),
        (HEAD + "a,mmlu,70\nb,mmlu,0.7\n", "% sign"),
        (HEAD + "a,mmlu,1250\nb,mmlu,1190\n", "1250"),
        (HEAD + "a,mmlu,-3\nb,mmlu,20\n", "-3"),
        (HEAD + "a,mmlu,1e999\nb,mmlu,20\n", "inf"),
        (HEAD + "a,mmlu,70\n", "an order needs two"),
        (HEAD + "a,mmlu,70\nb,gsm8k,60\n", "no score on"),
        (HEAD + "a,arc,70\nb,arc,60\n", "arc"),
        (HEAD + "a,mmlu,high\nb,mmlu,low\n", "no scores"),
        (HEAD, "scores.csv"),
        ("name,mmlu,gsm8k\na,70,80\n", "needs the columns model, benchmark and score"),
        ("\n", "scores.csv"),
        ("a few words\n", "scores.csv"),
    ],
)
def test_a_file_that_cannot_be_used_is_told_with_the_reason(tmp_path, text, says):
    with pytest.raises(LogError) as caught:
        read(tmp_path, text)
    assert says in str(caught.value)
    assert "scores.csv" in str(caught.value)


def test_numbers_of_any_size_and_nan_are_no_traceback(tmp_path):
    for number in ("1" + "0" * 400, "NaN", "-Infinity", "true", "[1]"):
        row = f'{{"model": "a", "benchmark": "mmlu", "score": {number}}}\n'
        with pytest.raises(LogError):
            read(tmp_path, row + row.replace('"a"', '"b"'), name="scores.jsonl")


BOARD = {"a": {"mmlu": 0.9, "gsm8k": 0.2}, "b": {"mmlu": 0.6, "gsm8k": 0.4}}


def test_a_benchmark_that_reaches_the_traffic_reorders_the_models():
    found = reorder(BOARD, {"mmlu": Interval(0.01, 0.0, 0.02), "gsm8k": Interval(0.5, 0.4, 0.6)})
    assert found.verdict == "changed"
    first, second = found.models
    assert (first.model, first.weighted_rank, first.rank, first.leads_next) == ("b", 1, 2, True)
    assert (second.model, second.weighted_rank, second.rank) == ("a", 2, 1)
    assert first.weighted == pytest.approx((0.01 * 0.6 + 0.5 * 0.4) / 0.51)


def test_where_the_order_hangs_on_the_interval_nothing_can_be_told():
    found = reorder(BOARD, {"mmlu": Interval(0.1, 0.02, 0.3), "gsm8k": Interval(0.2, 0.1, 0.4)})
    assert found.verdict == "cannot tell"
    assert not found.models[0].leads_next


def test_a_model_that_is_better_on_every_benchmark_stays_first():
    board = {"a": {"mmlu": 0.9, "gsm8k": 0.8}, "b": {"mmlu": 0.6, "gsm8k": 0.4}}
    found = reorder(board, {"mmlu": Interval(0.1, 0.01, 0.9), "gsm8k": Interval(0.2, 0.01, 0.9)})
    assert found.verdict == "same"
    assert [each.model for each in found.models] == ["a", "b"]


def test_benchmarks_that_reach_nothing_give_no_order():
    assert reorder(BOARD, {"mmlu": Interval(0.0, 0.0, 0.0), "gsm8k": Interval(0.0, 0.0, 0.0)}) is None


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), min_size=2, max_size=6),
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.1, 1), st.floats(1, 3)), min_size=3, max_size=3),
    st.lists(st.floats(0, 1), min_size=3, max_size=3),
)
def test_what_is_told_of_the_order_holds_for_every_weight_in_the_intervals(rows, spans, places):
    names = ("x", "y", "z")
    board = {f"m{number}": dict(zip(names, row, strict=True)) for number, row in enumerate(rows)}
    weights = {
        name: Interval(size, size * low, size * high) for name, (size, low, high) in zip(names, spans, strict=True)
    }
    found = reorder(board, weights)
    at = {
        name: weights[name].low + place * (weights[name].high - weights[name].low)
        for name, place in zip(names, places, strict=True)
    }
    there = {model: sum(at[name] * row[name] for name in names) for model, row in board.items()}
    for one, other in zip(found.models, found.models[1:], strict=False):
        if one.leads_next:
            assert there[one.model] > there[other.model]
    if found.verdict == "same":
        for one in found.models:
            for other in found.models:
                if one.mean > other.mean + 1e-6:
                    assert there[one.model] > there[other.model]
    assert sorted(each.rank for each in found.models)[0] == 1
