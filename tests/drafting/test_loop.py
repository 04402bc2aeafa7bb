"""The drafting loop: it asks where coverage can grow, stops by itself, and buys nothing twice."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from generator import pipeline
from generator.config import Config
from generator.evalset.deciding import decide
from generator.evalset.queue import Queue
from generator.pipeline import Silent
from generator.records import Landing
from generator.rounds import LoopReport, RoundResult, draft_until
from generator.store import Store
from tests.wire.server import Request, WireServer

ROOT = Path(__file__).parents[2]
PRICE = (1.0, 2.0)
OFFLINE = Config(encoder="lexical", model="offline", random_draws=10, clusters=8)


def config_for(url: str, **options: float) -> Config:
    return OFFLINE.override(model="openai/m", base_url=url, concurrency=2, **options)


@pytest.fixture(scope="module")
def clustered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loop") / "a.groundset"
    with Store.open(path, create=True) as store:
        log = path.with_suffix(".txt")
        log.write_bytes(b"\n".join((ROOT / "seeds" / "search_box.txt").read_bytes().split(b"\n")[:90]))
        pipeline.ingest(store, [str(log)], Silent())
        pipeline.cluster(store, OFFLINE, Silent())
    return path


@pytest.fixture
def store(clustered: Path, tmp_path: Path) -> Iterator[Store]:
    shutil.copytree(clustered.parent, tmp_path / "p")
    with Store.open(tmp_path / "p" / clustered.name) as opened:
        yield opened


def loop(store: Store, config: Config, until: float, **options: float | tuple[float, float]) -> LoopReport:
    return draft_until(store, config, Silent(), until, names=False, **options)  # type: ignore[arg-type]


def test_it_stops_before_it_asks_where_the_drafts_could_cover_enough_already(store: Store) -> None:
    with WireServer() as server:
        report = loop(store, config_for(server.openai_url), 0.01)
        assert server.requests == []
    assert (report.why, report.rounds) == ("reached", ())
    assert report.potential >= 0.01


def test_it_stops_once_the_drafts_could_cover_enough(store: Store) -> None:
    start = loop(store, OFFLINE, 0.0).potential
    told: list[RoundResult] = []
    report = draft_until(store, OFFLINE, Silent(), start + 0.01, tell=told.append)
    assert report.why == "reached"
    assert tuple(told) == report.rounds
    assert len(told) == 1
    assert told[0].before == pytest.approx(start)
    assert told[0].after == report.potential >= start + 0.01
    assert told[0].drafts == sum(each.kind != "real" for each in store.drafts())
    assert 0 < told[0].landed <= told[0].drafts


def test_what_the_good_drafts_could_reach_is_what_accepting_them_reaches(store: Store) -> None:
    report = loop(store, OFFLINE, 0.99)
    good = [row.draft_id for row in store.queue_rows() if not row.marked]
    assert len(good) < len(store.queue_rows())
    store.decide(good, "accept", "ana")
    assert Queue.of(store).coverage == pytest.approx(report.potential)


def test_what_costs_nothing_stops_when_a_round_adds_next_to_nothing_and_then_for_good(store: Store) -> None:
    report = loop(store, OFFLINE, 1.0)
    assert report.why in {"gain", "nothing left"}
    assert len(report.rounds) >= 2
    assert all(each.gain >= 0.005 for each in report.rounds[:-2])
    drafts = store.counts().drafts
    again = loop(store, OFFLINE, 1.0)
    assert (again.why, again.rounds, store.counts().drafts) == (report.why, (), drafts)


def test_it_stops_when_a_round_promises_too_little_for_its_price(store: Store) -> None:
    with WireServer() as server:  # whose drafts are all about parcels
        report = loop(store, config_for(server.openai_url), 0.99, price=PRICE, min_gain=1_000)
        assert report.why == "gain"
        assert "less than the 1000 of --min-gain" in report.stopped
        (only,) = report.rounds
        assert only.spent_usd == pytest.approx(store.spending()[0])
        assert 100 * only.gain / only.spent_usd < 1_000
        sent = len(server.requests)
        again = loop(store, config_for(server.openai_url), 0.99, price=PRICE, min_gain=1_000)
        assert (again.why, again.rounds, len(server.requests)) == ("gain", (), sent)


def test_the_cap_stops_it_and_a_higher_one_goes_on_with_the_same_round(store: Store) -> None:
    with WireServer(["rules"]) as server:
        first = loop(store, config_for(server.openai_url, max_cost=0.03), 0.99, price=PRICE)
        assert first.why == "stopped"
        assert "--max-cost" in first.stopped
        assert [each.result for each in store.rounds()] == [None]
        sent = len(server.requests)
        assert 0 < sent < len(store.clusters())
        second = loop(store, config_for(server.openai_url, max_cost=5.0), 0.99, price=PRICE, min_gain=1e9)
        assert second.rounds[0].number == first.rounds[0].number
        assert len(server.requests) == second.rounds[0].clusters > sent
        assert set(server.bills.values()) == {1}


def test_the_first_round_is_what_drafting_does_and_costs_nothing_after_it(store: Store) -> None:
    with WireServer(["rules"]) as server:
        config = config_for(server.openai_url)
        pipeline.draft(store, config, Silent(), price=PRICE, names=False)
        prompts = [request.prompt for request in server.requests]
        loop(store, config, 0.99, price=PRICE, min_gain=1e9)
        later = [request.prompt for request in server.requests[len(prompts) :]]
    assert not any('"shown_as": "gap"' in prompt for prompt in prompts)
    assert later
    assert all('"shown_as": "gap"' in prompt and "no item of the set tests yet" in prompt for prompt in later)
    assert set(server.bills.values()) == {1}


def test_a_round_asks_only_about_clusters_with_traffic_that_nothing_tests(store: Store) -> None:
    pipeline.rank(store, OFFLINE, Silent())
    largest = store.clusters()[0].id
    cells = [cell for cell in store.cells() if cell.cluster_id == largest]
    done = [
        Landing(each.id, cells[0].id, largest, (), (), tuple((c.id, 0.9) for c in cells)) for each in store.drafts()
    ]
    store.replace_landings(done[:1], store.meta("ranked") or "")
    with WireServer(["rules"]) as server:
        loop(store, config_for(server.openai_url, max_cost=0.05), 0.99, price=PRICE)
    plan = json.loads(store.rounds()[0].plan)
    assert {each["cluster_id"] for each in plan["asks"]} == {each.id for each in store.clusters()} - {largest}
    shares = [plan["open"][each["cluster_id"]] for each in plan["asks"]]
    assert shares == sorted(shares, reverse=True)


def test_people_who_reject_make_room_for_another_round(store: Store) -> None:
    report = loop(store, OFFLINE, 1.0)
    assert loop(store, OFFLINE, 1.0).rounds == ()
    best = [row.draft_id for row in store.queue_rows() if not row.marked][:30]
    decide(store, "reject", best, best=None, reason="2", actor="ana")
    again = loop(store, OFFLINE, 1.0)
    assert again.rounds[0].before < report.potential
    assert again.rounds[0].drafts > 0


def run_and_kill(path: Path, server: WireServer, aim: Callable[[int], None]) -> int:
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/drafting/loop_once.py"), str(path), server.openai_url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    aim(process.pid)
    return process.wait(timeout=120)


def test_killed_in_the_middle_of_a_round_it_goes_on_and_buys_nothing_twice(store: Store) -> None:
    target: list[int] = []

    def kill(request: Request) -> None:
        if target and request.number in {3, 8, 14}:
            os.kill(target.pop(), signal.SIGKILL)

    with WireServer(["rules"], delay_s=0.01, on_request=kill) as server:
        killed = [run_and_kill(store.path, server, target.append) for _ in range(2)]
        assert killed == [-signal.SIGKILL, -signal.SIGKILL]
        begun = store.rounds()
        target.clear()
        report = loop(store, config_for(server.openai_url), 0.99, price=PRICE, min_gain=1e9)
        assert set(server.bills.values()) == {1}
        assert report.rounds[0].number == begun[-1].number
        assert store.rounds()[0].plan == begun[0].plan
        doubtful = store.calls(state="in_doubt")
        assert len(doubtful) <= 2 * len(killed)
        assert len(server.bills) - len(doubtful) <= len(store.calls(state="done")) <= len(server.bills)
