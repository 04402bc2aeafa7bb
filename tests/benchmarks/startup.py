"""What it costs to start: seconds and memory of the commands that people and CI call again and again.

Every command runs in a process of its own, several times; the median counts. Memory is the most that the process, or
one that it became, held. The project is the demo's.

    PYTHONPATH=. python tests/benchmarks/startup.py [--times 5] [--json OUT]
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.app import rss, started
from tests.benchmarks.tables import machine, show

GROUNDSET = str(Path(sys.executable).with_name("groundset"))


def run(command: list[str]) -> tuple[float, float]:
    """Seconds until a command has ended, and the MiB that it held at most."""
    began = time.perf_counter()
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        os.execv(command[0], command)
    _, status, usage = os.wait4(child, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{' '.join(command)} ended with {os.waitstatus_to_exitcode(status)}")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def app(project: Path) -> tuple[float, float]:
    """Seconds until the first whole screen of the app in a real terminal, and its memory."""
    terminal, seconds = started(project)
    memory = rss(terminal.app)
    terminal.send("q")
    terminal.wait(30)
    terminal.close()
    return seconds, memory


def measure(times: int, folder: Path) -> list[dict]:
    rows = []
    first = run([GROUNDSET, "demo", str(folder / "demo")])
    rows.append({"command": "demo", "s": first[0], "peak MiB": first[1]})
    project = folder / "demo" / "demo.groundset"
    commands = {
        "--help": ["--help"],
        "status": ["status", str(project)],
        "clusters": ["clusters", str(project)],
        "covers, one text": ["covers", str(project), "where is my parcel?"],
        "gaps": ["gaps", str(project)],
    }
    for name, arguments in commands.items():
        found = [run([GROUNDSET, *arguments]) for _ in range(times)]
        rows.append({"command": name, **middle(found)})
    rows.append({"command": "curate, to the first screen", **middle([app(project) for _ in range(times)])})
    return rows


def middle(found: list[tuple[float, float]]) -> dict[str, float]:
    seconds, memory = zip(*found, strict=True)
    return {"s": statistics.median(seconds), "peak MiB": max(memory)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        rows = measure(options.times, Path(folder))
    show(f"starting: median of {options.times} (the demo once)", rows)
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), "commands": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
