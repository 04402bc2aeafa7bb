"""Candidates answer items: what is sent, what is kept, and that nothing is bought twice."""

import json
from pathlib import Path

import pytest

from generator.drafting.shadow import MAX_TOKENS, can_be_asked, chosen, estimate_shadow, shadow
from generator.errors import BudgetError, ProviderError
from generator.evalset.selection import answerable
from generator.records import Message
from generator.store import Store
from tests.drafting.projects import SYSTEM_PROMPT, with_tool
from tests.drafting.shadowing import PRICE, candidates, kill_and_resume, project_with_items, promised
from tests.hostile.corpus import HOSTILE
from tests.test_cli import groundset, refused
from tests.wire.server import MODES, WireServer, said


@pytest.fixture
def store(tmp_path: Path):
    with project_with_items(tmp_path / "p.groundset", 6) as opened:
        yield opened


def run(store: Store, server: WireServer, **options):
    return shadow(store, candidates(server.address), answerable(store), price=PRICE, **options)


def test_each_item_goes_to_each_candidate_as_production_sent_it_and_once(store):
    with WireServer() as server:
        before = estimate_shadow(store, candidates(server.address), answerable(store), price=PRICE)
        report = run(store, server)
        assert [(each.candidate, each.new, each.requests) for each in report.asked] == [
            ("openai/a", 6, 6),
            ("anthropic/b", 6, 6),
        ]
        assert [each.calls for each in before] == [6, 6]
        assert report.asked[0].spent_usd == pytest.approx(6 * 0.002)
        assert report.asked[0].spent_usd < before[0].high_usd
        openai, anthropic = (
            next(each.body for each in server.requests if each.is_anthropic is is_anthropic)
            for is_anthropic in (False, True)
        )
        assert openai["messages"][0] == {"role": "system", "content": SYSTEM_PROMPT}
        assert openai["messages"][1]["content"].startswith("Where is parcel")
        assert anthropic["system"][0]["text"] == SYSTEM_PROMPT
        assert [each["role"] for each in anthropic["messages"]] == ["user"]
        assert not {"response_format", "tools"} & openai.keys()
        assert "output_config" not in anthropic
        assert openai["max_tokens"] == anthropic["max_tokens"] == MAX_TOKENS
        again = run(store, server)
        assert [(each.known, each.requests) for each in again.asked] == [(6, 0), (6, 0)]
        assert len(server.requests) == 12
    assert store.candidates() == {"anthropic/b": 6, "openai/a": 6}
    (answer, *_) = store.answers("openai/a")
    assert answer.origin == "shadow"
    assert store.calls(key=answer.source)[0].purpose == "shadow"
    assert answer.cost_usd == pytest.approx(0.002)
    assert answer.latency_s is not None
    assert 0 <= answer.latency_s < 60
    assert store.spending_by().shadow == pytest.approx(12 * 0.002)
    assert store.spending_by().drafting == 0


def test_an_item_that_was_edited_is_asked_again_and_only_that_one(store):
    with WireServer() as server:
        run(store, server)
        first = answerable(store)[0].id
        store.accept_edited(first, [Message("user", "Where is my other parcel?")], ["Answers"], [], "ana")
        assert store.stale_answers() == {(first, "openai/a"), (first, "anthropic/b")}
        assert [(each.new, each.known) for each in run(store, server).asked] == [(1, 5), (1, 5)]
    assert store.stale_answers() == frozenset()


def test_the_cap_stops_both_and_a_higher_one_goes_on(store):
    with WireServer() as server:
        report = run(store, server, max_cost=0.02, concurrency=1)
        assert all("would pass the cap" in each.stopped for each in report.asked)
        done = len(server.requests)
        assert sum(store.spending()) <= 0.02
        assert sum(each.requests for each in run(store, server).asked) == 12 - done
        assert set(server.bills.values()) == {1}
    with pytest.raises(BudgetError, match="allows only what is free"):
        run(store, server, max_cost=0.0)


def test_what_may_have_been_billed_is_listed_and_repeated_on_request_only(store):
    with WireServer(faults={1: "dropped", 2: "html"}) as server:
        report = run(store, server, concurrency=1)
        assert len(report.in_doubt) == 2
        assert sum(each.new for each in report.asked) == 10
        assert sum(each.requests for each in run(store, server).asked) == 0
        final = run(store, server, retry_in_doubt=True)
        assert (sum(each.new for each in final.asked), final.in_doubt) == (2, ())


@pytest.mark.parametrize(("mode", "outcome"), [("refusal", "refusal"), ("truncated", "truncated")])
def test_a_refusal_and_a_cut_answer_are_answers_and_counted(store, mode, outcome):
    with WireServer([mode]) as server:
        report = run(store, server)
    assert [each.calls for each in report.asked] == [{outcome: 6}, {outcome: 6}]
    assert len(store.answers()) == 12


def test_a_bad_key_stops_one_candidate_and_not_the_other(store):
    with WireServer() as server:
        openai, _ = candidates(server.address)
        with WireServer(["unauthorised"]) as locked:
            _, anthropic = candidates(locked.address)
            report = shadow(store, [openai, anthropic], answerable(store), price=PRICE, concurrency=1)
    assert [each.new for each in report.asked] == [6, 0]
    assert report.asked[0].stopped is None
    assert report.asked[1].stopped is not None


def test_items_with_tools_are_left_out_and_counted(store):
    first = answerable(store)[0].id
    store.accept_edited(first, with_tool("Where is it?"), ["Answers"], [], "ana")
    with WireServer() as server:
        report = run(store, server)
    assert (report.items, report.left_out, len(server.requests)) == (5, 1, 10)
    assert [can_be_asked(each) for each in answerable(store)].count(False) == 1


def test_whatever_a_model_says_is_kept_as_it_is_and_masked(store, monkeypatch):
    texts = iter([text for text in HOSTILE.values() if len(text) < 10_000][:12])
    monkeypatch.setitem(MODES, "hostile", lambda request: said(request, next(texts)))
    with WireServer(["hostile"]) as server:
        report = run(store, server, concurrency=1, redact=lambda text: text.replace("a", "⟦A-1⟧"))
    assert sum(each.new for each in report.asked) == 12
    assert not any("a" in each.output for each in store.answers())


def test_more_items_later_include_those_of_before(store):
    items = answerable(store)
    assert chosen(items, 4, 0)[:2] == chosen(items, 2, 0)
    assert chosen(items, 2, 5) == chosen(items, 2, 0)  # none of them is fresh
    store.undo("ana")
    assert len(chosen(answerable(store), None, 3)) == 3


def test_who_cannot_answer_is_refused_before_anything_is_sent(store):
    with pytest.raises(ProviderError, match="named twice"):
        shadow(store, candidates("http://127.0.0.1:1")[:1] * 2, answerable(store), price=PRICE)
    assert "drafts by rule" in refused(groundset("shadow", store.path, "--model", "offline"))


def test_the_command_estimates_asks_and_names_the_next_one(store):
    with WireServer() as server:
        base = ["shadow", store.path, "--base-url", server.openai_url, "--model", "openai/a", "--model", "openai/b"]
        estimate = groundset(*base, "--estimate", "--price", "1", "2", "--sample", "3")
        assert "openai/b: 3 calls, about" in estimate.stdout
        unasked = groundset(*base, "--price", "1", "2")
        assert unasked.returncode == 2
        assert "say --yes" in unasked.stderr
        assert not server.requests
        done = groundset(*base, "--price", "1", "2", "--max-cost", "1", "--sample", "3")
        assert done.returncode == 0, done.stderr
        assert "openai/a: 3 answers to 3 items, spent $0.006" in done.stdout.replace("0.0060", "0.006")
        assert done.stderr.strip().splitlines()[-1] == f"next: groundset decide {store.path} openai/a openai/b"
        figures = json.loads(groundset(*base, "--max-cost", "1", "--price", "1", "2", "--json").stdout)
        assert [(each["new"], each["known"]) for each in figures["asked"]] == [(3, 3), (3, 3)]
        assert set(server.bills.values()) == {1}


def test_what_is_in_doubt_is_named_with_the_command_that_repeats_it(store):
    with WireServer(faults={1: "dropped"}) as server:
        options = ["--base-url", server.openai_url, "--model", "openai/a", "--price", "1", "2", "--max-cost", "1"]
        done = groundset("shadow", store.path, *options, "--concurrency", "1")
        assert f"repeat them with: groundset shadow {store.path} --model openai/a --retry-in-doubt" in done.stdout
        again = groundset("shadow", store.path, *options, "--retry-in-doubt")
        assert "openai/a: 1 answers to 6 items (5 were there)" in again.stdout


def test_two_kills_lose_nothing_and_buy_nothing_twice(tmp_path):
    found = kill_and_resume(tmp_path, kills=2, random_state=1)
    assert promised(found, projects=1), found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("random_state", range(2, 8))
def test_many_kills_among_faults_lose_nothing_and_buy_nothing_twice(tmp_path, random_state):
    found = kill_and_resume(tmp_path, kills=8, random_state=random_state, fault_rate=0.1, items=120)
    assert promised(found, projects=1), found
