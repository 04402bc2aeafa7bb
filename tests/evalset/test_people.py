"""Planted drafts, agreement, second looks, and what must hold before anything goes out."""

from pathlib import Path

import pytest

from generator.drafting import planting
from generator.errors import StageError
from generator.evalset.agreement import ac1, for_two, kappa, report, second_looks, table_of
from generator.evalset.checking import dry_run
from generator.evalset.exporting import export
from generator.evalset.queue import Queue
from generator.evalset.selection import samples
from generator.records import Message
from generator.store import Store
from tests.curation_tui.projects import landings, make_project


@pytest.fixture
def store(tmp_path: Path):
    path = tmp_path / "p.groundset"
    make_project(path, drafts=60)
    with Store.open(path) as opened:
        yield opened


def rank_as_the_pipeline_does(store: Store) -> None:
    from dataclasses import replace

    planted = store.plants()
    traces = store.traces(row[0] for row in store.trace_texts())
    found = landings(store.drafts(), traces, store.cells())
    store.replace_landings([replace(e, reach=()) if e.draft_id in planted else e for e in found], "again")


@pytest.mark.parametrize(
    ("table", "expected_kappa", "expected_ac1"),
    [
        ((40, 5, 5, 50), 0.798, 0.8),  # by hand: agreed 90 of 100
        ((118, 5, 2, 0), -0.023, 0.941),  # Feinstein and Cicchetti's paradox: nearly all accepted
        ((0, 5, 5, 0), -1.0, -1.0),
    ],
)
def test_agreement_beyond_chance(table, expected_kappa: float, expected_ac1: float) -> None:
    assert kappa(table) == pytest.approx(expected_kappa, abs=0.002)
    assert ac1(table) == pytest.approx(expected_ac1, abs=0.002)


def test_agreement_is_not_made_up_where_there_is_none_to_measure() -> None:
    assert kappa((0, 0, 0, 0)) is None
    assert ac1((0, 0, 0, 0)) is None
    assert kappa((9, 0, 0, 0)) is None  # nobody ever differed, nobody ever rejected: chance explains it all
    assert table_of([(True, False), (True, True)]) == (1, 1, 0, 0)


def test_only_verdicts_that_did_not_know_of_one_another_count_as_agreement(store: Store) -> None:
    drafts = [each.id for each in store.drafts()][:6]
    store.decide(drafts, "accept", "ana")
    store.decide(drafts[:3], "reject", "ben")  # ben saw what ana had said
    assert report(store).agreements == ()
    store.hidden.update(drafts[3:])
    store.decide(drafts[3:5], "accept", "ben")
    store.decide(drafts[5:], "reject", "ben")
    (pair,) = report(store).agreements
    assert (pair.first, pair.second, pair.items, pair.agreed) == ("ana", "ben", 3, 2)
    assert report(store).disputed == 1


def test_a_lot_says_which_drafts_two_people_look_at(store: Store) -> None:
    drafts = [each.id for each in store.drafts()]
    for_both = [each for each in drafts if for_two(each, 0.5)]
    assert 0 < len(for_both) < len(drafts)
    store.decide(drafts, "accept", "ana")
    assert sorted(second_looks(store, "ben", 0.5)) == sorted(for_both)
    assert second_looks(store, "ana", 0.5) == []
    store.decide([for_both[0]], "reject", "ben")
    assert for_both[0] not in second_looks(store, "cleo", 0.5)  # two are enough


def test_planted_drafts_look_like_the_others_and_have_the_flaw_that_they_say(store: Store) -> None:
    before = {each.id: each for each in store.drafts()}
    made = planting.plant(store, 0.1)
    assert len(made) == 6
    assert {each.flaw for each in made} == {planting.WRONG, planting.DUPLICATE, planting.INVENTED}
    for each in made:
        peers = {(peer.origin, peer.kind, peer.model, peer.cluster_id) for peer in before.values()}
        assert (each.draft.origin, each.draft.kind, each.draft.model, each.draft.cluster_id) in peers
        assert each.draft.id not in before
        if each.flaw == planting.WRONG:
            own = {peer.criteria for peer in before.values() if peer.cluster_id == each.draft.cluster_id}
            assert each.draft.criteria not in own
        if each.flaw == planting.INVENTED:
            assert "EUR" in each.draft.criteria[-1]
    assert store.plants() == {each.draft.id: each.flaw for each in made}
    assert planting.plant(store, 0.1) == []  # enough are there


def test_planted_drafts_never_count_and_never_go_out(store: Store, tmp_path: Path) -> None:
    drafts = [each.id for each in store.drafts()]
    store.decide(drafts[:5], "accept", "ana")
    planted = [each.draft.id for each in planting.plant(store, 0.1)]
    rank_as_the_pipeline_does(store)
    coverage = Queue.of(store).coverage
    store.decide(planted, "accept", "ana")
    assert Queue.of(store).coverage == coverage
    assert not {each.id for each in samples(store)} & set(planted)
    assert export(store, tmp_path / "out", "jsonl").samples == 5
    assert not any(each in (tmp_path / "out" / "samples.jsonl").read_text() for each in planted)
    assert dry_run(store).left_out == {"planted": len(planted)}


def test_the_report_says_who_noticed(store: Store) -> None:
    planted = [each.draft.id for each in planting.plant(store, 0.1)]
    store.decide(planted[:4], "reject", "ana", reason="duplicate")
    store.decide(planted[4:], "accept", "ana")
    (look,) = report(store).looks
    assert (look.planted, look.caught, look.reasons) == (6, 4, {"duplicate": 4})
    assert look.hasty is None


def test_a_curator_who_rushes_past_a_planted_draft_is_told(store: Store) -> None:
    planted = [each.draft.id for each in planting.plant(store, 0.05)]
    for each in store.drafts()[:22]:
        store.decide([each.id], "accept", "ana")
    store.decide(planted[:1], "accept", "ana")
    (look,) = report(store).looks
    assert look.hasty == planted[0]


def test_nothing_is_planted_among_a_handful(tmp_path: Path) -> None:
    make_project(tmp_path / "p.groundset", drafts=5)
    with Store.open(tmp_path / "p.groundset") as store, pytest.raises(StageError, match="needed to plant one"):
        planting.plant(store)


@pytest.mark.parametrize(
    ("text", "failing"),
    [
        ("write to maria.lopez@example-mail.com", "no personal data, no secrets"),
        ("zero \x00 byte", "no NUL, no lone surrogates"),
        ("order ⟦ORDER-1⟧ of ⟦EMAIL-2⟧", None),
    ],
)
def test_what_must_not_leave_the_house_is_named(store: Store, text: str, failing: str | None) -> None:
    drafts = [each.id for each in store.drafts()]
    store.decide(drafts[1:4], "accept", "ana")
    store.accept_edited(drafts[0], [Message("user", text)], ["Answers"], [], "ana")
    found = dry_run(store)
    failed = [check for check in found.checks if not check.passed]
    assert [check.name for check in failed] == ([failing] if failing else [])
    assert [check.items for check in failed] == ([(drafts[0],)] if failing else [])
    assert found.passed == (failing is None)
    assert (found.samples, found.curators) == (4, {"ana": 4})


def test_drafts_of_a_cluster_out_of_the_goal_come_last(store: Store) -> None:
    first = Queue.of(store).best(1)[0].draft_id
    cluster = store.landed_in()[first]
    store.exclude_cluster(cluster, "handled by another team", "ana")
    waiting = [each.draft_id for each in Queue.of(store).best(60) if not each.drawn]
    out = [store.landed_in()[each] == cluster for each in waiting]
    assert out == sorted(out)
    assert any(out)
    store.include_cluster(cluster, "ana")
    assert Queue.of(store).best(1)[0].draft_id == first


def test_a_draft_is_kept_for_one_person_at_a_time(store: Store) -> None:
    one, other = [each.id for each in store.drafts()][:2]
    assert store.look_at(one, "ana")
    assert store.look_at(one, "ana")  # a key renews it
    assert not store.look_at(one, "ben")
    assert store.looked_at_by_others("ben") == {one: "ana"}
    assert store.look_at(other, "ana")  # who goes on gives the last one free
    assert store.look_at(one, "ben")
    store.look_away("ana")
    assert store.looked_at_by_others("ben") == {}
    store.look_at(one, "ben", seconds=-1.0)
    assert store.look_at(one, "ana")  # it ran out


def test_the_commands_for_several_people(tmp_path: Path) -> None:
    import json
    import subprocess
    import sys

    path = tmp_path / "p.groundset"
    made = make_project(path, drafts=12, inputs=["write to maria.lopez@example-mail.com"])
    with Store.open(path) as store:
        store.decide(made[:2], "accept", "ana")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "generator", *arguments], capture_output=True, text=True)

    looked = run("export", str(path), str(tmp_path / "out"), "--format", "jsonl", "--dry-run", "--json")
    assert looked.returncode == 1
    assert not json.loads(looked.stdout)["passed"]
    assert not (tmp_path / "out").exists()
    said = json.loads(run("agreement", str(path), "--json").stdout)
    assert [each["actor"] for each in said["looks"]] == ["ana"]
    refused = run("merge", str(path), str(tmp_path / "absent.groundset"))
    assert refused.returncode == 2
    assert "No project at" in refused.stderr
    few = run("plant", str(path))
    assert few.returncode == 2
    assert "needed to plant one" in few.stderr
    estimate = run("draft", str(path), "--only", "refund", "--estimate", "--model", "offline")
    assert (estimate.returncode, "free" in estimate.stdout) == (0, True), estimate.stderr
