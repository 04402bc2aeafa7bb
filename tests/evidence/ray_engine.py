"""The pipeline over Ray against the pipeline in one process, on the same logs; then with a worker killed in the middle
of it, and on two nodes that are simulated on this machine.

Inputs are real texts recombined (see `tests/benchmarks/recombined.py`), and their vectors are there already on both
sides. Weights are equal when every cell has exactly the traffic, and the distinct texts, that counting all traces in
one process gives it. Clusters are compared by the adjusted Rand index over all distinct texts: both engines fit cells
on a sample, and not on the same one where there are more texts than it holds.

    PYTHONPATH=. python tests/evidence/ray_engine.py [--inputs 100000] [--files 20] [--json OUT]
"""

import argparse
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from generator import pipeline
from generator.config import Config
from generator.distributed import Gathered
from generator.pipeline import Silent
from generator.store import Store
from generator.traffic.encoders import open_encoder
from tests.benchmarks.recombined import Pools, write
from tests.benchmarks.tables import machine, show

CONFIG = Config(encoder="minilm", model="offline")


def processes() -> Iterator[tuple[int, int, str]]:
    """(process, its parent, what it calls itself) of all that run."""
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit():
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                yield int(folder.name), parent, (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:  # it has ended
            continue


def of_ours(root: int) -> list[tuple[int, int, str]]:
    """Those that came of this process."""
    found = list(processes())
    family = {root}
    while more := {each for each, parent, _ in found if parent in family} - family:
        family |= more
    return [row for row in found if row[0] in family]


@contextmanager
def watched(act: Callable[[list[tuple[int, int, str]]], bool]) -> Iterator[None]:
    """Looks at the workers at work every tenth of a second until `act` says that it is enough."""
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.1):
            at_work = [row for row in of_ours(os.getpid()) if row[2].startswith("ray::") and "IDLE" not in row[2]]
            if act(at_work):
                return

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def gathered(project: Path, logs: Path, vectors: Path) -> tuple[Gathered, float]:
    with Store.open(project, create=True) as store:
        store.vectors_path.mkdir(exist_ok=True)
        beside = store.vectors_path / vectors.name
        if not beside.exists():
            beside.symlink_to(vectors)
        began = time.perf_counter()
        found = pipeline.gather(store, [str(logs)], CONFIG, Silent())
        return found, time.perf_counter() - began


def against(local: Store, found: Gathered) -> dict[str, float | bool]:
    """How what Ray came to compares with counting every trace here."""
    traffic = pipeline.embed(local, CONFIG, Silent())
    cells = found.clustering.known.cells_of(traffic.vectors)
    counts = np.bincount(cells, traffic.counts, len(found.traffic)).astype(np.int64)
    distinct = np.bincount(cells, minlength=len(found.traffic))
    cluster_of_cell = {cell.id: cell.cluster_id for cell in local.cells()}
    ours = [cluster_of_cell[cell] for _, cell in local.trace_cells() if cell is not None]
    theirs = [found.clustering.cells[cell].cluster_id for cell in cells.tolist()]
    return {
        "inputs": found.inputs,
        "distinct": found.distinct,
        "same inputs and distinct": found.inputs == sum(traffic.counts) and found.distinct == len(traffic.ids),
        "same weights": bool((counts == found.traffic).all() and (distinct == found.distinct_of_cell).all()),
        "kept": len(found.kept),
        "stand for": sum(each.count for each in found.kept),
        "ARI of clusters": float(adjusted_rand_score(ours, theirs)),
        "clusters": len(found.clusters),
    }


def compare(inputs: int, files: int, folder: Path) -> list[dict]:
    logs, rows = folder / "logs", []
    logs.mkdir()
    with Store.open(folder / "local.groundset", create=True) as local:
        write(Pools.read(), inputs, folder / "all.jsonl", local.vectors_path)
        lines = (folder / "all.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
        for number in range(files):
            part = lines[number * inputs // files : (number + 1) * inputs // files]
            (logs / f"part-{number:04}.jsonl").write_text("\n".join(part) + "\n", encoding="utf-8")
        vectors = local.vectors_path / open_encoder("minilm", list).slug
        began = time.perf_counter()
        pipeline.ingest(local, [str(each) for each in sorted(logs.iterdir())], Silent())
        pipeline.cluster(local, CONFIG, Silent())
        seconds = time.perf_counter() - began
        rows.append({"engine": "local", "s": seconds} | {"clusters": len(local.clusters())})
        for name, around in (("ray", alone), ("ray, a worker killed", one_killed), ("ray, two nodes", two_nodes)):
            with around() as notes:
                found, seconds = gathered(folder / f"{name.replace(' ', '-')}.groundset", logs, vectors)
            rows.append({"engine": name, "s": seconds} | against(local, found) | notes)
            print(f"  {rows[-1]}", file=sys.stderr, flush=True)
    return rows


@contextmanager
def alone() -> Iterator[dict]:
    yield {}


@contextmanager
def one_killed() -> Iterator[dict]:
    """Kills the first worker that is seen encoding, and with it what it holds."""
    notes: dict = {"workers killed": 0}

    def kill(at_work: list[tuple[int, int, str]]) -> bool:
        chosen = next((row[0] for row in at_work if "_Encode" in row[2]), None)
        if chosen is not None:
            os.kill(chosen, signal.SIGKILL)
            notes["workers killed"] = 1
        return chosen is not None

    with watched(kill):
        yield notes


@contextmanager
def two_nodes() -> Iterator[dict]:
    """Two nodes of one core each, and a count of those that were seen at work."""
    import ray
    from ray.cluster_utils import Cluster

    small = {"num_cpus": 1, "object_store_memory": 300 * 2**20}
    cluster = Cluster(initialize_head=True, head_node_args={**small, "include_dashboard": False})
    cluster.add_node(**small)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    seen: set[int] = set()
    notes: dict = {}
    try:
        with watched(lambda at_work: seen.update(parent for _, parent, _ in at_work) or False):
            yield notes
    finally:
        notes["nodes at work"] = len(seen)
        ray.shutdown()
        cluster.shutdown()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--files", type=int, default=20)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        rows = compare(options.inputs, options.files, Path(folder))
    columns = list(dict.fromkeys(name for row in rows for name in row))
    rows = [{name: row.get(name) for name in columns} for row in rows]
    show(f"{options.inputs:,} inputs in {options.files} files, vectors there already", rows)
    if options.json is not None:
        options.json.write_text(json.dumps({"machine": machine(), "engines": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
