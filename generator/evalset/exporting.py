"""Accepted samples to files other tools read: rendered, written aside, read back, then put in place."""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ExportError
from generator.evalset.exporters import inspect_ai, jsonl, promptfoo
from generator.evalset.selection import balanced, samples
from generator.records import Sample, Split
from generator.store import Store

Render = Callable[[Sequence[Sample]], Mapping[str, bytes]]

FORMATS: Mapping[str, Render] = {"jsonl": jsonl.render, "inspect": inspect_ai.render, "promptfoo": promptfoo.render}
"""Each renders samples to files: names relative to the export, and their bytes."""

MANIFEST = "groundset.json"
"""Marks a folder as an export of ours, which a later export may replace."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    path: Path
    files: tuple[str, ...]
    samples: int
    previous: Path | None
    """Where the export that was there before went."""


def export(
    store: Store, out: Path, format: str, *, size: int | None = None, split: Split | None = None
) -> ExportReport:
    """Write the accepted samples for another tool. The same project gives the same bytes.

    Args:
        store: the project.
        out: a folder, or for a format of one file also a file (a name with a suffix).
        format: one of `FORMATS`.
        size: how many; None takes all. Fewer are chosen so that together they test most of the traffic.
        split: only this split.

    Raises:
        ExportError: nothing was accepted, the place is taken by something else, or cannot be written.
    """
    chosen = [sample for sample in samples(store) if split is None or sample.split == split]
    if not chosen:
        what = "No sample is accepted yet" if split is None else f"No accepted sample is in the {split} split"
        raise ExportError(f"{what}; review drafts with: groundset curate {store.path}")
    if size is not None:
        chosen = balanced(store, chosen, size)
    files = FORMATS[format](chosen)
    try:
        if out.suffix and len(files) == 1 and not out.is_dir():
            return _write_file(out, next(iter(files.values())), len(chosen))
        return _write_folder(out, {**files, MANIFEST: _manifest(chosen, format)}, len(chosen))
    except OSError as error:
        raise ExportError(
            f"{out} cannot be written: {error.strerror or error}. The last export is untouched."
        ) from error


def _manifest(chosen: Sequence[Sample], format: str) -> bytes:
    origins = sorted({sample.origin for sample in chosen})
    card = {
        "made_by": "groundset",
        "format": format,
        "samples": len(chosen),
        "by_origin": {origin: sum(sample.origin == origin for sample in chosen) for origin in origins},
        "weight": round(sum(sample.weight for sample in chosen), 6),
        "note": "Only samples with a weight (origin random) speak for production; the others find failures.",
    }
    return (json.dumps(card, indent=2) + "\n").encode()


def _write_file(out: Path, data: bytes, count: int) -> ExportReport:
    out.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    aside = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            _write(file.fileno(), data)
        _check(aside, data)
        previous = None
        if out.exists():
            previous = out.with_name(out.name + ".prev")
            out.replace(previous)
        aside.replace(out)
    finally:
        aside.unlink(missing_ok=True)
    return ExportReport(out, (out.name,), count, previous)


def _write_folder(out: Path, files: Mapping[str, bytes], count: int) -> ExportReport:
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file; this format makes several files, so name a folder.")
    if out.is_dir() and any(out.iterdir()) and not (out / MANIFEST).exists():
        raise ExportError(f"{out} holds other files; name a new folder, and nothing of yours is touched.")
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        for name, data in files.items():
            with (aside / name).open("wb") as file:
                _write(file.fileno(), data)
            _check(aside / name, data)
        previous = None
        if out.exists():
            previous = out.with_name(out.name + ".prev")
            shutil.rmtree(previous, ignore_errors=True)
            out.replace(previous)
        aside.replace(out)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return ExportReport(out, tuple(files), count, previous)


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
    os.fsync(descriptor)


def _check(path: Path, data: bytes) -> None:
    if path.read_bytes() != data:
        raise ExportError(f"{path} does not read back as it was written; check the disk.")
