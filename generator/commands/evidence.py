"""What is tested and what results say of production: `gaps`, `covers`, `mirage`, `score`, `report`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.endings import show_next
from generator.commands.options import evals_option, json_option, named_files, project_argument
from generator.narration import TerminalNarrator, percent, show, show_json

if TYPE_CHECKING:
    pass


_GATE = 0.10
"""Share of untested traffic by which the verdict goes when no other is given."""


@click.command()
@project_argument
@evals_option
@click.option("--fail-over", type=click.FloatRange(0, 1), metavar="SHARE", help="Fail when more traffic is untested.")
@click.option("--limit", type=click.IntRange(1), default=15, show_default=True, help="Clusters to show.")
@click.option("--per-trace", type=click.Path(path_type=Path), metavar="OUT.jsonl", help="Also write every trace.")
@json_option
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


@click.command()
@project_argument
@click.argument("texts", nargs=-1, required=True, metavar="TEXT... or -")
@evals_option
@json_option
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


@click.command()
@project_argument
@click.argument("benchmarks", nargs=-1, required=True, metavar="NAME=FILE...")
@click.option(
    "--scores",
    metavar="SCORES.csv",
    help="A leaderboard (model, benchmark, score) to order by the traffic that the benchmarks reach.",
)
@click.option("--clusters", type=click.IntRange(0), default=5, show_default=True, help="Largest clusters to show.")
@json_option
def mirage(project: Path, benchmarks: Sequence[str], scores: str | None, clusters: int, as_json: bool) -> None:
    """What share of your traffic each benchmark reaches, and what it is worth in your own traces.

    With --scores, the order of models when every benchmark counts by the traffic it reaches. Scores are shares
    (0.712) or percents (71.2, or "71.2 %"), alike for all models of a benchmark.
    """
    from generator import assessment
    from generator.answers import show_mirage
    from generator.config import Config
    from generator.store import Store

    named = named_files(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        answer = assessment.mirage(store, Config.beside(project), narrator, named, scores)
    if as_json:
        show_json(answer.as_json())
    else:
        show_mirage(answer, clusters)


@click.command()
@project_argument
@click.argument("results")
@click.argument("results_b", required=False)
@click.option("--judged", metavar="MODEL", help="The model that was judged: warns where its family drafted the items.")
@json_option
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


@click.command()
@project_argument
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False), metavar="OUT.html")
@click.option(
    "--benchmark", "benchmarks", multiple=True, metavar="NAME=FILE", help="Also say what this benchmark reaches."
)
@click.option("--decide", "between", nargs=2, metavar="A B", help="Set these candidates side by side (the only two).")
def report(project: Path, out: Path, benchmarks: Sequence[str], between: tuple[str, str] | None) -> None:
    """One page: the map, clusters, gaps, two candidates, the mirage, the costs, and how the set was made."""
    from generator.config import Config
    from generator.reporting import write_report
    from generator.store import Store

    named = named_files(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        made = write_report(store, Config.beside(project), narrator, out, named, between)
        narrator.close()
        show(f"{made.counts.samples:,} samples test {percent(made.coverage.estimate)} of the traffic -> {out}")
        show_next(store)
