"""One process drafts at a time: a second says who does, and a dead one is no obstacle."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from generator.drafting.drafting import draft
from generator.drafting.leasing import SILENT_S, Held, is_dead, leased, started
from generator.drafting.providers import open_provider
from generator.drafting.providers.scripted import ScriptedProvider
from generator.errors import ProjectError
from generator.ledger import Lease
from generator.store import Store
from tests.drafting.projects import make_project
from tests.wire.server import WireServer

ROOT = Path(__file__).parents[2]
GROUPS = {f"group {number}": (f"Where is parcel {number}?", f"parcel {number} lost") for number in range(12)}


def start(path: Path, url: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(ROOT / "tests/drafting/draft_once.py"), str(path), url],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_eight_processes_at_one_job_send_each_call_once(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, GROUPS).close()
    with WireServer(delay_s=0.1) as server:
        processes = [start(path, server.openai_url) for _ in range(8)]
        errors = [process.communicate(timeout=120)[1] for process in processes]
        codes = [process.returncode for process in processes]
        # Whoever came while another drafted was told; whoever came after it found nothing left to send.
        assert codes.count(0) >= 1
        for code, error in zip(codes, errors, strict=True):
            assert code == 0 or "drafting runs in process" in error
        assert len(server.requests) == 2 * len(GROUPS)
        assert set(server.bills.values()) == {1}
    with Store.open(path) as store:
        assert {call.state for call in store.calls()} == {"done"}
        assert {call.attempts for call in store.calls()} == {1}


def test_the_second_process_is_told_who_drafts_since_when_and_how_to_end_it(tmp_path: Path) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, GROUPS).close()
    with WireServer(["slow"]) as server, Store.open(path) as store:
        process = start(path, server.openai_url)
        wait_for(lambda: bool(server.requests))
        with pytest.raises(ProjectError) as refused:
            draft(store, ScriptedProvider([""]))
        assert f"drafting runs in process {process.pid} since 20" in str(refused.value)
        assert f"kill {process.pid}" in str(refused.value)
        assert refused.value.exit_code == 2
        process.send_signal(signal.SIGKILL)
        process.communicate()
        # Killed, so that it could give nothing back.
        report = draft(store, open_provider("openai/m", server.openai_url, environ={}), clusters=["group 0"])
        assert report.stopped is None


@pytest.fixture
def lease(store: Store) -> Lease:
    mine = os.getpid()
    return Lease("t", mine, started(mine), socket.gethostname(), "ana", "2026-01-01T00:00:00+00:00", time.time())


def test_a_lease_lives_as_long_as_its_process_on_this_machine(lease: Lease) -> None:
    assert not is_dead(lease)
    assert not is_dead(replace(lease, heartbeat=0.0))
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert is_dead(replace(lease, pid=gone.pid, started="1"))
    # Another process has the number by now.
    assert is_dead(replace(lease, started="1"))


def test_a_lease_of_another_machine_lives_as_long_as_it_is_heard_of(lease: Lease) -> None:
    elsewhere = replace(lease, host="elsewhere", pid=1)
    assert not is_dead(elsewhere)
    assert not is_dead(replace(elsewhere, heartbeat=time.time() - SILENT_S / 2))
    assert is_dead(replace(elsewhere, heartbeat=time.time() - SILENT_S - 1))
    # A clock that is a day ahead keeps nobody out for a day.
    assert is_dead(replace(elsewhere, heartbeat=time.time() + 86_400))


def test_a_lease_is_given_back_after_every_end(store: Store) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), leased(store):
            raise ZeroDivisionError
    with leased(store) as held:
        assert store.keep_lease(held.token, time.time())
        with Store.open(store.path) as other, pytest.raises(ProjectError, match="drafting runs in process"):
            draft(other, ScriptedProvider([""]))
    assert not store.keep_lease(held.token, time.time())


def test_who_was_taken_for_dead_sends_nothing_more(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("generator.drafting.leasing.HEARTBEAT_S", 0.05)
    provider = ScriptedProvider(["{}"], delay_s=0.3)
    kept = Held.beat

    async def robbed(self: Held, lost: Callable[[], None]) -> None:
        await asyncio.sleep(0.1)
        self.store.end_lease(self.token)
        await kept(self, lost)

    monkeypatch.setattr(Held, "beat", robbed)
    report = draft(store, provider, concurrency=1)
    assert report.requests == 1
    assert report.stopped == "Another process has taken this one for dead and drafts now."
