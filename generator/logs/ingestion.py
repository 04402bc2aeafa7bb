"""Log files into a project: read, recognise, redact, keep; killed at any point, it goes on where it was."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from generator.errors import LogError
from generator.logs.formats import RawTrace, Recognition, UnusableError, recognise
from generator.logs.reading import Log, Record, expand, open_log
from generator.logs.redaction import Redacted, Redactor
from generator.records import Rejected, Trace, user_text
from generator.store import SourceProgress, Store

BATCH = 500
"""Records per transaction: what a kill costs at most."""
SAMPLE = 100
"""Readable records by which a format is recognised."""
_LOOKED_AT = 5000

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


def ingest(
    store: Store,
    paths: Sequence[str],
    *,
    format: str = "auto",
    field: str | None = None,
    redact: bool = True,
    progress: Progress = lambda name, done, total: None,
) -> IngestReport:
    """Read log files into a project. A file that was read before is not read again.

    Args:
        store: The project.
        paths: Files, patterns such as `*.jsonl`, or "-" for standard input.
        format: The name of a log format, or "auto".
        field: Where the text lies in flat records.
        redact: Whether personal data and secrets are masked.
        progress: Told how far each file has come.

    Raises:
        LogError: a file cannot be opened, recognised or read. What was read before it is kept.
        ProjectError: the project file cannot be written.
    """
    redactor = Redactor(store.redaction_key(), store.placeholder_numbers()) if redact else None
    counts: Counter[str] = Counter()
    reports = []
    for path in expand(paths):
        with open_log(path) as log:
            reports.append(_File(store, log, redactor, counts, progress).ingest(format, field))
    return IngestReport(tuple(reports), dict(counts))


@dataclass(frozen=True, slots=True)
class _File:
    """One file on its way into the project."""

    store: Store
    log: Log
    redactor: Redactor | None
    redactions: Counter[str]
    progress: Progress

    def ingest(self, format: str, field: str | None) -> FileReport:
        recognition = _recognised(self.log, format, field)
        log = self.log
        begun = self.store.begin_source(log.name, log.digest, log.size, log.layout, recognition.format, recognition.why)
        reasons: Counter[str] = Counter()
        accepted = repeated = 0
        done = begun.records_done
        if not begun.complete:
            for batch in _batches(log.records(skip=done)):
                done += len(batch)
                result, rejected = self._keep(begun, batch, done, recognition)
                accepted += result
                repeated += len(batch) - result - len(rejected)
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
            already=begun.complete,
            reasons=dict(reasons),
        )

    def _keep(
        self, begun: SourceProgress, batch: Sequence[Record], done: int, recognition: Recognition
    ) -> tuple[int, list[Rejected]]:
        """Store one batch; how many traces were new, and what was rejected."""
        traces: list[Trace] = []
        rejected: list[Rejected] = []
        for record in batch:
            try:
                traces.append(self._trace(record, recognition))
            except UnusableError as error:
                rejected.append(Rejected(self.log.name, record.position, str(error)))
        redacted = self.redactor.drain() if self.redactor else Redacted({}, {})
        result = self.store.add_batch(begun.id, traces, rejected, done, redacted.placeholders, redacted.counts)
        self.redactions.update(redacted.counts)
        return result.accepted, rejected

    def _trace(self, record: Record, recognition: Recognition) -> Trace:
        if record.error is not None:
            raise UnusableError(record.error)
        raw = self._redacted(recognition.read(record.value))
        text = user_text(raw.messages)
        return Trace(
            id=Trace.id_of(text),
            text=text,
            messages=raw.messages,
            answer=raw.answer,
            seen_at=raw.seen_at,
            signals=raw.signals,
            source=self.log.name,
            position=record.position,
        )

    def _redacted(self, raw: RawTrace) -> RawTrace:
        return self.redactor.redact_trace(raw) if self.redactor else raw


def _recognised(log: Log, format: str, field: str | None) -> Recognition:
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


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    while batch := list(islice(records, BATCH)):
        yield batch
