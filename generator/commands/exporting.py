"""`export`: samples in the format of another tool."""

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from generator.commands.options import json_option, project_argument
from generator.narration import show, show_json

if TYPE_CHECKING:
    from generator.store import Store


_TARGETS = (
    *("jsonl", "csv", "parquet", "huggingface", "inspect", "promptfoo", "openai", "deepeval", "ragas"),
    *("langsmith", "langfuse", "braintrust", "phoenix", "pytest"),
)
"""The formats of `evalset.exporting`, named here because importing it costs `--help` half a second."""


@click.command()
@project_argument
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", required=True, type=click.Choice(_TARGETS), help="For which tool.")
@click.option("--size", type=click.IntRange(1), metavar="N", help="A balanced set of N.")
@click.option("--split", type=click.Choice(["dev", "holdout"]), help="Only this split.")
@click.option("--csv-raw", is_flag=True, help="CSV for programs: cells that look like formulas stay as they are.")
@click.option("--licence", metavar="TEXT", help="What the card says may be done with the set.")
@click.option("--dry-run", is_flag=True, help="Say what would go out and what speaks against it; write nothing.")
@json_option
def export(
    project: Path,
    out: Path,
    format: str,
    size: int | None,
    split: Literal["dev", "holdout"] | None,
    csv_raw: bool,
    licence: str | None,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write the accepted samples for another tool.

    With --dry-run the exit code is 1 where a check fails.
    """
    from generator.evalset.exporting import export as write
    from generator.store import Store

    with Store.open(project) as store:
        if dry_run:
            return _dry_run(store, as_json)
        report = write(store, out, format, size=size, split=split, csv_raw=csv_raw, licence=licence)
    if as_json:
        show_json(
            {
                "path": str(report.path),
                "files": list(report.files),
                "samples": report.samples,
                "warnings": list(report.warnings),
            }
        )
        return 0
    show(f"{report.samples} samples -> {report.path} ({', '.join(report.files)})")
    if report.previous:
        show(f"the export that was there is kept as {report.previous}")
    for warning in report.warnings:
        show(warning)
    click.echo(f"next: groundset gaps {project} --evals {report.path}", err=True)
    return 0


def _dry_run(store: "Store", as_json: bool) -> int:
    from generator.evalset.checking import dry_run

    found = dry_run(store)
    if as_json:
        show_json(found.as_json())
    else:
        show(f"{found.samples} samples would go out: " + ", ".join(f"{n} {o}" for o, n in found.by_origin.items()))
        for check in found.checks:
            show(
                f"  {'ok  ' if check.passed else 'FAIL'} {check.name}: {check.detail} {' '.join(check.items)}".rstrip()
            )
        for reason, count in found.left_out.items():
            show(f"  left out: {count} {reason}")
    return 0 if found.passed else 1
