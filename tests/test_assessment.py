"""gaps, covers and mirage as a user meets them, on the seeds."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from generator import pipeline
from generator.config import Config
from generator.evalset.deciding import decide
from generator.pipeline import Silent
from generator.store import Store

SEEDS = Path(__file__).parents[1] / "seeds"
EVALS = SEEDS / "existing_evals.jsonl"


def groundset(*arguments, cwd, stdin=None) -> subprocess.CompletedProcess:
    environ = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    command = [sys.executable, "-m", "generator", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, input=stdin, capture_output=True, text=True, env=environ, check=False)


@pytest.fixture(scope="module")
def support(tmp_path_factory):
    """The support assistant's log, clustered and with drafts, nothing accepted."""
    folder = tmp_path_factory.mktemp("support")
    config = Config(encoder="auto", model="offline")
    with Store.open(folder / "a.groundset", create=True) as store:
        pipeline.run(store, [str(SEEDS / "support_assistant.jsonl")], config, Silent())
    return folder


def test_gaps_of_an_existing_set_names_what_it_does_not_test(support):
    done = groundset("gaps", "a.groundset", "--evals", EVALS, "--json", cwd=support)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert {"verdict", "coverage", "unseen_mass", "clusters", "off_traffic"} <= set(answer)
    assert answer["items"] == 26
    assert 0 < answer["coverage"]["low"] < answer["coverage"]["estimate"] < answer["coverage"]["high"] < 1
    assert sum(each["share"] for each in answer["clusters"]) == pytest.approx(1)
    assert any("chess" in text for text in answer["off_traffic"])
    assert len(answer["near_copies"]) >= 1
    worst = answer["clusters"][0]
    assert worst["exemplars"]
    assert 0 <= worst["same_need"] <= 1


def test_the_gate_has_three_answers(support, tmp_path):
    full = groundset("gaps", "a.groundset", "--evals", EVALS, "--fail-over", "0.01", cwd=support)
    assert full.returncode == 1, full.stdout
    everything = groundset("gaps", "a.groundset", "--evals", EVALS, "--fail-over", "1", cwd=support)
    assert everything.returncode == 0
    (tmp_path / "few.txt").write_text("where is my parcel\nrefund please\n")
    assert groundset("ingest", "few.groundset", "few.txt", cwd=tmp_path).returncode == 0
    assert groundset("cluster", "few.groundset", cwd=tmp_path).returncode == 0
    thin = groundset("gaps", "few.groundset", "--evals", EVALS, "--fail-over", "0.1", cwd=tmp_path)
    assert thin.returncode == 3, thin.stdout + thin.stderr


def test_accepting_what_the_queue_says_closes_gaps(support):
    before = json.loads(groundset("gaps", "a.groundset", "--json", cwd=support).stdout)
    assert before["coverage"]["estimate"] == 0
    with Store.open(support / "a.groundset") as store:
        decide(store, "accept", (), best=40, reason=None, actor="ana")
    after = json.loads(groundset("gaps", "a.groundset", "--json", cwd=support).stdout)
    assert after["coverage"]["estimate"] > 0.3
    assert after["gap_share"]["estimate"] < before["gap_share"]["estimate"]


def test_every_trace_can_be_written_with_how_surely_it_is_tested(support):
    groundset("gaps", "a.groundset", "--evals", EVALS, "--per-trace", "t.jsonl", cwd=support)
    rows = [json.loads(line) for line in (support / "t.jsonl").read_text().splitlines()]
    assert len(rows) > 300
    assert all({"id", "text", "cluster", "covered"} <= set(row) and 0 <= row["covered"] <= 1 for row in rows)
    assert {row["tested"] for row in rows} == {True, False}
    assert all(row["tested"] == (row["covered"] >= 0.6) for row in rows)


def test_covers_tells_tested_from_untested_from_unheard_of(support):
    asked = "where is my order\nproof of the riemann hypothesis in lean 4\n"
    done = groundset("covers", "a.groundset", "-", "--evals", EVALS, "--json", cwd=support, stdin=asked)
    assert done.returncode == 0, done.stderr
    first, second = json.loads(done.stdout)
    assert {"text", "verdict", "covered", "nearest_item", "cluster"} <= set(first)
    assert first["verdict"] in {"covered", "near"}
    assert second["verdict"] == "nobody asks this"
    assert first["expects"]


@pytest.fixture(scope="module")
def maths(tmp_path_factory):
    """A benchmark that has nothing to do with support."""
    path = tmp_path_factory.mktemp("benchmarks") / "maths.txt"
    path.write_text("What is 17 times 23?\nProve that the square root of two is irrational.\n")
    return path


def test_mirage_gives_benchmarks_a_share_and_a_worth(support, maths):
    done = groundset("mirage", "a.groundset", f"maths={maths}", f"own={EVALS}", "--json", cwd=support)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    first, own = answer["benchmarks"]
    assert first["share"] < 0.05 < own["share"]
    assert first["worth"]["estimate"] < own["worth"]["estimate"]
    assert own["worth"]["low"] < own["worth"]["estimate"] < own["worth"]["high"]
    assert [each["traces"] for each in answer["own"]] == sorted(each["traces"] for each in answer["own"])
    assert answer["trust"]["enough"] in {True, False}
    assert answer["trust"]["reason"]
    assert "models" not in answer


def test_mirage_shows_the_nearest_item_of_the_largest_clusters(support, maths):
    done = groundset("mirage", "a.groundset", f"maths={maths}", f"own={EVALS}", "--clusters", "3", cwd=support)
    assert done.returncode == 0, done.stderr
    assert "not sameness of task" in done.stdout
    above, evidence = done.stdout.split("its nearest item", 1)
    assert "maths" in above
    assert len([line for line in evidence.splitlines() if line.strip()]) == 3
    without = groundset("mirage", "a.groundset", f"own={EVALS}", "--clusters", "0", cwd=support)
    assert "its nearest item" not in without.stdout


def test_mirage_orders_a_leaderboard_by_the_traffic_that_its_benchmarks_reach(support, maths, tmp_path):
    scores = tmp_path / "scores.csv"
    scores.write_text(
        "Model;Benchmark;Score\nsums;Maths;95 %\nsums;own;40 %\nwords;maths;60 %\nwords;own;65 %\n"
        "odd;maths;50 %\nodd;elo;1250\n"
    )
    command = ["mirage", "a.groundset", f"maths={maths}", f"own={EVALS}", "--scores", scores]
    answer = json.loads(groundset(*command, "--json", cwd=support).stdout)
    assert [(each["model"], each["rank"], each["weighted_rank"]) for each in answer["models"]] == [
        ("words", 2, 1),
        ("sums", 1, 2),
    ]
    assert answer["order"]["verdict"] == "changed"
    weights = {each["name"]: each["estimate"] for each in answer["order"]["weights"]}
    assert weights["maths"] < weights["own"]
    assert sum(weights.values()) + answer["order"]["unreached"]["estimate"] == pytest.approx(1, abs=1e-3)
    assert any("odd" in each for each in answer["order"]["omitted"])
    shown = groundset(*command, cwd=support).stdout
    assert "The order changes" in shown
    assert "is reached by none of them" in shown


def test_mirage_says_itself_when_there_is_too_little_traffic(tmp_path):
    (tmp_path / "few.txt").write_text("where is my parcel\nrefund please\nwhere is it\n")
    (tmp_path / "one.txt").write_text("where is my parcel\n")
    for name in ("few", "one"):
        assert groundset("ingest", f"{name}.groundset", f"{name}.txt", cwd=tmp_path).returncode == 0
        assert groundset("cluster", f"{name}.groundset", cwd=tmp_path).returncode == 0
    done = groundset("mirage", "few.groundset", f"own={EVALS}", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "The evidence is thin: there are only 3 distinct traces" in done.stdout
    thin = json.loads(groundset("mirage", "few.groundset", f"own={EVALS}", "--json", cwd=tmp_path).stdout)
    assert thin["trust"]["enough"] is False
    alone = groundset("mirage", "one.groundset", f"own={EVALS}", cwd=tmp_path)
    assert alone.returncode == 2
    assert "holds one trace" in alone.stderr


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["gaps", "a.groundset", "--evals", "missing.jsonl"], "missing.jsonl"),
        (["gaps", "a.groundset", "--evals", "numbers.jsonl"], "numbers.jsonl"),
        (["mirage", "a.groundset", "mmlu.jsonl"], "Name each benchmark"),
        (["mirage", "a.groundset", "mmlu=missing.jsonl"], "missing.jsonl"),
        (["mirage", "a.groundset", "none=empty.jsonl"], "empty.jsonl"),
        (["mirage", "a.groundset", "none=numbers.jsonl"], "numbers.jsonl"),
        (["mirage", "a.groundset", "x=numbers.jsonl", "x=empty.jsonl"], "Two benchmarks are named x"),
        (["mirage", "a.groundset", f"own={EVALS}", "--scores", "empty.jsonl"], "empty.jsonl"),
        (["mirage", "a.groundset", f"own={EVALS}", "--scores", "numbers.jsonl"], "columns model, benchmark and score"),
        (["mirage", "empty.groundset", f"own={EVALS}"], "groundset cluster"),
        (["gaps", "empty.groundset"], "groundset cluster"),
    ],
)
def test_wrong_inputs_are_one_sentence(support, command, says):
    (support / "empty.jsonl").write_text("")
    (support / "numbers.jsonl").write_text('{"n": 1}\n{"n": 2}\n')
    Store.open(support / "empty.groundset", create=True).close()
    done = groundset(*command, cwd=support)
    assert done.returncode == 2, (done.returncode, done.stdout, done.stderr)
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_score_speaks_for_production_and_two_files_are_compared(support):
    with Store.open(support / "a.groundset") as store:
        randoms = [each.id for each in store.drafts() if each.origin == "random"]
        drafted = [each.id for each in store.drafts() if each.origin == "edge"][:10]
        store.decide([*randoms, *drafted], "accept", "ana")
    rows = [{"id": each, "passed": number % 4 != 0} for number, each in enumerate(randoms + drafted)]
    (support / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (support / "b.jsonl").write_text("".join(json.dumps(row | {"passed": True}) + "\n" for row in rows))
    (support / "strangers.jsonl").write_text('{"id": "nobody", "passed": true}\n')
    one = json.loads(groundset("score", "a.groundset", "a.jsonl", "--json", cwd=support).stdout)
    assert {"estimate", "low", "high", "effective_n", "untested_share", "bounds", "clusters", "edge_cases"} <= set(one)
    assert one["low"] < 0.75 < one["high"]
    two = json.loads(groundset("score", "a.groundset", "a.jsonl", "b.jsonl", "--json", cwd=support).stdout)
    assert two["difference"]["verdict"] == "B better"
    shown = groundset("score", "a.groundset", "a.jsonl", "b.jsonl", cwd=support)
    assert "B less A" in shown.stdout
    assert "no part of the score" in shown.stdout
    wrong = groundset("score", "a.groundset", "strangers.jsonl", cwd=support)
    assert wrong.returncode == 2
    assert "Traceback" not in wrong.stderr


def test_without_random_items_nothing_is_said_of_production(support, tmp_path):
    with Store.open(tmp_path / "b.groundset", create=True) as store:
        pipeline.run(store, [str(SEEDS / "search_box.txt")], Config(encoder="lexical", model="offline"), Silent())
        edge = next(each.id for each in store.drafts() if each.origin == "edge")
        store.decide([edge], "accept", "ana")
    (tmp_path / "r.jsonl").write_text(json.dumps({"id": edge, "passed": True}) + "\n")
    done = groundset("score", "b.groundset", "r.jsonl", cwd=tmp_path)
    assert done.returncode == 3
    assert "nothing can be said of production" in done.stdout
