"""Runs that are killed while they draft, and what is left of their calls; for the tests and for the figures."""

import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

from generator.drafting.drafting import DraftingReport, draft
from generator.drafting.providers import open_provider
from generator.store import Store
from tests.drafting.projects import make_project
from tests.wire.server import Request, WireServer

GROUPS = {f"group {number}": (f"Where is parcel {number}?", f"parcel {number} lost") for number in range(60)}
PER_CLUSTER = 8
CALLS = 2 * len(GROUPS)
CONCURRENCY = 8
PRICE = (1.0, 2.0)
BILL_USD = 0.002
"""Of one answer of the server, at this price."""
CAP_BEYOND_USD = 0.1
"""What the first run that is left alone may spend; the calls that are left cost more."""
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


@dataclass(frozen=True)
class Aftermath:
    """What the killed runs of a project left, or those of several."""

    killed: int = 0
    """Runs that died by the killer's hand."""
    billed: int = 0
    """Answers that the server would have charged for, before anything was repeated on request."""
    received: int = 0
    """Answers in the journal."""
    lost: int = 0
    """Of these, without all that was made of them: their drafts, or their answer."""
    twice: int = 0
    """Calls that were charged for more than once."""
    in_doubt: int = 0
    unlisted: int = 0
    """Calls that were charged for, or that are in doubt, and that no report names."""
    cap_passed: int = 0
    """Projects in which a run spent more than its cap."""
    capped: int = 0
    """Projects in which the cap stopped a run."""
    unfinished: int = 0
    """Calls without an answer after all was repeated on request; drafting's also if repeated without a doubt."""

    def __add__(self, other: Self) -> "Aftermath":
        return Aftermath(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))


def kill_and_resume(folder: Path, kills: int, random_state: int) -> Aftermath:
    """Kill this many runs over one project, then leave three alone: under a cap, without one, with doubts resent."""
    path = folder / "p.groundset"
    make_project(path, GROUPS).close()
    killer = Killer(random.Random(random_state))
    with WireServer(delay_s=0.01, on_request=killer) as server:
        killed = sum(killed_run("draft_once.py", path, server.openai_url, killer) for _ in range(kills))
        with Store.open(path) as store:

            def run(**options: object) -> DraftingReport:
                provider = open_provider("openai/m", server.openai_url, environ={})
                return draft(store, provider, price=PRICE, per_cluster=PER_CLUSTER, **options)  # type: ignore[arg-type]

            return _aftermath(store, server, run, killed)


def killed_run(script: str, path: Path, address: str, killer: Killer) -> bool:
    """Run a script of this folder on a project until the killer strikes; False where it came to its end before."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "tests/drafting" / script), str(path), address],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    killer.aim(process)
    return process.wait(timeout=120) < 0


def _aftermath(store: Store, server: WireServer, run: Callable[..., DraftingReport], killed: int) -> Aftermath:
    store.sent_to_in_doubt()
    billed_before, cap = server.bills.total(), sum(store.spending()) + CAP_BEYOND_USD
    capped = run(max_cost=cap, concurrency=CONCURRENCY)
    spent_usd = (server.bills.total() - billed_before) * BILL_USD
    report = run()
    calls, billed = store.calls(), server.bills.total()
    twice = sum(count > 1 for count in server.bills.values())
    received = sum(call.state == "done" for call in calls)
    in_doubt = sum(call.state == "in_doubt" for call in calls)
    drafts = len(store.drafts())
    # On request the rest is bought, once.
    final = run(retry_in_doubt=True)
    return Aftermath(
        killed=killed,
        billed=billed,
        received=received,
        lost=received - drafts // 4,
        twice=twice,
        in_doubt=in_doubt,
        unlisted=max(len(server.bills) - received - in_doubt, 0) + in_doubt - len(report.in_doubt),
        cap_passed=spent_usd > CAP_BEYOND_USD,
        capped=capped.stopped is not None and "cap" in capped.stopped,
        unfinished=CALLS - len(store.drafts()) // 4 + abs(final.requests - in_doubt) + len(final.in_doubt),
    )
