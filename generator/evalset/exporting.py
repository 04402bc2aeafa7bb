"""Accepted samples to files other tools read: rendered, written aside, read back, then put in place."""

import contextlib
import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from generator.errors import ExportError, LogError
from generator.evalset.card import card
from generator.evalset.exporters import (
    braintrust,
    csv_table,
    deepeval,
    huggingface,
    inspect_ai,
    jsonl,
    langfuse,
    langsmith,
    openai_evals,
    parquet,
    phoenix,
    promptfoo,
    pytest_module,
    ragas,
)
from generator.evalset.importing import MANIFEST, read_items
from generator.evalset.selection import balanced, samples
from generator.records import Sample, Split, user_text
from generator.store import Store

Render = Callable[[Sequence[Sample]], Mapping[str, bytes]]

FORMATS: Mapping[str, Render] = {
    "jsonl": jsonl.render,
    "csv": csv_table.render,
    "parquet": parquet.render,
    "huggingface": huggingface.render,
    "inspect": inspect_ai.render,
    "promptfoo": promptfoo.render,
    "openai": openai_evals.render,
    "deepeval": deepeval.render,
    "ragas": ragas.render,
    "langsmith": langsmith.render,
    "langfuse": langfuse.render,
    "braintrust": braintrust.render,
    "phoenix": phoenix.render,
    "pytest": pytest_module.render,
}
"""Each renders samples to files: names relative to the export, and their bytes. A name never holds foreign text."""

CARD = "README.md"
_DATA = (".jsonl", ".json", ".csv", ".parquet")
"""Files with these endings hold the samples; every other file is the same whatever the samples are."""


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What was written."""

    path: Path
    files: tuple[str, ...]
    samples: int
    previous: Path | None
    """Where the export that was there before went."""
    warnings: tuple[str, ...] = ()


def export(
    store: Store,
    out: Path,
    format: str,
    *,
    size: int | None = None,
    split: Split | None = None,
    csv_raw: bool = False,
    licence: str | None = None,
) -> ExportReport:
    """Write the accepted samples for another tool. The same project gives the same bytes.

    Args:
        store: the project.
        out: a folder, or for a format of one file also a file (a name with a suffix).
        format: one of `FORMATS`.
        size: how many; None takes all. Fewer are chosen so that together they test most of the traffic.
        split: only this split.
        csv_raw: leave cells of CSV as they are, also where a spreadsheet would run them.
        licence: what the card says of it.

    Raises:
        ExportError: nothing was accepted, the place is taken by something else, or cannot be written.
    """
    chosen = _chosen(store, size, split)
    render = functools.partial(csv_table.render, raw=csv_raw) if format == "csv" else FORMATS[format]
    files = render(chosen)
    data = [name for name in files if name.endswith(_DATA)]
    try:
        if out.suffix and len(files) == 1 and not out.is_dir():
            name = next(iter(files))
            previous = _put_file(out, name, files[name], chosen)
            written = [out.name]
        else:
            beside = {
                CARD: card(store, chosen, format, licence=licence, raw=csv_raw, files=data),
                MANIFEST: _manifest(chosen, format, data),
            }
            previous = _put_folder(out, {**files, **beside}, data, chosen)
            written = [*files, *beside]
    except OSError as error:
        raise ExportError(
            f"{out} cannot be written: {error.strerror or error}. The last export is untouched."
        ) from error
    return ExportReport(out, tuple(written), len(chosen), previous, _warnings(chosen, format, csv_raw=csv_raw))


def _chosen(store: Store, size: int | None, split: Split | None) -> list[Sample]:
    chosen = [sample for sample in samples(store) if split is None or sample.split == split]
    if not chosen:
        what = "No sample is accepted yet" if split is None else f"No accepted sample is in the {split} split"
        raise ExportError(f"{what}; review drafts with: groundset curate {store.path}")
    if size is not None:
        chosen = balanced(store, chosen, size)
    if empty := next((sample.id for sample in chosen if not user_text(sample.input).strip()), None):
        raise ExportError(f"{empty} has no words of a user any more; edit or reject it: groundset curate {store.path}")
    return chosen


def _warnings(chosen: Sequence[Sample], format: str, *, csv_raw: bool) -> tuple[str, ...]:
    if format != "csv":
        return ()
    found = []
    if long := csv_table.too_long(chosen):
        found.append(
            f"{long} samples have a cell of more than {csv_table.CELL_LIMIT:,} characters: spreadsheets cut it"
        )
    if csv_raw:
        found.append("cells that look like formulas are raw: open this file with programs only")
    return tuple(found)


def _manifest(chosen: Sequence[Sample], format: str, data: Sequence[str]) -> bytes:
    origins = sorted({sample.origin for sample in chosen})
    about = {
        "made_by": "groundset",
        "format": format,
        "data": list(data),
        "samples": len(chosen),
        "by_origin": {origin: sum(sample.origin == origin for sample in chosen) for origin in origins},
        "weight": round(sum(sample.weight for sample in chosen), 6),
        "note": "Only samples with a weight (origin random) speak for production; the others find failures.",
    }
    return (json.dumps(about, indent=2) + "\n").encode()


def _put_file(out: Path, name: str, data: bytes, chosen: Sequence[Sample]) -> Path | None:
    with _aside(out) as aside:
        _write_all(aside, {name: data})
        _read_back(aside, [name], chosen)
        previous = out.with_name(out.name + ".prev") if out.exists() else None
        if previous is not None:
            out.replace(previous)
        (aside / name).replace(out)
    return previous


def _put_folder(out: Path, files: Mapping[str, bytes], data: Sequence[str], chosen: Sequence[Sample]) -> Path | None:
    if out.exists() and not out.is_dir():
        raise ExportError(f"{out} is a file; this format makes several files, so name a folder.")
    previous = out.with_name(out.name + ".prev")
    for folder in (out, previous):
        if folder.is_dir() and any(folder.iterdir()) and not (folder / MANIFEST).exists():
            raise ExportError(f"{folder} holds other files; name a new folder, and nothing of yours is touched.")
    with _aside(out) as aside:
        _write_all(aside, files)
        _read_back(aside, data, chosen)
        was_there = out.exists()
        if was_there:
            shutil.rmtree(previous, ignore_errors=True)
            out.replace(previous)
        aside.replace(out)
    return previous if was_there else None


@contextlib.contextmanager
def _aside(out: Path) -> Iterator[Path]:
    """A folder beside `out`, on the same disk, which is gone at the end unless it was put in place."""
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
    try:
        yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_all(folder: Path, files: Mapping[str, bytes]) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if path.read_bytes() != data:
            raise ExportError(f"{path} does not read back as it was written; check the disk.")


def _read_back(folder: Path, data: Sequence[str], chosen: Sequence[Sample]) -> None:
    """Stop unless an importer finds in the files exactly what was accepted."""
    wanted = {sample.id: (user_text(sample.input), sample.target) for sample in chosen}
    try:
        found = {item.id: (item.text, item.target) for name in data for item in read_items(folder / name).items}
    except LogError as error:
        raise ExportError(f"The export does not read back ({error}); please report this as a bug.") from error
    if found != wanted:
        lost = next(each for each in wanted if found.get(each) != wanted[each])
        raise ExportError(f"{lost} does not read back as it was accepted; please report this as a bug.")
