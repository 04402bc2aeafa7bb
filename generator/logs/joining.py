"""Parts to conversations: spans of one trace joined, rows of one session strung together, repeats folded.

Two windows, each of bounded size. The first gathers the parts of a group until the file ends or too many are
held; the second folds a conversation into a later one that holds all of it and goes on, as every request of a
chat does. What is put out, and in which order, depends on the file alone: an import that was killed reads
again and skips what it had kept.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from generator.logs.formats import Recognition
from generator.logs.formats.conversation import answer_of
from generator.logs.formats.parts import asked_of, conversation_of_parts, holds, turns_of, with_circumstances
from generator.logs.formats.raw import Part, RawTrace, UnusableError
from generator.logs.layouts import Record
from generator.records import Message

WINDOW = 20_000
"""Conversations, or parts of some, that are held at a time."""
WINDOW_CHARS = 64 * 1024 * 1024
_STRUNG = 200
"""Messages from which on a conversation is not strung any further; a session id without end is no conversation."""
_LOOKED_BACK = 20
"""Conversations of one session with which a later one is compared: an id that all requests share must cost no more."""


class Outcome(NamedTuple):
    """What became of a record, or of several that were one conversation."""

    position: int
    """Where it began in the file."""
    trace: RawTrace | None
    reason: str = ""
    """Why there is no trace."""
    joined: int = 0
    """Records, or spans in one, that became part of it besides the first."""


def outcomes(records: Iterable[Record], recognition: Recognition) -> Iterator[Outcome]:
    """What the records of a file hold, in an order that depends on the file alone."""
    parts = recognition.parts
    found = _grouped(records, parts) if parts else _read(records, recognition)
    return _folded(found, threads=recognition.threads) if recognition.folds else found


def _read(records: Iterable[Record], recognition: Recognition) -> Iterator[Outcome]:
    for record in records:
        try:
            if record.error is not None:
                raise UnusableError(record.error)
            yield Outcome(record.position, recognition.read(record.value))
        except UnusableError as error:
            yield Outcome(record.position, None, str(error))


# Groups -------------------------------------------------------------------------------------------


class _Group:
    """The parts of one group so far."""

    def __init__(self, position: int) -> None:
        self.position = position
        self.parts: list[Part] = []
        self.chars = 0

    def add(self, part: Part) -> int:
        """Take a part in; how many characters that holds."""
        self.parts.append(part)
        size = _size(part.trace)
        self.chars += size
        return size

    def outcome(self) -> Outcome:
        """The conversation that the parts amount to."""
        try:
            return Outcome(self.position, conversation_of_parts(self.parts), joined=len(self.parts) - 1)
        except UnusableError as error:
            return Outcome(self.position, None, str(error), joined=len(self.parts) - 1)


def _grouped(records: Iterable[Record], parts_of: Callable[[Any], Sequence[Part]]) -> Iterator[Outcome]:
    groups: OrderedDict[str, _Group] = OrderedDict()
    held = chars = 0
    for record in records:
        try:
            if record.error is not None:
                raise UnusableError(record.error)
            parts = parts_of(record.value)
        except UnusableError as error:
            yield Outcome(record.position, None, str(error))
            continue
        for number, part in enumerate(parts):
            # A part that names no group is one of its own.
            key = part.group or f"\0{record.position}.{number}"
            group = groups.setdefault(key, _Group(record.position))
            chars += group.add(part)
            held += 1
        while held > WINDOW or chars > WINDOW_CHARS:
            _, oldest = groups.popitem(last=False)
            held -= len(oldest.parts)
            chars -= oldest.chars
            yield oldest.outcome()
    for group in groups.values():
        yield group.outcome()


# Folding ------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Thread:
    """What is held of one conversation; more than one where a session holds several."""

    held: list[Outcome]
    chars: int = 0

    def add(self, outcome: Outcome) -> None:
        """Take one in; what repeats the last one and goes on takes its place at once."""
        joined = _joined(self.held[-1], outcome, threads=False) if self.held else None
        if joined:
            self.chars -= _size(self.held.pop().trace)
        self.held.append(joined or outcome)
        self.chars += _size(self.held[-1].trace)


class _Window:
    """Conversations that a later record may hold again."""

    def __init__(self, *, threads: bool) -> None:
        self._threads = threads
        self._held: OrderedDict[int, _Thread] = OrderedDict()
        self._next = 0
        self._count = 0
        self._chars = 0
        self._ends: dict[bytes, int] = {}
        """How a conversation would go on: its turns and its answer, by digest."""
        self._begins: dict[bytes, int] = {}
        """How the conversations that are held begin."""
        self._named: dict[str, int] = {}
        self._replies: dict[str, int] = {}

    def add(self, outcome: Outcome) -> Iterator[Outcome]:
        """Take one in; those that are put out for it."""
        trace = outcome.trace
        if trace is None:
            yield outcome
            return
        key = self._place(outcome, trace)
        if trace.conversation:
            self._named[trace.conversation] = key
        if trace.reply:
            self._replies[trace.reply] = key
        while self._count > WINDOW or self._chars > WINDOW_CHARS:
            yield from self._release(next(iter(self._held)))

    def _place(self, outcome: Outcome, trace: RawTrace) -> int:
        begins, end = _digests(trace)
        known = self._known(trace, begins, end)
        if known is None:
            known = self._next
            self._next += 1
            self._held[known] = _Thread([])
        thread = self._held[known]
        self._count -= len(thread.held)
        self._chars -= thread.chars
        thread.add(outcome)
        self._count += len(thread.held)
        self._chars += thread.chars
        self._begins.update(dict.fromkeys(begins, known))
        if end is not None:
            self._ends[end] = known
        return known

    def _known(self, trace: RawTrace, begins: Sequence[bytes], end: bytes | None) -> int | None:
        """The thread that this one goes on, repeats, or is the beginning of."""
        if trace.follows and (key := self._replies.get(trace.follows)) in self._held:
            return key
        if trace.conversation:
            key = self._named.get(trace.conversation)
            return key if key in self._held else None
        for each in reversed(begins):
            if (key := self._ends.get(each)) in self._held:
                return key
        key = self._begins.get(end) if end is not None else None
        return key if key in self._held else None

    def _release(self, key: int) -> Iterator[Outcome]:
        thread = self._held.pop(key)
        self._count -= len(thread.held)
        self._chars -= thread.chars
        yield from _combined(thread.held, threads=self._threads)
        if len(self._ends) + len(self._begins) > 8 * WINDOW:
            self._ends = {digest: known for digest, known in self._ends.items() if known in self._held}
            self._begins = {digest: known for digest, known in self._begins.items() if known in self._held}
            self._named = {name: known for name, known in self._named.items() if known in self._held}
            self._replies = {name: known for name, known in self._replies.items() if known in self._held}

    def rest(self) -> Iterator[Outcome]:
        """Everything that is still held."""
        while self._held:
            yield from self._release(next(iter(self._held)))


def _folded(found: Iterable[Outcome], *, threads: bool) -> Iterator[Outcome]:
    window = _Window(threads=threads)
    for outcome in found:
        yield from window.add(outcome)
    yield from window.rest()


def _digests(trace: RawTrace) -> tuple[list[bytes], bytes | None]:
    """Every beginning of a conversation that ends with an answer, and the whole with its own answer, by digest.

    A conversation without an answer has no end by which a later one could be known to go on from it.
    """
    state = hashlib.blake2b(digest_size=16)
    begins: list[bytes] = []
    said: list[Message] = []
    for message in turns_of(trace):
        if message.role == "assistant":
            said.append(message)
            continue
        if said:
            begins.append(_with_answer(state, answer_of(said)))
        for each in (*said, message):
            state.update(repr((each.role, each.content, asked_of(each))).encode("utf-8", "surrogatepass"))
        said = []
    return begins, _with_answer(state, trace.answer) if trace.answer else None


def _with_answer(state: "hashlib.blake2b", answer: str | None) -> bytes:
    copy = state.copy()
    copy.update(b"\0answer\0" + (answer or "").encode("utf-8", "surrogatepass"))
    return copy.digest()


def _combined(held: Sequence[Outcome], *, threads: bool) -> list[Outcome]:
    """Conversations of one thread, those that another holds folded into it, later questions strung to earlier ones."""
    if all(each.trace and each.trace.seen_at for each in held):
        held = sorted(held, key=lambda each: (each.trace and each.trace.seen_at) or "")
    kept: list[Outcome] = []
    for outcome in held:
        for number in range(len(kept) - 1, max(len(kept) - 1 - _LOOKED_BACK, -1), -1):
            if joined := _joined(kept[number], outcome, threads=threads):
                kept[number] = joined
                break
        else:
            kept.append(outcome)
    return kept


def _joined(first: Outcome, second: Outcome, *, threads: bool) -> Outcome | None:
    one, two = first.trace, second.trace
    if one is None or two is None:
        return None
    if holds(two, one) and len(turns_of(two)) > len(turns_of(one)):
        trace = two
    elif holds(one, two) and len(turns_of(one)) > len(turns_of(two)):
        trace = one
    elif two.follows or (threads and len(turns_of(two)) == 1 and len(one.messages) < _STRUNG):
        gone_on = (Message("assistant", one.answer),) if one.answer else ()
        trace = replace(two, messages=(*one.messages, *gone_on, *turns_of(two)))
    else:
        return None
    joined = first.joined + second.joined + 1
    return Outcome(min(first.position, second.position), with_circumstances(trace, (one, two)), joined=joined)


def _size(trace: RawTrace | None) -> int:
    if trace is None:
        return 100
    return 500 + sum(len(message.content) + 100 for message in trace.messages) + len(trace.answer or "")
