"""`status`: counts, coverage, spending, and what to do next."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from generator.commands.options import json_option, project_argument
from generator.narration import TerminalNarrator, money, percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.ledger import Spending
    from generator.pipeline import Status
    from generator.store import Store


@click.command()
@project_argument
@click.option("--rejected", is_flag=True, help="List the lines that could not be read, and why.")
@click.option("--drafting", is_flag=True, help="How the drafts of each prompt version and model fared.")
@json_option
def status(project: Path, rejected: bool, drafting: bool, as_json: bool) -> None:
    """Counts, coverage, spending, and what to do next."""
    from generator import pipeline
    from generator.store import Store

    with Store.open(project) as store:
        if drafting:
            _show_track_records(project, store, as_json)
            return
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
    if state.few_users.clusters:
        few = state.few_users
        show(
            f"few users  {few.clusters:,} clusters with {percent(few.share)} of the traffic have fewer than "
            f"{few.min_users} users: not shown, not drafted from"
        )
    show(f"clusters   {state.clusters:,} over {state.cells:,} cells; encoder {state.encoder or 'not chosen yet'}")
    show(f"drafts     {state.drafts:,}, {state.undecided:,} undecided")
    show(f"samples    {state.samples:,}")
    show(
        f"coverage   {percent(state.coverage.estimate)} of traffic "
        f"({percent(state.coverage.low)} to {percent(state.coverage.high)})"
    )
    _show_candidates(state)
    show(f"spent      {money(state.spent_usd)}" + (f", {state.in_doubt} calls in doubt" if state.in_doubt else ""))
    if state.spent_usd or state.spending.reserved_usd or state.in_doubt:
        show(f"spending   {_spending_line(state.spending)}")
    if state.batches:
        calls = sum(each.calls for each in state.batches)
        show(f"batches    {len(state.batches)} under way with {calls:,} calls; groundset draft {project} --collect")
    if state.note is not None:
        show(f"note       {state.note}")
    click.echo(f"next: {state.next}", err=True)


def _show_candidates(state: "Status") -> None:
    if state.candidates:
        stale = f"; {state.stale_answers:,} are to earlier versions of their items" if state.stale_answers else ""
        show("answers    " + ", ".join(f"{count:,} of {name}" for name, count in state.candidates.items()) + stale)


def _show_track_records(project: Path, store: "Store", as_json: bool) -> None:
    from generator import pipeline
    from generator.config import Config
    from generator.drafting.track_record import marked_rows, record_lines

    with TerminalNarrator() as narrator:
        records = pipeline.track_records(store, Config.beside(project), narrator)
    if as_json:
        rows = list(marked_rows(store.drafts(), store.marks()))
        show_json({"prompts": [each.as_json() for each in records], "marks": rows})
        return
    for record in records:
        for line in record_lines(record):
            show(line)
    if not records:
        show("nothing was drafted yet")


def _spending_line(spending: "Spending") -> str:
    parts = [f"drafting {money(spending.drafting)}", f"names {money(spending.naming)}"]
    parts += [f"answers {money(spending.shadow)}"] * (spending.shadow > 0)
    if spending.per_accepted_sample_usd is not None:
        parts.append(f"{money(spending.per_accepted_sample_usd)} for each accepted draft")
    if spending.reserved_usd:
        parts.append(f"{money(spending.reserved_usd)} held for calls under way")
    if spending.in_doubt_usd:
        parts.append(f"{money(spending.in_doubt_usd)} held for calls in doubt")
    return ", ".join(parts)
