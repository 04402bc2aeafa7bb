"""The `groundset` command: one subcommand a stage, no logic."""

import getpass
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from generator.errors import ConfigError, GroundsetError
from generator.narration import TerminalNarrator, money, percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.drafting.budget import Estimate
    from generator.drafting.drafting import DraftingReport
    from generator.logs.ingestion import IngestReport
    from generator.store import Store

# Stages import numpy, SDKs and models: every command imports what it needs, so that `--help` answers at once.

_BUG = 70
_GATE = 0.10
"""Share of untested traffic by which the verdict goes when no other is given."""
_PROBLEMS = 5
"""How many of a run's problems are shown."""


def main() -> None:
    """Run the command line; expected errors become one sentence and an exit code."""
    # Output goes into pipes and files of every locale; a character it lacks must not end the program.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nStopped. What was done is kept; run the same command again to go on.", err=True)
        sys.exit(130)
    except GroundsetError as error:
        from generator.printable import printable

        click.echo(f"groundset: {printable(str(error))}", err=True)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        # The reader of our output has gone; closing stdout quietly is what `head` expects.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception:
        import traceback

        traceback.print_exc()
        click.echo("groundset: this is a bug; what was saved is safe. Please report the lines above.", err=True)
        sys.exit(_BUG)
    sys.exit(code if isinstance(code, int) else 0)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="groundset", message="groundset %(version)s")
def cli() -> None:
    """Turn production LLM inputs into an evaluation set people can trust.

    Start with: groundset demo, or with your own logs: groundset run support.groundset logs.jsonl
    """


_Command = Callable[..., Any]

_project = click.argument("project", type=click.Path(path_type=Path))
_logs = click.argument("logs", nargs=-1, required=True)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


def _options(*options: Callable[[_Command], _Command]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


_ingest_options = _options(
    click.option(
        "--format", default="auto", show_default=True, help="auto, openai, anthropic, messages, sharegpt, flat."
    ),
    click.option("--field", help="Where the text lies in a record, for example request.body.question."),
    click.option("--no-redact", is_flag=True, help="Keep personal data and secrets as they are."),
)
_encoder_option = click.option(
    "--encoder", help="auto, minilm, lexical, openai/MODEL, or a sentence-transformers name or folder."
)
_clusters_option = click.option("--clusters", help="auto, or how many.")
_draft_options = _options(
    click.option("--model", help="anthropic/NAME, openai/NAME or offline (rules, no model)."),
    click.option("--base-url", help="A server that speaks OpenAI's protocol, for openai/NAME."),
    click.option("--per-cluster", type=click.IntRange(1, 50), help="Drafts asked for per cluster (4)."),
    click.option("--concurrency", type=click.IntRange(1, 64), help="Calls under way at a time (4)."),
    click.option(
        "--timeout", type=click.FloatRange(min=1), metavar="S", help="Seconds a model has for an answer (120)."
    ),
    click.option("--max-cost", type=click.FloatRange(min=0), metavar="USD", help="Hard cap on spending."),
    click.option(
        "--price",
        nargs=2,
        type=float,
        metavar="IN OUT",
        help="US dollars per million tokens, for a model not in the list.",
    ),
)


def _clusters(value: str | None) -> int | None:
    if value is None or value == "auto":
        return None
    if not value.isdigit() or value == "0":
        raise ConfigError(f"--clusters is {value!r}; give a number of clusters, or auto.")
    return int(value)


@cli.command()
@_project
@_logs
@_ingest_options
@_as_json
def ingest(project: Path, logs: Sequence[str], format: str, field: str | None, no_redact: bool, as_json: bool) -> None:
    """Read log files (JSONL, JSON, CSV, TSV, text, Parquet; .gz and .zst; globs; - for stdin)."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        report = pipeline.ingest(store, logs, narrator, format=format, field=field, redact=not no_redact)
        _after(store, as_json, lambda: _show_ingested(report), _ingested_json(report))


@cli.command()
@_project
@_encoder_option
def embed(project: Path, encoder: str | None) -> None:
    """Turn every distinct input into a vector (resumable)."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.embed(store, Config.beside(project).override(encoder=encoder), narrator)
        _next(store)


@cli.command()
@_project
@_clusters_option
@_encoder_option
def cluster(project: Path, clusters: str | None, encoder: str | None) -> None:
    """Group the traffic by meaning."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    config = Config.beside(project).override(clusters=_clusters(clusters), encoder=encoder)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.cluster(store, config, narrator)
        _show_clusters(store, limit=15)
        _next(store)


@cli.command()
@_project
@_draft_options
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
def draft(project: Path, only_estimate: bool, yes: bool, retry_in_doubt: bool, **options: Any) -> None:
    """Have a model, or the rules, draft variants and edge cases for every cluster."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        if only_estimate:
            show(_estimate_line(pipeline.estimate(store, config, price)))
            return
        _ask_before_spending(store, config, price, yes=yes)
        report = pipeline.draft(store, config, narrator, price=price, retry_in_doubt=retry_in_doubt)
        _show_drafted(project, report, narrator)
        _next(store)


@cli.command()
@_project
def rank(project: Path) -> None:
    """Order what waits for review by how much of the traffic each item adds."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        pipeline.rank(store, Config.beside(project), narrator)
        _next(store)


@cli.command()
@_project
@_logs
@_ingest_options
@_encoder_option
@_clusters_option
@_draft_options
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
def run(
    project: Path,
    logs: Sequence[str],
    format: str,
    field: str | None,
    no_redact: bool,
    clusters: str | None,
    yes: bool,
    **options: Any,
) -> None:
    """Ingest, embed, cluster, draft and rank in one go."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(clusters=_clusters(clusters), **options)
    with Store.open(project, create=True) as store, TerminalNarrator() as narrator:
        report = pipeline.ingest(store, logs, narrator, format=format, field=field, redact=not no_redact)
        _show_ingested(report)
        pipeline.cluster(store, config, narrator)
        _show_clusters(store, limit=10)
        _ask_before_spending(store, config, price, yes=yes)
        _show_drafted(project, pipeline.draft(store, config, narrator, price=price), narrator)
        pipeline.rank(store, config, narrator)
        _next(store)


@cli.command()
@_project
@click.option("--as", "actor", help="Who decides (your login name).")
def curate(project: Path, actor: str | None) -> None:
    """Review drafts in the terminal."""
    command = [sys.executable, "-m", "curation_tui", str(project)]
    if actor is not None:
        command += ["--as", actor]
    # The app replaces this process: signals and the terminal are its own.
    os.execv(sys.executable, command)  # noqa: S606


def _decision_command(name: str, verb: Literal["accept", "reject"], help: str) -> None:
    @cli.command(name, help=help)
    @_project
    @click.argument("drafts", nargs=-1)
    @click.option("--best", type=click.IntRange(1), metavar="N", help="The first N of the queue.")
    @click.option("--reason", help="Why (for reject): 1 to 7, or in words.")
    @click.option("--as", "actor", help="Who decides (your login name).")
    @_as_json
    def command(
        project: Path, drafts: Sequence[str], best: int | None, reason: str | None, actor: str | None, as_json: bool
    ) -> None:
        from generator.evalset.deciding import decide
        from generator.store import Store

        with Store.open(project) as store:
            decided = decide(store, verb, drafts, best=best, reason=reason, actor=actor or getpass.getuser())
            _after(
                store,
                as_json,
                lambda: show(
                    f"{verb}ed {len(decided.draft_ids)}; coverage {percent(decided.before)} -> {percent(decided.after)}"
                ),
                {"drafts": list(decided.draft_ids), "coverage": {"before": decided.before, "after": decided.after}},
            )


_decision_command("accept", "accept", "Accept drafts by id, or the best of the queue.")
_decision_command("reject", "reject", "Reject drafts by id, or the first of the queue.")


@cli.command()
@_project
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", required=True, type=click.Choice(["jsonl", "inspect", "promptfoo"]), help="For which tool.")
@click.option("--size", type=click.IntRange(1), metavar="N", help="A balanced set of N.")
@click.option("--split", type=click.Choice(["dev", "holdout"]), help="Only this split.")
@_as_json
def export(
    project: Path,
    out: Path,
    format: str,
    size: int | None,
    split: Literal["dev", "holdout"] | None,
    as_json: bool,
) -> None:
    """Write the accepted samples for another tool."""
    from generator.evalset.exporting import export as write
    from generator.store import Store

    with Store.open(project) as store:
        report = write(store, out, format, size=size, split=split)
    if as_json:
        show_json({"path": str(report.path), "files": list(report.files), "samples": report.samples})
        return
    show(f"{report.samples} samples -> {report.path} ({', '.join(report.files)})")
    if report.previous:
        show(f"the export that was there is kept as {report.previous}")


@cli.command()
@_project
@click.option("--rejected", is_flag=True, help="List the lines that could not be read, and why.")
@_as_json
def status(project: Path, rejected: bool, as_json: bool) -> None:
    """Counts, coverage, spending, and what to do next."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        if rejected:
            rows = store.rejected()
            if as_json:
                show_json([{"source": row.source, "position": row.position, "reason": row.reason} for row in rows])
            else:
                show_table(["source", "#line", "reason"], [(row.source, str(row.position), row.reason) for row in rows])
            return
        state = pipeline.status(store)
    if as_json:
        show_json(state.as_json())
        return
    show(f"traces     {state.traces:,} ({state.distinct:,} distinct), {state.rejected:,} records rejected")
    if state.redactions:
        show("redacted   " + ", ".join(f"{count} {kind}" for kind, count in state.redactions.items()))
    show(f"clusters   {state.clusters:,} over {state.cells:,} cells; encoder {state.encoder or 'not chosen yet'}")
    show(f"drafts     {state.drafts:,}, {state.undecided:,} undecided")
    show(f"samples    {state.samples:,}")
    show(
        f"coverage   {percent(state.coverage.estimate)} of traffic "
        f"({percent(state.coverage.low)} to {percent(state.coverage.high)})"
    )
    show(f"spent      {money(state.spent_usd)}" + (f", {state.in_doubt} calls in doubt" if state.in_doubt else ""))
    click.echo(f"next: {state.next}", err=True)


@cli.command()
@_project
@click.option("--limit", type=click.IntRange(1), help="Only the largest.")
@click.option(
    "--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace's cluster."
)
@_as_json
def clusters(project: Path, limit: int | None, per_trace: Path | None, as_json: bool) -> None:
    """The clusters, by traffic."""
    from generator.evalset.listing import cluster_rows, write_per_trace
    from generator.store import Store

    with Store.open(project) as store:
        if per_trace is not None:
            count = write_per_trace(store, per_trace)
            click.echo(f"{count:,} distinct traces -> {per_trace}", err=True)
        if as_json:
            show_json(cluster_rows(store)[:limit])
        elif per_trace is None:
            _show_clusters(store, limit)


_evals = click.option(
    "--evals", multiple=True, metavar="FILE", help="An existing evaluation set; without it, the accepted samples."
)


@cli.command()
@_project
@_evals
@click.option("--fail-over", type=click.FloatRange(0, 1), metavar="SHARE", help="Fail when more traffic is untested.")
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True, help="Clusters to show.")
@click.option("--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace.")
@_as_json
def gaps(
    project: Path, evals: Sequence[str], fail_over: float | None, limit: int, per_trace: Path | None, as_json: bool
) -> int:
    """Untested clusters, by traffic.

    With --fail-over 0.10 the exit code is a gate: 0 at most that share is untested, 1 more is, 3 the evidence
    does not say.
    """
    from generator import assessment
    from generator.answers import show_gaps
    from generator.config import Config
    from generator.evalset.listing import write_lines
    from generator.store import Store

    with Store.open(project) as store, TerminalNarrator() as narrator:
        most = _GATE if fail_over is None else fail_over
        answer = assessment.gaps(store, Config.beside(project), narrator, evals, most)
        if per_trace is not None:
            write_lines(answer.per_trace(), per_trace)
        if as_json:
            show_json(answer.as_json())
        else:
            show_gaps(answer, limit, most)
    return 0 if fail_over is None else {"covered": 0, "gaps": 1, "unsure": 3}[answer.verdict]


@cli.command()
@_project
@click.argument("texts", nargs=-1, required=True, metavar="TEXT... or -")
@_evals
@_as_json
def covers(project: Path, texts: Sequence[str], evals: Sequence[str], as_json: bool) -> None:
    """Is this tested? covered, near, gap, or nobody asks this; - reads a text a line."""
    from generator import assessment
    from generator.config import Config
    from generator.printable import one_line
    from generator.store import Store

    asked = [line for line in sys.stdin.read().split("\n") if line.strip()] if texts == ("-",) else list(texts)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        answers = assessment.covers(store, Config.beside(project), narrator, asked, evals)
    if as_json:
        show_json([answer.as_json() for answer in answers])
        return
    for answer in answers:
        show(f"{answer.verdict:<17} {answer.covered:.2f}  {one_line(answer.text, 90)}")
        if answer.nearest_item is not None:
            show(f"  nearest item     {one_line(answer.nearest_item, 100)}")
        show(f"  nearest traffic  {one_line(answer.nearest_trace, 80)}   [{one_line(answer.cluster, 30)}]")


@cli.command()
@_project
@click.argument("benchmarks", nargs=-1, required=True, metavar="NAME=FILE...")
@_as_json
def mirage(project: Path, benchmarks: Sequence[str], as_json: bool) -> None:
    """What share of your traffic each benchmark reaches, and what it is worth in your own traces."""
    from generator import assessment
    from generator.answers import show_mirage
    from generator.config import Config
    from generator.store import Store

    named = [(name, file) for name, equals, file in (each.partition("=") for each in benchmarks) if equals and file]
    if len(named) != len(benchmarks):
        raise ConfigError("Name each benchmark and its file, for example: mmlu=mmlu.jsonl")
    with Store.open(project) as store, TerminalNarrator() as narrator:
        answer = assessment.mirage(store, Config.beside(project), narrator, named)
    if as_json:
        show_json(answer.as_json())
    else:
        show_mirage(answer)


@cli.command()
@_project
@click.argument("results")
@click.argument("results_b", required=False)
@click.option("--judged", metavar="MODEL", help="The model that was judged: warns where its family drafted the items.")
@_as_json
def score(project: Path, results: str, results_b: str | None, judged: str | None, as_json: bool) -> int:
    """What item results say of production; with two files, whether B is better than A.

    RESULTS is our JSONL (id, passed or score), CSV, a promptfoo output, an Inspect log or an OpenAI evals log.
    The exit code is 3 where nothing can be said.
    """
    from generator import assessment
    from generator.answers import show_score
    from generator.store import Store

    with Store.open(project) as store:
        files = [results] if results_b is None else [results, results_b]
        answer = assessment.score(store, files, judged)
    if as_json:
        show_json(answer.as_json())
    else:
        show_score(answer)
    return 0 if answer.first.estimate is not None else 3


@cli.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("groundset-demo"))
@click.option("--curate", "then_curate", is_flag=True, help="Open the review app at the end.")
def demo(folder: Path, then_curate: bool) -> None:
    """Everything on the sample logs, offline, without a key, in under a minute."""
    from generator import demonstration

    with TerminalNarrator() as narrator:
        project = demonstration.run(folder, narrator)
    if then_curate:
        os.execv(sys.executable, [sys.executable, "-m", "curation_tui", str(project)])  # noqa: S606


# What commands print -----------------------------------------------------------------------------


def _after(store: "Store", as_json: bool, people: Callable[[], None], programs: Any) -> None:
    if as_json:
        show_json(programs)
    else:
        people()
        _next(store)


def _next(store: "Store") -> None:
    from generator import pipeline

    click.echo(f"next: {pipeline.status(store).next}", err=True)


def _show_ingested(report: "IngestReport") -> None:
    for each in report.files:
        known = "; read before, nothing counted twice" if each.already else ""
        show(f"{each.name}: {each.layout}, {each.format} ({each.why}){known}")
        show(
            f"  read {each.read:,} = accepted {each.accepted:,} + repeated {each.repeated:,} "
            f"+ rejected {each.rejected:,}"
        )
    if report.redactions:
        show("redacted: " + ", ".join(f"{count} {kind}" for kind, count in sorted(report.redactions.items())))


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
                "already": each.already,
            }
            for each in report.files
        ],
        "redactions": dict(report.redactions),
    }


def _show_clusters(store: "Store", limit: int | None) -> None:
    from generator.printable import one_line
    from generator.traffic.clustering import health

    found = store.clusters()
    exemplars = {trace.id: trace.text for trace in store.traces(each.exemplar_ids[0] for each in found[:limit])}
    show_table(
        ["id", "#share", "#inputs", "name", "typical input"],
        [
            (
                each.id,
                percent(each.weight),
                f"{each.traces:,}",
                one_line(each.name, 34),
                one_line(exemplars.get(each.exemplar_ids[0], ""), 54),
            )
            for each in found[:limit]
        ],
    )
    if limit is not None and len(found) > limit:
        rest = sum(each.weight for each in found[limit:])
        show(f"and {len(found) - limit} more with {percent(rest)} of the traffic: groundset clusters {store.path}")
    if (warning := health(found)) is not None:
        show(warning)


def _show_drafted(project: Path, report: "DraftingReport", narrator: TerminalNarrator) -> None:
    narrator.close()
    known = f" ({report.known:,} were there)" if report.known else ""
    show(f"drafted {report.new:,} with {report.model}{known}, spent {money(report.spent_usd)}")
    for outcome, count in sorted(report.calls.items()):
        if outcome != "ok":
            show(f"  {count} calls ended with: {outcome}")
    for problem in report.problems[:_PROBLEMS]:
        show(f"  {problem}")
    if len(report.problems) > _PROBLEMS:
        show(f"  and {len(report.problems) - _PROBLEMS} more like these")
    if report.in_doubt:
        most = money(sum(call.usd for call in report.in_doubt))
        show(f"  {len(report.in_doubt)} calls may have been billed without an answer (at most {most});")
        show(f"  repeat them with: groundset draft {project} --retry-in-doubt")
    if report.stopped:
        show(f"  stopped early: {report.stopped}")


def _estimate_line(found: "Estimate") -> str:
    known = f", {found.known} answered before" if found.known else ""
    if found.price == "free":
        return f"{found.model}: {found.calls} calls{known}, free"
    return (
        f"{found.model}: {found.calls} calls{known}, about {found.input_tokens:,} tokens in and "
        f"{found.output_tokens:,} out: {money(found.low_usd)}, at most {money(found.high_usd)}"
    )


def _ask_before_spending(store: "Store", config: Any, price: tuple[float, float] | None, *, yes: bool) -> None:
    """Spending is the one thing that is asked; a cap, `--yes`, or nothing to pay answers it."""
    from generator import pipeline

    if not store.clusters():
        return
    found = pipeline.estimate(store, config, price)
    if found.calls == 0 or found.price == "free":
        return
    click.echo(_estimate_line(found), err=True)
    click.echo("Redacted texts of your logs go to this provider.", err=True)
    if yes or config.max_cost is not None:
        return
    if not sys.stdin.isatty():
        raise ConfigError("This would cost money; say --yes, or set a cap with --max-cost USD.")
    click.confirm("Go on?", abort=True, err=True)
