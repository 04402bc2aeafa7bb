"""What the evidence says of two candidates: whose word counts, what it rests on, and when it cannot tell."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from generator.answers import show_decision, verdict_lines
from generator.assessment import frame_of
from generator.config import Config
from generator.decision import Decision, decide
from generator.errors import StageError
from generator.evalset import scoring
from generator.evalset.answering import check_answers
from generator.evalset.selection import answerable
from generator.evalset.sitting import Sitting
from generator.evalset.voices import voices
from generator.judging import Answer, PlantedPair
from generator.logs.values import clean
from generator.pipeline import Silent
from generator.printable import printable
from generator.records import Message
from generator.store import Store
from tests.drafting.shadowing import project_with_items
from tests.hostile.corpus import SHORT
from tests.test_cli import groundset, refused
from tests.worlds import draft

ITEMS = 80


@pytest.fixture
def store(tmp_path: Path):
    with project_with_items(tmp_path / "p.groundset", ITEMS) as opened:
        yield opened


def answer(
    store: Store, rates: dict[str, float], *, results: bool = True, random_state: int = 1, origin: str | None = None
) -> None:
    """Each candidate answers every item, or those of an origin, and passes this share of them."""
    rng = random.Random(random_state)
    for who, rate in rates.items():
        store.put_answers(
            [
                Answer(
                    item.id,
                    who,
                    f"{who} on {item.id}",
                    item.content.asked,
                    item.content.expected,
                    "file",
                    "a test",
                    float(rng.random() < rate) if results else None,
                    latency_s=rng.random(),
                    cost_usd=0.01,
                )
                for item in answerable(store)
                if origin in {None, item.origin}
            ]
        )


def decided(store: Store, **options) -> Decision:
    return decide(store, Config(), Silent(), ("A", "B"), **options)


def passed(store: Store, who: str) -> dict[str, float]:
    return {each.draft_id: each.passed for each in store.answer_facts(who) if each.passed is not None}


def grade(store: Store, count: int, *, wrong: float = 0.0, actor: str = "ana") -> list[str]:
    """A person grades both answers to so many items at random, as the results say but for this share."""
    rng = random.Random(5)
    items = rng.sample([item.id for item in answerable(store)], count)
    for who in ("A", "B"):
        results = passed(store, who)
        for item in items:
            good = bool(results[item]) != (rng.random() < wrong)
            store.grade(item, who, "pass" if good else "fail", actor)
    return items


def test_results_alone_say_what_score_says_of_them_and_that_nobody_has_looked(store):
    answer(store, {"A": 0.5, "B": 0.9})
    found = decided(store)
    score = scoring.score(answerable(store), frame_of(store), passed(store, "A"))
    gap = scoring.difference(answerable(store), frame_of(store), passed(store, "A"), passed(store, "B"))
    assert (found.a.pass_rate.estimate, found.a.pass_rate.low, found.a.pass_rate.basis) == (
        score.estimate,
        score.low,
        "results",
    )
    assert (found.difference.estimate, found.difference.low, found.difference.high) == (gap.estimate, gap.low, gap.high)
    assert found.difference.verdict == gap.verdict == "B better"
    assert found.wins is None
    assert found.exit_code == 0
    assert "nobody has looked" in "\n".join(verdict_lines(found))


def test_people_come_first_and_results_are_corrected_by_them(store):
    answer(store, {"A": 0.5, "B": 0.9})
    grade(store, 30, wrong=0.05)
    found = decided(store)
    assert (found.a.pass_rate.basis, found.a.pass_rate.judged, found.a.pass_rate.opinions) == (
        "people and opinions",
        30,
        ITEMS,
    )
    assert found.a.pass_rate.gain > 0.1
    assert found.difference.judged == 30
    assert found.difference.low < found.difference.estimate < found.difference.high
    words = "\n".join(verdict_lines(found))
    assert "corrected by them, which makes the interval" in words
    assert "nobody has looked" not in words


def test_a_judge_that_is_wrong_changes_nothing_and_people_alone_are_heard(store):
    answer(store, {"A": 0.5, "B": 0.9})
    grade(store, 40, wrong=0.5)
    found = decided(store)
    assert found.b.pass_rate.power < 0.5
    assert abs(found.b.pass_rate.estimate - 0.5) < 0.25


def test_who_cannot_be_told_apart_is_told_how_much_more_it_takes(store):
    answer(store, {"A": 0.5, "B": 0.6}, random_state=4)
    found = decided(store)
    assert found.difference.verdict == "cannot tell"
    assert found.difference.more is not None
    assert "cannot tell yet; about" in "\n".join(verdict_lines(found))
    grade(store, 20)
    words = "\n".join(verdict_lines(decided(store)))
    assert "more judgement" in words
    assert decided(store).difference.left == ITEMS - 20
    assert "its results alone, as they came, would say" in words


@pytest.mark.parametrize(
    ("rule", "verdict", "code"),
    [
        ("B >= A - 0.02", "met", 0),
        ("A >= B", "not met", 1),
        ("B >= A + 45 %", "not enough evidence", 3),
        ("B >= 0.5", "met", 0),
        ("A > 90 %", "not met", 1),
    ],
)
def test_a_ship_rule_is_a_gate(store, rule, verdict, code):
    answer(store, {"A": 0.5, "B": 0.9})
    found = decided(store, require=rule)
    assert (found.rule_verdict, found.exit_code) == (verdict, code)
    assert groundset("decide", store.path, "A", "B", "--require", rule).returncode == code


def test_less_confidence_gives_narrower_intervals(store):
    answer(store, {"A": 0.5, "B": 0.9})
    wide, narrow = decided(store).difference, decided(store, confidence=0.8).difference
    assert narrow.high - narrow.low < wide.high - wide.low


def test_blind_comparisons_give_a_win_rate_whoever_stood_where(store):
    answer(store, {"A": 0.5, "B": 0.5}, results=False)
    for number, item in enumerate(answerable(store)):
        sides = ("A", "B") if number % 2 else ("B", "A")
        prefers_b = number % 4 != 0
        store.judge_pair(item.id, *sides, "right" if (sides[1] == "B") == prefers_b else "left", "ana")
    found = decided(store)
    assert found.wins is not None
    assert found.wins.counts == {"win": 60, "loss": 20, "tie": 0, "both bad": 0}
    assert found.wins.rate.estimate == pytest.approx(0.75)
    assert found.a.pass_rate.basis == "nothing"
    assert "B is preferred" in "\n".join(verdict_lines(found))
    assert sum(each.preferred[1] for each in found.clusters) == 60


def test_people_who_differ_on_a_pair_make_a_tie_unless_there_is_a_majority(store):
    answer(store, {"A": 0.5, "B": 0.5}, results=False)
    one, two, three, *_ = (item.id for item in answerable(store))
    for item, said in ((one, ("left", "right")), (two, ("right", "right", "left")), (three, ("both_bad", "both_bad"))):
        for actor, choice in zip(("ana", "ben", "cleo"), said, strict=False):
            store.judge_pair(item, "A", "B", choice, actor)
    assert decided(store).wins.counts == {"win": 1, "loss": 0, "tie": 1, "both bad": 1}


def test_programs_overrule_results_and_what_is_stale_says_nothing(store):
    answer(store, {"A": 1.0, "B": 1.0})
    first, second, *_ = answerable(store)
    store.grade(first.id, "A", "fail", "ana")
    store.accept_edited(first.id, first.input, ["Contains «parcel»"], [], "ana")
    check_answers(store)
    found = decided(store)
    assert found.a.pass_rate.basis == "results"  # the grade was of another target, and so were the results
    assert found.a.pass_rate.opinions == ITEMS
    assert found.a.pass_rate.estimate < 1.0
    store.accept_edited(second.id, [replace(second.input[0], content="Another?")], ["Answers"], [], "ana")
    assert (decided(store).a.stale, decided(store).a.pass_rate.opinions) == (1, ITEMS - 1)


def test_clusters_say_where_each_is_better_with_examples_and_what_nothing_is_known_of(store):
    answer(store, {"A": 0.5, "B": 0.9})
    items = answerable(store)
    a, b = passed(store, "A"), passed(store, "B")
    store.accept_edited(items[0].id, [replace(items[0].input[0], content="Another?")], ["Answers"], [], "ana")
    found = decided(store)
    rows = {each.id: each for each in found.clusters}
    for item in items[1:]:
        row = rows[item.cluster_id]
        assert (row.random[0].estimate, row.random[1].estimate) == (a[item.id], b[item.id])
        better = {each.id for each in row.b_better} if b[item.id] > a[item.id] else {each.id for each in row.a_better}
        assert (item.id in better) is (a[item.id] != b[item.id])
    assert found.no_evidence.clusters == pytest.approx(1 / ITEMS)
    assert found.no_evidence.names == (items[0].cluster_name,)
    assert found.no_evidence.strata == pytest.approx(1 / ITEMS)


def test_edge_cases_are_no_part_of_the_figures(store):
    edges = [draft(f"edge {number}", "group 1", "edge") for number in range(6)]
    store.add_drafts(edges)
    answer(store, {"A": 0.5, "B": 0.9})
    before = decided(store).a.pass_rate
    store.decide([each.id for each in edges], "accept", "ana")
    answer(store, {"A": 0.0, "B": 1.0}, origin="edge")
    found = decided(store)
    assert (found.a.pass_rate.low, found.a.pass_rate.high) == (before.low, before.high)
    assert [(each.origin, each.a.estimate, each.b.estimate, each.a.items) for each in found.kinds] == [
        ("edge", 0.0, 1.0, 6)
    ]
    assert sum(each.found[0].items for each in found.clusters) == 6


def test_it_says_how_far_people_agree_with_one_another_and_opinions_with_them(store):
    answer(store, {"A": 0.5, "B": 0.9})
    grade(store, 20)
    grade(store, 20, wrong=0.2, actor="ben")
    first, second, *_ = (item.id for item in answerable(store))
    pair = PlantedPair.of("another question", (first, "A"), (second, "A"))
    store.add_planted_pairs([pair])
    store.judge_planted(pair, True, "left", "ana")
    store.judge_planted(pair, True, "right", "ben")
    found = decided(store).reviewers
    assert [(each.one, each.other, each.items) for each in found.alike] == [("ana", "ben", 40)]
    assert 0 < found.alike[0].agreed < 40
    assert {each.actor: (each.judged, each.planted, each.caught) for each in found.people} == {
        "ana": (40, 1, 1),
        "ben": (40, 1, 0),
    }
    assert [each.other for each in found.judge] == ["people on A", "people on B"]


def test_estimates_part_items_as_the_order_of_work_did(store):
    answer(store, {"A": 0.5, "B": 0.9})
    for who, parts in (("A", 3), ("B", 4)):  # grades, not only passed or failed
        graded = [replace(each, passed=place % parts / (parts - 1)) for place, each in enumerate(store.answers(who))]
        store.put_answers(graded, replace=True)
    items = answerable(store)
    for names in (("A", "B"), ("B", "A")):
        assert voices(store, items, *names).order == Sitting(store, "ana", names)._opinion
    assert len(set(voices(store, items, "A", "B").order.values())) > 3
    assert voices(store, items, "A", "B").opinions[0] == Sitting(store, "ana", ["A"])._opinion


def test_items_that_nobody_was_given_to_judge_are_neighbours_to_stand_in_for(store):
    answer(store, {"A": 0.5, "B": 0.9})
    with store._transaction() as db:  # as after a shadow run that its cap stopped
        db.execute(
            "DELETE FROM answer WHERE draft_id > (SELECT draft_id FROM answer ORDER BY draft_id LIMIT 1 OFFSET 81)"
        )
    for item in [each.id for each in answerable(store)][:30]:
        for who in ("A", "B"):
            store.grade(item, who, "pass" if passed(store, who)[item] else "fail", "ana")
    found = decided(store)
    assert (found.difference.judged, found.difference.left) == (30, 11)
    assert found.no_evidence.strata == pytest.approx(1 - 41 / ITEMS)


def test_costs_and_times_are_those_of_answers_in_use(store):
    answer(store, {"A": 0.5, "B": 0.9})
    found = decided(store)
    assert (found.a.cost_usd.answers, found.a.cost_usd.total) == (ITEMS, pytest.approx(0.01 * ITEMS))
    assert found.a.latency_s.median < found.a.latency_s.p95 < 1.0


def test_candidates_that_are_not_there_are_refused(store):
    with pytest.raises(StageError, match=r"no answers of A \(there are: none yet\)"):
        decided(store)
    answer(store, {"A": 0.5, "B": 0.9})
    assert "cannot be compared with itself" in refused(groundset("decide", store.path, "A", "A"))
    assert "there are: A, B" in refused(groundset("decide", store.path, "A", "C"))
    assert "no candidate" in refused(groundset("decide", store.path, "A", "B", "--require", "C > A"))


def test_hostile_names_and_texts_are_shown_as_text(tmp_path, capsys):
    texts = [text for text in SHORT.values() if text.strip()]
    with project_with_items(tmp_path / "h.groundset", len(texts)) as store:
        names = {item.cluster_id: text for item, text in zip(answerable(store), texts, strict=True)}
        with store._transaction() as db:
            db.executemany("UPDATE cluster SET name = ? WHERE id = ?", [(clean(t), c) for c, t in names.items()])
        for item, text in zip(answerable(store), texts, strict=True):
            store.accept_edited(item.id, [Message("user", clean(text))], [clean(text)], [clean(text)], "ana")
        answer(store, {"A": 0.0, "B": 1.0})
        check_answers(store)
        for item in answerable(store):
            store.judge_pair(item.id, "A", "B", "right", "ana")
        show_decision(decided(store))
    shown = capsys.readouterr().out
    assert printable(shown) == shown
    assert shown.count("only B passes") == 5


def test_the_command_prints_all_of_it_for_people_and_for_programs(store):
    answer(store, {"A": 0.5, "B": 0.9})
    grade(store, 30)
    done = groundset("decide", store.path, "A", "B", "--require", "B >= A")
    assert done.returncode == 0, done.stderr
    assert "rule B >= A, at 95 %: met" in done.stdout
    assert "no evidence at all for 0.0 % of production" in done.stdout
    figures = json.loads(groundset("decide", store.path, "A", "B", "--json").stdout)
    often = json.loads(groundset("decide", store.path, "A", "B", "--looks", "8", "--json").stdout)
    assert 0.987 < often["confidence"] < 0.989
    assert often["difference"]["low"] < figures["difference"]["low"]
    assert {
        "candidates",
        "confidence",
        "difference",
        "win_rate",
        "rule",
        "clusters",
        "edge_cases",
        "no_evidence",
        "reviewers",
        "freshness",
        "benchmarks",
    } == figures.keys()
    assert figures["difference"]["verdict"] == "B better"
