"""Batches through both real SDKs: made once, read whatever they hold, at the lower price and within the cap."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generator.drafting import batching, pacing
from generator.drafting.batching import BatchReport, collect, submit
from generator.drafting.budget import price_of
from generator.drafting.drafting import draft, estimate
from generator.drafting.providers import Usage, open_provider
from generator.drafting.providers.batches import BatchLimits
from generator.drafting.providers.offline import OfflineProvider
from generator.errors import BudgetError, ProviderError
from generator.store import Store
from tests.drafting.faults import MAKERS, PRICE, provider_at
from tests.drafting.projects import GROUPS, make_project
from tests.wire.server import KEY, WireServer

PER_CALL = (1000 * PRICE[0] + 500 * PRICE[1]) / 1e6


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(batching, "SETTLE_S", 0.0)
    monkeypatch.setattr(batching, "POLL_S", 0.05)


@pytest.fixture
def server() -> Any:
    with WireServer() as running:
        yield running


def hand_over(store: Store, server: WireServer, maker: str, **options: Any) -> BatchReport:
    return submit(store, provider_at(server, maker), price=PRICE, **options)


def read(store: Store, server: WireServer, maker: str, **options: Any) -> BatchReport:
    return collect(store, provider_at(server, maker), price=PRICE, **options)


@pytest.mark.parametrize("maker", MAKERS)
def test_a_batch_is_handed_over_once_and_read_once(store: Store, server: WireServer, maker: str) -> None:
    server.batches.finished = False
    first = hand_over(store, server, maker, per_cluster=8)
    assert (first.submitted, first.stopped) == (6, None)
    (under_way,) = first.under_way
    assert (under_way.id, under_way.calls) == ("batch_1", 6)
    assert under_way.reserved_usd == pytest.approx(store.spending()[1])
    assert under_way.reserved_usd > 0

    again = hand_over(store, server, maker, per_cluster=8)
    assert (again.submitted, [each.id for each in again.under_way]) == (0, ["batch_1"])
    waiting = read(store, server, maker)
    assert (waiting.ended, waiting.new, len(waiting.under_way)) == (0, 0, 1)
    # A run that does not wait leaves the calls of the batch alone.
    live = draft(store, provider_at(server, maker), price=PRICE, per_cluster=8)
    assert (live.calls, live.requests) == ({"in_batch": 6}, 0)

    server.batches.finished = True
    report = read(store, server, maker)
    assert (report.ended, report.rows, report.calls, report.new) == (1, {"answered": 6}, {"ok": 6}, 24)
    assert report.spent_usd == pytest.approx(6 * PER_CALL)
    assert store.spending() == (pytest.approx(6 * PER_CALL), 0)
    assert {call.outcome for call in store.calls()} == {"ok"}
    assert all(each.source_ids for each in store.drafts())
    assert read(store, server, maker).ended == 0
    assert hand_over(store, server, maker, per_cluster=8).submitted == 0
    assert draft(store, provider_at(server, maker), price=PRICE, per_cluster=8).calls == {"known": 6}
    assert len(server.batches.created) == 1
    assert set(server.batches.billed.values()) == {1}


@pytest.mark.parametrize("maker", MAKERS)
def test_what_a_batch_asks_is_what_a_call_would_ask(store: Store, server: WireServer, maker: str) -> None:
    hand_over(store, server, maker)
    entries = server.batches.created[0].entries
    with make_project(store.path.with_name("twin.groundset"), GROUPS) as twin:
        draft(twin, provider_at(server, maker), price=PRICE, concurrency=1)
        assert [each.get("params") or each["body"] for each in entries] == [each.body for each in server.requests]
        assert [each["custom_id"] for each in entries] == [
            next(call.key for call in twin.calls() if call.cluster_id == cluster.id) for cluster in twin.clusters()
        ]


ROW_FAULTS = {
    # fault: (counted as, state of the call, may be sent again by itself)
    "errored": ("errored", "planned", True),
    "invalid": ("refused", "failed", True),
    "expired": ("expired", "planned", True),
    "cancelled": ("cancelled", "planned", True),
    "lost": ("missing", "in_doubt", False),
    "garbage": ("answered", "in_doubt", False),
    "no_usage": ("answered", "done", False),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("fault", ROW_FAULTS)
def test_every_ending_of_a_row_is_counted_and_only_failures_are_sent_again(
    store: Store, server: WireServer, maker: str, fault: str
) -> None:
    counted, state, again = ROW_FAULTS[fault]
    server.batches.faults = {1: fault}  # type: ignore[dict-item]
    hand_over(store, server, maker)
    report = read(store, server, maker)
    assert report.ended == 1
    assert report.rows == Counter(answered=2) + Counter([counted])
    key = server.batches.created[0].entries[1]["custom_id"]
    assert store.calls(key=key)[0].state == state
    assert len(report.in_doubt) == (state == "in_doubt")
    assert (store.spending()[1] > 0) == (state == "in_doubt")

    server.batches.faults = {}
    assert hand_over(store, server, maker).submitted == again
    if state == "in_doubt":
        assert hand_over(store, server, maker, retry_in_doubt=True).submitted == 1
    read(store, server, maker)
    assert {call.state for call in store.calls()} == {"done"}
    assert server.batches.billed[key] == (2 if fault == "garbage" else 1)


@pytest.mark.parametrize("maker", MAKERS)
def test_rows_in_any_order_twice_and_of_others_reach_the_right_calls(
    store: Store, server: WireServer, maker: str
) -> None:
    server.batches.reversed = True
    server.batches.faults = {0: "twice", 5: "stranger"}
    hand_over(store, server, maker, per_cluster=8)
    report = read(store, server, maker)
    assert report.rows == {"answered": 5, "missing": 1, "not_ours": 1, "repeated": 1}
    sent = {each["custom_id"]: json.dumps(each) for each in server.batches.created[0].entries}
    for each in store.drafts():
        assert each.call_key is not None
        # The stand-in's drafts carry a name made of the request that they answer.
        own = next(call for call in store.calls(key=each.call_key))
        assert own.raw is not None
        assert each.messages[-1].content.split()[3] in own.raw.decode()
        assert each.cluster_id == own.cluster_id
        assert each.call_key in sent


@settings(max_examples=15, deadline=None)
@given(
    st.sampled_from(MAKERS),
    st.dictionaries(st.integers(0, 11), st.sampled_from([*ROW_FAULTS, "twice", "stranger"]), max_size=6),
    st.booleans(),
)
def test_whatever_rows_come_back_no_answer_is_swapped_lost_or_bought_twice(
    tmp_path_factory: pytest.TempPathFactory, maker: str, faults: dict[int, Any], is_reversed: bool
) -> None:
    path = tmp_path_factory.mktemp("rows") / "p.groundset"
    groups = {f"group {number}": (f"Where is parcel {number}?", f"parcel {number} lost") for number in range(12)}
    with WireServer() as server, make_project(path, groups) as store:
        server.batches.faults, server.batches.reversed = faults, is_reversed
        hand_over(store, server, maker)
        report = read(store, server, maker)
        states = Counter(call.state for call in store.calls())
        bad = Counter(ROW_FAULTS[each][1] for each in faults.values() if each in ROW_FAULTS)
        bad["in_doubt"] += sum(each == "stranger" for each in faults.values())
        bad.pop("done", None)
        assert states == Counter(done=12 - bad.total()) + bad
        assert report.new == 4 * states["done"]
        server.batches.faults = {}
        hand_over(store, server, maker)
        read(store, server, maker)
        assert Counter(call.state for call in store.calls()) == Counter(
            done=12 - bad["in_doubt"]) + Counter(in_doubt=bad["in_doubt"])  # fmt: skip
        assert set(server.batches.billed.values()) == {1}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("ending", ["failed", "cancelled", "expired", "gone"])
def test_every_ending_of_a_whole_batch(store: Store, server: WireServer, maker: str, ending: Any) -> None:
    if maker == "anthropic" and ending in {"failed", "expired", "cancelled"}:
        pytest.skip("Anthropic's batches end; their rows say how")
    hand_over(store, server, maker)
    server.batches.ending = ending
    server.batches.faults = {0: "expired", 1: "expired", 2: "expired"} if ending == "expired" else {0: "lost"}
    report = read(store, server, maker)
    expected = {
        "failed": {"refused": 3},
        "cancelled": {"answered": 2, "cancelled": 1},
        "expired": {"expired": 3},
        "gone": {"gone": 3},
    }
    assert report.rows == expected[ending]
    states = Counter(call.state for call in store.calls())
    assert (
        states
        == {
            "failed": Counter(planned=3),
            "cancelled": Counter(planned=1, done=2),
            "expired": Counter(planned=3),
            "gone": Counter(in_doubt=3),
        }[ending]
    )
    assert store.batches("under_way") == []


# Money ------------------------------------------------------------------------------------------


def test_the_worst_case_is_reserved_before_anything_is_handed_over_and_the_cap_is_a_cap(
    store: Store, server: WireServer
) -> None:
    whole = hand_over(store, server, "openai").under_way[0].reserved_usd
    with make_project(store.path.with_name("capped.groundset"), GROUPS) as capped:
        cap = whole * 0.8
        report = hand_over(capped, server, "openai", max_cost=cap)
        assert report.submitted == 2
        assert "would pass the cap" in str(report.stopped)
        assert 0 < sum(capped.spending()) <= cap
        read(capped, server, "openai")
        assert sum(capped.spending()) <= cap
        # What came back cost less than was held, so there is room for the rest.
        assert hand_over(capped, server, "openai", max_cost=cap).submitted == 1
        read(capped, server, "openai")
        assert sum(capped.spending()) <= cap
        assert {call.state for call in capped.calls()} == {"done"}
    with pytest.raises(BudgetError, match="cap of 0"):
        hand_over(store, server, "openai", max_cost=0, per_cluster=8) if False else submit(
            store, open_provider("openai/m", "http://10.0.0.7/v1", environ={}), price=PRICE, max_cost=0
        )


@pytest.mark.parametrize("name", ["anthropic/claude-haiku-5-5", "openai/gpt-5.4-nano"])
def test_a_batch_costs_half_where_prices_are_published(store: Store, name: str) -> None:
    provider = open_provider(name, environ={"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"})
    price, usage = price_of(provider), Usage(10_000, 1_000)
    assert price.of_batches().cost(usage) == pytest.approx(price.cost(usage) / 2)
    live, batch = estimate(store, provider), estimate(store, provider, batch=True)
    assert batch.low_usd == pytest.approx(live.low_usd / 2)
    assert batch.high_usd == pytest.approx(live.high_usd / 2)


def test_published_prices_are_paid_for_a_batch_at_half(
    store: Store, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("generator.drafting.providers._HOME", {"openai": server.openai_url})
    provider = open_provider("openai/gpt-5.4-nano", environ={"OPENAI_API_KEY": KEY})
    submit(store, provider)
    assert collect(store, provider).spent_usd == pytest.approx(3 * (600 * 0.2 + 400 * 0.02 + 500 * 1.25) / 1e6 / 2)
    entry = server.batches.created[0].entries[0]
    assert entry["body"]["store"] is False


def test_limits_cut_a_large_plan_into_several_batches(
    store: Store, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    provider = provider_at(server, "openai")
    assert type(provider).limits == BatchLimits(50_000, 200_000_000)  # type: ignore[attr-defined]
    monkeypatch.setattr(type(provider), "limits", BatchLimits(4, 200_000_000))
    report = submit(store, provider, price=PRICE, per_cluster=12)
    assert [each.calls for each in report.under_way] == [4, 4, 1]
    assert sorted(store.batches()[0].nonce) != sorted(store.batches()[1].nonce)
    report = collect(store, provider, price=PRICE)
    assert (report.ended, report.calls) == (3, {"ok": 9})
    monkeypatch.setattr(type(provider), "limits", BatchLimits(50_000, 60_000))
    assert len(submit(store, provider, price=PRICE, per_cluster=24).under_way) > 1
    for batch in server.batches.created:
        assert len(json.dumps(batch.entries)) < 60_000 or len(batch.entries) == 4


# Nobody knows -----------------------------------------------------------------------------------


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("forgets", [False, True])
def test_a_batch_whose_name_was_not_kept_is_found_again_and_not_made_twice(
    store: Store, server: WireServer, maker: str, forgets: bool
) -> None:
    hand_over(store, server, maker)
    (batch,) = store.batches()
    store.batch_attached(batch.nonce, None)
    server.batches.forgets_metadata = forgets
    server.batches.finished = False
    assert hand_over(store, server, maker).submitted == 0
    assert store.batches()[0].remote_id == "batch_1"
    server.batches.finished = True
    assert read(store, server, maker).calls == {"ok": 3}
    assert len(server.batches.created) == 1


@pytest.mark.parametrize("maker", MAKERS)
def test_a_batch_that_was_never_made_is_made_by_the_next_run(store: Store, server: WireServer, maker: str) -> None:
    server.batches.control_faults = [(0, b"")]  # hung up on, before anything was made
    report = hand_over(store, server, maker)
    assert "not known" in str(report.stopped)
    assert len(store.batches("under_way")) == 1
    assert sum(store.spending()) > 0
    report = hand_over(store, server, maker)
    assert (report.submitted, report.stopped) == (3, None)
    assert [each.state for each in store.batches()] == ["refused", "under_way"]
    assert len(server.batches.created) == 1


def test_while_it_is_too_early_to_say_nothing_is_made_again(
    store: Store, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batching, "SETTLE_S", 60.0)
    server.batches.control_faults = [(0, b"")]
    hand_over(store, server, "anthropic")
    report = hand_over(store, server, "anthropic")
    assert report.submitted == 0
    assert "try again in a minute" in str(report.stopped)


def test_of_two_batches_that_could_be_ours_the_rows_tell_which_is(store: Store, server: WireServer) -> None:
    """Anthropic keeps no mark of ours; another project with the same key hands over a batch of the same size."""
    with make_project(store.path.with_name("other.groundset"), {f"other {key}": GROUPS[key] for key in GROUPS}) as twin:
        server.batches.finished = False
        hand_over(twin, server, "anthropic")
        hand_over(store, server, "anthropic")
        hand_over(twin, server, "anthropic", per_cluster=8)
        store.batch_attached(store.batches()[0].nonce, None)
        report = hand_over(store, server, "anthropic")
        assert (report.submitted, len(server.batches.created)) == (0, 3)
        assert "could be the one" in str(report.stopped)
        assert read(store, server, "anthropic").ended == 0
        server.batches.finished = True
        report = read(store, server, "anthropic")
        assert (report.ended, report.rows) == (1, {"answered": 3})
        assert store.batches()[0].remote_id == "batch_2"
        assert read(twin, server, "anthropic").calls == {"ok": 6}
        assert set(server.batches.billed.values()) == {1}


def test_a_batch_that_was_taken_for_ours_and_is_not_is_let_go(store: Store, server: WireServer) -> None:
    with make_project(store.path.with_name("other.groundset"), {f"other {key}": GROUPS[key] for key in GROUPS}) as twin:
        server.batches.finished = False
        hand_over(twin, server, "anthropic")
        server.batches.control_faults = [(0, b"")]
        hand_over(store, server, "anthropic")
        # Ours was not made; the other one is of the same time and size, and tells nothing while it is under way.
        hand_over(store, server, "anthropic")
        assert store.batches()[0].remote_id == "batch_1"
        server.batches.finished = True
        report = read(store, server, "anthropic")
        assert (report.rows, report.new) == ({"not_ours": 3}, 0)
        assert hand_over(store, server, "anthropic").submitted == 3
        assert read(store, server, "anthropic").calls == {"ok": 3}


@pytest.mark.parametrize("maker", MAKERS)
def test_results_that_break_off_are_read_to_the_end_by_the_next_look(
    store: Store, server: WireServer, maker: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hand_over(store, server, maker)
    kept: list[str] = []
    answered = Store.call_answered

    def broken(self: Store, key: str, raw: bytes) -> None:
        if len(kept) == 1:
            raise KeyboardInterrupt
        kept.append(key)
        answered(self, key, raw)

    monkeypatch.setattr(Store, "call_answered", broken)
    with pytest.raises(KeyboardInterrupt):
        read(store, server, maker)
    monkeypatch.undo()
    assert Counter(call.state for call in store.calls()) == Counter(done=1, sent=2)
    report = read(store, server, maker)
    assert report.rows == {"answered": 2, "repeated": 1}
    assert report.calls == {"ok": 3}


# What cannot be done ----------------------------------------------------------------------------


@pytest.mark.parametrize("maker", MAKERS)
def test_a_server_without_batches_says_so_and_nothing_is_held(store: Store, server: WireServer, maker: str) -> None:
    server.batches.exists = False
    report = hand_over(store, server, maker)
    assert (
        report.stopped
        == f"127.0.0.1:{server.address.rpartition(':')[2]} has no batch interface; draft without --batch."
    )
    assert store.spending() == (0, 0)
    assert {call.state for call in store.calls()} == {"planned"}
    assert draft(store, provider_at(server, maker), price=PRICE).calls == {"ok": 3}


def test_the_rules_take_no_batches(store: Store) -> None:
    for act in (submit, collect):
        with pytest.raises(ProviderError, match="takes no batches"):
            act(store, OfflineProvider())


CONTROL_FAULTS = {
    "401": ((401, b'{"error": {"message": "no", "type": "authentication_error"}}'), "does not accept the API key"),
    "402": ((402, b'{"error": {"message": "no", "type": "billing_error"}}'), "no credit left"),
    "400": ((400, b'{"error": {"message": "no", "type": "invalid_request_error"}}'), "does not serve batches now"),
    "html": ((200, b"<html>guest network</html>"), ""),
    "no id": ((200, b"{}"), ""),
    "an id that is a path": ((200, b'{"id": "../../evil"}'), ""),
    "two": ((200, b'{"id": "a"}{"id": "b"}'), ""),
    "nested": ((200, b"[" * 100_000), ""),
}


@pytest.mark.parametrize("maker", MAKERS)
@pytest.mark.parametrize("fault", CONTROL_FAULTS)
def test_whatever_a_server_says_about_batches_is_a_sentence(
    store: Store, server: WireServer, maker: str, fault: str
) -> None:
    answer, words = CONTROL_FAULTS[fault]
    for steps in range(3):
        server.batches.control_faults = [*([None] * steps), *([answer] * 4)]
        report = hand_over(store, server, maker, retry_in_doubt=True)
        if report.stopped is not None:
            assert words in str(report.stopped)
        server.batches.control_faults = [*([None] * steps), *([answer] * 4)]
        read(store, server, maker)
    server.batches.control_faults = []
    hand_over(store, server, maker)
    read(store, server, maker)
    assert len(server.batches.created) == len([each for each in store.batches() if each.remote_id is not None])
    assert set(server.batches.billed.values()) == {1}


@pytest.mark.parametrize("maker", MAKERS)
def test_being_told_to_wait_is_waited_out(store: Store, server: WireServer, maker: str) -> None:
    busy = (429, b'{"error": {"message": "slow down", "type": "rate_limit_error"}}')
    server.batches.control_faults = [busy, busy]
    assert hand_over(store, server, maker).submitted == 3
    server.batches.control_faults = [busy]
    assert read(store, server, maker, wait=True).new == 12
    assert len(server.batches.created) == 1


def test_waiting_ends_when_the_batch_does(store: Store, server: WireServer) -> None:
    server.batches.finished = False
    hand_over(store, server, "openai")
    seen: list[tuple[int, int]] = []

    def looked(done: int, total: int) -> None:
        seen.append((done, total))
        server.batches.finished = len(seen) >= 3

    report = read(store, server, "openai", wait=True, progress=looked)
    assert (report.ended, report.new, len(seen)) == (1, 12, 4)
    assert seen[0] == (0, 3)
    assert seen[-1] == (3, 3)


def test_an_answer_in_a_batch_that_cannot_be_used_is_asked_for_again_in_the_next_one(
    store: Store, server: WireServer
) -> None:
    server.modes = ["prose"]
    hand_over(store, server, "openai")
    assert read(store, server, "openai").calls == {"bad_json": 3}
    server.modes = ["success"]
    assert hand_over(store, server, "openai").submitted == 3
    assert read(store, server, "openai").calls == {"ok": 3}
    assert hand_over(store, server, "openai").submitted == 0
    assert Path(store.path).exists()
