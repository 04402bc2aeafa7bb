"""`draft` and `name`: what a model is asked for, once its price is known and agreed to."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from generator.commands.clusters import show_clusters
from generator.commands.endings import PROBLEMS, finish, show_next
from generator.commands.options import draft_options, json_option, model_options, project_argument
from generator.commands.spending import ask_before_spending, estimate_line, show_failed_calls, show_in_doubt
from generator.errors import ConfigError
from generator.narration import TerminalNarrator, money, show

if TYPE_CHECKING:
    from generator.config import Config
    from generator.drafting.batching import BatchReport
    from generator.drafting.drafting import DraftingReport
    from generator.drafting.naming import NamingReport
    from generator.pipeline import ShownPrompt
    from generator.store import Store


@click.command()
@project_argument
@draft_options
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@click.option("--batch", is_flag=True, help="Hand the calls over as a batch: half the price, answered within a day.")
@click.option("--collect", is_flag=True, help="Read what batches have brought.")
@click.option("--wait", is_flag=True, help="With --collect: come back when all batches have ended.")
@click.option(
    "--until",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Draft in rounds until the drafts could cover so much.",
)
@click.option(
    "--min-gain",
    type=click.FloatRange(min=0),
    metavar="POINTS",
    help="With --until: stop when a round promises fewer points of coverage per dollar (1).",
)
@click.option("--only", metavar="CLUSTER", help="Draft more for this cluster, named by id or name.")
@click.option("--show-prompt", metavar="CLUSTER", help="Print what would be sent for a cluster, and stop.")
def draft(
    project: Path,
    only_estimate: bool,
    yes: bool,
    retry_in_doubt: bool,
    batch: bool,
    collect: bool,
    wait: bool,
    until: float | None,
    min_gain: float | None,
    only: str | None,
    show_prompt: str | None,
    no_names: bool,
    **options: Any,
) -> None:
    """Have a model, or the rules, draft variants and edge cases for every cluster."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        if show_prompt is not None:
            _show_prompts(pipeline.prompts_for(store, config, show_prompt))
            return
        if until is not None:
            _draft_until(
                store,
                config,
                narrator,
                until,
                min_gain,
                price,
                yes=yes,
                retry_in_doubt=retry_in_doubt,
                names=not no_names,
            )
            return
        if collect:
            _collect(store, config, narrator, price, wait=wait)
            return
        if only is not None:
            if batch:
                raise ConfigError("--only asks at once; leave --batch out.")
            _draft_more(
                store,
                config,
                narrator,
                only,
                price,
                yes=yes,
                retry_in_doubt=retry_in_doubt,
                only_estimate=only_estimate,
            )
            return
        if only_estimate:
            show(estimate_line(pipeline.estimate(store, config, price, names=not no_names, batch=batch)))
            return
        ask_before_spending(store, config, price, yes=yes, names=not no_names, batch=batch)
        if batch:
            _show_batch(
                project,
                pipeline.submit_batch(
                    store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, names=not no_names
                ),
            )
            return
        report = pipeline.draft(store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, names=not no_names)
        show_drafted(project, report, narrator)
        show_next(store)


def _draft_more(
    store: "Store",
    config: "Config",
    narrator: TerminalNarrator,
    only: str,
    price: tuple[float, float] | None,
    *,
    yes: bool,
    retry_in_doubt: bool,
    only_estimate: bool,
) -> None:
    from generator import pipeline
    from generator.rounds import more_for

    asks = (more_for(store, config, only),)
    if only_estimate:
        show(estimate_line(pipeline.estimate(store, config, price, names=False, asks=asks)))
        return
    ask_before_spending(store, config, price, yes=yes, names=False, asks=asks)
    report = pipeline.draft(store, config, narrator, price=price, retry_in_doubt=retry_in_doubt, asks=asks, names=False)
    show_drafted(store.path, report, narrator)
    show_next(store)


def _draft_until(
    store: "Store",
    config: "Config",
    narrator: TerminalNarrator,
    until: float,
    min_gain: float | None,
    price: tuple[float, float] | None,
    *,
    yes: bool,
    retry_in_doubt: bool,
    names: bool,
) -> None:
    from generator import pipeline, rounds

    if config.max_cost is None and not yes and pipeline.estimate(store, config, price).price != "free":
        raise ConfigError("Rounds go on until the drafts could cover enough; set a cap with --max-cost USD, or --yes.")
    report = rounds.draft_until(
        store,
        config,
        narrator,
        until,
        min_gain=rounds.MIN_GAIN if min_gain is None else min_gain,
        price=price,
        retry_in_doubt=retry_in_doubt,
        names=names,
        tell=lambda result: show(result.line),
    )
    for problem in report.problems[:PROBLEMS]:
        show(f"  {problem}")
    show_in_doubt(store.path, report.in_doubt)
    show(f"stopped: {report.stopped}")
    show_next(store)


def _collect(
    store: "Store", config: "Config", narrator: TerminalNarrator, price: tuple[float, float] | None, *, wait: bool
) -> None:
    from generator import pipeline

    reports = pipeline.collect_batches(store, config, narrator, price=price, wait=wait)
    narrator.close()
    if not reports:
        show(f"no batch is under way; hand one over with: groundset draft {store.path} --batch")
    for report in reports:
        _show_batch(store.path, report)
    show_next(store)


@click.command("name")
@project_argument
@model_options
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@json_option
def name_clusters(project: Path, yes: bool, retry_in_doubt: bool, as_json: bool, **options: Any) -> None:
    """Have a model name the clusters; names that people gave stay, and `draft` does it by itself."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator():
        ask_before_spending(store, config, price, yes=yes, only_names=True)
        report = pipeline.name_clusters(store, config, price=price, retry_in_doubt=retry_in_doubt)
        finish(store, as_json, lambda: _show_named(store, report), report.as_json())


def _show_prompts(prompts: "Sequence[ShownPrompt]") -> None:
    for number, prompt in enumerate(prompts, start=1):
        show(f"=== call {number} of {len(prompts)}, to {prompt.model}, answer in schema {prompt.schema} ===")
        show(f"=== system ===\n{prompt.system}")
        show(f"=== user ===\n{prompt.user}")


def show_drafted(project: Path, report: "DraftingReport", narrator: TerminalNarrator) -> None:
    """What drafting brought, and what went wrong."""
    narrator.close()
    known = f" ({report.known:,} were there)" if report.known else ""
    show(f"drafted {report.new:,} with {report.model}{known}, spent {money(report.spent_usd)}")
    show_failed_calls(sorted(report.calls.items()))
    for problem in report.problems[:PROBLEMS]:
        show(f"  {problem}")
    if len(report.problems) > PROBLEMS:
        show(f"  and {len(report.problems) - PROBLEMS} more like these")
    show_in_doubt(project, report.in_doubt)
    if report.stopped:
        show(f"  stopped early: {report.stopped}")


def _show_batch(project: Path, report: "BatchReport") -> None:
    """What handing over, or reading, batches did."""
    if report.submitted:
        show(f"handed over {report.submitted:,} calls to {report.model}")
    if report.ended:
        rows = ", ".join(f"{count:,} {kind.replace('_', ' ')}" for kind, count in report.rows.items())
        show(f"read {report.ended} batches of {report.model}: {rows}")
        show(f"drafted {report.new:,}, spent {money(report.spent_usd)}")
    for each in report.under_way:
        note = f" ({each.note})" if each.note else ""
        show(
            f"  {each.id or 'a batch'} since {each.created_at[:16]}: {each.done:,} of {each.calls:,} calls done, "
            f"at most {money(each.reserved_usd)}{note}"
        )
    if report.under_way:
        show(f"  read the results, within a day, with: groundset draft {project} --collect")
    for problem in report.problems[:PROBLEMS]:
        show(f"  {problem}")
    if report.in_doubt:
        most = money(sum(call.usd for call in report.in_doubt))
        show(f"  {len(report.in_doubt)} calls may have been billed without an answer (at most {most})")
    if report.stopped:
        show(f"  stopped early: {report.stopped}")
    elif not (report.submitted or report.ended or report.under_way):
        show(f"{report.model}: every call is answered; there is nothing to hand over")


def _show_named(store: "Store", report: "NamingReport") -> None:
    show(f"named {report.named} clusters with {report.model}, spent {money(report.spent_usd)}")
    for cluster_id, reason in list(report.refused.items())[:PROBLEMS]:
        show(f"  {cluster_id} keeps its name: {reason}")
    show_failed_calls(report.calls.items())
    if report.stopped:
        show(f"  stopped early: {report.stopped}")
    show_clusters(store, limit=15)
