"""One hold for all workers: during it at most one request is under way."""

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generator.drafting import pacing
from generator.drafting.drafting import draft
from generator.drafting.pacing import MAX_WAIT_S, Pace, wait_before
from generator.drafting.providers import CallFailed, open_provider
from generator.drafting.providers.scripted import ScriptedProvider
from generator.store import Store
from tests.wire.server import WireServer


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        await asyncio.sleep(0)


@given(st.integers(1, 8), st.one_of(st.none(), st.floats(allow_nan=False)), st.floats(0, 1))
def test_no_wait_is_negative_or_longer_than_a_minute(attempt: int, asked: float | None, jitter: float) -> None:
    assert 0 <= wait_before(attempt, asked, jitter) <= MAX_WAIT_S


@pytest.mark.parametrize(("asked", "seconds"), [(7.0, 7.0), (-5.0, 0.0), (1e9, 60.0), (0.0, 0.0), (float("inf"), 60.0)])
def test_the_server_is_asked_how_long_within_reason(asked: float, seconds: float) -> None:
    assert wait_before(1, asked, 0.5) == seconds


def test_without_an_answer_waits_grow() -> None:
    waits = [wait_before(attempt, None, 0.5) for attempt in range(1, 5)]
    assert waits == sorted(waits)
    assert waits[0] < waits[-1]


def run_workers(pace: Pace, refusals: Sequence[bool], workers: int) -> list[int]:
    """How many requests were under way when each was sent, with the given refusals in order."""
    answers = list(refusals)
    under_way = 0
    seen: list[int] = []

    async def work() -> None:
        nonlocal under_way
        while answers:
            async with pace.turn():
                if not answers:
                    return
                refused = answers.pop(0)
                under_way += 1
                seen.append(under_way)
                await asyncio.sleep(0)
                under_way -= 1
                if refused:
                    pace.refused(1, 5.0)
                else:
                    pace.accepted()

    async def run() -> None:
        await asyncio.gather(*(work() for _ in range(workers)))

    asyncio.run(run())
    return seen


def test_after_a_refusal_one_worker_tries_at_a_time_until_one_gets_through() -> None:
    clock = Clock()
    seen = run_workers(Pace(clock, clock.sleep), [True] * 12 + [False] * 8, workers=4)
    # The four of the beginning were on their way when the first was refused.
    assert max(seen[4:12]) == 1
    assert max(seen[13:]) > 1
    assert clock.now - 1000.0 <= 13 * 5.0


def test_a_refusal_that_holds_one_worker_holds_the_others_in_a_real_run(store: Store) -> None:
    with WireServer(["success", "rate_limited", "success"], delay_s=0.05) as server:
        report = draft(store, open_provider("openai/m", server.openai_url, environ={}), per_cluster=8)
        assert report.calls == {"ok": 6}
        assert len(server.requests) == 7
        assert set(server.bills.values()) == {1}


def test_waiting_for_ever_ends_with_the_deadline_of_the_call(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("generator.drafting.drafting.Pace", lambda: Pace(clock, clock.sleep))
    monkeypatch.setattr("generator.drafting.journal.CALL_DEADLINE_S", 100.0)
    provider = ScriptedProvider([CallFailed("overloaded", "retry", "529", 50.0)])
    report = draft(store, provider, clusters=["cards"])
    assert report.calls == {"overloaded": 1}
    assert report.requests == 3
    assert clock.now - 1000.0 == 150.0
    assert pacing.ATTEMPTS == 4
