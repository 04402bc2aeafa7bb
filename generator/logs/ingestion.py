"""Log files into a project: read, recognise, redact, keep; killed at any point, it goes on where it was."""

import hmac
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from generator.errors import LogError
from generator.logs.formats import RawTrace, Recognition, recognise
from generator.logs.joining import Outcome, outcomes
from generator.logs.reading import Log, Record, expand, open_log
from generator.logs.redaction import STRUCTURED, Masking, Redacted, Redactor
from generator.logs.units import Unit, units_of
from generator.records import Rejected, Trace, user_text
from generator.store import SourceProgress, Store

BATCH = 500
"""Inputs per transaction: what a kill costs at most, besides reading again what is joined."""
SAMPLE = 100
"""Readable records by which a format is recognised."""
_LOOKED_AT = 5000
_USER_DIGEST = 16

Progress = Callable[[str, int, int], None]
"""Told the name of a file, the bytes read of it, and its size."""


@dataclass(frozen=True, slots=True)
class FileReport:
    """What became of one file, over all the runs that read it: read = accepted + repeated + rejected."""

    name: str
    layout: str
    format: str
    why: str
    read: int
    accepted: int
    """Inputs that the project did not have."""
    repeated: int
    """Inputs that it had already, counted as traffic."""
    rejected: int
    joined: int
    """Records, or spans in one, that became part of an input or a rejection besides the first: not in `read`."""
    already: bool
    """Whether an earlier run had read all of it, so that this one did not."""
    reasons: Mapping[str, int]
    """Why this run rejected records, and how many."""


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest did."""

    files: tuple[FileReport, ...]
    redactions: Mapping[str, int]
    """Values masked by this run, by kind."""

    @property
    def read(self) -> int:
        """Records of all files."""
        return sum(each.read for each in self.files)

    @property
    def accepted(self) -> int:
        """Inputs that the project did not have."""
        return sum(each.accepted for each in self.files)

    @property
    def repeated(self) -> int:
        """Inputs that the project had already."""
        return sum(each.repeated for each in self.files)

    @property
    def rejected(self) -> int:
        """Records that could not be used."""
        return sum(each.rejected for each in self.files)

    @property
    def joined(self) -> int:
        """Records that became part of another's input."""
        return sum(each.joined for each in self.files)


@dataclass(frozen=True, slots=True)
class Reading:
    """How logs are to be read.

    Attributes:
        format: The name of a log format, or "auto".
        field: Where the text lies in flat records.
        unit: What is one input; None for what the project has, or else conversations.
        masking: What is masked before anything is stored.
    """

    format: str = "auto"
    field: str | None = None
    unit: Unit | None = None
    masking: Masking = STRUCTURED


USUAL = Reading()
"""How logs are read where nobody says otherwise."""


def ingest(
    store: Store,
    paths: Sequence[str],
    reading: Reading = USUAL,
    *,
    progress: Progress = lambda name, done, total: None,
) -> IngestReport:
    """Read log files into a project. A file that was read before is not read again.

    Args:
        store: The project.
        paths: Files, patterns such as `*.jsonl`, or "-" for standard input.
        reading: How they are to be read.
        progress: Told how far each file has come.

    Raises:
        LogError: a file cannot be opened, recognised or read. What was read before it is kept.
        ProjectError: the project file cannot be written.
    """
    unit = _unit(store, reading.unit)
    key = store.redaction_key()
    redactor = reading.masking.redactor(key, store.placeholder_numbers())
    counts: Counter[str] = Counter()
    reports = []
    for path in expand(paths):
        with open_log(path) as log:
            reports.append(_File(store, log, key, redactor, unit, counts, progress).ingest(reading))
            store.set_meta("unit", unit)
    return IngestReport(tuple(reports), dict(counts))


def _unit(store: Store, wanted: Unit | None) -> Unit:
    """What is one input of this project.

    Raises:
        LogError: its inputs so far are of another unit.
    """
    known = store.meta("unit") or ("conversation" if store.counts().traces else None)
    if known is None or wanted in (None, known):
        return known or wanted or "conversation"  # type: ignore[return-value]
    raise LogError(
        f"{store.path} holds inputs by {known}, and shares of traffic in two units mean nothing; "
        f"leave --unit {wanted} out, or begin another project."
    )


@dataclass(frozen=True, slots=True)
class _File:
    """One file on its way into the project."""

    store: Store
    log: Log
    key: bytes
    redactor: Redactor | None
    unit: Unit
    redactions: Counter[str]
    progress: Progress

    def ingest(self, reading: Reading) -> FileReport:
        recognition = recognised(self.log, reading.format, reading.field)
        log = self.log
        begun = self.store.begin_source(log.name, log.digest, log.size, log.layout, recognition.format, recognition.why)
        reasons: Counter[str] = Counter()
        accepted = repeated = joined = 0
        done = begun.records_done
        if not begun.complete:
            for batch in _batches(self._inputs(recognition, done)):
                done += len(batch)
                result, rejected = self._keep(begun, batch, done)
                accepted += result
                repeated += len(batch) - result - len(rejected)
                joined += sum(each.joined for each in batch)
                reasons.update(each.reason for each in rejected)
                self.progress(log.name, log.bytes_read, log.size)
            self.store.finish_source(begun.id)
        self.progress(log.name, log.size, log.size)
        return FileReport(
            name=log.name,
            layout=log.layout,
            format=recognition.format,
            why=recognition.why,
            read=done,
            accepted=begun.accepted + accepted,
            repeated=begun.repeated + repeated,
            rejected=begun.rejected + reasons.total(),
            joined=begun.joined + joined,
            already=begun.complete,
            reasons=dict(reasons),
        )

    def _inputs(self, recognition: Recognition, done: int) -> Iterator[Outcome]:
        """The inputs of the file, without those that an earlier run has kept."""
        if recognition.whole and self.unit != "turn":
            # Every record is one input, so that those which were kept need not even be parsed.
            yield from inputs_of(self.log.records(skip=done), recognition, self.unit)
        else:
            yield from islice(inputs_of(self._told(), recognition, self.unit), done, None)

    def _told(self) -> Iterator[Record]:
        """The records, with a word on how far it has come: much may be read before the first input is whole."""
        for number, record in enumerate(self.log.records(), 1):
            if number % BATCH == 0:
                self.progress(self.log.name, self.log.bytes_read, self.log.size)
            yield record

    def _keep(self, begun: SourceProgress, batch: Sequence[Outcome], done: int) -> tuple[int, list[Rejected]]:
        """Store one batch; how many traces were new, and what was rejected."""
        traces: list[Trace] = []
        rejected: list[Rejected] = []
        for outcome in batch:
            if outcome.trace is None:
                rejected.append(Rejected(self.log.name, outcome.position, outcome.reason))
            else:
                traces.append(trace_of(outcome.trace, outcome.position, self.log.name, self.redactor, self.key))
        redacted = self.redactor.drain() if self.redactor else Redacted({}, {})
        joined = sum(each.joined for each in batch)
        result = self.store.add_batch(begun.id, traces, rejected, done, redacted.placeholders, redacted.counts, joined)
        self.redactions.update(redacted.counts)
        return result.accepted, rejected


def trace_of(raw: RawTrace, position: int, source: str, redactor: Redactor | None, key: bytes) -> Trace:
    """The trace as it is stored: redacted, its user known by a keyed digest only."""
    kept = redactor.redact_trace(raw) if redactor else raw
    text = user_text(kept.messages)
    return Trace(
        id=Trace.id_of(text),
        text=text,
        messages=kept.messages,
        answer=kept.answer,
        seen_at=kept.seen_at,
        signals=kept.signals,
        source=source,
        position=position,
        user=_digest(key, raw),
    )


def _digest(key: bytes, trace: RawTrace) -> str | None:
    """Who asked, or at least in which conversation, as a digest that nobody can guess back without the key."""
    asked = f"user\0{trace.user}" if trace.user else f"conversation\0{trace.conversation}"
    if not (trace.user or trace.conversation):
        return None
    return hmac.digest(key, asked.encode("utf-8", "surrogatepass"), "sha256").hex()[:_USER_DIGEST]


def inputs_of(records: Iterator[Record], recognition: Recognition, unit: Unit) -> Iterator[Outcome]:
    """The inputs in the records of a file, and what has none, in an order that depends on the file alone."""
    for outcome in outcomes(records, recognition):
        if outcome.trace is None:
            yield outcome
            continue
        for number, each in enumerate(units_of(outcome.trace, unit)):
            # What was joined is counted once, with the first input of the conversation.
            yield outcome._replace(trace=each, joined=0 if number else outcome.joined)


def recognised(log: Log, format: str, field: str | None) -> Recognition:
    """The format of a log, from its first records.

    Raises:
        LogError: no record can be read, or no format fits.
    """
    values = []
    problem = None
    for record in islice(log.records(), _LOOKED_AT):
        if record.error is None:
            values.append(record.value)
            if len(values) == SAMPLE:
                break
        else:
            problem = problem or f"record {record.position}: {record.error}"
    if not values:
        what = f"no record can be read ({problem})" if problem else "it has no records"
        raise LogError(f"{log.name} was taken for {log.layout} ({log.why}), but {what}; check the file.")
    return recognise(values, log.name, format=format, field=field)


def _batches(inputs: Iterator[Outcome]) -> Iterator[list[Outcome]]:
    while batch := list(islice(inputs, BATCH)):
        yield batch
