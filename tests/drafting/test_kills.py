"""kill -9 at any point: nothing is bought twice, nothing that came back is lost, everything in doubt is listed."""

import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from generator.drafting.drafting import draft
from generator.drafting.providers import open_provider
from generator.store import Store
from tests.drafting.projects import make_project
from tests.wire.server import Request, WireServer

GROUPS = {f"group {number}": (f"Where is parcel {number}?", f"parcel {number} lost") for number in range(60)}
CONCURRENCY = 8
ROOT = Path(__file__).parents[2]


class Killer:
    """Kills the process that is drafting at the n-th request from now: before it is answered, or a moment after."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._left = 0
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def aim(self, process: "subprocess.Popen[bytes]") -> None:
        self._left = self._rng.randint(1, 9)
        self._process = process

    def __call__(self, request: Request) -> None:
        with self._lock:
            self._left -= 1
            process, self._process = (self._process, None) if self._left <= 0 else (None, self._process)
        if process is not None:
            # From before the answer leaves to well after it was committed.
            threading.Timer(self._rng.choice([0.0, 0.002, 0.01, 0.02, 0.03]), process.kill).start()
            time.sleep(self._rng.choice([0.0, 0.01]))


def kill_and_resume(tmp_path: Path, kills: int, random_state: int) -> None:
    path = tmp_path / "p.groundset"
    make_project(path, GROUPS).close()
    killer = Killer(random.Random(random_state))
    with WireServer(delay_s=0.01, on_request=killer) as server:
        for _ in range(kills):
            process = subprocess.Popen(
                [sys.executable, str(ROOT / "tests/drafting/draft_once.py"), str(path), server.openai_url],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
            killer.aim(process)
            process.wait(timeout=60)
        with Store.open(path) as store:
            provider = open_provider("openai/m", server.openai_url, environ={})
            report = draft(store, provider, price=(1.0, 2.0), per_cluster=8)
            calls = store.calls()
            billed = server.bills
            assert report.stopped is None
            # Nothing was bought twice.
            assert set(billed.values()) == {1}
            # Every call is either answered and read, or listed as in doubt.
            assert {call.state for call in calls} <= {"done", "in_doubt"}
            assert len(calls) == 2 * len(GROUPS)
            answered = [call for call in calls if call.state == "done"]
            doubtful = [call for call in calls if call.state == "in_doubt"]
            assert all(call.outcome == "ok" for call in answered)
            assert len(answered) + len(doubtful) >= len(billed) >= len(answered)
            assert len(report.in_doubt) == len(doubtful) <= CONCURRENCY * kills
            # What came back was paid for once and became drafts.
            assert len(store.drafts()) == 4 * len(answered)
            assert store.spending()[0] == pytest.approx(0.002 * len(answered))
            assert store.spending()[1] > 0 or not doubtful
            # And on request the rest is bought, once.
            final = draft(store, provider, price=(1.0, 2.0), per_cluster=8, retry_in_doubt=True)
            assert final.in_doubt == ()
            assert len(store.drafts()) == 4 * len(calls)
            assert final.requests == len(doubtful)


def test_eight_kills_buy_nothing_twice(tmp_path: Path) -> None:
    kill_and_resume(tmp_path, kills=8, random_state=1)


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("random_state", range(2, 12))
def test_a_hundred_kills_buy_nothing_twice(tmp_path: Path, random_state: int) -> None:
    kill_and_resume(tmp_path, kills=10, random_state=random_state)
