"""Drafts as lists: filters, search, windows, and what the queue reads one cell at a time.

Part of the store, apart from the rest because nothing here reads all drafts: a million of them open as fast
as a hundred. Names of tables and orders come from this module; what people type is only ever a parameter.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from generator.errors import ConfigError
from generator.reach import Reach
from generator.records import Origin, Verdict

Order = Literal["traffic", "cluster", "random", "decided"]

ORDERS: Mapping[Order, str] = {
    "traffic": "landing.worth DESC, landing.draft_id",
    "cluster": "landing.cluster_id, landing.worth DESC, landing.draft_id",
    "random": "landing.lot, landing.draft_id",
    "decided": "draft_state.at DESC, landing.draft_id",
}
"""The orders of a list, by name."""

LONGEST = 20_000
"""Rows of a filtered list at most."""
SEARCHED = 1_000
"""Rows of a search that finds very many."""

_STATES: Mapping[str, str] = {
    "new": "coalesce(verdict, 'new') = 'new'",
    "open": "coalesce(verdict, 'new') IN ('new', 'later')",
    "accepted": "verdict = 'accepted'",
    "rejected": "verdict = 'rejected'",
    "later": "verdict = 'later'",
    "edited": "edit IS NOT NULL AND pinned IS NULL",
    "pinned": "pinned IS NOT NULL",
    "flagged": "flagged",
    "marked": "EXISTS (SELECT 1 FROM mark WHERE mark.draft_id = landing.draft_id)",
}
_CONDITIONS: Mapping[str, str] = {
    "cluster": "landing.cluster_id IN (SELECT id FROM cluster WHERE id = :{0} OR instr(lower(name), lower(:{0})))",
    "tag": "EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :{0})",
    "by": "draft_state.actor = :{0}",
    "kind": "draft.kind = :{0}",
    "origin": "draft.origin = :{0}",
    "reason": "instr(lower(coalesce(reason, '')), lower(:{0}))",
    "id": "(landing.draft_id >= :{0} AND landing.draft_id < :{0} || 'g')",
}
FIELDS = ("state", *_CONDITIONS, "gain")
"""What a filter may name, in the order in which help names them."""

_TERM = re.compile(r'(?P<field>[a-z]+)(?P<sign>[:>])(?:"(?P<quoted>[^"]*)"|(?P<bare>\S+))')


@dataclass(frozen=True, slots=True)
class Filter:
    """Which drafts a list shows."""

    terms: tuple[tuple[str, str], ...] = ()
    """(field, value): all of them hold."""
    words: str = ""
    """What the text must hold, as typed; the last word may be the beginning of one."""
    gain: float = 0.0
    """Share of traffic that accepting must add at least."""

    @classmethod
    def parsed(cls, text: str) -> "Filter":
        """Read what a person types: `cluster:refund state:new gain>0.1 "late parcel"`.

        Raises:
            ConfigError: a field is unknown, or a value is none of those there are.
        """
        terms: list[tuple[str, str]] = []
        gain = 0.0
        for found in _TERM.finditer(text):
            field, value = found["field"], found["quoted"] if found["quoted"] is not None else found["bare"]
            if field not in FIELDS:
                raise ConfigError(f"There is no field {field}; a filter may name {', '.join(FIELDS)}.")
            if field == "state" and value not in _STATES:
                raise ConfigError(f"There is no state {value}; there are {', '.join(_STATES)}.")
            if field == "gain":
                gain = _points(value)
            else:
                terms.append((field, f"d-{value.removeprefix('d-')}" if field == "id" else value))
        return cls(tuple(terms), " ".join(_TERM.sub(" ", text).split()), gain)

    def with_words(self, words: str) -> "Filter":
        """The same filter with another search."""
        return replace(self, words=" ".join(words.split()))

    def __bool__(self) -> bool:
        return bool(self.terms or self.words or self.gain)

    def __str__(self) -> str:
        said = [f'{field}:"{value}"' if " " in value else f"{field}:{value}" for field, value in self.terms]
        said += [f"gain>{100 * self.gain:g}"] * (self.gain > 0) + [self.words] * bool(self.words)
        return " ".join(said)


def _points(value: str) -> float:
    try:
        return float(value.removesuffix("%")) / 100
    except ValueError:
        raise ConfigError(f"gain>{value} is no number; give percentage points, as in gain>0.1") from None


def match_of(words: str) -> str:
    """What FTS5 is asked for: every word quoted, so that nothing typed is syntax; the last one may go on."""
    quoted = ['"{}"'.format(word.replace('"', '""').replace("\0", "")) for word in words.split()]
    return " ".join([*quoted[:-1], f"{quoted[-1]}*"]) if quoted else '""'


@dataclass(frozen=True, slots=True)
class Row:
    """A draft as a list shows it."""

    draft_id: str
    verdict: Verdict
    edited: bool
    pinned: bool
    flagged: bool
    marks: tuple[str, ...]
    """Names of what verification holds against it."""
    off_traffic: bool
    cluster: str
    text: str
    """The beginning of what the user says."""
    tags: tuple[str, ...]
    actor: str | None
    """Who decided last."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What the queue needs to know of a draft that nobody decided on."""

    draft_id: str
    number: int
    origin: Origin
    cell_id: int
    cluster_id: str
    worth: float
    off_traffic: bool
    marked: bool
    alike: str
    """JSON text: (draft id, similarity) of other drafts, most alike first."""
    reach: Reach


@dataclass(frozen=True, slots=True)
class StandingStep:
    """A step of a person that no undo has taken back."""

    step: str
    at: str
    verbs: tuple[str, ...]
    draft_ids: tuple[str, ...]


_WAITING = (
    "SELECT landing.draft_id, number, origin, landing.cell_id, landing.cluster_id, worth, off_traffic, "
    "EXISTS (SELECT 1 FROM mark WHERE mark.draft_id = landing.draft_id) "
    "OR landing.cluster_id IN excluded_cluster, alike, reach "
    "FROM landing JOIN draft ON draft.id = landing.draft_id "
)
_UNDECIDED = "NOT EXISTS (SELECT 1 FROM draft_state WHERE draft_id = landing.draft_id AND verdict != 'new')"
_WITH_STATE = "LEFT JOIN draft_state ON draft_state.draft_id = landing.draft_id"
_WITH_OWN_STATE = f"{_WITH_STATE} AND draft_state.actor = :of"
_FROM = f"FROM landing {_WITH_STATE}"
_FEW = 4_000  # drafts that are sorted rather than looked for in the order
_STRIDE = 2_000  # drafts that are looked through at a time
_WALKED = 200_000  # drafts that are looked through at most
_CHUNK = 500


class DraftLists(ABC):
    """What lists and the queue read of a project."""

    @abstractmethod
    def _rows(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = ()) -> list[Any]: ...

    @abstractmethod
    def few_users(self) -> frozenset[str]:
        """Clusters that too few users make: drafts that were made for them are not shown, unless they are samples."""

    def _shown(self, few: frozenset[str]) -> str:
        """A condition that leaves out what too few users ask."""
        if not few:
            return "TRUE"
        ids = ", ".join("'{}'".format(each.replace("'", "''")) for each in sorted(few))
        return (
            f"landing.draft_id NOT IN (SELECT id FROM draft WHERE cluster_id IN ({ids}) AND id NOT IN "
            "(SELECT draft_id FROM draft_state WHERE verdict = 'accepted'))"
        )

    # Lists --------------------------------------------------------------------------------------

    def ranked(self) -> int:
        """How many drafts there are to list."""
        # Counted over a small index: the table itself holds all evidence.
        sql = f"SELECT count(*) FROM landing INDEXED BY landing_by_lot WHERE {self._shown(self.few_users())}"
        return int(self._rows(sql)[0][0])

    def list_window(self, order: Order, first: int, count: int, of: str | None = None) -> list[str]:
        """Ids of the drafts at some places of the unfiltered list; with `of`, as if nobody else had decided."""
        shown = self._shown(self.few_users())
        join = (_WITH_STATE if of is None else _WITH_OWN_STATE) if order == "decided" else ""
        sql = f"SELECT landing.draft_id FROM landing {join} WHERE {shown} ORDER BY {ORDERS[order]}"
        parameters = {"count": count, "first": first, "of": of}
        return [row[0] for row in self._rows(f"{sql} LIMIT :count OFFSET :first", parameters)]

    def list_filtered(
        self, wanted: Filter, order: Order, so_far: Mapping[int, int], of: str | None = None
    ) -> list[str]:
        """Ids of the drafts that a filter leaves, in order, the first `LONGEST` of them.

        `so_far` says how deeply each cell is tested, for a filter by gain. With `of`, states, tags and names are
        those that this person gave: a filter must not tell what blind review hides.
        """
        conditions = [self._shown(self.few_users())]
        parameters: dict[str, Any] = {"of": of}
        with_state = _WITH_STATE if of is None else _WITH_OWN_STATE
        for number, (field, value) in enumerate(wanted.terms):
            name = f"p{number}"
            conditions.append(_STATES[value] if field == "state" else _CONDITIONS[field].format(name))
            parameters[name] = value
        if wanted.gain:
            conditions.append("landing.worth >= :gain")
            parameters["gain"] = wanted.gain
        found: set[int] | None = None
        if wanted.words:
            match = "SELECT rowid FROM draft_words WHERE draft_words MATCH ?"
            found = {row[0] for row in self._rows(match, (match_of(wanted.words),))}
            if len(found) <= _FEW:
                conditions.append("draft.number IN (SELECT value FROM json_each(:found))")
                parameters["found"] = json.dumps(list(found))
        where = f"WHERE {' AND '.join(conditions)}"
        needs_draft = found is not None or any(field in {"kind", "origin"} for field, _ in wanted.terms)
        tables = f"FROM landing {with_state}{' JOIN draft ON draft.id = landing.draft_id' * needs_draft}"
        if found is not None and len(found) <= _FEW:
            tables = f"FROM draft JOIN landing ON draft.id = landing.draft_id {with_state}"
        rest = f"{tables} {where} ORDER BY {ORDERS[order]}"
        if found is not None and len(found) > _FEW:
            return self._first_of_many(rest, parameters, found, wanted.gain, so_far)
        if wanted.gain:
            rows = self._rows(f"SELECT landing.draft_id, reach {rest} LIMIT {LONGEST}", parameters)
            return self._gaining(rows, wanted.gain, so_far)
        return [row[0] for row in self._rows(f"SELECT landing.draft_id {rest} LIMIT {LONGEST}", parameters)]

    def _first_of_many(
        self, rest: str, parameters: Mapping[str, Any], found: set[int], gain: float, so_far: Mapping[int, int]
    ) -> list[str]:
        """The first of a search that finds much: goes down the order and takes what was found, without sorting it."""
        taken: list[str] = []
        for start in range(0, _WALKED, _STRIDE):
            rows = self._rows(
                f"SELECT landing.draft_id, draft.number{', reach' * (gain > 0)} {rest} LIMIT {_STRIDE} OFFSET {start}",
                parameters,
            )
            some = [row for row in rows if row[1] in found]
            if gain:
                taken += self._gaining([(row[0], row[2]) for row in some], gain, so_far)
            else:
                taken += [row[0] for row in some]
            if len(rows) < _STRIDE or len(taken) >= SEARCHED:
                break
        return taken[:SEARCHED]

    def _gaining(self, rows: Sequence[Any], gain: float, so_far: Mapping[int, int]) -> list[str]:
        weights = dict(self._rows("SELECT id, weight FROM cell"))
        return [draft_id for draft_id, reach in rows if _gain(reach, weights, so_far) >= gain]

    def list_rows(self, draft_ids: Sequence[str]) -> list[Row]:
        """What a list shows of these drafts, in that order."""
        found: dict[str, Row] = {}
        for start in range(0, len(draft_ids), _CHUNK):
            chunk = draft_ids[start : start + _CHUNK]
            for row in self._rows(
                "SELECT landing.draft_id, coalesce(verdict, 'new'), edit IS NOT NULL, pinned IS NOT NULL, "
                "coalesce(flagged, 0), "
                "(SELECT json_group_array(name) FROM mark WHERE mark.draft_id = landing.draft_id), off_traffic, "
                "coalesce(cluster.name, ''), (SELECT substr(json_extract(value, '$.content'), 1, 400) "
                "FROM json_each(coalesce(json_extract(edit, '$.messages'), messages)) "
                "WHERE json_extract(value, '$.role') = 'user' LIMIT 1), coalesce(tags, '[]'), draft_state.actor "
                f"{_FROM} JOIN draft ON draft.id = landing.draft_id LEFT JOIN cluster ON cluster.id = "
                f"landing.cluster_id WHERE landing.draft_id IN ({','.join('?' * len(chunk))})",
                chunk,
            ):
                found[row[0]] = Row(
                    row[0],
                    row[1],
                    bool(row[2]),
                    bool(row[3]),
                    bool(row[4]),
                    tuple(json.loads(row[5])),
                    bool(row[6]),
                    row[7],
                    row[8] or "",
                    tuple(json.loads(row[9])),
                    row[10],
                )
        return [found[each] for each in draft_ids if each in found]

    def tags_in_use(self) -> list[str]:
        """All tags that drafts bear, the most used first."""
        rows = self._rows(
            "SELECT value, count(*) FROM draft_state, json_each(tags) WHERE tags != '[]' "
            "GROUP BY value ORDER BY count(*) DESC, value"
        )
        return [row[0] for row in rows]

    # The queue ----------------------------------------------------------------------------------

    def crests(self) -> list[tuple[int, int, float, bytes]]:
        """(cell, drafts that landed there, the greatest worth among them, their deepest reach as packed)."""
        return self._rows("SELECT cell_id, drafts, worth, reach FROM crest")

    def verdicts(self) -> dict[str, Verdict]:
        """What was decided of ranked drafts; those that are new are left out."""
        return dict(
            self._rows(
                "SELECT draft_state.draft_id, verdict FROM draft_state "
                "JOIN landing ON landing.draft_id = draft_state.draft_id WHERE verdict != 'new'"
            )
        )

    def waiting_in_cell(self, cell_id: int, after: tuple[float, str], count: int) -> list[Waiting]:
        """Drafts of a cell that nobody decided on, greatest worth first, beginning after one (worth, id)."""
        rows = self._rows(
            f"{_WAITING} WHERE landing.cell_id = ? AND worth <= ? AND (worth < ? OR landing.draft_id > ?) "
            f"AND {_UNDECIDED} AND {self._shown(self.few_users())} ORDER BY worth DESC, landing.draft_id LIMIT ?",
            (cell_id, after[0], after[0], after[1], count),
        )
        return [_waiting(row) for row in rows]

    def waiting(self, draft_ids: Sequence[str]) -> dict[str, Waiting]:
        """What the queue knows of these drafts, whatever was decided of them."""
        found: dict[str, Waiting] = {}
        for start in range(0, len(draft_ids), _CHUNK):
            chunk = draft_ids[start : start + _CHUNK]
            rows = self._rows(f"{_WAITING} WHERE landing.draft_id IN ({','.join('?' * len(chunk))})", chunk)
            found |= {row[0]: _waiting(row) for row in rows}
        return found

    def drawn(self, count: int) -> list[str]:
        """The first undecided drafts of the random order."""
        shown = self._shown(self.few_users())
        sql = f"SELECT draft_id FROM landing WHERE {_UNDECIDED} AND {shown} ORDER BY lot LIMIT ?"
        return [row[0] for row in self._rows(sql, (count,))]

    def put_off(self, count: int) -> list[str]:
        """The first drafts that wait for later, in the order in which they were made."""
        sql = (
            "SELECT draft_state.draft_id FROM draft_state JOIN landing ON landing.draft_id = draft_state.draft_id "
            "JOIN draft ON draft.id = draft_state.draft_id WHERE verdict = 'later' ORDER BY number LIMIT ?"
        )
        return [row[0] for row in self._rows(sql, (count,))]

    def cluster_verdicts(self, cluster_id: str) -> dict[Verdict, int]:
        """How many drafts of a cluster there are of each verdict."""
        return dict(
            self._rows(
                f"SELECT coalesce(verdict, 'new'), count(*) {_FROM} WHERE landing.cluster_id = ? GROUP BY 1",
                (cluster_id,),
            )
        )

    def place_in_cluster(self, draft_id: str, cluster_id: str) -> tuple[int, int]:
        """Which draft of its cluster it is by worth, and of how many."""
        ahead, of = self._rows(
            "SELECT sum(worth > (SELECT worth FROM landing WHERE draft_id = ?)), count(*) "
            "FROM landing INDEXED BY landing_by_cluster WHERE cluster_id = ?",
            (draft_id, cluster_id),
        )[0]
        return (ahead or 0) + 1, of

    # What happened ------------------------------------------------------------------------------

    def decisions_made(self) -> int:
        """How many drafts people have accepted or rejected."""
        sql = "SELECT count(*) FROM draft_state WHERE verdict IN ('accepted', 'rejected')"
        return int(self._rows(sql)[0][0])

    def standing_steps(self, actor: str, limit: int) -> list[StandingStep]:
        """This person's last steps that no undo has taken back, the last first."""
        steps: dict[str, StandingStep] = {}
        cancelled: set[str] = set()
        for step, verb, draft_id, at, target in self._rows(
            "SELECT step, verb, draft_id, at, json_extract(payload, '$.step') FROM event WHERE actor = ? "
            "ORDER BY seq DESC LIMIT ?",
            (actor, 50 * limit),
        ):
            if step in cancelled:
                continue
            if verb in {"undo", "redo"}:
                cancelled.add(target)
                continue
            if step not in steps and len(steps) == limit:
                break
            was = steps.get(step, StandingStep(step, at, (), ()))
            verbs = tuple(dict.fromkeys((verb, *was.verbs)))
            steps[step] = StandingStep(step, at, verbs, tuple(dict.fromkeys((draft_id, *was.draft_ids))))
        return list(steps.values())


def _waiting(row: Sequence[Any]) -> Waiting:
    return Waiting(
        row[0], row[1], row[2], row[3], row[4], row[5], bool(row[6]), bool(row[7]), row[8], Reach.unpacked(row[9])
    )


def _gain(packed: bytes, weights: Mapping[int, float], so_far: Mapping[int, int]) -> float:
    reach = Reach.unpacked(packed)
    left = tuple(max(depth - so_far.get(cell, 0), 0) for cell, depth in zip(reach.cells, reach.depths, strict=True))
    return Reach(reach.cells, left).worth(weights)
