"""Walks of acts, undo and redo against a model; many processes on one project; keys per decision."""

import random
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from curation_tui.session import Session
from generator.records import REASONS
from generator.store import Store
from tests.curation_tui.pilot import Review, review
from tests.curation_tui.projects import make_project


@dataclass(frozen=True)
class Known:
    """What the model thinks of a draft."""

    verdict: str = "new"
    reason: str | None = None
    tags: tuple[str, ...] = ()
    note: str | None = None
    flagged: bool = False


class Model:
    """An editor's undo: a stack of states, and one of what was undone."""

    def __init__(self) -> None:
        self.now: dict[str, Known] = {}
        self.past: list[dict[str, Known]] = []
        self.future: list[dict[str, Known]] = []

    def act(self, draft_ids: list[str], **changes: object) -> None:
        self.past.append(dict(self.now))
        self.future.clear()
        for each in draft_ids:
            self.now[each] = replace(self.now.get(each, Known()), **changes)

    def undo(self) -> None:
        if self.past:
            self.future.append(self.now)
            self.now = self.past.pop()

    def redo(self) -> None:
        if self.future:
            self.past.append(self.now)
            self.now = self.future.pop()


def walk(path: Path, steps: int, seed: int, check_every: int) -> None:  # noqa: C901, PLR0912 - one case for each act
    ids = make_project(path, drafts=40)
    draw, model = random.Random(seed), Model()
    session = Session.open(path, "ana")
    for step in range(steps):
        one = draw.choice(ids)
        act = draw.choice(["accept", "reject", "later", "reason", "bulk", "tag", "note", "flag", *["undo", "redo"] * 4])
        known = model.now.get(one, Known())
        match act:
            case "accept" | "reject" | "later":
                session.go_to(one)
                session.decide(act)
                verdict = {"accept": "accepted", "reject": "rejected", "later": "later"}[act]
                model.act([one], verdict=verdict, reason=None)
            case "reason":
                key = draw.choice(list(REASONS))
                rejected = session._rejected
                if session.give_reason(key) is not None:
                    model.act(list(rejected), reason=REASONS[key])
            case "bulk":
                bulk = session.bulk("reject", draw.sample(ids, 5))
                if session.do_bulk(bulk) is not None:
                    model.act(list(bulk.draft_ids), verdict="rejected", reason=None)
            case "tag":
                tags = tuple(draw.sample(["a", "b", "c"], 2))
                session.tag([one], tags)
                kept = tuple(each for each in known.tags if each in tags)
                model.act([one], tags=tuple(dict.fromkeys([*kept, *tags])))
            case "note":
                session.note(one, f"note {step}")
                model.act([one], note=f"note {step}")
            case "flag":
                session.flag(one)
                model.act([one], flagged=not known.flagged)
            case "undo":
                session.undo()
                model.undo()
            case "redo":
                session.redo()
                model.redo()
        if step % check_every == 0 or step == steps - 1:
            with Store.open(path) as store:
                states = store.states()
            for each in ids:
                expected, state = model.now.get(each, Known()), states.get(each)
                found = (
                    Known()
                    if state is None
                    else Known(state.verdict, state.reason, state.tags, state.note, state.flagged)
                )
                assert found == expected, (step, each)
            fresh = Session.open(path, "ben")
            assert fresh.progress().left == session.progress().left
            assert fresh.progress().coverage.estimate == pytest.approx(session.progress().coverage.estimate)
            fresh.close()
    session.close()


def test_a_walk_agrees_with_the_model(tmp_path: Path) -> None:
    walk(tmp_path / "p.groundset", 300, 1, 30)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_a_walk_of_ten_thousand_steps_agrees_with_the_model(tmp_path: Path) -> None:
    walk(tmp_path / "p.groundset", 10_000, 2, 250)


DECIDER = """
import sys
from generator.errors import ProjectError
from generator.store import Store
path, actor, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with Store.open(path) as store:
    ids = [draft.id for draft in store.drafts()]
    for number in range(count):
        while True:  # where the disk is slow, one that waited five seconds is told so, and tries again
            try:
                store.decide([ids[number % len(ids)]], "accept" if number % 2 else "reject", actor)
                break
            except ProjectError as error:
                assert "in use" in str(error)
"""


@pytest.mark.parametrize("each", [20, pytest.param(1_000, marks=[pytest.mark.long, pytest.mark.timeout(600)])])
def test_of_eight_processes_that_decide_at_once_no_event_is_lost(tmp_path: Path, each: int) -> None:
    path = tmp_path / "p.groundset"
    ids = make_project(path, drafts=30)
    running = [
        subprocess.Popen([sys.executable, "-c", DECIDER, str(path), f"p{number}", str(each)]) for number in range(8)
    ]
    session = Session.open(path, "ana")  # the app, looking on meanwhile
    try:
        for process in running:
            session.refresh()
            assert process.wait(500) == 0
    finally:
        session.close()
        for process in running:
            process.kill()
            process.wait()
    with Store.open(path) as store:
        decisions = store.decisions()
        assert Counter(decision.actor for decision in decisions) == {f"p{number}": each for number in range(8)}
        assert [decision.seq for decision in decisions] == sorted({decision.seq for decision in decisions})
        last = {decision.draft_id: decision.verb for decision in decisions}
        for draft_id in ids:
            if draft_id in last:
                assert store.state(draft_id).verdict == {"accept": "accepted", "reject": "rejected"}[last[draft_id]]


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=[pytest.mark.long, pytest.mark.timeout(900)])])
def test_a_session_takes_few_keys_for_a_decision(tmp_path: Path, count: int) -> None:
    make_project(tmp_path / "p.groundset", drafts=count + 20)
    draw = random.Random(4)
    pressed = 0

    async def scenario(app: Review) -> None:
        nonlocal pressed
        for _ in range(count):
            act = draw.choices(["a", "x", "e", "space"], [60, 25, 10, 5])[0]
            keys = [act]
            if act == "x" and draw.random() < 0.5:
                keys.append(draw.choice("1234567"))
            if act == "e":
                keys.append("ctrl+s")
            await app.pilot.press(*keys)
            await app.pilot.pause()
            pressed += len(keys)
        tally = app.session.tally()
        assert tally.decided + tally.later >= count - 5
        print(f"{count} decisions, {pressed / count:.3f} keys each")

    review(tmp_path / "p.groundset", scenario, size=(80, 24))
    assert pressed / count <= 1.3
