"""A month of new logs in a project that is there, against making everything again.

Inputs are real texts recombined, with combined vectors (see `tests/benchmarks/recombined.py`). A project of --inputs
is made; then --share of that comes in: read, put into the clusters, ranked. Against it stands a project made of both
from the start. Ranking looks at all traffic for every draft, in both.

    PYTHONPATH=. python tests/benchmarks/incremental.py [--inputs 100000] [--share 0.05] [--json OUT]
"""

import argparse
import json
import tempfile
from pathlib import Path

from generator import pipeline
from generator.config import Config
from generator.evalset.deciding import decide
from generator.evalset.drift import drift
from generator.store import Store
from tests.benchmarks.recombined import Pools, write
from tests.benchmarks.scale import Stopwatch, cache_drafts
from tests.benchmarks.tables import machine, show

CONFIG = Config(encoder="minilm", model="offline")


def stages(store: Store, logs: list[Path]) -> list[dict]:
    """Seconds of each stage, as `groundset run` goes through them."""
    watch, silent = Stopwatch(), pipeline.Silent()
    with watch.stage("read and redact"):
        pipeline.ingest(store, [str(log) for log in logs], silent)
    with watch.stage("cluster"):
        pipeline.cluster(store, CONFIG, silent)
    with watch.stage("draft by rule"):
        pipeline.draft(store, CONFIG, silent)
    cache_drafts(store)
    with watch.stage("place, map, reach and rank"):
        pipeline.rank(store, CONFIG, silent)
    return watch.stages


def measure(inputs: int, share: float, folder: Path) -> dict:
    pools, new = Pools.read(), round(share * inputs)
    first, second = folder / "first.jsonl", folder / "second.jsonl"
    with Store.open(folder / "grown.groundset", create=True) as store:
        write(pools, inputs, first, store.vectors_path, seed=0, months=(1, 6))
        stages(store, [first])
        decide(store, "accept", (), best=50, reason=None, actor="bench", marked=False)
        ids, made = {each.id for each in store.clusters()}, store.meta("made_anew")
        write(pools, new, second, store.vectors_path, seed=1, months=(7, 7))
        added = stages(store, [second])
        kept = ids & {each.id for each in store.clusters()}
        found = drift(store)
        facts = {
            "grouped anew": store.meta("made_anew") != made,
            "clusters that kept their identity": len(kept) / len(ids),
            "drift": {word: len(found.of_word(word)) for word in ("new", "grown", "shrunk", "same")},
            "coverage then": found.coverage.then,
            "coverage now": found.coverage.now,
            "why": found.coverage.reason,
        }
    with Store.open(folder / "whole.groundset", create=True) as store:
        for log, count, seed in ((first, inputs, 0), (second, new, 1)):
            write(pools, count, log, store.vectors_path, seed=seed)
        whole = stages(store, [first, second])
    return {"added": added, "whole": whole, "facts": facts}


def table(added: list[dict], whole: list[dict]) -> list[dict]:
    rows = [*zip(added, whole, strict=True)]
    total = tuple(
        {"stage": "all of them"} | {name: sum(each[name] for each in part) for name in ("s", "processor s")}
        for part in (added, whole)
    )
    return [
        {
            "stage": one["stage"],
            "new logs: s": one["s"],
            "everything: s": other["s"],
            "share": one["s"] / other["s"],
            "of processor s": one["processor s"] / other["processor s"],
        }
        for one, other in [*rows, total]
    ]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--share", type=float, default=0.05)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        found = measure(options.inputs, options.share, Path(folder))
    show(f"{options.share:.0%} new logs in a project of {options.inputs:,}", table(found["added"], found["whole"]))
    for name, value in found["facts"].items():
        print(f"  {name}: {value}")
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), **found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
