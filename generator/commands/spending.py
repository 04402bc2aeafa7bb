"""What a model costs, said before it is paid, and the calls of which nobody knows whether they were."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.errors import ConfigError
from generator.narration import money, show

if TYPE_CHECKING:
    from generator.config import Config
    from generator.drafting.briefing import Ask
    from generator.drafting.budget import Estimate
    from generator.drafting.drafting import InDoubt
    from generator.store import Store


def ask_before_spending(
    store: "Store",
    config: "Config",
    price: tuple[float, float] | None,
    *,
    yes: bool,
    names: bool = True,
    only_names: bool = False,
    batch: bool = False,
    asks: "Sequence[Ask]" = (),
) -> None:
    """Spending is the one thing that is asked; a cap, `--yes`, or nothing to pay answers it."""
    from generator import pipeline

    if not store.clusters():
        return
    if only_names:
        found = pipeline.estimate_naming(store, config, price)
    else:
        found = pipeline.estimate(store, config, price, names=names, batch=batch, asks=asks)
    confirm_spending([found], yes=yes or config.max_cost is not None)


def confirm_spending(estimates: "Sequence[Estimate]", *, yes: bool) -> None:
    """Say what it would cost, and ask, unless that was agreed to before or costs nothing."""
    paid = [each for each in estimates if each.calls and each.price != "free"]
    if not paid:
        return
    for each in paid:
        click.echo(estimate_line(each), err=True)
    click.echo("Redacted texts of your logs go to this provider.", err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        raise ConfigError("This would cost money; say --yes, or set a cap with --max-cost USD.")
    click.confirm("Go on?", abort=True, err=True)


def estimate_line(found: "Estimate") -> str:
    """What it would cost, in one line."""
    known = f", {found.known} answered before or under way" if found.known else ""
    known = (f" ({found.names} for names)" if found.names else "") + known
    if found.price == "free":
        return f"{found.model}: {found.calls} calls{known}, free"
    return (
        f"{found.model}: {found.calls} calls{known}, about {found.input_tokens:,} tokens in and "
        f"{found.output_tokens:,} out: {money(found.low_usd)}, at most {money(found.high_usd)}"
    )


def show_failed_calls(calls: Iterable[tuple[str, int]]) -> None:
    """How many calls ended in each way, but for those that went well."""
    for outcome, count in calls:
        if outcome != "ok":
            show(f"  {count} calls ended with: {outcome}")


def show_in_doubt(project: Path, calls: "Sequence[InDoubt]") -> None:
    """Calls that may have been billed without an answer, and how to repeat them."""
    asked = [call for call in calls if call.purpose == "shadow"]
    models = "".join(f" --model {name}" for name in sorted({call.model for call in asked}))
    drafting = [call for call in calls if call.purpose != "shadow"]
    for own, command in ((drafting, f"draft {project}"), (asked, f"shadow {project}{models}")):
        if own:
            most = money(sum(call.usd for call in own))
            show(f"  {len(own)} calls may have been billed without an answer (at most {most});")
            show(f"  repeat them with: groundset {command} --retry-in-doubt")
