"""What the app costs, in a real terminal: key to screen, start, memory, lost keys, search, order after a decision.

    make bench-app            # 100,000 drafts; BENCH="--drafts 1000000" for more
    PYTHONPATH=. python tests/benchmarks/app.py --project FILE --json OUT

Key to screen is the time from writing a key to the terminal until the frame that shows what it did is there: `j`
until the next item's id stands in the title, `a` until the line of the last act names what was decided.
"""

import argparse
import json
import os
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from pathlib import Path

from generator.evalset.long_queue import LongQueue
from generator.lists import Filter
from generator.store import Store
from tests.benchmarks.large import make_large, multiply
from tests.curation_tui.terminal import Terminal

SIZE = (120, 36)
SEARCHES = ("re", "refund", "refund late", "parcel", '"late" parcel*', "case 4711", "webhook quota")
Figures = dict[str, float | str]


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(int(share * len(values)), len(values) - 1)]


def rss(pid: int) -> float:
    """Memory that a process holds now and held at most, the larger, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = next(line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(found.split()[1]) / 1024


def started(project: Path) -> tuple[Terminal, float]:
    """The app, up; and the seconds until its first whole screen."""
    before = time.perf_counter()
    terminal = Terminal(str(project), "--as", "ana", size=SIZE)
    while "u undo" not in terminal.text():
        terminal.read(0.005)
        if time.perf_counter() - before > 60:
            raise SystemExit(f"It did not come up:\n{terminal.text()}")
    return terminal, time.perf_counter() - before


def until_frame(terminal: Terminal, seen: int, patience: float = 5.0) -> float:
    """Seconds until the app has written a frame and is quiet; the pause that proves it is not counted."""
    before = time.perf_counter()
    while time.perf_counter() - before < patience:
        terminal.take(0.004)
        if len(terminal.output) > seen and time.perf_counter() - terminal.arrived > 0.012:
            break
    return terminal.arrived - before


def processor_time(pid: int) -> float:
    """Seconds of a processor that a process has had: what a key costs, whatever else the machine does."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def key_to_screen(terminal: Terminal, keys: str, count: int) -> list[float]:
    times = []
    for number in range(count):
        terminal.take(0.02)
        seen = len(terminal.output)
        terminal.send(keys[number % len(keys)])
        times.append(until_frame(terminal, seen))
    return times


def last_event(store: Store) -> int:
    database: sqlite3.Connection = store._db
    return database.execute("SELECT coalesce(max(seq), 0) FROM event").fetchone()[0]


def key_to_durable(terminal: Terminal, project: Path, count: int) -> list[float]:
    """Seconds from writing the key of a decision until another process reads the decision from the file."""
    times = []
    with Store.open(project) as store:
        decided = last_event(store)
        for _ in range(count):
            terminal.take(0.25)  # the order is worked out meanwhile
            begun = time.perf_counter()
            terminal.send("a")
            while last_event(store) == decided and time.perf_counter() - begun < 5.0:
                time.sleep(0.0005)
            times.append(time.perf_counter() - begun)
            decided = last_event(store)
    return times


def lost_keys(project: Path) -> int:
    """Of 1,000 decisions typed within a second, how many did not reach the store."""
    with Store.open(project) as store:
        before = len(store.decisions())
    terminal, _ = started(project)
    with terminal:
        begun = time.perf_counter()
        for number in range(1_000):
            terminal.send("a" if number % 2 else "x")
            wait = begun + number / 1_000 - time.perf_counter()
            if wait > 0:
                time.sleep(wait)
        written = time.perf_counter() - begun
        terminal.send("q")
        terminal.wait(120)
    print(f"  1,000 keys written in {written:.2f} s", file=sys.stderr)
    with Store.open(project) as store:
        return 1_000 - (len(store.decisions()) - before)


def searches(project: Path) -> tuple[list[float], list[float]]:
    """Milliseconds of searches for words, and of their first letters, as the list makes them."""
    whole, first = [], []
    with Store.open(project) as store:
        for words in SEARCHES:
            for letters, times in ((words, whole), (words[:2], first)):
                begun = time.perf_counter()
                ids = store.list_filtered(Filter().with_words(letters), "traffic", {})
                store.list_rows(ids[:40])
                times.append(time.perf_counter() - begun)
    return whole, first


def order_after_a_decision(project: Path, decisions: int = 20) -> list[float]:
    from curation_tui.session import LISTED

    times = []
    with Store.open(project) as store:
        queue = LongQueue(store.cells(), store)
        order = queue.best(LISTED)
        for number in range(decisions):
            queue.set_verdict(order[0].draft_id, "accepted" if number % 3 else "rejected")
            begun = time.perf_counter()
            order = queue.best(LISTED)
            times.append(time.perf_counter() - begun)
    return times


def figures(project: Path, keys: int) -> Figures:
    found: Figures = {"cores": os.cpu_count() or 0, "load before": os.getloadavg()[0]}
    with Store.open(project) as store:
        found["drafts"] = store.ranked()
    terminal, cold = started(project)
    terminal.send("q")
    terminal.wait(30)
    terminal.close()
    starts = []
    for _ in range(3):
        terminal, seconds = started(project)
        starts.append(seconds)
        terminal.send("q")
        terminal.wait(30)
        terminal.close()
    found |= {"first paint, first start, ms": 1000 * cold, "first paint, warm, ms": 1000 * statistics.median(starts)}
    terminal, _ = started(project)
    with terminal:
        time.sleep(2)
        for name, typed, count in (("j", "jjjk", keys), ("decisions", "aaxaj", keys)):
            busy = processor_time(terminal.app)
            times = key_to_screen(terminal, typed, count)
            found[f"processor time a key, {name}, ms"] = 1000 * (processor_time(terminal.app) - busy) / count
            found |= {f"key to screen, {name}, p{p}, ms": 1000 * quantile(times, p / 100) for p in (50, 95, 99)}
        times = key_to_durable(terminal, project, keys // 2)
        found |= {f"key to durable, p{p}, ms": 1000 * quantile(times, p / 100) for p in (50, 99)}
        terminal.send("l")
        terminal.read(1.0)
        times = key_to_screen(terminal, "jjjjk", keys // 2)
        found |= {f"key to screen, list, p{p}, ms": 1000 * quantile(times, p / 100) for p in (50, 95, 99)}
        found["memory, MB"] = rss(terminal.app)
        terminal.send("q")
        terminal.wait(30)
    whole, first = searches(project)
    found |= {"search, slowest, ms": 1000 * max(whole), "first letters, slowest, ms": 1000 * max(first)}
    times = order_after_a_decision(project)
    found |= {"order after a decision, median, ms": 1000 * statistics.median(times)}
    found |= {"order after a decision, slowest, ms": 1000 * max(times)}
    found["lost keys of 1,000"] = lost_keys(project)
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--project", type=Path, help="measure a copy of this one instead of making one")
    parser.add_argument("--drafts", type=int, default=100_000)
    parser.add_argument("--keys", type=int, default=200)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "large.groundset"
        if options.project is not None:
            shutil.copy(options.project, project)
        else:
            make_large(project, drafts=min(options.drafts, 100_000))
            multiply(project, max(options.drafts // 100_000, 1))
        found = figures(project, options.keys)
    for name, value in found.items():
        print(f"{name:<40} {value:>12,.1f}")
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
