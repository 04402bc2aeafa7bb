import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from generator import distributed, pipeline
from generator.config import Config
from generator.distributed import files_of, shared_out
from generator.errors import LogError, StageError
from generator.logs.ingestion import USUAL
from generator.pipeline import Silent
from generator.records import Trace
from generator.store import Store

has_ray = pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install .[ray]")
TASK = distributed.Task(USUAL, "conversation", b"key", "minilm", "nowhere", None, 0)


def read(tmp_path, *files):
    """What a worker makes of each of these files, put together."""
    parts = []
    for number, lines in enumerate(files):
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(f"{line}\n" for line in lines))
        batch = {"number": np.array([number]), "path": np.array([str(path)])}
        parts += list(distributed._read(batch, TASK))
    return pa.concat_tables(parts)


def prompt(text):
    return json.dumps({"prompt": text})


def test_repeats_are_counted_once_over_files_and_what_came_first_stays(tmp_path):
    table = read(tmp_path, [prompt("Where is it?"), prompt("hello"), "{"], [prompt("where is  it?"), prompt("hello")])
    rows = {row["id"]: row for row in distributed._count_repeats(table).to_pylist()}
    assert rows[Trace.id_of("where is it?")]["text"] == "Where is it?"
    assert {row["text"]: row["count"] for row in rows.values()} == {"Where is it?": 2, "hello": 2, "": 1}


def test_one_value_has_one_placeholder_wherever_it_is_redacted(tmp_path):
    one, other = read(tmp_path, [prompt("I am ana@example.org")], [prompt("and ana@example.org again")])[
        "text"
    ].to_pylist()
    placeholder = one.removeprefix("I am ")
    assert placeholder.startswith("⟦EMAIL-")
    assert placeholder in other


def test_what_traces_stand_for_comes_to_the_traffic_of_their_cells():
    draw = np.random.default_rng(0)
    cell_of = np.sort(draw.integers(0, 40, 400))
    counts = draw.integers(1, 9, 400)
    traffic = np.bincount(cell_of, counts, 40).astype(np.int64) + draw.integers(0, 500, 40)
    distinct = np.bincount(cell_of, minlength=40) + 100
    drawn = draw.random(400) > 0.1
    shares = shared_out(cell_of, counts, drawn, traffic, distinct)
    assert np.array_equal(np.bincount(cell_of, shares, 40), traffic)
    assert np.array_equal(shares[~drawn], counts[~drawn])
    assert shares.min() >= 1


def test_where_all_of_a_cell_came_back_every_trace_stands_for_itself():
    counts = np.array([5, 1, 2])
    everything = np.array([3])
    shares = shared_out(np.zeros(3, np.int64), counts, np.array([True, True, False]), np.array([8]), everything)
    assert shares.tolist() == [5, 1, 2]


def test_the_traces_that_come_back_are_the_same_however_the_rows_are_parted():
    draw = np.random.default_rng(0)
    rows = 3_000
    table = pa.table(
        {
            "id": [f"{row:05}" for row in range(rows)],
            "cell": draw.integers(0, 5, rows),
            "wait": draw.random(rows),
            "traffic": draw.integers(1, 4, rows),
            "distinct": np.ones(rows, np.int64),
        }
    )
    whole = distributed._best_of_cells(table)
    parts = [distributed._best_of_cells(table.slice(start, 700)) for start in range(0, rows, 700)]
    assert distributed._best_of_cells(pa.concat_tables(parts)) == whole
    assert sum(whole["traffic"].to_pylist()) == sum(table["traffic"].to_pylist())
    assert len(whole) == 5 * distributed.KEPT


def test_folders_patterns_and_urls_are_files(tmp_path):
    pytest.importorskip("fsspec")
    import fsspec

    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(prompt("hello"))
    assert files_of([str(tmp_path)]) == [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    with fsspec.open("memory://logs/c.jsonl", "w") as file:
        file.write(prompt("hello"))
    (remote,) = files_of(["memory://logs/*.jsonl"])
    with distributed._fetched(remote) as here:
        assert Path(here).read_text() == prompt("hello")
    with pytest.raises(LogError, match="names no file"):
        files_of(["memory://nothing/*.jsonl"])


@pytest.mark.parametrize(
    ("change", "says"),
    [({"encoder": "lexical"}, "not fitted on all texts"), ({"min_users": 3}, "does not count users")],
)
def test_settings_that_need_all_traces_in_one_place_are_refused(tmp_path, change, says):
    with Store.open(tmp_path / "a.groundset", create=True) as store, pytest.raises(StageError, match=says):
        pipeline.gather(store, ["x"], replace(Config(), **change), Silent())


def test_a_project_that_holds_traces_is_left_alone(tmp_path):
    (tmp_path / "a.jsonl").write_text(prompt("hello"))
    with Store.open(tmp_path / "a.groundset", create=True) as store:
        pipeline.ingest(store, [str(tmp_path / "a.jsonl")], Silent())
        with pytest.raises(StageError, match="name a new file"):
            pipeline.gather(store, [str(tmp_path)], Config(), Silent())


@has_ray
@pytest.mark.long
@pytest.mark.timeout(1200)
def test_ray_comes_to_the_same_with_a_worker_killed_and_on_two_nodes(tmp_path):
    pytest.importorskip("ray")
    root = Path(__file__).parents[1]
    out = tmp_path / "out.json"
    script = [sys.executable, "tests/evidence/ray_engine.py", "--inputs", "4000", "--files", "6", "--json", str(out)]
    if not (root.parent / "shared" / "data").is_dir():
        pytest.skip("needs ../shared/data")
    subprocess.run(script, cwd=root, env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}, check=True)
    _, alone, killed, nodes = json.loads(out.read_text())["engines"]
    assert all(each["same weights"] and each["same inputs and distinct"] for each in (alone, killed, nodes))
    assert all(each["ARI of clusters"] > 0.99 for each in (alone, killed, nodes))  # few texts: one sample, all of them
    assert all(each["stand for"] == each["inputs"] for each in (alone, killed, nodes))
    assert killed["workers killed"] == 1
    assert nodes["nodes at work"] == 2
