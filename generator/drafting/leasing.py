"""One process drafts at a time: two would count the same money twice, and take each other's calls for dead.

The lease lies in the project file. It is taken over from a holder that is gone: its process is, on this
machine, or it has not been heard of for a while, on another.
"""

import asyncio
import contextlib
import getpass
import os
import socket
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ProjectError
from generator.ledger import Lease
from generator.records import now
from generator.store import Store

HEARTBEAT_S = 15.0
SILENT_S = 90.0
"""A holder on another machine that was not heard of for so long is taken to be dead."""

_WORK = "drafting"


@dataclass(frozen=True, slots=True)
class Held:
    """A lease that is ours."""

    store: Store
    token: str

    async def beat(self, lost: Callable[[], None]) -> None:
        """Say that we are alive, until cancelled; `lost` is called if somebody has taken us for dead."""
        while self.store.keep_lease(self.token, time.time()):
            await asyncio.sleep(HEARTBEAT_S)
        lost()


@contextlib.contextmanager
def leased(store: Store) -> Iterator[Held]:
    """The time in which this process drafts.

    Raises:
        ProjectError: another one does.
    """
    mine = Lease(uuid.uuid4().hex, os.getpid(), started(os.getpid()), socket.gethostname(), _me(), now(), time.time())
    holder = store.take_lease(_WORK, mine, is_dead)
    if holder is not None:
        raise ProjectError(_busy(store, holder))
    try:
        yield Held(store, mine.token)
    finally:
        store.end_lease(mine.token)


def is_dead(lease: Lease) -> bool:
    """Whether a holder is gone."""
    silent = abs(time.time() - lease.heartbeat) > SILENT_S  # abs: a clock that was set back
    if lease.host != socket.gethostname():
        return silent
    found = started(lease.pid)
    if found and lease.started:
        return found != lease.started
    return silent or not _runs(lease.pid)


def started(pid: int) -> str:
    """When a process began, in the system's own unit; empty where there is none, or the system does not say."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name in brackets may hold anything; after it, start is the 20th field, and the state the first.
    fields = stat.rpartition(")")[2].split()
    return "" if len(fields) < 20 or fields[0] in {"Z", "X"} else fields[19]


def _runs(pid: int) -> bool:
    if Path("/proc/self/stat").exists():
        return False  # a system that would have said so
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _me() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container whose user has no name
        return "somebody"


def _busy(store: Store, holder: Lease) -> str:
    here = holder.host == socket.gethostname()
    where = f"process {holder.pid}" + ("" if here else f" on {holder.host}")
    return f"{store.path}: drafting runs in {where} since {holder.since}, started by {holder.actor}; let it finish" + (
        f", or end it with: kill {holder.pid}" if here else "."
    )
