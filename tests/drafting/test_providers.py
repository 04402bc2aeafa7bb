"""Both real SDKs against a real server: every way a request can end has its name, its bill and its journal state."""

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from generator.drafting import drafting, pacing
from generator.drafting.drafting import draft
from generator.drafting.providers import default_model, open_provider
from generator.drafting.providers.failures import Caller, retry_after, scrub
from generator.drafting.providers.provider import Provider
from generator.errors import ProviderError
from generator.store import Store
from tests.drafting.faults import FAULTS, MAKERS, Fault, meet, provider_at
from tests.hostile.corpus import SECRETS
from tests.wire.server import KEY, WireServer


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing, "FIRST_WAIT_S", 0.01)


@pytest.fixture
def server() -> Iterator[WireServer]:
    with WireServer() as running:
        yield running


def draft_one(store: Store, provider: Provider, **options: object) -> drafting.DraftingReport:
    return draft(store, provider, clusters=["cards"], price=(1.0, 2.0), **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(("maker", "fault"), [(maker, fault) for fault in FAULTS for maker in fault.makers], ids=str)
def test_every_ending_has_its_name_its_requests_and_its_state(tmp_path: Path, maker: str, fault: Fault) -> None:
    seen = meet(fault, maker, tmp_path)
    assert seen.is_as_planned(fault), seen
    assert KEY not in "".join(str(call.outcome) for call in seen.calls)


@pytest.mark.parametrize("maker", MAKERS)
def test_only_what_may_have_been_billed_is_reserved_or_spent(store: Store, server: WireServer, maker: str) -> None:
    for fault in sorted(FAULTS, key=lambda fault: fault.state == "done"):
        if maker not in fault.makers or "timeout" in fault.calls:
            continue
        server.modes = [fault.mode]
        before = store.spending()
        draft_one(store, provider_at(server, maker), retry_in_doubt=True)
        spent, reserved = store.spending()
        billed = sum(server.bills.values())
        assert (spent + reserved > 0) == (billed > 0), fault
        if fault.state in {"planned", "failed"}:
            assert (spent, reserved) == before or before[1] > 0, fault
        if fault.state == "done":
            break


@pytest.mark.parametrize("maker", MAKERS)
def test_a_slow_answer_is_in_doubt_and_never_asked_for_again_by_itself(
    store: Store, server: WireServer, maker: str
) -> None:
    server.modes = ["slow"]
    assert draft_one(store, provider_at(server, maker, timeout_s=0.2)).calls == {"timeout": 1}
    assert draft_one(store, provider_at(server, maker, timeout_s=0.2)).calls == {"in_doubt": 1}
    assert len(server.requests) == 1


def test_nobody_listening_costs_four_attempts_and_stops_the_run_in_one_sentence(
    store: Store, server: WireServer
) -> None:
    with WireServer() as closed:
        address = closed.openai_url
    report = draft(store, open_provider("openai/m", address, environ={}), concurrency=1)
    assert report.calls == {"unreachable": 1}
    assert report.requests == pacing.ATTEMPTS
    assert report.stopped is not None
    assert report.stopped.startswith("Cannot reach 127.0.0.1:")
    assert report.in_doubt == ()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("unauthorised", "does not accept the API key (401); set GROUNDSET_API_KEY"),
        ("out_of_credit", "no credit left (429)"),
        ("payment_required", "no credit left (402)"),
        ("forbidden", "does not let this key use m (403)"),
        ("not_found", "knows no model m at this address (404)"),
        ("redirect", "answers with a redirection (307)"),
    ],
)
def test_what_no_other_call_would_survive_stops_the_run_and_leaves_the_rest_planned(
    store: Store, server: WireServer, mode: str, words: str
) -> None:
    for modes in ([mode], ["success", mode], ["success", mode]):
        server.modes = list(modes)
        report = draft(store, provider_at(server, "openai"), concurrency=1, price=(1.0, 2.0))
        assert words in str(report.stopped)
        assert {call.state for call in store.calls()} <= {"planned", "done"}
    server.modes = ["success"]
    assert draft(store, provider_at(server, "openai"), price=(1.0, 2.0)).stopped is None
    assert set(server.bills.values()) == {1}
    assert len(server.bills) == 3


def test_calls_that_bring_nothing_stop_the_run_after_five_in_a_row(store: Store, server: WireServer) -> None:
    server.modes = ["bad_request"]
    report = draft(store, provider_at(server, "openai"), per_cluster=12, concurrency=1, price=(1.0, 2.0))
    assert report.calls == {"bad_request": 5}
    assert "5 calls in a row" in str(report.stopped)


def test_a_server_that_ignores_the_schema_is_noticed_after_three_clusters(store: Store, server: WireServer) -> None:
    server.modes = ["prose"]
    report = draft(store, provider_at(server, "openai"), per_cluster=12, concurrency=1, price=(1.0, 2.0))
    assert report.calls == {"bad_json": 6}
    assert "ignores the schema" in str(report.stopped)
    server.modes = ["success"]
    assert draft(store, provider_at(server, "openai"), per_cluster=12, price=(1.0, 2.0)).stopped is None


def test_an_error_that_echoes_key_and_prompt_leaves_neither_behind(store: Store, server: WireServer) -> None:
    server.modes = ["echo"]
    for maker in MAKERS:
        report = draft_one(store, provider_at(server, maker))
        kept = "\n".join([*report.problems, *(call.outcome or "" for call in store.calls())])
        assert "bad_request" in kept
        for private in (KEY, KEY[8:], "card not arrived", "was stolen", "the assistant of a bank"):
            assert private not in kept


def test_openai_itself_is_told_not_to_store_and_other_servers_are_not_asked(
    store: Store, server: WireServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    draft_one(store, provider_at(server, "openai"))
    sent = server.requests[-1].body
    assert "store" not in sent
    assert "max_completion_tokens" not in sent
    assert sent["max_tokens"] > 0

    monkeypatch.setattr("generator.drafting.providers._HOME", {"openai": server.openai_url})
    own = open_provider("openai/m", environ={"OPENAI_API_KEY": KEY})
    assert not own.free
    draft(store, own, clusters=["rates"], price=(1.0, 2.0))
    sent = server.requests[-1].body
    assert sent["store"] is False
    assert "max_tokens" not in sent
    assert sent["max_completion_tokens"] > 0
    assert sent["response_format"]["json_schema"]["strict"] is True


def test_anthropic_gets_a_cached_system_block_a_schema_and_no_temperature(store: Store, server: WireServer) -> None:
    draft_one(store, provider_at(server, "anthropic"))
    request = server.requests[-1]
    assert request.headers["Authorization"] == f"Bearer {KEY}"
    assert "temperature" not in request.body
    assert request.body["system"][0]["cache_control"] == {"type": "ephemeral"}
    assert request.body["output_config"]["format"]["type"] == "json_schema"


def test_usage_is_read_with_its_cached_part(store: Store, server: WireServer) -> None:
    for maker in MAKERS:
        url = server.openai_url if maker == "openai" else server.anthropic_url
        report = draft_one(store, open_provider(f"{maker}/m", url, environ={}))
        assert report.spent_usd == pytest.approx((1000 * 1.0 + 500 * 2.0) / 1e6)


def test_an_answer_without_usage_costs_what_it_may_have_cost(store: Store, server: WireServer) -> None:
    server.modes = ["no_usage"]
    report = draft_one(store, provider_at(server, "openai"))
    assert report.calls == {"ok": 1}
    assert report.spent_usd > 0.005
    assert store.spending()[1] == 0


def test_the_key_of_a_provider_never_goes_to_another_server(store: Store, server: WireServer) -> None:
    environ = {"OPENAI_API_KEY": KEY, "ANTHROPIC_API_KEY": KEY}
    for maker, url in (("openai", server.openai_url), ("anthropic", server.anthropic_url)):
        draft_one(store, open_provider(f"{maker}/m", url, environ=environ))
        assert KEY not in str(server.requests[-1].headers)


def test_an_address_in_the_environment_is_seen_and_is_not_openai_itself(server: WireServer) -> None:
    provider = open_provider("openai/m", environ={"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": server.openai_url})
    assert provider.free
    assert provider.priced_as is None
    assert provider.params == {"base_url": server.openai_url}


@pytest.mark.parametrize("name", ["", "gpt-4", "openai/", "openai", "scripted", "mistral/large", "offline/x"])
def test_a_name_that_is_no_model_is_refused_in_a_sentence(name: str) -> None:
    with pytest.raises(ProviderError, match="anthropic/MODEL, openai/MODEL or offline"):
        open_provider(name, environ={})


@pytest.mark.parametrize("url", ["localhost:11434", "ftp://x/v1", "http://", "http://[::1", "http://x:99999/v1", "x"])
def test_an_address_that_is_none_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(ProviderError, match="is no address of a server"):
        open_provider("openai/m", url, environ={})


def test_a_missing_or_broken_key_is_said_before_anything_is_sent() -> None:
    with pytest.raises(ProviderError, match="set OPENAI_API_KEY"):
        open_provider("openai/m", environ={})
    with pytest.raises(ProviderError, match="set ANTHROPIC_API_KEY"):
        open_provider("anthropic/m", environ={"ANTHROPIC_API_KEY": " "})
    with pytest.raises(ProviderError, match="characters that no key has"):
        open_provider("openai/m", environ={"OPENAI_API_KEY": "sk-“quoted”"})


def test_without_a_model_the_key_in_the_environment_decides() -> None:
    assert default_model({"ANTHROPIC_API_KEY": "k", "OPENAI_API_KEY": "k"}).startswith("anthropic/")
    assert default_model({"OPENAI_API_KEY": "k"}).startswith("openai/")
    assert default_model({"OPENAI_API_KEY": ""}) == "offline"


def test_only_a_server_on_this_machine_is_taken_to_be_free() -> None:
    assert open_provider("openai/m", "http://localhost:11434/v1", environ={}).free
    assert open_provider("openai/m", "http://[::1]:8000/v1", environ={}).free
    assert not open_provider("openai/m", "http://10.0.0.7:8000/v1", environ={}).free
    assert open_provider("openai/m", "http://10.0.0.7:8000/v1", free=True, environ={}).free
    assert not open_provider("openai/m", "http://localhost:1/v1", free=False, environ={}).free
    assert not open_provider(
        "openai/m", "https://eu.api.openai.com/v1", free=True, environ={"OPENAI_API_KEY": "k"}
    ).free


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.3"}, 0.3),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "-5"}, -5.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) < 0  # type: ignore[operator]
    assert retry_after({"retry-after": "Wed, 21 Oct 2065 07:28:00 GMT"}) > 1e6  # type: ignore[operator]


def test_scrubbing_takes_keys_and_echoes_and_keeps_the_rest() -> None:
    caller = Caller("OpenAI", "m", "OPENAI_API_KEY", ("hunter2-hunter2",))
    said = (
        "The model does not exist. Key hunter2-hunter2, Bearer abcdef, sk-proj-123456789. Input: where is my parcel now"
    )
    kept = scrub(said, caller.secrets, "xx where is my parcel now xx")
    assert kept.startswith("The model does not exist. Key [...]")
    for private in ("hunter2", "abcdef", "123456789", "parcel"):
        assert private not in kept


@pytest.mark.parametrize("kind", SECRETS)
def test_no_form_of_key_survives_in_what_a_server_said(kind: str) -> None:
    kept = scrub(f"Your key {SECRETS[kind]} is not known here", (), "")
    assert kept.startswith("Your key [...]")
    assert SECRETS[kind][8:] not in kept


def test_what_helps_survives_scrubbing() -> None:
    said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens."
    assert scrub(said, (KEY,), "where is my parcel") == said


def test_the_environment_of_the_tests_has_no_keys() -> None:
    assert not [name for name in os.environ if name.endswith("_API_KEY") and name.startswith(("OPENAI", "ANTHROPIC"))]


def test_a_provider_outside_its_context_is_a_bug_and_says_so(server: WireServer) -> None:
    with pytest.raises(RuntimeError, match="async with"):
        asyncio.run(provider_at(server, "openai").send(None))  # type: ignore[arg-type]
