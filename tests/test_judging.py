import random
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.errors import ProjectError
from generator.evalset.merging import merge
from generator.judging import Answer, CheckResult, Opinion, PlantedPair, PutReport
from generator.store import Store
from tests.hostile.corpus import HOSTILE
from tests.worlds import project


@pytest.fixture
def store(tmp_path: Path):
    with project(tmp_path / "p.groundset") as opened:
        opened.decide([each.id for each in opened.drafts()], "accept", "ana")
        yield opened


def ids(store: Store) -> list[str]:
    return [each.id for each in store.drafts()]


def answer(store: Store, draft_id: str, candidate: str, output: str = "yes", **more) -> Answer:
    content = store.contents([draft_id])[draft_id]
    return Answer(draft_id, candidate, output, content.asked, content.expected, "file", "a.jsonl", **more)


def answered(store: Store, candidates: str = "AB") -> list[str]:
    """Every item answered by each candidate."""
    store.put_answers([answer(store, each, who, f"{who} on {each}") for each in ids(store) for who in candidates])
    return ids(store)


def verdicts(store: Store) -> list[tuple[str, str | None]]:
    return [(each.actor, each.said) for each in store.opinions()]


def test_an_answer_comes_back_as_it_was_with_what_every_log_may_hold(store):
    outputs = [text for text in HOSTILE.values() if text.encode("utf-8", "ignore").decode() == text]
    first = ids(store)[0]
    for number, text in enumerate(outputs):
        store.put_answers([answer(store, first, f"model {number}", text, passed=0.5, latency_s=1.5, cost_usd=0.01)])
    kept = {each.candidate: each for each in store.answers()}
    assert [kept[f"model {n}"].output for n in range(len(outputs))] == outputs
    assert {(each.passed, each.latency_s, each.cost_usd) for each in kept.values()} == {(0.5, 1.5, 0.01)}
    assert store.candidates()["model 0"] == 1


def test_a_second_answer_is_taken_only_where_it_is_the_same_or_asked_for(store):
    first, second, *_ = ids(store)
    assert store.put_answers([answer(store, each, "A") for each in (first, second)]) == PutReport(2, 0, 0, 0)
    more = [answer(store, first, "A", passed=1.0), answer(store, second, "A", "no")]
    assert store.put_answers(more) == PutReport(0, 1, 0, 1)
    kept = {each.draft_id: (each.output, each.passed) for each in store.answers("A")}
    assert kept == {first: ("yes", 1.0), second: ("yes", None)}
    assert store.put_answers(more, replace=True) == PutReport(0, 1, 1, 0)
    assert store.answers("A", [second])[0].output == "no"


def test_an_answer_to_what_was_edited_since_is_stale_and_gives_way(store):
    first, *_ = answered(store)
    draft = store.drafts([first])[0]
    store.judge_pair(first, "A", "B", "left", "ana")
    store.accept_edited(first, draft.messages, ["Says when"], [], "ana")
    assert store.stale_answers() == frozenset()  # the same question: the answers stand, what was judged does not
    assert [each.stale for each in store.opinions()] == [True]
    store.accept_edited(first, [replace(draft.messages[0], content="Where else?")], ["Says when"], [], "ana")
    assert store.stale_answers() == {(first, "A"), (first, "B")}
    assert store.put_answers([answer(store, first, "A", "elsewhere")]) == PutReport(0, 0, 1, 0)
    assert store.stale_answers() == {(first, "B")}


def test_a_preference_is_kept_by_name_whatever_side_it_stood_on(store):
    first, second, *_ = answered(store)
    store.judge_pair(first, "A", "B", "left", "ana", session="s1")
    store.judge_pair(second, "B", "A", "left", "ana", seconds=2.5)
    assert [(each.draft_id, each.candidates, each.preferred) for each in store.opinions()] == [
        (first, ("A", "B"), "A"),
        (second, ("A", "B"), "B"),
    ]
    payloads = [each.payload for each in store.judgements()]
    assert [(each["left"], each["right"]) for each in payloads] == [("A", "B"), ("B", "A")]
    assert payloads[0]["session"] == "s1"
    assert payloads[1]["seconds"] == 2.5


def test_the_last_verdict_of_each_person_counts_and_ticks_add_up(store):
    first, *_ = answered(store)
    store.grade(first, "A", "fail", "ana", {"answers": True})
    store.tick(first, "A", {"invents a date": False}, "ana")
    store.grade(first, "A", "pass", "ana")
    store.grade(first, "A", "unsure", "ben")
    store.judge_pair(first, "A", "B", "same", "ben", {"B": {"answers": False}})
    found = {(each.actor, each.candidates): (each.said, each.ticks) for each in store.opinions()}
    assert found == {
        ("ana", ("A",)): ("pass", {"answers": True, "invents a date": False}),
        ("ben", ("A",)): ("unsure", {}),
        ("ben", ("A", "B")): ("same", {}),
        ("ben", ("B",)): (None, {"answers": False}),
    }


def test_undo_takes_back_a_whole_step_and_redo_brings_it_again(store):
    first, *_ = answered(store)
    store.judge_pair(first, "A", "B", "both_bad", "ana")
    store.judge_pair(first, "A", "B", "right", "ana", {"B": {"answers": True}})
    store.grade(first, "A", "pass", "ben")
    undone = store.undo_judgement("ana")
    assert [each.verb for each in undone] == ["prefer", "tick"]
    assert sorted(verdicts(store)) == [("ana", "both_bad"), ("ben", "pass")]
    assert [each.verb for each in store.redo_judgement("ana")] == ["prefer", "tick"]
    assert store.redo_judgement("ana") == ()
    assert ("ana", "B") in verdicts(store)
    store.undo_judgement("ana")
    store.undo_judgement("ana")
    assert verdicts(store) == [("ben", "pass")]
    assert store.undo_judgement("ana") == ()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["left", "right", "same", "pass", "fail", "undo", "redo"]), max_size=25))
def test_any_walk_of_judging_undoing_and_redoing_is_that_of_an_editor(tmp_path_factory, walk):
    with project(tmp_path_factory.mktemp("walk") / "p.groundset", needs=2) as store:
        first, *_ = answered(store)
        done: list[tuple[str, str]] = []
        undone: list[tuple[str, str]] = []
        for act in walk:
            if act == "undo":
                store.undo_judgement("ana")
                undone += [done.pop()] if done else []
            elif act == "redo":
                store.redo_judgement("ana")
                done += [undone.pop()] if undone else []
            else:
                undone.clear()
                if act in {"pass", "fail"}:
                    store.grade(first, "A", act, "ana")
                    done.append(("grade", act))
                else:
                    store.judge_pair(first, "A", "B", act, "ana")
                    done.append(("pair", {"left": "A", "right": "B"}.get(act, act)))
        assert {"grade" if len(o.candidates) == 1 else "pair": o.said for o in store.opinions()} == dict(done)


def test_who_never_answered_cannot_be_judged(store):
    first, *_ = answered(store, "A")
    with pytest.raises(ProjectError, match=f"C has no answer to {first}"):
        store.judge_pair(first, "A", "C", "left", "ana")
    with pytest.raises(ProjectError, match="has no answer to d-nothing"):
        store.grade("d-nothing", "A", "pass", "ana")
    assert store.judgements() == []


def test_a_planted_pair_is_no_preference_and_says_who_looked(store):
    first, second, *_ = answered(store)
    twice = PlantedPair.of("same twice", (first, "A"), (first, "A"))
    foreign = PlantedPair.of("another question", (first, "A"), (second, "B"))
    assert store.add_planted_pairs([twice, foreign, twice]) == 2
    assert set(store.planted_pairs()) == {twice, foreign}
    store.judge_planted(twice, True, "left", "hasty")
    store.judge_planted(foreign, True, "right", "hasty")
    store.judge_planted(twice, False, "same", "ana")
    store.judge_planted(foreign, False, "right", "ana")
    pairs = {each.id: each for each in store.planted_pairs()}
    opinions = store.opinions()
    assert all(each.candidates == () for each in opinions)
    assert {(each.actor, pairs[each.plant].noticed(each)) for each in opinions} == {("hasty", False), ("ana", True)}


def checked(draft_id: str, candidate: str, *outcomes: str) -> list[CheckResult]:
    return [CheckResult(draft_id, candidate, n, f"criterion {n}", each, "why") for n, each in enumerate(outcomes)]


def test_programs_pass_an_answer_only_where_they_decide_all_of_it(store):
    one, two, _, four = answered(store)
    store.replace_checks([*checked(one, "A", "passed", "cannot say"), *checked(two, "A", "failed", "passed")])
    store.replace_checks([*store.checks()[one, "A"], *checked(two, "A", "failed"), *checked(four, "A", "passed")])
    assert store.check_verdicts() == {(two, "A"): "fail", (four, "A"): "pass"}


def test_checks_go_with_the_answer_that_they_were_about(store):
    first, *_ = answered(store)
    store.replace_checks(checked(first, "A", "passed"))
    store.put_answers([answer(store, first, "A", "another")], replace=True)
    assert store.checks(first) == {}


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_judgements_of_copies_come_together_in_any_order(store, tmp_path, order):
    answered(store)
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    copies = []
    draw = random.Random(4)
    for name in ("ana", "ben", "cleo"):
        copies.append(tmp_path / f"{name}.groundset")
        shutil.copy(store.path, copies[-1])
        with Store.open(copies[-1]) as copy:
            for each in ids(copy):
                copy.judge_pair(each, *draw.sample("AB", 2), draw.choice(["left", "right", "same"]), name)
            copy.undo_judgement(name)
    with Store.open(copies[0]) as copy:
        copy.put_answers([answer(copy, ids(copy)[0], "C")])
        copy.add_planted_pairs([PlantedPair.of("same twice", (ids(copy)[0], "C"), (ids(copy)[0], "C"))])
    reports = [merge(store, copies[number]) for number in order]
    assert [each.judgements for each in reports] == [5, 5, 5]
    assert sum(each.answers for each in reports) == 1
    assert len(store.planted_pairs()) == 1
    assert all(merge(store, each).judgements == 0 for each in copies)
    expected: list[Opinion] = []
    for each in copies:
        with Store.open(each) as copy:
            expected += copy.opinions()
    assert sorted(store.opinions(), key=repr) == sorted(expected, key=repr)


def test_a_judgement_that_two_copies_tell_differently_is_refused(store, tmp_path):
    first, *_ = answered(store)
    store.grade(first, "A", "pass", "ana")
    store._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    other = tmp_path / "other.groundset"
    shutil.copy(store.path, other)
    with Store.open(other) as copy, copy._transaction() as db:
        db.execute("UPDATE judgement SET verb = 'fail'")
    with pytest.raises(ProjectError, match="differently"):
        merge(store, other)
    assert verdicts(store) == [("ana", "pass")]
