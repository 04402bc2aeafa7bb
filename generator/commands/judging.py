"""Which of two candidates: their answers, judgements of these, and the decision."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from generator.commands.endings import PAST, PROBLEMS, finish, next_with_answers
from generator.commands.options import actor_option, call_options, json_option, named_files, project_argument
from generator.commands.spending import confirm_spending, estimate_line, show_failed_calls, show_in_doubt
from generator.errors import ConfigError
from generator.narration import TerminalNarrator, money, percent, show, show_json, show_table

if TYPE_CHECKING:
    from generator.drafting.shadow import ShadowReport
    from generator.evalset.sitting import Outcome


@click.command()
@project_argument
@click.option("--model", "models", multiple=True, required=True, help="A candidate, openai/NAME or anthropic/NAME.")
@call_options
@click.option("--split", type=click.Choice(["dev", "holdout"]), help="Only items of this split.")
@click.option("--sample", type=click.IntRange(1), metavar="N", help="Only so many accepted items.")
@click.option(
    "--fresh", type=click.IntRange(0), default=0, metavar="N", help="Also random inputs nobody has looked at."
)
@click.option("--max-tokens", type=click.IntRange(1), metavar="N", help="The most an answer may take (2048).")
@click.option("--estimate", "only_estimate", is_flag=True, help="Say what it would cost, and stop.")
@click.option("--yes", is_flag=True, help="Do not ask before spending.")
@click.option("--retry-in-doubt", is_flag=True, help="Repeat calls that may have been billed without an answer.")
@json_option
def shadow(
    project: Path,
    models: Sequence[str],
    split: Literal["dev", "holdout"] | None,
    sample: int | None,
    fresh: int,
    max_tokens: int | None,
    only_estimate: bool,
    yes: bool,
    retry_in_doubt: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Have candidate models answer the items, within a budget; nothing is bought twice."""
    from generator import pipeline
    from generator.config import Config
    from generator.store import Store

    price = options.pop("price")
    config = Config.beside(project).override(**options)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        items = pipeline.items_to_ask(store, split, sample, fresh)
        found = pipeline.estimate_shadow(store, config, models, items, price=price, max_tokens=max_tokens)
        if only_estimate:
            if as_json:
                show_json([each.as_json() for each in found])
                return
            for each in found:
                show(estimate_line(each))
            return
        confirm_spending(found, yes=yes or config.max_cost is not None)
        report = pipeline.shadow(
            store,
            config,
            narrator,
            models,
            items,
            price=price,
            retry_in_doubt=retry_in_doubt,
            max_tokens=max_tokens,
        )
        narrator.close()
        candidates = store.candidates()
    if as_json:
        show_json(report.as_json())
        return
    _show_shadow(project, report)
    click.echo(f"next: {next_with_answers(project, list(candidates))}", err=True)


def _show_shadow(project: Path, report: "ShadowReport") -> None:
    if report.left_out:
        show(f"{report.left_out:,} items call tools that the logs do not describe: answer them with your own harness")
    for each in report.asked:
        known = f" ({each.known:,} were there)" if each.known else ""
        show(f"{each.candidate}: {each.new:,} answers to {report.items:,} items{known}, spent {money(each.spent_usd)}")
        show_failed_calls(each.calls.items())
        if each.stopped:
            show(f"  stopped early: {each.stopped}")
    show_in_doubt(project, report.in_doubt)


@click.command("answers")
@project_argument
@click.argument("files", nargs=-1, required=True, metavar="NAME=FILE...")
@click.option("--replace", is_flag=True, help="Answers that differ from those that are there take their place.")
@json_option
def take_in_answers(project: Path, files: Sequence[str], replace: bool, as_json: bool) -> None:
    """Read answers of models that were made elsewhere, and let programs decide what they can.

    FILE is our JSONL (id, output, and where known passed, latency in seconds, cost in US dollars), an Inspect log, a
    promptfoo output or an OpenAI evals log; NAME is the model, prompt or version that answered.
    """
    from generator import pipeline
    from generator.answers import show_taken_in
    from generator.store import Store

    named = named_files(files, "candidate", "gpt=answers.jsonl")
    with Store.open(project) as store:
        taken, checked = pipeline.take_in_answers(store, named, replace=replace)
        candidates = store.candidates()
    if as_json:
        show_json({"files": [each.as_json() for each in taken], "checks": checked.as_json()})
        return
    show_taken_in(taken, checked)
    click.echo(f"next: {next_with_answers(project, list(candidates))}", err=True)


@click.command("judge")
@project_argument
@click.argument("item", required=False)
@click.option("--prefer", metavar="A", help="The answer of A is better than that of --over.")
@click.option("--over", metavar="B", help="The other one.")
@click.option("--same", nargs=2, metavar="A B", help="There is no difference that matters.")
@click.option("--both-bad", nargs=2, metavar="A B", help="Neither will do.")
@click.option("--grade", nargs=2, metavar="A VERDICT", help="The answer of A alone: pass, fail or unsure.")
@click.option("--met", nargs=2, multiple=True, metavar="A CRITERION", help="A meets it (text, or number from 1).")
@click.option("--unmet", nargs=2, multiple=True, metavar="A CRITERION", help="A does not.")
@click.option("--undo", "back", flag_value="undo", help="Take back your last judgement.")
@click.option("--redo", "back", flag_value="redo", help="Take back your last undo.")
@actor_option
@json_option
def judge_answers(
    project: Path,
    item: str | None,
    back: Literal["undo", "redo"] | None,
    met: Sequence[tuple[str, str]],
    unmet: Sequence[tuple[str, str]],
    actor: str,
    as_json: bool,
    **ways: Any,
) -> None:
    """Say which of two answers is better, or whether one passes; blind is: groundset curate PROJECT --compare A B."""
    from generator.evalset.deciding import judge
    from generator.store import Store

    with Store.open(project) as store:
        if back is not None:
            touched = store.undo_judgement(actor) if back == "undo" else store.redo_judgement(actor)
            if not touched:
                raise ConfigError(
                    f"There is no judgement of {actor} to {back}; what came before names were shown stays."
                )
            draft_id = touched[0].draft_id
        else:
            candidates, said = _verdict(**ways)
            if item is None:
                raise ConfigError("Name the item: groundset judge PROJECT ITEM --prefer A --over B")
            marks = [(*each, True) for each in met] + [(*each, False) for each in unmet]
            draft_id = judge(store, item, candidates, said, marks, actor)
        finish(store, as_json, lambda: show(f"{PAST.get(back or '', 'judged')} {draft_id}"), {"item": draft_id})


def _verdict(
    prefer: str | None,
    over: str | None,
    same: tuple[str, str] | None,
    both_bad: tuple[str, str] | None,
    grade: tuple[str, str] | None,
) -> tuple[tuple[str, ...], Any]:
    """Candidates and verdict, of which exactly one must be given."""
    found: list[tuple[tuple[str, ...], str]] = []
    if prefer is not None and over is not None:
        found.append(((prefer, over), "left"))
    found += [(pair, said) for pair, said in ((same, "same"), (both_bad, "both_bad")) if pair]
    if grade:
        if grade[1] not in {"pass", "fail", "unsure"}:
            raise ConfigError(f"{grade[1]} is no grade; there are pass, fail and unsure.")
        found.append((grade[:1], grade[1]))
    if len(found) != 1 or (prefer is None) != (over is None):
        raise ConfigError("Say one of: --prefer A --over B, --same A B, --both-bad A B, --grade A pass|fail|unsure.")
    return found[0]


@click.command("reveal")
@project_argument
@click.argument("candidates", nargs=-1, required=True)
@actor_option
@json_option
def reveal_names(project: Path, candidates: Sequence[str], actor: str, as_json: bool) -> None:
    """End your blind session on one candidate or two, which is recorded, and show what came of it."""
    from generator.evalset.sitting import Sitting, chosen_candidates
    from generator.store import Store

    if len(candidates) > 2:
        raise ConfigError("Name one candidate that was graded, or two that were compared.")
    with Store.open(project) as store:
        found = Sitting(store, actor, chosen_candidates(store, candidates)).reveal()
    if as_json:
        show_json(found.as_json())
        return
    _show_outcome(found)
    if len(candidates) == 2:
        from shlex import join

        click.echo(f"next: {join(['groundset', 'decide', str(project), *found.candidates])}", err=True)


def _show_outcome(found: "Outcome") -> None:
    """What came of blind sessions on one candidate, or two."""
    from generator.printable import one_line

    words = {"same": "no difference", "both_bad": "both bad"} | {each: f"{each} better" for each in found.candidates}
    show_table(["said", "#times"], [(one_line(words.get(said, said), 50), f"{n:,}") for said, n in found.said.items()])
    if found.rate is not None:
        low_to_high = f"{percent(found.rate.low)} to {percent(found.rate.high)}"
        does = "wins" if len(found.candidates) == 2 else "passes"
        rate = f"{percent(found.rate.estimate)} ({low_to_high}) of {found.items:,} items, unweighted"
        show(f"{one_line(found.candidates[0], 40)} {does} {rate}")
    if found.left_preferred[1]:
        preferred, of = found.left_preferred
        show(f"the answer on the left was preferred {preferred:,} of {of:,} times")
    for own in found.noticed:
        show(f"planted pairs noticed by {one_line(own.actor, 30)}: {own.noticed} of {own.planted}")
    for pair in found.agreements:
        measured = (
            "" if pair.ac1 is None else f", AC1 {pair.ac1.estimate:.2f} ({pair.ac1.low:.2f} to {pair.ac1.high:.2f})"
        )
        show(
            f"{one_line(pair.first, 30)} and {one_line(pair.second, 30)}: {pair.agreed} of {pair.items} alike{measured}"
        )
    if found.against_programs:
        show(f"people and programs, or the file, differ on: {', '.join(found.against_programs[:PROBLEMS])}")
    show(f"about {found.left:,} are left")


@click.command()
@project_argument
@click.argument("a")
@click.argument("b")
@click.option("--require", metavar="RULE", help='A ship rule, for example "A >= B - 0.02", with the names of the two.')
@click.option("--confidence", type=click.FloatRange(0.5, 0.999), default=0.95, show_default=True)
@click.option(
    "--looks",
    type=click.IntRange(1, 100),
    default=1,
    metavar="N",
    help="How often you mean to look and stop once it can tell: wider intervals, that mislead no more than one look.",
)
@click.option("--benchmark", "benchmarks", multiple=True, metavar="NAME=FILE", help="Also say what this one reaches.")
@json_option
def decide(
    project: Path,
    a: str,
    b: str,
    require: str | None,
    confidence: float,
    looks: int,
    benchmarks: Sequence[str],
    as_json: bool,
) -> int:
    """What the evidence says of two candidates, with intervals, or that it cannot tell.

    With --require the exit code is a gate: 0 the rule is met, 1 it is not, 3 there is not enough evidence to say.
    """
    from generator import decision
    from generator.answers import show_decision
    from generator.config import Config
    from generator.evalset.looks import confidence_of_looks
    from generator.store import Store

    named = named_files(benchmarks)
    with Store.open(project) as store, TerminalNarrator() as narrator:
        found = decision.decide(
            store,
            Config.beside(project),
            narrator,
            (a, b),
            require=require,
            confidence=confidence_of_looks(looks, confidence),
            benchmarks=named,
        )
    if as_json:
        show_json(found.as_json())
    else:
        show_decision(found)
        click.echo(f"next: {found.next_command(project)}", err=True)
    return found.exit_code
