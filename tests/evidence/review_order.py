"""How many accepts reach 80 % of what all drafts could: in the order of the queue, and at random.

    PYTHONPATH=. python tests/evidence/review_order.py [LOGS...]

Makes a project of each log by rule (offline, no model writes a word), then accepts one draft after the other.
"""

import random
import statistics
import sys
import tempfile
from pathlib import Path

from generator import pipeline
from generator.config import Config
from generator.demonstration import LOGS
from generator.evalset.long_queue import LongQueue
from generator.evalset.queue import Queue
from generator.store import Store

SHARE = 0.8
DRAWS = 20
AIRLINE = Path(__file__).parents[2] / "../shared/data/logs/airline_support.jsonl.gz"
SEEDS = Path(__file__).parents[2] / "seeds"


def accepts(cells, rows: dict[str, tuple[tuple[int, float], ...]], order: list[str], goal: float) -> int:
    """How many of an order it takes to the goal."""
    weight = {cell.id: cell.weight for cell in cells}
    depth: dict[int, float] = {}
    covered = 0.0
    for number, draft_id in enumerate(order, start=1):
        for cell, deep in rows[draft_id]:
            covered += weight[cell] * max(0.0, deep - depth.get(cell, 0.0))
            depth[cell] = max(deep, depth.get(cell, 0.0))
        if covered >= goal:
            return number
    return len(order)


def in_queue_order(store: Store) -> list[str]:
    """One accept after the other, each the first of the queue as it is then."""
    queue, order = LongQueue(store.cells(), store), []
    while found := queue.best(1):
        order.append(found[0].draft_id)
        queue.set_verdict(found[0].draft_id, "accepted")
    return order


def measure(name: str, logs: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "queue.groundset"
        with Store.open(path, create=True) as store:
            config, silent = Config(model="offline"), pipeline.Silent()
            pipeline.ingest(store, logs, silent)
            pipeline.cluster(store, config, silent)
            pipeline.draft(store, config, silent)
            pipeline.rank(store, config, silent)
            cells, rows = store.cells(), {row.draft_id: row.reach for row in store.queue_rows()}
            every = Queue.of(store)
            for draft_id in rows:
                every.set_verdict(draft_id, "accepted")
            goal = SHARE * every.coverage
            queue = accepts(cells, rows, in_queue_order(store), goal)
            draw = random.Random(1)
            at_random = [accepts(cells, rows, draw.sample(list(rows), len(rows)), goal) for _ in range(DRAWS)]
            print(
                f"{name}: {len(rows)} drafts reach {every.coverage:.1%}; {SHARE:.0%} of that takes {queue} accepts in "
                f"queue order, {statistics.mean(at_random):.0f} at random (mean of {DRAWS} orders, "
                f"{min(at_random)} to {max(at_random)})"
            )


if __name__ == "__main__":
    named = sys.argv[1:]
    for log in named:
        measure(Path(log).name, [log])
    if not named:
        if AIRLINE.exists():
            measure("airline", [str(AIRLINE)])
        measure("seeds", [str(SEEDS / each) for each in LOGS])
