"""The project file: one SQLite database. With its parts and its migrations the only modules with SQL.

Precious rows (events, paid calls) are only ever added. Everything else can be made again from the logs.
WAL with `synchronous=FULL`: a commit costs about 0.3 ms, so every decision is committed before anybody is
told that it is saved. Standard library only, because the terminal app imports this module before its
first paint.
"""

import contextlib
import errno
import json
import os
import secrets
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Literal, Self

from generator.errors import ProjectError
from generator.judging import Judging
from generator.ledger import Ledger
from generator.lists import DraftLists
from generator.migrations import MIGRATIONS, WORDS_OF_DRAFT
from generator.reach import Crest, Reach, lot
from generator.records import (
    Cell,
    Cluster,
    Decision,
    Draft,
    DraftState,
    Landing,
    MapTile,
    Mark,
    Merge,
    Message,
    Neighbour,
    Origin,
    Regrouping,
    Rejected,
    SourceRead,
    Spot,
    Trace,
    Verdict,
    fold,
    later_than,
    messages_from_json,
    messages_to_json,
    now,
    standing_acts,
    step_to_take_back,
    verdicts,
)
from generator.together import Together

_APPLICATION_ID = 0x67727364  # "grsd", so that `file` and we can tell a project file from any other database


FEW_USERS = "(few users)"
"""The name of every cluster that too few users make, and who has named it."""


@dataclass(frozen=True, slots=True)
class SourceProgress:
    """How far a log file has been ingested."""

    id: int
    records_done: int
    complete: bool
    accepted: int
    repeated: int
    rejected: int
    joined: int
    """Records, or spans in one, that became part of another's trace."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What became of the traces of one batch."""

    accepted: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What a project holds."""

    traces: int
    distinct: int
    rejected: int
    clusters: int
    cells: int
    drafts: int
    samples: int
    undecided: int
    spent_usd: float
    in_doubt: int


@dataclass(frozen=True, slots=True)
class QueueRow:
    """What ordering the review queue needs to know of a draft."""

    draft_id: str
    origin: Origin
    verdict: Verdict
    cluster_id: str
    cell_id: int | None
    off_traffic: bool
    alike: tuple[tuple[str, float], ...]
    reach: tuple[tuple[int, float], ...]
    marked: bool = False
    """Whether verification holds something against it, or its cluster is out of the goal."""


@dataclass(frozen=True, slots=True)
class Round:
    """One round of the drafting loop."""

    number: int
    about: str
    """Who was asked, with which prompt, about which clusters: a hash."""
    plan: str
    """JSON text: what it asks for."""
    before: float
    """Coverage that the good drafts could reach when it began."""
    result: Mapping[str, Any] | None
    """What it brought; None while it is under way."""


class Store(Ledger, Together, DraftLists, Judging):
    """An open project file. Use as a context manager; not shared between threads."""

    def __init__(self, path: Path, db: sqlite3.Connection) -> None:
        self.path = path
        self._db = db
        self.blind = False
        """Whether what others decided is hidden from whoever decides here; it is recorded with each verdict."""
        self.revealed: set[str] = set()
        """Drafts of which it was shown all the same."""
        self.hidden: set[str] = set()
        """Drafts of which it is hidden although `blind` is off."""
        self._few: tuple[tuple[int, int, int], frozenset[str]] = (-1, -1, -1), frozenset()

    # Opening ------------------------------------------------------------------------------------

    @classmethod
    def open(cls, path: str | Path, *, create: bool = False) -> Self:
        """Open a project file, and bring its schema up to date.

        Raises:
            ProjectError: it is missing (and `create` is false), a folder, another kind of file, made by a
                newer version, or cannot be read or written.
        """
        path = Path(path)
        _refuse_unusable(path, create=create)
        before = os.umask(0o077)  # production inputs are nobody else's business
        try:
            db = sqlite3.connect(path, timeout=5.0, isolation_level=None)
        except sqlite3.Error as error:
            raise _plain(path, error) from error
        finally:
            os.umask(before)
        store = cls(path, db)
        try:
            store._prepare()
        except sqlite3.Error as error:
            db.close()
            raise _plain(path, error) from error
        except BaseException:
            db.close()
            raise
        return store

    @classmethod
    def open_copy(cls, path: Path, folder: Path) -> Self:
        """Open a copy of a project, made in `folder`: opening a file brings it up to date, and this one stays as it is.

        Raises:
            ProjectError: as for `open`.
        """
        _refuse_unusable(path, create=False)
        twin = folder / path.name
        try:
            with (
                contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as there,
                contextlib.closing(sqlite3.connect(twin)) as here,
            ):
                there.backup(here)
        except sqlite3.Error as error:
            raise _plain(path, error) from error
        return cls.open(twin)

    def _prepare(self) -> None:
        (application,) = self._db.execute("PRAGMA application_id").fetchone()
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        (tables,) = self._db.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if application != _APPLICATION_ID and tables:
            raise ProjectError(f"{self.path} is a database of another program; name a new file instead.")
        if version > len(MIGRATIONS):
            raise ProjectError(
                f"{self.path} was made by a newer Groundset (schema {version}, this one knows {len(MIGRATIONS)}); "
                "upgrade with: pip install -U groundset"
            )
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA synchronous = FULL")
        if version < len(MIGRATIONS):
            self._db.execute("PRAGMA journal_mode = WAL")
            self._migrate()

    def _migrate(self) -> None:
        with self._transaction():
            # Read again inside the transaction: another process may have migrated meanwhile.
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            for migration in MIGRATIONS[version:]:
                migration(self._db)
            self._db.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                if self._db.in_transaction:  # a full disk rolls back by itself
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise _plain(self.path, error) from error

    def _rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]:
        try:
            return self._db.execute(sql, parameters).fetchall()
        except sqlite3.Error as error:
            raise _plain(self.path, error) from error

    @property
    def vectors_path(self) -> Path:
        """The folder beside the project file for what is large and can be made again."""
        return self.path.with_name(self.path.name.removesuffix(".groundset") + ".vectors")

    def data_version(self) -> int:
        """A number that changes when another connection has written to the file."""
        (version,) = self._rows("PRAGMA data_version")[0]
        return int(version)

    def meta(self, key: str) -> str | None:
        """A remembered setting of the project."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else None

    def set_meta(self, key: str, value: str) -> None:
        """Remember a setting of the project."""
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    # Logs come in -------------------------------------------------------------------------------

    def redaction_key(self) -> bytes:
        """The secret that keys the digests of redacted values.

        It lies beside the project file, not in it: a copy of the project given to a colleague cannot be
        used to test guesses of what was redacted. Where it is lost, new values get new placeholders.
        """
        path = self.vectors_path / "redaction.key"
        with contextlib.suppress(FileNotFoundError):
            return path.read_bytes()
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_bytes()
        except OSError as error:
            raise ProjectError(f"{path} cannot be written: {error.strerror}.") from error
        with os.fdopen(descriptor, "wb") as file:
            file.write(secrets.token_bytes(32))
        return path.read_bytes()

    def placeholder_numbers(self) -> dict[tuple[str, str], int]:
        """(kind, keyed digest of the value) -> number of its placeholder."""
        return {(kind, digest): number for kind, digest, number in self._rows("SELECT * FROM placeholder")}

    def redactions(self) -> dict[str, int]:
        """How many values of each kind were redacted."""
        return dict(self._rows("SELECT kind, count FROM redaction ORDER BY count DESC, kind"))

    def begin_source(self, name: str, digest: str, size: int, layout: str, format: str, why: str) -> SourceProgress:
        """Register a log file by the digest of its bytes; a known one answers with how far it has come."""
        with self._transaction() as db:
            db.execute(
                "INSERT INTO source (name, digest, size, layout, format, why) VALUES (?, ?, ?, ?, ?, ?) "
                "ON CONFLICT (digest) DO NOTHING",
                (name, digest, size, layout, format, why),
            )
            row = db.execute(
                "SELECT id, records, complete, accepted, repeated, rejected, joined FROM source WHERE digest = ?",
                (digest,),
            ).fetchone()
        return SourceProgress(row[0], row[1], bool(row[2]), *row[3:])

    def add_batch(
        self,
        source_id: int,
        traces: Sequence[Trace],
        rejected: Sequence[Rejected],
        records_done: int,
        placeholders: Mapping[tuple[str, str], int],
        redactions: Mapping[str, int],
        joined: int = 0,
    ) -> BatchResult:
        """Keep one batch of a log file, and how far the file has come, in one transaction.

        Raises:
            ProjectError: another process has read on in the same file meanwhile.
        """
        accepted = 0
        with self._transaction() as db:
            (records,) = db.execute("SELECT records FROM source WHERE id = ?", (source_id,)).fetchone()
            if records != records_done - len(traces) - len(rejected):
                raise ProjectError(f"Another process is reading the same log file into {self.path}; let it finish.")
            for trace in traces:
                accepted += self._add_trace(db, source_id, trace)
            db.executemany(
                "INSERT INTO rejected VALUES (?, ?, ?)", [(source_id, each.position, each.reason) for each in rejected]
            )
            self._keep_placeholders(db, placeholders)
            db.executemany(
                "INSERT INTO redaction VALUES (?, ?) ON CONFLICT (kind) DO UPDATE SET count = count + excluded.count",
                list(redactions.items()),
            )
            repeated = len(traces) - accepted
            db.execute(
                "UPDATE source SET records = ?, accepted = accepted + ?, repeated = repeated + ?, "
                "rejected = rejected + ?, joined = joined + ? WHERE id = ?",
                (records_done, accepted, repeated, len(rejected), joined, source_id),
            )
        return BatchResult(accepted, repeated)

    def keep_placeholders(self, placeholders: Mapping[tuple[str, str], int]) -> None:
        """Remember placeholders that were given outside of a log file, in what a model wrote."""
        if placeholders:
            with self._transaction() as db:
                self._keep_placeholders(db, placeholders)

    @staticmethod
    def _keep_placeholders(db: sqlite3.Connection, placeholders: Mapping[tuple[str, str], int]) -> None:
        db.executemany(
            "INSERT OR IGNORE INTO placeholder VALUES (?, ?, ?)",
            [(kind, digest, number) for (kind, digest), number in placeholders.items()],
        )

    @staticmethod
    def _add_trace(db: sqlite3.Connection, source_id: int, trace: Trace) -> int:
        seen = trace.seen_at
        repeat = db.execute(
            "UPDATE trace SET count = count + ?, first_seen = min(coalesce(first_seen, ?), coalesce(?, first_seen)), "
            "last_seen = max(coalesce(last_seen, ?), coalesce(?, last_seen)) WHERE id = ?",
            (trace.count, seen, seen, seen, seen, trace.id),
        )
        if not repeat.rowcount:
            Store._insert_trace(db, source_id, trace)
        if seen is not None:
            db.execute(
                "INSERT INTO trace_day SELECT number, ?, ? FROM trace WHERE id = ? "
                "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (date.fromisoformat(seen[:10]).toordinal(), trace.count, trace.id),
            )
        if trace.user is not None:
            db.execute(
                "INSERT INTO trace_user SELECT number, ?, ? FROM trace WHERE id = ? "
                "ON CONFLICT DO UPDATE SET count = count + excluded.count",
                (trace.user, trace.count, trace.id),
            )
        return 1 - repeat.rowcount

    @staticmethod
    def _insert_trace(db: sqlite3.Connection, source_id: int, trace: Trace) -> None:
        db.execute(
            "INSERT INTO trace (id, text, messages, answer, count, first_seen, last_seen, signals, source_id, position)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                trace.id,
                trace.text,
                messages_to_json(trace.messages),
                trace.answer,
                trace.count,
                trace.seen_at,
                trace.seen_at,
                _json(trace.signals),
                source_id,
                trace.position,
            ),
        )

    def finish_source(self, source_id: int) -> None:
        """Mark a log file as ingested to its end."""
        with self._transaction() as db:
            db.execute("UPDATE source SET complete = 1 WHERE id = ?", (source_id,))

    def sources(self) -> list[SourceRead]:
        """The files that were read, in that order."""
        rows = self._rows("SELECT name, format, records, accepted, repeated, rejected FROM source ORDER BY id")
        return [SourceRead(*row) for row in rows]

    def rejected(self) -> list[Rejected]:
        """The quarantine: what could not be read, where, and why."""
        rows = self._rows(
            "SELECT name, position, reason FROM rejected JOIN source ON source.id = source_id "
            "ORDER BY source_id, position"
        )
        return [Rejected(*row) for row in rows]

    # What production sends ----------------------------------------------------------------------

    def trace_texts(self) -> list[tuple[str, str, int]]:
        """(id, text, count) of every distinct trace, in the order in which they first came."""
        return self._rows("SELECT id, text, count FROM trace ORDER BY number")

    def trace_cells(self) -> list[tuple[str, int | None]]:
        """(trace id, cell id) of every distinct trace, in the order in which they first came."""
        return self._rows("SELECT id, cell_id FROM trace ORDER BY number")

    def traces(self, ids: Iterable[str]) -> list[Trace]:
        """The traces of these ids, in that order; unknown ids are left out."""
        wanted = list(ids)
        found: dict[str, Trace] = {}
        for chunk in _chunks(wanted):
            for row in self._rows(
                "SELECT trace.id, text, messages, answer, last_seen, signals, name, position, count "
                f"FROM trace JOIN source ON source.id = source_id WHERE trace.id IN ({_marks(chunk)})",
                chunk,
            ):
                found[row[0]] = Trace(
                    row[0],
                    row[1],
                    messages_from_json(row[2]),
                    row[3],
                    row[4],
                    json.loads(row[5]),
                    row[6],
                    row[7],
                    row[8],
                )
        return [found[each] for each in wanted if each in found]

    def replace_clustering(
        self,
        clusters: Sequence[Cluster],
        cells: Sequence[Cell],
        merges: Sequence[Merge],
        cell_of_trace: Mapping[str, int],
        fingerprint: str,
        regroupings: int = 0,
    ) -> None:
        """Put a new clustering in place of the last one, all or nothing.

        `fingerprint` says what it was made from, `regroupings` how many decisions of people are in it. What was
        measured against the old cells (landings, reach) goes, and `ranked` is forgotten, so that the next stage
        has work to do. If traffic has come in, the last clusters are kept for comparison.
        """
        with self._transaction() as db:
            (more,) = db.execute("SELECT sum(count) > sum(clustered) FROM trace").fetchone()
            if more:
                self._remember_clusters(db)
            for table in ("crest", "landing", "cell_parent", "cell", "cluster"):
                db.execute(f"DELETE FROM {table}")
            db.executemany("INSERT INTO cluster VALUES (?, ?, ?, ?, ?, ?, ?)", [_cluster_row(c) for c in clusters])
            db.executemany(
                "INSERT INTO cell VALUES (?, ?, ?, ?, ?)",
                [(c.id, c.cluster_id, c.weight, c.distinct, c.exemplar_id) for c in cells],
            )
            db.executemany(
                "INSERT INTO cell_parent VALUES (?, ?, ?, ?)",
                [(step, m.left, m.right, m.height) for step, m in enumerate(merges)],
            )
            db.execute("UPDATE trace SET cell_id = NULL")
            db.executemany("UPDATE trace SET cell_id = ? WHERE id = ?", [(c, t) for t, c in cell_of_trace.items()])
            if more:
                self._count_as_clustered(db)
            else:
                self._recut(db)
            db.execute(
                f"UPDATE draft SET cluster_id = coalesce({_CLUSTER_OF_SOURCES}, cluster_id) "
                "WHERE cluster_id NOT IN (SELECT id FROM cluster)"
            )
            db.execute(
                "INSERT OR REPLACE INTO meta VALUES ('clustered', ?), ('made_anew', ?), ('regrouped', ?)",
                (fingerprint, fingerprint, str(regroupings)),
            )
            db.execute("DELETE FROM meta WHERE key = 'ranked'")

    @staticmethod
    def _remember_clusters(db: sqlite3.Connection) -> None:
        """Keep the clusters as they were before the last logs, and when that was."""
        db.execute("DELETE FROM earlier_cluster")
        db.execute("INSERT INTO earlier_cluster SELECT * FROM cluster")
        db.execute("INSERT OR REPLACE INTO meta VALUES ('grown_at', ?)", (now(),))

    @staticmethod
    def _count_as_clustered(db: sqlite3.Connection) -> None:
        db.execute(
            "UPDATE trace SET earlier = clustered, clustered = count "
            "WHERE cell_id IS NOT NULL AND (earlier != clustered OR clustered != count)"
        )

    def extend_clustering(self, cell_of_trace: Mapping[str, int], fingerprint: str) -> None:
        """Put new traces into the cells that are there and count again, all or nothing.

        Clusters keep their names and exemplars. Landings and the map stay until they are made again; `ranked` is
        forgotten.

        Args:
            cell_of_trace: the cell of each trace that has none yet.
            fingerprint: what the clusters now stand for.
        """
        with self._transaction() as db:
            self._remember_clusters(db)
            db.executemany("UPDATE trace SET cell_id = ? WHERE id = ?", [(c, t) for t, c in cell_of_trace.items()])
            self._count_as_clustered(db)
            counted = db.execute("SELECT cell_id, sum(count), count(*) FROM trace GROUP BY cell_id").fetchall()
            total = sum(traces for _, traces, _ in counted)
            db.executemany(
                "UPDATE cell SET weight = ?, distinct_traces = ? WHERE id = ?",
                [(traces / total, distinct, cell) for cell, traces, distinct in counted],
            )
            db.executemany(
                "UPDATE cluster SET weight = ?, traces = ?, distinct_traces = ? WHERE id = ?",
                [
                    (traces / total, traces, distinct, cluster)
                    for cluster, traces, distinct in db.execute(
                        "SELECT cluster_id, sum(count), count(*) FROM trace JOIN cell ON cell.id = cell_id "
                        "GROUP BY cluster_id"
                    ).fetchall()
                ],
            )
            db.execute("INSERT OR REPLACE INTO meta VALUES ('clustered', ?)", (fingerprint,))
            db.execute("DELETE FROM meta WHERE key = 'ranked'")

    def regroup(
        self,
        decision: Regrouping,
        clusters: Sequence[Cluster],
        cluster_of_cell: Mapping[int, str],
        before: Sequence[Cluster],
    ) -> None:
        """Record a decision about clusters, with what came of it; on disk when this returns.

        Landings follow their cells, and drafts the inputs they were made from; `ranked` is forgotten: new parts
        have no exemplars in the queue yet.

        Args:
            decision: what a person decided.
            clusters: those that came of it; the first inherits what has no better place.
            cluster_of_cell: their cells; none where only a name is new.
            before: all clusters as the person saw them.

        Raises:
            ProjectError: the clusters are others by now.
        """
        with self._transaction() as db:
            if self.every_cluster() != list(before):
                raise ProjectError(f"Another process has changed the clusters of {self.path}; look again and repeat.")
            db.execute(  # applied if all before it are, else it waits with them
                "UPDATE meta SET value = value + 1 "
                "WHERE key = 'regrouped' AND value = (SELECT count(*) FROM regrouping)"
            )
            self._add_regrouping(db, decision)
            db.executemany(
                "INSERT OR REPLACE INTO cluster VALUES (?, ?, ?, ?, ?, ?, ?)", [_cluster_row(c) for c in clusters]
            )
            if not cluster_of_cell:
                return
            touched = sorted({cell.cluster_id for cell in self.cells() if cell.id in cluster_of_cell})
            db.executemany(
                "UPDATE cell SET cluster_id = ? WHERE id = ?", [(c, cell) for cell, c in cluster_of_cell.items()]
            )
            db.execute("DELETE FROM cluster WHERE id NOT IN (SELECT cluster_id FROM cell)")
            db.execute("UPDATE landing SET cluster_id = (SELECT cluster_id FROM cell WHERE cell.id = landing.cell_id)")
            self._hand_over(db, touched, clusters[0].id)
            self._recut(db)
            db.execute("DELETE FROM meta WHERE key = 'ranked'")

    @staticmethod
    def _hand_over(db: sqlite3.Connection, touched: Sequence[str], heir: str) -> None:
        """Drafts and calls follow the clusters that were made of theirs."""
        marks = _marks(touched)
        db.execute(
            f"UPDATE draft SET cluster_id = coalesce({_CLUSTER_OF_SOURCES}, cluster_id) WHERE cluster_id IN ({marks})",
            touched,
        )
        for table in ("draft", "call"):
            db.execute(
                f"UPDATE {table} SET cluster_id = ? "
                f"WHERE cluster_id IN ({marks}) AND cluster_id NOT IN (SELECT id FROM cluster)",
                (heir, *touched),
            )

    @staticmethod
    def _recut(db: sqlite3.Connection) -> None:
        """A new cut of the same traffic lets no need come or go."""
        db.execute("DELETE FROM earlier_cluster WHERE id NOT IN (SELECT id FROM cluster)")
        db.execute(
            "INSERT OR IGNORE INTO earlier_cluster SELECT * FROM cluster WHERE "
            "(SELECT 2 * sum(earlier) >= sum(clustered) FROM trace JOIN cell ON cell.id = cell_id "
            "WHERE cluster_id = cluster.id)"
        )

    def name_clusters(self, names: Mapping[str, str]) -> int:
        """Give clusters the names that a model found, unless somebody has named them meanwhile; returns how many."""
        with self._transaction() as db:
            return sum(
                db.execute(
                    "UPDATE cluster SET name = ?, named_by = 'model' WHERE id = ? AND named_by = 'phrases'",
                    (name, cluster_id),
                ).rowcount
                for cluster_id, name in names.items()
            )

    def regroupings(self) -> list[Regrouping]:
        """Decisions about clusters, in order."""
        rows = self._rows(
            "SELECT uuid, verb, parts, distinct_traces, name, actor, at FROM regrouping ORDER BY at, uuid"
        )
        return [Regrouping(row[0], row[1], tuple(json.loads(row[2])), *row[3:]) for row in rows]

    def add_regroupings(self, regroupings: Iterable[Regrouping]) -> int:
        """Keep decisions about clusters of another copy; the next clustering applies them. Returns how many are new."""
        with self._transaction() as db:
            return sum(self._add_regrouping(db, each) for each in regroupings)

    @staticmethod
    def _add_regrouping(db: sqlite3.Connection, decision: Regrouping) -> int:
        return db.execute(
            "INSERT OR IGNORE INTO regrouping (uuid, verb, parts, distinct_traces, name, actor, at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*astuple(decision)[:2], _json(decision.parts), *astuple(decision)[3:]),
        ).rowcount

    def is_regrouped(self) -> bool:
        """Whether all that people decided about clusters is in them."""
        return self.meta("regrouped") == str(self._rows("SELECT count(*) FROM regrouping")[0][0])

    def earlier_clusters(self) -> list[Cluster]:
        """The clusters before the last logs came in, by traffic."""
        return [_cluster(row) for row in self._rows("SELECT * FROM earlier_cluster ORDER BY weight DESC, id")]

    def cluster_counts(self) -> dict[str, tuple[int, int]]:
        """Requests in each cluster, (those that the earlier clusters knew, those since)."""
        rows = self._rows(
            "SELECT cluster_id, sum(earlier), sum(clustered - earlier) FROM trace JOIN cell ON cell.id = cell_id "
            "GROUP BY cluster_id"
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def cell_counts(self) -> dict[int, tuple[int, int]]:
        """Requests in each cell, (those that the earlier clusters knew, those since)."""
        rows = self._rows(
            "SELECT cell_id, sum(earlier), sum(clustered - earlier) FROM trace WHERE cell_id IS NOT NULL "
            "GROUP BY cell_id"
        )
        return {row[0]: (row[1], row[2]) for row in rows}

    def cluster_days(self) -> list[tuple[str, int, int]]:
        """(cluster, number of the day, requests whose time is known)."""
        return self._rows(
            "SELECT cluster_id, day, sum(trace_day.count) FROM trace_day JOIN trace ON number = trace_number "
            "JOIN cell ON cell.id = cell_id GROUP BY cluster_id, day ORDER BY cluster_id, day"
        )

    def clusters(self) -> list[Cluster]:
        """The clusters, by traffic; of those that too few users make, neither name nor inputs (see `few_users`)."""
        few = self.few_users()
        return [_veiled(each) if each.id in few else each for each in self.every_cluster()]

    def every_cluster(self) -> list[Cluster]:
        """The clusters, by traffic, as they are: for what groups the traffic, never for what shows or sends it."""
        return [_cluster(row) for row in self._rows("SELECT * FROM cluster ORDER BY weight DESC, id")]

    @property
    def min_users(self) -> int:
        """Users that a cluster must have to be shown and drafted from; 1 where nobody asked for more."""
        return int(self.meta("min_users") or 1)

    def few_users(self) -> frozenset[str]:
        """Clusters that fewer than `min_users` users make. Traffic whose user is not known counts for one each."""
        least = self.min_users
        if least <= 1:
            return frozenset()
        # Asked for at every look at the queue, and the same until something is written.
        written = self.data_version(), self._db.total_changes, least
        if self._few[0] != written:
            self._few = written, self._clusters_of_fewer(least)
        return self._few[1]

    def _clusters_of_fewer(self, least: int) -> frozenset[str]:
        rows = self._rows(
            """SELECT cluster_id FROM (
                   SELECT cluster_id, (SELECT count(DISTINCT user) FROM trace_user JOIN trace ON number = trace_number
                                       JOIN cell ON cell.id = cell_id WHERE cluster_id = c.cluster_id) AS known,
                          sum(trace.count) - (SELECT coalesce(sum(trace_user.count), 0) FROM trace_user
                                              JOIN trace ON number = trace_number JOIN cell ON cell.id = cell_id
                                              WHERE cluster_id = c.cluster_id) AS unknown
                   FROM cell AS c JOIN trace ON trace.cell_id = c.id GROUP BY cluster_id)
               WHERE known + unknown < ?""",
            (least,),
        )
        return frozenset(row[0] for row in rows)

    def user_counts(self) -> list[tuple[int, str | None, int]]:
        """How often each user asked for what is in each cell: (cell, user or None, count)."""
        return [
            *self._rows(
                "SELECT cell_id, user, sum(trace_user.count) FROM trace_user JOIN trace ON number = trace_number "
                "WHERE cell_id IS NOT NULL GROUP BY cell_id, user ORDER BY cell_id, user"
            ),
            *self._rows(
                "SELECT cell_id, NULL, sum(count - (SELECT coalesce(sum(trace_user.count), 0) FROM trace_user "
                "WHERE trace_number = number)) FROM trace WHERE cell_id IS NOT NULL GROUP BY cell_id ORDER BY cell_id"
            ),
        ]

    def cells(self) -> list[Cell]:
        """The cells, by id."""
        return [Cell(*row) for row in self._rows("SELECT * FROM cell ORDER BY id")]

    def merges(self) -> list[Merge]:
        """The tree over the cells, lowest merge first."""
        return [
            Merge(*row) for row in self._rows("SELECT left_node, right_node, height FROM cell_parent ORDER BY step")
        ]

    def verdicts_by_cluster(self) -> dict[tuple[str, Verdict], int]:
        """How many drafts that landed in each cluster have each verdict."""
        rows = self._rows(
            "SELECT cluster_id, coalesce(verdict, 'new'), count(*) FROM landing "
            "LEFT JOIN draft_state USING (draft_id) GROUP BY 1, 2"
        )
        return {(cluster_id, verdict): count for cluster_id, verdict, count in rows}

    def landed_in(self) -> dict[str, str]:
        """The cluster that each ranked draft landed in."""
        return dict(self._rows("SELECT draft_id, cluster_id FROM landing"))

    def best_waiting(self, cluster_id: str) -> str | None:
        """A draft of a cluster to begin with: one nobody has decided on, those that something speaks against last."""
        rows = self._rows(
            "SELECT landing.draft_id FROM landing JOIN draft ON draft.id = draft_id "
            "LEFT JOIN draft_state USING (draft_id) "
            "WHERE landing.cluster_id = ? AND coalesce(verdict, 'new') IN ('new', 'later') "
            "ORDER BY EXISTS (SELECT 1 FROM mark WHERE mark.draft_id = draft.id), verdict IS NOT NULL, number LIMIT 1",
            (cluster_id,),
        )
        return str(rows[0][0]) if rows else None

    def traces_of_cluster(self, cluster_id: str, limit: int) -> list[Trace]:
        """Traces of a cluster, most frequent first; none of one that too few users make."""
        if cluster_id in self.few_users():
            return []
        rows = self._rows(
            "SELECT trace.id FROM trace JOIN cell ON cell.id = cell_id WHERE cluster_id = ? "
            "ORDER BY count DESC, number LIMIT ?",
            (cluster_id, limit),
        )
        return self.traces(row[0] for row in rows)

    # The map ------------------------------------------------------------------------------------

    def replace_layout(self, places: bytes, cells: Sequence[Spot], tiles: Iterable[MapTile], fingerprint: str) -> None:
        """Put a new map of the traffic in place of the last one, all or nothing.

        Where drafts lie on it is for the next ranking to say: `ranked` is forgotten.

        Args:
            places: of all distinct traces in the order in which they first came, x and y as little-endian 16-bit
                numbers.
            cells: of the cells, by id.
            tiles: the traffic counted into bins.
            fingerprint: the clustering that it shows.
        """
        with self._transaction() as db:
            for table in ("layout_trace", "layout_cell", "layout_tile", "layout_draft"):
                db.execute(f"DELETE FROM {table}")
            db.execute("INSERT INTO layout_trace VALUES (1, ?)", (places,))
            db.executemany(
                "INSERT INTO layout_cell VALUES (?, ?, ?)", [(cell, *astuple(at)) for cell, at in enumerate(cells)]
            )
            db.executemany("INSERT INTO layout_tile VALUES (?, ?, ?, ?, ?)", [astuple(each) for each in tiles])
            db.execute("INSERT OR REPLACE INTO meta VALUES ('laid_out', ?)", (fingerprint,))
            db.execute("INSERT OR REPLACE INTO meta SELECT 'laid_out_of', value FROM meta WHERE key = 'made_anew'")
            db.execute("DELETE FROM meta WHERE key = 'ranked'")

    def replace_draft_places(self, places: Mapping[str, Spot]) -> None:
        """Say where drafts lie on the map."""
        with self._transaction() as db:
            db.execute("DELETE FROM layout_draft")
            db.executemany(
                "INSERT INTO layout_draft VALUES (?, ?, ?)", [(draft, *astuple(at)) for draft, at in places.items()]
            )

    def trace_places(self) -> bytes | None:
        """What `replace_layout` was given for the traces, or None before there was a map."""
        rows = self._rows("SELECT places FROM layout_trace")
        return bytes(rows[0][0]) if rows else None

    def cell_places(self) -> dict[int, Spot]:
        """Where each cell lies on the map."""
        return {cell: Spot(x, y) for cell, x, y in self._rows("SELECT cell_id, x, y FROM layout_cell")}

    def draft_places(self) -> dict[str, Spot]:
        """Where each ranked draft lies on the map."""
        return {draft: Spot(x, y) for draft, x, y in self._rows("SELECT draft_id, x, y FROM layout_draft")}

    def map_tile(self, level: int, row: int, column: int) -> MapTile | None:
        """A part of the map, or None where there is no traffic."""
        rows = self._rows(
            "SELECT * FROM layout_tile WHERE level = ? AND tile_row = ? AND tile_column = ?", (level, row, column)
        )
        return MapTile(*rows[0]) if rows else None

    # Drafts -------------------------------------------------------------------------------------

    def add_drafts(self, drafts: Iterable[Draft], marks: Mapping[str, Sequence[Mark]] | None = None) -> int:
        """Keep drafts; one that is already there stays as it is. Returns how many were new.

        `marks` say by id what speaks against the text of each, and replace what was said before of the same answer.
        """
        added = 0
        with self._transaction() as db:
            for draft in drafts:
                added += self._add_draft(db, draft)
                if marks is not None:
                    self._mark_read(db, draft, marks.get(draft.id, ()))
        return added

    @staticmethod
    def _mark_read(db: sqlite3.Connection, draft: Draft, marks: Sequence[Mark]) -> None:
        """Marks belong to the answer that was kept: another one with the same input may have other criteria."""
        if db.execute("SELECT 1 FROM draft WHERE id = ? AND call_key IS ?", (draft.id, draft.call_key)).fetchone():
            db.execute("DELETE FROM mark WHERE draft_id = ? AND stage = 'reading'", (draft.id,))
            db.executemany(
                "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, 'reading')",
                [(draft.id, each.name, each.reason) for each in marks],
            )

    @staticmethod
    def _add_draft(db: sqlite3.Connection, draft: Draft) -> int:
        new = db.execute(
            "INSERT OR IGNORE INTO draft (id, origin, kind, messages, criteria, must_not, why, cluster_id, model, "
            "prompt_hash, call_key, reference, invented, weight, stratum) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                draft.id,
                draft.origin,
                draft.kind,
                messages_to_json(draft.messages),
                _json(draft.criteria),
                _json(draft.must_not),
                draft.why,
                draft.cluster_id,
                draft.model,
                draft.prompt_hash,
                draft.call_key,
                draft.reference,
                _json(draft.invented),
                draft.weight,
                draft.stratum,
            ),
        ).rowcount
        if new:
            db.execute(f"INSERT INTO draft_words (rowid, words) {WORDS_OF_DRAFT} WHERE id = ?", (draft.id,))
        db.executemany("INSERT OR IGNORE INTO draft_source VALUES (?, ?)", [(draft.id, s) for s in draft.source_ids])
        return new

    def set_random_frame(self, weights: Mapping[str, tuple[float, str]]) -> None:
        """Set weight and stratum of the random draws; a draw that is no longer in the frame weighs nothing."""
        with self._transaction() as db:
            db.execute("UPDATE draft SET weight = 0 WHERE origin = 'random'")
            db.executemany(
                "UPDATE draft SET weight = ?, stratum = ? WHERE id = ?",
                [(weight, stratum, draft_id) for draft_id, (weight, stratum) in weights.items()],
            )

    def frame_ids(self) -> list[str]:
        """Ids of the random draws that stand for traffic, in the order in which they were made."""
        rows = self._rows("SELECT id FROM draft WHERE origin = 'random' AND weight > 0 ORDER BY number")
        return [row[0] for row in rows]

    def drafts(self, ids: Iterable[str] | None = None) -> list[Draft]:
        """The drafts of these ids in that order, or all in the order in which they were made."""
        if ids is None:
            return [self._draft(row) for row in self._rows(f"{_SELECT_DRAFT} ORDER BY draft.number")]
        wanted = list(ids)
        found = {
            row[0]: self._draft(row)
            for chunk in _chunks(wanted)
            for row in self._rows(f"{_SELECT_DRAFT} WHERE draft.id IN ({_marks(chunk)})", chunk)
        }
        return [found[each] for each in wanted if each in found]

    @staticmethod
    def _draft(row: Sequence[Any]) -> Draft:
        return Draft(
            id=row[0],
            origin=row[1],
            kind=row[2],
            messages=messages_from_json(row[3]),
            criteria=tuple(json.loads(row[4])),
            must_not=tuple(json.loads(row[5])),
            why=row[6],
            cluster_id=row[7],
            model=row[8],
            prompt_hash=row[9],
            call_key=row[10],
            reference=row[11],
            invented=tuple(json.loads(row[12])),
            weight=row[13],
            stratum=row[14],
            source_ids=tuple(sorted(json.loads(row[15]))),
        )

    def matching_draft_ids(self, prefix: str) -> list[str]:
        """Ids of drafts that begin with `prefix` (with or without "d-")."""
        start = prefix if prefix.startswith("d-") else f"d-{prefix}"
        rows = self._rows("SELECT id FROM draft WHERE id >= ? AND id < ? ORDER BY id", (start, start + "\U0010ffff"))
        return [row[0] for row in rows]

    def replace_landings(
        self, landings: Iterable[Landing], fingerprint: str, marks: Mapping[str, Sequence[Mark]] | None = None
    ) -> None:
        """Put new landings, their reach and what speaks against drafts there in place of the last, all or nothing."""
        with self._transaction() as db:
            weights = dict(db.execute("SELECT id, weight FROM cell"))
            crests: dict[int, Crest] = {}
            for table in ("crest", "landing", "mark WHERE stage = 'ranking'"):
                db.execute(f"DELETE FROM {table}")
            db.executemany(
                "INSERT OR REPLACE INTO mark VALUES (?, ?, ?, 'ranking')",
                [(draft_id, each.name, each.reason) for draft_id, own in (marks or {}).items() for each in own],
            )
            for landing in landings:
                self._add_landing(db, landing, weights, crests)
            db.executemany("INSERT INTO crest VALUES (?, ?, ?, ?)", [(cell, *c.row()) for cell, c in crests.items()])
            db.execute("INSERT OR REPLACE INTO meta VALUES ('ranked', ?)", (fingerprint,))

    @staticmethod
    def _add_landing(
        db: sqlite3.Connection, landing: Landing, weights: Mapping[int, float], crests: dict[int, Crest]
    ) -> None:
        reach = Reach.of(landing.reach)
        worth = reach.worth(weights)
        crests.setdefault(landing.cell_id, Crest()).rise(reach, worth)
        db.execute(
            "INSERT INTO landing (draft_id, cell_id, cluster_id, neighbours, alike, off_traffic, reach, worth, lot) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                landing.draft_id,
                landing.cell_id,
                landing.cluster_id,
                _json([(each.trace_id, each.similarity) for each in landing.neighbours]),
                _json(landing.alike),
                int(landing.off_traffic),
                reach.packed(),
                worth,
                lot(landing.draft_id),
            ),
        )

    def landing(self, draft_id: str) -> Landing | None:
        """Where a draft lies, or None before it is ranked; what too few users ask is no evidence to show."""
        rows = self._rows(
            "SELECT cell_id, cluster_id, neighbours, alike, off_traffic, reach FROM landing WHERE draft_id = ?",
            (draft_id,),
        )
        if not rows:
            return None
        cell_id, cluster_id, neighbours, alike, off_traffic, reach = rows[0]
        hidden = self._hidden_traces([each[0] for each in json.loads(neighbours)])
        return Landing(
            draft_id,
            cell_id,
            cluster_id,
            tuple(Neighbour(*each) for each in json.loads(neighbours) if each[0] not in hidden),
            tuple((other, similarity) for other, similarity in json.loads(alike)),
            tuple(sorted(Reach.unpacked(reach).pairs(), key=lambda each: each[1], reverse=True)),
            bool(off_traffic),
        )

    def _hidden_traces(self, ids: Sequence[str]) -> set[str]:
        few = self.few_users()
        if not few:
            return set()
        rows = self._rows(
            f"SELECT trace.id, cluster_id FROM trace JOIN cell ON cell.id = cell_id WHERE trace.id IN ({_marks(ids)})",
            ids,
        )
        return {trace for trace, cluster in rows if cluster in few}

    def marks(self, draft_id: str | None = None) -> dict[str, tuple[Mark, ...]]:
        """What speaks against drafts, by id: against one, or all that are marked."""
        where, parameters = ("WHERE draft_id = ?", (draft_id,)) if draft_id is not None else ("", ())
        found: dict[str, tuple[Mark, ...]] = {}
        for marked, name, reason in self._rows(
            f"SELECT draft_id, name, reason FROM mark {where} ORDER BY draft_id, name", parameters
        ):
            found[marked] = (*found.get(marked, ()), Mark(name, reason))
        return found

    def rounds(self) -> list[Round]:
        """The rounds of the drafting loop, in order."""
        rows = self._rows("SELECT number, about, plan, before, result FROM drafting_round ORDER BY number")
        return [Round(row[0], row[1], row[2], row[3], None if row[4] is None else json.loads(row[4])) for row in rows]

    def begin_round(self, about: str, plan: str, before: float) -> Round:
        """Write down what a round asks for, before it asks."""
        with self._transaction() as db:
            number = db.execute(
                "INSERT INTO drafting_round (about, plan, before) VALUES (?, ?, ?)", (about, plan, before)
            ).lastrowid
        return Round(number or 0, about, plan, before, None)

    def end_round(self, number: int, result: Mapping[str, Any]) -> None:
        """Write down what a round brought."""
        with self._transaction() as db:
            db.execute("UPDATE drafting_round SET result = ? WHERE number = ?", (_json(result), number))

    def queue_rows(self) -> list[QueueRow]:
        """What ordering the queue needs of every ranked draft, in the order in which they were made.

        Drafts that were made for a cluster before it was known to have too few users are left out, unless they
        are samples already.
        """
        few = self.few_users()
        rows = self._rows(
            "SELECT draft.id, origin, coalesce(verdict, 'new'), landing.cluster_id, cell_id, off_traffic, alike, "
            "reach, EXISTS (SELECT 1 FROM mark WHERE mark.draft_id = draft.id) "
            "OR landing.cluster_id IN excluded_cluster, draft.cluster_id "
            "FROM draft JOIN landing ON landing.draft_id = draft.id "
            "LEFT JOIN draft_state ON draft_state.draft_id = draft.id ORDER BY draft.number"
        )
        return [
            QueueRow(
                row[0],
                row[1],
                row[2],
                row[3],
                row[4],
                bool(row[5]),
                tuple((other, similarity) for other, similarity in json.loads(row[6])),
                Reach.unpacked(row[7]).pairs(),
                bool(row[8]),
            )
            for row in rows
            if row[9] not in few or row[2] == "accepted"
        ]

    # People decide ------------------------------------------------------------------------------

    def decide(
        self, draft_ids: Sequence[str], verb: Literal["accept", "reject", "later", "reason"], actor: str, **payload: Any
    ) -> str:
        """Record one decision on one or more drafts as one step; returns the step.

        When this returns, the decision is on disk.
        """
        return self._record([(draft_id, verb, payload) for draft_id in draft_ids], actor)

    def tag(self, draft_ids: Sequence[str], add: Sequence[str], remove: Sequence[str], actor: str) -> str:
        """Give drafts tags and take others away, as one step; returns the step."""
        return self._record([(each, "tag", {"add": list(add), "remove": list(remove)}) for each in draft_ids], actor)

    def note(self, draft_ids: Sequence[str], text: str, actor: str) -> str:
        """Write a note to drafts in place of the one that was there; an empty one takes it away."""
        return self._record([(each, "note", {"text": text}) for each in draft_ids], actor)

    def flag(self, draft_ids: Sequence[str], on: bool, actor: str) -> str:
        """Flag drafts, or take the flag away."""
        return self._record([(each, "flag", {"on": on}) for each in draft_ids], actor)

    def pin(self, draft_id: str, trace: Trace, actor: str) -> str:
        """Accept a draft with a real input in place of the drafted one, as one step; returns the step."""
        pinned = {"trace": trace.id, "messages": [each.as_json() for each in trace.messages]}
        return self._record([(draft_id, "pin", pinned), (draft_id, "accept", {})], actor)

    def accept_edited(
        self,
        draft_id: str,
        messages: Sequence[Message],
        criteria: Sequence[str],
        must_not: Sequence[str],
        actor: str,
    ) -> str:
        """Record an edit and the acceptance of the edited item as one step; returns the step."""
        edit = {"messages": [m.as_stored() for m in messages], "criteria": list(criteria), "must_not": list(must_not)}
        step = self._record([(draft_id, "edit", edit), (draft_id, "accept", {})], actor)
        self.keep_typed(draft_id, {}, actor)
        return step

    def typed(self, draft_id: str, actor: str) -> dict[str, str]:
        """What a person typed into the editor of a draft and did not accept yet: field -> text."""
        rows = self._rows("SELECT fields FROM typed WHERE draft_id = ? AND actor = ?", (draft_id, actor))
        return dict(json.loads(rows[0][0])) if rows else {}

    def keep_typed(self, draft_id: str, fields: Mapping[str, str], actor: str) -> None:
        """Keep what a person has typed so far; nothing is kept where nothing is given."""
        with self._transaction() as db:
            if fields:
                db.execute("INSERT OR REPLACE INTO typed VALUES (?, ?, ?)", (draft_id, actor, json.dumps(dict(fields))))
            else:
                db.execute("DELETE FROM typed WHERE draft_id = ? AND actor = ?", (draft_id, actor))

    def undo(self, actor: str) -> tuple[str, ...]:
        """Take back this actor's last step that still stands; returns the drafts it touched (none: nothing left)."""
        return self._take_back(actor, "undo")

    def redo(self, actor: str) -> tuple[str, ...]:
        """Take back this actor's last undo, unless something was decided since; returns the drafts it touched."""
        return self._take_back(actor, "redo")

    def _take_back(self, actor: str, verb: Literal["undo", "redo"]) -> tuple[str, ...]:
        with self._transaction() as db:
            acts = db.execute(
                "SELECT step, verb, json_extract(payload, '$.step') FROM event WHERE actor = ? "
                "ORDER BY at DESC, step DESC, seq DESC",
                (actor,),
            )
            step = step_to_take_back(acts, verb)
            if step is None:
                return ()
            touched = [
                row[0]
                for row in db.execute(
                    "SELECT draft_id FROM event WHERE step = ? GROUP BY draft_id ORDER BY min(seq)", (step,)
                )
            ]
            self._append(db, [(draft_id, verb, {"step": step}) for draft_id in touched], actor)
        return tuple(touched)

    def _record(self, acts: Sequence[tuple[str, str, Mapping[str, Any]]], actor: str) -> str:
        with self._transaction() as db:
            return self._append(db, acts, actor)

    def _append(self, db: sqlite3.Connection, acts: Sequence[tuple[str, str, Mapping[str, Any]]], actor: str) -> str:
        step, at = uuid.uuid4().hex, self._next_moment(db)
        db.executemany(
            "INSERT INTO event (uuid, step, draft_id, actor, verb, payload, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    uuid.uuid4().hex,
                    step,
                    draft_id,
                    actor,
                    verb,
                    _json(self._informed(db, actor, draft_id, verb, payload)),
                    at,
                )
                for draft_id, verb, payload in acts
            ],
        )
        for draft_id in dict.fromkeys(draft_id for draft_id, _, _ in acts):
            self._refold(db, draft_id)
        return step

    @staticmethod
    def _next_moment(db: sqlite3.Connection) -> str:
        """The time now, but later than that of every decision and judgement that is there.

        Order by time is then the order in which things were done, also among the events of several copies, and on
        a machine whose clock was set back.
        """
        (last,) = db.execute(
            "SELECT max(at) FROM (SELECT max(at) AS at FROM event UNION ALL SELECT max(at) FROM judgement)"
        ).fetchone()
        moment = now()
        return moment if last is None or moment > last else later_than(last)

    def _informed(
        self, db: sqlite3.Connection, actor: str, draft_id: str, verb: str, payload: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """The payload of a verdict with what its curator knew: the verdicts of others, unless they were hidden."""
        if verb not in {"accept", "reject"}:
            return payload
        if draft_id in self.hidden or (self.blind and draft_id not in self.revealed):
            return {**payload, "blind": True}
        rows = db.execute(f"{_SELECT_EVENT} WHERE draft_id = ? ORDER BY at, step, seq", (draft_id,))
        known = verdicts(standing_acts(_decision(row) for row in rows))
        seen = [each.uuid for other, each in known.items() if other != actor]
        told = {"revealed": True} if self.blind else {}
        return {**payload, **told, **({"seen": seen} if seen else {})}

    @staticmethod
    def _refold(db: sqlite3.Connection, draft_id: str) -> None:
        rows = db.execute(f"{_SELECT_EVENT} WHERE draft_id = ? ORDER BY at, step, seq", (draft_id,))
        state = fold(draft_id, (_decision(row) for row in rows))
        edit = None
        if state.edited_messages is not None:
            edit = _json(
                {
                    "messages": [m.as_stored() for m in state.edited_messages],
                    "criteria": state.edited_criteria,
                    "must_not": state.edited_must_not,
                }
            )
        tags = _json(state.tags)
        db.execute(
            "INSERT OR REPLACE INTO draft_state (draft_id, verdict, reason, edit, actor, at, tags, note, flagged, "
            "pinned) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                draft_id,
                state.verdict,
                state.reason,
                edit,
                state.actor,
                state.at,
                tags,
                state.note,
                state.flagged,
                state.pinned,
            ),
        )

    def take_in(
        self, decisions: Sequence[Decision], drafts: Sequence[Draft], plants: Mapping[str, str]
    ) -> tuple[int, int]:
        """Keep what people decided in another copy of the project, and the drafts that only it has.

        Returns:
            How many (decisions, drafts) were new.

        Raises:
            ProjectError: a decision is there already and says something else.
        """
        with self._transaction() as db:
            added = [draft for draft in drafts if self._add_draft(db, draft)]
            db.execute(
                f"UPDATE draft SET cluster_id = coalesce({_CLUSTER_OF_SOURCES}, cluster_id) "
                "WHERE cluster_id NOT IN (SELECT id FROM cluster)"
            )
            db.executemany("INSERT OR IGNORE INTO plant VALUES (?, ?)", list(plants.items()))
            new = [each for each in decisions if self._is_new(db, each)]
            db.executemany(
                "INSERT INTO event (uuid, step, draft_id, actor, verb, payload, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [(e.uuid, e.step, e.draft_id, e.actor, e.verb, _json(e.payload), e.at) for e in new],
            )
            for draft_id in dict.fromkeys(each.draft_id for each in new):
                self._refold(db, draft_id)
            if added:
                db.execute("DELETE FROM meta WHERE key = 'ranked'")
        return len(new), len(added)

    def _is_new(self, db: sqlite3.Connection, decision: Decision) -> bool:
        row = db.execute(f"{_SELECT_EVENT} WHERE uuid = ?", (decision.uuid,)).fetchone()
        if row is None:
            return True
        if replace(_decision(row), seq=0) != replace(decision, seq=0):
            raise ProjectError(
                f"{self.path} and the other copy tell decision {decision.uuid} differently; one of them was changed by "
                "hand. Nothing was merged from it."
            )
        return False

    def state(self, draft_id: str) -> DraftState:
        """What the decisions on a draft amount to."""
        return self.states([draft_id]).get(draft_id, DraftState(draft_id))

    def states(self, ids: Iterable[str] | None = None, verdict: Verdict | None = None) -> dict[str, DraftState]:
        """States of drafts that somebody acted on: of these ids, or of this verdict, or all."""
        select = "SELECT draft_id, verdict, reason, edit, actor, at, tags, note, flagged, pinned FROM draft_state"
        if ids is not None:
            rows = [
                row
                for chunk in _chunks(list(ids))
                for row in self._rows(f"{select} WHERE draft_id IN ({_marks(chunk)})", chunk)
            ]
        elif verdict is not None:
            rows = self._rows(f"{select} WHERE verdict = ? ORDER BY at, draft_id", (verdict,))
        else:
            rows = self._rows(f"{select} ORDER BY at, draft_id")
        return {row[0]: _state(row) for row in rows}

    def decisions(self, draft_id: str | None = None) -> list[Decision]:
        """The events in order, of one draft or of all."""
        where, parameters = ("WHERE draft_id = ?", (draft_id,)) if draft_id is not None else ("", ())
        return [_decision(row) for row in self._rows(f"{_SELECT_EVENT} {where} ORDER BY at, step, seq", parameters)]

    # Status -------------------------------------------------------------------------------------

    def counts(self) -> Counts:
        """What the project holds."""
        row = self._rows(
            """SELECT (SELECT coalesce(sum(count), 0) FROM trace), (SELECT count(*) FROM trace),
                      (SELECT count(*) FROM rejected), (SELECT count(*) FROM cluster), (SELECT count(*) FROM cell),
                      (SELECT count(*) FROM draft),
                      (SELECT count(*) FROM draft_state WHERE verdict = 'accepted'),
                      (SELECT count(*) FROM draft) -
                          (SELECT count(*) FROM draft_state WHERE verdict IN ('accepted', 'rejected')),
                      (SELECT coalesce(sum(cost_usd), 0) FROM call),
                      (SELECT count(*) FROM call WHERE state = 'in_doubt')"""
        )[0]
        return Counts(*row)


_SELECT_DRAFT = (
    "SELECT id, origin, kind, messages, criteria, must_not, why, cluster_id, model, prompt_hash, call_key, reference, "
    "invented, weight, stratum, "
    "(SELECT json_group_array(trace_id) FROM draft_source WHERE draft_id = draft.id) FROM draft"
)
_CLUSTER_OF_SOURCES = (
    "(SELECT cell.cluster_id FROM draft_source JOIN trace ON trace.id = trace_id JOIN cell ON cell.id = trace.cell_id "
    "WHERE draft_id = draft.id GROUP BY cell.cluster_id ORDER BY count(*) DESC, cell.cluster_id LIMIT 1)"
)
_SELECT_EVENT = "SELECT uuid, step, seq, draft_id, actor, verb, payload, at FROM event"


def _cluster_row(c: Cluster) -> tuple[Any, ...]:
    return c.id, c.name, c.named_by, c.weight, c.traces, c.distinct, _json(c.exemplar_ids)


def _cluster(row: Sequence[Any]) -> Cluster:
    return Cluster(row[0], row[1], row[2], row[3], row[4], row[5], tuple(json.loads(row[6])))


def _veiled(cluster: Cluster) -> Cluster:
    return replace(cluster, name=FEW_USERS, named_by=FEW_USERS, exemplar_ids=())


def _decision(row: Sequence[Any]) -> Decision:
    return Decision(row[0], row[1], row[2], row[3], row[4], row[5], json.loads(row[6]), row[7])


def _state(row: Sequence[Any]) -> DraftState:
    draft_id, verdict, reason, edit, actor, at, tags, note, flagged, pinned = row
    parts = {"messages": None, "criteria": None, "must_not": None} if edit is None else json.loads(edit)
    return DraftState(
        draft_id,
        verdict,
        reason,
        None if parts["messages"] is None else tuple(Message.from_json(each) for each in parts["messages"]),
        None if parts["criteria"] is None else tuple(parts["criteria"]),
        None if parts["must_not"] is None else tuple(parts["must_not"]),
        actor,
        at,
        tuple(json.loads(tags)),
        note,
        bool(flagged),
        pinned,
    )


def _refuse_unusable(path: Path, *, create: bool) -> None:
    if path.is_dir():
        raise ProjectError(f"{path} is a folder; a project is one file, for example {path / 'support.groundset'}.")
    if not path.exists():
        if not create:
            raise ProjectError(f"No project at {path}; make one with: groundset ingest {path} LOGS...")
        if not path.parent.is_dir():
            raise ProjectError(f"The folder {path.parent} does not exist; make it first.")


def _plain(path: Path, error: sqlite3.Error) -> ProjectError:
    """The sentence for what SQLite says."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if code is not None else None
    match primary:
        case sqlite3.SQLITE_FULL:
            text = f"{path}: the disk is full. What was saved is safe; free some space and run the command again."
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            text = f"{path} is in use by another process that is writing; try again when it is done."
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            text = f"{path} cannot be written; check its permissions and those of its folder."
        case sqlite3.SQLITE_NOTADB:
            text = f"{path} is not a Groundset project file; name another file."
        case sqlite3.SQLITE_CORRUPT:
            text = f"{path} is damaged; work on a copy, and restore it from a backup."
        case sqlite3.SQLITE_CANTOPEN:
            reason = os.strerror(errno.EACCES) if path.exists() else "the folder cannot be written"
            text = f"{path} cannot be opened: {reason}."
        case sqlite3.SQLITE_IOERR:
            text = f"{path}: reading or writing failed ({error}). What was saved is safe; check the disk."
        case _:
            text = f"{path}: {error}."
    return ProjectError(text)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _chunks(values: Sequence[str], size: int = 500) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), size):
        yield values[start : start + size]


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))
