"""Batches: calls that are handed over together and answered within a day, at a lower price.

What comes back is a file of rows in any order, each with the key of its call. Every row is kept as it came.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from generator.drafting.providers.wire import dig, read_object

BatchProgress = Literal["under_way", "ended", "refused", "cancelled", "gone"]
"""Ended, even with nothing but errors; refused before anything was done; called off; or its results deleted."""
RowKind = Literal["answered", "refused", "errored", "expired", "cancelled"]
"""Answered and billed; refused for good, an error, too late, or called off: not billed, all four."""

_CUSTOM_ID = re.compile(rb'"custom_id"\s*:\s*"([\w-]{1,64})"')
_REMOTE_ID = re.compile(r"[\w-]{1,200}")


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """The most that one batch may hold."""

    requests: int
    bytes: int


@dataclass(frozen=True, slots=True)
class RemoteBatch:
    """A batch as the provider tells of it."""

    id: str
    state: BatchProgress
    created_at: datetime | None
    requests: int
    """How many it holds."""
    done: int
    nonce: str | None = None
    """Ours, where the provider keeps it."""
    detail: str = ""
    files: tuple[str, ...] = field(default=())
    """Where its rows are, where that has to be said."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the results."""

    key: str
    """Of its call; empty where the row does not say."""
    raw: bytes
    kind: RowKind
    detail: str = ""


def row_parts(line: bytes) -> tuple[str, Mapping[str, object]]:
    """The key of a row and the row; a row that is no JSON may still say whose it is."""
    row = read_object(line)
    if row is not None:
        key = row.get("custom_id")
        return (key if isinstance(key, str) else ""), row
    match = _CUSTOM_ID.search(line)
    return (match.group(1).decode() if match else ""), {}


def remote_id(value: object) -> str | None:
    """A provider's name for a batch or file, which becomes part of an address; None for what cannot be one."""
    text = dig(value, "id") if isinstance(value, Mapping) else value
    return text if isinstance(text, str) and _REMOTE_ID.fullmatch(text) else None


def moment(value: object) -> datetime | None:
    """A time as a provider writes it: ISO 8601, or seconds since 1970."""
    try:
        if isinstance(value, str):
            at = datetime.fromisoformat(value)
            return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
        if isinstance(value, int | float):
            return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


async def lines(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The lines of a stream, split at line feeds only: texts may hold other separators."""
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n") if b"\n" in chunk else (rest + chunk,)
        for line in whole:
            if line.strip():
                yield line
    if rest.strip():
        yield rest
