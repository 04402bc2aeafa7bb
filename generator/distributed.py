"""Logs that one machine cannot take: the stages of the pipeline over Ray Data, and a project of the size of the cells.

Files are read and redacted where there is a free core, repeats are counted by a shuffle over trace ids, every
distinct text is encoded once, cells are fitted on a sample, and then all traffic goes to its cell. What comes back is
how much traffic each cell has, its most typical traces, and some drawn at random, each standing for its part of the
cell. Everything after that (drafting, ranking, review) is as for any other project. Ray runs a task again whose worker
was lost, and every step is a function of its input alone, so that nothing is counted twice.

A cluster is the one that RAY_ADDRESS names, else this machine. A file is read by one core: logs in many files keep
many busy.
"""

import contextlib
import hashlib
import logging
import math
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from generator.errors import LogError, StageError
from generator.logs.ingestion import Reading, inputs_of, recognised, trace_of
from generator.logs.reading import expand, open_log
from generator.logs.units import Unit
from generator.records import Cell, Cluster, Trace, content_id, messages_from_json, messages_to_json
from generator.store import Store
from generator.traffic.clustering import Clustering, cluster
from generator.traffic.embedding import VectorCache
from generator.traffic.encoders import Encoder, Vectors, open_encoder
from generator.traffic.known import Known
from generator.traffic.tree import FITTED, Labels

if TYPE_CHECKING:
    import pyarrow as pa

KEPT = 24
"""Traces of a cell that come back, at most; of smaller cells all do."""
_BATCH = 5_000
"""Inputs that are redacted, or encoded, at a time."""
_OBJECTS = 600 * 2**20
"""Bytes of memory for what passes between steps on one machine; more goes to disk."""
_URL = "://"
_SHOWN = -1.0
"""Waiting time of a trace that comes back because people look at it."""
_COLUMNS = ("id", "text", "messages", "answer", "count", "file", "position")
_NUMBERS = frozenset({"count", "file", "position"})
_ORDER = [("file", "ascending"), ("position", "ascending")]
"""The order in which traces came."""


@dataclass(frozen=True, slots=True)
class Task:
    """What workers need to know."""

    reading: Reading
    unit: Unit
    key: bytes
    """The project's secret, for placeholders."""
    encoder: str
    vectors: str
    """The folder of the project's vectors; what lies there is not encoded again, on machines that have it."""
    pieces: int | None
    """How many clusters; None cuts where the traffic's own scale says."""
    random_state: int


@dataclass(frozen=True, slots=True)
class Gathered:
    """What came back."""

    inputs: int
    distinct: int
    rejected: int
    kept: tuple[Trace, ...]
    """Each with the traffic that it stands for, in the order in which they came."""
    vectors: Vectors
    """Theirs, unit rows, shape (len(kept), d)."""
    cell_of: tuple[int, ...]
    """Theirs."""
    traffic: Labels
    """Inputs of each cell, by id."""
    distinct_of_cell: Labels
    clustering: Clustering
    """Of the sample that the cells were fitted on."""

    @property
    def cells(self) -> list[Cell]:
        """The cells, with the weight that all traffic gives them."""
        figures = zip(self.clustering.cells, self.traffic.tolist(), self.distinct_of_cell.tolist(), strict=True)
        return [replace(cell, weight=own / self.inputs, distinct=distinct) for cell, own, distinct in figures]

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters, with the weight that all traffic gives them."""
        traffic: Counter[str] = Counter()
        distinct: Counter[str] = Counter()
        for cell, own in zip(self.cells, self.traffic.tolist(), strict=True):
            traffic[cell.cluster_id] += own
            distinct[cell.cluster_id] += cell.distinct
        return [
            replace(each, weight=traffic[each.id] / self.inputs, traces=traffic[each.id], distinct=distinct[each.id])
            for each in self.clustering.clusters
        ]


def files_of(paths: Sequence[str]) -> list[str]:
    """The files that these paths, patterns, folders and object-store URLs name, in a fixed order.

    Raises:
        LogError: one names nothing, or its store cannot be reached.
    """
    local = [f"{path.rstrip('/')}/*" if Path(path).is_dir() else path for path in paths if _URL not in path]
    here = [str(Path(each).resolve()) for each in expand(local)] if local else []
    return [*here, *(found for path in paths if _URL in path for found in _in_store(path))]


def _in_store(url: str) -> list[str]:
    import fsspec

    try:
        system, path = fsspec.core.url_to_fs(url)
        found = system.glob(path) if any(char in path for char in "*?[") else system.find(path)
        names = [str(system.unstrip_protocol(each)) for each in found]
    except (OSError, ValueError, ImportError) as error:
        raise LogError(f"{url} cannot be listed ({type(error).__name__}: {error}); check the URL.") from error
    if not names:
        raise LogError(f"{url} names no file; check the URL.")
    return names


@contextlib.contextmanager
def _fetched(path: str) -> Iterator[str]:
    """A path that can be opened on this machine; a remote file is copied first, because it is read twice."""
    if _URL not in path:
        yield path
        return
    import fsspec

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / Path(path).name
        system, remote = fsspec.core.url_to_fs(path)
        system.get_file(remote, str(copy))
        yield str(copy)


def gather(paths: Sequence[str], task: Task, tell: Callable[[str], None]) -> Gathered:
    """Read, redact, count, encode, group: over all machines of the cluster.

    Args:
        paths: files, folders, patterns, URLs.
        task: what workers need to know.
        tell: told in a line what each step came to.

    Raises:
        LogError: a file cannot be read or recognised.
        StageError: Ray is not installed, or a step failed again and again.
    """
    files = files_of(paths)
    with _ray() as ray:
        cores = int(ray.cluster_resources().get("CPU", 1))
        tell(f"{len(files):,} files, {len(ray.nodes()):,} machines, {cores:,} cores")
        rows = ray.data.from_items([{"number": number, "path": path} for number, path in enumerate(files)])
        rows = rows.repartition(len(files)).map_batches(_read, batch_size=1, fn_kwargs={"task": task})
        counted = _reduced(rows, "id", 2 * cores, _count_repeats).materialize()
        inputs, distinct, rejected = _totals(counted)
        tell(f"read {inputs:,} inputs, {distinct:,} distinct; {rejected:,} records rejected")
        if not distinct:
            raise LogError("No input was found in these logs; look at one: groundset ingest PROJECT FILE --explain")
        # An encoder holds a core for as long as there are texts; one core is left for what brings them.
        encoded = counted.map_batches(
            _Encode,
            fn_constructor_args=(task,),
            batch_size=_BATCH,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(min_size=1, max_size=max(cores - 1, 1)),
        ).materialize()
        tell(f"encoded {distinct:,} texts")
        made = _fitted(encoded, distinct, task)
        tell(f"made {len(made.cells):,} cells of {len(made.cell_of_trace):,} texts")
        placed = encoded.map_batches(
            _place, batch_size=None, batch_format="pyarrow", fn_kwargs={"made": ray.put(_Places.of(made)), "task": task}
        )
        return _collected(_reduced(placed, "cell", 2 * cores, _best_of_cells), made, (inputs, distinct, rejected))


@contextlib.contextmanager
def _ray() -> Iterator[Any]:
    """Ray, started where it does not run yet; then it is stopped again."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise StageError("--engine ray needs Ray; install it with: pip install 'groundset[ray]'") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)  # it says a page a minute
    ray.data.DataContext.get_current().enable_progress_bars = sys.stderr.isatty()
    started = not ray.is_initialized()
    if started:
        # Without an address Ray would join whatever runs on this machine.
        address = os.environ.get("RAY_ADDRESS", "local")
        memory = _OBJECTS if address == "local" else None
        ray.init(address, log_to_driver=False, logging_level="ERROR", object_store_memory=memory)
    try:
        yield ray
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None) or error
        if isinstance(cause, LogError):
            raise LogError(str(cause)) from error
        raise StageError(f"A step failed on the cluster: {type(cause).__name__}: {str(cause)[:300]}") from error
    finally:
        if started:
            ray.shutdown()


def _reduced(rows: Any, key: str, blocks: int, reduce: Callable[["pa.Table"], "pa.Table"]) -> Any:
    """All rows of one key in one block, and `reduce` over each block."""
    return rows.repartition(blocks, keys=[key]).map_batches(reduce, batch_size=None, batch_format="pyarrow")


# Read and count ---------------------------------------------------------------------------------


def _read(batch: Any, task: Task) -> Iterator["pa.Table"]:
    """The inputs of files, redacted, repeats within a stretch of one counted; rejected records have no id."""
    redactor = task.reading.masking.redactor(task.key, None)
    for number, path in zip(batch["number"].tolist(), batch["path"].tolist(), strict=True):
        with _fetched(path) as here, open_log(here) as log:
            recognition = recognised(log, task.reading.format, task.reading.field)
            inputs = inputs_of(log.records(), recognition, task.unit)
            while some := list(islice(inputs, _BATCH)):
                rows: dict[str, list[Any]] = {}
                for outcome in some:
                    if outcome.trace is None:
                        row = rows.setdefault("", ["", "", "", None, 0, number, outcome.position])
                    else:
                        trace = trace_of(outcome.trace, outcome.position, path, redactor, task.key)
                        messages = messages_to_json(trace.messages)
                        first = [trace.id, trace.text, messages, trace.answer, 0, number, trace.position]
                        row = rows.setdefault(trace.id, first)
                    row[_COLUMNS.index("count")] += 1
                yield _table(rows.values())


def _table(rows: Any) -> "pa.Table":
    """Rows as a table whose columns have a kind although they may be empty."""
    import pyarrow as pa

    kinds = [(name, pa.int64() if name in _NUMBERS else pa.string()) for name in _COLUMNS]
    columns = zip(*rows, strict=True)
    return pa.table(dict(zip(_COLUMNS, map(list, columns), strict=True)), schema=pa.schema(kinds))


def _count_repeats(table: "pa.Table") -> "pa.Table":
    """One row a trace: the first that came, with how often it did."""
    import pyarrow as pa

    if not table.num_rows:
        return table
    table = table.sort_by([("id", "ascending"), *_ORDER])
    starts = _starts(table["id"].to_numpy(zero_copy_only=False))
    counts = np.add.reduceat(table["count"].to_numpy(), starts)
    return table.take(starts).set_column(_COLUMNS.index("count"), "count", pa.array(counts))


def _starts(sorted_keys: Any) -> Labels:
    """Where each key begins."""
    return np.flatnonzero(np.append(True, sorted_keys[1:] != sorted_keys[:-1])).astype(np.int64)


def _totals(counted: Any) -> tuple[int, int, int]:
    """Inputs, distinct ones, rejected records."""
    inputs = distinct = rejected = 0
    for table in counted.select_columns(["id", "count"]).iter_batches(batch_size=None, batch_format="pyarrow"):
        is_trace, counts = table["id"].to_numpy(zero_copy_only=False) != "", table["count"].to_numpy()
        inputs += int(counts[is_trace].sum())
        distinct += int(is_trace.sum())
        rejected += int(counts[~is_trace].sum())
    return inputs, distinct, rejected


# Encode -----------------------------------------------------------------------------------------


class _Encode:
    """Encodes the texts of traces; lives as long as its worker, because a model takes long to load."""

    def __init__(self, task: Task) -> None:
        self._encoder: Encoder = open_encoder(task.encoder, list)
        folder = Path(task.vectors) / self._encoder.slug
        self._known = VectorCache(folder)
        if folder.is_dir():
            self._known.read()

    def __call__(self, table: "pa.Table") -> "pa.Table":
        import pyarrow as pa
        import pyarrow.compute as pc

        table = table.filter(pc.not_equal(table["id"], ""))
        texts = table["text"].to_pylist()
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        missing = [row for row in by_length if texts[row] not in self._known]
        there = [row for row in by_length if texts[row] in self._known]
        made = [
            (missing, self._encoder.encode([texts[row] for row in missing])) if missing else None,
            (there, self._known.stored([texts[row] for row in there])[:]) if there else None,
        ]
        width = next((part[1].shape[1] for part in made if part is not None), 1)
        vectors = np.zeros((len(texts), width), dtype=np.float16)
        for part in made:
            if part is not None:
                vectors[part[0]] = part[1]
        return table.append_column("vector", pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), width))


def _vectors(table: "pa.Table") -> Vectors:
    column = table["vector"].combine_chunks()
    return np.asarray(column.flatten().to_numpy(zero_copy_only=False), dtype=np.float32).reshape(len(table), -1)


# Group ------------------------------------------------------------------------------------------


def _lot(trace_id: str, random_state: int) -> float:
    """A number above 0 and below 1 that is always the same for a trace."""
    digest = hashlib.sha256(f"{random_state}:{trace_id}".encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48


def _fitted(encoded: Any, distinct: int, task: Task) -> Clustering:
    """The clusters of a sample of the texts, of all where they are few, in the order in which they came."""
    import pyarrow as pa

    share = FITTED / distinct

    def drawn(table: "pa.Table") -> "pa.Table":
        return table.filter(pa.array([_lot(each, task.random_state) < share for each in table["id"].to_pylist()]))

    sample = encoded.map_batches(drawn, batch_size=None, batch_format="pyarrow")
    parts = [each for each in sample.iter_batches(batch_size=None, batch_format="pyarrow") if each.num_rows]
    table = pa.concat_tables(parts).sort_by(_ORDER)
    ids, texts, counts = (table[name].to_pylist() for name in ("id", "text", "count"))
    return cluster(ids, texts, counts, _vectors(table), pieces=task.pieces, random_state=task.random_state)


@dataclass(frozen=True, slots=True)
class _Places:
    """Where texts go, and which of them people look at: these come back in any case."""

    known: Known
    exemplars: frozenset[str]

    @classmethod
    def of(cls, made: Clustering) -> "_Places":
        shown = {trace for each in made.clusters for trace in each.exemplar_ids}
        return cls(made.known, frozenset(shown | {cell.exemplar_id for cell in made.cells}))


def _place(table: "pa.Table", made: Any, task: Task) -> "pa.Table":
    """What a block knows of each cell: its traffic, and the traces that may come back for it."""
    import pyarrow as pa
    import ray

    places: _Places = ray.get(made)
    ids, counts = table["id"].to_pylist(), table["count"].to_numpy()
    # Traces with the shortest waiting times at a rate of their traffic are a random draw by traffic.
    waits = [
        _SHOWN if each in places.exemplars else -math.log(_lot(each, task.random_state)) / count
        for each, count in zip(ids, counts.tolist(), strict=True)
    ]
    columns = {
        "cell": places.known.cells_of(_vectors(table)),
        "wait": np.array(waits, dtype=np.float64),
        "traffic": counts,
        "distinct": np.ones(len(ids), dtype=np.int64),
    }
    for name, column in columns.items():
        table = table.append_column(name, pa.array(column))
    return _best_of_cells(table)


def _best_of_cells(table: "pa.Table") -> "pa.Table":
    """The traces of each cell that may come back, of which the first carries what is known of all of it."""
    import pyarrow as pa

    if not table.num_rows:
        return table
    table = table.sort_by([("cell", "ascending"), ("wait", "ascending"), ("id", "ascending")])
    cells = table["cell"].to_numpy()
    starts = _starts(cells)
    place = np.arange(len(cells)) - np.repeat(starts, np.diff(np.append(starts, len(cells))))
    for name in ("traffic", "distinct"):
        sums = np.zeros(len(cells), dtype=np.int64)
        sums[starts] = np.add.reduceat(table[name].to_numpy(), starts)
        table = table.set_column(table.schema.get_field_index(name), name, pa.array(sums))
    return table.take(np.flatnonzero(place < KEPT))


def _collected(cells: Any, made: Clustering, totals: tuple[int, int, int]) -> Gathered:
    import pyarrow as pa

    parts = [each for each in cells.iter_batches(batch_size=None, batch_format="pyarrow") if each.num_rows]
    table = pa.concat_tables(parts).sort_by(_ORDER)
    cell_of = table["cell"].to_numpy()
    traffic, distinct = (
        np.bincount(cell_of, table[name].to_numpy(), minlength=len(made.cells)).astype(np.int64)
        for name in ("traffic", "distinct")
    )
    counts = shared_out(cell_of, table["count"].to_numpy(), table["wait"].to_numpy() != _SHOWN, traffic, distinct)
    kept = [
        Trace(row["id"], row["text"], messages_from_json(row["messages"]), row["answer"], count=count)
        for row, count in zip(table.drop_columns(["vector"]).to_pylist(), counts.tolist(), strict=True)
    ]
    return Gathered(*totals, tuple(kept), _vectors(table), tuple(cell_of.tolist()), traffic, distinct, made)


def shared_out(cell_of: Labels, counts: Labels, drawn: Any, traffic: Labels, distinct: Labels) -> Labels:
    """The traffic that each trace stands for, shape (n,); it comes to that of its cell.

    Where all of a cell came back, every trace stands for itself. Else one that came back to be looked at does, since
    it is no random draw, and the others share what is left of their cell equally.

    Args:
        cell_of: the cell of each trace.
        counts: how often production sent each.
        drawn: whether it was drawn at random.
        traffic: inputs of each cell.
        distinct: traces of each cell.
    """
    cells = len(traffic)
    drawn = drawn & (np.bincount(cell_of, minlength=cells) < distinct)[cell_of]
    left = traffic - np.bincount(cell_of[~drawn], counts[~drawn], cells).astype(np.int64)
    sharing = np.bincount(cell_of[drawn], minlength=cells)
    rows = np.flatnonzero(drawn)
    rows = rows[np.argsort(cell_of[rows], kind="stable")]
    number = np.arange(len(rows)) - np.repeat(np.cumsum(sharing) - sharing, sharing)
    own = cell_of[rows]
    shares = counts.copy()
    shares[rows] = left[own] // sharing[own] + (number < left[own] % sharing[own])
    return shares


def keep(store: Store, found: Gathered, encoder: str) -> None:
    """Write the traces that came back into a project, and their vectors beside it.

    Args:
        store: an empty project.
        found: what came back.
        encoder: the name of the encoder that made the vectors.
    """
    cache = VectorCache(store.vectors_path / open_encoder(encoder, list).slug)
    with cache.locked():
        new = {trace.text: row for row, trace in enumerate(found.kept) if trace.text not in cache}
        cache.add(list(new), found.vectors[list(new.values())])
    about = f"{found.inputs} inputs, {found.distinct} distinct, {found.rejected} records rejected"
    source = store.begin_source("--engine ray", content_id(*(trace.id for trace in found.kept)), 0, "ray", "ray", about)
    store.add_batch(source.id, found.kept, [], len(found.kept), {}, {})
    store.finish_source(source.id)
