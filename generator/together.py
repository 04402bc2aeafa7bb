"""What people want of clusters, who looks at what, and what another copy of the project knows: for several people.

Apart from the rest of the store because one person alone needs none of it.
"""

import sqlite3
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import astuple, dataclass
from typing import Any, Literal

from generator.records import Aim, Cluster, now

LOOK_S = 600.0
"""Seconds for which a draft is kept for the person who looks at it; each key begins them anew."""


@dataclass(frozen=True, slots=True)
class AimEvent:
    """What a person said that a cluster should get; never changed once written."""

    uuid: str
    cluster_id: str
    verb: Literal["target", "exclude", "include"]
    target: int | None
    reason: str | None
    actor: str
    at: str


class Together(ABC):
    """The part of an open project file that is about several people."""

    @abstractmethod
    def _transaction(self) -> AbstractContextManager[sqlite3.Connection]: ...

    @abstractmethod
    def _rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Any]: ...

    @abstractmethod
    def clusters(self) -> list[Cluster]:
        """The clusters, by traffic."""

    # Aims ---------------------------------------------------------------------------------------

    def aims(self) -> dict[str, Aim]:
        """What is wanted of each cluster, as people said or as is usual."""
        aims = {cluster.id: Aim.usual(cluster.weight) for cluster in self.clusters()}
        for event in self.aim_events():
            if event.cluster_id in aims:
                aims[event.cluster_id] = _aimed(aims[event.cluster_id], event)
        return aims

    def aim_events(self) -> list[AimEvent]:
        """What people said of it, in order."""
        rows = self._rows("SELECT uuid, cluster_id, verb, target, reason, actor, at FROM aim_event ORDER BY at, uuid")
        return [AimEvent(*row) for row in rows]

    def add_aims(self, events: Iterable[AimEvent]) -> int:
        """Keep what people said, here or in another copy; returns how much of it was new."""
        with self._transaction() as db:
            return sum(
                db.execute(
                    "INSERT OR IGNORE INTO aim_event (uuid, cluster_id, verb, target, reason, actor, at) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    astuple(event),
                ).rowcount
                for event in events
            )

    def set_target(self, cluster_id: str, target: int, actor: str) -> None:
        """Say how many samples a cluster should get."""
        self.add_aims([AimEvent(uuid.uuid4().hex, cluster_id, "target", target, None, actor, now())])

    def exclude_cluster(self, cluster_id: str, reason: str, actor: str) -> None:
        """Take a cluster out of the goal: its drafts come after all others, and it is no gap."""
        self.add_aims([AimEvent(uuid.uuid4().hex, cluster_id, "exclude", None, reason, actor, now())])

    def include_cluster(self, cluster_id: str, actor: str) -> None:
        """Take a cluster back into the goal."""
        self.add_aims([AimEvent(uuid.uuid4().hex, cluster_id, "include", None, None, actor, now())])

    # Who looks at what --------------------------------------------------------------------------

    def look_at(self, draft_id: str, actor: str, *, seconds: float = LOOK_S) -> bool:
        """Keep a draft for a person for a while, unless somebody else has it; their others are given free."""
        moment = time.time()
        with self._transaction() as db:
            db.execute("DELETE FROM look WHERE (actor = ? AND draft_id != ?) OR until < ?", (actor, draft_id, moment))
            return (
                db.execute(
                    "INSERT INTO look VALUES (?, ?, ?) ON CONFLICT (draft_id) DO UPDATE SET until = excluded.until "
                    "WHERE actor = excluded.actor",
                    (draft_id, actor, moment + seconds),
                ).rowcount
                == 1
            )

    def look_away(self, actor: str) -> None:
        """Give free what a person looked at."""
        with self._transaction() as db:
            db.execute("DELETE FROM look WHERE actor = ?", (actor,))

    def looked_at_by_others(self, actor: str) -> dict[str, str]:
        """Draft -> the other person who has it."""
        rows = self._rows("SELECT draft_id, actor FROM look WHERE actor != ? AND until >= ?", (actor, time.time()))
        return dict(rows)

    # Planted drafts -----------------------------------------------------------------------------

    def plants(self) -> dict[str, str]:
        """Drafts that are known to be bad -> what is wrong with each."""
        return dict(self._rows("SELECT draft_id, flaw FROM plant"))

    def add_plants(self, flaws: Mapping[str, str]) -> None:
        """Say of drafts that they are known to be bad."""
        with self._transaction() as db:
            db.executemany("INSERT OR IGNORE INTO plant VALUES (?, ?)", list(flaws.items()))


def _aimed(aim: Aim, event: AimEvent) -> Aim:
    match event.verb:
        case "target":
            return Aim(event.target or 0, aim.excluded)
        case "exclude":
            return Aim(aim.target, event.reason)
        case "include":
            return Aim(aim.target)
