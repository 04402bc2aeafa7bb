"""What the stages cost at 10^4, 10^5 and 10^6 inputs: seconds, peak memory, and how the seconds grow.

Inputs are real texts recombined, with combined vectors (see `tests/benchmarks/recombined.py`), so that everything but
encoding is real: reading and redacting, clustering, the landscape, the map, rules that draft, ranking with what each
draft reaches, and the gaps that a hundred samples leave. Every size runs in a process of its own. Memory is the most
that the process held in the stage, files mapped into it included. Where a stage took t1 for n1 inputs and t2 for n2,
it grew by the power log(t2 / t1) / log(n2 / n1); the same of the seconds that processors worked, which other programs
change less.

    PYTHONPATH=. python tests/benchmarks/scale.py [--sizes 10000 100000 1000000] [--json OUT]
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from generator import assessment, pipeline
from generator.config import Config
from generator.evalset.deciding import decide
from generator.store import Store
from generator.traffic.embedding import VectorCache
from generator.traffic.encoders import open_encoder, unit
from tests.benchmarks.recombined import Pools, write
from tests.benchmarks.tables import machine, show

SAMPLES = 100
CONFIG = Config(encoder="minilm", model="offline")


@dataclass
class Stopwatch:
    """Seconds and peak memory of each stage of this process."""

    stages: list[dict] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        Path("/proc/self/clear_refs").write_text("5")  # from here on, the peak is that of this stage
        began, worked = time.perf_counter(), time.process_time()
        yield
        figures = {"s": time.perf_counter() - began, "processor s": time.process_time() - worked, "peak MiB": peak()}
        self.stages.append({"stage": name, **figures})
        print(f"  {name}: {figures['s']:.1f} s, {figures['peak MiB']:.0f} MiB", file=sys.stderr, flush=True)


def peak() -> float:
    """The most memory held since it was last reset, MiB."""
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def cache_drafts(store: Store) -> None:
    """Give every draft, and the first of its kind, the vector of the input it was made from, with a little noise."""
    from generator.evalset.selection import draw_random, exemplar_drafts, random_drafts

    draws = draw_random(store, CONFIG.random_draws, CONFIG.random_state)
    drafts = [*store.drafts(), *exemplar_drafts(store), *random_drafts(store, draws)]
    sources = {trace.id: trace.text for trace in store.traces({each.source_ids[0] for each in drafts})}
    cache = VectorCache(store.vectors_path / open_encoder("minilm", list).slug)
    with cache.locked():
        missing = {each.text: sources[each.source_ids[0]] for each in drafts if each.text not in cache}
        near = cache.stored(list(missing.values()))[:]
        noise = unit(np.random.default_rng(1).normal(size=near.shape).astype(np.float32))
        cache.add(list(missing), unit(near + 0.25 * noise))


def measure(size: int, folder: Path) -> dict:
    project, log = folder / "scale.groundset", folder / "log.jsonl"
    with Store.open(project, create=True) as store:
        write(Pools.read(), size, log, store.vectors_path)
    watch, silent = Stopwatch(), pipeline.Silent()
    with Store.open(project) as store:
        with watch.stage("read and redact"):
            pipeline.ingest(store, [str(log)], silent)
        with watch.stage("cluster"):
            pipeline.cluster(store, CONFIG, silent)
        with watch.stage("draft by rule"):
            pipeline.draft(store, CONFIG, silent)
        cache_drafts(store)
        embedded = pipeline.embed(store, CONFIG, silent)
        with watch.stage("landscape"):
            traffic = pipeline.traffic_of(embedded, pipeline.cells_of_traces(store), CONFIG)
        with watch.stage("map"):
            pipeline._lay_out(store, traffic, CONFIG, silent)
        del traffic
        with watch.stage("reach and rank"):
            pipeline.rank(store, CONFIG, silent, embedded)
        del embedded
        decide(store, "accept", (), best=SAMPLES, reason=None, actor="bench", marked=False)
        with watch.stage("gaps"):
            assessment.gaps(store, CONFIG, silent, (), 0.1)
        counts = store.counts()
    return {
        "size": size,
        "distinct": counts.distinct,
        "cells": counts.cells,
        "clusters": counts.clusters,
        "drafts": counts.drafts,
        "project MiB": project.stat().st_size / 2**20,
        "vectors MiB": sum(each.stat().st_size for each in store.vectors_path.rglob("*") if each.is_file()) / 2**20,
        "stages": watch.stages,
    }


def in_a_process_of_its_own(size: int, around: Path) -> dict:
    with tempfile.TemporaryDirectory(dir=around) as folder:
        out = Path(folder) / "figures.json"
        command = [sys.executable, __file__, "--only", str(size), "--folder", folder, "--json", str(out)]
        subprocess.run(command, check=True, env={**os.environ, "PYTHONPATH": "."})
        return json.loads(out.read_text())


def rows(found: list[dict], value: Callable[[dict], float]) -> dict[str, list[float]]:
    names = [each["stage"] for each in found[0]["stages"]]
    return {name: [value(next(s for s in one["stages"] if s["stage"] == name)) for one in found] for name in names}


def growth(found: list[dict], seconds: list[float]) -> list[float]:
    sizes = [one["size"] for one in found]
    return [
        math.log(seconds[at] / seconds[at - 1]) / math.log(sizes[at] / sizes[at - 1]) for at in range(1, len(sizes))
    ]


def table(found: list[dict]) -> list[dict]:
    seconds, memory = rows(found, lambda stage: stage["s"]), rows(found, lambda stage: stage["peak MiB"])
    worked = rows(found, lambda stage: stage["processor s"])
    for each in (seconds, worked):
        each["all of them"] = [sum(stage) for stage in zip(*each.values(), strict=True)]
    memory["all of them"] = [max(each) for each in zip(*memory.values(), strict=True)]
    made = []
    for name in seconds:
        row: dict = {"stage": name}
        for one, s, mib in zip(found, seconds[name], memory[name], strict=True):
            row |= {f"{one['size']:,}: s": s, "peak MiB " + f"{one['size']:,}": mib}
        for what, times in (("growth", seconds[name]), ("of processor s", worked[name])):
            powers = growth(found, times)
            row |= {f"{what} to {one['size']:,}": power for one, power in zip(found[1:], powers, strict=True)}
        made.append(row)
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--around", type=Path, help="where projects are made, and removed again")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.only is not None:
        options.json.write_text(json.dumps(measure(options.only, options.folder)))
        return
    print(machine())
    found = []
    for size in sorted(options.sizes):
        print(f"{size:,} inputs", file=sys.stderr)
        found.append(in_a_process_of_its_own(size, options.around))
    made = table(found)
    show("stages after embedding", made)
    what = ("size", "distinct", "cells", "clusters", "drafts", "project MiB", "vectors MiB")
    show("projects", [{name: one[name] for name in what} for one in found])
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), "sizes": found, "table": made}, indent=2) + "\n")


if __name__ == "__main__":
    main()
