"""Blind sittings: the order of work, the sides, what is planted, two people, and the end."""

from collections import Counter
from pathlib import Path

import pytest

from generator.errors import StageError
from generator.evalset.sitting import PLANT_EVERY, Sitting, choices_of, chosen_candidates
from generator.judging import Answer, CheckResult
from generator.store import Store
from tests.worlds import draft, fill, landed, trace


def make(path: Path, items: int = 40, random_share: float = 0.75) -> Store:
    """A project in which A and B answered every item; three in four are random draws of eight strata."""
    store = Store.open(path, create=True)
    traces = [trace(f"need {number}") for number in range(items)]
    fill(store, traces)
    drawn = int(items * random_share)
    made = [draft(f"asks {n}", f"c-{n % 8}", "random" if n < drawn else "edge") for n in range(items)]
    landed(store, traces, {each: {n: 0.9} for n, each in enumerate(made)})
    weights = {each.id: (1 / drawn, f"s-{n % 8}") for n, each in enumerate(made[:drawn])}
    store.set_random_frame(weights)
    store.decide([each.id for each in made], "accept", "ana")
    contents = store.contents([each.id for each in made])
    store.put_answers(
        [
            Answer(
                each.id, who, f"{who} on {each.text}", contents[each.id].asked, contents[each.id].expected, "file", ""
            )
            for each in made
            for who in "AB"
        ]
    )
    return store


@pytest.fixture
def store(tmp_path: Path):
    with make(tmp_path / "p.groundset") as opened:
        yield opened


def work_through(sitting: Sitting, choice="left", limit: int = 1_000) -> list:
    done = []
    while len(done) < limit and (coming := sitting.coming()):
        sitting.compare(coming[0], choice(coming[0]) if callable(choice) else choice, 1.0)
        done.append(coming[0])
    return done


def test_every_item_comes_once_with_planted_pairs_among_them(store):
    sitting = Sitting(store, "ana", ("B", "A"))
    assert sitting.plant() == 2
    assert sitting.plant() == 0
    assert Sitting(store, "ben", ("A", "B")).plant() == 0  # they are everybody's
    done = work_through(sitting)
    places = [place for place, each in enumerate(done) if each.plant]
    assert [place // PLANT_EVERY for place in places] in ([0], [0, 1])
    assert len({each.subject for each in done}) == len(done) == 40 + len(places)


def test_nobody_sees_a_planted_item_twice_before_the_end(store):
    sitting = Sitting(store, "ana", ("A", "B"))
    sitting.plant()
    done = work_through(sitting, limit=30)
    times = Counter(each.draft_id for each in done)
    assert max(times.values()) == 1


def test_sides_are_drawn_by_lot_for_each_item_and_person(store):
    sides = {}
    for actor in ("ana", "ben"):
        sitting = Sitting(store, actor, ("A", "B"))
        sides[actor] = {each: sitting._task((each, None)).candidates for each in sitting._items}
        assert 10 < sum(each == ("A", "B") for each in sides[actor].values()) < 30
    assert sides["ana"] != sides["ben"]


def test_what_stands_for_traffic_comes_first_and_edge_cases_all_the_same(store):
    sitting = Sitting(store, "ana", ("A", "B"))
    done = work_through(sitting, limit=20)
    kinds = [sitting._items[each.draft_id].stands_for for each in done]
    assert kinds.count(False) == 4
    assert all(kinds[:4])
    assert len({sitting._items[each.draft_id].stratum for each in done[:10]}) >= 6


def test_what_programs_say_makes_strata_and_where_people_differ_comes_sooner(tmp_path):
    with make(tmp_path / "p.groundset", 120, 1.0) as store:
        sitting = Sitting(store, "ana", ("A", "B"))
        wrong = {each for each, item in sitting._items.items() if item.stratum in {"s-0", "s-1"}}
        # Programs say that A fails there and B passes; people see it the other way round now and then.
        store.replace_checks(
            CheckResult(each, who, 0, "c", "failed" if (who == "A") == (each in wrong) else "passed", "")
            for each in sitting._items
            for who in "AB"
        )
        sitting = Sitting(store, "ana", ("A", "B"))

        def people(task):
            a_is_better = task.draft_id not in wrong or int(task.draft_id[-1], 16) % 2
            return "left" if (task.candidates[0] == "A") == bool(a_is_better) else "right"

        done = work_through(sitting, people, limit=60)
        share = sum(each.draft_id in wrong for each in done) / len(done)
        assert share > 1.3 * len(wrong) / 120
        assert set(sitting.outcome().against_programs) <= wrong


def test_the_next_task_stays_while_others_judge_and_is_not_given_to_two(store):
    ana, ben = (Sitting(store, who, ("A", "B")) for who in ("ana", "ben"))
    (shown,) = ana.coming()
    store.look_at(shown.draft_id, "ana")
    assert ben.coming()[0].draft_id != shown.draft_id
    store.judge_pair(shown.draft_id, "A", "B", "same", "ben")
    ana.take()
    assert ana.coming() == [shown]


def test_two_people_meet_on_some_items_and_are_held_against_one_another(tmp_path):
    with make(tmp_path / "p.groundset", 120, 1.0) as store:
        work_through(Sitting(store, "ana", ("A", "B")), lambda task: "left" if task.candidates[0] == "A" else "right")
        ben = Sitting(store, "ben", ("A", "B"))
        waiting = ben.left
        assert 2 <= waiting <= 30
        work_through(ben, lambda task: "left" if task.candidates[0] == "A" else "same")
        found = ben.outcome()
        (agreement,) = found.agreements
        assert agreement.items == waiting == found.people["ben"]
        assert 0 < agreement.agreed < agreement.items
        assert agreement.ac1.low < agreement.ac1.estimate < 1


def test_undo_gives_the_item_back_and_nothing_is_taken_back_after_the_names(store):
    sitting = Sitting(store, "ana", ("A", "B"))
    (task,) = sitting.coming()
    sitting.compare(task, "right", 2.0, [{"answers": True}, {}])
    assert sitting.said(task) == "right"
    assert sitting.take_back("undo") == (True, task)
    assert sitting.said(task) is None
    assert sitting.take_back("redo") == (True, task)
    assert sitting.said(task) == "right"
    outcome = sitting.reveal()
    assert outcome.said[task.candidates[1]] == 1
    assert sitting.take_back("undo") == (False, None)
    assert store.judgements()[-1].verb == "reveal"
    assert store.judgements()[-1].candidates == ("A", "B")
    assert store.undo_judgement("ana") == ()
    work_through(sitting, limit=1)
    assert sitting.take_back("undo")[0]  # what came after them can be


def test_what_was_put_off_comes_after_all_others(store):
    sitting = Sitting(store, "ana", ("A", "B"))
    (first,) = sitting.coming()
    sitting.put_off(first)
    assert work_through(sitting)[-1] == first


def test_planted_pairs_say_who_looked_and_are_no_preference(store):
    for actor, hasty in (("ana", False), ("ben", True)):
        sitting = Sitting(store, actor, ("A", "B"))
        sitting.plant()

        def choice(task, hasty=hasty):
            if task.plant is None or hasty:
                return "left"
            own = (task.plant.draft_id, task.plant.candidate)
            looked = "left" if task.answers[0] == own else "right"
            return "same" if task.plant.flaw == "same twice" else looked

        for plant in sitting._plants.values():
            sitting.compare(task := sitting._task((plant.draft_id, plant.id)), choice(task), 1.0)
    found = {each.actor: each for each in sitting.outcome().noticed}
    assert {each.flaw for each in sitting._plants.values()} == {"same twice", "another question"}
    assert (found["ana"].planted, found["ana"].noticed) == (2, 2)
    assert sitting.outcome().left_preferred[0] >= 2  # the hasty one
    assert found["ben"].noticed < 2
    assert len(found["ben"].missed) == 2 - found["ben"].noticed
    assert sum(sitting.outcome().said.values()) == 0


def test_one_candidate_alone_is_graded(store):
    sitting = Sitting(store, "ana", ("B",))
    assert sitting.plant() == 0
    for number, grade in enumerate(["pass", "pass", "fail", "unsure"]):
        (task,) = sitting.coming()
        assert task.candidates == ("B",)
        sitting.grade(task, grade, 3.0, {"answers": True} if number else None)
    found = sitting.outcome()
    assert found.said == {"pass": 2, "fail": 1, "unsure": 1}
    assert found.rate.estimate == pytest.approx(2 / 3)  # unsure says neither
    assert found.median_seconds == 3.0
    assert found.left == 36


def test_an_answer_to_an_earlier_question_is_not_put_before_anybody(store):
    sitting = Sitting(store, "ana", ("A", "B"))
    (task,) = sitting.coming()
    (item,) = store.drafts([task.draft_id])
    store.accept_edited(item.id, [*item.messages, *item.messages], item.criteria, [], "ana")
    assert item.id not in Sitting(store, "ana", ("A", "B"))._items


def test_names_are_checked_and_pairs_are_in_no_order_of_names(store):
    with pytest.raises(StageError, match=r"no answers of C \(there are: A, B\).*groundset answers"):
        chosen_candidates(store, ["A", "C"])
    with pytest.raises(StageError, match="compared with itself"):
        chosen_candidates(store, ["A", "A"])
    assert choices_of(store, "ana", 2) == [("A", "B")]
    assert set(choices_of(store, "ana", 1)) == {("A",), ("B",)}
