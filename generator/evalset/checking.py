"""What must hold before an evaluation set leaves the house."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from generator.errors import ExportError
from generator.evalset.exporting import FORMATS
from generator.evalset.selection import samples
from generator.logs.redaction import Redactor
from generator.records import Sample
from generator.store import Store

_CONTROL = re.compile("[\x00\ud800-\udfff]")
_SHOWN = 20
"""Items that a check names at most."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold."""

    name: str
    passed: bool
    detail: str
    """In words, how many it is true of, or what fails."""
    items: tuple[str, ...] = ()
    """Ids of those that fail."""


@dataclass(frozen=True, slots=True)
class DryRun:
    """What an export would write, and whether it may."""

    samples: int
    by_origin: Mapping[str, int]
    weight: float
    curators: Mapping[str, int]
    """Who accepted how many."""
    left_out: Mapping[str, int]
    """Drafts that somebody accepted and that stay here all the same, by reason."""
    checks: tuple[Check, ...]
    files: Mapping[str, tuple[str, ...]]
    """The files of each format."""

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against it."""
        return all(check.passed for check in self.checks)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return asdict(self) | {"passed": self.passed}


def dry_run(store: Store) -> DryRun:
    """Look at everything that an export would write, and write nothing.

    Raises:
        ExportError: nothing is accepted.
    """
    chosen = samples(store)
    if not chosen:
        raise ExportError(f"No sample is accepted yet; review drafts with: groundset curate {store.path}")
    files, renders = _rendered(chosen)
    planted = len(store.plants().keys() & store.states(verdict="accepted").keys())
    return DryRun(
        samples=len(chosen),
        by_origin=_counted(each.origin for each in chosen),
        weight=round(sum(each.weight for each in chosen), 6),
        curators=_counted(each.curator for each in chosen),
        left_out={
            reason: count
            for reason, count in (("planted", planted), ("disputed", len(store.states(verdict="disputed"))))
            if count
        },
        checks=(_unique(chosen), _no_personal_data(chosen), _whole(chosen), _reviewed(chosen), renders),
        files=files,
    )


def _counted(values: Iterator[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for value in values:
        counts[value] = counts.get(value, 0) + 1
    return counts


def _check(name: str, chosen: Sequence[Sample], bad: Sequence[str], wrong: str) -> Check:
    detail = f"{len(bad)} of {len(chosen)} {wrong}" if bad else f"all {len(chosen)}"
    return Check(name, not bad, detail, tuple(bad[:_SHOWN]))


def _unique(chosen: Sequence[Sample]) -> Check:
    ids = [each.id for each in chosen]
    return _check("ids are unique", chosen, sorted({each for each in ids if ids.count(each) > 1}), "share an id")


def _no_personal_data(chosen: Sequence[Sample]) -> Check:
    redactor = Redactor(b"only to look", {})
    bad = [each.id for each in chosen if any(redactor.redact(text) != text for text in _texts(each))]
    found = ", ".join(sorted(redactor.counts))
    return _check("no personal data, no secrets", chosen, bad, f"hold some ({found}); edit or reject them")


def _whole(chosen: Sequence[Sample]) -> Check:
    bad = [each.id for each in chosen if any(_CONTROL.search(text) for text in _texts(each))]
    return _check("no NUL, no lone surrogates", chosen, bad, "hold one")


def _reviewed(chosen: Sequence[Sample]) -> Check:
    return _check("accepted by somebody", chosen, [each.id for each in chosen if not each.curator], "have no curator")


def _rendered(chosen: Sequence[Sample]) -> tuple[dict[str, tuple[str, ...]], Check]:
    files: dict[str, tuple[str, ...]] = {}
    for name, render in FORMATS.items():
        first, second = render(chosen), render(chosen)
        if first != second:
            return files, Check("the same bytes every time", False, f"{name} differs from run to run")
        files[name] = tuple(first)
    return files, Check("the same bytes every time", True, f"{len(files)} formats")


def _texts(sample: Sample) -> Iterator[str]:
    for message in sample.input:
        yield message.content
        yield from (call.arguments for call in message.tool_calls)
    yield from sample.criteria
    yield from sample.must_not
    if sample.reference is not None:
        yield sample.reference
