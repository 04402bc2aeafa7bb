"""Drafting as a whole: resumable, within its budget, and honest about what happened."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from generator.drafting import drafting
from generator.drafting.budget import Budget, Price, price_of, worst_case
from generator.drafting.drafting import DraftingProgress, draft, estimate
from generator.drafting.prompting import Prompt
from generator.drafting.providers import CallFailed, Provider, Usage, default_model, open_provider
from generator.drafting.providers.offline import OfflineProvider
from generator.drafting.providers.scripted import ScriptedProvider
from generator.drafting.questions import Question, drafting_question, max_tokens
from generator.errors import BudgetError, StageError
from generator.store import Store
from tests.drafting.projects import GROUPS, make_project
from tests.wire.server import KEY, WireServer

PRICE = (1.0, 2.0)


def answer(prompt: Prompt, count: int = 2) -> str:
    name = prompt.brief.cluster.id
    return json.dumps(
        {
            "drafts": [
                {
                    "kind": prompt.brief.plan[number].name,
                    "turns": [{"role": "user", "content": f"{name} {prompt.brief.sample} {number}?"}],
                    "criteria": ["Answers"],
                    "sources": ["s1"],
                }
                for number in range(count)
            ]
        }
    )


def test_clusters_are_drafted_in_order_of_traffic_and_a_second_run_sends_nothing(store: Store) -> None:
    provider = ScriptedProvider([answer])
    seen: list[DraftingProgress] = []
    report = draft(store, provider, concurrency=1, progress=seen.append)
    assert [prompt.brief.cluster.id for prompt in provider.prompts] == ["transfers", "cards", "rates"]
    assert (report.new, report.known, report.calls, report.stopped) == (6, 0, {"ok": 3}, None)
    assert [(each.done, each.total, each.drafts) for each in seen] == [(1, 3, 2), (2, 3, 4), (3, 3, 6)]

    again = draft(store, ScriptedProvider([answer]))
    assert (again.new, again.known, again.requests, again.calls) == (0, 6, 0, {"known": 3})
    assert len(store.drafts()) == 6


def test_a_second_run_over_the_wire_sends_no_request_and_costs_nothing(store: Store) -> None:
    with WireServer() as server:
        first = draft(store, open_provider("openai/m", server.openai_url, environ={}), price=PRICE)
        second = draft(store, open_provider("openai/m", server.openai_url, environ={}), price=PRICE)
        assert len(server.requests) == 3
    assert first.spent_usd == pytest.approx(3 * 0.002)
    assert second.spent_usd == 0
    assert second.known == first.new == 12


def test_more_drafts_per_cluster_reuse_the_calls_of_before(store: Store) -> None:
    provider = ScriptedProvider([answer])
    draft(store, provider, per_cluster=4)
    draft(store, provider, per_cluster=8)
    assert len(provider.prompts) == 6


def test_a_cluster_that_fails_costs_that_cluster_and_is_named(store: Store) -> None:
    provider = ScriptedProvider([answer, CallFailed("bad_request", "refused", "400 too long"), answer])
    report = draft(store, provider, concurrency=1)
    assert report.calls == {"bad_request": 1, "ok": 2}
    assert report.problems == ("cards: bad_request: 400 too long",)


def test_a_malformed_answer_is_paid_for_once_and_kept(store: Store) -> None:
    provider = ScriptedProvider(["oops", "oops again", answer], free=False, usage=Usage(100, 100))
    report = draft(store, provider, concurrency=1, price=PRICE)
    assert report.calls == {"bad_json": 2, "ok": 2}
    assert "transfers: bad_json: no JSON object in the answer" in report.problems
    kept = {call.raw for call in store.calls() if (call.outcome or "").startswith("bad_json")}
    assert kept == {b"oops", b"oops again"}
    # One repair for each call, ever.
    assert draft(store, provider, price=PRICE).calls == {"bad_json": 2, "known": 2}
    assert len(provider.prompts) == 4


@pytest.mark.parametrize("wrong", ["oops", '{"drafts": []}', '{"drafts": [{"kind": "typos"}]}', "[1, 2]", ""])
def test_an_answer_that_cannot_be_used_is_asked_for_again_once_and_told_what_was_wrong(
    store: Store, wrong: str
) -> None:
    provider = ScriptedProvider([wrong, answer], free=False, usage=Usage(100, 100))
    expected = estimate(store, provider, price=PRICE, clusters=["cards"])

    report = draft(store, provider, clusters=["cards"], price=PRICE)

    first, repair = provider.questions
    assert report.calls == {"bad_json": 1, "ok": 1}
    assert report.new == 2
    assert repair.user.startswith(first.user.rstrip())
    assert "could not be used: " in repair.user[len(first.user) - 1 :]
    assert not wrong or wrong not in repair.user[len(first.user) - 1 :]
    assert report.spent_usd == pytest.approx(2 * 300 / 1e6)
    assert report.spent_usd < expected.high_usd
    assert {call.state for call in store.calls()} == {"done"}


def test_a_repair_that_a_kill_prevented_is_made_by_the_next_run_and_is_in_its_estimate(store: Store) -> None:
    provider = ScriptedProvider(["oops", answer], free=False, usage=Usage(100, 100))
    draft(store, provider, clusters=["cards"], price=PRICE)
    (repair,) = [call.key for call in store.calls() if call.outcome == "ok"]
    store._db.execute("DELETE FROM call WHERE key = ?", (repair,))
    assert estimate(store, provider, clusters=["cards"], price=PRICE).calls == 1
    assert draft(store, provider, clusters=["cards"], price=PRICE).requests == 1
    assert estimate(store, provider, clusters=["cards"], price=PRICE).calls == 0


def test_decisions_of_people_reach_the_next_prompt_and_only_their_cluster_is_asked_again(store: Store) -> None:
    provider = ScriptedProvider([answer])
    draft(store, provider)
    accepted, rejected = (each for each in store.drafts() if each.cluster_id == "cards")
    store.decide([accepted.id], "accept", "ana")
    store.decide([rejected.id], "reject", "ana", reason="6")
    draft(store, provider)
    assert len(provider.prompts) == 4
    brief = provider.prompts[-1].brief
    assert (brief.cluster.id, brief.accepted, brief.rejections) == ("cards", (accepted.text,), (("too easy", 1),))
    assert not {kind.name for kind in brief.plan} & {accepted.kind, rejected.kind}


def test_an_answer_that_was_paid_for_is_read_even_if_its_prompt_is_another_one_by_then(store: Store) -> None:
    first = ScriptedProvider([answer])
    draft(store, first, clusters=["cards"])
    prompt = first.prompts[0]
    store.plan_call("k" * 64, "cards", "scripted", "list", prompt.hash)
    store.call_sent("k" * 64, 0.5)
    store.call_answered("k" * 64, answer(prompt, 3).encode())
    report = draft(store, ScriptedProvider([answer]))
    assert report.calls["recovered"] == 1
    assert len([each for each in store.drafts() if each.call_key == "k" * 64]) == 1
    assert store.calls(key="k" * 64)[0].outcome == "ok"


def test_no_clusters_or_unknown_ones_are_said(store: Store, tmp_path: Path) -> None:
    with pytest.raises(StageError, match="no cluster nope"):
        draft(store, OfflineProvider(), clusters=["nope"])
    with pytest.raises(StageError, match="ask for 1 or more"):
        draft(store, OfflineProvider(), per_cluster=0)
    with (
        Store.open(tmp_path / "empty.groundset", create=True) as empty,
        pytest.raises(StageError, match="groundset cluster"),
    ):
        estimate(empty, OfflineProvider())


def test_the_model_and_the_redactor_leave_their_mark(store: Store) -> None:
    draft(store, ScriptedProvider([answer]), redact=lambda text: text.replace("cards", "⟦WORD-1⟧"))
    drafts = store.drafts()
    assert {each.model for each in drafts} == {"scripted/list"}
    assert any("⟦WORD-1⟧" in each.text for each in drafts)
    assert not any("cards" in each.text for each in drafts)


# Doubt ------------------------------------------------------------------------------------------


def test_what_is_in_doubt_is_listed_with_its_price_and_repeated_only_on_request(store: Store) -> None:
    provider = ScriptedProvider(
        [CallFailed("timeout", "in_doubt", "no answer"), answer], free=False, usage=Usage(10, 10)
    )
    report = draft(store, provider, concurrency=1, price=PRICE)
    assert report.calls == {"ok": 2, "timeout": 1}
    (doubt,) = report.in_doubt
    assert (doubt.cluster_id, doubt.model, doubt.why) == ("transfers", "scripted/list", "timeout: no answer")
    assert doubt.usd == store.spending()[1] > 0.01

    again = draft(store, provider, price=PRICE)
    assert (again.calls, again.requests) == ({"in_doubt": 1, "known": 2}, 0)

    resent = draft(store, provider, price=PRICE, retry_in_doubt=True)
    assert (resent.calls, resent.requests, resent.in_doubt) == ({"known": 2, "ok": 1}, 1, ())
    # What the first attempt may have cost counts as spent from now on.
    assert resent.spent_usd == pytest.approx(doubt.usd + 30 / 1e6)


def test_calls_under_way_when_the_process_died_are_in_doubt_at_the_next_start(store: Store) -> None:
    provider = ScriptedProvider([answer], free=False)
    draft(store, provider, price=PRICE, clusters=["cards"])
    (key,) = (call.key for call in store.calls())
    store._db.execute("UPDATE call SET state = 'sent', raw = NULL WHERE key = ?", (key,))
    report = draft(store, provider, price=PRICE, clusters=["cards"])
    assert report.calls == {"in_doubt": 1}
    assert len(provider.prompts) == 1


def test_doubt_about_a_call_that_costs_nothing_stops_nobody(store: Store) -> None:
    provider = ScriptedProvider([CallFailed("timeout", "in_doubt"), answer])
    draft(store, provider, concurrency=1)
    assert draft(store, provider).calls == {"known": 2, "ok": 1}


def test_a_bug_in_a_provider_keeps_its_traceback_and_leaves_the_call_in_doubt(store: Store) -> None:
    def broken(prompt: Prompt) -> str:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        draft(store, ScriptedProvider([broken], free=False), price=PRICE, concurrency=1)
    assert [call.state for call in store.calls()] == ["in_doubt"]


def test_ctrl_c_waits_for_what_was_sent_and_keeps_it(store: Store) -> None:
    provider = ScriptedProvider([answer], delay_s=0.6)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        draft(store, provider, concurrency=2)
    timer.join()
    assert sorted(call.state for call in store.calls()) == ["done", "done"]
    assert len(store.drafts()) == 4


def test_ctrl_c_does_not_wait_for_ever(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drafting, "_GRACE_S", 0.1)
    provider = ScriptedProvider([answer], delay_s=30, free=False)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        draft(store, provider, concurrency=2, price=PRICE)
    timer.join()
    assert time.monotonic() - start < 3
    assert [(call.state, call.outcome) for call in store.calls()] == [("in_doubt", "interrupted")] * 2


# Money ------------------------------------------------------------------------------------------


def test_an_estimate_counts_what_is_left_to_do_and_sends_nothing(store: Store) -> None:
    with WireServer() as server:
        provider = open_provider("openai/m", server.openai_url, environ={})
        before = estimate(store, provider, price=PRICE)
        assert server.requests == []
        report = draft(store, provider, price=PRICE, clusters=["cards"])
        after = estimate(store, provider, price=PRICE)
    assert (before.calls, before.known, after.calls, after.known) == (3, 0, 2, 1)
    assert 0 < before.low_usd < before.high_usd
    assert report.spent_usd < before.high_usd / 3 * 1.2
    assert before.as_json()["price"] == "given"


def test_published_prices_are_known_for_the_default_models() -> None:
    for environ in ({"ANTHROPIC_API_KEY": KEY}, {"OPENAI_API_KEY": KEY}):
        provider = open_provider(default_model(environ), environ=environ)
        price = price_of(provider)
        assert price.source == "published"
        assert 0 < price.cost(Usage(1000, 1000)) < 0.01
        assert price.cost(Usage(1000, 0, cache_read_tokens=5000)) < price.cost(Usage(1000, 0))


def test_an_unknown_price_is_asked_for() -> None:
    for provider in (
        open_provider("openai/no-such-model", environ={"OPENAI_API_KEY": KEY}),
        open_provider("openai/gpt-5.4-nano", "http://10.0.0.7/v1", environ={}),
        ScriptedProvider([answer], free=False),
    ):
        with pytest.raises(BudgetError, match="--price IN OUT"):
            price_of(provider)
        assert price_of(provider, PRICE).cost(Usage(1_000_000, 1_000_000)) == pytest.approx(3.0)


@pytest.mark.parametrize("price", [(-1.0, 2.0), (float("nan"), 1.0), (1.0, float("inf"))])
def test_a_price_that_is_none_is_refused(price: tuple[float, float]) -> None:
    with pytest.raises(BudgetError, match="cannot be meant"):
        price_of(OfflineProvider(), price)


def test_a_cap_of_nothing_allows_what_is_free_and_no_more(store: Store) -> None:
    assert draft(store, OfflineProvider(), max_cost=0).stopped is None
    with pytest.raises(BudgetError, match="only what is free"):
        draft(store, ScriptedProvider([answer], free=False), max_cost=0, price=PRICE)
    for cap in (-1.0, float("nan")):
        with pytest.raises(BudgetError, match="cannot be meant"):
            Budget(store, Price("free"), cap)


def test_the_cap_stops_the_run_cleanly_says_so_and_the_rest_can_be_done_later(store: Store) -> None:
    provider = ScriptedProvider([answer], free=False, usage=Usage(1000, 1000))
    draft(store, provider, price=PRICE, clusters=["rates"])
    draft(store, provider, price=PRICE, clusters=["cards"])
    cap = 0.02
    report = draft(store, provider, max_cost=cap, concurrency=1, price=PRICE)
    assert report.calls == {"not_sent": 1}
    assert report.stopped is not None
    assert f"would pass the cap of ${cap}: $0.0060 is spent" in report.stopped
    assert draft(store, provider, max_cost=0.1, price=PRICE).calls == {"known": 2, "ok": 1}


def test_a_worst_case_is_dearer_than_any_bill(store: Store) -> None:
    provider = ScriptedProvider([answer])
    draft(store, provider)
    for prompt in provider.prompts:
        worst = worst_case(drafting_question(prompt))
        assert worst.input_tokens >= len((prompt.system + prompt.user).encode())
        assert worst.output_tokens == max_tokens(len(prompt.brief.plan))


_EVENT = st.one_of(
    st.just("answer"),
    st.sampled_from(
        [
            CallFailed("rate_limited", "retry", "429", 0.0),
            CallFailed("bad_request", "refused", "400"),
            CallFailed("timeout", "in_doubt", "no answer"),
        ]
    ),
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(_EVENT, min_size=1, max_size=12),
    st.floats(0.001, 0.12),
    st.integers(1, 5),
    st.tuples(st.integers(0, 20_000), st.integers(0, 4_600)),
    st.booleans(),
)
def test_spent_and_reserved_never_pass_the_cap(
    tmp_path_factory: pytest.TempPathFactory,
    events: list[str | CallFailed],
    cap: float,
    concurrency: int,
    usage: tuple[int, int],
    retry: bool,
) -> None:
    """Usage within the worst case that was reserved, whatever happens to the calls."""
    answers: list[Any] = [answer if event == "answer" else event for event in events]
    provider = _Watched(answers, usage)
    with make_project(tmp_path_factory.mktemp("cap") / "p.groundset", GROUPS) as store:
        provider.store = store
        for _ in range(2):
            draft(
                store, provider, per_cluster=8, max_cost=cap, concurrency=concurrency, price=PRICE, retry_in_doubt=retry
            )
            assert sum(store.spending()) <= cap + 1e-9
        assert provider.most <= cap + 1e-9


class _Watched(ScriptedProvider):
    """Looks at the account whenever a request is under way."""

    store: Store

    def __init__(self, answers: list[Any], usage: tuple[int, int]) -> None:
        super().__init__(answers, free=False, usage=Usage(min(usage[0], 5000), usage[1]))
        self.most = 0.0

    async def send(self, question: Question) -> Any:
        self.most = max(self.most, sum(self.store.spending()))
        await asyncio.sleep(0)
        return await super().send(question)


def test_importing_drafting_loads_no_sdk() -> None:
    code = "import sys, generator.drafting.drafting, generator.drafting.providers; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert not {"openai", "anthropic", "numpy", "pydantic", "genai_prices", "httpx2"} & set(loaded.stdout.split())


def test_every_provider_is_one() -> None:
    providers: list[Provider] = [OfflineProvider(), ScriptedProvider([answer])]
    assert [provider.free for provider in providers] == [True, True]
