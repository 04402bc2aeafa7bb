"""From logs to a decision, every command and what it prints: `python tests/evidence/decision.py [airline] [tau]`.

airline: 1,000 airline support conversations of ../shared/data. Two stand-ins for models answer from a server on this
machine: one says the same polite sentence to everybody, the other takes up what was asked. Stand-ins for people grade
and compare; how they judge is in `_Person`. What is shown is the way, not what airlines need.

tau: 200 real trajectories of tau-bench with real rewards of 0 or 1, four runs of each of 50 tasks by one agent. Results
are imported for the agent itself, for the same agent once more (another run of the same task, so that the truth is a
difference of 0), and for the best of its four runs. The truth over all 200 is printed beside what 60 random ones say.
"""

import gzip
import json
import random
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from generator.evalset.selection import answerable
from generator.records import Sample, content_id
from generator.store import Store
from tests.evidence.traffic import SHARED
from tests.wire.server import MODES, Reply, Request, WireServer, said

AIRLINE_LOGS, AIRLINE_DRAWS, EDGES, JUDGED = 1_000, 80, 40, 60
TAU_DRAWS = 60
PRICE = ("1", "4")


def groundset(folder: Path, *arguments: str, quiet: bool = False) -> str:
    """Run a command as a user would, print it with what it prints, and return its output."""
    print(f"\n$ groundset {shlex.join(arguments[:12])}{' ...' * (len(arguments) > 12)}", flush=True)
    command = [sys.executable, "-m", "generator", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if not quiet:
        print(done.stdout, end="")
        print(*[line for line in done.stderr.splitlines() if line.startswith(("next", "groundset"))], sep="\n")
    print(f"[exit {done.returncode}]")
    if done.returncode not in {0, 1, 3}:
        raise SystemExit(done.stderr)
    return done.stdout


def accept(folder: Path, project: str, filters: str, count: int) -> None:
    """Accept drafts of the list, as somebody in a hurry would."""
    listed = json.loads(groundset(folder, "drafts", project, filters, "--limit", str(count), "--json", quiet=True))
    groundset(folder, "accept", project, *(row["id"] for row in listed["drafts"]))


def _stand_in(request: Request) -> Reply:
    """A model that says one thing to everybody, and one that takes up what it was asked."""
    if request.body["model"] == "polite":
        return said(
            request, "We are sorry to hear that. Please send us a message and the team will look at it for you."
        )
    asked = " ".join(request.prompt.split())[:120]
    return said(
        request, f"Thank you for telling us about this: {asked} We have looked at it and here is what you can do."
    )


class _Person:
    """Finds the polite sentence good where nothing was asked, four in five of the other's, and errs one time in ten."""

    def __init__(self, name: str, random_state: int) -> None:
        self.name = name
        self._rng = random.Random(random_state)

    def judge(self, store: Store, item: Sample, first: str, second: str) -> None:
        """Grade both answers, then compare them."""
        is_good = {first: "?" not in item.input[-1].content, second: _one_in(5, item.id) != 0}
        seen = {candidate: good if self._rng.random() < 0.9 else not good for candidate, good in is_good.items()}
        for candidate, good in seen.items():
            store.grade(item.id, candidate, "pass" if good else "fail", self.name)
        left, right = self._rng.sample((first, second), 2)
        if seen[left] == seen[right]:
            choice = "same" if seen[left] else "both_bad"
        else:
            choice = "left" if seen[left] else "right"
        store.judge_pair(item.id, left, right, choice, self.name)


def _one_in(count: int, text: str) -> int:
    return int(content_id(text)[:8], 16) % count


def airline(folder: Path) -> None:
    """From airline logs to a decision between two stand-ins for models."""
    with gzip.open(SHARED / "logs" / "airline_support.jsonl.gz", "rt", encoding="utf-8") as file:
        (folder / "airline.jsonl").write_text("".join(line for line, _ in zip(file, range(AIRLINE_LOGS), strict=False)))
    (folder / "groundset.toml").write_text(f"random_draws = {AIRLINE_DRAWS}\n")
    groundset(folder, "run", "air.groundset", "airline.jsonl", "--model", "offline", "--encoder", "lexical")
    accept(folder, "air.groundset", "origin:random", AIRLINE_DRAWS)
    accept(folder, "air.groundset", "origin:edge", EDGES)
    MODES["stand-in"] = _stand_in  # type: ignore[index]
    with WireServer(["stand-in"]) as server:
        candidates = ["--model", "openai/polite", "--model", "openai/attentive"]
        asked = ["shadow", "air.groundset", *candidates, "--base-url", server.openai_url, "--price", *PRICE]
        groundset(folder, *asked, "--estimate")
        groundset(folder, *asked, "--max-cost", "1")
        groundset(folder, *asked, "--max-cost", "1")
        print(f"the server was asked {len(server.requests)} times; bought twice: {_twice(server)}")
    two = ("openai/polite", "openai/attentive")
    groundset(folder, "decide", "air.groundset", *two)
    judged = _judge(folder / "air.groundset", *two)
    print(f"\n(stand-ins for people: ana has judged {judged} random items and all edge cases, ben every third of them)")
    rule = f"{two[1]} >= {two[0]} + 0.10"
    benchmark = f"mt-bench={SHARED / 'benchmarks' / 'mt_bench.jsonl.gz'}"
    groundset(folder, "decide", "air.groundset", *two, "--require", rule, "--benchmark", benchmark)
    groundset(folder, "report", "air.groundset", "air.html", "--benchmark", benchmark)


def _twice(server: WireServer) -> int:
    return sum(count > 1 for count in server.bills.values())


def _judge(project: Path, first: str, second: str) -> int:
    ana, ben = _Person("ana", 1), _Person("ben", 2)
    with Store.open(project) as store:
        items = answerable(store)
        drawn = [item for item in items if item.origin == "random"]
        chosen = random.Random(0).sample(drawn, min(JUDGED, len(drawn)))
        for number, item in enumerate([*chosen, *(item for item in items if item.origin == "edge")]):
            ana.judge(store, item, first, second)
            if number % 3 == 0:
                ben.judge(store, item, first, second)
    return len(chosen)


def tau(folder: Path) -> None:
    """From real trajectories to a decision between runs of one agent."""
    with gzip.open(
        SHARED / "traces" / "tau_bench" / "gpt4o_airline_trajectories.jsonl.gz", "rt", encoding="utf-8"
    ) as f:
        runs = [json.loads(line) for line in f]
    (folder / "tau.jsonl").write_text("".join(json.dumps(run) + "\n" for run in runs))
    (folder / "groundset.toml").write_text(f"random_draws = {TAU_DRAWS}\n")
    groundset(
        folder, "run", "tau.groundset", "tau.jsonl", "--model", "offline", "--encoder", "lexical", "--unit", "first"
    )
    accept(folder, "tau.groundset", "origin:random", TAU_DRAWS)
    of_task: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for run in runs:
        of_task[run["id"].partition("-")[0]].append(run)
    truth = {name: fmean(rewards) for name, rewards in _rewards(runs, of_task).items()}
    for name, rows in _results(folder / "tau.groundset", runs, of_task).items():
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    groundset(folder, "answers", "tau.groundset", *(f"{name}={name}.jsonl" for name in truth))
    print("truth over all 200:", ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in truth.items()))
    groundset(folder, "decide", "tau.groundset", "agent", "again", "--require", "again >= agent - 0.02")
    groundset(folder, "decide", "tau.groundset", "agent", "best-of-4", "--require", "best-of-4 >= agent - 0.02")


def _rewards(runs: Sequence[dict[str, Any]], of_task: dict[str, list[dict[str, Any]]]) -> dict[str, list[float]]:
    chosen = [_candidates(run, of_task) for run in runs]
    return {name: [float(each[name]["reward"]) for each in chosen] for name in chosen[0]}


def _candidates(run: dict[str, Any], of_task: dict[str, list[dict[str, Any]]]) -> dict[str, dict[str, Any]]:
    """The runs that stand for the candidates on the input of this one."""
    runs = of_task[run["id"].partition("-")[0]]
    again = runs[(runs.index(run) + 1) % len(runs)]
    return {"agent": run, "again": again, "best-of-4": max(runs, key=lambda each: float(each["reward"]))}


def _results(
    project: Path, runs: Sequence[dict[str, Any]], of_task: dict[str, list[dict[str, Any]]]
) -> dict[str, list[dict[str, Any]]]:
    """Lines of results by candidate, for the items of the project: an item is known by the run that it came from."""
    rows: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with Store.open(project) as store:
        items = answerable(store)
        traces = {trace.id: trace for trace in store.traces(item.source_ids[0] for item in items)}
    for item in items:
        run = runs[traces[item.source_ids[0]].position - 1]
        for name, chosen in _candidates(run, of_task).items():
            turns = [turn for turn in chosen["messages"] if turn["role"] == "assistant" and turn.get("content")]
            last = re.sub(r"###\w+###", "", turns[-1]["content"]) if turns else ""
            rows[name].append({"id": item.id, "output": last, "passed": chosen["reward"]})
    return rows


def main(wanted: Sequence[str]) -> None:
    for name, part in (("airline", airline), ("tau", tau)):
        if not wanted or name in wanted:
            started = time.monotonic()
            print(f"\n==== {name}")
            with tempfile.TemporaryDirectory() as folder:
                part(Path(folder))
            print(f"\n{name}: {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
