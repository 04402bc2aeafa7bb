"""From logs to a queue: one command a stage, `run` for all of them, `demo` on the sample logs."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.clusters import clusters_json, show_clusters
from generator.commands.drafting import show_drafted
from generator.commands.endings import PROBLEMS, finish, show_next
from generator.commands.options import (
    cluster_count,
    clusters_option,
    draft_options,
    encoder_option,
    ingest_options,
    json_option,
    logs_argument,
    min_users_option,
    project_argument,
    reading_of,
)
from generator.commands.spending import ask_before_spending
from generator.narration import TerminalNarrator, show, show_json

if TYPE_CHECKING:
    from generator.logs.explaining import Explanation
    from generator.logs.ingestion import IngestReport


@click.command()
@project_argument
@logs_argument
@ingest_options
@click.option("--explain", "only_explain", is_flag=True, help="Show format, paths and three inputs; change nothing.")
@json_option
def ingest(project: Path, logs: Sequence[str], only_explain: bool, as_json: bool, **options: Any) -> None:
    """Read log files (JSONL, JSON, CSV, TSV, text, Parquet; .gz and .zst; globs; - for stdin)."""
    from generator import pipeline
    from generator.store import Store

    reading = reading_of(**options)
    if only_explain:
        explained = pipeline.explain(logs, reading)
        if as_json:
            show_json([each.as_json() for each in explained])
        else:
            _show_explained(project, explained)
        return
    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        report = pipeline.ingest(store, logs, narrator, reading)
        finish(store, as_json, lambda: _show_ingested(report), _ingested_json(report))


@click.command()
@project_argument
@encoder_option
def embed(project: Path, encoder: str | None) -> None:
    """Turn every distinct input into a vector (resumable)."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.embed(store, Config.beside(project).override(encoder=encoder), narrator)
        show_next(store)


@click.command()
@project_argument
@clusters_option
@encoder_option
@min_users_option
@click.option("--anew", is_flag=True, help="Group everything again, also where new inputs fit the clusters there are.")
@json_option
def cluster(
    project: Path, clusters: str | None, encoder: str | None, min_users: int | None, anew: bool, as_json: bool
) -> None:
    """Group the traffic by meaning."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    config = Config.beside(project).override(clusters=cluster_count(clusters), encoder=encoder, min_users=min_users)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.cluster(store, config, narrator, anew=anew)
        finish(store, as_json, lambda: show_clusters(store, limit=15), clusters_json(store) if as_json else None)


@click.command()
@project_argument
def rank(project: Path) -> None:
    """Order what waits for review by how much of the traffic each item adds."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.rank(store, Config.beside(project), narrator)
        show_next(store)


@click.command()
@project_argument
@logs_argument
@ingest_options
@encoder_option
@clusters_option
@min_users_option
@draft_options
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="ray: read, embed and group over a cluster ([ray]); LOGS may be folders and URLs such as s3://logs/2026/.",
)
def run(
    project: Path,
    logs: Sequence[str],
    format: str,
    field: str | None,
    unit: str | None,
    no_redact: bool,
    redact_also: Sequence[str],
    redact_names: bool,
    clusters: str | None,
    yes: bool,
    no_names: bool,
    engine: str,
    **options: Any,
) -> None:
    """Ingest, embed, cluster, draft and rank in one go."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(clusters=cluster_count(clusters), **options)
    reading = reading_of(format, field, unit, no_redact, redact_also, redact_names)
    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        if engine == "ray":
            pipeline.gather(store, logs, config, narrator, reading)
        else:
            _show_ingested(pipeline.ingest(store, logs, narrator, reading))
            pipeline.cluster(store, config, narrator)
        show_clusters(store, limit=10)
        ask_before_spending(store, config, price, yes=yes, names=not no_names)
        drafted = pipeline.draft(store, config, narrator, price=price, names=not no_names)
        show_drafted(project, drafted, narrator)
        pipeline.rank(store, config, narrator)
        show_next(store)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("groundset-demo"))
@click.option("--curate", "then_curate", is_flag=True, help="Open the review app at the end.")
def demo(folder: Path, then_curate: bool) -> None:
    """Everything on the sample logs, offline, without a key, in under a minute."""
    from generator import demonstration

    with TerminalNarrator() as narrator:
        project = demonstration.run(folder, narrator)
    if then_curate:
        os.execv(sys.executable, [sys.executable, "-m", "curation_tui", str(project)])  # noqa: S606


def _show_ingested(report: "IngestReport") -> None:
    for each in report.files:
        known = "; read before, nothing counted twice" if each.already else ""
        show(f"{each.name}: {each.layout}, {each.format} ({each.why}){known}")
        show(
            f"  read {each.read:,} = accepted {each.accepted:,} + repeated {each.repeated:,} "
            f"+ rejected {each.rejected:,}" + (f"; {each.joined:,} more are parts of these" if each.joined else "")
        )
        for reason, count in sorted(each.reasons.items(), key=lambda row: -row[1])[:PROBLEMS]:
            show(f"  rejected {count:,}: {reason}")
    if report.redactions:
        show("redacted: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.redactions.items())))


def _show_explained(project: Path, explained: "Sequence[Explanation]") -> None:
    from generator.printable import one_line

    for each in explained:
        show(f"{each.name}: {each.layout}, {each.format} ({each.why})")
        for what, path in each.paths.items():
            show(f"  {what}: {path}")
        rejected = "".join(f", {count:,} rejected ({reason})" for reason, count in each.rejected.items())
        joined = f", {each.joined:,} more parts of these" if each.joined else ""
        show(f"  the first {each.records:,} records: {each.inputs:,} inputs{joined}{rejected}")
        for example in each.examples:
            show(f"  input at {example.position}" + (f", {example.seen_at}" if example.seen_at else ""))
            for message in example.messages:
                calls = "".join(f" [{call.name}({call.arguments})]" for call in message.tool_calls)
                context = " (context)" if message.context else ""
                show(f"    {message.role}{context}: {one_line(message.content + calls, 90)}")
            if example.answer:
                show(f"    -> {one_line(example.answer, 90)}")
            for name, value in example.signals.items():
                show(f"    {one_line(name, 40)} = {one_line(str(value), 60)}")
    names = " ".join(each.name for each in explained)
    click.echo(f"next: groundset ingest {project} {one_line(names, 80)}", err=True)


def _ingested_json(report: "IngestReport") -> dict[str, Any]:
    return {
        "files": [
            {
                "name": each.name,
                "layout": each.layout,
                "format": each.format,
                "read": each.read,
                "accepted": each.accepted,
                "repeated": each.repeated,
                "rejected": each.rejected,
                "joined": each.joined,
                "why": each.why,
                "reasons": dict(each.reasons),
                "already": each.already,
            }
            for each in report.files
        ],
        "redactions": dict(report.redactions),
    }
