"""The account of paid calls in a project file: the calls, the batches they went out in, and who is at work.

Apart from the rest of the store because nothing else in it is about money. The rows are precious: a call is
entered before it is sent, and what came back is committed before anybody reads it.
"""

import json
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from generator.records import now

CallState = Literal["planned", "sent", "done", "failed", "in_doubt"]
Purpose = Literal["drafting", "naming", "shadow"]
BatchState = Literal["under_way", "ended", "refused", "gone"]


@dataclass(frozen=True, slots=True)
class Call:
    """One paid call, as the journal knows it."""

    key: str
    cluster_id: str
    """Empty where a call is about several clusters."""
    provider: str
    model: str
    prompt_hash: str
    state: CallState
    attempts: int
    reserved_usd: float
    cost_usd: float
    raw: bytes | None
    outcome: str | None
    purpose: Purpose
    context: Mapping[str, Any]
    """What it takes to read the answer when the prompt is another one by then."""
    batch: str | None
    """Nonce of the batch it went out in."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How far a call has come."""

    state: CallState
    outcome: str | None
    batch: str | None


@dataclass(frozen=True, slots=True)
class Measured:
    """What the prompt of an answered call held, and the tokens that were counted for it."""

    measure: Mapping[str, int]
    usage: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Batch:
    """Calls that were handed over together, to be answered within a day."""

    nonce: str
    """Made before the provider hears of it."""
    provider: str
    model: str
    server: str
    calls: int
    state: BatchState
    created_at: str
    remote_id: str | None
    """The provider's name for it; None until its answer to the submission was kept."""
    reserved_usd: float
    note: str


@dataclass(frozen=True, slots=True)
class Spending:
    """Where the money went, in US dollars."""

    drafting: float
    naming: float
    shadow: float
    """For answers of candidate models."""
    in_doubt_usd: float
    """Held for calls that may have been billed without an answer."""
    reserved_usd: float
    """Held for calls under way, those in batches included."""
    per_accepted_sample_usd: float | None
    """What drafting cost for every accepted item that a model drafted."""
    by_cluster: Mapping[str, float]
    """Cluster id -> what drafting for it cost; those that cost nothing are left out."""


@dataclass(frozen=True, slots=True)
class Lease:
    """Who is at work on a project."""

    token: str
    pid: int
    started: str
    """Tells the process from another one that gets its number later; empty where the system does not say."""
    host: str
    actor: str
    since: str
    heartbeat: float
    """Seconds since 1970."""


class Ledger(ABC):
    """The part of an open project file that is about money."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    @abstractmethod
    def _rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]: ...

    # Calls --------------------------------------------------------------------------------------

    def plan_call(
        self,
        key: str,
        cluster_id: str,
        provider: str,
        model: str,
        prompt_hash: str,
        *,
        purpose: Purpose = "drafting",
        context: Mapping[str, Any] | None = None,
        measure: Mapping[str, int] | None = None,
    ) -> Call:
        """Enter a call in the journal, unless it is there; returns what the journal knows of it."""
        with self._transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO call "
                "(key, cluster_id, provider, model, prompt_hash, purpose, context, measure, state) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'planned')",
                (key, cluster_id, provider, model, prompt_hash, purpose, _json(context or {}), _json(measure or {})),
            )
        return self.calls(key=key)[0]

    def call_sent(self, key: str, reserved_usd: float) -> bool:
        """Say, before the request leaves, that it is about to: from here on it may have been billed.

        Returns False where another process has sent it meanwhile. What an earlier attempt in doubt had
        reserved counts as spent once the call is repeated.
        """
        with self._transaction() as db:
            return self._claim(db, key, reserved_usd, None)

    @staticmethod
    def _claim(db: sqlite3.Connection, key: str, reserved_usd: float, batch: str | None) -> bool:
        claimed = db.execute(
            "UPDATE call SET state = 'sent', attempts = attempts + 1, sent_at = ?, batch = ?, "
            "cost_usd = cost_usd + CASE state WHEN 'in_doubt' THEN reserved_usd ELSE 0 END, reserved_usd = ? "
            "WHERE key = ? AND state NOT IN ('sent', 'done')",
            (now(), batch, reserved_usd, key),
        )
        return claimed.rowcount == 1

    def call_answered(self, key: str, raw: bytes) -> None:
        """Keep the raw answer, before anybody parses it; its reservation stands until it is settled."""
        with self._transaction() as db:
            db.execute(
                "UPDATE call SET state = 'done', answered_at = ?, raw = ?, outcome = NULL WHERE key = ?",
                (now(), raw, key),
            )

    def call_settled(self, key: str, outcome: str, usage: Mapping[str, Any], cost_usd: float) -> None:
        """Keep what parsing made of an answer and what it cost; an answer is settled once."""
        with self._transaction() as db:
            db.execute(
                "UPDATE call SET outcome = ?, usage = ?, cost_usd = cost_usd + ?, reserved_usd = 0 "
                "WHERE key = ? AND state = 'done' AND outcome IS NULL",
                (outcome, _json(usage), cost_usd, key),
            )

    def call_ended(self, key: str, state: Literal["planned", "failed", "in_doubt"], outcome: str) -> None:
        """Say that a call ended without an answer: not billed (planned, failed), or nobody knows (in_doubt).

        A call in doubt keeps its reservation: the money may be gone.
        """
        with self._transaction() as db:
            self._end(db, key, state, outcome)

    @staticmethod
    def _end(db: sqlite3.Connection, key: str, state: str, outcome: str) -> None:
        db.execute(
            "UPDATE call SET state = ?, outcome = ?, "
            "reserved_usd = CASE WHEN ? = 'in_doubt' THEN reserved_usd ELSE 0 END WHERE key = ?",
            (state, outcome, state, key),
        )

    def sent_to_in_doubt(self) -> int:
        """Calls that were on their way when an earlier process died may have been billed; returns how many.

        Those in a batch are on their way still: batches outlive processes.
        """
        with self._transaction() as db:
            return db.execute(
                "UPDATE call SET state = 'in_doubt', outcome = 'the process ended before the answer came' "
                "WHERE state = 'sent' AND batch IS NULL"
            ).rowcount

    def calls(self, *, key: str | None = None, state: CallState | None = None, batch: str | None = None) -> list[Call]:
        """Calls of the journal: one, those in a state, those of a batch, or all."""
        wanted = {"key = ?": key, "state = ?": state, "batch = ?": batch}
        given = {term: value for term, value in wanted.items() if value is not None}
        where = f"WHERE {' AND '.join(given)} " if given else ""
        rows = self._rows(
            "SELECT key, cluster_id, provider, model, prompt_hash, state, attempts, reserved_usd, cost_usd, raw, "
            f"outcome, purpose, coalesce(context, '{{}}'), batch FROM call {where}ORDER BY key",
            list(given.values()),
        )
        return [Call(*(*row[:12], json.loads(row[12]), row[13])) for row in rows]

    def call_seconds(self, key: str) -> float | None:
        """How long the answer to a call took, from just before it was sent to when it was kept."""
        sql = "SELECT (julianday(answered_at) - julianday(sent_at)) * 86400 FROM call WHERE key = ? AND batch IS NULL"
        rows = self._rows(sql, (key,))
        return None if not rows or rows[0][0] is None else round(max(rows[0][0], 0.0), 3)

    def call_endings(self) -> dict[str, Ending]:
        """Key -> how far a call has come, of every call."""
        return {row[0]: Ending(*row[1:]) for row in self._rows("SELECT key, state, outcome, batch FROM call")}

    def measured(self, provider: str, model: str, purpose: Purpose) -> list[Measured]:
        """What is known of the size of a model's answered calls, latest first; at most 500."""
        rows = self._rows(
            "SELECT measure, usage FROM call WHERE provider = ? AND model = ? AND purpose = ? AND state = 'done' "
            "AND usage IS NOT NULL AND measure IS NOT NULL ORDER BY answered_at DESC, key LIMIT 500",
            (provider, model, purpose),
        )
        return [Measured(json.loads(measure), json.loads(usage)) for measure, usage in rows]

    # Batches ------------------------------------------------------------------------------------

    def begin_batch(self, nonce: str, provider: str, model: str, server: str, calls: Mapping[str, float]) -> bool:
        """Commit to handing over these calls (key -> what is reserved for it), before the provider hears of it.

        All or nothing: returns False where one of them is on its way already.
        """
        with self._transaction() as db:
            for key in calls:
                (free,) = db.execute("SELECT state NOT IN ('sent', 'done') FROM call WHERE key = ?", (key,)).fetchone()
                if not free:
                    return False
            db.execute(
                "INSERT INTO batch (nonce, provider, model, server, calls, state, created_at) "
                "VALUES (?, ?, ?, ?, ?, 'under_way', ?)",
                (nonce, provider, model, server, len(calls), now()),
            )
            for key, reserved_usd in calls.items():
                self._claim(db, key, reserved_usd, nonce)
        return True

    def batch_attached(self, nonce: str, remote_id: str | None) -> None:
        """Keep the provider's name for a batch, or forget one that was taken for it."""
        with self._transaction() as db:
            db.execute("UPDATE batch SET remote_id = ? WHERE nonce = ?", (remote_id, nonce))

    def batch_ended(
        self,
        nonce: str,
        state: Literal["ended", "refused", "gone"],
        note: str,
        rest: Literal["planned", "in_doubt"],
    ) -> int:
        """Close a batch; its calls that brought no answer are planned again, or in doubt. Returns how many."""
        with self._transaction() as db:
            keys = [row[0] for row in db.execute("SELECT key FROM call WHERE batch = ? AND state = 'sent'", (nonce,))]
            for key in keys:
                self._end(db, key, rest, note)
            db.execute(
                "UPDATE batch SET state = ?, note = ?, ended_at = ? WHERE nonce = ?", (state, note, now(), nonce)
            )
        return len(keys)

    def batches(self, state: BatchState | None = None) -> list[Batch]:
        """The batches, oldest first."""
        where, parameters = ("WHERE state = ?", (state,)) if state is not None else ("", ())
        rows = self._rows(
            "SELECT nonce, provider, model, server, calls, state, created_at, remote_id, "
            "(SELECT coalesce(sum(reserved_usd), 0) FROM call WHERE call.batch = batch.nonce AND call.state = 'sent'), "
            f"note FROM batch {where} ORDER BY created_at, nonce",
            parameters,
        )
        return [Batch(*row) for row in rows]

    # Money --------------------------------------------------------------------------------------

    def spending(self) -> tuple[float, float]:
        """(spent, reserved) in US dollars."""
        spent, reserved = self._rows("SELECT coalesce(sum(cost_usd), 0), coalesce(sum(reserved_usd), 0) FROM call")[0]
        return spent, reserved

    def spending_by(self) -> Spending:
        """What was spent on what."""
        drafting, naming, shadow, doubt, reserved = self._rows(
            "SELECT coalesce(sum(cost_usd) FILTER (WHERE purpose = 'drafting'), 0), "
            "coalesce(sum(cost_usd) FILTER (WHERE purpose = 'naming'), 0), "
            "coalesce(sum(cost_usd) FILTER (WHERE purpose = 'shadow'), 0), "
            "coalesce(sum(reserved_usd) FILTER (WHERE state = 'in_doubt'), 0), "
            "coalesce(sum(reserved_usd) FILTER (WHERE state != 'in_doubt'), 0) FROM call"
        )[0]
        ((accepted,),) = self._rows(
            "SELECT count(*) FROM draft JOIN draft_state ON draft_id = draft.id "
            "WHERE verdict = 'accepted' AND call_key IS NOT NULL"
        )
        by_cluster = self._rows(
            "SELECT cluster_id, sum(cost_usd) FROM call WHERE purpose = 'drafting' AND cost_usd > 0 "
            "GROUP BY cluster_id ORDER BY sum(cost_usd) DESC, cluster_id"
        )
        return Spending(
            drafting,
            naming,
            shadow,
            doubt,
            reserved,
            drafting / accepted if drafting and accepted else None,
            dict(by_cluster),
        )

    # Who is at work -----------------------------------------------------------------------------

    def take_lease(self, work: str, mine: Lease, is_dead: Callable[[Lease], bool]) -> Lease | None:
        """Take a kind of work, unless somebody who is alive has it; returns who has."""
        with self._transaction() as db:
            row = db.execute(
                "SELECT token, pid, started, host, actor, since, heartbeat FROM lease WHERE work = ?", (work,)
            ).fetchone()
            held = Lease(*row) if row is not None else None
            if held is not None and not is_dead(held):
                return held
            db.execute(
                "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (work, mine.token, mine.pid, mine.started, mine.host, mine.actor, mine.since, mine.heartbeat),
            )
        return None

    def leases(self) -> list[Lease]:
        """Who is at work, whether or not they are still there."""
        rows = self._rows("SELECT token, pid, started, host, actor, since, heartbeat FROM lease ORDER BY since")
        return [Lease(*row) for row in rows]

    def keep_lease(self, token: str, heartbeat: float) -> bool:
        """Say that the holder is alive; False where somebody has taken the lease over."""
        with self._transaction() as db:
            return db.execute("UPDATE lease SET heartbeat = ? WHERE token = ?", (heartbeat, token)).rowcount == 1

    def end_lease(self, token: str) -> None:
        """Give the work free."""
        with self._transaction() as db:
            db.execute("DELETE FROM lease WHERE token = ?", (token,))


def _json(value: Mapping[str, Any]) -> str:
    # ASCII: what a model or a server wrote may hold lone surrogates, which no database takes.
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
